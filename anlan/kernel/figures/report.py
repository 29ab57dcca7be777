"""Figures as rows to print or to send: one for each area or industry, with what they are compared with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import TYPE_CHECKING, Any

from django.utils.translation import override

from anlan.engines.measures import AnyMeasure

from .. import areas
from ..scope import upper_bound
from . import lists, words
from .computing import DIGITS

if TYPE_CHECKING:
    from anlan.engines.measures.figures import Figure, Figures

Place = dict[str, str | None]


def places(figures: Figures, tier: int, within: str = "", divisions: date | None = None) -> list[tuple[Place, str]]:
    """Where the figures stand, with a name: the areas of a tier or the industries, also those without any record.
    With `divisions` the areas that were there on that day.

    Records of an area that lie in none of the areas below it stand under the area itself.
    """
    if "industry" in figures.by:
        made: list[tuple[Place, str]] = [({"industry": code}, name) for code, name in words.industries().items()]
        return made if (None,) in figures.keys("industry") else made[:-1]
    if "area" not in figures.by:
        return [({}, "")]
    all_ = areas.divisions() if divisions is None else areas.there(divisions)
    below = all_.filter(tier=tier, code__gte=within, code__lt=upper_bound(within))
    known = {code[: DIGITS[tier]]: name for code, name in below.order_by("code").values_list("code", "name")}
    above = {key for (key,) in figures.keys("area") if key is not None} - set(known)
    codes = {key: key.ljust(12, "0") for key in above}
    names = areas.names(codes.values())
    whole = set(all_.filter(code__in=codes.values()).values_list("code", flat=True))
    # One that was made later of several has what nobody can give to these.
    known |= {key: words.itself(names[code]) if code in whole else names[code] for key, code in sorted(codes.items())}
    return [({"area": key}, known[key]) for key in sorted(known)]


def as_json(
    figures: Figures, measures: Iterable[AnyMeasure], rows: list[tuple[Place, str]], backend: str
) -> dict[str, Any]:
    """The whole answer of `anlan measure --json`: numbers as numbers, those not available as null with the reason."""

    def both(text: Any) -> dict[str, str]:
        made = {}
        for key, language in (("zh", "zh-hans"), ("en", "en")):
            with override(language):
                made[key] = str(text)
        return made

    return {
        "period": figures.period.name,
        "as_of": figures.as_of.isoformat(),
        "backend": backend,
        "measures": [
            {
                "name": one.name, "version": one.version, "title": both(one.title), "definition": both(one.definition),
                "source": both(one.source_of_law), "unit": both(one.unit), "better": one.better,
                "rounding": one.rounding.value, "clauses": list(one.clauses),
                "rows": [_row(figures, one, place, name) for place, name in rows],
            }
            for one in measures
        ],
    }  # fmt: skip


def _row(figures: Figures, measure: AnyMeasure, place: Place, name: str) -> dict[str, Any]:
    found = figures.at(measure, **place)
    made: dict[str, Any] = {**place, "title": name} if place else {}
    made |= {"value": _number(found.now.value)}
    if found.now.absent:
        made["absent"] = found.now.absent
    if found.now.denominator is not None:
        made |= {"numerator": _number(found.now.numerator), "denominator": _number(found.now.denominator)}
    made |= {
        "previous": _number(found.previous.value), "last_year": _number(found.last_year.value),
        "difference_from_previous": _number(found.difference("previous")),
        "difference_from_last_year": _number(found.difference("last_year")),
        "change_from_previous": _number(found.change("previous")),
        "change_from_last_year": _number(found.change("last_year")),
        "list": lists.records_url(figures, measure, "now", **place) or None,
    }  # fmt: skip
    return made


def _number(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else float(value)


def as_text(figures: Figures, measures: Iterable[AnyMeasure], rows: list[tuple[Place, str]]) -> str:
    """The same for people, a block for each measure."""
    lines = [f"{figures.period.name}  {figures.as_of:%Y-%m-%d %H:%M}"]
    for one in measures:
        lines += ["", f"{one.name}  {one.title} ({one.unit})", f"  {one.definition}"]
        wide = max((_width(name) for _place, name in rows), default=0)
        for place, name in rows:
            found = figures.at(one, **place)
            cells = [_shown(found.now)]
            for when in ("previous", "last_year"):
                change = found.change(when)
                beside = "" if change is None else f" ({change:+}%)"
                cells.append(f"{_shown(getattr(found, when))}{beside}")
            lines.append(f"  {name}{' ' * (wide - _width(name))}  {cells[0]:>10}  {cells[1]:>18}  {cells[2]:>18}")
    return "\n".join(lines)


def _shown(figure: Figure) -> str:
    if figure.value is None:
        return "–"
    beneath = f" = {figure.numerator}/{figure.denominator}" if figure.denominator is not None else ""
    return f"{figure.value}{beneath}"


def _width(text: str) -> int:
    """Columns on a terminal: Chinese characters take two."""
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
