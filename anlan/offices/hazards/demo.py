"""The hidden dangers of the demonstration city: a year of finds, some driven to their end, some not.

Photographs are small drawings that say of themselves that they are synthetic (`demo_pictures`); the returns
stand in `demo_returns`, what the sign-ins have on their desks in `demo_desk`.
How fast a case moves follows the enterprise's diligence, so laggards lag everywhere.
Written in bulk: the clocks are computed by the same functions as in life.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from anlan.kernel import areas
from anlan.kernel.cases.engine import recomputed_due, start_clock
from anlan.kernel.cases.lifecycle import Clock
from anlan.kernel.cases.models import CaseCounter, CaseEntry, EvidenceFile
from anlan.kernel.deadlines import add_months
from anlan.parties.demo import DISTRICT, DemoCity
from anlan.parties.models import Enterprise

from . import demo_desk, demo_pictures, demo_returns, demo_rush, publication
from .demo_rows import insert
from .lifecycle import LIFECYCLE
from .models import Danger, DangerType, JudgementClause, PublishedDanger
from .rules import FIVE_IN_PLACE, guess_type

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
PAPERWORK = ("记录", "标识", "标志", "过期", "证书", "登记")
"""What such a find is about is never a major danger."""
OTHER = ("配电箱漏电保护失效", "冲压设备防护罩缺失", "安全教育培训记录不全", "厂房疏散指示标志损坏")


@dataclass
class Story:
    """One case being written: the row, and its history."""

    case: Danger
    entries: list[CaseEntry] = field(default_factory=list)
    photographs: list[tuple[int, str]] = field(default_factory=list)
    """(which entry, what it shows): `before`, `after` or `on_site`."""
    withdrawn: str = ""
    lent: str = ""
    """The case whose photographs it shows; empty: its own."""

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
    for one in DangerType.objects.order_by("pk"):
        types.setdefault(one.industry_id, []).append(one)
    clauses = list(JudgementClause.objects.filter(industry="coal"))
    chosen = sorted([*((_moment(city), n) for n in range(CASES)), *((at, -1) for at in demo_rush.moments())])
    rushed = demo_rush.Rush(city)
    counts: Counter[tuple[str, int]] = Counter()
    marks: dict[str, str] = {}
    stories = []
    for at, n in chosen:
        enterprise = rushed.enterprise() if n < 0 else city.rng.choice(city.enterprises)
        owner = LIFECYCLE.owner_area(enterprise.area_code)
        if owner not in marks:
            marks[owner] = LIFECYCLE.mark(owner)
        counts[marks[owner], at.year] += 1
        number = LIFECYCLE.number.format(mark=marks[owner], year=at.year, n=counts[marks[owner], at.year])
        story = _found(city, enterprise, at, number, owner, types)
        stories.append(rushed.through(story) if n < 0 else _driven(city, story, clauses))
    insert([s.case for s in stories])
    for story in stories:
        for entry in story.entries:
            for name, value in CaseEntry.keys(story.case).items():
                setattr(entry, name, value)
    insert([e for s in stories for e in s.entries])
    CaseCounter.objects.bulk_create(
        CaseCounter(series=f"{LIFECYCLE.kind}:{mark}", year=year, last=last) for (mark, year), last in counts.items()
    )
    pictures = _pictures(stories)
    published = _published(city, stories)
    city.say(f"hidden dangers: {len(stories)}, photographs: {pictures}, published: {published}")
    city.say(f"hidden dangers on the desks of the sign-ins: {demo_desk.load(city)}")
    city.say(f"self-check returns: {demo_returns.load(city)}")


def load_last(city: DemoCity) -> None:
    """Looks for what is odd, once all offices have their records; the city asks one district to explain itself."""
    from anlan.kernel.honesty import moving, running
    from anlan.kernel.honesty.models import Find

    this = running.month_of(city.now.date())
    outcome = sum((running.run(add_months(this, -n)) for n in (2, 1, 0)), running.Outcome())
    own = Find.objects.filter(about=DISTRICT, state="open").order_by("period").first()
    if own is not None:
        moving.ask(own, city.accounts["city"], "请核实这些企业零报告的原因，于六月底前说明")
    city.say(f"finds of the honesty checks: {outcome.new}")


def _moment(city: DemoCity) -> datetime:
    """When one was found: at work, more often lately, and not after now."""
    day = city.now - timedelta(minutes=int(365 * 24 * 60 * city.rng.random() ** 1.3) + 90)
    at = day.replace(hour=8 + city.rng.randrange(10), minute=city.rng.randrange(60))
    return at if at < city.now else day


def _found(
    city: DemoCity,
    enterprise: Enterprise,
    at: datetime,
    number: str,
    owner: str,
    types: dict[str | None, list[DangerType]],
) -> Story:
    """A danger just found."""
    rng, industry = city.rng, enterprise.industry_id
    kinds = types.get(industry) or types[None]
    source = rng.choices(("selfcheck", "inspection", "report", "campaign"), (5, 3, 1, 1))[0]
    title = rng.choice(FINDS.get(industry or "", OTHER))
    case = Danger(
        number=number, title=title, description=f"{enterprise.name}：{title}", source=source, found_at=at,
        area_code=enterprise.area_code, industry_id=industry, enterprise=enterprise,
        type=guess_type(title, [(k, k.name) for k in (*kinds, *types[None])]) or types[None][-1],
        place=enterprise.address, lon=_degrees(enterprise.lon), lat=_degrees(enterprise.lat), opened_at=at,
        created_at=at, updated_at=at, owner_area_code=owner, state="found",
    )  # fmt: skip
    story = Story(case)
    firm, officer = people(city, enterprise)
    story.add(at, "open", "found", firm if source == "selfcheck" else officer, LIFECYCLE.start_clock, title=title)
    if rng.random() < 0.7:
        story.photographs.append((0, "before"))
    return story


def people(city: DemoCity, enterprise: Enterprise) -> tuple[tuple[str, str], tuple[str, str]]:
    """Who acts for the enterprise, and who for the authority: name and role."""
    head = city.heads.get(enterprise.pk)
    return (head.name if head else enterprise.name, "enterprise"), ("区县安监执法人员", "inspector")


def _driven(city: DemoCity, story: Story, clauses: list[JudgementClause]) -> Story:
    """The danger driven on, as far as it has come by now."""
    case, rng, enterprise = story.case, city.rng, story.case.enterprise
    assert enterprise is not None
    title, industry = case.title, case.industry_id
    firm, officer = people(city, enterprise)
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
    major = rng.random() < 0.08 and not any(word in title for word in PAPERWORK)
    case.updated_at, case.grade, case.level = when, "major" if major else "general", "major" if major else "general"
    case.needs_stop = major
    if major and industry == "coal" and clauses:
        case.judgement = rng.choice(clauses)
    story.add(when, "verify", "verified", officer, Clock(rule="hazards.plan"), grade=case.grade)
    if not major and rng.random() < 0.55:
        if (when := later(1)) is None:
            return story
        rectified(story, when, firm, "fix_now")
    else:
        if (when := later(2.5)) is None:
            return story
        case.updated_at = when
        case.measures, case.responsible = f"按方案整改：{title}", firm[0]
        case.money = Decimal(rng.randrange(5, 400) * (5000 if major else 100))
        case.contingency = "整改期间专人值守，异常时立即撤人并报告"
        case.rectify_by = (when + timedelta(days=rng.randrange(10, 60 if major else 25))).date()
        story.add(when, "plan", "rectifying", firm, Clock(field="rectify_by"), **_five(case))
        if major:
            _major(city, story, when, firm, officer)
        if (when := later(14 if major else 8)) is None:
            return story
        rectified(story, when, firm, "rectify")
        if case.stopped_at is not None and not _resumed(story, later, firm, officer):
            return story
    if (when := later(4)) is None:
        return story
    if major and case.reported_at is None:
        return story  # not to be closed over: the separate report is missing
    case.updated_at = case.closed_at = when
    story.add(when, "accept", "closed", officer, None)
    story.photographs.append((len(story.entries) - 1, "on_site"))
    return story


def _major(city: DemoCity, story: Story, at: datetime, firm: tuple[str, str], officer: tuple[str, str]) -> None:
    """What befalls a major danger besides its plan: reported apart, stopped, listed, published."""
    case, rng = story.case, city.rng

    def soon(hours: int) -> datetime:
        return min(at + timedelta(hours=hours), city.now)

    if rng.random() < (0.97 if at < city.now - timedelta(days=20) else 0.6):
        case.reported_at = soon(2)
        case.report_cause = f"{case.title}，属设施老化、日常维护不到位所致，目前已设警戒、专人值守"
        case.report_harm = "一旦失控可能造成人员伤亡，整改须局部停产，治理难度较大"
        case.report_plan = f"目标：消除隐患；方法：{case.measures}；责任人：{case.responsible}；期限：{case.rectify_by}"
        facts = {name: getattr(case, name) for name in ("report_cause", "report_harm", "report_plan")}
        story.add(case.reported_at, "report_major", "rectifying", firm, None, **facts)
    if rng.random() < 0.55:
        case.stopped_at, case.stop_order = soon(3), f"涉及“{case.title}”的生产装置和作业区域"
        story.add(case.stopped_at, "stop_work", "rectifying", officer, None, stop_order=case.stop_order,
                  reason="重大隐患排除前无法保证安全")  # fmt: skip
    if rng.random() < 0.5:
        tier = ("重庆市安委会办公室", "city", "500000000000") if rng.random() < 0.6 else (
            "市级行业主管部门", "department", "500000000000"
        )  # fmt: skip
        case.listed_at, case.listed_by, case.listed_by_area = soon(5), tier[0], tier[2]
        story.add(case.listed_at, "list", "rectifying", tier[:2], None, reason="重大隐患挂牌督办")
    if case.reported_at and rng.random() < 0.7:
        case.public_text = f"{case.title}，已落实整改措施、资金、期限和应急预案"
        case.publication_asked_at = soon(20)
        story.add(case.publication_asked_at, "propose_publication", "rectifying", officer, None,
                  public_text=case.public_text)  # fmt: skip
        if rng.random() < 0.85:
            case.published_at = soon(44)
            story.add(case.published_at, "publish", "rectifying", ("区县安监局负责人", "district"), None)
            if rng.random() < 0.08:
                story.withdrawn = "公示内容有误，核实后重新公示"
                story.add(soon(90), "unpublish", "rectifying", ("区县安监局负责人", "district"), None,
                          reason=story.withdrawn)  # fmt: skip
                case.published_at = case.publication_asked_at = None


def _resumed(story: Story, later: Any, firm: tuple[str, str], officer: tuple[str, str]) -> bool:
    """Resumption asked and reviewed on site; whether it came to that by now."""
    case = story.case
    if (when := later(2)) is None:
        return False
    case.updated_at = case.resumption_asked_at = when
    story.add(when, "ask_resumption", "rectified", firm, Clock(rule="hazards.resumption_review"))
    if (when := later(4)) is None:
        return False
    case.updated_at = case.resumed_at = when
    story.add(when, "resume_work", "rectified", officer, Clock(rule="hazards.accept"))
    return True


def _five(case: Danger) -> dict[str, Any]:
    return {name: getattr(case, name) for name in FIVE_IN_PLACE}


def rectified(
    story: Story, when: datetime, by: tuple[str, str], move: str, result: str = "已按要求整改完成，隐患消除"
) -> None:
    """Reported as rectified in these words."""
    case = story.case
    case.updated_at = case.rectified_at = when
    case.result = result
    story.add(when, move, "rectified", by, Clock(rule="hazards.accept"), result=case.result)
    story.photographs.append((len(story.entries) - 1, "after"))


def _degrees(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(f"{value:.6f}")


def _pictures(stories: list[Story]) -> int:
    """Gives the entries their drawings."""
    files = []
    for story in stories:
        case = story.case
        for entry, shows in story.photographs:
            kept = demo_pictures.kept(case.title, shows, story.lent or case.number)
            files.append(
                EvidenceFile(
                    **EvidenceFile.keys(case), entry=story.entries[entry], demand=shows, sha256=kept.sha256,
                    name=f"{'整改前' if shows == 'before' else '整改后'}.png", media_type=kept.media_type,
                    size=kept.size, given_at=story.entries[entry].at,
                )
            )  # fmt: skip
    insert(files)
    return len(files)


def _published(city: DemoCity, stories: list[Story]) -> int:
    """The public copies of what was published, withdrawn ones included."""
    shown = [s for s in stories if s.case.published_at or s.withdrawn]
    places = areas.names(s.case.area_code[:6].ljust(12, "0") for s in shown)
    rows = []
    for story in shown:
        case, at = story.case, next(e.at for e in story.entries if e.move == "publish")
        district = case.area_code[:6].ljust(12, "0")
        body = city.authorities.get(("supervisor", district))
        row = PublishedDanger(
            number=case.number, area_code=case.area_code, place=places[district], industry_id=case.industry_id,
            enterprise_name=case.enterprise.name if case.enterprise else "", text=case.public_text,
            published_on=at.date(), published_by=str(body or places[district]), created_at=at,
            updated_at=case.updated_at,
        )  # fmt: skip
        publication.copy_to(case, row)
        if story.withdrawn:
            row.state, row.withdrawn_why = "withdrawn", story.withdrawn
            row.withdrawn_on = next(e.at for e in story.entries if e.move == "unpublish").date()
        rows.append(row)
    PublishedDanger.objects.bulk_create(rows)
    return len(rows)
