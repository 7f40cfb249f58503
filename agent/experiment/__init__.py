"""Experiments: personas that browse feeds, their controls, and what the feeds answer."""
