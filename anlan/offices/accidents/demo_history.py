"""Years of accidents for a demonstration at any scale: shaped like Chongqing's series, written with COPY.

What is known of the series (deaths by year, the shares of road, construction and coal in 2012) is kept to the person;
the seasons, hours, second deaths and the number of larger accidents are made up, plausibly and always alike.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from django.db import connection, models

from anlan.kernel.cases.models import CaseCounter, CaseEntry
from anlan.kernel.clock import BEIJING
from anlan.kernel.models import given_fields

from . import rules
from .lifecycle import ACCIDENT
from .models import Accident, Category, Report

FIRST_DAY_OF_THE_DECREE = date(2007, 6, 1)

SHARES = {
    "road": 0.684, "construction": 0.129, "coal": 0.067, "trade": 0.040, "noncoal_mine": 0.028, "water": 0.014,
    "fire": 0.014, "hazchem": 0.010, "railway": 0.008, "fireworks": 0.006,
}  # fmt: skip
"""Shares of deaths by category: the first three are those published for 2012; the rest divides what is left."""

MONTHS = (0.92, 0.78, 0.88, 0.95, 1.0, 1.0, 1.04, 1.08, 1.05, 1.0, 1.1, 1.2)
HOURS = (2, 2, 1, 1, 1, 2, 4, 6, 7, 8, 8, 6, 4, 5, 7, 8, 8, 8, 7, 6, 5, 4, 3, 2)

COURSES = {
    "road": ("车辆行驶至弯道处驶离路面翻坠", "货车与对向客车相撞", "摩托车与货车追尾", "行人横穿公路被撞"),
    "construction": (
        "作业人员从脚手架坠落",
        "基坑边坡局部坍塌掩埋作业人员",
        "塔吊吊物坠落击中地面人员",
        "模板支撑失稳坍塌",
    ),
    "coal": ("掘进工作面顶板垮落", "斜井跑车撞击人员", "回风巷瓦斯积聚致人窒息", "运输机伤人"),
    "trade": ("设备检修时机械伤害", "车间内叉车挤压人员", "配电作业触电", "有限空间作业中毒"),
    "noncoal_mine": ("采场边坡浮石滚落", "爆破飞石伤人", "排险作业坠落"),
    "water": ("船员作业时落水", "小型船舶在航道内碰撞"),
    "fire": ("居民自建房底层商铺起火", "仓库线路故障起火"),
    "hazchem": ("检修动火引发闪爆", "装卸软管脱落致人中毒"),
    "railway": ("人员违法进入线路被撞", "道口机动车与列车相撞"),
    "fireworks": ("装药间燃烧", "晒场药物自燃"),
}


@dataclass(frozen=True, slots=True)
class Year:
    """How many fatal accidents and deaths a year had, how many were larger or graver, and until when it is told."""

    year: int
    fatal: int
    deaths: int
    larger: tuple[int, ...]
    nonfatal: int = 0
    until: date | None = None
    major: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """A place where something may happen, with the enterprise that works there."""

    area_code: str
    lon: float | None
    lat: float | None
    place: str
    enterprise_id: int | None = None
    unit: str = ""
    industry: str | None = None
    care: float = 0.5


@dataclass(slots=True)
class Written:
    """What was written."""

    accidents: int = 0
    deaths: int = 0
    late: list[int] = field(default_factory=list)


def known_years(total: int | None = None) -> tuple[Year, ...]:
    """2011, 2012 and 2013 to 14 June as published; with `total`, ten years with so many accidents in all.

    Years whose deaths are not known lie on the line between those that are (2003: 3,613, 2007: 2,197, 2010: 1,793).
    """
    larger_2011 = (3,) * 22 + (4,) * 8 + (5, 6, 7)
    larger_2012 = (3,) * 21 + (4,) * 7 + (5, 5, 6)
    lately = (
        Year(2011, 1444, 1656, larger_2011, 230),
        Year(2012, 1374, 1539, larger_2012, 210),
        Year(2013, 539, 592, (4, 3), 90, date(2013, 6, 14)),
    )
    if total is None:
        return lately
    fixed = {2003: 3613, 2007: 2197, 2010: 1793}
    earlier = []
    for year in range(2004, 2011):
        below, above = max(y for y in fixed if y <= year), min(y for y in fixed if y >= year)
        part = 0 if above == below else (year - below) / (above - below)
        deaths = round(fixed[below] + (fixed[above] - fixed[below]) * part)
        larger = (3,) * 34 + (4,) * 14 + (5, 5, 6, 7, 8, 9)
        earlier.append(Year(year, deaths - sum(n - 1 for n in larger) - deaths // 20, deaths, larger))
    years = (*earlier, *lately)
    # What is left of the total hurt people and killed nobody, spread like the deaths.
    rest = max(0, total - sum(y.fatal for y in years))
    weight = sum(y.deaths for y in years)
    counts = [rest * y.deaths // weight for y in years]
    counts[0] += rest - sum(counts)
    return tuple(
        Year(y.year, y.fatal, y.deaths, y.larger, n, y.until, y.major) for y, n in zip(years, counts, strict=True)
    )


def more_years(total: int) -> tuple[Year, ...]:
    """What `known_years(total)` has beyond `known_years()`, which the small city has already."""
    there = {y.year: y for y in known_years()}
    return tuple(
        replace(y, fatal=0, deaths=0, larger=(), nonfatal=max(0, y.nonfatal - there[y.year].nonfatal))
        if y.year in there
        else y
        for y in known_years(total)
    )


def sizes(year: Year) -> list[int]:
    """Deaths of each accident of a year, the largest first: exactly so many accidents and so many deaths."""
    grave = sorted((*year.major, *year.larger), reverse=True)
    pairs = year.deaths - sum(grave) - (year.fatal - len(grave))
    ones = year.fatal - len(grave) - pairs
    if pairs < 0 or ones < 0:
        raise ValueError(f"{year.year}: {year.fatal} accidents cannot have {year.deaths} deaths")
    return [*grave, *([2] * pairs), *([1] * ones), *([0] * year.nonfatal)]


def categories_of(year: Year, rng: Random) -> list[str]:
    """A category for each accident of `sizes`, so that the shares of deaths come out to the person."""
    left = {code: round(share * year.deaths) for code, share in SHARES.items()}
    left["road"] += year.deaths - sum(left.values())
    chosen = []
    for size in sizes(year):
        open_ = [(code, n) for code, n in left.items() if n >= size] if size else list(SHARES.items())
        codes, weights = zip(*open_, strict=True)
        code = rng.choices(codes, weights)[0]
        if size:
            left[code] -= size
        chosen.append(code)
    return chosen


def moment(year: Year, rng: Random) -> datetime:
    """When an accident of the year happened, by season and hour."""
    end = year.until or date(year.year + 1, 1, 1)
    while True:
        month = rng.choices(range(1, 13), MONTHS)[0]
        day = date(year.year, month, 1) + timedelta(days=rng.randrange(31))
        if day.month == month and day < end:
            hour = rng.choices(range(24), HOURS)[0]
            return datetime(day.year, day.month, day.day, hour, rng.randrange(60), tzinfo=BEIJING)


# --- Writing -------------------------------------------------------------------------------------------

_UNIT, _DISTRICT = ("事故单位", "enterprise"), ("区县安监局 值班室", "district")


def generate(years: Sequence[Year], sites: Sequence[Site], now: datetime, rng: Random) -> Written:
    """Writes the accidents of `years` with their reports and histories; those long past are closed.

    Time and memory grow with the number of accidents alone, about 60,000 a minute on one core; rows go by COPY into a
    temporary table and from there in one statement, because PostgreSQL takes no COPY into a table with row security.
    """
    known = {c.code: c for c in Category.objects.filter(scheme="national-2012")}
    by_industry: dict[str | None, list[Site]] = {}
    for site in sites:
        by_industry.setdefault(site.industry, []).append(site)
    told = [
        (moment(year, rng), deaths, code)
        for year in years
        for deaths, code in zip(sizes(year), categories_of(year, rng), strict=True)
    ]
    told = sorted((at, deaths, code) for at, deaths, code in told if at < now - timedelta(hours=6))
    keys = {model: _reserve(model, n * len(told)) for model, n in ((Accident, 1), (Report, 3), (CaseEntry, 4))}
    counts: Counter[tuple[str, int]] = Counter(
        {
            (c.series.partition(":")[2], c.year): c.last
            for c in CaseCounter.objects.filter(series__startswith="accident:")
        }
    )
    marks: dict[str, str] = {}
    done = Written()
    accidents: list[dict[str, Any]] = []
    reports: list[dict[str, Any]] = []
    entries: list[dict[str, Any]] = []
    for at, deaths, code in told:
        site = rng.choice(by_industry.get(known[code].industry_id) or sites)
        owner = ACCIDENT.owner_area(site.area_code)
        mark = marks.setdefault(owner, "") or ACCIDENT.mark(owner)
        marks[owner] = mark
        counts[mark, at.year] += 1
        number = ACCIDENT.number.format(mark=mark, year=at.year, n=counts[mark, at.year])
        one = _Story(keys[Accident][len(accidents)], number, owner, site, known[code], at, deaths, now, rng)
        accidents.append(one.row)
        for report in one.reports:
            reports.append({"id": keys[Report][len(reports)], **report})
        for entry in one.entries:
            entries.append({"id": keys[CaseEntry][len(entries)], **entry})
        done.accidents, done.deaths = done.accidents + 1, done.deaths + deaths
        if one.late:
            done.late.append(one.row["id"])
    _write(Accident, accidents)
    _write(Report, reports)
    _write(CaseEntry, entries)
    for (mark, year_no), last in counts.items():
        CaseCounter.objects.update_or_create(series=f"accident:{mark}", year=year_no, defaults={"last": last})
    return done


class _Story:
    """One accident being told: its row, reports and history entries as columns."""

    def __init__(
        self, pk: int, number: str, owner: str, site: Site, category: Category, at: datetime, deaths: int,
        now: datetime, rng: Random,
    ) -> None:  # fmt: skip
        road = category.code in ("road", "railway") or (category.code == "fire" and rng.random() < 0.5)
        linked = site.enterprise_id is not None and not (road and rng.random() < 0.75)
        injured = rng.choices((0, 1, 2, 3), (60, 25, 10, 5))[0] if deaths else rng.choices((1, 2, 3), (70, 22, 8))[0]
        loss = Decimal(rng.randrange(8, 120) * 10_000 * max(deaths, 1) + injured * 60_000)
        day = max(at.date(), FIRST_DAY_OF_THE_DECREE)  # before the decree: graded as it would have been
        graded = rules.grade(rules.Figures(deaths, 0, injured, loss), day)
        careless = 1.4 - site.care
        known = at + timedelta(minutes=rng.randrange(2, 15))
        slow = rng.random() < 0.035 * careless
        told = known + timedelta(minutes=rng.randrange(65, 900) if slow else rng.randrange(5, 58))
        limit = 60 if graded.grade != "ordinary" else 120
        lagging = rng.random() < 0.02 * careless
        passed = told + timedelta(minutes=rng.randrange(limit + 5, 600) if lagging else rng.randrange(8, limit - 4))
        checked = passed + timedelta(days=rng.randrange(2, 6), minutes=rng.randrange(600))
        window = 7 if category.window in rules.SHORT else 30
        last_day = (at + timedelta(days=window)).date()
        ends = datetime(last_day.year, last_day.month, last_day.day, 23, 59, 59, tzinfo=BEIJING)
        closed = ends + timedelta(days=rng.randrange(1, 6), hours=9)
        self.late = slow or lagging
        unit = site.unit if linked else ""
        course = rng.choice(COURSES[category.code])
        basis = f"{graded.source}{graded.article}" + ("（施行前，参照）" if at.date() < FIRST_DAY_OF_THE_DECREE else "")
        place = site.place if linked else f"{site.place}附近路段" if road else site.place
        stated: dict[str, Any] = {
            "deaths": deaths, "missing": 0, "injured": injured, "slight": rng.choice((0, 0, 0, 1, 2)),
            "loss_yuan": loss, "trapped": 0, "endangered": 0, "evacuated": 0, "environment": False,
            "key_facility": False, "equipment_event": "", "capacity_mw": 0, "hours": 0, "course": course,
            "measures": "组织抢救伤员，保护现场，开展善后",
        }  # fmt: skip
        scope = {"area_code": site.area_code, "industry_id": category.industry_id,
                 "enterprise_id": site.enterprise_id if linked else None}  # fmt: skip
        # Deaths that came later stand in the verified report only, so that the versions differ as in life.
        early: dict[str, Any] = {**stated, "deaths": max(deaths - (1 if deaths > 1 and rng.random() < 0.3 else 0), 0)}
        early["loss_yuan"] = None
        before = rules.grade(rules.Figures(early["deaths"], 0, injured), day)

        def report(no: int, kind: str, way: tuple[str, str], when: datetime, what: Any, grade: Any, by: Any) -> Any:
            return {"accident_id": pk, **scope, "no": no, "kind": kind, "from_level": way[0], "to_level": way[1],
                    "own_words": False, "occurred_at": at, "place_area": site.area_code,
                    "at": when, "said_at": None, "facts_known_at": None, "kept_at": when, "grade": grade.grade,
                    "article": f"{grade.source}{grade.article}", "text": "", "reason": "", "by_id": None,
                    "by_name": by[0], **what}  # fmt: skip

        self.reports = [
            report(1, "first", ("unit", "district"), told, early, before, _UNIT if linked else _DISTRICT),
            report(2, "first", ("district", "city"), passed, early, before, _DISTRICT),
        ]
        self.entries: list[dict[str, Any]] = []

        def enter(when: datetime, move: str, to: str, by: tuple[str, str], late: bool = False, **facts: Any) -> None:
            self.entries.append({
                "case_kind": "accident", "case_id": pk, **scope, "at": when, "move": move,
                "from_state": "reporting" if self.entries else "", "to_state": to, "version": len(self.entries) + 1,
                "due_at": None, "late": late, "by_id": None, "by_name": by[0], "by_role": by[1],
                "facts": json.dumps(facts),
            })  # fmt: skip

        title = f"{unit or place}“{at.month}·{at.day}”{category.name}事故"[:200]
        enter(told, "open", "reporting", _UNIT if linked else _DISTRICT, slow, title=title)
        enter(passed, "pass_to_city", "reporting", _DISTRICT, lagging)
        state, figures, final, closed_at = "reporting", early, before, None
        if checked < now:
            self.reports.append(report(3, "verified", ("district", "district"), checked, stated, graded, _DISTRICT))
            self.reports[-1]["reason"] = "现场核查、医院核实"
            enter(checked, "verify_figures", "reporting", _DISTRICT, reason="现场核查、医院核实")
            figures, final = stated, graded
            if closed < now:
                state, closed_at = "closed", closed
                enter(closed, "close", "closed", _DISTRICT)
        elif early["deaths"] != deaths:
            # Not verified yet: the figures of the first report stand, and the year's sum must still come out.
            figures, final = {**stated, "loss_yuan": None}, graded
            for one in self.reports:
                one |= {"deaths": deaths, "grade": graded.grade, "article": f"{graded.source}{graded.article}"}
        self.row = {
            "id": pk, "created_at": told, "updated_at": self.entries[-1]["at"], "version": len(self.entries),
            "number": number, "title": title, **scope, "place": place, "lon": _degrees(site.lon),
            "lat": _degrees(site.lat),
            "level": final.grade, "state": state, "owner_area_code": owner, "authority_code": "", "owner_id": None,
            "owner_name": "", "opened_at": told, "started_at": None, "clock": None, "clock_no": 3,
            "due_at": None,
            "closed_at": closed_at, "listed_at": None, "listed_by": "", "listed_by_area": "", **figures,
            "unit_name": unit,
            "category_id": category.pk, "occurred_at": at, "known_at": known, "grade": final.grade,
            "grade_basis": basis, "risk_event": False, "reached": "city", "time_waits": False,
            "reports_no": len(self.reports),
            "counts": True, "count_target": "", "count_reason": "", "count_proposed": None, "count_approved_by": "",
            "merged_into_id": None, "handed_to": "", "taken_over_at": None, "outside": "", "passed_to": "",
        }  # fmt: skip


def _degrees(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(f"{value:.6f}")


def _reserve(model: type[models.Model], many: int) -> list[int]:
    """So many keys that nobody else gets."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_serial_sequence(%s, 'id')", [model._meta.db_table])
        (sequence,) = cursor.fetchone()
        cursor.execute("SELECT nextval(%s) FROM generate_series(1, %s)", [sequence, many])
        return [key for (key,) in cursor.fetchall()]


def _write(model: type[models.Model], rows: Sequence[dict[str, Any]]) -> None:
    if not rows:
        return
    columns = [str(f.column) for f in given_fields(model)]
    names = ", ".join(f'"{c}"' for c in columns)
    table = f'"{model._meta.db_table}"'
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMP TABLE history (LIKE {table} INCLUDING DEFAULTS) ON COMMIT DROP")
        with cursor.copy(f"COPY history ({names}) FROM STDIN") as copy:
            for row in _ordered(rows, columns):
                copy.write_row(row)
        cursor.execute(f"INSERT INTO {table} ({names}) SELECT {names} FROM history ORDER BY id")
        cursor.execute("DROP TABLE history")


def _ordered(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        yield tuple(row[c] for c in columns)
