"""The authorities of a municipality as they stood in 2013, and the reform of 2018, from its divisions.

Every district has a government, a safety committee's office, a bureau that supervises work safety
(安监局, since 2018 应急管理局) and industry departments; every township an office. Bodies follow from
the divisions by rule, so that each tier is complete; a real city corrects the register.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .models import Answering, Authority, Division
from .names import initials, short

REFORM = date(2018, 10, 1)
"""The supervisors became 应急管理局 in 2018. The day differs from place to place: to be corrected there."""


@dataclass(frozen=True, slots=True)
class Department:
    """An industry department: its name after the division's, its short name and what it supervises."""

    name: str
    short: str
    industries: tuple[str, ...]
    tiers: tuple[int, ...] = (1,)


INDUSTRY = ("machinery", "metallurgy", "nonferrous", "civil_explosives", "power")

DEPARTMENTS = (
    Department("交通委员会", "交委", ("road", "water"), (1, 2)),
    Department("城乡建设委员会", "建委", ("construction",), (1, 2)),
    Department("经济和信息化委员会", "经信委", INDUSTRY, (1, 2)),
    Department("煤炭工业管理局", "煤管局", ("coal",)),
    Department("公安局消防总队", "消防总队", ("fire",)),
    Department("质量技术监督局", "质监局", ("special_equipment",)),
    Department("农业委员会", "农委", ("agri_machinery", "fishing_vessel")),
    Department("商业委员会", "商委", ("trade",)),
)  # fmt: skip


def establish(city: Division, short_city: str, seat_name: str) -> dict[tuple[str, str], Authority]:
    """Makes the authorities of `city` and all below it; returns those of before the reform by (kind, area).

    `short_city` is the city's one-character name in document numbers (渝), `seat_name` its name without
    市. Industry departments are found under ("department:" + their first industry, area).
    """
    made: dict[tuple[str, str], Authority] = {}
    successors: list[tuple[Authority, Authority]] = []

    def make(key: str, kind: str, division: Division, name: str, short: str, industries: tuple[str, ...] = ()) -> None:
        body = Authority(
            name=name, short_name=short, kind=kind, tier=division.tier, area_code=division.code,
            industries=list(industries) or None, pinyin=initials(name),
        )  # fmt: skip
        made[key, division.code] = body
        if kind == "supervisor":
            body.valid_to = REFORM
            later = name.replace("安全生产监督管理局", "应急管理局")
            successors.append(
                (body, Authority(
                    name=later, short_name=short.replace("安监", "应急"), kind=kind, tier=division.tier,
                    area_code=division.code, valid_from=REFORM, pinyin=initials(later),
                ))
            )  # fmt: skip

    places = Division.objects.filter(tier__lte=3).order_by("tier", "code").select_related("parent")
    for place in places:
        if place.tier == 3 and place.parent:
            make(
                "station",
                "station",
                place,
                f"{place.parent.name}{place.name}安全生产监督管理办公室",
                f"{place.name}安办",
            )
            continue
        name = city.name if place.tier == 1 else f"{city.name}{place.name}"
        brief = short_city if place.tier == 1 else short(place.name)
        make("government", "government", place, f"{name}人民政府", f"{brief}府")
        make("committee_office", "committee_office", place, f"{name}安全生产委员会办公室", f"{brief}安委办")
        make("supervisor", "supervisor", place, f"{name}安全生产监督管理局", f"{brief}安监")
        for department in DEPARTMENTS:
            if place.tier in department.tiers:
                key = f"department:{department.industries[0]}"
                make(
                    key,
                    "department",
                    place,
                    f"{name}{department.name}",
                    f"{brief}{department.short}",
                    department.industries,
                )
    Authority.objects.bulk_create(made.values(), batch_size=2000)
    Authority.objects.bulk_create([later for _now, later in successors])
    for now, later in successors:
        now.successor = later
    Authority.objects.bulk_update([now for now, _later in successors], ["successor"])
    Answering.objects.bulk_create(_bonds(made, {a.pk: b for a, b in successors}), batch_size=2000)
    return made


def _bonds(made: dict[tuple[str, str], Authority], later: dict[int, Authority]) -> list[Answering]:
    """Each body is led by its own government and guided by its like one tier up."""
    bonds: list[Answering] = []

    def bond(body: Authority, to: Authority, how: str) -> None:
        if body.pk not in later and to.pk not in later:
            bonds.append(Answering(authority=body, to=to, bond=how))
            return
        bonds.append(Answering(authority=body, to=to, bond=how, valid_to=REFORM))
        after, after_to = later.get(body.pk, body), later.get(to.pk, to)
        bonds.append(Answering(authority=after, to=after_to, bond=how, valid_from=REFORM))

    for (key, area), body in made.items():
        above = area[:2].ljust(12, "0") if body.tier == 2 else area[:6].ljust(12, "0")
        if body.tier == 3:
            bond(body, made["government", above], "leads")
            bond(body, made["supervisor", above], "guides")
            continue
        if key != "government":
            bond(body, made["government", area], "leads")
        if body.tier == 2 and (key, above) in made:
            bond(body, made[key, above], "leads" if key == "government" else "guides")
    return bonds
