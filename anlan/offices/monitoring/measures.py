"""How far the notice's programmes are carried out: devices required, in service, heard, with valid calibration."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.figures import measure, ratio, source

from .models import Device, EarlyWarning, Quota

DEVICES = source(Device, cuts=("programme",))
QUOTAS = source(Quota, cuts=("programme",))
WARNINGS = source(EarlyWarning, cuts=("level", "programme"))
NOTICE = _("The notice, Part 3, item 6: technology in every industry")
CLAUSES = ("W6.1",)


def in_service(t, p):  # type: ignore[no-untyped-def]  # an Ibis table
    """At the end of the period."""
    return (t.installed_on < p.until_day) & (t.removed_on.isnull() | (t.removed_on >= p.until_day))


def heard_lately(t, p):  # type: ignore[no-untyped-def]
    """Within the last day of the period."""
    import ibis  # loaded by computing alone

    return in_service(t, p) & (t.heard_at >= p.until - ibis.interval(days=1))


required = measure(
    "monitoring.required", QUOTAS,
    lambda t, p: (t.since < p.until_day) & (t.until.isnull() | (t.until >= p.until_day)), value="required",
    title=_("Devices required"), definition=_("That enterprises must have at the end of the period, by their quotas."),
    source_of_law=NOTICE, unit=_("devices"), clauses=CLAUSES,
)  # fmt: skip
installed = measure(
    "monitoring.installed", DEVICES, in_service,
    title=_("Devices in service"), definition=_("In service at the end of the period."),
    source_of_law=NOTICE, unit=_("devices"), better="more", clauses=CLAUSES,
)  # fmt: skip
online = measure(
    "monitoring.online", DEVICES,
    heard_lately, present_only=True,
    title=_("Devices online"), definition=_("In service, and heard within the last day of the period."),
    source_of_law=NOTICE, unit=_("devices"), better="more", clauses=CLAUSES,
)  # fmt: skip
calibrated = measure(
    "monitoring.calibrated", DEVICES,
    lambda t, p: in_service(t, p) & (t.calibrated_until.isnull() | (t.calibrated_until >= p.until_day)),
    title=_("Devices with valid calibration"),
    definition=_("In service, and calibrated beyond the end of the period or in no need of it."),
    source_of_law=NOTICE, unit=_("devices"), better="more", clauses=CLAUSES,
)  # fmt: skip
ratio(
    "monitoring.coverage", installed, required, places=1,
    title=_("Coverage"), definition=_("Devices in service, of those required."),
    source_of_law=NOTICE, unit="%", better="more", clauses=CLAUSES,
)  # fmt: skip
ratio(
    "monitoring.online_rate", online, installed, places=1,
    title=_("Online rate"), definition=_("Devices online, of those in service."),
    source_of_law=NOTICE, unit="%", better="more", clauses=CLAUSES,
)  # fmt: skip
rural_buses = measure(
    "monitoring.rural_buses", DEVICES, lambda t, p: in_service(t, p) & (t.programme == "rural-buses"),
    title=_("Rural buses with satellite positioning"),
    definition=_("Devices of the programme of rural buses in service at the end of the period."),
    source_of_law=NOTICE, unit=_("devices"), better="more", clauses=CLAUSES,
)  # fmt: skip
rural_buses_required = measure(
    "monitoring.rural_buses_required", QUOTAS,
    lambda t, p: (t.since < p.until_day) & (t.until.isnull() | (t.until >= p.until_day))
    & (t.programme == "rural-buses"),
    value="required", title=_("Rural buses that must have satellite positioning"),
    definition=_("That enterprises must have at the end of the period, by their quotas of the programme."),
    source_of_law=NOTICE, unit=_("devices"), clauses=CLAUSES,
)  # fmt: skip
ratio(
    "monitoring.rural_bus_rate", rural_buses, rural_buses_required, places=1,
    title=_("Rate of rural buses with satellite positioning"), definition=_("Devices in service, of those required."),
    source_of_law=NOTICE, unit="%", better="more", clauses=CLAUSES, demanded="农村客运(?:车辆|车)卫星定位安装率",
)  # fmt: skip


def warned_then(t, p):  # type: ignore[no-untyped-def]
    """By the device's own time; what stands under another warning has the same cause and is told with it."""
    return p.holds(t.measured_at) & (t.state != "under")


warned = measure(
    "monitoring.warnings", WARNINGS, warned_then,
    title=_("Warnings"), definition=_("Warnings of the period, those of one cause once, by the moment of the reading."),
    source_of_law=NOTICE, unit=_("warnings"), clauses=CLAUSES,
)  # fmt: skip
measure(
    "monitoring.false_alarms", WARNINGS, lambda t, p: warned_then(t, p) & (t.state == "false"),
    title=_("False alarms"), definition=_("Warnings of the period that were found false."),
    source_of_law=NOTICE, unit=_("warnings"), better="less", clauses=CLAUSES,
)  # fmt: skip
