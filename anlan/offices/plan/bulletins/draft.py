"""Facts into a paper: what is stated, shown and asked for, as a draft that a person edits."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal

from anlan.engines.measures import Period
from anlan.engines.measures.periods import BEIJING
from anlan.engines.measures.rounding import MOST_TOLD
from anlan.engines.papers import (
    UNKNOWN,
    Annex,
    Block,
    Chart,
    Heading,
    Imprint,
    Note,
    Number,
    Paper,
    Paragraph,
    Series,
    Table,
)
from anlan.engines.papers.paper import day

from .facts import DUE, GRADES, LEVELS, PRESENT, WARNINGS, Cell, Facts, Goal, Row
from .wording import SMALL, STANDINGS, change, foremost, listed, plain, ranks, said

GRADE_NAMES = dict(zip(GRADES, ("一般事故", "较大事故", "重大事故", "特别重大事故"), strict=True))
LEVEL_NAMES = dict(zip(LEVELS, ("红色", "橙色", "黄色", "蓝色"), strict=True))
QUARTERS = "一二三四"
ADDRESSEES = {1: "各区县（自治县）人民政府，市政府有关部门，有关单位", 2: "各乡镇人民政府、街道办事处，有关部门和单位"}
LINES = {"season": "按上年各月分布推算", "uniform": "按时间均分", "milestone": "以规定时限为准"}
APPRAISED = {"districts": "区县（自治县）", "departments": "市级部门"}
DECEMBER = 12
LAGGARDS = 3
"""So many of the last are named."""
NO_FIGURE = "注：“–”表示暂无数据。"


def paper(facts: Facts, *, serial: int | None = None, signed_on: date | None = None) -> Paper:
    """The bulletin as a draft; numbered and dated only where it is told so."""
    period = Period.parse(facts.period)
    span, issued = span_of(facts, period), signed_on or facts.as_of.astimezone(BEIJING)
    results = "和考核结果" if any(one.until == DECEMBER for one in facts.appraised) else ""
    blocks: list[Block] = [
        Paragraph(f"现将{span}{whole_of(facts)}安全生产和事故隐患排查治理情况{results}通报如下。{_as_of(facts)}"),
        *_accidents(facts, period, span),
        *_dangers(facts, span),
        *_goals(facts, period),
        *_appraised(facts, period),
        *_warnings(facts, span),
        *_overdue(facts),
        *_asked(facts),
    ]
    return Paper(
        title=f"{facts.issuer}关于{span}{whole_of(facts)}安全生产情况{results}的通报",
        issuer=facts.issuer,
        mark=facts.issuer,
        number=Number(facts.short_name, issued.year, serial),
        addressee=ADDRESSEES[facts.tier],
        blocks=tuple(blocks),
        annexes=(Annex("各区县情况表" if facts.tier == 1 else "各乡镇（街道）情况表", tuple(_by_place(facts))),
                 Annex("指标说明", tuple(_definitions(facts)))),
        signed_on=signed_on,
        imprint=Imprint((), facts.issuer, signed_on),
    )  # fmt: skip


def whole_of(facts: Facts) -> str:
    """全市, 全区 or 全县."""
    return "全市" if facts.tier == 1 else "全县" if facts.area_name.endswith("县") else "全区"


def span_of(facts: Facts, period: Period) -> str:
    """2013年5月, 2013年第一季度, 2013年度."""
    year, month = period.first.year, period.first.month
    if facts.kind == "monthly":
        return f"{year}年{month}月"
    return f"{year}年第{QUARTERS[month // 3]}季度" if facts.kind == "quarterly" else f"{year}年度"


def _as_of(facts: Facts) -> str:
    at = facts.as_of.astimezone(BEIJING)
    if not facts.running:
        return f"数据截至期末，按{day(at.date())}的记录统计。"
    return f"本期尚未结束，数据截至{day(at.date())}{at:%H:%M}，上年同期按相同时段统计。"


# --- Accidents -------------------------------------------------------------------------------------


def _accidents(facts: Facts, period: Period, span: str) -> Iterable[Block]:
    yield Heading(1, "生产安全事故情况")
    yield Heading(2, "总体情况")
    number, deaths = facts.whole["accidents.number"], facts.whole["accidents.deaths"]
    words = f"{span}，{whole_of(facts)}{said('共发生各类生产安全事故', number, '起')}；{said('死亡', deaths, '人')}。"
    if _goes_on(facts, period):
        so_far = facts.to_date
        words += f"今年以来，{said('累计发生事故', so_far['accidents.number'], '起')}；"
        words += f"{said('累计死亡', so_far['accidents.deaths'], '人')}。"
    yield Paragraph(words)
    yield _two_periods(facts, period)
    year = period.first.year
    for at, (title, unit) in enumerate((("死亡人数", "人"), ("事故起数", "起"))):
        figures = [(month.deaths, month.accidents)[at] for month in facts.months]
        yield Chart(
            ("column", "line")[at], f"{year - 1}年和{year}年各月{title}", tuple(f"{n}月" for n in range(1, 13)),
            (_series(f"{year - 1}年", [one[1] for one in figures]), _series(f"{year}年", [one[0] for one in figures])),
            unit,
        )  # fmt: skip
    # That months to come have no figure needs no note.
    told = facts.months[: (period.end - timedelta(days=1)).month]
    last = [value for month in facts.months for value in (month.deaths[1], month.accidents[1])]
    yield from _note((*last, *(value for month in told for value in (month.deaths[0], month.accidents[0]))))
    if facts.running:
        yield Note(f"注：{facts.as_of.astimezone(BEIJING).month}月尚未结束，图中该月数据与上年全月对照。")
    yield Heading(2, "按事故等级")
    parts, none = [], []
    for grade in GRADES:
        cells = facts.grades[grade]
        happened, died = cells["accidents.number"].now, cells["accidents.deaths"].now
        if happened == 0:
            none.append(GRADE_NAMES[grade])
        else:
            parts.append(f"{GRADE_NAMES[grade]}{plain(happened)}起、死亡{plain(died)}人")
    if none:
        parts.append(f"未发生{listed(none)}")
    yield Paragraph(f"{'；'.join(parts)}。")
    yield Table(
        "按等级统计的事故情况", ("等级", "起数", "上年同期", "同比（%）", "死亡人数", "上年同期", "同比（%）"),
        tuple(_accident_row(GRADE_NAMES[grade], facts.grades[grade]) for grade in GRADES), "lrrrrrr",
        (2, 1, 1.2, 1.5, 1.2, 1.2, 1.5),
    )  # fmt: skip
    yield Heading(2, "按行业领域")
    yield Paragraph(_most(facts.industries, "行业领域"))
    yield Table(
        "按行业领域统计的事故情况", ("行业领域", "起数", "上年同期", "同比（%）", "死亡人数", "上年同期", "同比（%）"),
        tuple(_accident_row(row.name, row.cells) for row in facts.industries), "lrrrrrr",
        (2, 1, 1.2, 1.5, 1.2, 1.2, 1.5),
    )  # fmt: skip
    yield from _deaths("各行业领域死亡人数", facts.industries)
    yield Heading(2, "按区域")
    yield Paragraph(_most(facts.places, "区域"))


def _goes_on(facts: Facts, period: Period) -> bool:
    """Whether the year had begun before the period: of January and the first quarter both are the same."""
    return facts.kind != "annual" and period.first.month > 1


def _two_periods(facts: Facts, period: Period) -> Table:
    titles = (("accidents.number", "事故起数（起）"), ("accidents.deaths", "死亡人数（人）"))
    if not _goes_on(facts, period):
        whole = facts.kind == "annual" and not facts.running
        spans = ("全年", "上年") if whole else ("今年以来" if facts.kind == "annual" else "本期", "上年同期")
        rows = tuple((title, *_compared(facts.whole[name])) for name, title in titles)
        return Table("事故总体情况", ("指标", *spans, "同比（%）"), rows, "lrrr", (2, 1, 1, 1))
    rows = tuple((title, *_compared(facts.whole[name]), *_compared(facts.to_date[name])) for name, title in titles)
    head = ("指标", "本期", "上年同期", "同比（%）", "今年累计", "上年同期", "同比（%）")
    return Table("事故总体情况", head, rows, "lrrrrrr", (2, 1, 1.2, 1.5, 1.2, 1.2, 1.5))


def _compared(cell: Cell) -> tuple[str, str, str]:
    return plain(cell.now), plain(cell.before), change(cell)


def _accident_row(name: str, cells: dict[str, Cell]) -> tuple[str, ...]:
    return name, *_compared(cells["accidents.number"]), *_compared(cells["accidents.deaths"])


def _deaths(caption: str, rows: Sequence[Row]) -> Iterable[Block]:
    """A bar for each that had any, of this period and of the same last year."""
    some = [(row.name, cell) for row in rows if (cell := row.cells["accidents.deaths"]).now or cell.before]
    if some:
        before = _series("上年同期", [cell.before for _name, cell in some])
        now = _series("本期", [cell.now for _name, cell in some])
        yield Chart("bar", caption, tuple(name for name, _cell in some), (before, now), "人")
        yield from _note(value for _name, cell in some for value in (cell.before, cell.now))


def _most(rows: Sequence[Row], what: str) -> str:
    """Where most people died, and where there was nothing."""
    died = [(row.cells["accidents.deaths"].now, row.name) for row in rows]
    if all(value is None for value, _name in died):
        return f"各{what}事故情况{UNKNOWN}。"
    some = sorted(((value, name) for value, name in died if value), key=lambda pair: -pair[0])
    quiet = sum(1 for row in rows if row.ranked and not row.cells["accidents.number"].now)
    words = f"{quiet}个{what}未发生事故。" if quiet else ""
    if not some:
        return f"各{what}均未发生死亡事故。{words}"
    first = [f"{name}（死亡{plain(value)}人）" for value, name in foremost(some, LAGGARDS)]
    return (f"死亡人数较多的{what}为{listed(first)}。" if first else "") + words


# --- Hidden dangers --------------------------------------------------------------------------------


def _dangers(facts: Facts, span: str) -> Iterable[Block]:
    yield Heading(1, "事故隐患排查治理情况")
    yield Heading(2, "总体情况")
    whole = facts.whole
    found, rate, timely = whole["hazards.found"], whole["hazards.closure_rate"], whole["hazards.on_time_rate"]
    words = f"{span}，{whole_of(facts)}{said('共排查事故隐患', found, '项')}；"
    words += f"其中已验收销号{plain(whole['hazards.found_and_closed'].now)}项，{said('整改率', rate, '%')}。"
    words += f"期末未整改隐患{plain(whole['hazards.open'].now)}项。"
    words += f"本期应完成整改{plain(whole[DUE[0]].now)}项，按期完成{plain(whole[DUE[1]].now)}项，"
    words += f"{said('按期整改率', timely, '%')}。"
    yield Paragraph(words)
    yield Heading(2, "各区域整改率排名")
    ranked = [row for row in facts.places if row.ranked]
    rates = [row.cells["hazards.closure_rate"].now for row in ranked]
    places = ranks(rates)
    # Those of one place in the order of the more that they found; those without a rate last.
    order = sorted(
        range(len(ranked)),
        key=lambda n: (places[n] is None, places[n] or 0, -(ranked[n].cells["hazards.found"].now or 0)),
    )
    yield Paragraph(_ranking(ranked, rates))
    points = _points(ranked, "hazards.closure_rate")
    yield Table(
        "各区域事故隐患整改率排名",
        ("名次", "区域", "排查（项）", "已整改（项）", "整改率（%）", *points, "期末未整改（项）"),
        tuple(
            (
                "—" if places[n] is None else str(places[n]), ranked[n].name,
                *(plain(ranked[n].cells[name].now) for name in ("hazards.found", "hazards.found_and_closed")),
                plain(rates[n]), *(change(ranked[n].cells["hazards.closure_rate"], rate=True) for _head in points),
                plain(ranked[n].cells["hazards.open"].now),
            )
            for n in order
        ),
        "clrrr" + "r" * len(points) + "r", (0.9, 3.2, 1.1, 1.4, 1.4, *(1.5 for _head in points), 1.5),
    )  # fmt: skip
    yield Note("注：整改率为本期排查且期末前已验收销号的隐患占本期排查隐患的比例；本期未排查出隐患的不参加排名。")
    shown = [n for n in order if rates[n] is not None]
    if shown:
        yield Chart(
            "bar", "各区域事故隐患整改率", tuple(ranked[n].name for n in shown),
            (_series("整改率", [rates[n] for n in shown]),), "%", 1,
        )  # fmt: skip
    yield Heading(2, "按行业领域")
    yield Table(
        "按行业领域统计的事故隐患",
        ("行业领域", "排查（项）", "已整改（项）", "整改率（%）", "期末未整改（项）", "按期整改率（%）"),
        tuple(
            (
                row.name,
                *(plain(row.cells[name].now) for name in ("hazards.found", "hazards.found_and_closed")),
                plain(row.cells["hazards.closure_rate"].now), plain(row.cells["hazards.open"].now),
                plain(row.cells["hazards.on_time_rate"].now),
            )
            for row in facts.industries
        ),
        "lrrrrr", (2, 1.2, 1.4, 1.4, 1.8, 1.8),
    )  # fmt: skip


def _points(rows: Sequence[Row], name: str) -> tuple[str, ...]:
    """The head of the column that compares a rate with last year's; none where nobody's is known."""
    return ("同比（百分点）",) if any(row.cells[name].before is not None for row in rows) else ()


def _ranking(rows: Sequence[Row], rates: Sequence[Decimal | None]) -> str:
    known = sorted(
        ((rate, row.name) for rate, row in zip(rates, rows, strict=True) if rate is not None), key=lambda pair: -pair[0]
    )
    if not known:
        return f"各区域整改率{UNKNOWN}。"

    def named(way: str, pairs: Sequence[tuple[Decimal, str]]) -> str:
        taken = foremost(pairs, LAGGARDS)
        if taken:
            return f"整改率{way}的为{listed([f'{name}（{plain(rate)}%）' for rate, name in taken])}。"
        same = sum(1 for rate, _name in pairs if rate == pairs[0][0])
        return f"整改率{way}的{same}个区域均为{plain(pairs[0][0])}%。"

    none = len(rows) - len(known)
    words = named("居前", known)
    if known[0][0] != known[-1][0]:
        words += named("居后", known[::-1])
    return words + (f"{none}个区域本期未排查出隐患。" if none else "")


# --- Targets, warnings, overdue --------------------------------------------------------------------


def _goals(facts: Facts, period: Period) -> Iterable[Block]:
    yield Heading(1, "年度目标任务进展")
    if not facts.goals:
        yield Paragraph(
            f"{period.first.year}年度目标任务进展{UNKNOWN}。" if not facts.plan else "本年度计划未设可计量的目标。"
        )
        return
    until = "截至目前" if facts.running else "截至期末"
    yield Paragraph(
        f"根据《{facts.plan}》，可计量的年度目标共{len(facts.goals)}项。{until}，{'；'.join(_standings(facts.goals))}。"
    )
    yield Table(
        "年度目标任务进展", ("目标", "要求", "年度控制数", "进度线", "今年累计", "进展"),
        tuple(
            (
                goal.subject, goal.amount, plain(goal.number),
                "—" if goal.line is None else str(goal.line),
                plain(goal.actual), STANDINGS[goal.standing],
            )
            for goal in facts.goals
        ),
        "llrrrl", (2.6, 2.3, 1.2, 1.1, 1.3, 1.6),
    )  # fmt: skip
    lined = [goal for goal in facts.goals if goal.line is not None]
    of = {shape: [goal.subject for goal in lined if goal.shape == shape] for shape in LINES}
    if ways := [f"{listed(names)}{LINES[shape]}" for shape, names in of.items() if names]:
        yield Note(f"注：进度线，{'；'.join(ways)}。")


def _standings(goals: Sequence[Goal]) -> Iterable[str]:
    """The goals by how they stand, each with its figure: 好于进度的2项，为死亡人数（547人）和较大事故（2起）."""
    for standing, words in STANDINGS.items():
        there = [goal for goal in goals if goal.standing == standing]
        known = [goal for goal in there if goal.actual is not None]
        named = [f"{goal.subject}（{plain(goal.actual)}{goal.unit}）" for goal in known]
        if named:
            words = "进度暂无法判断" if standing == "unknown" else words
            yield f"{words}的{len(named)}项，为{listed(named)}"
        if silent := [goal.subject for goal in there if goal.actual is None]:
            yield f"{UNKNOWN}的{len(silent)}项，为{listed(silent)}"


def _appraised(facts: Facts, period: Period) -> Iterable[Block]:
    """What the committee has adopted; points that are still open to objections are nobody's result."""
    if facts.kind != "annual" or facts.tier != 1:
        return
    year = period.first.year
    yield Heading(1, "年度考核情况")
    if not facts.appraised:
        yield Paragraph(f"{year}年度考核结果{UNKNOWN}。")
    for one in facts.appraised:
        whom, span = APPRAISED[one.of], f"{year}年度" if one.until == DECEMBER else f"{year}年1至{one.until}月"
        grades = list(dict.fromkeys(mark.grade for mark in one.marks if mark.grade))
        counted = [f"{grade}的{sum(mark.grade == grade for mark in one.marks)}个" for grade in grades]
        words = f"根据《{one.scheme}》，对{len(one.marks)}个{whom}{span}安全生产工作进行了考核，"
        words += f"结果已于{day(one.adopted_on)}审定。"
        if counted:
            words += f"其中评定为{'，'.join(counted)}。"
        vetoed = [mark.name for mark in one.marks if mark.vetoed]
        yield Paragraph(words + (f"{listed(vetoed)}被一票否决。" if vetoed else ""))
        yield Table(
            f"{whom}{span}考核结果", ("名次", whom, "得分", "等次", *(("备注",) if vetoed else ())),
            tuple(
                (
                    "—" if mark.rank is None else str(mark.rank), mark.name, plain(mark.total), mark.grade or "—",
                    *((("一票否决" if mark.vetoed else ""),) if vetoed else ()),
                )
                for mark in one.marks
            ),
            "clrc" + ("l" if vetoed else ""), (0.9, 3.4, 1.3, 1.3, *((1.5,) if vetoed else ())),
        )  # fmt: skip


def _warnings(facts: Facts, span: str) -> Iterable[Block]:
    yield Heading(1, "监测预警情况")
    whole, false = (facts.whole[name] for name in WARNINGS)
    words = f"{span}，监测预警平台无预警记录。"
    if whole.now != 0:
        words = f"{span}，{said('监测预警平台共发出预警', whole, '次')}。"
    if whole.now:
        levels = [f"{LEVEL_NAMES[level]}{plain(now)}次" for level in LEVELS if (now := facts.levels[level].now)]
        words += f"其中{listed(levels)}；经核实为误报的{plain(false.now)}次。"
    yield Paragraph(words)
    rows = [row for row in facts.places if row.cells[WARNINGS[0]].now]
    if rows:
        yield _cases("各区域预警情况", ("预警（次）", "其中误报（次）"), rows, WARNINGS)


def _cases(caption: str, head: tuple[str, str], rows: Sequence[Row], names: tuple[str, str]) -> Table:
    """Two figures for each area, the most of the first at the top."""
    order = sorted(rows, key=lambda row: -(row.cells[names[0]].now or 0))
    lines = tuple((row.name, *(plain(row.cells[name].now) for name in names)) for row in order)
    return Table(caption, ("区域", *head), lines, "lrr", (2, 1, 1))


def _overdue(facts: Facts) -> Iterable[Block]:
    at = day(facts.as_of.astimezone(BEIJING).date())
    late, listed_ = (facts.whole[name] for name in PRESENT)
    yield Heading(1, "逾期和挂牌督办情况")
    yield Paragraph(f"截至{at}，逾期未办结隐患{_count(late)}，挂牌督办隐患{_count(listed_)}。")
    rows = [row for row in facts.places if any(row.cells[name].now for name in PRESENT)]
    if rows:
        yield _cases("各区域逾期和挂牌督办情况", ("逾期未办结（项）", "挂牌督办（项）"), rows, PRESENT)


def _count(cell: Cell) -> str:
    return UNKNOWN if cell.now is None else f"{plain(cell.now)}项"


def _asked(facts: Facts) -> Iterable[Block]:
    """What follows from the figures, as far as it does; the rest is for the person to write."""
    yield Heading(1, "工作要求")
    late = [(row.cells["hazards.overdue"].now or Decimal(0), row.name) for row in facts.places]
    late = sorted((pair for pair in late if pair[0]), key=lambda pair: -pair[0])
    if late:
        taken = [name for _n, name in foremost(late, LAGGARDS)]
        names = listed(taken) if taken else f"有逾期未办结隐患的{len(late)}个区域"
        others = "等地" if taken and len(late) > len(taken) else ""
        yield Paragraph(f"{names}{others}要对逾期未办结的隐患逐一核查原因，落实整改责任、措施、资金、时限和预案。")
    behind = [goal.subject for goal in facts.goals if goal.standing in ("over", "behind", "impossible")]
    if behind:
        yield Paragraph(f"{listed(behind)}未达到进度要求，有关地区和部门要分析原因，采取针对性措施。")
    yield Paragraph("各地区、各有关部门和单位要对照本通报，认真查找差距，抓好整改落实。")


# --- Annexes ---------------------------------------------------------------------------------------


def _by_place(facts: Facts) -> Iterable[Block]:
    yield Table(
        "各区域事故情况", ("区域", "起数", "上年同期", "同比（%）", "死亡人数", "上年同期", "同比（%）"),
        tuple(_accident_row(row.name, row.cells) for row in facts.places), "lrrrrrr",
        (2.9, 0.75, 1.2, 1.2, 1.2, 1.2, 1.2),
    )  # fmt: skip
    yield from _deaths("各区域死亡人数", facts.places)
    points = _points(facts.places, DUE[2])
    yield Table(
        "各区域按期整改情况", ("区域", "应完成（项）", "按期完成（项）", "按期整改率（%）", *points),
        tuple(
            (row.name, *(plain(row.cells[name].now) for name in DUE),
             *(change(row.cells[DUE[2]], rate=True) for _head in points))
            for row in facts.places
        ),
        "lrrr" + "r" * len(points), (2, 1, 1.2, 1.3, *(1.3 for _head in points)),
    )  # fmt: skip


def _definitions(facts: Facts) -> Iterable[Block]:
    rounding = {"half_up": "四舍五入", "half_even": "四舍六入五成双", "truncate": "截尾"}
    yield Table(
        "指标定义和依据", ("指标", "定义", "依据", "修约", "版本"),
        tuple(
            (f"{one.title}（{one.unit}）", one.definition, one.source, rounding.get(one.rounding, one.rounding),
             str(one.version))
            for one in facts.definitions
        ),
        "lllcc", (2, 3, 3, 1.2, 0.8),
    )  # fmt: skip
    yield Note(
        "注：“暂无数据”指没有可供统计的记录，或者指标仅反映当前状况、往期无从统计；上年同期为零的，不计算同比；"
        f"同比增长超过{MOST_TOLD}%的，标注为“{SMALL}”。"
    )


def _series(name: str, values: Sequence[Decimal | None]) -> Series:
    return Series(name, tuple(None if value is None else float(value) for value in values))


def _note(values: Iterable[Decimal | None]) -> Iterable[Block]:
    """Says what the dash in a chart means, where there is one."""
    if any(value is None for value in values):
        yield Note(NO_FIGURE)
