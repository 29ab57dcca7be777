"""What the eight sign-ins of the demonstration find on their desks: some three weeks in 龙兴镇, driven as in life.

Every find and every step goes through the engine, at its moment and by its account, so notices, clocks and history
are those of the product. The bulk of the city's dangers stands in `demo`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from anlan.kernel import cases, clock
from anlan.kernel.cases.engine import Stored
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.demo import TOWNSHIP, DemoCity
from anlan.parties.models import Enterprise, Industry

from . import demo_pictures

Step = tuple[str, str, str, dict[str, Any]]
"""When (`6-13 16:20`), who (a sign-in), which move, and its facts."""

FIX = {"grade": "general"}


def load(city: DemoCity) -> int:
    """Opens the cases and moves them on; how many there are."""
    made = 0
    for when, who, said, steps in _stories(city):
        case: Any = None
        subject = said["title"]
        for at, account, name, facts in ((when, who, "", said), *steps):
            by: Any = city.accounts[account]
            month, day, hour, minute = (int(part) for part in at.replace("-", " ").replace(":", " ").split())
            moment = datetime(city.now.year, month, day, hour, minute, tzinfo=clock.BEIJING)
            shown = {k: [_picture(subject, k, made)] if k in _FILES else v for k, v in facts.items()}
            with clock.frozen(moment), acting(Actor("person", by.username, by.pk), EVERYWHERE):
                if case is None:
                    case = cases.open_declared(
                        "danger", by=by, facts={**shown, "before": [_picture(subject, "before", made)]}
                    )
                else:
                    case = cases.move(case, name, by=by, seen_version=case.version, facts_=shown)
        made += 1
    return made


_FILES = {"after": "整改后.png", "on_site": "验收现场.png", "before": "整改前.png"}


def _picture(subject: str, shows: str, case: int) -> Stored:
    kept = demo_pictures.kept(subject, shows, f"desk {case}")
    return Stored(_FILES[shows], kept.sha256, kept.media_type, kept.size)


def _five(measures: str, responsible: str, money: int, by: date) -> dict[str, Any]:
    return {
        "measures": measures, "responsible": responsible, "money": str(money), "rectify_by": by.isoformat(),
        "contingency": "整改期间专人监护，出现异常立即停止作业、撤离人员并报告",
    }  # fmt: skip


def _stories(city: DemoCity) -> Iterator[tuple[str, str, dict[str, Any], tuple[Step, ...]]]:
    own = city.enterprises[0]
    head = city.heads[own.pk].name
    village = city.accounts["village"].area_code
    near = [e for e in city.enterprises[1:] if e.area_code == village and e.status == "operating"]
    town = [e for e in city.enterprises[1:] if e.area_code.startswith(TOWNSHIP[:9]) and e.area_code != village]

    def at(enterprise: Enterprise, title: str, place: str, source: str = "inspection") -> dict[str, Any]:
        return {"title": title, "enterprise": enterprise, "place": place, "source": source}

    yield from _plant(own, head, at)
    yield from _village(near, town, village, at)
    yield from _fleet(next(e for e in city.enterprises if e.industry_id == "road" and (e.staff or 0) >= 60), city, at)


def _plant(own: Enterprise, head: str, at: Any) -> Iterator[tuple[str, str, dict[str, Any], tuple[Step, ...]]]:
    """渝安精细化工: its own finds and what was found there, in every state."""
    yield "4-10 9:20", "enterprise", at(own, "制冷机房氨气报警器未接入值班室", "制冷机房", "selfcheck"), (
        ("4-10 15:00", "enterprise", "grade_inside", FIX),
        ("4-11 10:00", "enterprise", "plan",
         _five("报警信号接入24小时值班室并联动排风", head, 18000, date(2013, 4, 30))),
        ("4-24 16:30", "enterprise", "rectify", {"result": "信号已接入值班室，联动试验三次均正常", "after": ""}),
        ("4-26 10:40", "township", "accept", {"on_site": ""}),
    )  # fmt: skip
    yield (
        "5-20 8:50",
        "enterprise",
        at(own, "甲类仓库防爆灯具破损两处", "甲类仓库东侧", "selfcheck"),
        (
            ("5-20 14:10", "enterprise", "grade_inside", FIX),
            ("5-22 9:30", "enterprise", "plan", _five("更换防爆灯具并重新密封进线口", head, 3600, date(2013, 6, 9))),
        ),
    )
    yield "5-27 10:05", "inspector", at(own, "甲类罐区防火堤开裂、固定式消防喷淋不能启动", "甲类罐区"), (
        ("5-27 11:20", "inspector", "verify", {"grade": "major", "needs_stop": True}),
        ("5-27 11:40", "inspector", "stop_work",
         {"stop_order": "甲类罐区及与其相连的装卸作业", "reason": "重大事故隐患排除过程中无法保证安全"}),
        ("5-30 9:10", "enterprise", "plan",
         _five("倒空罐区物料；拆除重砌防火堤；更换喷淋泵和控制柜并验收", head, 486000, date(2013, 7, 15))),
        ("5-31 15:30", "enterprise", "report_major", {
            "report_cause": "防火堤地基不均匀沉降；喷淋泵控制柜进水锈蚀，未按期试启动",
            "report_harm": "物料泄漏后不能围挡、不能冷却，可能引发火灾爆炸；须停用罐区，整改难度较大",
            "report_plan": f"目标：消除泄漏和火灾风险；方法：倒空、重砌、换泵；责任人：{head}；期限：2013年7月15日"}),
        ("6-3 10:00", "city", "list", {"reason": "涉及重大危险源，周边有居民区，市级挂牌督办"}),
        ("6-5 16:00", "inspector", "propose_publication",
         {"public_text": "甲类罐区防火堤开裂、固定式消防喷淋不能启动，罐区已停用，限2013年7月15日前整改完毕"}),
        ("6-13 17:10", "enterprise", "ask_extension",
         {"days": "10", "reason": "喷淋泵订货周期延长，厂家确认7月18日到货（函附后）"}),
    )  # fmt: skip
    yield (
        "6-3 9:30",
        "district",
        at(own, "可燃气体报警器三台超期未标定", "酯化车间二层"),
        (
            ("6-3 11:00", "district", "verify", FIX),
            (
                "6-5 9:00",
                "enterprise",
                "plan",
                _five("送检标定，到期前以便携式检测仪每班巡测", head, 2400, date(2013, 6, 14)),
            ),
        ),
    )
    yield "6-6 10:10", "inspector", at(own, "卸车区静电接地报警仪失效", "卸车区2号鹤管"), (
        ("6-6 10:40", "inspector", "verify", FIX),
    )  # fmt: skip
    yield "6-13 9:40", "township", at(own, "有限空间作业审批票填写不全", "污水处理站"), (
        ("6-13 10:20", "township", "verify", FIX),
    )  # fmt: skip
    yield (
        "6-13 16:20",
        "enterprise",
        at(own, "包装车间一处应急照明不亮", "包装车间南门", "selfcheck"),
        (
            ("6-13 16:25", "enterprise", "grade_inside", FIX),
            ("6-13 17:05", "enterprise", "fix_now", {"result": "已更换灯具并试验点亮", "after": ""}),
        ),
    )
    yield "6-14 8:15", "enterprise", at(own, "循环水泵房安全出口被物料占用", "循环水泵房", "selfcheck"), ()


def _village(
    near: list[Enterprise], town: list[Enterprise], village: str, at: Any
) -> Iterator[tuple[str, str, dict[str, Any], tuple[Step, ...]]]:
    """What the village's officer finds on his way, and what the township asks of him."""
    one, two, three = near[0], near[1 % len(near)], near[2 % len(near)]
    yield "6-7 15:00", "village", at(one, "车间配电箱无门、电线裸露", "一车间入口"), ()
    yield "6-9 10:30", "village", at(two, "楼梯间堆放杂物，疏散门上锁", "综合楼"), ()
    yield "6-13 8:40", "village", {
        "title": "村道临水弯道护栏缺失约20米", "area_code": village, "industry": Industry.objects.get(pk="road"),
        "place": "村道Y012线3公里处", "source": "inspection",
    }, ()  # fmt: skip
    yield (
        "5-28 9:50",
        "township",
        at(three, "叉车作业区人车未分流", "成品库"),
        (
            ("5-28 10:30", "township", "verify", FIX),
            (
                "5-30 14:00",
                "township",
                "plan",
                _five("划定人行通道，加装反光镜和限速标志", "仓储主管", 5200, date(2013, 6, 13)),
            ),
            ("6-11 16:00", "township", "rectify", {"result": "通道、反光镜、限速标志已设置", "after": ""}),
            ("6-13 9:00", "village", "take_charge", {}),
        ),
    )
    yield "6-13 14:30", "township", at(two, "群众举报：夜间切割作业无人监护", "北侧厂棚", "report"), (
        ("6-13 15:10", "village", "take_charge", {}),
    )  # fmt: skip
    if town:
        yield (
            "6-4 9:00",
            "township",
            at(town[0], "灭火器压力不足六具", "原料库"),
            (
                ("6-4 9:40", "township", "verify", FIX),
                ("6-5 10:00", "township", "fix_now", {"result": "六具灭火器已全部更换", "after": ""}),
                ("6-6 9:00", "township", "take_charge", {}),
            ),
        )


def _fleet(fleet: Enterprise, city: DemoCity, at: Any) -> Iterator[tuple[str, str, dict[str, Any], tuple[Step, ...]]]:
    """A carrier whose danger the industry department has listed for supervision."""
    yield "6-3 14:20", "department", at(fleet, "动态监控平台夜间无人值守，12台客车终端长期离线", "监控室"), (
        ("6-3 15:00", "department", "verify", {"grade": "major", "needs_stop": True}),
        ("6-4 9:30", "department", "list", {"reason": "群死群伤风险高，行业挂牌督办"}),
        ("6-6 11:00", "department", "plan",
         _five("配齐监控人员24小时值守；离线车辆停驶检修，逐车验收后恢复营运", city.heads[fleet.pk].name, 96000,
               date(2013, 6, 28))),
        ("6-7 10:00", "department", "report_major", {
            "report_cause": "监控人员配备不足，终端损坏未及时维修",
            "report_harm": "超速、疲劳驾驶不能及时发现和纠正，易发生群死群伤道路交通事故",
            "report_plan": "目标：终端在线率100%；方法：补员、检修；期限：2013年6月28日"}),
    )  # fmt: skip
