"""Supervision: orders, circulars, joint meetings and the tasks that come of them."""

from .addressed import SEATS, Addressed, addressed_to, duty_of
from .letters import MEASURES, Letter
from .meetings import ATTENDANCE, Invitation, Meeting, Resolution, Task
from .orders import GENRES, Circular, SupervisionOrder

__all__ = [
    "ATTENDANCE",
    "GENRES",
    "MEASURES",
    "SEATS",
    "Addressed",
    "Circular",
    "Invitation",
    "Letter",
    "Meeting",
    "Resolution",
    "SupervisionOrder",
    "Task",
    "addressed_to",
    "duty_of",
]  # fmt: skip
