"""The registers of devices and of quotas."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.kernel import clock
from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.codes import make_credit_code
from anlan.parties.models import Enterprise, Person
from anlan.parties.registers import WITH_PEOPLE

from .lifecycle import RULE_REVIEW, WARNING
from .models import (
    Calibration,
    Device,
    DeviceSetting,
    DutyShift,
    EarlyWarning,
    HourlyReading,
    Quota,
    ResponseCard,
    Restriction,
    Rule,
    RuleReview,
    Station,
    Suppressed,
)
from .readings import part, together
from .rule_models import titled

SUPERVISORS = {"city", "department", "district", "township"}
DUTY_KEPT_BY = {"city", "district", "township", "enterprise", "duty"}
RESTRICT = {"city", "department", "district", "duty"}


def _enterprise(number: int) -> Enterprise:
    code = make_credit_code("500112", number)
    return Enterprise.objects.create(name=f"样本矿{number}", area_code="500112000000", credit_code=code)


def sample_device(number: int) -> Device:
    """A device of an enterprise."""
    return Device(
        code=f"sample-{number}", name=f"样本设备{number}", programme="coaches", protocol="jt808",
        enterprise=_enterprise(number), area_code="500112000000", installed_on=clock.today(),
    )  # fmt: skip


def sample_quota(number: int) -> Quota:
    """A quota of an enterprise."""
    return Quota(
        enterprise=_enterprise(number), area_code="500112000000", programme="coaches", required=number,
        since=clock.today() - timedelta(days=number % 3000), basis="样本",
    )  # fmt: skip


@register
class Devices(Register):
    name = "devices"
    model = Device
    title = _("Devices")
    singular = _("Device")
    icon = "broadcast"
    group = "monitoring"
    large = True
    columns = ("code", "name", "programme", "enterprise", "area_code", "installed_on", "calibrated_until", "heard_at")
    filters = (
        "area_code",
        "programme",
        "protocol",
        "industry",
        "station",
        "installed_on",
        "removed_on",
        "calibrated_until",
        "heard_at",
    )
    search = ("code", "name")
    natural_key = ("code",)
    sample = staticmethod(sample_device)
    part = staticmethod(part)
    sections = (
        (_("Device"), ("code", "name", "programme", "protocol", "maker")),
        (_("Where it stands"), ("enterprise", "area_code", "industry", "place", "lon", "lat")),
        (pgettext_lazy("of devices", "Station"), ("station", "role")),
        (_("Service"), ("installed_on", "removed_on", "replaced_by", "calibrated_until", "heard_at")),
    )
    order = "code"
    rights = Rights(see=EVERY_ROLE, add=SUPERVISORS, change=SUPERVISORS, export=OFFICIALS)


def sample_station(number: int) -> Station:
    """A station of an enterprise."""
    return Station(
        code=f"sample-{number}", name=f"样本工作面{number}", programme="coal-gas", enterprise=_enterprise(number),
        area_code="500112000000",
    )  # fmt: skip


@register
class Stations(Register):
    name = "device-stations"
    model = Station
    title = pgettext_lazy("of devices", "Stations")
    singular = pgettext_lazy("of devices", "Station")
    icon = "map-pin"
    group = "monitoring"
    columns = ("code", "name", "programme", "enterprise", "area_code")
    filters = ("area_code", "programme", "industry")
    search = ("code", "name")
    natural_key = ("code",)
    sample = staticmethod(sample_station)
    part = staticmethod(together)
    sections = (
        (pgettext_lazy("of devices", "Station"), ("code", "name", "programme")),
        (_("Where it stands"), ("enterprise", "area_code", "industry")),
    )
    order = "code"
    rights = Rights(see=EVERY_ROLE, add=SUPERVISORS, change=SUPERVISORS, export=OFFICIALS)


def sample_hour(number: int) -> HourlyReading:
    """An hour of a device."""
    device = sample_device(number)
    device.save()
    hour = clock.now().replace(minute=0, second=0, microsecond=0) - timedelta(hours=number)
    return HourlyReading(device=device, metric="speed", hour=hour, count=360, low=0, high=number, mean=number, last=1)


@register
class Hours(Register):
    name = "device-hours"
    model = HourlyReading
    title = _("Hourly figures")
    singular = _("Hourly figure")
    icon = "chart-line"
    group = "monitoring"
    large = True
    empty = _("Hourly figures are counted by themselves from the readings, some minutes after the hour.")
    columns = ("device", "metric", "hour", "count", "low", "mean", "high", "last")
    filters = ("device", "metric", "hour")
    natural_key = ("device", "metric", "hour")
    sample = staticmethod(sample_hour)
    sections = ((_("Hourly figure"), ("device", "metric", "hour", "count", "low", "mean", "high", "last")),)
    order = "-hour"
    rights = Rights(see=EVERY_ROLE, export=OFFICIALS)


@register
class Quotas(Register):
    name = "device-quotas"
    model = Quota
    title = _("Devices required")
    singular = _("Quota of devices")
    icon = "target"
    group = "monitoring"
    columns = ("enterprise", "programme", "required", "since", "until", "area_code")
    filters = ("area_code", "programme", "industry", "since", "until")
    natural_key = ("enterprise", "programme", "since")
    sample = staticmethod(sample_quota)
    sections = (
        (_("Quota of devices"), ("enterprise", "programme", "required", "since", "until", "basis")),
        (_("Where it stands"), ("area_code", "industry")),
    )
    order = "-since"
    rights = Rights(see=EVERY_ROLE, add=SUPERVISORS, change=SUPERVISORS, export=OFFICIALS)


def sample_warning(number: int) -> EarlyWarning:
    """A warning of a device."""
    device = sample_device(number)
    device.save()
    return EarlyWarning(
        number=f"样本安警〔2013〕{number}号", title=f"样本预警{number}", state="open", device=device, rule="overspeed",
        programme="coaches", rule_source="样本", value=number, measured_at=clock.now(), level="red",
        enterprise=device.enterprise, area_code="500112000000", owner_area_code="500112000000",
    )  # fmt: skip


def rule_choices() -> list[tuple[str, str]]:
    """The rules of the installation, as they are called."""
    rules = Rule.objects.filter(current__isnull=False).values_list("name", "current__content__title")
    return sorted(((name, titled({"name": name, "title": title})) for name, title in rules), key=lambda one: one[1])


@register
class Warnings(Register):
    name = "warnings"
    model = EarlyWarning
    title = _("Warnings")
    singular = _("Warning")
    icon = "broadcast"
    group = "monitoring"
    columns = (
        "number", "title", "level", "enterprise", "area_code", "measured_at", "cleared_at", "state_title", "due_at",
    )  # fmt: skip
    empty = _("What the rules find in the readings stands here the moment it is found.")
    choices = {"state": WARNING.choices, "rule": rule_choices}
    filters = ("state", "level", "area_code", "programme", "industry", "rule", "measured_at")
    sections = (
        (_("Warning"), ("programme", "device", "rule", "rule_source", "rule_version", "value", "head")),
        (_("Where"), ("station", "place", "lon", "lat")),
        (_("Dealing with it"), ("findings", "cause")),
    )
    search = ("number",)
    natural_key = ("number",)
    labels = {"state_title": _("State")}
    sample = staticmethod(sample_warning)
    order = "-measured_at"
    rights = Rights(see=EVERY_ROLE, export=OFFICIALS)


def sample_review(number: int) -> RuleReview:
    """A review of a rule."""
    return RuleReview(
        number=f"样本安规〔2013〕{number}号", title=f"样本规则{number}", state="open", rule=f"sample-{number}",
        warnings=9, false_alarms=6, since=clock.now(), area_code="500000000000", owner_area_code="500000000000",
    )  # fmt: skip


@register
class RuleReviews(Register):
    name = "rule-reviews"
    model = RuleReview
    title = _("Rules to be looked at")
    singular = _("Rule to be looked at")
    icon = "adjustments"
    group = "monitoring"
    empty = _("A rule comes here by itself when too many of its warnings were found to be false alarms.")
    columns = ("number", "title", "rule", "false_alarms", "warnings", "since", "state_title", "due_at")
    choices = {"state": RULE_REVIEW.choices}
    filters = ("state", "rule", "since")
    sections = ((_("Rule to be looked at"), ("rule", "warnings", "false_alarms", "since", "findings")),)
    search = ("number",)
    natural_key = ("number",)
    labels = {"state_title": _("State")}
    sample = staticmethod(sample_review)
    order = "-opened_at"
    rights = Rights(see={"city", "duty"}, export={"city"})


def sample_card(number: int) -> ResponseCard:
    """A card of one programme and level; those in force stand once each."""
    return ResponseCard(area_code="500112000000", title=f"样本处置卡{number}", steps="样本步骤", in_force=False)


@register
class ResponseCards(Register):
    name = "response-cards"
    model = ResponseCard
    title = _("Response cards")
    singular = _("Response card")
    icon = "clipboard-list"
    group = "monitoring"
    columns = ("title", "programme", "level", "area_code", "plan", "in_force")
    filters = ("programme", "level", "area_code", "in_force")
    sample = staticmethod(sample_card)
    sections = (
        (_("When it holds"), ("area_code", "programme", "level", "in_force")),
        (_("Steps to take"), ("title", "steps", "plan")),
        (_("In English"), ("title_en", "steps_en")),
    )
    rights = Rights(see=EVERY_ROLE, add={"city", "district"}, change={"city", "district"}, export=OFFICIALS)


def sample_shift(number: int) -> DutyShift:
    """A shift of an enterprise's own."""
    enterprise = _enterprise(number)
    person = Person.objects.create(name=f"样本人{number}", area_code="500112000000", enterprise=enterprise)
    begins = clock.now() + timedelta(hours=number % 3000)
    return DutyShift(
        area_code="500112000000", enterprise=enterprise, person=person, begins=begins,
        ends=begins + timedelta(hours=12),
    )  # fmt: skip


@register
class DutyShifts(Register):
    name = "duty-shifts"
    model = DutyShift
    title = _("Duty roster")
    singular = _("Duty shift")
    icon = "phone"
    group = "monitoring"
    columns = ("begins", "ends", "post", "person", "enterprise", "area_code", "room")
    filters = ("begins", "ends", "area_code", "post")
    sample = staticmethod(sample_shift)
    sections = (
        (_("Whose duty"), ("area_code", "enterprise")),
        (_("Person on duty"), ("person", "post", "room")),
        (_("Time on duty"), ("begins", "ends")),
    )
    order = "-begins"
    rights = Rights(
        see=WITH_PEOPLE, add=DUTY_KEPT_BY, change=DUTY_KEPT_BY, remove=DUTY_KEPT_BY, export={"city", "district"}
    )


def _device(number: int) -> Device:
    device = sample_device(number)
    device.save()
    return device


@register
class DeviceSettings(Register):
    name = "device-settings"
    model = DeviceSetting
    title = _("Settings of devices")
    singular = _("Setting of a device")
    icon = "adjustments"
    group = "monitoring"
    columns = ("device", "metric", "value", "since", "basis")
    filters = ("device", "metric", "since")
    exact = ("metric",)
    search = ("metric",)
    natural_key = ("device", "metric", "since")
    sample = staticmethod(
        lambda number: DeviceSetting(
            device=_device(number),
            metric="ch4_alarm",
            value=1,
            since=clock.today() - timedelta(days=number % 3000),
            basis="样本",
        )
    )
    sections = ((_("Setting of a device"), ("device", "metric", "value", "since", "basis")),)
    order = "-since"
    rights = Rights(see=EVERY_ROLE, add=SUPERVISORS, change=SUPERVISORS, export=OFFICIALS)


@register
class Calibrations(Register):
    name = "calibrations"
    model = Calibration
    title = _("Calibrations and outages")
    singular = _("Calibration")
    icon = "tool"
    group = "monitoring"
    columns = ("device", "begin", "until", "reason", "done_by")
    filters = ("device", "begin", "until")
    natural_key = ("device", "begin")
    sample = staticmethod(
        lambda number: Calibration(
            device=_device(number), begin=clock.now() - timedelta(hours=number), reason="样本标校", done_by="样本"
        )
    )
    sections = ((_("Calibration"), ("device", "begin", "until", "reason", "done_by")),)
    order = "-begin"
    rights = Rights(see=EVERY_ROLE, add=SUPERVISORS | {"enterprise"}, change=SUPERVISORS, export=OFFICIALS)


def sample_restriction(number: int) -> Restriction:
    """A road's speed limit."""
    return Restriction(
        name=f"样本路段{number}", area_code="500112000000", tells="speed_limit", value=60, metres=30, basis="样本",
        shape="106.50,29.50 106.60,29.50", begins=clock.now() - timedelta(hours=number % 3000),
    )  # fmt: skip


@register
class Restrictions(Register):
    name = "restrictions"
    model = Restriction
    title = _("Speed limits and restricted waters")
    singular = _("Speed limit or restricted water")
    icon = "route"
    group = "monitoring"
    columns = ("name", "tells", "road_class", "value", "programme", "area_code", "begins", "ends")
    filters = ("area_code", "tells", "road_class", "programme", "begins", "ends")
    search = ("name",)
    natural_key = ("name", "tells", "begins")
    sample = staticmethod(sample_restriction)
    sections = (
        (_("Speed limit or restricted water"), ("name", "tells", "road_class", "value", "programme", "basis")),
        (_("Where it holds"), ("area_code", "shape", "metres")),
        (_("Time in which it holds"), ("begins", "ends")),
    )
    order = "-begins"
    rights = Rights(see=EVERY_ROLE, add=RESTRICT, change=RESTRICT, export=OFFICIALS)


@register
class SuppressedEvents(Register):
    name = "suppressed"
    model = Suppressed
    title = _("Suppressed while calibrated")
    singular = _("Suppressed event")
    icon = "bell-off"
    group = "monitoring"
    empty = _("What a device would have warned of while it was calibrated or out of service stands here.")
    columns = ("rule_version", "device", "level", "state", "value", "measured_at", "rule")
    filters = ("rule", "device", "level", "measured_at")
    exact = ("rule",)
    natural_key = ("device", "rule", "level", "state", "measured_at")
    sample = staticmethod(
        lambda number: Suppressed(
            device=_device(number), rule="methane", level="orange", state="open", value=number, measured_at=clock.now()
        )
    )
    sections = ((_("Suppressed event"), ("device", "rule", "rule_version", "level", "state", "value", "measured_at")),)
    order = "-measured_at"
    rights = Rights(see=EVERY_ROLE, export=OFFICIALS)
