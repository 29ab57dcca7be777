from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.engines.measures import BadPeriod, Period
from anlan.engines.measures.periods import BEIJING, KINDS, Kind

days = st.dates(date(1950, 1, 1), date(2998, 12, 31))


@given(st.sampled_from(KINDS), days)
def test_a_period_reads_as_it_is_written_and_holds_its_day(kind: Kind, day: date) -> None:
    period = Period.of(kind, day)
    assert Period.parse(period.name) == period
    assert period.first <= day < period.end


@given(st.sampled_from([k for k in KINDS if k != "to_date"]), days)
def test_the_period_before_ends_where_this_one_begins(kind: Kind, day: date) -> None:
    period = Period.of(kind, day)
    before = period.previous()
    assert before is not None
    assert before.kind == kind
    assert before.end == period.first


@pytest.mark.parametrize(
    ("text", "first", "end", "before", "last_year"),
    [
        ("2013-06-14", "2013-06-14", "2013-06-15", "2013-06-13", "2012-06-14"),
        ("2013-W24", "2013-06-10", "2013-06-17", "2013-W23", "2012-W24"),
        ("2013-06-X1", "2013-06-01", "2013-06-11", "2013-05-X3", "2012-06-X1"),
        ("2013-02-X3", "2013-02-21", "2013-03-01", "2013-02-X2", "2012-02-X3"),
        ("2013-01", "2013-01-01", "2013-02-01", "2012-12", "2012-01"),
        ("2013-Q2", "2013-04-01", "2013-07-01", "2013-Q1", "2012-Q2"),
        ("2013Q1", "2013-01-01", "2013-04-01", "2012-Q4", "2012-Q1"),
        ("2013", "2013-01-01", "2014-01-01", "2012", "2012"),
        ("..2013-06", "2013-01-01", "2013-07-01", None, "..2012-06"),
        ("..2013-06-14", "2013-01-01", "2013-06-15", None, "..2012-06-14"),
        ("..2012-02", "2012-01-01", "2012-03-01", None, "..2011-02"),
        ("2012-02-29", "2012-02-29", "2012-03-01", "2012-02-28", None),
        ("2015-W53", "2015-12-28", "2016-01-04", "2015-W52", None),
    ],
)
def test_periods_and_those_they_are_compared_with(
    text: str, first: str, end: str, before: str | None, last_year: str | None
) -> None:
    period = Period.parse(text)
    assert (period.first.isoformat(), period.end.isoformat()) == (first, end)
    assert [p and p.name for p in (period.previous(), period.last_year())] == [before, last_year]


@pytest.mark.parametrize(
    "text", ["", "2013-6", "2013-13", "2013-Q5", "2013-W54", "2013-02-30", "2013-06-X4", "..2013", "..", "..2013-W01",
             "1899", "3000", "2013-06 ", "２０１３", "2013-06-14T00:00", "....2013-06"],
)  # fmt: skip
def test_what_is_no_period_is_refused_and_told_how_to_write_one(text: str) -> None:
    with pytest.raises(BadPeriod, match="2013-06-X2"):
        Period.parse(text)


def test_a_period_that_runs_counts_to_now_and_one_to_come_has_no_span() -> None:
    now = datetime(2013, 6, 14, 10, 30, tzinfo=BEIJING)
    june = Period.parse("2013-06").span(now)
    assert june is not None
    assert (june.begin, june.until) == (datetime(2013, 6, 1, tzinfo=BEIJING), now)
    assert Period.parse("2013-07").span(now) is None
    may = Period.parse("2013-05").span(now)
    assert may is not None
    assert may.until == datetime(2013, 6, 1, tzinfo=BEIJING)


def test_a_period_that_runs_is_compared_with_as_much_of_the_others() -> None:
    now = datetime(2013, 6, 14, 10, 30, tzinfo=BEIJING)
    june = Period.parse("2013-06")
    before, year_ago = (june.span_before(p, now) for p in (Period.parse("2013-05"), Period.parse("2012-06")))
    assert before is not None
    assert before.until - before.begin == timedelta(days=13, hours=10, minutes=30)
    assert year_ago is not None
    assert year_ago.until == datetime(2012, 6, 14, 10, 30, tzinfo=BEIJING)


def test_a_whole_month_is_compared_with_the_whole_of_a_longer_one() -> None:
    april, march = Period.parse("2013-04"), Period.parse("2013-03")
    span = april.span_before(march, datetime(2013, 6, 1, tzinfo=BEIJING))
    assert span is not None
    assert span.until == datetime(2013, 4, 1, tzinfo=BEIJING)


def test_the_year_to_date_is_compared_to_the_same_date_over_a_leap_day() -> None:
    now = datetime(2013, 3, 2, 9, 0, tzinfo=BEIJING)
    year = Period.parse("2013")
    span = year.span_before(Period.parse("2012"), now)
    assert span is not None
    assert span.until == datetime(2012, 3, 2, 9, 0, tzinfo=BEIJING)


def test_the_days_are_those_of_beijing() -> None:
    span = Period.parse("2013-06-14").span(datetime(2013, 7, 1, tzinfo=BEIJING))
    assert span is not None
    assert span.begin.isoformat() == "2013-06-14T00:00:00+08:00"
