"""The supervision office of the demonstration city in June 2013: who was pressed, criticised and thanked, and two joint
meetings. Every paper goes through its whole chain and every step through the engine, at its moment and by its account.

It loads after the plan's notices, whose numbers come first in the series of the office.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from django.apps import apps
from django.db.models import Q

from anlan.engines.papers import Paper, Paragraph
from anlan.kernel import areas, cases, clock, files
from anlan.kernel.cases.engine import Stored
from anlan.kernel.scope import EVERYWHERE, Actor, acting, area_prefix
from anlan.parties import papers
from anlan.parties.demo import CITY, DISTRICT, DemoCity
from anlan.parties.models import Account, Authority

from . import issuing, meetings
from .meetings import Decided
from .models import Meeting, Task

CHAIN = (("submit", "city-planning"), ("pass", "reviewer"), ("sign", "leader"), ("issue", "city-planning"),
         ("publish", "city-planning"))  # fmt: skip


def load(city: DemoCity) -> None:
    """Nothing of it comes before what the other offices load."""


def load_last(city: DemoCity) -> None:
    _People(city).live()
    city.say("supervision: orders to seven, a criticism with its objection, thanks, two meetings")


def at(day: str, clock_: str = "9:00") -> datetime:
    month, number = day.split("-")
    hour, minute = clock_.split(":")
    return datetime(2013, int(month), int(number), int(hour), int(minute), tzinfo=clock.BEIJING)


class _People:
    """The demonstration's accounts, and what they do."""

    def __init__(self, city: DemoCity) -> None:
        self.city = city
        self.governments = {
            body.area_code: body for body in Authority.objects.at(city.now.date()).filter(kind="government", tier=2)
        }

    def account(self, name: str) -> Any:
        """A sign-in, or the colleague of a district by its code."""
        if name in self.city.accounts:
            return self.city.accounts[name]
        return self.city.accounts["district"] if name == DISTRICT else Account.objects.get(
            username=f"district-{name[:6]}"
        )  # fmt: skip

    def step(self, when: datetime, who: str, case: Any, move: str, **facts: Any) -> Any:
        by = self.account(who)
        with clock.frozen(when), acting(Actor("person", by.username, by.pk), EVERYWHERE):
            row = type(case).objects.get(pk=case.pk)
            return cases.move(row, move, by=by, seen_version=row.version, facts_=facts)

    def out(self, letter: Any, begun: datetime) -> list[Any]:
        """A letter through its chain within one day; its cases."""
        for hours, (move, who) in enumerate(CHAIN):
            letter = self.step(begun.replace(hour=begun.hour + hours), who, letter, move)
        return issuing.addressed(letter)

    def letter(self, when: datetime, genre: str, to: Sequence[Any], **said: Any) -> Any:
        by = self.account("city-planning")
        with clock.frozen(when), acting(Actor("person", by.username, by.pk), EVERYWHERE):
            return issuing.draft(genre, by, to, {}, **said)

    # --- What happened ---------------------------------------------------------------------------------

    def live(self) -> None:
        self.first_meeting()
        self.orders()
        self.circulars()
        self.second_meeting()

    def orders(self) -> None:
        """The laggards are pressed for what is overdue: one has done it, one does it, one is late and was called in."""
        late = sorted(self.city.laggards)
        begun = at("6-9", "9:10")
        still, overdue = _unfinished(late, begun)
        names = areas.names(late)
        letter = self.letter(
            begun, "order", [self.governments[area] for area in late], subject="逾期未整改事故隐患",
            grounds=f"截至6月9日，{'、'.join(names[code] for code in late)}共有未完成整改的事故隐患{still}件，"
            f"其中逾期{overdue}件，整改进度落后。",
            asked="逐件查明逾期原因，明确整改责任人和时限，限期整改到位。\n对无正当理由逾期的，依法予以处罚并报告结果。",
            answer_by=date(2013, 6, 12),
        )  # fmt: skip
        done, closed, slow, silent, unread = self.out(letter, begun)
        for n, order in enumerate((done, closed, slow, silent)):
            self.step(at("6-9", f"15:{20 + n}"), order.area_code, order, "receive")
        for order, day in ((done, "6-12"), (closed, "6-11")):
            self.step(at(day, "10:30"), order.area_code, order, "report", result="逾期隐患已全部整改到位",
                      proof=[_report("督办事项办理情况报告", "逾期隐患已逐件整改，附清单。")])  # fmt: skip
        self.step(at("6-12", "14:00"), "city", closed, "accept")
        self.step(at("6-11", "16:40"), slow.area_code, slow, "ask_extension", days=5, reason="两处尾矿库整改需专家论证")
        self.step(at("6-13", "15:00"), "city", silent, "call_in", interviewed_on=date(2013, 6, 13),
                  interview="约谈区（县）政府分管负责人，要求6月17日前报送办理情况。")  # fmt: skip
        assert unread.state == "issued"
        firm = self.city.enterprises[0]
        letter = self.letter(
            at("6-13", "9:00"), "order", [firm, self.governments[DISTRICT]], subject="甲类罐区重大事故隐患整改",
            grounds=f"{firm.name}甲类罐区防火堤开裂、固定式消防喷淋不能启动，已列为市级挂牌督办隐患。",
            asked="按方案倒空罐区、重砌防火堤、更换喷淋泵，整改期间专人值守。", answer_by=date(2013, 7, 15),
        )  # fmt: skip
        of_firm, _of_district = self.out(letter, at("6-13", "9:30"))
        self.step(at("6-13", "16:00"), "enterprise", of_firm, "receive")
        self.letter(
            at("6-14", "8:40"), "order", [self.governments[area] for area in (*late[:2], DISTRICT)],
            subject="汛期安全生产工作", grounds="进入主汛期，部分区县尾矿库、临水临崖路段排查尚未完成。",
            asked="6月底前完成汛期安全检查并报送结果。", answer_by=date(2013, 6, 30),
        )  # fmt: skip

    def circulars(self) -> None:
        late = sorted(self.city.laggards)
        begun = at("6-10", "9:00")
        letter = self.letter(
            begun, "criticism", [self.governments[late[1]]], subject="事故信息报送工作",
            grounds="5月份发生的一起道路运输事故，接报后超过法定时限报送，且续报不及时。",
            measure="deduct", asked="严格执行事故信息报告制度，查明迟报原因并于6月底前报告。",
        )  # fmt: skip
        (criticised,) = self.out(letter, begun)
        self.step(
            at("6-13", "11:10"), late[1], criticised, "object",
            objection="该起事故信息由医院转来，我区（县）接报后已按时限报送，请核实。",
            grounds=[_report("接报记录", "附接报与报送时间记录（演示）。")],
        )  # fmt: skip
        letter = self.letter(
            at("6-11", "9:00"), "thanks", [self.governments[DISTRICT]], subject="危险化学品道路运输联控工作",
            grounds="渝北区建立危险化学品道路运输联控机制，1—5月未发生危险化学品运输事故，做法值得推广。",
            measure="reward", asked="各区县要学习借鉴，结合实际抓好落实。",
        )  # fmt: skip
        self.out(letter, at("6-11", "9:10"))

    def first_meeting(self) -> None:
        """Held on 4 June: some of what it decided is done, one task is late, one is on its way."""
        transport, coal = (
            Authority.objects.get(kind="department", area_code=CITY, industries__contains=[code])
            for code in ("road", "coal")
        )
        late = sorted(self.city.laggards)
        meeting = self.call(at("5-29", "10:00"), "重庆市安全生产联席会议2013年第二次会议", at("6-4", "15:00"))
        self.step(at("6-4", "17:30"), "city-planning", meeting, "hold")
        by = self.account("city-planning")
        with clock.frozen(at("6-7", "10:00")), acting(Actor("person", by.username, by.pk), EVERYWHERE):
            row = Meeting.objects.get(pk=meeting.pk)
            who = {
                one.pk: ("excused", "") if one.area_code == late[0] else ("present", "")
                for one in row.invitations.all()
            }
            row = meetings.record(row, by, row.version, who)
            every = tuple(self.governments[area] for area in (DISTRICT, late[0], late[1]))
            meetings.write(row, by, row.version, "会议听取了1—5月全市安全生产情况汇报，分析了汛期安全形势。", [
                Decided("开展临水临崖路段护栏专项排查，建立清单并逐段落实整改", (transport,), "", date(2013, 7, 31)),
                Decided("对煤矿汛期“雨季三防”措施逐矿核查", (coal,), "", date(2013, 6, 12)),
                Decided("报送汛期安全检查方案", every, "", date(2013, 6, 11)),
                Decided("原则同意《全市道路客运安全专项整治方案》，按会议意见修改后印发"),
            ])  # fmt: skip
            letter = issuing.draft_minutes(Meeting.objects.get(pk=row.pk), by)
        self.out(letter, at("6-8", "10:30"))
        tasks = {one.addressee_id: one for one in Task.objects.filter(meeting=meeting)}
        road, home = tasks[transport.pk], tasks[self.governments[DISTRICT].pk]
        self.step(at("6-12", "9:20"), "department", road, "progress", progress="已完成11个区县排查，登记隐患路段214处")
        self.step(at("6-10", "11:00"), "district", home, "report", result="检查方案已印发并报送",
                  proof=[_report("汛期安全检查方案", "检查范围、分工与时限（演示）。")])  # fmt: skip
        self.step(at("6-11", "9:30"), "city", home, "accept")

    def second_meeting(self) -> None:
        self.call(at("6-13", "17:00"), "重庆市安全生产联席会议2013年第三次会议", at("6-20", "9:30"))

    def call(self, when: datetime, title: str, held_at: datetime) -> Meeting:
        by = self.account("city-planning")
        with clock.frozen(when), acting(Actor("person", by.username, by.pk), EVERYWHERE):
            return meetings.call(
                by, meetings.candidates(CITY), title=title, held_at=held_at, place="市安监局三楼会议室",
                chair="市安委办主任",
                agenda="一、通报近期安全生产情况\n二、研究汛期安全生产工作\n三、听取上次会议部署工作落实情况",
            )  # fmt: skip


def _unfinished(places: Sequence[str], on: datetime) -> tuple[int, int]:
    """How many hidden dangers were not closed in these districts, and how many of them overdue."""
    there = Q(pk__in=[])
    for code in places:
        there |= areas.within(area_prefix(code))
    dangers: Any = apps.get_model("hazards", "Danger")
    still = dangers.objects.filter(there, opened_at__lt=on).filter(Q(closed_at__isnull=True) | Q(closed_at__gt=on))
    return still.count(), still.filter(due_at__lt=on).count()


def _report(title: str, words: str) -> Stored:
    """A short report as PDF that says of itself that it is made up."""
    made = papers.render(Paper(title=f"{title}（演示）", issuer="演示", blocks=(Paragraph(words),), seal=False), "pdf")
    kept = files.put(made)
    return Stored(f"{title}.pdf", kept.sha256, kept.media_type, kept.size)
