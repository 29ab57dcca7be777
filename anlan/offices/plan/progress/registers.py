"""Lists of progress: reports, closed periods with their figures, exceptions by name."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.policy import OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.models import Account, Authority

from . import closing
from .lifecycle import PROGRESS
from .models import ClosedFigure, ClosedPeriod, PeriodException, ProgressReport

HERE = "500112000000"
OFFICES = frozenset({"city", "district"})
"""Who closes a month and opens exceptions; for which area the record itself looks at."""


def sample_report(number: int) -> ProgressReport:
    """A report that is to be written."""
    body = Authority.objects.create(name=f"样本机关{number}", kind="supervisor", tier=2, area_code=HERE)
    return ProgressReport(
        number=f"样本安进〔2013〕{number}号", title=f"样本进展报告{number}", area_code=HERE, owner_area_code=HERE,
        state="due", period="2013-06", last_day=date(2013, 6, 30), code=f"W{number}", authority=body,
    )  # fmt: skip


def _account(name: str, area: str = HERE) -> Account:
    return Account.objects.create(username=name, name=name, role="district", area_code=area)


def sample_closing(number: int) -> ClosedPeriod:
    """A month that is closed for a district."""
    return ClosedPeriod(
        period=f"{1900 + number % 90}-{number // 90 % 12 + 1:02}", area_code=HERE, reason=f"样本{number}",
        closed_by_id=number, closed_by_name="样本",
    )  # fmt: skip


def sample_figure(number: int) -> ClosedFigure:
    """A district's part of a target as it stood when its month was closed."""
    closed = sample_closing(number)
    closed.save()
    return ClosedFigure(
        closing=closed, code=f"T{number}", subject=f"样本指标{number}", area_code=HERE, measure="accidents.deaths",
        measure_version=1, actual=1, line=2, number=3, standing="ahead",
    )  # fmt: skip


def sample_exception(number: int) -> PeriodException:
    """An exception for somebody of a district."""
    closed = sample_closing(number)
    closed.area_code = "500000000000"
    closed.save()
    return PeriodException(
        closing=closed, account=_account(f"样本例外{number}"), area_code=HERE, code=f"W{number}",
        until=clock.today() + timedelta(days=3), reason=f"样本理由{number}", opened_by_id=0, opened_by_name="样本",
    )  # fmt: skip


@register
class ProgressReports(Register):
    name = "progress-reports"
    model = ProgressReport
    title = _("Progress reports")
    singular = _("Progress report")
    icon = "file-report"
    group = "plan"
    columns = ("number", "get_title", "authority", "area_code", "state_title", "due_at", "submitted_at", "late")
    labels = {"state_title": _("State"), "get_title": _("Title")}
    choices = {"state": PROGRESS.choices}
    filters = ("period", "state", "code", "area_code", "authority", "industry", "late", "due_at", "submitted_at")
    exact = ("code", "period")
    search = ("number",)
    natural_key = ("number",)
    sections = (
        (_("Report"), ("period", "code", "authority", "area_code", "submitted_at", "late")),
        (_("What was reported"), ("done", "figures", "percent", "trouble")),
    )
    order = "-opened_at"
    empty = _("The reports of a month or quarter are demanded when it begins, of everybody who bears a clause.")
    sample = staticmethod(sample_report)
    rights = Rights(see=OFFICIALS)


@register
class ClosedPeriods(Register):
    name = "closed-periods"
    model = ClosedPeriod
    title = _("Closed periods")
    singular = _("Closed period")
    icon = "calendar-stats"
    group = "plan"
    columns = ("period", "area_code", "closed_by_name", "closed_at", "reason")
    filters = ("period", "area_code")
    exact = ("period",)
    natural_key = ("period", "area_code")
    sections = ((_("Closed period"), ("period", "area_code", "closed_by_name", "closed_at", "reason")),)
    order = "-period"
    empty = _("A month that is over is closed on the page of the progress reports.")
    sample = staticmethod(sample_closing)
    rights = Rights(see=OFFICIALS)


@register
class ClosedFigures(Register):
    name = "closed-figures"
    model = ClosedFigure
    title = _("Figures of closed periods")
    singular = _("Figure of a closed period")
    icon = "chart-line"
    group = "plan"
    columns = ("closing", "code", "name", "area_code", "industry_id", "actual", "line", "number", "standing")
    labels = {"name": _("Target")}
    filters = ("closing", "code", "area_code", "standing")
    exact = ("code",)
    sections = (
        (_("Of what"), ("closing", "code", "area_code", "industry_id", "measure", "measure_version")),
        (_("Figures"), ("actual", "line", "number", "standing")),
    )
    order = "id"
    sample = staticmethod(sample_figure)
    rights = Rights(see=OFFICIALS)


def _ending(row: PeriodException, who: Any) -> tuple[str, dict[str, Any]]:
    return "plan/progress/_exception.html", {"row": row, "may_end": row.open and closing.may_except(who, row)}


@register
class PeriodExceptions(Register):
    name = "period-exceptions"
    model = PeriodException
    title = _("Exceptions from closed periods")
    singular = _("Exception from a closed period")
    icon = "user-check"
    group = "plan"
    columns = (
        "closing", "account", "area_code", "code", "until", "state", "reason", "opened_by_name", "opened_at",
        "closed_at",
    )  # fmt: skip
    filters = ("closing", "account", "area_code", "code", "until")
    exact = ("code",)
    labels = {"state": _("State")}
    sections = (
        (_("What is open"), ("closing", "account", "area_code", "code", "until", "state")),
        (_("Why"), ("reason", "opened_by_name", "opened_at", "closed_by_name", "closed_at")),
    )
    order = "-opened_at"
    part = staticmethod(_ending)
    sample = staticmethod(sample_exception)
    rights = Rights(see=OFFICIALS, add=OFFICES, import_=frozenset())
