"""Reads a notice of a year's key points into a tree of clauses and every quantified target.

The text comes as extracted from PDF. Line breaks say nothing, so structure is found by marks in
their order: parts `一、`, sections `（一）`, items `1．`, goals `――`, and within an item the
industries that open a sentence (`煤矿，…`). A mark counts only at a boundary and with the number
that is due, so that 安全第 / 一、预防为主 is no part. Nothing is dropped: each character belongs to
the head, a clause, or the foot, and each mark or number that was not understood is listed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from .flat import Flat, Unreadable, decode
from .numerals import CHINESE, value
from .targets import LAST_YEAR, find, segments

_PART = re.compile(rf"(?P<n>[{CHINESE}]{{1,3}})、")
_SECTION = re.compile(rf"（(?P<n>[{CHINESE}]{{1,3}}|\d{{1,2}})）")
_ITEM = re.compile(r"(?P<n>\d{1,2})[.、](?!\d)")
_GOAL = re.compile(r"[―—–─━‒-]{2,}|[⸺⸻]")
_FOOT = re.compile(r"(?:抄送|主题词|附件)[：:]")
_ENDS = "。！？；"
_TITLES = ("总体要求", "指导思想", "总体思路", "基本原则", "主要目标", "工作目标", "工作重点", "重点工作", "主要任务",
           "重点任务", "工作要求", "保障措施", "组织领导", "工作措施")  # fmt: skip
_INDUSTRIES = (
    "煤矿", "非煤矿山", "道路交通", "水上交通", "危险化学品", "烟花爆竹", "建设施工", "建筑施工", "消防", "特种设备",
    "冶金", "民航", "铁路", "民爆", "民用爆炸物品", "机械", "有色", "农机", "渔船", "电力", "工贸",
    "油气管道", "轨道交通",
)  # fmt: skip
_NAMES = "|".join(sorted(_INDUSTRIES, key=len, reverse=True))
_INLINE = re.compile(
    rf"(?<=[。；])(?:(?P<name>(?:{_NAMES})(?:[、和](?:{_NAMES}))*)(?:，|等行业（领域）)|(?P<rest>同时，要))"
)


@dataclass
class Clause:
    """One node. `start`, `end` are offsets in the source text; `text` is its own words, unbroken."""

    id: str
    number: str
    title: str
    gist: str
    text: str
    start: int
    end: int
    children: list[Clause] = field(default_factory=list)

    def walk(self) -> Iterator[Clause]:
        """Itself and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()

    def json(self) -> dict[str, Any]:
        """As `anlan plan read --json` prints it."""
        return {
            "id": self.id, "number": self.number, "title": self.title, "gist": self.gist,
            "start": self.start, "end": self.end, "text": self.text,
            "children": [child.json() for child in self.children],
        }  # fmt: skip


@dataclass(frozen=True)
class Draft:
    """What was read. `head`, `body`, `foot`: offsets in the source; together they are all of it."""

    title: str
    year: int | None
    issuer: str
    issued_on: str | None
    clauses: list[Clause]
    targets: list[dict[str, Any]]
    numbers: list[dict[str, Any]]
    unread: list[dict[str, Any]]
    head: tuple[int, int]
    body: tuple[int, int]
    foot: tuple[int, int]

    def walk(self) -> Iterator[Clause]:
        """All clauses, from the top down."""
        for clause in self.clauses:
            yield from clause.walk()

    def json(self) -> dict[str, Any]:
        """As `anlan plan read --json` prints it."""
        return {
            "title": self.title, "year": self.year, "issuer": self.issuer, "issued_on": self.issued_on,
            "clauses": [clause.json() for clause in self.clauses],
            "targets": self.targets, "numbers": self.numbers, "unread": self.unread,
            "head": self.head, "body": self.body, "foot": self.foot,
        }  # fmt: skip


@dataclass(frozen=True)
class _Mark:
    level: int  # 1 part, 2 section or goal, 3 item
    number: str
    n: int
    start: int
    after: int


def read_file(path: Path) -> Draft:
    """Reads a file; raises `Unreadable` with the place."""
    try:
        return read(decode(path))
    except Unreadable as error:
        raise error if str(error).startswith(str(path)) else Unreadable(f"{path}: {error}") from None


def read(source: str) -> Draft:
    """Reads a notice's text; raises `Unreadable` where there is no numbered part in it."""
    flat = Flat.of(source)
    text = flat.text
    unread: list[dict[str, Any]] = []
    marks, body_end = _marks(flat, unread)
    if not marks:
        raise Unreadable(_("no numbered part (一、 at the beginning of a line) anywhere in the text"))
    head = text[: marks[0].start]
    clauses = _tree(flat, marks, body_end)
    title, year, issuer, issued_on = _head(head)
    targets, numbers = _quantities(clauses, flat, year, unread)
    unread += [
        {"what": "a page number, left out", "words": source[a:b].strip(), "start": a, "end": b}
        for a, b in flat.left_out
    ]
    if not title:
        unread.append({"what": "title", "words": head[-60:], "start": 0, "end": flat.span(0, marks[0].start)[1]})
    if issued_on is None:
        unread.append(
            {"what": "issuer and date", "words": head[-60:], "start": 0, "end": flat.span(0, marks[0].start)[1]}
        )
    first, last = flat.span(marks[0].start, body_end)
    return Draft(
        title, year, issuer, issued_on, clauses, targets, numbers, unread,
        head=(0, first), body=(first, last), foot=(last, len(source)),
    )  # fmt: skip


def _marks(flat: Flat, unread: list[dict[str, Any]]) -> tuple[list[_Mark], int]:
    """The marks in order, and where the body ends."""
    text = flat.text
    marks: list[_Mark] = []
    due = {1: 1, 2: 1, 3: 1}
    goals = 0
    title_open = False  # between a mark and the first end of sentence or line: another mark may follow at once
    i = 0
    while i < len(text):
        fresh, previous = flat.fresh[i], text[i - 1] if i else ""
        boundary = previous in _ENDS or (fresh and previous not in ("第", "、", "，", "：")) or i == 0
        foot = _FOOT.match(text, i)
        if marks and foot and (fresh or previous == "。"):
            return marks, i
        found: _Mark | None = None
        part, section = _PART.match(text, i), _SECTION.match(text, i)
        # A known title makes a part even where the text came without any line break.
        boundary = boundary or bool(part and text.startswith(_TITLES, part.end()))
        item, goal = _ITEM.match(text, i), _GOAL.match(text, i)
        if part and boundary and value(part["n"]) == due[1]:
            found = _Mark(1, part[0], due[1], i, part.end())
        elif marks and section and (boundary or title_open):
            found = _numbered(2, section, due, marks, i, flat, unread)
        elif marks and item and (boundary or title_open) and any(m.level == 2 for m in marks):
            found = _numbered(3, item, due, marks, i, flat, unread)
        elif marks and goal and (boundary or title_open):
            goals += 1
            found = _Mark(2, goal[0], goals, i, goal.end())
        if found is None:
            title_open = title_open and text[i] not in _ENDS + "，、"
            i += 1
            continue
        marks.append(found)
        title_open = True
        due[found.level] = found.n + 1
        for deeper in range(found.level + 1, 4):
            due[deeper] = 1
        if found.level == 1:
            goals = 0
        i = found.after
    return marks, len(text)


def _numbered(
    level: int,
    m: re.Match[str],
    due: dict[int, int],
    marks: list[_Mark],
    i: int,
    flat: Flat,
    unread: list[dict[str, Any]],
) -> _Mark | None:
    n = int(value(m["n"]))
    sentence = i == 0 or flat.text[i - 1] in _ENDS
    if n == due[level]:
        return _Mark(level, m[0], n, i, m.end())
    if sentence and n > due[level]:  # a number was left out: the clause is read, and the gap is said
        start, end = flat.span(i, m.end())
        unread.append(
            {"what": f"number {due[level]} is missing before this", "words": m[0], "start": start, "end": end}
        )
        return _Mark(level, m[0], n, i, m.end())
    return None


def _tree(flat: Flat, marks: list[_Mark], body_end: int) -> list[Clause]:
    ends = [mark.start for mark in marks[1:]] + [body_end]
    roots: list[Clause] = []
    letters: set[str] = set()
    part = section = None
    for k, (mark, end) in enumerate(zip(marks, ends, strict=True)):
        until = next((m.start for m in marks[k + 1 :] if m.level <= mark.level), body_end)
        title, rest = _title(flat, mark, end, marks[k + 1].level > mark.level if k + 1 < len(marks) else False)
        own = flat.text[rest:end]
        start, stop = flat.span(mark.start, until)
        clause = Clause("", mark.number, title, _gist(own) or title, own, start, stop)
        if mark.level == 1:
            clause.id = _letter(title, mark.n, letters)
            roots.append(clause)
            part, section = clause, None
        elif mark.level == 2 and part is not None:
            clause.id = f"{part.id}.{mark.n}" if part.id.startswith("P") else f"{part.id}{mark.n}"
            part.children.append(clause)
            section = clause
            if _GOAL.fullmatch(mark.number):
                clause.children = list(_goals(flat, clause, rest, end))
        else:
            parent = section or part
            assert parent is not None  # an item is taken only after a section
            clause.id = f"{parent.id}.{mark.n}"
            parent.children.append(clause)
        if mark.level == 3:
            clause.children = list(_inline(flat, clause, rest, end))
    return roots


def _letter(title: str, n: int, taken: set[str]) -> str:
    """G for goals, W for work, R for requirements; P and the number for any other part."""
    for letter, words in (("G", ("目标",)), ("W", ("重点", "任务", "措施")), ("R", ("工作要求", "保障", "组织"))):
        if letter not in taken and any(word in title for word in words):
            taken.add(letter)
            return letter
    return f"P{n}"


def _title(flat: Flat, mark: _Mark, end: int, deeper: bool) -> tuple[str, int]:
    """The title and where the clause's own words begin."""
    text = flat.text
    if mark.level > 1:
        stop = text.find("。", mark.after, end)
        stop = end if stop < 0 else stop
        if stop - mark.after <= 40:
            title = text[mark.after : stop]
            # a sentence that demands an amount is the clause's own words, not only its name
            return title, mark.after if find(title).targets else min(stop + 1, end)
        return "", mark.after
    if deeper and end - mark.after <= 40 and "。" not in text[mark.after : end]:
        return text[mark.after : end], end
    for known in _TITLES:
        if text.startswith(known, mark.after):
            return known, mark.after + len(known)
    stop = mark.after
    while stop < end and (stop - mark.after < 4 or not flat.fresh[stop]):
        stop += 1
    line = text[mark.after : stop]
    return (line, stop) if len(line) <= 24 and not re.search("[，。；]", line) else ("", mark.after)


def _gist(words: str) -> str:
    """The first sentence, cut at a comma where it is long."""
    sentence = re.split(r"(?<=[。！？])", words, maxsplit=1)[0].rstrip("。")
    if len(sentence) <= 60:
        return sentence
    cut = sentence.rfind("，", 0, 60)
    return sentence[: cut if cut > 10 else 60] + "……"


def _goals(flat: Flat, goal: Clause, start: int, end: int) -> Iterator[Clause]:
    """A goal's several targets: each amount on its own, and what is stated after them or without any."""
    text = flat.text
    pieces: list[tuple[int, int, bool]] = []
    for m in re.finditer(r"[^；。]+[；。]?", text[start:end]):
        a, b = start + m.start(), start + m.end()
        inner = [(a + s, a + e) for s, e in segments(text[a:b])]
        hits = [(s, e) for s, e in inner if find(text[s:e]).targets]
        if not hits:
            pieces.append((a, b, False))
            continue
        # words before the first amount lead up to it; each further amount begins its own
        for k, (s, e) in enumerate(hits):
            pieces.append((s, b if k == len(hits) - 1 else e, True))
    if any(counted for *_, counted in pieces):
        while not pieces[0][2]:
            pieces.pop(0)
    for n, (s, e, _kind) in enumerate(pieces, 1):
        words = text[s:e].rstrip("；。，")
        first, last = flat.span(s, e)
        yield Clause(f"{goal.id}.{n}", "", words, words, words, first, last)


def _inline(flat: Flat, item: Clause, start: int, end: int) -> Iterator[Clause]:
    """The industries' own lists inside an item, lettered a, b, c …; 同时，要 opens what is left over."""
    text = flat.text
    found: list[re.Match[str]] = []
    for m in _INLINE.finditer(text, start, end):
        if m["rest"] and not found:
            continue
        found.append(m)
        if m["rest"]:
            break
    if len(found) < 2:
        return
    stops = [m.start() for m in found[1:]] + [end]
    for n, (m, stop) in enumerate(zip(found, stops, strict=True)):
        words = text[m.start() : stop]
        title = m["name"] or re.split("[，。]", text[m.end() : stop])[0]
        first, last = flat.span(m.start(), stop)
        letter = chr(ord("a") + n) if n < 26 else f"z{n - 25}"
        yield Clause(f"{item.id}{letter}", "", title, _gist(text[m.end() : stop]), words, first, last)
    item.text = text[start : found[0].start()]


def _quantities(
    clauses: list[Clause], flat: Flat, year: int | None, unread: list[dict[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    targets: list[dict[str, Any]] = []
    numbers: list[dict[str, Any]] = []
    place = {offset: i for i, offset in enumerate(flat.at)}
    last_year = str(year - 1) if year else None
    for root in clauses:
        for clause in root.walk():
            # a goal's words are read through its children; what leads up to them holds no amount
            if any(child.number == "" and child.id.startswith(clause.id + ".") for child in clause.children):
                continue
            base = _own_start(clause, place, flat.text)
            found = find(clause.text)
            for t in found.targets:
                start, end = flat.span(base + t.start, base + t.end)
                baseline = last_year if t.baseline == LAST_YEAR else t.baseline
                targets.append({
                    "clause": clause.id, "subject": t.subject, "comparator": t.comparator, "value": t.value,
                    "unit": t.unit, "baseline": baseline, "words": t.words, "start": start, "end": end,
                })  # fmt: skip
            for m in found.mentions:
                start, end = flat.span(base + m.start, base + m.end)
                numbers.append({"clause": clause.id, "words": m.words, "kind": m.kind, "start": start, "end": end})
            for d in found.doubts:
                start, end = flat.span(base + d.start, base + d.end)
                unread.append({"what": d.why, "words": d.words, "start": start, "end": end})
    return targets, numbers


def _own_start(clause: Clause, place: dict[int, int], text: str) -> int:
    start = place[clause.start]
    return max(start, text.find(clause.text, start)) if clause.text else start


_YEAR = r"(?P<y>\d{4}|[〇○零一二三四五六七八九]{4})年"
_DATED = re.compile(
    rf"(?:^|[。：:》）]|通知)(?P<issuer>[^。，：:《》\d]{{2,40}}?){_YEAR}(?P<m>\d{{1,2}}|[{CHINESE}]{{1,3}})月(?P<d>\d{{1,2}}|[{CHINESE}]{{1,3}})日"
)


def _head(head: str) -> tuple[str, int | None, str, str | None]:
    named = re.search(r"《([^》]{4,60})》", head)
    bare = re.search(rf"({_YEAR}(?![0-9{CHINESE}]{{1,3}}月)[^。，：《》]{{4,40}}?(?:要点|计划|方案|意见))$", head)
    title = named[1] if named else bare[1] if bare else ""
    year = re.search(_YEAR, title)
    dated = None
    for dated in _DATED.finditer(head):  # noqa: B007 - the last one signs the notice
        pass
    issued_on = None
    if dated:
        y, m, d = (int(value(dated[k])) for k in ("y", "m", "d"))
        if 1 <= m <= 12 and 1 <= d <= 31:
            issued_on = f"{y:04d}-{m:02d}-{d:02d}"
    return title, int(value(year["y"])) if year else None, dated["issuer"] if dated else "", issued_on
