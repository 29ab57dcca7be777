"""The demonstration city's devices: what each kind of enterprise must have, and most of which is there."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from random import Random

from anlan.engines.telemetry.simulator import WATER
from anlan.kernel import law
from anlan.parties.demo import DemoCity
from anlan.parties.models import Account, Enterprise, Person

from . import demo_gas as gas
from . import rulebook
from .models import Calibration, Device, DeviceSetting, DutyShift, Quota, Restriction, Rule, Station, Suppressed

BASIS = "《重庆市2013年安全生产工作要点》三（六）"
MINES = ("coal-gas", "mine-people", "mine-air", "mine-water", "mine-talk", "mine-refuge")
_SLOPES = (("slopes", "mqtt", 2, "边坡{n}号监测点"),)
_CHEMICALS = (("chemicals", "mqtt", 3, "{n}号储罐"),)
_SITES = (("cranes", "mqtt", 1, "塔吊{n}号"), ("sites", "http", 1, "工地视频{n}号"))
_SHIPS = (("passenger-ships", "ais", 2, "客渡船{n}号"),)
BY_CLASS: dict[str, tuple[tuple[str, str, int, str], ...]] = {
    "0610": tuple((programme, "mqtt", 4 if programme == "coal-gas" else 1, "井下{n}号") for programme in MINES),
    "1011": _SLOPES, "1012": _SLOPES,
    "5264": (("petrol", "http", 1, "加油站视频{n}号"),),
    "2614": _CHEMICALS, "2641": _CHEMICALS, "2619": _CHEMICALS,
    "2672": (("fireworks", "http", 1, "{n}号库区"),),
    "2671": (("explosives", "http", 1, "{n}号库区"),),
    "5420": (("coaches", "jt808", 4, "客车{n}号"),),
    "5411": (("rural-buses", "jt808", 6, "农村客运{n}号"),),
    "5430": (("dangerous-goods-vehicles", "jt808", 3, "危货车{n}号"),),
    "5512": _SHIPS, "5523": (("dangerous-goods-ships", "ais", 1, "危险品船{n}号"),),
    "4700": _SITES, "4813": _SITES,
}  # fmt: skip
"""For a class of GB/T 4754: programme, protocol, devices required of an enterprise, how they are called."""
YEARLY = frozenset({"coal-gas", "chemicals", "lifts", "cranes"})
"""Programmes whose devices are calibrated or tested."""
TANK = {
    "level_high": 80.0, "level_high_high": 90.0, "pressure_high": 1.6, "pressure_high_high": 1.8,
    "temperature_high": 50.0, "temperature_high_high": 60.0,
}  # fmt: skip
"""What a tank's design sets."""
MOST = 60
"""Enterprises of one class that have devices on record in the small city."""


def load(city: DemoCity) -> None:
    """Fills the office. Draws by itself: what other offices draw stays as it was."""
    rng = Random(20130614)  # noqa: S311 (synthetic data)
    devices: list[Device] = []
    quotas: list[Quota] = []
    counted: Counter[str] = Counter()
    for enterprise in city.enterprises:
        wanted = BY_CLASS.get(enterprise.gb4754, ())
        if not wanted or counted[enterprise.gb4754] >= MOST:
            continue
        counted[enterprise.gb4754] += 1
        for programme, protocol, number, called in wanted:
            quotas.append(_quota(enterprise, programme, number))
            there = number if rng.random() < 0.75 + 0.2 * city.diligence(enterprise) else rng.randrange(number)
            for n in range(1, there + 1):
                devices.append(_device(enterprise, programme, protocol, called.format(n=n), len(devices), city, rng))
    with_devices = {device.enterprise_id for device in devices}
    _duty(city, [one for one in city.enterprises if one.pk in with_devices], rng)
    Quota.objects.bulk_create(quotas)
    _stations(devices)
    Device.objects.bulk_create(devices)
    _settings(devices, city, rng)
    _calibrations(devices, city)
    _changed_rule(city)
    _waters(devices, city)
    _restrictions(devices, city)
    city.say(f"devices: {len(devices)} of {sum(q.required for q in quotas)} required")
    gas.load(city, [one for one in devices if one.programme == "coal-gas"][: gas.SENSORS])


def _duty(city: DemoCity, enterprises: list[Enterprise], rng: Random) -> None:
    """Eight days of duty, twelve hours each: at the city, in districts and townships, and of whoever has devices."""
    seats = {(a.area_code, None) for (kind, _code), a in city.authorities.items() if kind in ("supervisor", "station")}
    seats |= {(one.area_code, one.pk) for one in enterprises}
    people: dict[tuple[str, int | None], list[Person]] = {}
    areas = {area for area, _enterprise in seats}
    for person in Person.objects.filter(area_code__in=areas).order_by("pk"):
        people.setdefault((person.area_code, person.enterprise_id), []).append(person)
    begin = city.now.replace(hour=8, minute=0, second=0, microsecond=0) - timedelta(days=1)
    shifts, rooms = [], {}
    for area, enterprise in sorted(seats, key=lambda seat: (seat[0], seat[1] or 0)):
        there = people.get((area, enterprise), [])
        rooms[area, enterprise] = f"023-{rng.randrange(40_000_000, 69_000_000)}"
        for n in range(16 if there else 0):
            begins = begin + timedelta(hours=12 * n)
            shifts.append(
                DutyShift(
                    area_code=area, enterprise_id=enterprise, person=there[n % len(there)],
                    room=rooms[area, enterprise], post="leader" if len(there) > 1 and not n % len(there) else "officer",
                    begins=begins, ends=begins + timedelta(hours=12),
                )
            )  # fmt: skip
    DutyShift.objects.bulk_create(shifts, batch_size=2000)
    city.say(f"duty shifts: {len(shifts)}")


def _stations(devices: list[Device]) -> None:
    """At the heading of each mine that has four gas devices: the third one, and the fourth, which is its local fan."""
    gas_: dict[int, list[Device]] = {}
    for device in devices:
        if device.programme == "coal-gas":
            gas_.setdefault(device.enterprise_id, []).append(device)
    headings = [
        (Station(
            code=f"heading-{fan.code}", name="掘进工作面", programme="coal-gas", enterprise=fan.enterprise,
            area_code=fan.area_code, industry_id=fan.industry_id,
        ), methane, fan)
        for _first, _second, methane, fan in (own for own in gas_.values() if len(own) == 4)
    ]  # fmt: skip
    Station.objects.bulk_create([station for station, _methane, _fan in headings])
    for station, methane, fan in headings:
        methane.station, methane.role = station, "methane"
        fan.station, fan.role, fan.name, fan.calibrated_until = station, "fan", "局部通风机", None


def _settings(devices: list[Device], city: DemoCity, rng: Random) -> None:
    """What law or design sets for gas sensors, tanks and mines."""
    since = date(2013, 1, 1)
    rows: list[DeviceSetting] = []
    curves = [one for one in devices if one.programme == "coal-gas"][: gas.SENSORS]
    for device in devices:
        wanted: dict[str, float] = {}
        if device.programme == "coal-gas":
            where = rng.choice(("t1", "t2", "heading", "heading_return"))
            where = gas.PLACE if device in curves else where
            if device.role == "fan":
                continue
            place = law.value(f"monitoring.methane_{where}", since)
            wanted = dict(zip(("ch4_alarm", "ch4_cut", "ch4_repower"), map(float, place.value), strict=True))
            basis = f"{place.source}，{place.name}"
        elif device.programme == "chemicals":
            wanted, basis = TANK, "储罐设计文件（演示数据）"
        elif device.programme == "mine-people":
            wanted, basis = {"people_permitted": float(rng.randrange(60, 200, 10))}, "核定下井人数（演示数据）"
        rows += [DeviceSetting(device=device, metric=m, value=v, since=since, basis=basis) for m, v in wanted.items()]
    DeviceSetting.objects.bulk_create(rows)


def _calibrations(devices: list[Device], city: DemoCity) -> None:
    """Sensors calibrated in the last weeks, one right now; a vehicle's terminal under repair."""
    sensors = [device for device in devices if device.programme == "coal-gas" and device.role != "fan"][:6]
    rows = [
        Calibration(
            device=device, begin=city.now - timedelta(days=9 * n, hours=1), reason="定期标校",
            until=city.now - timedelta(days=9 * n) + timedelta(minutes=30), done_by="矿通风队",
        )
        for n, device in enumerate(sensors)
    ]  # fmt: skip
    if coach := next((device for device in devices if device.programme == "coaches"), None):
        rows.append(
            Calibration(device=coach, begin=city.now - timedelta(hours=3), reason="终端检修", done_by="运输公司安技科")
        )
    Calibration.objects.bulk_create(rows)
    # The gas with which a sensor is calibrated is above its limit: told, and suppressed.
    methane = Rule.objects.get(name="methane").current
    Suppressed.objects.bulk_create(
        Suppressed(
            device=row.device, rule="methane", rule_version=methane, level="orange", state=state, value=value,
            measured_at=row.begin + timedelta(minutes=minutes),
        )
        for row in rows[: len(sensors)] for state, value, minutes in (("open", 2.0, 20), ("clear", 0.1, 32))
    )  # fmt: skip


def _changed_rule(city: DemoCity) -> None:
    """A rule of which the city has made a version of its own."""
    rule, account = Rule.objects.get(name="gas-sensor-stuck"), Account.objects.get(username="city")
    assert rule.current is not None
    text = rule.current.text.replace("for: 24h", "for: 12h")
    reason = "24小时过长，部分传感器卡滞当班未能发现"
    rulebook.save(rule, text, rulebook.checked(text, rule.name), True, reason, account.actor)


def _waters(devices: list[Device], city: DemoCity) -> None:
    """A rule that the city has made: passenger ships stay in the waters where they ferry."""
    rings = []
    for ship in devices:
        if ship.programme != "passenger-ships" or ship.lat is None or ship.lon is None:
            continue
        lat, lon, high, wide = ship.lat, ship.lon, 1.3 * WATER[0], 1.3 * WATER[1]
        corners = ((-wide, -high), (wide, -high), (wide, high), (-wide, high))
        rings.append(str([[round(lon + x, 5), round(lat + y, 5)] for x, y in corners]))
    rings = list(dict.fromkeys(rings))
    if not rings:
        return
    text = "\n".join([
        "name: ferry-outside-its-water", "title: {zh: 客渡船驶出核定水域, en: Ferry outside of its water}",
        "kind: outside", "programmes: [passenger-ships]", "level: orange", "hold: 30s",
        "source: 核定渡运水域（演示数据）", f"area: {rings[0]}",
        *(["more_areas:", *(f"  - {ring}" for ring in rings[1:200])] if rings[1:] else []), "",
    ])  # fmt: skip
    rule, account = Rule.objects.create(name="ferry-outside-its-water"), Account.objects.get(username="city")
    rulebook.save(rule, text, rulebook.checked(text, rule.name), True, "汛期加强客渡船管理", account.actor)


def _restrictions(devices: list[Device], city: DemoCity) -> None:
    """The limit on the roads about which the first coaches drive, and last night's fog on the water of a ferry."""
    coach, ship = (
        next((one for one in devices if one.programme == programme and one.lon is not None), None)
        for programme in ("coaches", "passenger-ships")
    )
    wanted = []
    if coach is not None:
        limit = {"tells": "speed_limit", "value": 80, "basis": "限速标志（演示数据）"}
        wanted.append((coach, "客运站周边公路限速80", 0.06, limit | {"begins": city.now - timedelta(days=400)}))
    if ship is not None:
        night = city.now.replace(hour=2, minute=0, second=0, microsecond=0)
        fog = {"tells": "fog", "basis": "海事部门停航通告（演示数据）"}
        wanted.append((ship, "大雾停航水域", 0.02, fog | {"begins": night, "ends": night + timedelta(hours=6)}))
    rows = []
    for device, name, wide, facts in wanted:
        lat, lon = float(device.lat or 0), float(device.lon or 0)
        corners = ((-wide, -wide), (wide, -wide), (wide, wide), (-wide, wide))
        shape = "\n".join(f"{lon + x:.5f},{lat + y:.5f}" for x, y in corners)
        rows.append(Restriction(name=name, area_code=device.area_code[:6] + "000000", shape=shape, **facts))
    Restriction.objects.bulk_create(rows)


def _quota(enterprise: Enterprise, programme: str, number: int) -> Quota:
    return Quota(
        enterprise=enterprise, area_code=enterprise.area_code, industry_id=enterprise.industry_id, programme=programme,
        required=number, since=date(2013, 1, 1), basis=BASIS,
    )  # fmt: skip


def _device(
    enterprise: Enterprise, programme: str, protocol: str, name: str, number: int, city: DemoCity, rng: Random
) -> Device:
    today = city.now.date()
    code = {"jt808": f"139{number:08d}", "ais": f"413{number:06d}"}.get(protocol, f"{programme}-{number:05d}")
    valid = today + timedelta(days=rng.randrange(-25, 340)) if programme in YEARLY else None
    # Nine of ten were heard in the last hours, the others days ago.
    ago = timedelta(minutes=rng.randrange(1, 300)) if rng.random() < 0.9 else timedelta(days=rng.randrange(2, 30))
    return Device(
        code=code, name=name, programme=programme, protocol=protocol, enterprise=enterprise,
        area_code=enterprise.area_code, industry_id=enterprise.industry_id, place=enterprise.address[:200],
        lon=enterprise.lon, lat=enterprise.lat, installed_on=today - timedelta(days=rng.randrange(30, 900)),
        calibrated_until=valid, heard_at=city.now - ago,
    )  # fmt: skip
