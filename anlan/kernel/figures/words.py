"""Periods and units in the reader's language."""

from __future__ import annotations

from datetime import timedelta

from django.apps import apps
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import override

from anlan.engines.measures import AnyMeasure, BadPeriod, Period, parts

from ..registers import register_named


def no_period(wrong: BadPeriod) -> str:
    """What is written where a period should be, and how one is written."""
    return _("%(text)s is no period: write 2013, 2013-Q2, 2013-05, 2013-W24, 2013-06-14 or ..2013-05") % {
        "text": wrong.text[:40]
    }


def period_title(period: Period) -> str:
    """June 2013, 2013年6月."""
    first, year = period.first, period.first.year
    if period.kind == "day":
        return date_format(first, "DATE_FORMAT")
    if period.kind == "month":
        return date_format(first, "YEAR_MONTH_FORMAT")
    if period.kind == "ten_days":
        month = date_format(first, "YEAR_MONTH_FORMAT")
        form = (
            _("First ten days of %(month)s"), _("Second ten days of %(month)s"), _("Last ten days of %(month)s")
        )[first.day // 10]  # fmt: skip
        return form % {"month": month}
    if period.kind == "week":
        iso_year, week, _day = first.isocalendar()
        return _("Week %(week)s of %(year)s") % {"week": week, "year": iso_year}
    if period.kind == "quarter":
        return _("Quarter %(quarter)s of %(year)s") % {"quarter": (first.month + 2) // 3, "year": year}
    if period.kind == "year":
        return _("Year %(year)s") % {"year": year}
    last = period.end - timedelta(days=1)
    whole = period.end.day == 1
    end = date_format(last, "YEAR_MONTH_FORMAT" if whole else "DATE_FORMAT")
    return _("From the beginning of the year to %(end)s") % {"end": end}


def period_facts(period: Period) -> dict[str, str]:
    """The period as a kept fact in both languages, for `kernel.bilingual`."""
    said = {}
    for name, language in (("period", "zh-hans"), ("period_en", "en")):
        with override(language):
            said[name] = period_title(period)
    return said


def chance(value: float | None) -> str:
    """A chance in per cent, no closer than one in a hundred: draws cannot tell more. "" where none is said."""
    if value is None:
        return ""
    if value < 0.01:
        return _("less than 1%")
    return _("more than 99%") if value > 0.99 else f"{value:.0%}"


def itself(name: str) -> str:
    """An area without the areas below it: 渝北区本级."""
    return _("%(area)s itself") % {"area": name}


def dimension_title(measure: AnyMeasure, name: str) -> str:
    """What the list of the records calls a dimension."""
    if name == "area":
        return _("Area")
    if name == "industry":
        return _("Industry")
    source = parts(measure)[0].source
    declared = register_named(source.register)
    return name if declared is None else str(declared.label(source.dimensions[name]))


def industries() -> dict[str | None, str]:
    """The supervised industries by code, in their order, and last those that nobody has assigned."""
    rows = apps.get_model("parties", "Industry")._default_manager.all()
    return {row.pk: str(row) for row in rows} | {None: _("Not assigned to an industry")}


def absent(reason: str) -> str:
    """Why a figure is not available; "" where it is."""
    return {
        "": "",
        "not_begun": _("The period has not begun."),
        "present_only": _("The records say this of the present only."),
        "no_period": _("There is no period to compare with."),
        "dimension": _("The records are not told apart by this."),
        "denominator": _("There is nothing to divide by."),
        "unstated": _("Nobody has stated this of the area and of just this period."),
        "not_asked": _("It was not computed."),
    }[reason]
