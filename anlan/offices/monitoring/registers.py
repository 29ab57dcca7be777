"""The registers of devices and of quotas."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.codes import make_credit_code
from anlan.parties.models import Enterprise

from .lifecycle import WARNING
from .models import Calibration, Device, DeviceSetting, EarlyWarning, Quota, Suppressed

SUPERVISORS = {"city", "department", "district", "township"}


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
        "installed_on",
        "removed_on",
        "calibrated_until",
        "heard_at",
    )
    search = ("code", "name")
    natural_key = ("code",)
    sample = staticmethod(sample_device)
    sections = (
        (_("Device"), ("code", "name", "programme", "protocol", "maker")),
        (_("Where it stands"), ("enterprise", "area_code", "industry", "place", "lon", "lat")),
        (_("Service"), ("installed_on", "removed_on", "replaced_by", "calibrated_until", "heard_at")),
    )
    order = "code"
    rights = Rights(see=EVERY_ROLE, add=SUPERVISORS, change=SUPERVISORS, export=OFFICIALS)


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


@register
class Warnings(Register):
    name = "warnings"
    model = EarlyWarning
    title = _("Warnings")
    singular = _("Warning")
    icon = "broadcast"
    group = "monitoring"
    columns = (
        "number", "title", "level", "programme", "device", "enterprise", "area_code", "measured_at", "cleared_at",
        "state_title", "due_at",
    )  # fmt: skip
    choices = {"state": WARNING.choices}
    filters = ("state", "level", "area_code", "programme", "industry", "rule", "measured_at")
    exact = ("rule",)
    sections = (
        (_("Warning"), ("rule", "rule_source", "rule_version", "value", "place", "lon", "lat")),
        (_("Dealing with it"), ("findings", "cause")),
    )
    search = ("number",)
    natural_key = ("number",)
    labels = {"state_title": _("State")}
    sample = staticmethod(sample_warning)
    order = "-measured_at"
    rights = Rights(see=EVERY_ROLE, export=OFFICIALS)


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


@register
class SuppressedEvents(Register):
    name = "suppressed"
    model = Suppressed
    title = _("Suppressed while calibrated")
    singular = _("Suppressed event")
    icon = "bell-off"
    group = "monitoring"
    columns = ("rule", "device", "level", "state", "value", "measured_at", "rule_version")
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
