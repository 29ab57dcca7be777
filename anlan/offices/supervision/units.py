"""How the authorities of a place are called in minutes: whole, in short, and all of a kind at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from anlan.kernel import areas, clock
from anlan.parties.models import Authority

SHORT = (
    ("人民政府", "政府"), ("安全生产监督管理局", "安监局"), ("安全生产委员会办公室", "安委办"),
    ("安全生产委员会办公室", "安委会办公室"), ("安全生产监督管理办公室", "安监办"), ("安全生产监督管理办公室", "安办"),
)  # fmt: skip
"""How the ends of names are shortened."""
EVERY = {
    2: ("各区县（自治县）人民政府", "各区县人民政府", "各区县政府", "各区县（自治县）", "各区县"),
    3: ("各乡镇人民政府、街道办事处", "各乡镇（街道）", "各镇街", "各乡镇"),
}
"""All that answer for the places one tier below, by that tier; the first is how it is written."""

Known = Mapping[str, tuple[Authority, ...]]


def known(area_code: str) -> Known:
    """By each name the authorities of a place and one tier below that are called so. A name of two bodies is none."""
    city = areas.tier_of(area_code) == 1
    digits, tier = (2, 1) if city else (6, 2)
    codes = [area_code[:n].ljust(12, "0") for n in (2, digits)]
    names = areas.names(codes)
    whole, place = (names.get(code, "") for code in codes)
    found: dict[str, list[Authority]] = {}
    every: list[Authority] = []
    bodies = Authority.objects.at(clock.today()).filter(
        area_code__startswith=area_code[:digits], tier__in=(tier, tier + 1)
    )
    for body in bodies.order_by("tier", "area_code", "pk"):
        for name in called(body, whole, "" if city else place):
            found.setdefault(name, []).append(body)
        if body.kind == ("government" if city else "station") and body.tier == tier + 1:
            every.append(body)
    made = {name: tuple(rows) for name, rows in found.items() if len(rows) == 1}
    return made | {name: tuple(every) for name in EVERY[tier + 1] if every}


def called(body: Authority, city: str, place: str = "") -> Iterable[str]:
    """All names of an authority: 重庆市交通委员会, 市交通委员会, 市交委; 渝北区人民政府, 渝北区政府.

    In the district `place` its own are called without its name, too: 区人民政府, 区政府.
    """
    local = body.name.removeprefix(city)
    names = [body.name, local if body.tier > 1 else f"市{local}"]
    if place and body.tier == 2 and local.startswith(place):
        names.append(place[-1] + local.removeprefix(place))
    names += [name.removesuffix(long) + short for name in names for long, short in SHORT if name.endswith(long)]
    if body.tier == 1 and body.kind == "department" and body.short_name[1:]:
        names.append(f"市{body.short_name[1:]}")
    return dict.fromkeys(names)


def written(units: Iterable[Authority], of: Known) -> str:
    """Authorities as a field shows them: their names, or the one name of all of them."""
    rows = tuple(units)
    for name in (EVERY[2][0], EVERY[3][0]):
        if name in of and len(rows) > 1 and {u.pk for u in rows} == {u.pk for u in of[name]}:
            return name
    return "、".join(unit.name for unit in rows)


def resolved(said: str, of: Known) -> tuple[list[Authority], list[str]]:
    """The authorities that a field names, and the names that nobody has."""
    if said.strip() in of:  # a name may hold the mark that stands between names
        return list(of[said.strip()]), []
    found: list[Authority] = []
    unknown = []
    for name in (part.strip() for part in said.replace("，", "、").replace(",", "、").split("、")):
        if name in of:
            found += of[name]
        elif name:
            unknown.append(name)
    return list({unit.pk: unit for unit in found}.values()), unknown
