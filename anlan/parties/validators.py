"""Form and model validators that say in words what `codes` found."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from . import codes

_WORDS = {
    "credit_code.length": _("A unified social credit code has 18 characters."),
    "credit_code.character": _("Character %(place)s does not occur in a unified social credit code."),
    "credit_code.check": _("The check character does not fit: the code has a slip of the pen."),
    "registration_number.length": _("A registration number has 15 digits."),
    "registration_number.digit": _("Character %(place)s is not a digit."),
    "registration_number.check": _("The check digit does not fit: the number has a slip of the pen."),
}


def credit_code(value: str) -> None:
    """Refuses a unified social credit code that cannot be right (GB 32100-2015)."""
    try:
        codes.check_credit_code(value)
    except codes.BadCode as bad:
        raise ValidationError(_WORDS[bad.code], code=bad.code, params={"place": bad.place}) from None


def registration_number(value: str) -> None:
    """Refuses a registration number whose length, digits or check digit are wrong."""
    try:
        codes.check_registration_number(value)
    except codes.BadCode as bad:
        raise ValidationError(_WORDS[bad.code], code=bad.code, params={"place": bad.place}) from None
