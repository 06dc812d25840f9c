"""Version of the package, written into every pickle."""

__version__ = "0.1.0"
