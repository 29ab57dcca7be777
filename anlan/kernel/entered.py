"""What may be entered, however it comes in: through a form, a file or the interface."""

from __future__ import annotations

import re
from datetime import date

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

UNSEEN = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufffe\uffff]"
"""Signs that nobody sees: controls, and those that turn the direction of what follows. As a pattern, also in Rust."""
_UNSEEN = re.compile(UNSEEN)


def seen(text: str) -> None:
    """A validator: `ValidationError` for a text with signs that nobody sees."""
    if _UNSEEN.search(text):
        raise ValidationError(_("The text holds control characters, which nobody sees."), code="unseen")


def words(said: str, longest: int) -> str:
    """What somebody says for the record, without blanks around it; `ValidationError` where that is nothing, longer than
    `longest`, or holds signs that nobody sees."""
    said = said.strip()
    if not said:
        raise ValidationError(_("Say it in words: a reason must be given."), code="required")
    if len(said) > longest:
        raise ValidationError(_("At most %(n)s characters.") % {"n": longest}, code="max_length")
    seen(said)
    return said


def guard(field: forms.Field) -> None:
    """Has a form's field refuse what may not be entered."""
    if type(field) is forms.CharField:  # lists and JSON are made of its kind, and are no texts
        field.validators.append(seen)
    elif isinstance(field, forms.DateField | forms.DateTimeField):
        field.validators.append(in_calendar)


def in_calendar(day: date) -> None:
    """A validator: `ValidationError` for a day or time that a time zone could carry out of the calendar."""
    if not 1900 <= day.year < 2200:
        raise ValidationError(_("Dates lie between the years 1900 and 2199."), code="invalid")
