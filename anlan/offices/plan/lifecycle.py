"""The cases of the plan office: publications."""

from .bulletins import lifecycle  # noqa: F401
