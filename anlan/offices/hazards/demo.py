"""The hidden dangers of the demonstration city: a year of finds, some driven to their end, some not.

How fast a case moves follows the enterprise's diligence, so laggards lag everywhere. Written in bulk:
the clocks are computed by the same functions as in life.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

from anlan.kernel import clock
from anlan.kernel.cases.engine import recomputed_due, start_clock
from anlan.kernel.cases.lifecycle import Clock
from anlan.kernel.cases.models import CaseCounter, CaseEntry
from anlan.parties.demo import DemoCity
from anlan.parties.models import Enterprise

from .lifecycle import LIFECYCLE
from .models import Danger, DangerType, JudgementClause, SelfCheckReturn
from .rules import FIVE_IN_PLACE, Period

CASES = 1800
FINDS = {
    "coal": ("回风巷瓦斯传感器读数漂移", "采区避灾路线标识缺失", "主排水泵一台带病运行", "入井检身记录不全"),
    "road": ("临水临崖路段护栏缺失", "客车灭火器过期", "卫星定位装置离线超过24小时", "驾驶员连续驾驶超时"),
    "water": ("客渡船救生衣数量不足", "船员证书过期", "码头跳板护栏松动", "短途客船超员核载标识模糊"),
    "noncoal_mine": ("露天边坡出现张拉裂缝", "尾矿库干滩长度不足", "通风机未按规定检修", "爆破警戒记录缺失"),
    "hazchem": ("储罐液位计失灵", "可燃气体报警器未标定", "卸车区静电接地线断开", "动火作业票未履行审批"),
    "fireworks": ("库房超量储存", "防静电设施失效", "流向登记不完整", "安全距离内堆放杂物"),
    "construction": ("临边洞口防护缺失", "塔吊附着螺栓松动", "脚手架连墙件缺失", "深基坑支护变形监测不到位"),
    "fire": ("疏散通道堵塞", "自动喷淋系统停用", "“三合一”场所未分隔", "应急照明损坏"),
    "special_equipment": ("电梯超期未检验", "压力表超期未校验", "气瓶混放", "起重机械限位器失灵"),
    "metallurgy": ("煤气区域报警器失灵", "铁水包吊具磨损超限", "有限空间作业未检测", "交叉作业无统一指挥"),
}
OTHER = ("配电箱漏电保护失效", "冲压设备防护罩缺失", "安全教育培训记录不全", "厂房疏散指示标志损坏")


@dataclass
class Story:
    """One case being written: the row, and its history."""

    case: Danger
    entries: list[CaseEntry] = field(default_factory=list)

    def add(self, at: datetime, move: str, to: str, by: tuple[str, str], started: Clock | None, **facts: Any) -> None:
        before, self.case.state = self.case.state, to
        was_due = self.case.due_at
        if started is not None:
            start_clock(self.case, started, at, facts)
            self.case.due_at = recomputed_due(self.case)
        self.case.version = len(self.entries) + 1
        self.entries.append(
            CaseEntry(
                at=at, move=move, from_state=before if self.entries else "", to_state=to, version=self.case.version,
                due_at=self.case.due_at, late=was_due is not None and at > was_due, by_name=by[0], by_role=by[1],
                facts={k: str(v) for k, v in facts.items()},
            )
        )  # fmt: skip


def load(city: DemoCity) -> None:
    """Fills the office; numbers run on in the order of finding."""
    types: dict[str | None, list[DangerType]] = {}
    for one in DangerType.objects.all():
        types.setdefault(one.industry_id, []).append(one)
    clauses = list(JudgementClause.objects.filter(industry="coal"))
    chosen = sorted(
        (city.now - timedelta(minutes=int(365 * 24 * 60 * city.rng.random() ** 1.3) + 90), n) for n in range(CASES)
    )
    counts: Counter[tuple[str, int]] = Counter()
    marks: dict[str, str] = {}
    stories = []
    for at, _n in chosen:
        enterprise = city.rng.choice(city.enterprises)
        owner = LIFECYCLE.owner_area(enterprise.area_code)
        if owner not in marks:
            marks[owner] = LIFECYCLE.mark(owner)
        counts[marks[owner], at.year] += 1
        number = LIFECYCLE.number.format(mark=marks[owner], year=at.year, n=counts[marks[owner], at.year])
        stories.append(_story(city, enterprise, at, number, owner, types, clauses))
    Danger.objects.bulk_create([s.case for s in stories], batch_size=500)
    for story in stories:
        for entry in story.entries:
            for name, value in CaseEntry.keys(story.case).items():
                setattr(entry, name, value)
    CaseEntry.objects.bulk_create([e for s in stories for e in s.entries], batch_size=1000)
    CaseCounter.objects.bulk_create(
        CaseCounter(series=f"{LIFECYCLE.kind}:{mark}", year=year, last=last) for (mark, year), last in counts.items()
    )
    city.say(f"hidden dangers: {len(stories)}")
    city.say(f"self-check returns: {_returns(city)}")


def _story(
    city: DemoCity,
    enterprise: Enterprise,
    at: datetime,
    number: str,
    owner: str,
    types: dict[str | None, list[DangerType]],
    clauses: list[JudgementClause],
) -> Story:
    rng, industry = city.rng, enterprise.industry_id
    kinds = types.get(industry) or types[None]
    source = rng.choices(("selfcheck", "inspection", "report", "campaign"), (5, 3, 1, 1))[0]
    title = rng.choice(FINDS.get(industry or "", OTHER))
    head = city.heads.get(enterprise.pk)
    firm = (head.name if head else enterprise.name, "enterprise")
    officer = ("区县安监执法人员", "inspector")
    case = Danger(
        number=number, title=title, description=f"{enterprise.name}：{title}", source=source, found_at=at,
        area_code=enterprise.area_code, industry_id=industry, enterprise=enterprise, type=rng.choice(kinds),
        place=enterprise.address, lon=_degrees(enterprise.lon), lat=_degrees(enterprise.lat), opened_at=at,
        created_at=at, updated_at=at, owner_area_code=owner, state="found",
    )  # fmt: skip
    story = Story(case)
    story.add(at, "open", "found", firm if source == "selfcheck" else officer, LIFECYCLE.start_clock, title=title)
    care = city.diligence(enterprise)

    def later(mean_days: float) -> datetime | None:
        """When the next step is taken, or None if it has not been by now."""
        moment = case.updated_at + timedelta(days=rng.expovariate(1 / (mean_days * (1.6 - care))))
        moment = moment.replace(hour=9 + rng.randrange(8), minute=rng.randrange(60))
        if moment <= case.updated_at or moment > city.now:
            return None if moment > city.now else case.updated_at + timedelta(hours=1)
        return moment

    if (when := later(1.5)) is None:
        return story
    major = rng.random() < 0.06
    case.updated_at, case.grade, case.level = when, "major" if major else "general", "major" if major else "general"
    case.needs_stop = major
    if major and industry == "coal" and clauses:
        case.judgement = rng.choice(clauses)
    story.add(when, "verify", "verified", officer, Clock(rule="hazards.plan"), grade=case.grade)
    if not major and rng.random() < 0.55:
        if (when := later(1)) is None:
            return story
        _rectified(story, when, firm, "fix_now")
    else:
        if (when := later(2.5)) is None:
            return story
        case.updated_at = when
        case.measures, case.responsible = f"按方案整改：{title}", firm[0]
        case.money = Decimal(rng.randrange(5, 400) * (5000 if major else 100))
        case.contingency = "整改期间专人值守，异常时立即撤人并报告"
        case.rectify_by = (when + timedelta(days=rng.randrange(10, 60 if major else 25))).date()
        story.add(when, "plan", "rectifying", firm, Clock(field="rectify_by"), **_five(case))
        if major and rng.random() < 0.5:
            case.listed_at, case.listed_by, case.listed_by_area = when, "重庆市安委会办公室", "500000000000"
            story.add(when, "list", "rectifying", ("重庆市安委会办公室", "city"), None, reason="重大隐患挂牌督办")
        if (when := later(14 if major else 8)) is None:
            return story
        _rectified(story, when, firm, "rectify")
    if (when := later(4)) is None:
        return story
    case.updated_at = case.closed_at = when
    story.add(when, "accept", "closed", officer, None)
    return story


def _five(case: Danger) -> dict[str, Any]:
    return {name: getattr(case, name) for name in FIVE_IN_PLACE}


def _rectified(story: Story, when: datetime, by: tuple[str, str], move: str) -> None:
    case = story.case
    case.updated_at = case.rectified_at = when
    case.result = "已按要求整改完成，隐患消除"
    story.add(when, move, "rectified", by, Clock(rule="hazards.accept"), result=case.result)


def _degrees(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(f"{value:.6f}")


def _returns(city: DemoCity) -> int:
    """Signed returns of the last four quarters; the careless are late or silent."""
    rows = []
    period = Period.of(city.now.date()).previous
    rng: Random = city.rng
    submitter = city.accounts["enterprise"]
    for _quarter in range(4):
        for enterprise in city.enterprises:
            if rng.random() > 0.35 + 0.6 * city.diligence(enterprise):
                continue
            found = rng.randrange(0, 12)
            head = city.heads.get(enterprise.pk)
            signed = datetime.combine(period.next.first, datetime.min.time(), clock.BEIJING)
            rows.append(
                SelfCheckReturn(
                    enterprise=enterprise, area_code=enterprise.area_code, industry_id=enterprise.industry_id,
                    period=str(period), general_found=found, general_rectified=max(0, found - rng.randrange(0, 3)),
                    major_found=0, major_rectified=0, money_yuan=Decimal(found * rng.randrange(200, 3000)),
                    signed_by=head.name if head else enterprise.name,
                    signed_at=signed + timedelta(days=rng.randrange(1, 14), hours=10),
                    submitted_by=submitter, created_at=signed, updated_at=signed,
                )
            )  # fmt: skip
        period = period.previous
    SelfCheckReturn.objects.bulk_create(rows, batch_size=1000)
    return len(rows)
