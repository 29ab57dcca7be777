"""The plan office's cases, read once all apps are loaded."""

from .progress import lifecycle as lifecycle
