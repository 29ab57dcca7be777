"""Anlan (安澜): the open-source platform on which a city runs its work safety."""

__version__ = "0.1.0"
