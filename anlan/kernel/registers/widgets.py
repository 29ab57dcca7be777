"""How a field that points at another record is filled in."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db import models

from ..models import Kept
from .declaration import register_of


def pick_widget(field: models.Field[Any, Any]) -> forms.Widget:
    """Tables that grow are searched as one types; short lists are chosen from."""
    target = field.related_model
    assert isinstance(target, type)
    found = register_of(target)
    if not issubclass(target, Kept):
        return forms.Select()
    attrs = {"data-pick": f"/r/{found.name}/pick/", "autocomplete": "off"} if found and found.search else {}
    return forms.TextInput(attrs=attrs)
