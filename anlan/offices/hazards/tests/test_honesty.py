"""Each check finds the lie that was planted for it, and nothing in records that are honest."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from anlan.kernel import clock
from anlan.kernel.cases.models import CaseEntry, EvidenceFile, Pause
from anlan.kernel.deadlines import add_months
from anlan.kernel.honesty import running
from anlan.kernel.honesty.declaring import checks, named
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.hazards.models import Danger, JudgementClause, SelfCheckReturn
from anlan.parties.models import Account, Enterprise

pytestmark = pytest.mark.django_db
NOW = datetime(2013, 6, 14, 9, tzinfo=clock.BEIJING)
MAY = date(2013, 5, 1)
YUBEI, BANAN = "500112000000", "500113000000"
TOLD = "已按照要求组织人员进行了全面整改并举一反三开展自查，隐患消除"


@pytest.fixture(autouse=True)
def city() -> Iterator[None]:
    with clock.frozen(NOW), acting(Actor("test", "tests"), EVERYWHERE):
        yield


def at(day: int, hour: int = 10, minute: int = 0, month: int = 5) -> datetime:
    return datetime(2013, month, day, hour, minute, tzinfo=clock.BEIJING)


_n = iter(range(10**9))


def unsaved(found: datetime, closed: datetime | None = None, area: str = YUBEI, **facts: Any) -> Danger:
    """An honest general danger: rectified half way between find and closure, rectified in a day's time limit."""
    n = next(_n)
    rectified = found + (closed - found) / 2 if closed else None
    return Danger(
        **{
            "number": f"真〔2013〕{n}号", "title": "护栏缺失", "description": "护栏缺失", "source": "inspection",
            "state": "closed" if closed else "rectifying", "grade": "general", "area_code": area,
            "owner_area_code": area, "found_at": found, "opened_at": found, "closed_at": closed,
            "rectified_at": rectified, "due_at": None if closed else found + timedelta(days=20),
            "rectify_by": found.date() + timedelta(days=20), "money": Decimal(100 * (n * 7 % 400 + 10)),
            "result": f"护栏已按方案加装完毕，现场复核牢固，第{n}处", "measures": "加装", "responsible": "王五",
        }
        | facts
    )  # fmt: skip


def danger(*args: Any, **facts: Any) -> Danger:
    made = unsaved(*args, **facts)
    made.save()
    return made


def enterprise(name: str = "", area: str = YUBEI) -> Enterprise:
    return Enterprise.objects.create(name=name or f"厂{next(_n)}", area_code=area)


def entry(case: Danger, move: str, when: datetime, version: int, by: int | None, name: str = "某人") -> CaseEntry:
    return CaseEntry.objects.create(
        **CaseEntry.keys(case), move=move, to_state="closed", at=when, version=version, by_id=by, by_name=name
    )


def photograph(case: Danger, shows: str, sha256: str, when: datetime, version: int) -> None:
    EvidenceFile.objects.create(
        **EvidenceFile.keys(case), entry=entry(case, "note", when, version, None), demand=shows, name="照片.jpg",
        sha256=sha256 * 64, media_type="image/jpeg", size=1, given_at=when,
    )  # fmt: skip


def found(name: str, month: date = MAY) -> dict[str, running.Odd]:
    """What one check finds, by area."""
    one = named(name)
    assert one is not None
    moments = running.moments(month)
    running.gather((one,), moments)
    return {odd.area: odd for odd in running.found(one, month, moments)}


def spread(area: str, many: int, first: date = date(2012, 5, 1), until: date = date(2013, 6, 1), seed: int = 0) -> None:
    """So many honest closures over the months, on working days more often than at the weekend."""
    rng, days = Random(f"{area}{seed}"), [first + timedelta(days=n) for n in range((until - first).days)]
    weights = [1 if day.weekday() < 5 else 0.2 for day in days]
    rows = []
    for day in rng.choices(days, weights, k=many):
        closed = datetime(day.year, day.month, day.day, rng.randrange(8, 18), tzinfo=clock.BEIJING)
        rows.append(unsaved(closed - timedelta(days=rng.random() * 20), closed, area))
    Danger.objects.bulk_create(rows)


def test_a_burst_before_the_cut_off_is_found_and_an_even_month_is_not() -> None:
    for area in (YUBEI, BANAN):
        spread(area, 260)
    for n in range(18):
        danger(at(10), at(29 + n % 3, 10 + n % 6))
    odd = found("hazards.before_cut_off")
    assert list(odd) == [YUBEI]
    assert odd[YUBEI].n >= 18
    assert odd[YUBEI].chance is not None
    assert odd[YUBEI].chance < 0.001
    assert sum(n for _day, n in odd[YUBEI].chart) == odd[YUBEI].numbers["of"]
    assert {row[1] for row in odd[YUBEI].records} == {"2013-05-29", "2013-05-30", "2013-05-31"}


def test_one_visit_to_one_enterprise_is_no_burst() -> None:
    spread(YUBEI, 260)
    firm = enterprise()
    for _n in range(18):
        danger(at(10), at(30), enterprise=firm)
    assert found("hazards.before_cut_off") == {}


def test_one_photograph_in_two_cases() -> None:
    one, two, other, again = (danger(at(n), at(n + 9)) for n in range(2, 6))
    photograph(one, "after", "a", at(8), 1)
    photograph(two, "after", "a", at(9), 1)
    photograph(other, "after", "b", at(9), 1)
    # A duplicate that was withdrawn shows what the other shows, and rightly.
    photograph(again, "before", "b", at(9), 1)
    Danger.objects.filter(pk=again.pk).update(state="withdrawn")
    odd = found("hazards.same_photograph")
    assert [(o.area, o.n, {row[0] for row in o.records}) for o in odd.values()] == [(YUBEI, 2, {one.pk, two.pk})]


def test_a_photograph_of_years_ago_is_shown_beside_the_one_of_today() -> None:
    old, new = danger(at(1, month=2), area=BANAN), danger(at(2))
    photograph(old, "after", "c", at(3, month=2), 1)
    photograph(new, "after", "c", at(3), 1)
    odd = found("hazards.same_photograph")
    assert list(odd) == [YUBEI]
    assert {row[0] for row in odd[YUBEI].records} == {old.pk, new.pk}


def test_one_photograph_before_and_after() -> None:
    lied, true = danger(at(2)), danger(at(3))
    for case, after in ((lied, "d"), (true, "f")):
        photograph(case, "before", "d" if case is lied else "e", at(4), 1)
        photograph(case, "after", after, at(6), 2)
    odd = found("hazards.before_is_after")
    assert [row[0] for row in odd[YUBEI].records] == [lied.pk]


def test_silence_where_much_was_found() -> None:
    for area in (YUBEI, BANAN):
        Danger.objects.bulk_create(
            unsaved(datetime(2012, 5 + n % 8, 3 + n % 20, 9, tzinfo=clock.BEIJING), area=area) for n in range(120)
        )
    danger(at(5), area=BANAN)
    odd = found("hazards.silent")
    assert list(odd) == [YUBEI]
    assert odd[YUBEI].numbers["past"] == 120


def test_zero_returns_where_dangers_are_recorded() -> None:
    by = Account.objects.create_user("r", name="r", role="district", area_code=YUBEI)
    for n in range(12):
        firm = enterprise(area=YUBEI if n < 6 else BANAN)
        danger(at(3, month=2), area=firm.area_code, enterprise=firm)
        SelfCheckReturn.objects.create(
            enterprise=firm, area_code=firm.area_code, period="2013Q1", general_found=0 if n < 6 else 1,
            general_rectified=0, major_found=0, major_rectified=0, money_yuan=0, signed_by="王五", signed_how="paper",
            signed_at=at(9, month=4), due_on=date(2013, 4, 15), late=False, submitted_by=by,
        )  # fmt: skip
    odd = found("hazards.zero_returns", date(2013, 4, 1))
    assert [(o.area, o.n, o.numbers["held"]) for o in odd.values()] == [(YUBEI, 6, 6)]


def test_no_time_limit() -> None:
    without = danger(at(3), due_at=None)
    also = danger(at(4), rectify_by=None)
    danger(at(5))
    danger(at(6), at(9), due_at=None, rectify_by=None)
    paused, resumed = danger(at(7), due_at=None), danger(at(8), due_at=None)
    Pause.objects.create(**Pause.keys(paused), begin=at(8), reason="等待专家论证")
    Pause.objects.create(**Pause.keys(resumed), begin=at(8), end=at(9), reason="等待专家论证")
    assert {row[0] for row in found("hazards.no_time_limit")[YUBEI].records} == {without.pk, also.pk, resumed.pk}


def test_filed_as_less_than_it_says_of_itself() -> None:
    clause = JudgementClause.objects.first()
    lies = [
        danger(at(3), needs_stop=True), danger(at(3), outside_cause=True), danger(at(3), judgement=clause),
        danger(at(3), stopped_at=at(4)), danger(at(3), description="该处属重大事故隐患，须停产整改"),
        danger(at(3), state="dismissed", grade="", stopped_at=at(4), closed_at=at(5)),
    ]  # fmt: skip
    danger(at(3))
    danger(at(3), grade="major", needs_stop=True, contingency="预案")
    rows = found("hazards.graded_down")[YUBEI].records
    assert {row[0] for row in rows} == {one.pk for one in lies}
    assert {row[2] for row in rows} == {"needs_stop", "outside_cause", "clause", "stopped", "words"}


def test_dates_that_precede_their_cause() -> None:
    lies = {
        danger(at(9), at(12), rectified_at=at(8)).pk: "rectified_found",
        danger(at(3), at(12), rectified_at=at(13)).pk: "closed_rectified",
        danger(at(3), stopped_at=at(9), resumed_at=at(8)).pk: "resumed_stopped",
        danger(at(3), publication_asked_at=at(9), published_at=at(8)).pk: "published_proposed",
        danger(at(9), rectify_by=date(2013, 5, 8)).pk: "limit_found",
    }
    danger(at(3), at(12), stopped_at=at(4), resumed_at=at(9), rectify_by=date(2013, 5, 3))
    odd = found("hazards.dates")[YUBEI]
    assert {row[0]: row[2] for row in odd.records} == lies
    assert odd.n == len(lies)


@pytest.mark.parametrize(
    ("counts", "lie"), [([20, 21] * 6, True), ([14, 27, 19, 22, 31, 16, 20, 12, 25, 18, 23, 21], False)]
)
def test_numbers_too_even(counts: list[int], lie: bool) -> None:
    for n, count in enumerate(counts):
        first = add_months(date(2012, 6, 1), n)
        Danger.objects.bulk_create(
            unsaved(datetime(first.year, first.month, 2 + k % 26, 9, tzinfo=clock.BEIJING)) for k in range(count)
        )
    assert bool(found("hazards.even")) is lie


@pytest.mark.slow
def test_digits_of_money() -> None:
    for n in range(900):
        area = (YUBEI, BANAN, "500115000000")[n % 3]
        money = 1800 + 1000 * (n % 9) if area == YUBEI and n % 2 else 1000 + 100 * (n * 37 % 250)
        unsaved(at(1 + n % 28, month=1 + n % 5), area=area, money=Decimal(money)).save()
    odd = found("hazards.money_digits")
    assert YUBEI in odd
    assert odd[YUBEI].numbers["digit"] == 8
    assert odd[YUBEI].n > 150


def test_copied_texts() -> None:
    for _n in range(5):
        danger(at(3), at(9), result=TOLD, enterprise=enterprise())
    for _n in range(5):
        danger(at(3), at(9), area=BANAN, result="已整改", enterprise=enterprise(area=BANAN))
    firm = enterprise(area="500115000000")
    for _n in range(9):
        danger(at(3), at(9), area="500115000000", result=TOLD, enterprise=firm)
    odd = found("hazards.same_words")
    assert [(o.area, o.n) for o in odd.values()] == [(YUBEI, 5)]


def test_many_at_once_by_one_person() -> None:
    for n in range(16):
        area, by = (YUBEI, 7) if n < 8 else (BANAN, 8)
        # The one in eight minutes, the other in eight hours.
        when = at(20, 9, n) if by == 7 else at(20, n)
        entry(danger(at(3), when, area, enterprise=enterprise(area=area)), "accept", when, 1, by)
    odd = found("hazards.at_once")
    assert [(o.area, o.n, o.numbers["people"]) for o in odd.values()] == [(YUBEI, 8, 1)]


def test_at_night() -> None:
    for area, hours in ((YUBEI, (23, 2, 4)), (BANAN, (22, 5, 23))):
        for hour in hours:
            entry(danger(at(3), at(20, hour), area), "accept", at(20, hour), 1, 7)
    odd = found("hazards.at_night")
    assert [(o.area, o.n) for o in odd.values()] == [(YUBEI, 3)]
    assert dict(odd[YUBEI].chart)["23"] == 1


def test_rectified_and_accepted_by_one_hand() -> None:
    lies = {}
    for by, name, code in ((7, "王五", "one_account"), (8, "王五", "two_accounts"), (9, "李四", "")):
        case = danger(at(3), at(20))
        entry(case, "rectify", at(9), 1, 7, "王五")
        entry(case, "accept", at(20), 2, by, name)
        if code:
            lies[case.pk] = code
    assert {row[0]: row[2] for row in found("hazards.one_hand")[YUBEI].records} == lies


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_an_honest_city_has_no_finds(seed: int) -> None:
    for n in range(38):
        spread(f"5001{n + 1:02d}000000", 60 + 7 * n, seed=seed)
    assert running.run(MAY) == running.Outcome()


def test_every_check_says_what_it_looks_for_and_its_thresholds_are_the_law_tables() -> None:
    for one in checks():
        assert one.title
        assert one.looks_for
        assert one.method
        assert all(rule.source for rule in one.rules(MAY).values())
        assert one.parameters(MAY).keys() == one.limits.keys()
