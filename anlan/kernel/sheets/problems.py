"""What can be wrong with an imported file: stable codes, each with its words in both languages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import get_language, gettext, gettext_noop, override

LANGUAGES = ("zh-hans", "en")

WORDS = {
    # The file as a whole: nothing was read.
    "IMP001": gettext_noop("The file is larger than %(limit)s."),
    "IMP002": gettext_noop("The file is neither an .xlsx workbook nor text with separators. Save it as .xlsx or .csv."),
    "IMP003": gettext_noop("The text is neither UTF-8 nor GB18030. Save it as .xlsx."),
    "IMP004": gettext_noop("The file has more than %(limit)s rows."),
    "IMP005": gettext_noop("The file has more than %(limit)s columns."),
    "IMP006": gettext_noop(
        "The workbook is damaged or unpacks to far more than it should. Open it and save it anew as .xlsx."
    ),
    "IMP007": gettext_noop("There is no row under the headings."),
    # The headings.
    "IMP010": gettext_noop(
        "No row of headings was found in the first %(limit)s rows. Use the template of this register."
    ),
    "IMP011": gettext_noop(
        "There is no column “%(heading)s” in this register: name it as in the template, or delete it."
    ),
    "IMP012": gettext_noop("The column is missing."),
    "IMP013": gettext_noop("The column stands in the file twice."),
    # One cell.
    "IMP020": gettext_noop("A value is needed here."),
    "IMP021": gettext_noop("Longer than %(limit)s characters."),
    "IMP022": gettext_noop("Not a whole number."),
    "IMP023": gettext_noop("Not a number, or with too many digits (at most %(digits)s, %(places)s after the point)."),
    "IMP024": gettext_noop("Not a date. Write it as 2013-06-14."),
    "IMP025": gettext_noop("Neither yes nor no."),
    "IMP026": gettext_noop("Not one of the choices: %(choices)s."),
    "IMP027": gettext_noop("Not valid: %(message)s"),
    "IMP028": gettext_noop("Less than %(limit)s."),
    "IMP029": gettext_noop("More than %(limit)s."),
    "IMP030": gettext_noop("There is no such record in your area: %(what)s."),
    "IMP031": gettext_noop("A division code has 12 digits."),
    "IMP032": gettext_noop("There is no such division in your area."),
    "IMP033": gettext_noop("Characters that cannot be kept (control characters)."),
    # One row.
    "IMP040": gettext_noop("Stands in row %(other)s already."),
    "IMP041": gettext_noop("The record would lie outside your area of competence."),
    "IMP042": gettext_noop("The key is in use, or not yours to use."),
    "IMP043": gettext_noop("There is no such record in your area."),
    "IMP044": gettext_noop(
        "It cannot be told which record this is: fill in %(key)s, or the record number of one that is there already."
    ),
    "IMP047": gettext_noop("Several records have this key: give the record number."),
    "IMP048": gettext_noop("Somebody changed the record meanwhile. Import the file again."),
    "IMP045": gettext_noop("Your role may not add records of this kind."),
    "IMP046": gettext_noop("Your role may not change records of this kind."),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. `row` is the number that a spreadsheet shows (0: the file), `column` the key or "".

    `value` is what stands there, where that is kept.
    """

    row: int
    column: str
    code: str
    params: Mapping[str, Any] = field(default_factory=dict)
    value: str = ""

    def words(self) -> str:
        """The reason, in the language now active."""
        return gettext(WORDS[self.code]) % {k: str(v) for k, v in self.params.items()}

    def as_dict(self, headings: Mapping[str, Any]) -> dict[str, Any]:
        """For JSON: the reason and the heading in both languages."""
        answer: dict[str, Any] = {"row": self.row, "column": self.column, "code": self.code}
        for language in LANGUAGES:
            with override(language):
                answer[f"heading_{language[:2]}"] = str(headings.get(self.column, self.column))
                answer[f"reason_{language[:2]}"] = self.words()
        return answer


@dataclass(frozen=True, slots=True)
class _Both:
    """A value of a kept problem, in each language."""

    words: Mapping[str, str]

    def __str__(self) -> str:
        return self.words.get(get_language() or LANGUAGES[0]) or self.words[LANGUAGES[0]]


def packed(problem: Problem) -> list[Any]:
    """A problem as JSON, with its values in both languages where they differ."""
    values: dict[str, Any] = {}
    for name, value in problem.params.items():
        if isinstance(value, int | float | str):
            values[name] = value
            continue
        both = {}
        for language in LANGUAGES:
            with override(language):
                both[language] = str(value)
        values[name] = both
    return [problem.row, problem.column, problem.code, values, problem.value]


def unpacked(kept: list[Any]) -> Problem:
    """The problem that `packed` made."""
    row, column, code, values, value = kept
    return Problem(row, column, code, {k: _Both(v) if isinstance(v, dict) else v for k, v in values.items()}, value)


class Unreadable(Exception):
    """The file as a whole cannot be taken; `problems` say why. Nothing was changed."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("; ".join(f"{p.code} {p.words()}" for p in problems))
        self.problems = problems
