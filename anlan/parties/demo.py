"""The nouns of the demonstration city: authorities, enterprises, people, the eight sign-ins.

Deterministic: the same seed gives the same city on every machine. All of it is synthetic over real
divisions; codes are well-formed but belong to nobody that we know of.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from random import Random
from typing import Any

from . import codes, demo_names
from .establishment import establish
from .models import Account, Authority, BaseFigure, Division, Enterprise, Industry, Person, Post
from .names import initials, short
from .reference import DATA

CITY = "500000000000"
DISTRICT = "500112000000"  # 渝北区
TOWNSHIP = "500112131000"  # 龙兴镇
USERS = ("city", "department", "district", "township", "village", "inspector", "enterprise", "duty")

BASES: tuple[dict[str, Any], ...] = (
    {"kind": "output", "value": Decimal("11459.00"), "source": "2012年重庆市国民经济和社会发展统计公报"},
    {"kind": "coal", "industry_id": "coal", "value": Decimal(3777), "source": "2013年全市煤矿安全生产工作会议"},
)
"""What is published of 2012. Of employees and vehicles nothing is known, and so their rates are not available."""


@dataclass
class DemoCity:
    """What the offices' `demo.py` build on. `rng` is theirs to draw from, in the order of the offices."""

    rng: Random
    now: datetime
    password: str
    say: Callable[[str], None]
    accounts: dict[str, Account] = field(default_factory=dict)
    authorities: Mapping[tuple[str, str], Authority] = field(default_factory=dict)
    enterprises: list[Enterprise] = field(default_factory=list)
    heads: dict[int, Person] = field(default_factory=dict)
    """The principal head of each enterprise, by the enterprise's id."""
    laggards: frozenset[str] = frozenset()
    """Districts (12-digit codes) that are late with everything."""

    def diligence(self, enterprise: Enterprise) -> float:
        """How carefully an enterprise works, 0–1: always the same for the same enterprise."""
        own = Random(f"diligence {enterprise.registration_number}").betavariate(4, 2)  # noqa: S311 (synthetic data)
        return own * 0.55 if enterprise.area_code[:6].ljust(12, "0") in self.laggards else own


def load(city: DemoCity) -> None:
    """Fills an empty installation with the parties of the city."""
    districts = list(Division.objects.filter(tier=2).order_by("code"))
    city.laggards = frozenset(d.code for d in city.rng.sample([d for d in districts if d.code != DISTRICT], 5))
    city.authorities = establish(Division.objects.get(pk=CITY), "渝", "重庆")
    city.say(f"authorities: {len(city.authorities)}")
    _enterprises(city, districts)
    city.say(f"enterprises: {len(city.enterprises)}")
    BaseFigure.objects.bulk_create(BaseFigure(area_code=CITY, year=2012, **row) for row in BASES)
    _people(city)
    city.say(f"people: {Person.objects.count()}")
    _accounts(city)
    city.say(f"accounts: {len(city.accounts)}")


def _enterprises(city: DemoCity, districts: list[Division]) -> None:
    rng = city.rng
    with (DATA / "seats-50.csv").open() as file:
        seats = {row["code"]: (float(row["lon"]), float(row["lat"])) for row in csv.DictReader(file)}
    townships = {d.code: list(Division.objects.filter(tier=3, parent=d).order_by("code")) for d in districts}
    villages: dict[str, list[str]] = {}
    for code, parent in Division.objects.filter(tier=4).order_by("code").values_list("code", "parent_id"):
        villages.setdefault(parent, []).append(code)
    high_hazard = set(Industry.objects.filter(high_hazard=True).values_list("code", flat=True))
    taken: set[str] = set()
    serial = 0

    def make(kind: demo_names.Kind, district: Division, township: Division, village: str) -> Enterprise:
        nonlocal serial
        serial += 1
        name = _name(rng, kind, district, township, taken)
        staff = max(3, round(kind.staff * math.exp(rng.gauss(0, 0.75))))
        revenue = Decimal(f"{staff * kind.revenue * math.exp(rng.gauss(0, 0.35)):.2f}")
        lon, lat = seats[district.code]
        in_park = kind.industrial and not kind.named_by_place and rng.random() < 0.45
        street = (
            rng.choice("建兴工迎新滨和长金龙民") + rng.choice("业设宾江园平乐安福") + rng.choice(("路", "大道", "街"))
        )
        enterprise = Enterprise(
            name=name,
            credit_code=codes.make_credit_code(district.code[:6], 70_000_000 + serial),
            registration_number=codes.make_registration_number(district.code[:6], 2_000_000 + serial),
            gb4754=kind.gb4754,
            industry_id=kind.industry,
            area_code=village,
            address=f"重庆市{district.name}{township.name}{street}{rng.randrange(1, 300)}号",
            lon=round(lon + rng.gauss(0, 0.05), 5),
            lat=round(lat + rng.gauss(0, 0.05), 5),
            staff=staff,
            revenue=revenue,
            high_hazard=kind.industry in high_hazard,
            # Above scale 规模以上: industrial enterprises with 20 million yuan of revenue and more (since 2011).
            above_scale=kind.industrial and revenue >= 2000,
            park=f"{short(district.name)}工业园区" if in_park else "",
            status=rng.choices(("operating", "building", "suspended", "closed"), (92, 2, 4, 2))[0],
            phone=demo_names.phone(rng),
        )
        enterprise.prepare()
        return enterprise

    found: list[Enterprise] = []
    home, home_villages = Division.objects.get(pk=TOWNSHIP), villages[TOWNSHIP]
    yubei = next(d for d in districts if d.code == DISTRICT)
    # The enterprise user's own, and neighbours, so that all eight sign-ins meet the same places.
    fine_chemicals = next(k for k in demo_names.KINDS if k.gb4754 == "2614")
    own = make(fine_chemicals, yubei, home, home_villages[0])
    own.name, own.staff, own.status = "重庆渝安精细化工有限公司", 236, "operating"
    own.revenue, own.above_scale, own.park = Decimal("18650.00"), True, "龙兴工业园区"
    own.prepare()
    found.append(own)
    for position, kind in enumerate(
        k for k in demo_names.KINDS if k.industry not in ("coal", "water") and not k.districts
    ):
        found.append(make(kind, yubei, home, home_villages[position % min(4, len(home_villages))]))
    for kind in demo_names.KINDS:
        weights = [weight(kind, short(d.name)) for d in districts]
        for district in rng.choices(districts, weights, k=kind.count):
            with_villages = [t for t in townships[district.code] if t.code in villages]
            township = rng.choice(with_villages)
            found.append(make(kind, district, township, rng.choice(villages[township.code])))
    city.enterprises = Enterprise.objects.bulk_create(found, batch_size=1000)


def weight(kind: demo_names.Kind, district: str) -> float:
    """How likely an enterprise of that kind is in that district (its short name)."""
    base = demo_names.DISTRICT_WEIGHT.get(district, 2)
    if kind.districts:
        return base * 10 if district in kind.districts else 0.2
    return base


def _name(rng: Random, kind: demo_names.Kind, district: Division, township: Division, taken: set[str]) -> str:
    place = township.name.rstrip("镇乡").removesuffix("街道")
    while True:
        brand = rng.choice(demo_names.BRAND_FIRST) + rng.choice(demo_names.BRAND_SECOND)
        word = rng.choice(kind.words)
        if kind.named_by_place:
            middle = place if rng.random() < 0.5 else place + brand
            name = f"重庆市{district.name}{middle}{word}"
        elif rng.random() < 0.35:
            name = f"重庆市{short(district.name)}{brand}{word}"
        else:
            name = f"重庆{brand}{word}"
        if name not in taken:
            taken.add(name)
            return name


def _people(city: DemoCity) -> None:
    rng = city.rng
    people: list[Person] = []
    posts: list[Post] = []

    def appoint(title: str, head: bool, body: Authority | Enterprise, since: date) -> Person:
        enterprise = body if isinstance(body, Enterprise) else None
        industries = None if isinstance(body, Enterprise) else body.industries
        name = demo_names.person(rng)
        person = Person(
            name=name,
            pinyin=initials(name),
            phone=demo_names.phone(rng),
            area_code=body.area_code,
            industry_id=body.industry_id if isinstance(body, Enterprise) else (industries[0] if industries else None),
            enterprise=enterprise,
        )
        people.append(person)
        posts.append(
            Post(
                person=person,
                enterprise=enterprise,
                authority=None if isinstance(body, Enterprise) else body,
                title=title,
                head=head,
                valid_from=since,
            )
        )
        return person

    titles = {
        "government": ("市长", "区（县）长"),
        "committee_office": ("主任", "主任"),
        "supervisor": ("局长", "局长"),
    }
    for body in city.authorities.values():
        since = date(rng.randrange(2008, 2013), rng.randrange(1, 13), 1)
        pair = titles.get(body.kind, ("主任", "主任"))
        appoint(pair[0] if body.tier == 1 else pair[1], True, body, since)
        if body.kind == "supervisor":
            appoint("分管副局长", False, body, since)
    for enterprise in city.enterprises:
        since = date(rng.randrange(2004, 2013), rng.randrange(1, 13), 1)
        appoint("总经理" if (enterprise.staff or 0) > 60 else "负责人", True, enterprise, since)
        city.heads[enterprise.pk] = people[-1]
        if (enterprise.staff or 0) >= 30:
            appoint("安全科科长" if (enterprise.staff or 0) >= 300 else "安全员", False, enterprise, since)
    Person.objects.bulk_create(people, batch_size=2000)
    Post.objects.bulk_create(posts, batch_size=2000)


def _accounts(city: DemoCity) -> None:
    own = city.enterprises[0]
    village = own.area_code
    office = city.authorities
    what: dict[str, tuple[str, str, str, list[str] | None, Authority | None]] = {
        "city": ("市安委办 值守", "city", CITY, None, office["committee_office", CITY]),
        "department": ("市交委 安全处", "department", CITY, ["road"], office["department:road", CITY]),
        "district": ("渝北区安监局", "district", DISTRICT, None, office["supervisor", DISTRICT]),
        "township": ("龙兴镇安办", "township", TOWNSHIP, None, office["station", TOWNSHIP]),
        "village": ("龙兴镇村级安全员", "village", village, None, None),
        "inspector": ("渝北区安监局 执法大队", "inspector", DISTRICT, None, office["supervisor", DISTRICT]),
        "enterprise": ("渝安精细化工 安全科", "enterprise", village, None, None),
        "duty": ("市安监局 值班室", "duty", CITY, None, office["supervisor", CITY]),
    }
    for username in USERS:
        name, role, area, industries, authority = what[username]
        city.accounts[username] = Account.objects.create_user(
            username,
            city.password,
            name=name,
            role=role,
            area_code=area,
            industries=industries,
            authority=authority,
            enterprise=own if role == "enterprise" else None,
        )
    # Who reviews the city office's papers, and the leaders who sign: three posts of one office.
    for username, role, area in (
        ("reviewer", "city", CITY), ("leader", "city", CITY), ("district-leader", "district", DISTRICT),
    ):  # fmt: skip
        body = office["committee_office", area]
        head = Person.objects.get(posts__authority=body, posts__head=True) if username.endswith("leader") else None
        city.accounts[username] = Account.objects.create_user(
            username, city.password, name=head.name if head else "市安委办 审核", role=role, area_code=area,
            authority=body, person=head,
        )  # fmt: skip
    # Colleagues elsewhere, who cannot sign in until somebody gives them a password.
    for (key, area), body in office.items():
        if key == "supervisor" and body.tier == 2 and area != DISTRICT:
            colleague = Account(
                username=f"district-{area[:6]}", name=body.name.removeprefix("重庆市"), role="district",
                area_code=area, authority=body,
            )  # fmt: skip
            colleague.set_unusable_password()
            city.accounts[colleague.username] = colleague
    Account.objects.bulk_create([a for a in city.accounts.values() if a.pk is None])
