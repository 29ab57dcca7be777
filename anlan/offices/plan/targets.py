"""Quantified targets in a clause's words: subject, comparator, value, unit, baseline."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .numerals import NUMBER, value

UNITS = r"%|公里|千米|万元|亿元|大类|起|家|个|人|名|处|所|套|台|辆|艘|座|支|场|次|项|户|件|宗|条|大|类|级|年|月|日"
_SEGMENT = re.compile(r"[^，；。！？]+[，；。！？]?")
_QUANTITY = re.compile(
    rf"(?:百分之(?P<per>{NUMBER})|(?P<num>{NUMBER})(?P<unit>{UNITS})?)(?P<bound>以上|以下|以内|左右)?"
)
_FRAME = re.compile(
    r"(?:比(?P<base>[\d零〇○一二三四五六七八九]{4}年|上年|去年|同期)?(?P<same>同期)?)?"
    r"(?P<verb>下降|降低|减少|不超过|不高于|低于|控制在|不低于|不少于|达到|达|增至|为)$"
)
_BUILDS = re.compile(r"(?:建成|建设|培育|创建|新建|新增|新安装|安装|完成|改造|关闭|打造|培训|配备|组织|开展)")
_ZERO = re.compile(r"(?P<subject>[^，；。、]*?)(?:实行|实现|保持|为)?[“\"「]?零(?:控制|死亡|事故|发生)[”\"」]?")
_ALL = re.compile(r"(?P<subject>[^，；。、]*?)(?:要|须|必须)?全部(?P<deed>(?:安装|接入|完成|配备|达标)[^，；。]*)")
_LEVEL = re.compile(r"(?:国际|国家级|省级|市级|区县级|县级)")
_COMPARATORS = {
    "下降": "down_by", "降低": "down_by", "减少": "down_by", "不超过": "<=", "不高于": "<=", "低于": "<=",
    "控制在": "<=", "不低于": ">=", "不少于": ">=", "达到": ">=", "达": ">=", "增至": ">=", "为": "==",
}  # fmt: skip


@dataclass(frozen=True)
class Target:
    """One quantity demanded. `start`, `end`: its words within the text it was read from."""

    subject: str
    comparator: str
    value: float
    unit: str
    baseline: str | None
    words: str
    start: int
    end: int


@dataclass(frozen=True)
class Mention:
    """A number that is no target: a year, a threshold, a telephone, a named group such as 六必查."""

    words: str
    kind: str
    start: int
    end: int


def segments(text: str) -> list[tuple[int, int]]:
    """The stretches between commas, semicolons and full stops, with their closing mark."""
    return [m.span() for m in _SEGMENT.finditer(text)]


def find(text: str) -> tuple[list[Target], list[Mention]]:
    """Every target and every other number in the text, in order."""
    targets: list[Target] = []
    mentions: list[Mention] = []
    for start, end in segments(text):
        _segment(text[start:end], start, targets, mentions)
    return targets, mentions


def _segment(words: str, offset: int, targets: list[Target], mentions: list[Mention]) -> None:
    before = len(targets)
    cursor = 0  # where the subject of the next quantity begins
    taken: list[tuple[int, int]] = []
    for pattern, unit, fixed in ((_ZERO, "", 0), (_ALL, "%", 100)):
        for m in pattern.finditer(words):
            if not m["subject"]:
                continue
            deed = m.groupdict().get("deed") or ""
            subject = _clean(m["subject"]) + (f"：{deed}" if deed else "")
            unit = unit or ("人" if "死亡" in subject else "起" if "事故" in subject else "")
            targets.append(Target(subject, "==", fixed, unit, None, m[0], offset + m.start(), offset + m.end()))
            taken.append(m.span())
            cursor = m.end()
    for m in _QUANTITY.finditer(words):
        if any(a <= m.start() < b for a, b in taken):
            continue
        arabic = words[m.start()].isdigit()
        try:
            number = value(m["per"] or m["num"])
        except ValueError:
            continue
        unit = "%" if m["per"] else (m["unit"] or "")
        frame = _FRAME.search(words[cursor : m.start()])
        after = words[m.end() :]
        if unit in ("年", "月", "日"):
            _mention(mentions, words, m, offset, "date")
            continue
        builds = _BUILDS.search(words[cursor : m.start()])
        noun = re.match(r"[\u4e00-\u9fff“]+", after)
        qualifier = m["bound"] in ("以上", "以下") and noun is not None and not frame
        inherited = len(targets) > before and words[m.start() - 1 : m.start()] != "、"
        if unit == "级" or qualifier:
            _mention(mentions, words, m, offset, "threshold")
            continue
        if (
            not unit
            or (unit == "大" and not arabic)
            or (not arabic and not m["per"] and not _counted(frame, builds, number, unit))
        ):
            if arabic or unit in ("大", "类", "级"):
                _mention(mentions, words, m, offset, "name" if not arabic else "code")
            continue
        lead = words[cursor : frame.start() + cursor if frame else m.start()]
        subject = _clean(lead)
        if not frame and noun and not (subject and not builds and arabic and unit not in ("大", "个", "家", "类")):
            tail = re.split(r"为|等|的建设|，|。|、|；", after)[0]
            if tail and (
                not subject or not re.search(r"[\u4e00-\u9fff]$", lead) or _BUILDS.search(lead) or unit in ("大", "个")
            ):
                subject = _clean(tail)
        if not subject and not inherited and not targets:
            _mention(mentions, words, m, offset, "number")
            continue
        subject = _complete(subject, targets[before:])
        named = unit in ("大", "大类", "类") and not frame  # "7大重点工程": the number of them is given, not a floor
        reached = (builds or len(targets) > before) and not named
        comparator = _COMPARATORS[frame["verb"]] if frame else ">=" if reached else "=="
        if m["bound"] == "以内":
            comparator = "<="
        elif m["bound"] == "以上":
            comparator = ">="
        if not frame and not builds and len(targets) == before and _goal(words[: m.start()], after):
            comparator = ">="
        base = frame["base"] if frame else None
        baseline = base.rstrip("年") if base else None
        if baseline and not baseline.isdigit() and baseline not in ("上", "去", "同期"):
            baseline = str(value(baseline))
        first = m.start() if named else cursor
        last = m.end()
        if words.startswith(subject, last):
            last += len(subject)
        while words[first] in "、，":
            first += 1
        targets.append(
            Target(subject, comparator, number, unit, baseline, words[first:last], offset + first, offset + last)
        )
        cursor = last


def _goal(before: str, after: str) -> bool:
    """`市级安全社区100个、…`: an amount after its noun and before a mark is a goal to be reached."""
    return bool(re.search(r"[\u4e00-\u9fff]$", before)) and (not after or after[0] in "，、；。")


def _counted(frame: re.Match[str] | None, builds: re.Match[str] | None, number: float, unit: str) -> bool:
    """Whether a Chinese numeral counts something, and is no part of a word (一体, 四位)."""
    return bool(unit) and (bool(frame) or (bool(builds) and unit not in ("大", "类")) or (number >= 2 and unit == "个"))


def _mention(mentions: list[Mention], words: str, m: re.Match[str], offset: int, kind: str) -> None:
    mentions.append(Mention(words[max(0, m.start() - 8) : m.end() + 8], kind, offset + m.start(), offset + m.end()))


def _clean(words: str) -> str:
    words = words.strip("，、；。！“”")
    words = re.sub(r"^(?:着力|继续|大力|加快|全面|基本|初步|力争|确保|要|以|和|将|使)+", "", words)
    words = re.sub(r"^.*(?:建成|培育|创建|新建|新增|打造)", "", words)
    return words.strip("，、；。！“”")


def _complete(subject: str, earlier: list[Target]) -> str:
    """`A启动率达到…、达标率达到…`: the second rate is A's too; a level (市级) is carried on likewise."""
    if not earlier:
        return subject
    first = earlier[0].subject
    rate = re.match(r"(.*?)(?:[\u4e00-\u9fff]{2})率$", first)
    if rate and re.fullmatch(r"[\u4e00-\u9fff]{2,3}率", subject):
        return rate[1] + subject
    level = _LEVEL.match(first)
    if level and not _LEVEL.match(subject):
        return level[0] + subject
    return subject or first
