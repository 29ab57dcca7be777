"""The demonstration city's plans: that of 2013 in force with its duties, and one of 2014 waiting for approval.

The text of 2014 is made up and says so. Two bureaus of the laggards have lost their head since May, so
that a hole can be seen.
"""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from django.conf import settings

from anlan.kernel import clock
from anlan.parties.demo import DemoCity
from anlan.parties.models import Account, Authority, Division, Person, Post

from . import adoption, drafting, duties, planfile
from .appraisal import appraising
from .appraisal.models import Hand, Score
from .bulletins import demo as bulletins
from .models import Plan
from .progress import demo as progress
from .targets import standing
from .targets.apportioning import portions

CITY = "500000000000"
NOTICE_2014 = Path(__file__).parent / "demo-2014.txt"
LEFT = date(2013, 5, 20)


def load(city: DemoCity) -> None:
    """A colleague of the city's office drafts, the city's user adopts; the next year's draft waits for him."""
    user = city.accounts["city"]
    drafter = Account(
        username="city-planning", name="市安委办 综合处", role="city", area_code=CITY, authority=user.authority
    )
    drafter.set_unusable_password()
    drafter.save()
    city.accounts[drafter.username] = drafter
    today = city.now.date()
    _village(city)
    plan = planfile.load(settings.ROOT / "plans" / "chongqing-2013.yaml", drafter)
    city.say(f"duties under the plan: {duties.assign_by_kinds(plan, today)}")
    with clock.frozen(datetime(2013, 1, 8, 15, 20, tzinfo=clock.BEIJING)):
        adoption.propose(plan, drafter)
    with clock.frozen(datetime(2013, 1, 10, 9, 40, tzinfo=clock.BEIJING)):
        adoption.adopt(plan, user)
    gone = sorted(city.laggards)[:2]
    # Asked for in two steps: within the one transaction of a load the planner knows nothing of the tables' sizes.
    left = list(Authority.objects.filter(kind="supervisor", area_code__in=gone).values_list("pk", flat=True))
    Post.objects.filter(head=True, authority_id__in=left).update(valid_to=LEFT)

    coming = drafting.from_text(
        "2014年全市安全生产工作要点（演示用虚构文本）.txt",
        NOTICE_2014.read_text(encoding="utf-8"),
        area_code=CITY,
        by=drafter,
    )
    coming.title = f"{coming.title}（演示用虚构文本）"
    coming.title_en = "Work safety plan 2014 (made up for the demonstration)"
    coming.save()
    coming.clauses.filter(code__startswith="G").update(duty_kinds=["government", "district/government"])
    coming.clauses.filter(code__startswith="W1").update(duty_kinds=["district/government"])
    duties.assign_by_kinds(coming, today)
    coming.gaps.filter(settled=False).update(settled=True)
    adoption.propose(coming, drafter)


def load_last(city: DemoCity) -> None:
    """The targets in parts, by what each had in 2012: made up, as no apportionment of the city is known."""
    plan, user = Plan.objects.get(year=2013, state="adopted"), city.accounts["city"]
    told = {one.target.code: one for one in standing.told(plan, user, city.now.date())}
    with clock.frozen(datetime(2013, 1, 14, 16, 5, tzinfo=clock.BEIJING)):
        for code, keep in (("T1", 20), ("T2", 2), ("T3", 1), ("T4", 0)):
            why = "各区县不得发生" if code in ("T3", "T4") else "按2012年实绩所占比例分解（演示）"
            portions(told[code], "area", keep, why)
        made = portions(told["T1"], "industry", 20, "按2012年实绩所占比例分解（演示）")
    city.say(f"targets apportioned to {made} industries and all districts")
    _appraised(city)
    progress.load(city)
    bulletins.load(city)


def _appraised(city: DemoCity) -> None:
    """Two schemes, points by hand, three months computed, two of them adopted, one objection that waits."""
    office, user = city.accounts["city-planning"], city.accounts["city"]
    yubei = city.accounts["district"]
    found = []
    for name in ("districts", "departments"):
        file = settings.ROOT / "plans" / f"appraisal-2013-{name}.yaml"
        with clock.frozen(datetime(2013, 1, 15, 10, 10, tzinfo=clock.BEIJING)):
            made = appraising.load(file.read_bytes(), file.name, office)
            appraising.adopt_scheme(made, user)
        found.append(made)
    for area, day, item, points, reason in (
        (yubei.area_code, date(2013, 3, 18), "B1", 2, "危险化学品道路运输联控做法在全市推广"),
        (yubei.area_code, date(2013, 5, 9), "D1", -2, "一起事故报告超过法定时限"),
        (sorted(city.laggards)[0], date(2013, 4, 22), "A6", -4, "一季度例会未召开，督办事项未反馈"),
    ):
        Hand.objects.create(
            scheme=found[0], area_code=area, item=item, on=day, points=points, reason=f"{reason}（演示）",
            evidence=f"渝安委办〔2013〕演示{day:%m%d}号",
        )  # fmt: skip
    for month, adopted in ((3, True), (4, True), (5, False)):
        with clock.frozen(datetime(2013, month + 1, 5, 9, 30, tzinfo=clock.BEIJING)):
            for scheme in found:
                closed = appraising.close(scheme, appraising.month(2013, f"2013-{month:02}"), office)
                if adopted:
                    appraising.adopt(closed, user)
    with clock.frozen(datetime(2013, 6, 7, 15, 40, tzinfo=clock.BEIJING)):
        score = Score.objects.get(appraisal__scheme=found[0], appraisal__period="..2013-05", area_code=yubei.area_code)
        words = "该起事故信息由市急救中心转来，本区接报后47分钟内已报送，附接报记录（演示）。"
        appraising.object_(score, "D1", words, yubei)
    city.say("appraisal: two schemes, three months, one objection")


def _village(city: DemoCity) -> None:
    """The committee of the village in which the village's user works; the other 11,269 are not made up."""
    place = Division.objects.select_related("parent__parent").get(pk=city.accounts["village"].area_code)
    township = place.parent
    name = "".join(d.name for d in (township and township.parent, township, place) if d)
    body = Authority.objects.create(name=f"重庆市{name}", kind="village", tier=4, area_code=place.code)
    head = Person.objects.create(name="周世明", area_code=place.code)
    Post.objects.create(person=head, authority=body, title="主任", head=True, valid_from=date(2011, 1, 1))
