"""The plan office's cases, read once all apps are loaded: publications, and reports of progress."""

from .bulletins import lifecycle as publications  # noqa: F401
from .progress import lifecycle as progress  # noqa: F401
