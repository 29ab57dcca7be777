"""Closing a month for an area, and exceptions from it; what holds them is the database."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import CharField, Exists, F, Func, OuterRef, Q, Value
from django.db.models.functions import Left, Length
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from anlan.engines.measures import Period
from anlan.kernel import clock, notices
from anlan.kernel.entered import seen
from anlan.kernel.events import tell
from anlan.kernel.figures.words import period_facts
from anlan.kernel.locks import alone
from anlan.kernel.scope import acting_now, area_prefix
from anlan.parties.models import Account

from ..drafting import Refused
from ..models import Plan
from .models import ClosedFigure, ClosedPeriod, PeriodException, above, month_of

OPENED = gettext_noop("%(period)s is open for you again until %(until)s%(clause)s: %(reason)s")
ENDED = gettext_noop("%(period)s is closed for you again.")


def wait(day: date) -> None:
    """From here on until this transaction ends nobody closes the day's month; waits for who is closing it."""
    alone("plan.closing", day.year * 12 + day.month, shared=True)


def closed(day: date, area_code: str) -> ClosedPeriod | None:
    """The widest closing that holds the records of that day and area, None where their month is open."""
    area = area_prefix(area_code)
    return (
        ClosedPeriod.objects.filter(period=f"{day:%Y-%m}")
        .annotate(own=Left(Value(area), Length("within")))
        .filter(within=F("own"))
        .order_by("within")
        .first()
    )


def excepted(found: ClosedPeriod, account_id: int | None, area_code: str, code: str = "") -> bool:
    """Whether an exception from that closing lets the person change this record all the same."""
    own = PeriodException.objects.filter(
        Q(code="") | Q(code=code), closing=found, account=account_id, closed_at=None, until__gte=clock.today()
    )
    return account_id is not None and any(area_prefix(area_code).startswith(one.within) for one in own)


def marked(rows: Any, account: Any) -> Any:
    """Reports, each with `locked`: whether its month is closed, and for this account not open by an exception."""
    closings = (
        ClosedPeriod.objects.annotate(own=Left(OuterRef("area_code"), Length("within")))
        .filter(within=F("own"), period=OuterRef("month"))
    )  # fmt: skip
    exceptions = (
        PeriodException.objects.annotate(own=Left(OuterRef("area_code"), Length("within")))
        .filter(Q(code="") | Q(code=OuterRef("code")), within=F("own"), closing__period=OuterRef("month"),
                account=account.pk, closed_at=None, until__gte=clock.today())
    )  # fmt: skip
    month = Func(F("last_day"), Value("YYYY-MM"), function="to_char", output_field=CharField())
    return rows.annotate(month=month).annotate(locked=Q(Exists(closings)) & ~Q(Exists(exceptions)))


def why_not(case: Any) -> str | None:
    """Why who acts may not change the report any more, or None."""
    return why_held(case.last_day, case.area_code, case.code)


def why_held(day: date, area_code: str, code: str = "") -> str | None:
    """Why who acts may change nothing of that day and area, or None."""
    found = closed(day, area_code)
    now = acting_now()
    if found is None or (now and excepted(found, now[0].account_id, area_code, code)):
        return None
    return _("%(period)s is closed: only who has an exception by name changes anything in it.") % {"period": found}


def may_close(account: Any, area_code: str) -> bool:
    """Whether the account closes months of that area: its own safety committee office, or one above it."""
    return account.role in ("city", "district") and account.industries is None and account.scope.covers(area_code)


def close(period: str, area_code: str, by: Account, reason: str = "") -> ClosedPeriod:
    """Closes a month that is over for an area and all below it, and keeps its figures. Raises `Refused`, and
    `ValidationError` for a month or a reason that cannot be."""
    seen(reason)
    if not may_close(by, area_code):
        raise Refused("period.who", _("A month is closed by the area's own office, or by the one above it."))
    found = ClosedPeriod(
        period=period, area_code=area_code, reason=reason.strip()[:300], closed_by_id=by.pk, closed_by_name=by.name
    )
    month = month_of(period)
    try:
        with transaction.atomic():
            found.save()  # the trigger waits until whoever changes something in it has done so
            _keep(found, month, by)
            tell("period.closed", area_code=area_code, closing=found, period=period)
    except IntegrityError as error:
        if "period_closed_once" not in str(error):
            raise
        raise Refused("period.closed", _("This month is closed for that area already.")) from error
    return found


def _keep(found: ClosedPeriod, month: Period, by: Account) -> None:
    """The plan's targets and parts of the area as they stood at the month's end."""
    from ..targets.standing import in_force_in, kept_number, told

    plan: Plan | None = in_force_in(month.first.year)
    if plan is None:
        return
    to_date = Period.parse(f"..{found.period}")
    rows = []
    for one in told(plan, by, clock.today(), period=to_date, anew=True):
        places = [(code, None, held) for code, held in one.areas.items()]
        places += [(plan.area_code, industry, held) for industry, held in one.industries.items()]
        if one.whole is not None:
            places.append((plan.area_code, None, one.whole))
        for area, industry, held in places:
            if one.measure is None or not area_prefix(area).startswith(found.within):
                continue
            state = held.state
            plain = {n: kept_number(getattr(state, n)) for n in ("actual", "line", "number")}
            rows.append(
                ClosedFigure(
                    closing=found, code=one.target.code, subject=one.target.subject, subject_en=one.target.subject_en,
                    area_code=area, industry_id=industry, measure=one.measure.name,
                    measure_version=one.measure.version, standing=state.standing, **plain,
                )
            )  # fmt: skip
    ClosedFigure.objects.bulk_create(rows, batch_size=1000)


# --- Exceptions ------------------------------------------------------------------------------------


def may_except(account: Any, found: PeriodException) -> bool:
    """Whether the account opens and closes such an exception."""
    return account.role in ("city", "district") and account.industries is None and above(
        account.scope.area, area_prefix(found.area_code), found.closing.within
    )  # fmt: skip


def opened(found: PeriodException) -> None:
    """Tells that somebody opened it, and the person by name that the month is open for him."""
    tell("period.exception", area_code=found.area_code, exception=found, until=found.until)
    clause = f" ({found.code})" if found.code else ""
    params = {**_period(found.closing), "until": f"{found.until}", "clause": clause, "reason": found.reason}
    notices.send([found.account], OPENED, params, url="/plan/progress/?period=" + found.closing.period)


def _period(found: ClosedPeriod) -> dict[str, str]:
    return period_facts(Period.parse(found.period))


def end(found: PeriodException, by: Account) -> None:
    """Closes an exception before its day."""
    if not may_except(by, found):
        raise Refused("exception.who", _("The authority above closes an exception."))
    # Of two who close it at once the second waits, and then finds it closed.
    if not PeriodException.objects.select_for_update(of=("self",)).get(pk=found.pk).open:
        raise Refused("exception.closed", _("This exception is closed already."))
    found.closed_at, found.closed_by_id, found.closed_by_name = clock.now(), by.pk, by.name
    found.save()
    notices.send([found.account], ENDED, _period(found.closing), url=f"/r/period-exceptions/{found.pk}/")


def end_due() -> int:
    """Writes down which exceptions have closed by themselves, and tells their holders; returns how many."""
    over = list(
        PeriodException.objects.select_for_update(of=("self",))
        .filter(closed_at=None, until__lt=clock.today())
        .select_related("closing", "account")
    )
    now = clock.now()
    for one in over:
        one.closed_at, one.version, one.updated_at = now, one.version + 1, now
    PeriodException.objects.bulk_update(over, ["closed_at", "version", "updated_at"])
    notices.send_all([
        notices.Message([one.account], ENDED, _period(one.closing), f"/r/period-exceptions/{one.pk}/")
        for one in over
    ])  # fmt: skip
    return len(over)


def part(case: Any, account: Any) -> tuple[str, dict[str, Any]]:
    """What a report's page says besides: whether its month is closed, and for whom it is open all the same."""
    found = closed(case.last_day, case.area_code)
    own = found is not None and excepted(found, account.pk, case.area_code, case.code)
    return "plan/progress/_part.html", {"report": case, "closing": found, "excepted": own}
