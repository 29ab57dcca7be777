"""`anlan accidents grade`: what it prints, and one clear line for what it cannot read."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from anlan.offices.accidents.commands import accidents


def run(*words: str) -> Result:
    return CliRunner().invoke(accidents, ["grade", *words])


@pytest.mark.parametrize(
    ("words", "grade", "by"),
    [
        (("--deaths", "2"), "ordinary", "deaths"), (("--deaths", "3"), "larger", "deaths"),
        (("--deaths", "9"), "larger", "deaths"), (("--deaths", "10"), "major", "deaths"),
        (("--deaths", "29"), "major", "deaths"), (("--deaths", "30"), "extraordinary", "deaths"),
        (("--injured", "10"), "larger", "injured"), (("--injured", "100"), "extraordinary", "injured"),
        (("--loss", "9999999.99"), "ordinary", "loss"), (("--loss", "10000000"), "larger", "loss"),
        (("--loss", "50000000"), "major", "loss"), (("--loss", "100000000"), "extraordinary", "loss"),
        (("--deaths", "2", "--missing", "1"), "larger", "deaths"),
    ],
)  # fmt: skip
def test_grade_with_the_article_that_decides(words: tuple[str, ...], grade: str, by: str) -> None:
    result = run(*words, "--on", "2013-06-14", "--json")
    assert result.exit_code == 0
    found = json.loads(result.output)
    assert (found["grade"], found["by"]) == (grade, by)
    assert found["article"].startswith("第三条第（")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        (("--deaths", "-1"), "--deaths"), (("--deaths", "1.5"), "--deaths"), (("--deaths", "99999999"), "--deaths"),
        (("--deaths", "３"), "--deaths"), (("--injured", "many"), "--injured"), (("--loss", "-0.01"), "--loss"),
        (("--loss", "NaN"), "--loss"), (("--loss", "1e99"), "--loss"), (("--on", "14.6.2013"), "--on"),
        (("--deaths", "3", "--on", "2007-05-31"), "--on"),
    ],
)  # fmt: skip
def test_bad_numbers_are_one_clear_line_and_exit_2(words: tuple[str, ...], option: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(option)
    assert result.stderr.count("\n") == 1


def test_for_people_it_says_grade_and_article_in_both_languages() -> None:
    assert run("--deaths", "3", "--on", "2013-06-14").output.strip() == (
        "较大事故 (Larger accident): 生产安全事故报告和调查处理条例（国务院令第493号）第三条第（三）项"
    )
