"""The appraisal: schemes loaded and adopted, scores to date, months closed, objections answered, and adoption."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from anlan.engines.measures import AnyMeasure, BadPeriod, Period, parts
from anlan.engines.measures.figures import Figures
from anlan.kernel import areas, clock, entered, notices
from anlan.kernel.events import tell
from anlan.kernel.figures.computing import compute, lately, named
from anlan.kernel.figures.lists import list_url
from anlan.kernel.figures.words import no_period, period_facts
from anlan.kernel.locks import alone
from anlan.kernel.scope import EVERYWHERE, Actor, acting, area_prefix
from anlan.parties.models import Account, Authority, Division

from ..drafting import Refused
from ..models import Plan, Portion, Target
from ..targets.standing import demand, in_force_in, kept, lines_of
from . import scheme as schemes
from .models import Appraisal, Hand, Objection, Scheme, Score
from .scheme import Entry, Rules
from .scoring import Seen, Sheet, ranks, score

COMPUTED = gettext_noop(
    "The appraisal of %(period)s is computed: see your points; objections can be raised until it is adopted."
)
ANSWERED = gettext_noop("Your objection to %(item)s in the appraisal of %(period)s was answered.")

LONGEST = 1000
"""Signs of an objection, and of its answer."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a scheme scores: a district (its code), or a department of the city with the industries it supervises."""

    area_code: str
    name: str
    authority: Authority | None = None

    @property
    def key(self) -> tuple[str, int | None]:
        return (self.area_code, self.authority.pk if self.authority else None)

    @property
    def industries(self) -> tuple[str, ...]:
        return tuple(self.authority.industries or ()) if self.authority else ()


# --- Schemes ---------------------------------------------------------------------------------------


def load(raw: bytes, path: str, by: Account) -> Scheme:
    """The file's scheme as a draft. Raises `BadFile`, a line for each fault."""
    _office(by)
    content = schemes.parse(raw, path)
    head = content["scheme"]
    return Scheme.objects.create(
        year=head["year"], area_code=head["city"], of=head["of"], title=head["title"],
        title_en=head.get("title_en", ""), text=raw.decode(), loaded_by=by,
    )  # fmt: skip


def adopt_scheme(found: Scheme, by: Account) -> None:
    """A second person puts it in force; the one before is superseded. What was scored by that stays so."""
    _office(by)
    # Of two who adopt at once the second waits, and then sees what the first did.
    alone(f"appraisal.scheme.{found.of}", found.year)
    found.refresh_from_db()
    if found.state != "draft":
        raise Refused("scheme.state", _("Only a draft is adopted."))
    if found.loaded_by_id in (None, by.pk):
        raise Refused("scheme.own", _("Nobody adopts the scheme that he loaded: a second person does."))
    schemes.parse(found.text.encode(), found.title)  # what it names may have changed since it was loaded
    for earlier in Scheme.objects.filter(year=found.year, area_code=found.area_code, of=found.of, state="adopted"):
        earlier.state = "superseded"
        earlier.save()
    found.state, found.published, found.adopted_by, found.adopted_at = "adopted", True, by, clock.now()
    found.save()


def scheme_of(year: int, of: str) -> Scheme | None:
    """The scheme in force."""
    return Scheme.objects.filter(year=year, of=of, state="adopted").first()


# --- Scores ----------------------------------------------------------------------------------------


def subjects(of: str, city: str, day: date) -> list[Subject]:
    """All that a scheme scores on a day, in the order of their codes and names."""
    if of == "districts":
        found = Division.objects.at(day).filter(areas.within(area_prefix(city), "code"), tier=2).order_by("code")
        return [Subject(code, name) for code, name in found.values_list("code", "name")]
    bodies = Authority.objects.at(day).filter(area_code=city, kind="department", industries__len__gt=0)
    return [Subject(city, body.name, body) for body in bodies.order_by("name")]


def mine(account: Any, found: Iterable[Subject], city: str) -> list[Subject]:
    """Those whose points the account may compute: the city's office all of them, each other its own."""
    if account.area_code == city and account.industries is None:
        return list(found)
    if account.industries is None:
        return [one for one in found if one.authority is None and one.area_code == account.area_code]
    return [one for one in found if one.authority is not None and one.authority.pk == account.authority_id]


Key = tuple[str, int | None]


@dataclass(frozen=True, slots=True)
class Counted:
    """One subject's sheet with what was given by hand, by entry."""

    sheet: Sheet
    hands: Mapping[str, Sequence[Hand]]

    def lines(self) -> list[dict[str, Any]]:
        """The lines as they are kept: what was given by hand stands in them as it was then."""
        rows = self.sheet.json()
        for row in rows:
            if given := self.hands.get(row["id"]):
                row["hands"] = [
                    {"key": h.pk, "points": str(h.points), "on": h.on.isoformat(), "reason": h.reason,
                     "evidence": h.evidence}
                    for h in given
                ]  # fmt: skip
        return rows


def sheets(
    found: Scheme, rules: Rules, period: Period, of: Sequence[Subject], *, anew: bool = False
) -> dict[Key, Counted]:
    """The sheet of each subject for a period from New Year on: all that it bears, whatever part of it the reader sees.

    Whose account supervises one industry of his department's several is scored with the department. `anew`: by figures
    of this moment, where a page takes those of some minutes ago.
    """
    if not of:
        return {}
    with acting(Actor("job", "appraisal"), EVERYWHERE, savepoint=False):
        return _sheets(found, rules, period, of, compute if anew else lately)


def _sheets(
    found: Scheme, rules: Rules, period: Period, of: Sequence[Subject], count: Callable[..., Figures]
) -> dict[Key, Counted]:
    book = _Book(found, rules, period, count)
    hands: dict[Key, dict[str, list[Hand]]] = {}
    for hand in Hand.objects.filter(scheme=found, on__gte=period.first, on__lt=period.end).order_by("on", "pk"):
        hands.setdefault((hand.area_code, hand.authority_id), {}).setdefault(hand.item, []).append(hand)
    made = {}
    for one in of:
        own = hands.get(one.key, {})
        points = {item: [hand.points for hand in given] for item, given in own.items()}
        made[one.key] = Counted(score(rules, book.sees(one), points), own)
    return made


class _Book:
    """All figures, parts and lines that a scheme's entries ask for, found once for all subjects."""

    def __init__(self, found: Scheme, rules: Rules, period: Period, count: Callable[..., Figures]) -> None:
        self.period, self.day = period, min(period.end - timedelta(days=1), clock.today())
        self.plan: Plan | None = in_force_in(found.year)
        wanted = {entry.target for entry in rules.entries if entry.target}
        targets = self.plan.targets.filter(code__in=wanted) if self.plan else Target.objects.none()
        self.known: Mapping[str, AnyMeasure] = {one.name: one for one in named(on=period.first)}
        self.targets = {one.code: one for one in targets if one.measure in self.known}
        of = [(target, self.known[target.measure]) for target in self.targets.values()]
        self.lines = lines_of(self.plan, of) if self.plan is not None else {}
        self.parts: dict[tuple[str, str], Decimal] = {}
        for part in Portion.objects.filter(year=found.year, code__in=wanted):
            self.parts[part.code, part.industry_id or part.area_code] = part.value
        names = {entry.measure for entry in rules.entries if entry.measure in self.known}
        names |= {target.measure for target in self.targets.values()}
        self.figures: Figures | None = (
            count(tuple(sorted(names)), period, by=("area", "industry"), tier=2) if names else None
        )

    def sees(self, of: Subject) -> Any:
        """How an entry is seen for one subject."""
        figures, where = self.figures, {"area": area_prefix(of.area_code)}
        if of.authority is not None and figures is not None:
            figures, where = figures.narrowed(industries=of.industries), {}

        def see(entry: Entry) -> Seen:
            if figures is None:
                return Seen()
            target = self.targets.get(entry.target) if entry.target else None
            measure = self.known.get(target.measure if target else entry.measure)
            if measure is None or (entry.target and target is None):
                return Seen()
            figure = figures.at(measure, **where).now
            # A list is of one industry: of a department of several there is none that its figure counts.
            cut = where or ({"industry": of.industries[0]} if len(of.industries) == 1 else {})
            url = list_url(parts(measure)[0], self.period, **cut) if cut else ""
            state = None
            if target is not None and (value := self._part(entry.target, of)) is not None:
                wanted = demand(target, measure, value)
                if wanted is not None:
                    state = kept(wanted, figure, self.day, self.lines[target.pk])
            return Seen(figure, state, measure.name, measure.version, url)

        return see

    def _part(self, code: str, of: Subject) -> Decimal | None:
        """What falls to the subject: a department bears what its industries do."""
        keys = of.industries or (of.area_code,)
        found = [self.parts[code, key] for key in keys if (code, key) in self.parts]
        return sum(found, Decimal(0)) if found else None


def to_date(year: int, day: date) -> Period:
    """From New Year to a day, or to the year's end."""
    return Period.of("to_date", min(day, date(year, 12, 31)))


# --- Months ----------------------------------------------------------------------------------------


def month(year: int, text: str) -> Period:
    """The period `..YYYY-MM` of the scheme's year; raises `Refused` where it is none or not over."""
    try:
        found = Period.parse(text if text.startswith("..") else f"..{text}")
    except BadPeriod as error:
        raise Refused("appraisal.period", no_period(error)) from error
    if found.first.year != year or found.end.day != 1:
        raise Refused("appraisal.period", _("The appraisal is of a whole month of the scheme's year."))
    if found.end > clock.today():
        raise Refused("appraisal.period", _("This month is not over: see the points to date instead."))
    return found


def close(found: Scheme, period: Period, by: Account) -> Appraisal:
    """Computes a month and opens it to objections; once more while it is open: after points by hand, say."""
    _office(by)
    with transaction.atomic():
        # Of two who compute a month at once the second waits: he computes it anew.
        if Scheme.objects.select_for_update().get(pk=found.pk).state != "adopted":
            raise Refused("appraisal.scheme", _("Only a scheme in force scores."))
        made = Appraisal.objects.select_for_update().filter(scheme=found, period=period.name).first()
        if made is not None and made.state != "computed":
            raise Refused("appraisal.adopted", _("This month is adopted; nobody computes it anew."))
        first = made is None
        made = made or Appraisal(scheme=found, period=period.name)
        made.as_of, made.closed_by = clock.now(), by
        made.save()
        rules = schemes.as_adopted(found.text)
        everybody = subjects(found.of, found.area_code, period.end - timedelta(days=1))
        counted = sheets(found, rules, period, everybody, anew=True)
        places = ranks([(c.sheet.total, bool(c.sheet.vetoed)) for c in counted.values()])
        rows = {(row.area_code, row.authority_id): row for row in made.scores.all()}
        for one, (key, scored), rank in zip(everybody, counted.items(), places, strict=True):
            sheet = scored.sheet
            row = rows.get(key) or Score(appraisal=made, area_code=one.area_code, authority=one.authority)
            row.total, row.possible, row.vetoed, row.rank = sheet.total, sheet.possible, list(sheet.vetoed), rank
            row.grade = rules.grades[sheet.grade].zh if sheet.grade is not None else ""
            row.lines = scored.lines()
            row.save()
        if first:
            people = Account.objects.filter(
                role="district" if found.of == "districts" else "department", is_active=True
            )
            notices.send(
                list(people), COMPUTED, period_facts(Period.parse(made.period)), url=f"/plan/appraisal/{made.pk}/"
            )
    return made


def object_(row: Score, item: str, words: str, by: Account) -> Objection:
    """The scored raises an objection to one entry, while the month is open."""
    with transaction.atomic():
        # It is there before the committee adopts the month, or finds it adopted.
        held = Appraisal.objects.select_for_update(of=("self",)).select_related("scheme")
        row.appraisal = held.get(pk=row.appraisal_id)
        if not may_object(row, by):
            raise Refused(
                "objection.who", _("Only those who are scored object, until the committee has adopted the month.")
            )
        if schemes.as_adopted(row.appraisal.scheme.text).entry(item) is None:
            raise Refused("objection.words", _("Say which entry, and what is wrong with it."))
        words = _said(words)
        if row.objections.filter(item=item, state="open").exists():
            raise Refused("objection.twice", _("An objection to this entry waits for its answer already."))
        made = Objection(score=row, area_code=row.area_code, authority=row.authority, item=item, words=words, by=by)
        made.save()
        tell("score.objected", score=row, item=item)
    return made


def may_object(row: Score, by: Any) -> bool:
    """Whether the account speaks for those who are scored, and the month is open."""
    if row.appraisal.state != "computed":
        return False
    if row.authority_id is None:
        return bool(by.role == "district" and by.industries is None and by.area_code == row.area_code)
    return bool(by.role == "department" and by.authority_id == row.authority_id)


def answer(found: Objection, by: Account, upheld: bool, words: str) -> None:
    """The city's office answers. What is upheld is made good by points by hand, and computing the month anew."""
    _office(by)
    with transaction.atomic():
        # Of two who answer at once the first is heard.
        if Objection.objects.select_for_update().get(pk=found.pk).state != "open":
            raise Refused("objection.answered", _("This objection is answered already."))
        found.state, found.answer = ("upheld" if upheld else "rejected"), _said(words)
        found.answered_by, found.answered_at = by, clock.now()
        found.save()
    if found.by is not None:
        params = {"item": found.item, **period_facts(Period.parse(found.score.appraisal.period))}
        notices.send([found.by], ANSWERED, params, url=f"/plan/scores/{found.score_id}/")


def _said(words: str) -> str:
    try:
        return entered.words(words, LONGEST)
    except ValidationError as error:
        raise Refused("objection.words", error.messages[0]) from error


def adopt(made: Appraisal, by: Account) -> None:
    """The committee adopts the month: a second person, once every objection is answered. It is published then."""
    _office(by)
    with transaction.atomic():
        made = Appraisal.objects.select_for_update().get(pk=made.pk)
        if made.state != "computed":
            raise Refused("appraisal.adopted", _("This month is adopted already."))
        if made.closed_by_id in (None, by.pk):
            raise Refused("appraisal.own", _("Nobody adopts what he computed: a second person does."))
        waiting = Objection.objects.filter(score__appraisal=made, state="open").count()
        if waiting:
            raise Refused("appraisal.objections", _("%(n)s objections wait for an answer.") % {"n": waiting})
        if Objection.objects.filter(score__appraisal=made, state="upheld", answered_at__gt=made.as_of).exists():
            raise Refused(
                "appraisal.upheld", _("An objection was upheld since the month was computed: compute it anew first.")
            )
        Score.objects.filter(appraisal=made).update(published=True)
        made.state, made.adopted_by, made.adopted_at = "adopted", by, clock.now()
        made.save()
    tell("appraisal.adopted", area_code=made.scheme.area_code, appraisal=made, period=made.period)


def _office(by: Any) -> None:
    if getattr(by, "role", "") != "city":
        raise Refused("appraisal.role", _("Only the city's safety committee office does this."))
