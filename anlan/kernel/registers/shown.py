"""Told whenever records are shown, exported or answered, so that looks at personal data can be logged."""

from __future__ import annotations

from django.dispatch import Signal

shown = Signal()
"""Sent with the model as sender, `records` (a list of its rows) and `page` (the address asked for)."""
