"""What the letters of this office say, as papers of GB/T 9704; and the facts that they rest on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from anlan.engines.papers import Block, Heading, Imprint, Paper, Paragraph
from anlan.engines.papers.paper import day
from anlan.kernel import areas, clock, law
from anlan.kernel.clock import BEIJING

from . import units
from .models import Letter, Meeting, Resolution

MEASURES = {
    "circulate": "", "interview": "由市安委会办公室约谈其主要负责人", "deduct": "在年度安全生产考核中扣分",
    "veto": "提请对其实行安全生产“一票否决”", "reward": "在年度安全生产考核中加分",
}  # fmt: skip
"""How a paper says what follows besides the circular itself."""
UNITS = {"working_days": "个工作日", "days": "日"}


def paper(letter: Letter, names: Sequence[str]) -> Paper:
    """An order or a circular to those of these names."""
    issuer = letter.authority.name
    made = order if letter.genre == "order" else circular
    title, blocks = made(letter, names)
    return Paper(
        title=f"{issuer}关于{letter.subject}的{title}", issuer=issuer, mark=issuer, addressee="、".join(names),
        blocks=tuple(blocks), imprint=Imprint((), issuer),
    )  # fmt: skip


def order(letter: Letter, names: Sequence[str]) -> tuple[str, list[Block]]:
    assert letter.answer_by is not None
    return "督办通知", [
        Heading(1, "基本情况"), *_paragraphs(letter.grounds),
        Heading(1, "督办要求"), *_paragraphs(letter.asked),
        Heading(1, "办理时限"),
        Paragraph(f"请于收到本通知后{_limit('supervision.receive')}内签收，于{day(letter.answer_by)}前办结，"
                  "并将办理情况连同佐证材料书面报告我办。逾期未办结的，按规定约谈、通报。"),
    ]  # fmt: skip


def circular(letter: Letter, names: Sequence[str]) -> tuple[str, list[Block]]:
    criticism = letter.genre == "criticism"
    what = "通报批评" if criticism else "通报表扬"
    measure = MEASURES[letter.measure]
    if letter.measure == "interview" and areas.tier_of(letter.owner_area_code) > 1:
        measure = measure.replace("市安委会办公室", "我办")
    blocks: list[Block] = [
        Heading(1, "基本情况"), *_paragraphs(letter.grounds), Heading(1, "处理决定" if criticism else "表扬决定"),
        Paragraph(f"经研究，决定对{'、'.join(names)}予以{what}{f'，并{measure}' if measure else ''}。"),
    ]  # fmt: skip
    if letter.asked:
        blocks += [Heading(1, "工作要求"), *_paragraphs(letter.asked)]
    if criticism:
        blocks.append(Paragraph(f"被通报单位如有异议，请自通报发布之日起{_limit('supervision.object')}内书面提出，"
                                "我办将予以核实答复。"))  # fmt: skip
    return what, blocks


def minutes(meeting: Meeting, issuer: str, decided: Iterable[Resolution]) -> Paper:
    """The minutes: where and when, what was decided, who attended."""
    at = meeting.held_at.astimezone(BEIJING)
    known = units.known(meeting.owner_area_code)
    place = f"在{meeting.place}" if meeting.place else ""
    called = f"{meeting.chair}{place}主持召开" if meeting.chair else f"{place}召开"
    blocks: list[Block] = [Paragraph(f"{day(at.date())}，{called}{meeting.title}。现将会议议定事项纪要如下。")]
    if meeting.summary:
        blocks += [Heading(1, "会议情况"), *_paragraphs(meeting.summary)]
    blocks.append(Heading(1, "议定事项"))
    for one in decided:
        blocks.append(Paragraph(f"{one.order}．{one.text.rstrip('。')}{_who(one, known)}。"))
    blocks.append(Heading(1, "出席情况"))
    for title, states in (("出席", ("present",)), ("请假", ("excused",)), ("缺席", ("absent",))):
        rows = [one for one in meeting.invitations.select_related("authority") if one.state in states]
        if rows:
            said = "、".join(f"{one.authority.name}{f'（{one.who}）' if one.who else ''}" for one in rows)
            blocks.append(Paragraph(f"{title}：{said}。"))
    return Paper(
        title=f"{meeting.title}纪要", issuer=issuer, mark=f"{issuer}会议纪要", document=False, blocks=tuple(blocks),
        seal=False, imprint=Imprint((), issuer),
    )  # fmt: skip


def _who(one: Resolution, known: units.Known) -> str:
    """（责任单位：…；责任人：…；完成时限：…）, as far as it was said."""
    named = units.written(one.units.all(), known)
    parts = [
        f"责任单位：{named}" if named else "", f"责任人：{one.responsible}" if one.responsible else "",
        f"完成时限：{day(one.due_on)}" if one.due_on else "",
    ]  # fmt: skip
    said = "；".join(part for part in parts if part)
    return f"（{said}）" if said else ""


def _paragraphs(text: str) -> list[Block]:
    return [Paragraph(line.strip()) for line in text.splitlines() if line.strip()]


def _limit(rule: str) -> str:
    held = law.value(rule, on=clock.today())
    return f"{held.value}{UNITS[held.unit]}"


def facts(letter: Letter, names: Sequence[str]) -> str:
    """What an order or a circular rests on, frozen with it."""
    told: dict[str, Any] = {
        "genre": letter.genre, "subject": letter.subject, "facts": letter.grounds, "asked": letter.asked,
        "answer_by": letter.answer_by.isoformat() if letter.answer_by else None, "measure": letter.measure,
        "addressees": list(names),
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False, sort_keys=True)


def minuted(meeting: Meeting, decided: Iterable[Resolution]) -> str:
    """What minutes rest on, frozen with them."""
    told = {
        "meeting": meeting.number, "title": meeting.title, "held_at": meeting.held_at.astimezone(BEIJING).isoformat(),
        "decisions": [
            {"no": one.order, "text": one.text, "units": [unit.name for unit in one.units.all()],
             "responsible": one.responsible, "due_on": one.due_on.isoformat() if one.due_on else None}
            for one in decided
        ],
        "attendance": [{"authority": one.authority.name, "state": one.state, "who": one.who}
                       for one in meeting.invitations.select_related("authority")],
    }  # fmt: skip
    return json.dumps(told, ensure_ascii=False, sort_keys=True)
