"""Drafts and comparisons that take longer than a page may: as whom somebody asked, within his scope, with progress."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, override

from anlan.engines.measures import Period
from anlan.engines.papers import BadPaper
from anlan.kernel import clock, law, locks, notices
from anlan.kernel.cases import MoveRefused
from anlan.kernel.figures.words import period_facts, period_title
from anlan.kernel.jobs import Report, job
from anlan.kernel.models import Progress
from anlan.kernel.scope import EVERYWHERE, acting, acting_now
from anlan.parties import papers
from anlan.parties.models import Division

from . import corrections, draft, facts
from .models import OVER, BulletinRun, Publication

ATTEMPTS = 3


def due_on(series: str, period: Period) -> date:
    """By when a bulletin of that period is to be issued."""
    days = int(law.value(f"bulletins.due.{series}", on=period.end).value)
    return period.end - timedelta(days=1) + timedelta(days=days)


def correction_due() -> date:
    """By when a correction that is begun today is to be issued."""
    return clock.today() + timedelta(days=int(law.value("bulletins.due.correction", on=clock.today()).value))


def begin(series: str, period: Period, by: Any, *, by_job: bool = True) -> Publication:
    """Opens the publication of a period; `by_job` asks for its draft. Raises `BadBulletin`, and `MoveRefused`
    (`invalid` where there is one of that period already)."""
    division = Division.objects.filter(code=by.area_code).first()
    if division is None or division.tier > 2:
        raise facts.BadBulletin(_("Bulletins are issued by cities and districts."))
    if period.span(clock.now()) is None:
        raise facts.BadBulletin(_("%(period)s has not begun.") % {"period": period_title(period)})
    try:
        due = due_on(series, period)
    except law.NoRuleInForce as error:
        said = _("By when the bulletin of %(period)s was to be issued is not set: it lies too far back.")
        raise facts.BadBulletin(said % {"period": period_title(period)}) from error
    # Of several who begin the same one at once the others wait, and then find what the first began.
    locks.alone(f"bulletin.{series}.{period.name}", int(by.area_code[:6]))
    authority = facts.issuer(division, min(period.end - timedelta(days=1), clock.today()))
    with override("zh-hans"):  # as the paper's own title, which takes its place
        title = f"{dict(Publication.SERIES)[series]}（{period_title(period)}）"
    case: Publication = papers.draft(
        "publication", by, authority=authority, title=title, series=series, period=period.name,
        due_on=due,
    )  # fmt: skip
    if by_job:
        ask(case, "draft", by)
    return case


def ask(case: Publication, what: str, by: Any) -> BulletinRun:
    """Puts the job that drafts or compares; where one goes on already, that is the answer."""
    Publication.objects.select_for_update(of=("self",)).get(pk=case.pk)  # of two presses at once one puts it
    going = BulletinRun.objects.filter(publication=case, state="waiting").first()
    if going is not None:
        return going
    now = acting_now()
    assert now is not None
    progress = Progress.objects.create(
        title=case.title, area_code=case.area_code, account_id=by.pk, result_url=case.get_absolute_url(),
        total=facts.STEPS,
    )  # fmt: skip
    made = BulletinRun.objects.create(publication=case, what=what, progress=progress)
    run.put(scope=now[1], account_id=by.pk, lock=f"bulletin-{case.pk}", number=made.pk)
    return made


@job("plan.bulletin", attempts=ATTEMPTS, after_failure=lambda number: _failed(number))
def run(number: int) -> None:
    """Drafts a publication from the records, or compares one with them."""
    found = BulletinRun.objects.select_for_update(of=("self",)).filter(pk=number, state="waiting")
    one = found.select_related("publication").first()
    if one is None:
        return
    report = Report(one.progress_id) if one.progress_id is not None else None
    if report is not None:
        report.begin()
    now = acting_now()
    assert now is not None
    account = get_user_model().objects.filter(pk=now[0].account_id, is_active=True).first()
    try:
        if account is None:
            raise MoveRefused("not_your_role", _("Who asked for it may not any more."))
        with acting(account.actor, now[1]):
            carry_out(one, account, report)
    except (facts.BadBulletin, BadPaper, MoveRefused) as error:
        one.trouble, one.state = str(error)[:300], "failed"
        one.save()
    _end(one, report)


def carry_out(one: BulletinRun, account: Any, report: Report | None = None) -> None:
    """Does what the run asks for, under the `acting` in force. Raises `BadBulletin`, `BadPaper` and `MoveRefused`."""
    case = one.publication
    period = Period.parse(case.period)
    tell = (lambda n: report.tell("facts", n, facts.STEPS)) if report is not None else None
    gathered = facts.gather(case.series, period, case.area_code, tell)  # type: ignore[arg-type]
    if one.what == "draft":
        papers.redraft(case, account, draft.paper(gathered), facts.encode(gathered).decode())
    else:
        was = facts.decode(case.facts)
        one.facts = facts.encode(gathered).decode()
        one.differences = corrections.kept(corrections.differences(was, gathered))
    one.state = "done"
    one.save()


def correct(case: Publication, compared: BulletinRun, by: Any) -> Publication:
    """Drafts the correction of an issued publication from what a comparison found. Raises `BadBulletin` and
    `MoveRefused` (`invalid` where it is being corrected already)."""
    assert case.issued is not None
    # Of two presses at once one corrects it, and nobody what was revoked meanwhile.
    if Publication.objects.select_for_update(of=("self",)).get(pk=case.pk).state == "revoked":
        raise MoveRefused("not_from_here", str(_("Only what was issued and stands is compared and corrected.")))
    made = corrections.paper(case.issued, facts.decode(case.facts), facts.decode(compared.facts))
    return papers.draft(  # type: ignore[no-any-return]
        "publication", by, authority=case.authority, paper=made, facts=compared.facts, corrects=case.issued,
        series=case.series, period=case.period, due_on=correction_due(),
    )  # fmt: skip


def _end(one: BulletinRun, report: Report | None) -> None:
    if report is not None:
        state, trouble = ("failed" if one.state == "failed" else "done"), one.trouble
        transaction.on_commit(lambda: report.say(state=state, error=trouble))


def _failed(number: int) -> None:
    """After a run that broke: it will be tried again, or it is told as failed."""
    one = BulletinRun.objects.select_for_update(of=("self",)).select_related("progress").filter(pk=number).first()
    if one is None or one.state != "waiting":
        return
    if one.progress is None or one.progress.attempts >= ATTEMPTS:
        one.state = "failed"
        one.save()
        _end(one, Report(one.progress_id) if one.progress_id else None)


@job("plan.bulletins.missing", schedule="30 0 * * *", scope=EVERYWHERE)
def missing() -> None:
    """Each morning: whose bulletin of a period that is over nobody has begun, so many days before it is due."""
    today = clock.today()
    ahead = [-int(d) for d in law.value("cases.remind_days", on=today).value if int(d) <= 0]
    for series, kind in facts.PERIODS.items():
        period = Period.of(kind, today).previous()  # type: ignore[arg-type]
        assert period is not None
        due = due_on(series, period)
        if (due - today).days not in ahead:
            continue
        begun = Publication.objects.filter(series=series, period=period.name).exclude(state__in=OVER)
        for code in (
            Division.objects.filter(tier=1).exclude(code__in=begun.values("area_code")).values_list("code", flat=True)
        ):
            notices.send(
                notices.Holders(frozenset({"city"}), code),
                gettext_noop("The bulletin of %(period)s has not been begun; it is to be issued by %(due)s"),
                {**period_facts(period), "due": due.isoformat()}, url="/plan/bulletins/", level="attention",
            )  # fmt: skip
