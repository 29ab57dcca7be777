"""Where devices knock: a module for each way in.

All have in common that who speaks is known, that nobody may say more than its due, that what is wrong is counted by
its kind and some of it remembered for whoever looks, and that what is acknowledged is on disk. Nothing here knows
where devices are registered (`Keys`) or where readings go (`Land`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

Land = Callable[[Any, Any, Any, Any], Awaitable[None]]
"""Puts readings (devices, metrics, moments, values) on disk; they are there when it returns. Raises `OSError`."""


class Unsure(Exception):
    """Whether somebody may speak cannot be found out at present; he may come again."""
