"""Vehicle re-identification: find the same vehicle again in pictures from many cameras."""

__version__ = "0.1.0"
