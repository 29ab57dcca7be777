"""What a list's address can have wrong."""

from __future__ import annotations

from typing import Any


class BadQuery(Exception):
    """A filter, sort, column or cursor in the URL that cannot be: `place` names the parameter."""

    def __init__(self, place: str, message: Any) -> None:
        super().__init__(f"{place}: {message}")
        self.place, self.message = place, message
