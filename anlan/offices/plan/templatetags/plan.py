"""What the plan's pages need of templates."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import template
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from anlan.parties.models.places import bilingual

register = template.Library()

WHY = {
    "an increase": _("An increase: there is no comparator for it"),
    "a range": _("A range of two amounts"),
    "the unit": _("The unit is not known"),
    "amounts for several subjects": _("Amounts shared among several subjects"),
    "what this is demanded of": _("It does not say of what this is demanded"),
    "a part of another amount": _("A part of another amount"),
    "a sentence that does not end": _("A sentence too long to be one"),
    "the baseline year": _("The year compared with is not named"),
    "an amount too large": _("An amount too large to be kept"),
    "title": _("The title of the notice"),
    "issuer and date": _("Who issued it, and when"),
    "a page number, left out": _("A page number, left out of the text"),
    "date": pgettext_lazy("number that is no target", "A date"),
    "threshold": pgettext_lazy("number that is no target", "A threshold"),
    "code": pgettext_lazy("number that is no target", "A number or telephone"),
    "name": pgettext_lazy("number that is no target", "Part of a name"),
    "number": pgettext_lazy("number that is no target", "A number"),
}
"""What the reader says of a place, in words for people."""


@register.filter
def why(what: str) -> str:
    """Why a place was not read as a target."""
    if what in WHY:
        return str(WHY[what])
    number = what.removeprefix("number ").removesuffix(" is missing before this")
    return gettext("Number %(n)s is missing before this") % {"n": number}


@register.filter
def add_key(prefix: str, key: int) -> str:
    """The place of a row on the page, as its addresses write it."""
    return f"{prefix}{key}"


@register.filter
def at(names: dict[str, str], key: str) -> str:
    """What stands under a key."""
    return names.get(key, key)


@register.filter
def plain(value: Decimal) -> str:
    """A decimal without the zeros that say nothing."""
    return f"{value.normalize():f}"


@register.filter
def number(value: Any) -> str:
    """A figure in groups of three, without the zeros that say nothing of a count; a dash where there is none."""
    if value is None:
        return "–"
    whole = value == int(value)
    return f"{int(value):,}" if whole and not isinstance(value, Decimal) else f"{value:,}"


@register.simple_tag
def clause_form(forms: dict[str, Any], clause: Any) -> Any:
    """The open form of this clause, if it is open."""
    return forms.get(f"c{clause.pk}")


@register.simple_tag
def target_form(forms: dict[str, Any], target: Any) -> Any:
    """The open form of this target, if it is open."""
    return forms.get(f"t{target.pk}")


@register.simple_tag
def grade_name(grade: Any) -> str:
    """A grade in the language of the page."""
    return bilingual(grade.zh, grade.en)


@register.simple_tag
def entry_kind(heads: dict[str, str], entry: Any) -> str:
    """What kind of entry of a scheme this is, in words."""
    return heads[entry.kind]
