"""Engines: no Django in here; each is a library by itself."""
