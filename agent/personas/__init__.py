"""Roles that agents play: traits as data, from our own fifty, from a user's file, or from Persona-Chat."""
