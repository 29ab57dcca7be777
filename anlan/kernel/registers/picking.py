"""Fields that point at another record or a division: found as one types, and readable without script too.

With script (`frontend/src/pick.ts`) a name, its pinyin initials or a code is typed and one is picked.
Without, the field takes the code, the key or a name that only one has; what it now points at stands beside it.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from .. import areas
from ..models import Kept
from ..scope import acting_now, area_prefix
from .declaration import register_of

BETWEEN = " › "
"""Between the parts of a division's path."""


class Unclear(ValidationError):
    """What was written names no record of one's area, or several."""


def _begins(field: str, text: str) -> Q:
    return Q(**{f"{field}__gte": text, f"{field}__lt": text + "\U0010ffff"})


def _only(found: list[Any], what: Any, many: Any) -> Any:
    if not found:
        raise Unclear(what, code="unknown")
    if len(found) > 1:
        raise Unclear(many, code="several")
    return found[0]


def _divisions(everywhere: bool) -> models.QuerySet[Any]:
    """The divisions of one's own area, or all of them: which there are is no secret."""
    now = acting_now()
    if now is None:
        return areas.divisions().none()
    return areas.divisions() if everywhere else areas.divisions().filter(areas.within(now[1].area, "code"))


def area_of(text: str, everywhere: bool = False) -> str:
    """The code of the division of one's own area that `text` names: a name or a path of names. Raises `Unclear`.

    `everywhere`: of any area.
    """
    unknown = _("There is no such division in your area.")
    parts = [p for p in re.split(r"\s*[›>/]\s*|\s+", text.replace("\0", "").strip()) if p]
    if not parts:
        raise Unclear(unknown, code="unknown")
    within = _divisions(everywhere)
    codes = list(within.filter(name=parts[-1]).values_list("code", flat=True)[:500])
    if not codes and len(parts) == 1:
        codes = list(within.filter(_begins("name", parts[0])).values_list("code", flat=True)[:2])
    paths = areas.names(codes, BETWEEN)
    named = [c for c in codes if all(part in paths[c] for part in parts)]
    several = _("Several divisions have this name; write the district before it, or the code.")
    return str(_only(named, unknown, several))


def key_of(rows: models.QuerySet[Any], text: str) -> Any:
    """The record among `rows` that `text` names: its key, or exactly one of its search fields. Raises `Unclear`."""
    unknown = _("There is no such record in your area.")
    text = text.replace("\0", "").strip()
    found: Any = None
    with suppress(ValueError, ValidationError, OverflowError):  # no key can be written so
        found = rows.filter(pk=text).first()
    if found is not None:
        return found
    declared = register_of(rows.model)
    if not text or declared is None or not declared.search:
        raise Unclear(unknown, code="unknown")
    asked = Q(pk__in=[])
    for name in declared.search:
        asked |= Q(**{name: text}) | Q(**{name: text.upper()})
    several = _("Several records are called this; write the code instead.")
    return _only(list(rows.filter(asked).order_by()[:2]), unknown, several)


def key_field(base: type[Any]) -> type[Any]:
    """A field of model choices that takes a record's key or name."""

    def to_python(self: Any, value: Any) -> Any:
        if value in self.empty_values:
            return None
        if isinstance(value, self.queryset.model):
            return value
        if getattr(self, "null_label", None) is not None and value == self.null_value:
            return value
        return key_of(self.queryset, str(value))

    return type("KeyField", (base,), {"to_python": to_python})


KeyField = key_field(forms.ModelChoiceField)


class PickWidget(forms.TextInput):
    """Holds a key; shows, and offers as one types, what it stands for."""

    def __init__(self, url: str) -> None:
        super().__init__({"data-pick": url, "autocomplete": "off", "spellcheck": "false"})

    def words(self, value: str) -> str:
        """What `value` stands for, or nothing where it stands for nothing in one's area."""
        rows: Any = getattr(getattr(self, "choices", None), "queryset", None)
        try:
            return "" if rows is None else str(key_of(rows, value))
        except Unclear:
            return ""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        words = self.words(str(value)) if value not in (None, "") else ""
        if not words or words == str(value):
            return super().render(name, value, attrs, renderer)
        made = super().render(name, value, {**(attrs or {}), "data-text": words}, renderer)
        return format_html('{}<span class="pick-now">{}</span>', made, words)


class AreaWidget(PickWidget):
    """Holds a division's code; shows its path of names."""

    def __init__(self, everywhere: bool = False) -> None:
        super().__init__("/r/-/division/" if everywhere else "/r/-/area/")

    def words(self, value: str) -> str:
        code = value.ljust(12, "0")
        names = areas.names([code], BETWEEN) if code.isdecimal() else {}
        return "" if names.get(code) == code else names.get(code, "")


def pick_widget(field: models.Field[Any, Any]) -> forms.Widget:
    """Tables that grow are searched as one types; short lists are chosen from."""
    target = field.related_model
    assert isinstance(target, type)
    found = register_of(target)
    if not issubclass(target, Kept):
        return forms.Select()
    return PickWidget(f"/r/{found.name}/pick/") if found and found.search else forms.TextInput({"autocomplete": "off"})


def divisions_beginning(text: str, most: int = 20, everywhere: bool = False) -> list[dict[str, str]]:
    """Divisions of one's own area, or of any, by the beginning of name, pinyin initials or code, the highest first."""
    text = text.replace("\0", "").strip()
    if not text:
        return []
    # 渝北区 › 龙 and 渝北区 龙: what begins the last part, within what the parts before it name.
    *above, last = [p for p in re.split(r"\s*[›>/]\s*|\s+", text) if p] or [text]
    within = _divisions(everywhere)
    if above:
        try:
            within = within.filter(areas.within(area_prefix(area_of(" ".join(above), everywhere)), "code"))
        except Unclear:
            return []
    asked = _begins("name", last) | _begins("pinyin", last.lower()) | _begins("pinyin", last.upper())
    found = within.filter(asked | _begins("code", last)).order_by("tier", "code")
    codes = list(found.values_list("code", flat=True)[:most])
    names = areas.names(codes, BETWEEN)
    return [{"value": code, "text": names[code], "note": code} for code in codes]
