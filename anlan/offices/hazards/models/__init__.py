"""What the hidden-danger office keeps."""

from .dangers import Danger, DangerType, JudgementClause, PublishedDanger
from .returns import ReturnReminder, SelfCheckReturn

__all__ = ("Danger", "DangerType", "JudgementClause", "PublishedDanger", "ReturnReminder", "SelfCheckReturn")
