"""Time limits: recomputed they are the same; pauses and extensions only move them on."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.kernel import calendar
from anlan.kernel.calendar import Calendar, YearNotCovered, YearOfDays
from anlan.kernel.clock import BEIJING
from anlan.kernel.deadlines import MINUTES, UNITS, Interval, Limit, due, due_on

CHINA = Calendar()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BEIJING)


@pytest.mark.parametrize(
    ("start", "limit", "end"),
    [
        ("2013-06-14 09:00", Limit(24, "hours"), "2013-06-15 09:00"),
        ("2013-06-14 23:58", Limit(5, "minutes"), "2013-06-15 00:03"),
        ("2013-06-14 09:00", Limit(10, "days"), "2013-06-24 23:59:59"),
        ("2013-06-14 09:00", Limit(10, "days", count_first_day=True), "2013-06-23 23:59:59"),
        ("2013-06-14 09:00", Limit(0, "days"), "2013-06-14 23:59:59"),
        ("2013-01-31 09:00", Limit(1, "months"), "2013-02-28 23:59:59"),
        ("2013-06-14 09:00", Limit(6, "months"), "2013-12-14 23:59:59"),
        # 2013-06-08 and -09 (Saturday, Sunday) were worked for the Dragon Boat days 10–12.
        ("2013-06-07 09:00", Limit(2, "working_days"), "2013-06-09 23:59:59"),
        ("2013-06-07 09:00", Limit(3, "working_days"), "2013-06-13 23:59:59"),
        # National Day 2013: 1–7 October off, 29 September and 12 October worked.
        ("2013-09-27 18:00", Limit(3, "working_days"), "2013-10-08 23:59:59"),
        ("2013-06-08 09:00", Limit(2, "days"), "2013-06-10 23:59:59"),
        ("2013-06-08 09:00", Limit(2, "days", rolls=True), "2013-06-13 23:59:59"),
    ],
)
def test_counting(start: str, limit: Limit, end: str) -> None:
    assert due(at(start), limit, calendar=CHINA) == at(end)


def test_a_day_is_a_day_in_beijing_wherever_the_start_was_written_down() -> None:
    late = datetime.fromisoformat("2013-06-14T17:00:00+00:00")  # already the 15th in Beijing
    assert due(late, Limit(1, "days")) == at("2013-06-16 23:59:59")


def test_the_day_a_pause_begins_does_not_count_and_the_day_it_ends_does() -> None:
    pause = Interval(at("2013-06-16 15:00"), at("2013-06-18 08:00"))
    assert due(at("2013-06-14 09:00"), Limit(3, "days"), [pause]) == at("2013-06-19 23:59:59")


def test_a_pause_at_the_deadline_is_too_late_to_move_it() -> None:
    pause = Interval(at("2013-06-15 09:00"), at("2013-06-20 09:00"))
    assert due(at("2013-06-14 09:00"), Limit(24, "hours"), [pause]) == at("2013-06-15 09:00")


def test_minutes_are_paused_and_extended_to_the_second() -> None:
    start, pause = at("2013-06-14 09:00"), Interval(at("2013-06-14 09:02"), at("2013-06-14 09:10:30"))
    assert due(start, Limit(5, "minutes"), [pause]) == at("2013-06-14 09:13:30")
    assert due(start, Limit(5, "minutes"), [], [Limit(1, "hours"), Limit(1, "days")]) == at("2013-06-15 10:05")
    assert due(start, Limit(2, "hours"), [], [Limit(30, "minutes")]) == at("2013-06-14 11:30")
    with pytest.raises(ValueError, match="not extended by hours or minutes"):
        due(start, Limit(2, "days"), [], [Limit(30, "minutes")])
    with pytest.raises(ValueError, match="minutes is not extended by months"):
        due(start, Limit(2, "minutes"), [], [Limit(1, "months")])


def test_while_a_pause_runs_there_is_no_deadline() -> None:
    assert due(at("2013-06-14 09:00"), Limit(3, "days"), [Interval(at("2013-06-15 09:00"))]) is None
    assert due(at("2013-06-14 09:00"), Limit(3, "hours"), [Interval(at("2013-06-14 10:00"))]) is None
    assert due(at("2013-06-14 09:00"), Limit(3, "days"), [Interval(at("2013-07-15 09:00"))]) is not None


def test_a_named_day_moves_on_by_extensions_and_pauses() -> None:
    start, day = at("2013-06-14 09:00"), date(2013, 6, 30)
    pause = Interval(at("2013-06-20 09:00"), at("2013-06-22 09:00"))
    assert due_on(day, started=start) == at("2013-06-30 23:59:59")
    assert due_on(day, [pause], [Limit(5, "days")], started=start) == at("2013-07-07 23:59:59")


@pytest.mark.parametrize("limit", [(-1, "days"), (1, "weeks"), (1.5, "days"), (True, "days")])
def test_what_is_no_limit_is_refused(limit: tuple[object, object]) -> None:
    with pytest.raises(ValueError, match="limit"):
        Limit(*limit)  # type: ignore[arg-type]


def test_naive_times_are_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        due(datetime(2013, 6, 14), Limit(1, "days"))


def test_a_year_whose_holidays_are_not_known_is_an_error_and_not_a_guess(tmp_path: Path) -> None:
    with pytest.raises(YearNotCovered, match="2031"):
        due(at("2031-06-14 09:00"), Limit(3, "working_days"))
    (tmp_path / "calendar.yaml").write_text("2031:\n  holidays: [2031-06-16]\n  workdays: [2031-06-15]\n")
    own = calendar.read(tmp_path / "calendar.yaml")
    assert due(at("2031-06-14 09:00"), Limit(2, "working_days"), calendar=own) == at("2031-06-17 23:59:59")
    (tmp_path / "calendar.yaml").write_text("2031:\n  holidays: [2030-06-16]\n")
    with pytest.raises(calendar.CalendarError, match="2030-06-16"):
        calendar.read(tmp_path / "calendar.yaml")


def test_the_notices_year_is_covered() -> None:
    assert 2013 in calendar.COVERED
    assert Calendar({2013: YearOfDays()}).is_working_day(date(2013, 6, 10))
    assert not CHINA.is_working_day(date(2013, 6, 10))


moments = st.datetimes(datetime(2012, 1, 1), datetime(2014, 6, 1), timezones=st.just(BEIJING))
lengths = st.integers(0, 40)
day_limits = st.builds(Limit, lengths, st.sampled_from([u for u in UNITS if u not in (*MINUTES, "months")]))
month_limits = st.builds(Limit, st.integers(0, 6), st.just("months"))
limits = st.one_of(st.builds(Limit, lengths, st.sampled_from(list(MINUTES))), day_limits, month_limits)
pauses = st.lists(st.builds(lambda b, h: Interval(b, b + timedelta(hours=h)), moments, st.integers(0, 900)), max_size=3)


def extensions_for(limit: Limit) -> st.SearchStrategy[list[Limit]]:
    units = [*MINUTES, "days"] if limit.unit in MINUTES else ["days", "working_days", "months"]
    return st.lists(st.builds(Limit, st.integers(0, 6), st.sampled_from(units)), max_size=3)  # type: ignore[arg-type]


@given(st.data(), moments, limits, pauses)
@settings(max_examples=150, deadline=None)
def test_recomputed_in_any_order_a_deadline_is_the_same(
    data: st.DataObject, start: datetime, limit: Limit, stops: list[Interval]
) -> None:
    more = data.draw(extensions_for(limit))
    assert due(start, limit, stops, more) == due(start, limit, stops[::-1], more[::-1])


@given(st.data(), moments, limits, pauses)
@settings(max_examples=150, deadline=None)
def test_each_extension_and_each_pause_only_moves_a_deadline_on(
    data: st.DataObject, start: datetime, limit: Limit, stops: list[Interval]
) -> None:
    more = data.draw(extensions_for(limit))
    whole = due(start, limit, stops, more)
    assert whole is not None
    assert whole >= start.replace(microsecond=0) or limit.value == 0
    for fewer in ([more[:-1], stops], [more, stops[:-1]]):
        earlier = due(start, limit, fewer[1], fewer[0])  # type: ignore[arg-type]
        assert earlier is not None
        assert earlier <= whole


@given(moments, lengths.filter(bool), pauses)
@settings(max_examples=150, deadline=None)
def test_working_days_end_on_a_working_day(start: datetime, days: int, stops: list[Interval]) -> None:
    end = due(start, Limit(days, "working_days"), stops)
    assert end is not None
    assert CHINA.is_working_day(end.date())
    assert end.date() > start.date()


@given(moments, st.integers(1, 400), moments)
@settings(max_examples=150, deadline=None)
def test_an_empty_pause_is_no_pause(start: datetime, hours: int, stop: datetime) -> None:
    assert due(start, Limit(hours, "hours"), [Interval(stop, stop)]) == due(start, Limit(hours, "hours"))
