"""The registers of devices and of quotas."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.codes import make_credit_code
from anlan.parties.models import Enterprise

from .models import Device, Quota

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
        since=clock.today(), basis="样本",
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
