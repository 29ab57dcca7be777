"""The next report upwards, drafted from the record: the fields of Decree 493 Art. 12, in official Chinese.

A draft is a paper of the administration, so it is Chinese whatever the language of the page.
"""

from __future__ import annotations

from decimal import Decimal

from django.utils import translation

from anlan.kernel import areas
from anlan.kernel.clock import BEIJING

from .models import Accident, Stated


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


def fields(accident: Accident) -> list[tuple[str, str]]:
    """What a report must contain, by heading: Decree 493 Art. 12."""
    with translation.override("zh-hans"):
        area = accident.outside or areas.names([accident.area_code]).get(accident.area_code, accident.area_code)
        place = area + accident.place
        unit = accident.unit or "正在核实"
        industry = accident.industry.name if accident.industry is not None else ""
        return [
            ("事故发生单位概况", f"{unit}{f'（行业：{industry}）' if industry else ''}"),
            ("事故发生的时间、地点以及现场情况",
             f"{accident.occurred_at.astimezone(BEIJING):%Y年%-m月%-d日%-H时%-M分}，{place}。"),
            ("事故的简要经过", accident.course),
            ("已经造成或者可能造成的伤亡人数（包括下落不明的人数）和初步估计的直接经济损失",
             f"{casualties(accident)}；直接经济损失{money(accident.loss_yuan)}。"),
            ("已经采取的措施", accident.measures or "正在组织救援，情况续报。"),
            ("其他应当报告的情况",
             f"事故类别：{accident.category.name}；初步认定为{accident.get_grade_display()}（{accident.grade_basis}）。"),
        ]  # fmt: skip


def report_text(accident: Accident) -> str:
    """The draft as one text."""
    numbers = "一二三四五六"
    lines = [f"{numbers[i]}、{title}：{text}" for i, (title, text) in enumerate(fields(accident))]
    return "\n".join(lines)
