"""A figure is the count of the list that it opens, for whoever looks, on whichever back-end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext

from anlan.engines.measures import AnyMeasure, Measure, Period, Ratio, parts
from anlan.engines.measures.expressions import statement, where_clause
from anlan.engines.measures.figures import WHENS, Figures
from anlan.engines.measures.series import any_in
from anlan.kernel import clock
from anlan.kernel.figures import computing, lists, measured_clauses
from anlan.kernel.figures.declaring import REGISTRY
from anlan.kernel.registers import query, register_named
from anlan.kernel.scope import EVERYWHERE, Actor, Scope, acting
from anlan.offices.accidents.models import Accident, Category
from anlan.offices.hazards.models import Danger
from anlan.parties.models import BaseFigure, Enterprise

TESTER = Actor("test", "tests")
NOW = datetime(2013, 6, 14, 10, 30, tzinfo=clock.BEIJING)
AREAS = ("500000000000", "500112000000", "500112131000", "500112131201", "500113000000", "500101002000")
INDUSTRIES = ("coal", "fire", "hazchem", None)
JUNE, TO_MAY = Period.parse("2013-06"), Period.parse("..2013-05")
BY = ("area", "industry", "grade", "source")
GRADES = {m._meta.db_table: [g for g, _ in m._meta.get_field("grade").choices] for m in (Danger, Accident)}
every_measure = pytest.mark.parametrize("measure", REGISTRY.all(), ids=lambda m: m.name)
pytestmark = pytest.mark.django_db


STATES = ("found", "verified", "rectifying", "rectified", "closed", "closed", "dismissed", "withdrawn")


def fill(seed: int, many: int = 250) -> None:
    """Enterprises and dangers of 14 months, with every state, cut and border that measures know."""
    rng = Random(seed)
    Enterprise.objects.bulk_create(
        Enterprise(name=f"厂{n}", area_code=rng.choice(AREAS), industry_id=rng.choice(INDUSTRIES), status=status)
        for n in range(40)
        for status in [rng.choice(Enterprise.STATUSES)[0]]
    )

    def moment(after: datetime, days: float) -> datetime:
        at = after + timedelta(days=rng.random() * days)
        # Borders of days and months are where counting goes wrong.
        return rng.choice((at, at.replace(hour=0, minute=0, second=0, microsecond=0), at.replace(hour=23, minute=59)))

    cases = []
    for n in range(many):
        # Half of them of the last month and a half, that each month and week has some.
        found = min(moment(NOW - (length := rng.choice((timedelta(days=430), timedelta(days=45)))), length.days), NOW)
        state = rng.choice(
            ("found", "verified", "rectifying", "rectified", "closed", "closed", "dismissed", "withdrawn")
        )
        ended = state in ("closed", "dismissed", "withdrawn")
        grade = "" if state == "found" else rng.choice(("general", "general", "major"))
        rectified = moment(found, 50) if state in ("rectified", "closed") else None
        cases.append(
            Danger(
                number=f"试{seed}-{n}", title="试", state=state, source=rng.choice(("selfcheck", "report")),
                area_code=rng.choice(AREAS), industry_id=rng.choice(INDUSTRIES), owner_area_code=AREAS[1],
                found_at=found, opened_at=found, grade=grade, measures="措施", responsible="人", contingency="预案",
                money=Decimal(1), rectify_by=moment(found, 40).date(), rectified_at=rectified,
                closed_at=moment(rectified or found, 60) if ended else None, due_at=moment(found, 60),
                listed_at=moment(found, 20) if rng.random() < 0.3 else None,
            )
        )  # fmt: skip
    Danger.objects.bulk_create(cases)
    category = Category.objects.get(scheme="national-2012", code="coal")
    Accident.objects.bulk_create(
        Accident(
            number=f"试安{seed}-{n}", title="试", state=rng.choice(("reporting", "closed", "closed", "dismissed")),
            area_code=rng.choice(AREAS), industry_id=rng.choice(INDUSTRIES), owner_area_code=AREAS[1],
            category=category, course="试", occurred_at=(at := min(moment(NOW - timedelta(days=430), 430), NOW)),
            known_at=at, opened_at=at, grade=rng.choice(("ordinary", "larger", "major")), deaths=rng.randrange(12),
            counts=rng.random() < 0.8,
        )
        for n in range(many // 4)
    )  # fmt: skip
    for kind, industry in (("output", None), ("employees", None), ("vehicles", "road"), ("coal", "coal")):
        BaseFigure.objects.bulk_create(
            BaseFigure(
                kind=kind, industry_id=industry, area_code=area, year=year, months=months, source="试",
                value=Decimal(rng.randrange(10**6)).scaleb(-rng.randrange(5)) * rng.choice((0, 1, 1)),
            )
            for area in AREAS[:2] + AREAS[4:5] for year in (2012, 2013) for months in (3, 5, 12) if rng.random() < 0.9
        )  # fmt: skip


@pytest.fixture(autouse=True)
def standing_clock() -> Iterator[None]:
    with clock.frozen(NOW):
        yield


def listed(url: str, value: str | None = None) -> int:
    """How many records the list at that address has, or what a column of theirs adds up to."""
    path, _, asked = url.partition("?")
    declared = register_named(path.strip("/").split("/")[-1])
    assert declared is not None
    rows = query.listing(declared, declared.model._default_manager.all(), QueryDict(asked)).rows
    return rows.count() if value is None else sum(getattr(row, value) for row in rows)


def places(figures: Figures, measure: AnyMeasure) -> list[dict[str, str | None]]:
    """Every cell of the cube, and every sum over some of its dimensions, down to each tier."""
    made: list[dict[str, str | None]] = [{}]
    for digits in (2, 6, 9, 12):
        made += [{"area": area} for (area,) in figures.keys("area", digits=digits)]
    for names in (("industry",), ("area", "industry"), ("grade",), ("industry", "grade", "source")):
        if set(names) <= measure.dimensions:
            made += [dict(zip(names, key, strict=True)) for key in figures.keys(*names)]
    # Grades of dangers are no grades of accidents: what a source does not know, its list does not filter by.
    known = {part.source.table: GRADES[part.source.table] for part in parts(measure) if "grade" in measure.dimensions}
    return [w for w in made if all(w.get("grade", "") in ("", *grades) for grades in known.values())]


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "2013-06-14",
        *(
            pytest.param(period, marks=pytest.mark.slow)
            for period in ("2013-06", "2013-05", "2013", "..2013-05", "2013-W24", "2013-06-X1")
        ),
    ],
)
def test_every_figure_is_the_count_of_the_list_that_it_opens(text: str) -> None:
    with acting(TESTER, EVERYWHERE):
        fill(len(text) + ord(text[-1]))
        measures = [m for m in REGISTRY.all() if isinstance(m, Measure)]
        figures = computing.compute((), Period.parse(text), by=("area", "industry", "grade", "source"), tier=4)
        checked = 0
        for measure in measures:
            every = places(figures, measure)
            for where in [{}, *Random(text).sample(every, min(len(every), 12))]:
                compared = figures.at(measure, **where)
                for when in WHENS:
                    figure = getattr(compared, when)
                    url = lists.records_url(figures, measure, when, **where)
                    if figure.value is not None:
                        checked += figure.value > 0
                        assert listed(url, measure.value) == figure.value, url
        assert checked > 60


def test_a_ratio_opens_the_records_above_the_line() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(7)
        figures = computing.compute(["hazards.closure_rate"], JUNE, by=("area",))
        rate = REGISTRY.named("hazards.closure_rate")
        figure = figures.at(rate, area="500112").now
        assert figure.denominator
        assert listed(lists.records_url(figures, rate, area="500112")) == figure.numerator


def test_figures_are_what_their_definitions_say() -> None:
    """Counted once more, by other means, from the same records."""
    with acting(TESTER, EVERYWHERE):
        fill(3)
        figures = computing.compute((), JUNE)
        dangers = [d for d in Danger.objects.all() if d.state not in ("dismissed", "withdrawn")]

    def now(name: str) -> Any:
        return figures.at(REGISTRY.named("hazards." + name)).now

    begin = datetime(2013, 6, 1, tzinfo=clock.BEIJING)
    found = [d for d in dangers if begin <= d.found_at < NOW]
    still = [d for d in dangers if d.found_at < NOW and (d.closed_at is None or d.closed_at >= NOW)]
    due = [d for d in dangers if begin.date() <= d.rectify_by < NOW.date()]
    on_time = [d for d in due if d.rectified_at and d.rectified_at.astimezone(clock.BEIJING).date() <= d.rectify_by]
    closed = [d for d in found if d.state == "closed" and d.closed_at < NOW]
    assert now("found").value == len(found)
    assert now("open").value == len(still)
    assert now("overdue").value == len([d for d in still if d.due_at < NOW])
    assert now("listed").value == len([d for d in still if d.listed_at and d.listed_at < NOW])
    assert (now("on_time").value, now("due").value) == (len(on_time), len(due))
    rate = now("closure_rate")
    assert (rate.numerator, rate.denominator) == (len(closed), len(found))
    assert abs(rate.value - Decimal(100 * len(closed)) / len(found)) <= Decimal("0.05")


@pytest.mark.parametrize(
    "scope",
    [Scope("500112"), Scope("500112131"), Scope("50", frozenset({"coal"})), Scope("500113", frozenset({"fire"})),
     Scope("50", None, 1), Scope("510")],
    ids=str,
)  # fmt: skip
def test_a_person_counts_only_what_he_may_see(scope: Scope) -> None:
    with acting(TESTER, EVERYWHERE):
        fill(5)
        seen = [d for d in Danger.objects.all() if scope.covers(d.area_code, d.industry_id, d.enterprise_id)]
    with acting(Actor("person", "某人"), scope):
        figures = computing.compute(["hazards.found"], Period.parse("2013"), by=("area", "industry"))
        found = REGISTRY.named("hazards.found")
        begin = datetime(2013, 1, 1, tzinfo=clock.BEIJING)
        mine = [
            d for d in seen if d.found_at >= begin and d.found_at < NOW and d.state not in ("dismissed", "withdrawn")
        ]
        assert figures.at(found).now.value == len(mine)
        for area, industry in figures.keys("area", "industry"):
            assert scope.covers(area.ljust(12, "0"), industry) or area == scope.area[:6]


def test_outside_any_scope_everything_is_nought() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(6)
    figures = computing.compute(["hazards.open"], JUNE)
    assert figures.at(REGISTRY.named("hazards.open")).now.value == 0


def same(here: Figures, there: Figures) -> None:
    """Two back-ends give one answer in every cell."""
    for measure in REGISTRY.all():
        for where in places(here, measure):
            assert here.at(measure, **where) == there.at(measure, **where)
    assert here.keys(*BY) == there.keys(*BY)


@pytest.mark.parametrize("seed", [11, *(pytest.param(s, marks=pytest.mark.slow) for s in (12, 13))])
def test_postgresql_and_the_snapshot_in_duckdb_give_one_answer(seed: int, tmp_path: Path) -> None:
    with acting(TESTER, EVERYWHERE):
        fill(seed)
        snapshot = computing.take_snapshot(tmp_path / "city.duckdb")
        assert snapshot.taken_at == NOW
        for period in (JUNE, TO_MAY):
            here = computing.compute((), period, by=BY, tier=4)
            same(here, computing.compute((), period, by=BY, tier=4, backend=snapshot, as_of=snapshot.taken_at))
        rates = [m for m in REGISTRY.all() if isinstance(m, Ratio) and m.denominator.source.stated]
        assert any(here.at(one, area=area[:6]).now.value for one in rates for area in AREAS)
        assert [p.name for p in tmp_path.iterdir()] == ["city.duckdb"]
        assert (tmp_path / "city.duckdb").stat().st_mode & 0o077 == 0


def test_whether_any_record_counts_is_said_as_it_is_counted(tmp_path: Path) -> None:
    with acting(TESTER, EVERYWHERE):
        fill(11, many=40)
        snapshot = computing.take_snapshot(tmp_path / "city.duckdb")
        plain = [m for m in REGISTRY.all() if isinstance(m, Measure) and not m.source.stated]
        said = set()
        for period, within in product((JUNE, Period.parse("2012-05"), Period.parse("2014")), ("", "500112131", "51")):
            counted = computing.compute([m.name for m in plain], period, within=within, compare=False)
            for one in plain:
                for backend in (computing.postgres(), snapshot):
                    found = any_in(one, period, as_of=NOW, backend=backend, within=within)
                    assert found == bool(counted.at(one).now.value), (one.name, period, within)
                    said.add(found)
        assert said == {True, False}


def test_a_snapshot_holds_no_names_and_no_texts(tmp_path: Path) -> None:
    import duckdb

    with acting(TESTER, EVERYWHERE):
        fill(1, 5)
        computing.take_snapshot(tmp_path / "city.duckdb")
    with duckdb.connect(str(tmp_path / "city.duckdb"), read_only=True) as con:
        columns = {c for (c,) in con.execute("SELECT column_name FROM information_schema.columns").fetchall()}
    assert not {"name", "phone", "description", "responsible", "owner_name"} & columns


def test_all_measures_take_one_query_for_each_source() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(2, 20)
        with CaptureQueriesContext(connection) as queries:
            figures = computing.compute((), JUNE, by=("area", "industry"))
            for measure in REGISTRY.all():
                figures.at(measure, area="500112", industry="coal")
                figures.at(measure, area="50")
    # And one that asks which city this is, whose own figures are stated.
    assert len(queries) == len(REGISTRY.sources()) + 1


def test_what_the_records_say_of_the_present_only_has_no_figure_for_a_period_that_is_over() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(2, 20)
        may = computing.compute(["hazards.overdue"], Period.parse("2013-05"))
        june = computing.compute(["hazards.overdue"], JUNE)
    overdue = REGISTRY.named("hazards.overdue")
    assert may.at(overdue).now.absent == "present_only"
    assert june.at(overdue).now.value is not None
    assert june.at(overdue).previous.absent == june.at(overdue).last_year.absent == "present_only"
    assert june.at(overdue).change("previous") is None


def test_a_period_to_come_has_no_figures() -> None:
    with acting(TESTER, EVERYWHERE):
        figures = computing.compute(["hazards.found", "hazards.closure_rate"], Period.parse("2013-07"))
        for name in ("hazards.found", "hazards.closure_rate"):
            assert figures.at(REGISTRY.named(name)).now.absent == "not_begun"
            assert lists.records_url(figures, REGISTRY.named(name)) == ""


def test_a_rate_of_nothing_is_not_available() -> None:
    with acting(TESTER, EVERYWHERE):
        rate = computing.compute(["hazards.closure_rate"], JUNE).at(REGISTRY.named("hazards.closure_rate"))
    assert (rate.now.value, rate.now.absent, rate.now.denominator) == (None, "denominator", 0)


def test_a_figure_by_a_dimension_that_its_records_lack_is_not_available() -> None:
    with acting(TESTER, EVERYWHERE):
        fill(2, 20)
        figures = computing.compute((), JUNE, by=("area", "grade"))
    assert figures.at(REGISTRY.named("parties.operating"), grade="major").now.absent == "dimension"
    with pytest.raises(LookupError):
        figures.at(REGISTRY.named("hazards.found"), industry="coal")
    with pytest.raises(LookupError):
        figures.at(REGISTRY.named("hazards.found"), area="500112131")


@every_measure
def test_every_measure_compiles_for_every_back_end_and_says_all_in_both_languages(measure: AnyMeasure) -> None:
    from django.utils.translation import override

    for part in [measure] if isinstance(measure, Measure) else [measure.numerator, measure.denominator]:
        for dialect in ("postgres", "duckdb", "pyspark"):
            assert statement(dialect, part.source, ((part, 0),), tuple(part.source.dimensions), 6, False).sql
        assert where_clause("postgres", part, "t").sql
    for what in (measure.title, measure.definition, measure.source_of_law):
        with override("en"):
            english = str(what)
        with override("zh-hans"):
            assert str(what) != english
    assert isinstance(measure, Measure | Ratio)


def test_the_plan_can_ask_which_clauses_have_a_measure() -> None:
    assert "W3.5" in measured_clauses()
    assert "G1.5" not in measured_clauses()


def test_a_list_that_a_figure_opens_can_be_used_inside_another_query() -> None:
    """A condition that kept its table's own name would silently speak of the outer query's rows."""
    with acting(TESTER, EVERYWHERE):
        fill(9)
        declared = register_named("dangers")
        assert declared is not None
        asked = QueryDict("counted=hazards.closed&period=2013-06")
        rows = query.listing(declared, Danger.objects.all(), asked).rows
        assert Danger.objects.filter(pk__in=rows.values("pk")).count() == rows.count() > 0
        assert Danger.objects.exclude(pk__in=rows.values("pk")).count() == Danger.objects.count() - rows.count()


@pytest.mark.parametrize(
    ("asked", "place"),
    [
        ("counted=hazards.found", "period"),
        ("period=2013-06", "counted"),
        ("counted=hazards.nothing&period=2013-06", "counted"),
        ("counted=hazards.closure_rate&period=2013-06", "counted"),
        ("counted=parties.operating&period=2013-06", "counted"),
        ("counted=hazards.found&period=June", "period"),
        ("counted=hazards.found&period=2013-07", "period"),
        ("counted=hazards.overdue&period=2013-05", "period"),
        ("counted=hazards.found&period=2013-06&until=now", "until"),
        ("counted=hazards.found&period=2013-06&until=2013-06-10", "until"),
        ("counted=hazards.found&period=2013-06&until=2013-07-10T00:00:00%2B08:00", "until"),
        ("counted=hazards.found&period=2013-06&area_begins=5x", "area_begins"),
        ("counted=hazards.found&period=2013-06&without=state", "without"),
    ],
)
def test_an_address_that_cannot_be_names_the_parameter(asked: str, place: str) -> None:
    declared = register_named("dangers")
    assert declared is not None
    with acting(TESTER, EVERYWHERE), pytest.raises(query.BadQuery) as refused:
        query.listing(declared, Danger.objects.all(), QueryDict(asked))
    assert refused.value.place == place
