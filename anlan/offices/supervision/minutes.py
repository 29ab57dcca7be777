"""Decisions read from the pasted text of minutes: numbered lines, who has to do it, until when. Pure.

Nothing is guessed in silence: what was not found, or found only by an assumption, stands as a doubt beside the line,
and what precedes the first number is given back as it is. A person confirms every line before anything is kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from anlan.kernel.deadlines import add_months
from anlan.kernel.entered import UNSEEN

LARGEST = 40_000
MOST = 100
"""Signs of a text, and decisions of a meeting, at most."""
LONGEST = 2000
"""Signs of a decision."""

_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")
_UNSEEN = re.compile(UNSEEN)
_LEVELS = (
    re.compile(r"第?[一二三四五六七八九十百]{1,5}(?:、|．|\.|是)\s*"),
    re.compile(r"[（(][一二三四五六七八九十]{1,4}[）)]\s*"),
    re.compile(r"[0-9]{1,3}(?:、|．|\.(?![0-9])|[）)])\s*"),
    re.compile(r"(?:[（(][0-9]{1,3}[）)]|[①-⑳])\s*"),
)
"""How a line is numbered, by level: 一、 （一） 1. （1）."""
_SAID = r"[^；;。：:（）()\n]{1,400}"
_LABELLED = re.compile(rf"(?:责任|牵头|配合|落实|承办|协办)(?:单位|部门)\s*[：:]\s*({_SAID})")
_BY = re.compile(r"由([^，。；;：:（）()\n由]{2,80}?)(?:牵头|负责|会同|组织实施)")
_LEADS = re.compile(r"(?:^|[，,。；;：:（(])([^，,。；;：:（）()\n]{2,80}?)(?:牵头|负责|会同|组织实施|配合|承办|协办)")
_BESIDE = re.compile(r"(?:会同|商)([^，,。；;：:（）()\n]{2,80}?)(?=组织|开展|进行|制定|研究|落实|[，,。；;）)]|$)")
"""Who leads a deed or stands beside it without a label: only what is called so here is taken for a name."""
_PERSON = re.compile(r"责任人\s*[：:]\s*([^；;。，,：:（）()\n]{1,60})")
_LIMIT = re.compile(r"(?:完成|办结|整改)?(?:时限|期限|时间)\s*[：:]\s*([^；;。：:（）()\n]{1,40})")
_DAY = re.compile(r"(?:([0-9]{4})年)?([0-9]{1,2})月(?:([0-9]{1,2})日|(底|末))(之前|以前|前)?")
_YEAR_END = re.compile(r"(?:([0-9]{4})年|今年|年)(?:年)?底(之前|以前|前)?")
_BRACKET = re.compile(
    r"[（(][^（）()]{0,600}(?:责任单位|牵头单位|责任部门|责任人|时限|期限)[^（）()]{0,600}[）)]\s*[。；;]?\s*$"
)
_BETWEEN = re.compile(r"[、，,/]|(?<=[局委办府队])(?:和|及|与)")
_LASTS = ("长期", "持续", "常态")


@dataclass(frozen=True, slots=True)
class Line:
    """A decision as it was read. `units` are names that are known, `unknown` those that are not; `doubts` are words of
    `DOUBTS`. `heading`: it numbers what follows and decides nothing itself."""

    number: str
    text: str
    units: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    responsible: str = ""
    due_on: date | None = None
    doubts: tuple[str, ...] = ()
    heading: bool = False


DOUBTS = ("no_unit", "no_day", "year", "several", "no_such_day", "past", "lasting", "long")
"""Nobody is named, no day is; the year is that of the meeting; several days; a day that is none; one before the
meeting; it is to be done for good; it was too long and is cut off."""


class TooMuch(ValueError):
    """More than can be minutes: `what` is text or lines."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


def read(text: str, known: Mapping[str, object], held_on: date) -> tuple[str, list[Line]]:
    """What stands before the first number, and the numbered lines. `known` has the names that units are called by.

    Raises `TooMuch`.
    """
    if len(text) > LARGEST:
        raise TooMuch("text")
    clean = _UNSEEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", " "))
    before: list[str] = []
    items: list[tuple[int, str, list[str]]] = []
    for raw in clean.split("\n"):
        line = raw.strip(" \u3000").translate(_DIGITS)
        if not line:
            continue
        level, mark = _numbered(line)
        if level is not None:
            items.append((level, mark.strip(), [line[len(mark) :].strip(" \u3000")]))
        else:
            (items[-1][2] if items else before).append(line)
    if len(items) > MOST:
        raise TooMuch("lines")
    made = []
    for at, (level, mark, parts) in enumerate(items):
        leads = at + 1 < len(items) and items[at + 1][0] > level
        made.append(_line(mark, _joined(parts), known, held_on, leads))
    return "\n".join(before), made


def _numbered(line: str) -> tuple[int | None, str]:
    for level, pattern in enumerate(_LEVELS):
        if found := pattern.match(line):
            return level, found.group()
    return None, ""


def _joined(parts: list[str]) -> str:
    """Lines broken anywhere as one: a space stands only between Latin words."""
    text = ""
    for part in parts:
        text += (" " if text and text[-1].isascii() and part[:1].isascii() and part[:1].isalnum() else "") + part
    return text


def _line(number: str, text: str, known: Mapping[str, object], held_on: date, leads: bool) -> Line:
    doubts = []
    said = [name for part in _LABELLED.findall(text) for name in _names(part, known)]
    if not said:
        said = [name for part in _BY.findall(text) for name in _names(part, known)]
        parts = (*_LEADS.findall(text), *_BESIDE.findall(text))
        said += [name for part in parts for name in _names(part.removeprefix("由"), known) if name in known]
    units = tuple(dict.fromkeys(name for name in said if name in known))
    unknown = tuple(dict.fromkeys(name for name in said if name not in known))[:20]
    due_on, why = _due(text, held_on)
    person = _PERSON.search(text)
    if leads and not said and due_on is None:
        return Line(number, text[:LONGEST], heading=True)
    if not units:
        doubts.append("no_unit")
    doubts += why
    text = _BRACKET.sub("", text).strip() or text
    if len(text) > LONGEST:
        doubts.append("long")
    return Line(
        number, text[:LONGEST], units, unknown, person[1].strip() if person else "", due_on, tuple(doubts)
    )  # fmt: skip


def _names(part: str, known: Mapping[str, object]) -> list[str]:
    """The names in a list of them; one that holds a conjunction and is known as a whole stays whole."""
    found = []
    for piece in re.split(r"[、，,/]", part):
        whole = piece.strip(" \u3000")
        pieces = [whole] if whole in known else _BETWEEN.split(whole)
        found += [name for one in pieces if (name := one.strip(" \u3000").removesuffix("等"))]
    # Until when may stand behind the same label: （责任单位：市交委，7月底前）.
    return [name[:80] for name in found if not (name in _LASTS or _DAY.match(name) or _YEAR_END.match(name))]


def _due(text: str, held_on: date) -> tuple[date | None, list[str]]:
    """The day by which it is to be done: the one after its label, else one that is said with 前; and the doubts."""
    label = _LIMIT.search(text)
    place = label[1] if label else text
    if any(word in place for word in _LASTS) and label:
        return None, ["lasting"]
    days = set()
    doubts = set()
    for year, month, day, end, before in _DAY.findall(place):
        if not (label or before):
            continue
        made = _day(int(year) if year else held_on.year, int(month), None if end else int(day))
        if made is None:
            doubts.add("no_such_day")
            continue
        days.add(made)
        if not year:
            doubts.add("year")
    for year, before in _YEAR_END.findall(place):
        if not (label or before):
            continue
        days.add(date(min(max(int(year), 1900), 2199) if year else held_on.year, 12, 31))
        if not year:
            doubts.add("year")
    if len(days) > 1:
        return None, ["several"]
    if not days:
        return None, ["no_such_day" if "no_such_day" in doubts else "no_day"]
    (only,) = days
    if only < held_on:
        doubts.add("past")
    return only, [name for name in DOUBTS if name in doubts]


def _day(year: int, month: int, day: int | None) -> date | None:
    """A day, the month's last where none is said; None where there is no such day."""
    try:
        if not 1900 <= year < 2200:
            return None
        return add_months(date(year, month, 1), 1) - timedelta(days=1) if day is None else date(year, month, day)
    except ValueError:
        return None
