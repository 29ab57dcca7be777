"""Rule tables: strict, dated, half-open."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from anlan.kernel import law

RULE = """\
- id: hazards.resumption_review
  value: 10
  unit: days
  valid_from: 2008-02-01
  valid_to: 2026-02-01
  article: 第十八条
  source: 安监总局令第16号
  certainty: V2
"""
TABLE = """\
- id: accidents.grade_by_deaths
  unit: persons
  valid_from: 2007-06-01
  article: 第三条
  source: 国务院令第493号
  certainty: V
  bands:
    - {value: ordinary, at_least: 1, below: 3}
    - {value: larger, at_least: 3, below: 10}
    - {value: major, at_least: 10, below: 30}
    - {value: extraordinary, at_least: 30}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def book(folder: Path, text: str) -> law.Book:
    (folder / "rules.yaml").write_text(text)
    return law.load([folder])


def test_the_date_of_the_fact_chooses_the_rule(folder: Path) -> None:
    changed = RULE.replace("2026-02-01", "2015-05-01") + RULE.replace("10", "15").replace("2008-02-01", "2015-05-01")
    rules = book(folder, changed)
    assert rules.value("hazards.resumption_review", on=date(2015, 4, 30)).value == 10
    assert rules.value("hazards.resumption_review", on=date(2015, 5, 1)).value == 15


@pytest.mark.parametrize("day", [date(2008, 1, 31), date(2026, 2, 1)])
def test_outside_its_validity_no_rule_is_in_force(folder: Path, day: date) -> None:
    with pytest.raises(law.NoRuleInForce, match=str(day)):
        book(folder, RULE).value("hazards.resumption_review", on=day)


def test_an_unknown_rule_is_said_to_be_unknown(folder: Path) -> None:
    with pytest.raises(law.NoRuleInForce, match="there is no such rule"):
        book(folder, RULE).value("hazards.other", on=date(2013, 6, 14))


def test_two_rules_for_one_day_are_refused(folder: Path) -> None:
    with pytest.raises(law.LawError, match=r"rules\.yaml:9: valid_from: .*overlaps"):
        book(folder, RULE + RULE.replace("2008-02-01", "2025-01-01").replace("2026-02-01", "2027-01-01"))


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("unit: days", "unitt: days", r":3: unitt: is not a field"),
        ("  article: 第十八条\n", "", r":1: article: is missing"),
        ("2008-02-01", "last year", r":4: valid_from: must be a date"),
        ("2026-02-01", "2008-02-01", r":5: valid_to: must come after"),
        ("certainty: V2", "certainty: sure", r":8: certainty: must be one of"),
        ("value: 10", "value: {a: 1}", r":2: value: must be a number"),
        ("unit: days", "unit: 7", r":3: unit: must be text"),
        ("hazards.resumption_review", "Hazards", r":1: id: must be a dotted name"),
        ("unit: days", "unit: days\n  unit: days", r":4: unit: is given twice"),
        ("value: 10", "value: 10\n  bands: []", r"either a value or bands"),
        ("value: 10", "value: [", r"\(file\)"),
    ],
)
def test_a_wrong_table_is_refused_with_file_line_and_field(folder: Path, old: str, new: str, place: str) -> None:
    with pytest.raises(law.LawError, match=place):
        book(folder, RULE.replace(old, new, 1))


@pytest.mark.parametrize(
    ("deaths", "grade"),
    [(1, "ordinary"), (2, "ordinary"), (3, "larger"), (9, "larger"), (10, "major"), (30, "extraordinary")],
)
def test_above_includes_and_below_excludes_the_number__decree_493_art_45(folder: Path, deaths: int, grade: str) -> None:
    rule = book(folder, TABLE).value("accidents.grade_by_deaths", on=date(2013, 6, 3))
    assert rule.band(deaths).value == grade


def test_a_band_may_name_its_item_of_the_article(folder: Path) -> None:
    rule = book(folder, TABLE.replace("below: 10}", "below: 10, item: 第（三）项}")).value(
        "accidents.grade_by_deaths", on=date(2013, 6, 3)
    )
    assert [rule.band(n).item for n in (2, 3)] == ["", "第（三）项"]
    with pytest.raises(law.LawError, match=r":9: item: must be text"):
        book(folder, TABLE.replace("below: 10}", "below: 10, item: 3}"))


def test_a_hole_in_a_table_is_an_error_and_not_a_guess(folder: Path) -> None:
    with pytest.raises(LookupError, match="no band for 0"):
        book(folder, TABLE).value("accidents.grade_by_deaths", on=date(2013, 6, 3)).band(0)


def test_at_most_includes_and_above_excludes__civil_code_art_1259(folder: Path) -> None:
    text = TABLE.replace("below: 3}", "at_most: 2.5}").replace("at_least: 3,", "above: 2.5,")
    rule = book(folder, text).value("accidents.grade_by_deaths", on=date(2013, 6, 3))
    assert [rule.band(n).value for n in (Decimal("2.5"), Decimal("2.51"))] == ["ordinary", "larger"]


def test_overlapping_bands_are_refused(folder: Path) -> None:
    with pytest.raises(law.LawError, match=r":9: bands: overlaps"):
        book(folder, TABLE.replace("below: 3", "at_most: 3"))


def test_decimals_stay_exact(folder: Path) -> None:
    rule = book(folder, RULE.replace("value: 10", "value: 0.1")).value("hazards.resumption_review", date(2013, 1, 1))
    assert rule.value == Decimal("0.1")


def test_the_installed_tables_can_all_be_read() -> None:
    law.book.cache_clear()
    assert all(rule.source and rule.article for rule in law.rules())


@pytest.mark.parametrize(
    ("source", "cited"),
    [
        ("中华人民共和国安全生产法（2021年修正）", "《中华人民共和国安全生产法》（2021年修正）"),
        ("重庆市安全生产条例", "《重庆市安全生产条例》"),
        ("《甲条例》罚款办法（令第13号，2011年修正）", "《〈甲条例〉罚款办法》（令第13号，2011年修正）"),
    ],
)
def test_number_and_version_stand_behind_the_title_marks(source: str, cited: str) -> None:
    assert law.titled(source) == cited


SETTING = """\
- id: accidents.own_act_tolerance
  value: 10
  unit: minutes
  valid_from: 2007-06-01
  article: 本市设置
  source: 本市设置
  certainty: CONFIG
"""


def test_the_citys_own_setting_takes_the_place_of_the_products_for_its_time(folder: Path) -> None:
    shipped, own = folder / "shipped", folder / "own"
    shipped.mkdir()
    own.mkdir()
    (shipped / "a.yaml").write_text(SETTING)
    (own / "ours.yaml").write_text(
        SETTING.replace("10", "30").replace("2007-06-01", "2013-01-01\n  valid_to: 2014-01-01")
    )
    found = law.load([shipped], own)
    told = [
        (r.value, r.valid_from.year, r.valid_to and r.valid_to.year)
        for r in found.history("accidents.own_act_tolerance")
    ]
    assert told == [(10, 2007, 2013), (30, 2013, 2014), (10, 2014, None)]


def test_no_setting_takes_the_place_of_law(folder: Path) -> None:
    shipped, own = folder / "shipped", folder / "own"
    shipped.mkdir()
    own.mkdir()
    (shipped / "a.yaml").write_text(RULE)
    (own / "ours.yaml").write_text(RULE.replace("value: 10", "value: 99"))
    with pytest.raises(law.LawError, match="overlaps"):
        law.load([shipped], own)
