"""What the worker does for the monitoring office."""

from . import trials

__all__ = ["trials"]
