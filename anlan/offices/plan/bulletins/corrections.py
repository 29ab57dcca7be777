"""What has changed in the records since a publication was drafted, and the paper that corrects it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec
from django.utils.translation import gettext as _

from anlan.engines.measures import Period
from anlan.engines.papers import Heading, Imprint, Note, Number, Paper, Paragraph, Table
from anlan.engines.papers.paper import day

from . import draft, facts
from .facts import PRESENT, Cell, Facts, Mark, Row
from .wording import plain

if TYPE_CHECKING:
    from anlan.parties.models import IssuedPaper

    from .models import Publication

Difference = tuple[str, str, str]
"""What it is of, in the words of the paper; what was published; what the records say now."""
MOST = 200
"""So many are told one by one."""


def differences(was: Facts, now: Facts) -> list[Difference]:
    """The figures of a period that the records tell otherwise than they were published.

    What is told of the day of drafting alone (overdue, listed) differs by its nature, and is left out.
    """
    titles = {one.name: (one.title, one.unit) for one in (*was.definitions, *now.definitions)}
    before, after = dict(_figures(was)), dict(_figures(now))
    made = []
    # What is told by now of another place or branch is a difference too; what has been defined since is none.
    told = {name for _where, name, _which in before}
    more = [key for key in after if key not in before and key[1] in told]
    for where, name, which in (*before, *more):
        value, other = (of.get((where, name, which)) for of in (before, after))
        if other == value:
            continue
        title, unit = titles.get(name, (name, ""))
        words = "，".join(word for word in (where, f"{title}（{unit}）" if unit else title, which) if word)
        made.append((words, plain(value), plain(other)))
    return [*made, *_marks(was, now)]


def _marks(was: Facts, now: Facts) -> Iterator[Difference]:
    """What the committee has said anew of the same months; a later month corrects no earlier one."""
    later = {(one.of, one.until): one.marks for one in now.appraised}
    for one in was.appraised:
        before = {mark.name: mark for mark in one.marks}
        after = {mark.name: mark for mark in later.get((one.of, one.until), one.marks)}
        for name in dict.fromkeys((*before, *after)):
            told, again = (_said(of.get(name)) for of in (before, after))
            if told != again:
                yield f"{name}，1至{one.until}月考核得分和等次", told, again


def _said(mark: Mark | None) -> str:
    if mark is None:
        return plain(None)
    words = [*([mark.grade] if mark.grade else ()), *(["一票否决"] if mark.vetoed else ())]
    return plain(mark.total) + (f"（{'，'.join(words)}）" if words else "")


Key = tuple[str, str, str]


def _figures(of: Facts) -> Iterator[tuple[Key, Decimal | None]]:
    def cells(where: str, told: dict[str, Cell]) -> Iterator[tuple[Key, Decimal | None]]:
        for name, cell in told.items():
            if name not in PRESENT:
                yield (where, name, ""), cell.now
                yield (where, name, "上年同期"), cell.before

    def rows(told: Sequence[Row]) -> Iterator[tuple[Key, Decimal | None]]:
        for row in told:
            yield from cells(row.name, row.cells)

    whole = "全市" if of.tier == 1 else of.area_name
    yield from cells(whole, of.whole)
    yield from cells(f"{whole}今年累计", of.to_date)
    for grade, told in of.grades.items():
        yield from cells(draft.GRADE_NAMES[grade], told)
    for level, cell in of.levels.items():
        yield (f"{draft.LEVEL_NAMES[level]}预警", "monitoring.warnings", ""), cell.now
    yield from rows(of.places)
    yield from rows(of.industries)
    period = Period.parse(of.period)
    year = period.first.year
    for n, month in enumerate(of.months, 1):
        for at, of_year in enumerate((year, year - 1)):
            if of.kind == "monthly" and (of_year, n) == (year, period.first.month):
                continue  # the whole's, told above
            yield (f"{of_year}年{n}月", "accidents.deaths", ""), month.deaths[at]
            yield (f"{of_year}年{n}月", "accidents.number", ""), month.accidents[at]


def paper(corrected: IssuedPaper, was: Facts, now: Facts) -> Paper:
    """The correction: of which paper, what was told and what is. Raises `BadBulletin` where nothing differs."""
    found = differences(was, now)
    if not found:
        raise facts.BadBulletin(_("The records tell what was published: there is nothing to correct."))
    blocks: list[Any] = [
        Paragraph(
            f"{day(corrected.signed_on)}印发的《{corrected.title}》（{corrected.number}）中，部分数据因相关记录"
            f"核实变更，与现有记录不符。现按{day(now.as_of.astimezone(draft.BEIJING).date())}的记录更正如下。"
        ),
        Heading(1, "更正的数据"),
        Table("更正前后对照", ("项目", "原公布", "更正为"), tuple(found[:MOST]), "lrr", (4, 1, 1)),
    ]
    if len(found) > MOST:
        blocks.append(Note(f"注：共更正{len(found)}项数据，上表列出前{MOST}项。"))
    blocks += [
        Heading(1, "其他事项"),
        Paragraph(f"本次共更正数据{len(found)}项。上述数据以本通报为准，《{corrected.title}》的其余内容不变。"),
    ]
    period = Period.parse(now.period)
    span = draft.span_of(now, period)
    return Paper(
        title=f"{now.issuer}关于更正{span}{draft.whole_of(now)}安全生产情况通报有关数据的通报",
        issuer=now.issuer, mark=now.issuer, number=Number(now.short_name, corrected.year),
        addressee=draft.ADDRESSEES[now.tier], blocks=tuple(blocks), imprint=Imprint((), now.issuer),
    )  # fmt: skip


def again(case: Publication) -> Paper | None:
    """A correction as it is drafted of what is frozen: its own facts, and those of the paper that it corrects."""
    corrected = case.corrects
    assert corrected is not None
    if not corrected.facts:
        return None
    return paper(corrected, facts.decode(corrected.facts), facts.decode(case.facts))


def kept(found: Sequence[Difference]) -> list[list[str]]:
    """Differences as JSON keeps them."""
    made: list[list[str]] = msgspec.to_builtins(list(found))
    return made
