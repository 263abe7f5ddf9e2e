"""The version of the package, which every run, bundle and server states."""

__version__ = "0.1.0"
