"""What a rules file may say; each fault names its line and field."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.engines.telemetry.rules import BadRules, parse, parse_one

GOOD = """late: 30s
rules:
  - name: methane
    kind: level
    metric: ch4
    source: 煤矿安全规程
    levels:
      - {level: orange, at_least: 1.0}
"""


def faults(text: str) -> str:
    with pytest.raises(BadRules) as caught:
        parse(text.encode())
    return str(caught.value)


def test_the_same_words_are_the_same_version_however_they_are_written() -> None:
    rule = "{kind: level, name: methane, source: 煤矿安全规程, metric: ch4, levels: [{at_least: 1.0, level: orange}]}"
    other = f"{{rules: [{rule}], late: 30s}}"
    assert parse(GOOD.encode()).version == parse(other.encode()).version
    assert parse(GOOD.encode()).late == 30_000
    assert parse(GOOD.replace("1.0", "1.1").encode()).version != parse(GOOD.encode()).version


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("    source: 煤矿安全规程\n", ""), 3, "source is missing"),
        (("kind: level", "kind: lever"), 4, "'lever' is none of: level, rate"),
        (("metric: ch4", "metrik: ch4"), 3, "metrik"),
        (("at_least: 1.0", "at_least: high"), 8, "at_least: 'high' is not of type number"),
        (("at_least: 1.0", "at_least: 1.0, more_than: 2"), 8, "level 1: takes one of: at_least"),
        (("level: orange", "level: purple"), 8, "level: 'purple' is none of: blue"),
        (("late: 30s", "late: 30 seconds"), 1, "late: '30 seconds'"),
        (("late: 30s", "late: 400d"), 1, "late: 400d is longer than a year"),
        (("kind: level", "kind: silent"), 3, "'levels', 'metric'|level is missing"),
        (("    metric: ch4\n", "    metric: ch4\n    between: ['22:00', '24:00']\n"), 6, "between 2: '24:00'"),
        (
            ("    metric: ch4\n", "    metric: ch4\n    between: ['22:00', '22:00']\n"),
            6,
            "begins and ends at the same time",
        ),
        (("rules:", "rules: &a"), 0, ""),
        (("      - {level", "      - !!python/object:os.system {level"), 8, "tags"),
        (("methane\n", "methane\n    name2: &x [*x]\n"), 4, "aliases"),
    ],
)
def test_each_fault_names_its_line_and_field(change: tuple[str, str], line: int, words: str) -> None:
    text = GOOD.replace(*change)
    assert text != GOOD
    if not words:
        parse(text.encode())
        return
    told = faults(text)
    assert told.startswith(f"rules:{line}:"), told
    assert any(word in told for word in words.split("|")), told


def test_a_name_twice() -> None:
    second = GOOD[GOOD.index("  - name") :]
    assert "'methane' is the name of rule 1 already" in faults(GOOD + second)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"rules: []", b"\xff", b"rules: [", b"a: 0x_", b"- 1", b"rules: 5", b"{}" * 9]
)
def test_what_is_no_rules_file_is_refused(raw: bytes) -> None:
    with pytest.raises(BadRules, match=r"^rules:"):
        parse(raw)


@given(st.text(max_size=200))
def test_no_text_crashes_it(text: str) -> None:
    for whole in (text, f"rules:\n  - {text}", GOOD + text):
        with suppress(BadRules):
            parse(whole.encode())
        with suppress(BadRules):
            parse_one(whole.encode())


# --- One rule by itself -------------------------------------------------------------------------------------------

ONE = "name: methane\nkind: level\nmetric: ch4\nsource: 煤矿安全规程\nlevels:\n  - {level: orange, at_least: 1.0}\n"


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("metric: ch4\n", "metric: ch4\nmetrik: ch4\n"), 4, "metrik: is no field that is said here"),
        (("1.0", "high"), 6, "level 1, at_least: 'high' is not of type number"),
        (("metric: ch4", "kind: level"), 3, "kind: stands here twice"),
        (("kind: level\nmetric: ch4", "kind: silent\nfor: 5min\nlevel: red\nhold: 1s"), 5, "hold: is not said for"),
        (("{level: orange", "[level: orange"), 6, "no YAML can be read here"),
        ((ONE, "- a\n"), 1, "a rule is made of fields"),
        (("methane", "Methane"), 1, "name: 'Methane' is not written as"),
        (("source: 煤矿安全规程", 'source: ""'), 4, "source: holds too little: at least 1"),
        # What YAML takes, and would end in an error, or in a text other than it seems, further on.
        (("1.0", ".nan"), 6, ".nan: stands for no number"),
        (("1.0", ".inf"), 6, "is more than 1000000000000000"),
        (("1.0", "9" * 400), 6, "is more than 1000000000000000"),
        (("name: methane", '"name": "methane\\n"'), 1, "another sign that nobody sees"),
        (("煤矿安全规程", '"煤矿\\u202e安全"'), 4, "another sign that nobody sees"),
        (("煤矿安全规程", '"煤矿\\0安全"'), 4, "another sign that nobody sees"),
        (("metric: ch4\n", "metric: ch4\n1: 2\n"), 4, "1: a field is named by a plain text"),
        (("metric: ch4\n", "metric: ch4\n~: 2\ntrue: 3\n"), 4, "~: a field is named by a plain text"),
        (("metric: ch4\n", "metric: ch4\n<<: {hold: 10s}\n"), 4, "<<: a field is named by a plain text"),
        (("metric: ch4\n", "metric: ch4\n? [a]\n: 2\n"), 4, "a field is named by a plain text"),
        (("kind: level", f"kind: driving\nlonger_than: 1h\nrest: 1h\nfaster_than: {'9' * 400}"), 5, "is more than"),
    ],
)
def test_of_one_rule_each_fault_has_its_line(change: tuple[str, str], line: int, words: str) -> None:
    text = ONE.replace(*change)
    assert text != ONE
    with pytest.raises(BadRules) as caught:
        parse_one(text.encode())
    told = [(fault.line, f"{fault.place and fault.place + ': '}{fault}") for fault in caught.value.faults]
    assert [one for one in told if one[0] == line and words in one[1]], told


def test_what_is_demanded_besides_is_told_at_its_line() -> None:
    with pytest.raises(BadRules, match=r"rule:3: metric: unknown"):
        parse_one(ONE.encode(), lambda rule: [(("metric",), "unknown")])
    assert parse_one(ONE.encode(), lambda rule: [])["name"] == "methane"
