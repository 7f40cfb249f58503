"""The platforms. A new one is a file with a subclass of `Platform`, and its name here."""

PLATFORMS = ("sandbox",)
