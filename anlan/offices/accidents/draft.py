"""The next report upwards and the national form: the fields of Decree 493 Art. 12, in official Chinese.

A draft is a paper of the administration, so it is Chinese whatever the language of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.utils import translation

from anlan.kernel import areas, law
from anlan.kernel.clock import BEIJING
from anlan.kernel.models import pointed

from . import rules
from .models import Accident, Report, Stated
from .reporting import version


def money(yuan: Decimal | None) -> str:
    """An amount as papers write it: 万元 with what decimals it has, or that it is being established."""
    if yuan is None:
        return "正在核定"
    return f"约{(yuan / 10000).normalize():f}万元"


def casualties(row: Stated) -> str:
    """死亡3人、失踪1人、重伤2人: only what there is."""
    parts = [("死亡", row.deaths), ("下落不明", row.missing), ("重伤", row.injured), ("轻伤", row.slight),
             ("被困", row.trapped), ("涉险", row.endangered), ("紧急疏散", row.evacuated)]  # fmt: skip
    return "、".join(f"{name}{n}人" for name, n in parts if n) or "暂无人员伤亡"


def _plain(yuan: Decimal | None) -> Any:
    """Without decimals that say nothing."""
    return yuan if yuan is None or yuan != yuan.to_integral_value() else int(yuan)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the national form: its heading, and what it says of an accident at a named place."""

    title: str
    tell: Callable[[Accident, str], Any]


def _unit(accident: Accident, place: str) -> str:
    industry = f"（行业：{accident.industry.name}）" if accident.industry is not None else ""
    return f"{accident.unit or '正在核实'}{industry}"


def _when_and_where(accident: Accident, place: str) -> str:
    return f"{accident.occurred_at.astimezone(BEIJING):%Y年%-m月%-d日%-H时%-M分}，{place}。"


def _cost(accident: Accident, place: str) -> str:
    return f"{casualties(accident)}；直接经济损失{money(accident.loss_yuan)}。"


def _other(accident: Accident, place: str) -> str:
    grade = f"初步认定为{accident.get_grade_display()}（{accident.grade_basis}）"
    return f"事故类别：{accident.category.name}；{grade}。"


ARTICLE_12 = (
    Line("事故发生单位概况", _unit),
    Line("事故发生的时间、地点以及现场情况", _when_and_where),
    Line("事故的简要经过", lambda accident, place: accident.course),
    Line("已经造成或者可能造成的伤亡人数（包括下落不明的人数）和初步估计的直接经济损失", _cost),
    Line("已经采取的措施", lambda accident, place: accident.measures or "正在组织救援，情况续报。"),
    Line("其他应当报告的情况", _other),
)
"""What a report must contain: Decree 493 Art. 12."""
FIGURES = (
    Line("死亡（人）", lambda accident, place: accident.deaths),
    Line("下落不明（人）", lambda accident, place: accident.missing),
    Line("重伤（人）", lambda accident, place: accident.injured),
    Line("轻伤（人）", lambda accident, place: accident.slight),
    Line("直接经济损失（元）", lambda accident, place: _plain(accident.loss_yuan)),
)
FORM = (*ARTICLE_12, *FIGURES)
"""The reporting form: on paper, as a file, and one row for each accident in the register of accidents."""
TITLE = "生产安全事故信息报告表"
SIGNED = ("报告单位（盖章）：", "报告人：", "签发人：")


def basis(accident: Accident) -> str:
    """On what law of the day of the accident the form rests; empty where none asked for one."""
    try:
        rule = law.value("accidents.report_contents", accident.occurred_at)
    except law.NoRuleInForce:
        return ""
    return f"依据：{rule}"


def places(accidents: Iterable[Accident]) -> list[str]:
    """Where each happened, as a form writes it; one query for all."""
    rows = list(accidents)
    names = areas.names(code for r in rows for code in (r.area_code, _district(r)))

    def place(row: Accident) -> str:
        if row.outside:
            return row.outside + row.place
        said = names.get(_district(row), "") in row.place  # it names its district itself
        return row.place if said else names.get(row.area_code, row.area_code) + row.place

    return [place(row) for row in rows]


def _district(accident: Accident) -> str:
    return accident.area_code[:6].ljust(12, "0")


def told(lines: Sequence[Line], accident: Accident) -> list[tuple[str, Any]]:
    """What `lines` say of an accident, by heading."""
    with translation.override("zh-hans"):
        (place,) = places([accident])
        return [(line.title, line.tell(accident, place)) for line in lines]


def course(accident: Accident, reports: Iterable[Report], merged: Iterable[Report] = ()) -> str:
    """How it was reported: each version in one line, and then what was reported apart and merged into it.

    What came after the time for supplements says so: the figures above do not go by it.
    """
    told = []
    for number, r in enumerate(reports):
        beyond = number and not counts_in_time(accident, r)
        told.append(f"第{r.no}次：{_stated(r)}{'（补报期满后报告，统计数不作调整）' if beyond else ''}")
    return "\n".join([*told, *(f"并入的{r.accident.number}：{_stated(r)}" for r in merged)])


def _stated(r: Report) -> str:
    at = r.at.astimezone(BEIJING)
    return f"{at:%-m月%-d日%-H时%-M分}，死亡{r.deaths}人、下落不明{r.missing}人、重伤{r.injured}人。"


def counts_in_time(accident: Accident, report: Report) -> bool:
    """Whether a report states what was so, or was made, while supplements counted (Art. 13)."""
    try:
        end = rules.window_end(accident.occurred_at, accident.category.window)
    except law.NoRuleInForce:  # a history of before there was such a time
        return True
    return version(report).known_by(end)


def form(accident: Accident) -> list[tuple[str, Any]]:
    """The whole reporting form of an accident, by heading; what is not known yet says so."""
    shown = Report.objects.exclude(kind="confirmed").select_related("accident")
    reports = shown.filter(accident=accident).order_by("no")
    merged = shown.filter(accident__merged_into=accident).order_by("at")
    rows = [(title, "正在核定" if value is None else value) for title, value in told(FORM, accident)]
    lines = [*rows, ("报告经过", course(accident, reports, merged))]
    into = pointed(accident, "merged_into")
    if accident.state == "merged":
        lines.insert(0, ("说明", f"本起报告已并入{into.number if into else '另一起事故'}，此表仅存档，不作统计。"))
    return lines


def report_text(accident: Accident) -> str:
    """The draft as one text."""
    numbers = "一二三四五六"
    return "\n".join(f"{numbers[i]}、{title}：{text}" for i, (title, text) in enumerate(told(ARTICLE_12, accident)))
