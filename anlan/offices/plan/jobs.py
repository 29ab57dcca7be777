"""The jobs of the plan office."""

from .bulletins import jobs  # noqa: F401
