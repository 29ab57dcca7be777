"""Quantified targets in a clause's words: subject, comparator, value, unit, baseline."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .numerals import CHINESE, NUMBER, value

LAST_YEAR = "last year"
"""The baseline of 上年, 同比 and of a fall that names none: the year before the plan's own."""

LONGEST = 500
"""Characters between two marks of punctuation. Officials write less than a hundred; more is not read."""
UNITS = (
    r"%|‰|个百分点|公里|千米|平方米|立方米|万元|亿元|大类|人次|学时|课时|起|家|个|人|名|处|所|套|台|辆|艘|座|支|场|次|"
    r"项|户|件|宗|例|条|吨|元|大|类|级|年|月|日|天|小时|分钟"
)
_TIMES = ("年", "月", "日", "天", "小时", "分钟")
_KINDS = ("大", "大类", "类")
_SEGMENT = re.compile(r"[^，；。！？]+[，；。！？]?")
_QUANTITY = re.compile(
    rf"(?:百分之(?P<per>{NUMBER})|(?P<num>{NUMBER})(?P<unit>{UNITS})?)(?P<bound>以上|以下|以内|左右)?"
)
_FRAME = re.compile(
    r"(?:(?:比|较|与)?(?P<base>[\d零〇○一二三四五六七八九]{4}年|上一?年度?|去年)?(?P<same>同期|同比)?(?:相比)?)"
    r"(?P<verb>下降|降低|减少|不超过|不高于|低于|控制在|不低于|不少于|不得少于|达到|达|增至|为)$"
)
_RISE = re.compile(r"(?:增长|提高|上升|增加)(?:幅度)?(?:不低于|不少于|达到?|为)?$")
_BUILDS = re.compile(r"(?:建成|建设|培育|创建|新建|新增|新安装|安装|完成|改造|关闭|打造|培训|配备|组织|开展|投入|检查)")
_ENDS_IN_DEED = re.compile(rf"{_BUILDS.pattern}$")
_ZERO = re.compile(r"(?P<subject>[^，；。、]*?)(?:实行|实现|保持|为)?[“\"「]?零(?:控制|死亡|事故|发生)[”\"」]?")
_NONE = re.compile(r"(?:不发生|杜绝)(?P<subject>[^，；。、]*?事故)(?:发生)?")
_ALL = re.compile(r"(?P<subject>[^，；。、]*?)(?:要|须|必须)?全部(?P<deed>(?:安装|接入|完成|配备|达标)[^，；。]*)")
_LEVEL = re.compile(r"(?:国际|国家级|省级|市级|区县级|县级)")
_BY_WHEN = re.compile(r"^(?:到|在|于)?(?:\d{4}年)?(?:\d{1,2}月)?(?:年)?(?:底|末|内|上半年|下半年)?(?:之?前|以前)?")
_RANGE = re.compile(r"\d[\d,.]*(?:%|[\u4e00-\u9fff])?[—–\-~～至到]{1,2}\d")
_NAMED = re.compile(rf"[“\"「][^”\"」，。；]{{0,3}}(?P<n>[{CHINESE}]+)[^”\"」，。；]{{1,8}}[”\"」]")
_COMPARATORS = {
    "下降": "down_by", "降低": "down_by", "减少": "down_by", "不超过": "<=", "不高于": "<=", "低于": "<=",
    "控制在": "<=",
    "不低于": ">=", "不少于": ">=", "不得少于": ">=", "达到": ">=", "达": ">=", "增至": ">=", "为": "==",
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


@dataclass(frozen=True)
class Doubt:
    """An amount that a person must read: `why` says what is beyond the reader."""

    words: str
    why: str
    start: int
    end: int


@dataclass
class Found:
    """What a text holds, in order."""

    targets: list[Target]
    mentions: list[Mention]
    doubts: list[Doubt]


def segments(text: str) -> list[tuple[int, int]]:
    """The stretches between commas, semicolons and full stops, with their closing mark."""
    return [m.span() for m in _SEGMENT.finditer(text)]


def find(text: str) -> Found:
    """Every target, every other number, and every amount that cannot be read for sure."""
    found = Found([], [], [])
    for start, end in segments(text):
        if end - start > LONGEST:
            found.doubts.append(Doubt(text[start : start + 60], "a sentence that does not end", start, end))
        else:
            _segment(text[start:end], start, found)
    return found


def _segment(words: str, offset: int, found: Found) -> None:
    targets, mentions = found.targets, found.mentions
    before = len(targets)
    cursor = 0  # where the subject of the next quantity begins
    taken: list[tuple[int, int]] = []

    def doubt(why: str, start: int, end: int) -> None:
        text = words[start:end].strip("，；。！？、")
        found.doubts.append(Doubt(text, why, offset + start, offset + start + len(text)))

    for pattern, unit, fixed in ((_ZERO, "", 0), (_NONE, "起", 0), (_ALL, "%", 100)):
        for m in pattern.finditer(words):
            subject = _clean(m["subject"])
            if not subject:
                if pattern is _ALL:
                    doubt("what this is demanded of", m.start(), m.end())
                    taken.append(m.span())
                continue
            deed = m.groupdict().get("deed") or ""
            subject += f"：{deed}" if deed else ""
            unit = unit or ("人" if "死亡" in subject else "起" if "事故" in subject else "")
            targets.append(Target(subject, "==", fixed, unit, None, m[0], offset + m.start(), offset + m.end()))
            taken.append(m.span())
            cursor = m.end()
    for m in _NAMED.finditer(words):
        if not any(a <= m.start() < b for a, b in taken):
            mentions.append(Mention(m[0].strip("“”"), "name", offset + m.start(), offset + m.end()))
            taken.append(m.span())
    if _RANGE.search(words):
        doubt("a range", 0, len(words))
        return
    quantities = [m for m in _QUANTITY.finditer(words) if not any(a <= m.start() < b for a, b in taken)]
    if "分别" in words and sum(words[m.start()].isdigit() or bool(m["per"]) for m in quantities) > 1:
        doubt("amounts for several subjects", 0, len(words))
        return
    for m in quantities:
        arabic = words[m.start()].isdigit()
        try:
            number = value(m["per"] or m["num"])
        except ValueError:
            continue
        unit = "%" if m["per"] else (m["unit"] or "")
        lead = words[cursor : m.start()]
        frame = _FRAME.search(lead)
        after = words[m.end() :]
        if unit in _TIMES:
            if arabic or number > 1000:
                _mention(mentions, words, m, offset, "date")
            continue
        builds = _BUILDS.search(lead)
        noun = re.match(r"[\u4e00-\u9fff“]+", after)
        qualifier = m["bound"] in ("以上", "以下") and noun is not None and not frame
        inherited = len(targets) > before and words[m.start() - 1 : m.start()] != "、"
        if unit == "级" or qualifier:
            _mention(mentions, words, m, offset, "threshold")
            continue
        rate = bool(frame and not unit and re.search("率[^，。]*$", lead))
        works = unit == "大" and not arabic and re.match("(?:重点)?(?:工程|项目)", after)
        if not rate and (
            not unit
            or (unit == "大" and not arabic and not works)
            or (not arabic and not m["per"] and not works and not _counted(frame, builds, number, unit))
        ):
            if arabic and (frame or builds or _RISE.search(lead)):
                doubt("the unit", cursor, len(words))
            elif arabic or unit in ("大", "类", "级"):
                _mention(mentions, words, m, offset, "name" if not arabic else "code")
            continue
        if _RISE.search(lead):
            doubt("an increase", cursor, m.end())
            cursor = m.end()
            continue
        if lead.lstrip("（").startswith("其中"):
            doubt("a part of another amount", cursor, m.end())
            cursor = m.end()
            continue
        said = words[cursor : frame.start() + cursor if frame else m.start()]
        subject = _clean(said)
        tail = re.split(r"为|等|的建设|，|。|、|；|（", after)[0]
        if "每" in said:
            subject = _clean(said.replace("至少", "")) + (tail if noun else "")
        elif frame and noun and tail and _ENDS_IN_DEED.search(said):
            subject = _clean(subject + tail)
        elif (
            not frame
            and noun
            and tail
            and not (subject and not builds and arabic and unit not in ("个", "家", *_KINDS))
            and (not subject or not said[-1:].isalpha() or _BUILDS.search(said) or unit in ("个", *_KINDS))
        ):
            subject = _clean(tail)
        if not subject and not inherited and not targets:
            doubt("what this is demanded of", cursor, m.end())
            continue
        subject = _complete(subject, targets[before:] or targets[-1:])
        named = unit in _KINDS and not frame  # "7大重点工程": the number of them is given, not a floor
        reached = (builds or len(targets) > before) and not named
        comparator = _COMPARATORS[frame["verb"]] if frame else ">=" if reached else "=="
        if m["bound"] == "以内":
            comparator = "<="
        elif m["bound"] == "以上" and comparator != "down_by":
            comparator = ">="
        if not frame and not builds and len(targets) == before and _goal(words[: m.start()], after):
            comparator = ">="
        baseline = None
        if frame and comparator == "down_by":
            year = (frame["base"] or "").rstrip("年")
            baseline = str(int(value(year))) if year and year[0] not in "上去" else LAST_YEAR
        first = m.start() if named else cursor
        last = m.end()
        if subject and words.startswith(subject, last):
            last += len(subject)
        while words[first] in "、，":
            first += 1
        targets.append(
            Target(
                subject, comparator, number, "类" if unit in _KINDS else unit, baseline, words[first:last],
                offset + first, offset + last,
            )
        )  # fmt: skip
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
    words = words.strip("，、；。！“”（）")
    words = re.sub(r"^(?:着力|继续|大力|加快|全面|基本|初步|力争|确保|至少|要|以|和|将|使)+", "", words)
    words = re.sub(r"^.*(?:建成|培育|创建|新建|新增|打造)", "", words)
    words = _BY_WHEN.sub("", words)
    words = re.sub(r"(?:同比|分别|幅度|至少|要|应|须)+$", "", words)
    return words.strip("，、；。！“”（）")


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
