"""Cases: whatever must be driven to an end, along a declared life cycle (see `lifecycle`, `engine`)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import FieldError, MoveRefused, Stale, move, open_case, open_cases, recomputed_due, refusal
    from .opening import once, open_declared
    from .queue import worklist

__all__ = (
    "FieldError", "MoveRefused", "Stale", "move", "once", "open_case", "open_cases", "open_declared", "recomputed_due",
    "refusal", "worklist",
)  # fmt: skip
_ELSEWHERE = {"worklist": ".queue", "once": ".opening", "open_declared": ".opening"}


def __getattr__(name: str) -> Any:
    # Models can be imported only once the apps are loaded; this package is one of them.
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(_ELSEWHERE.get(name, ".engine"), __name__), name)
