"""Which customers of Acme are about to leave."""

__version__ = "1.4.0"
