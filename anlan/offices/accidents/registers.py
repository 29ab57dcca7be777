"""Lists of the accident office."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.policy import EVERY_ROLE, OFFICIALS, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.models import Enterprise

from .lifecycle import ACCIDENT, FAULT
from .models import READ_FAULTS, Accident, Category, HandedOver, Involved, Report, ReportFault

SEES_PEOPLE = frozenset({"city", "district", "duty", "inspector"})
"""Who may see the names of the dead and injured, and who called."""


def sample_accident(number: int) -> Accident:
    """An accident just reported."""
    enterprise = Enterprise.objects.create(name=f"样本厂{number}", area_code="500112000000", industry_id="construction")
    return Accident(
        number=f"样本安事〔2013〕{number}号", title=f"样本事故{number}", state="reporting", course="高处坠落", deaths=1,
        occurred_at=clock.now(), category=Category.objects.get(scheme="national-2012", code="construction"),
        owner_area_code="500112000000", industry_id="construction", enterprise=enterprise, reports_no=1,
    )  # fmt: skip


def _kept(number: int) -> Accident:
    accident = sample_accident(number)
    accident.area_code = "500112000000"
    accident.save()
    return accident


def sample_report(number: int) -> Report:
    return Report(
        accident=_kept(number), area_code="500112000000", no=1, kind="first", from_level="unit", to_level="district",
        at=clock.now(), grade="ordinary", article="第三条第（四）项", by_name="值班员", course="高处坠落", deaths=1,
    )  # fmt: skip


def sample_involved(number: int) -> Involved:
    return Involved(accident=_kept(number), name=f"样本人{number}", role="injured")


def sample_fault(number: int) -> ReportFault:
    return ReportFault(
        number=f"样本安查〔2013〕{number}号", title=f"涉嫌迟报{number}", state="suspected", accident=_kept(number),
        fault="late", at_level="unit", clue="超过一小时", owner_area_code="500112000000",
    )  # fmt: skip


@register
class Accidents(Register):
    name = "accidents"
    model = Accident
    title = _("Accidents")
    singular = _("Accident")
    icon = "urgent"
    group = "accidents"
    columns = (
        "number", "title", "occurred_at", "grade", "deaths", "missing", "injured", "category", "area_code", "reached",
        "state_title", "due_at",
    )  # fmt: skip
    choices = {"state": ACCIDENT.choices}
    filters = (
        "state", "area_code", "industry", "category", "grade", "occurred_at", "in_figures", "risk_event", "reached",
        "deaths", "enterprise",
    )  # fmt: skip
    sections = (
        (_("Accident"), ("unit_name", "enterprise", "industry", "place", "outside", "passed_to", "lon", "lat",
                         "known_at", "course", "measures")),
        (_("Casualties and loss"), ("slight", "trapped", "endangered", "evacuated", "loss_yuan")),
        (_("Statistics"), ("in_figures", "count_target", "count_reason", "risk_event", "grade_basis")),
    )  # fmt: skip
    search = ("number", "title")
    natural_key = ("number",)
    labels = {"state_title": _("State")}
    sample = staticmethod(sample_accident)
    order = "-occurred_at"
    rights = Rights(see=EVERY_ROLE, export=OFFICIALS)
    files = ((_("Statistical form, as Excel"), "accidents:register-file"),)


@register
class AccidentReports(Register):
    name = "accident-reports"
    model = Report
    title = _("Accident reports")
    singular = _("Accident report")
    icon = "file-report"
    group = "accidents"
    columns = ("accident", "no", "kind", "from_level", "to_level", "at", "grade", "deaths", "missing", "injured",
               "loss_yuan", "by_name")  # fmt: skip
    filters = ("area_code", "kind", "from_level", "to_level", "grade", "at")
    sections = (
        (_("Report"), ("accident", "no", "kind", "from_level", "to_level", "own_words", "at", "said_at",
                       "facts_known_at", "kept_at", "by_name", "occurred_at", "place_area")),
        (_("Casualties and loss"), ("deaths", "missing", "injured", "slight", "trapped", "endangered", "evacuated",
                                    "loss_yuan")),
        (_("Accident grade"), ("grade", "article")),
        (_("Words"), ("course", "measures", "text", "reason")),
    )  # fmt: skip
    sample = staticmethod(sample_report)
    order = "-at"
    rights = Rights(see=OFFICIALS)


@register
class ReportFaults(Register):
    name = "report-faults"
    model = ReportFault
    title = _("Late, missed, false and concealed reports")
    singular = _("Fault of reporting")
    icon = "eye-exclamation"
    group = "accidents"
    columns = (
        "number",
        "title",
        "fault",
        "at_level",
        "about",
        "accident",
        "area_code",
        "should_at",
        "did_at",
        "state_title",
        "due_at",
    )
    filters = ("state", "area_code", "fault", "at_level", "about", "opened_at", "industry")
    choices = {"state": FAULT.choices}
    search = ("number",)
    natural_key = ("number",)
    labels = {"state_title": _("State")}
    sample = staticmethod(sample_fault)
    order = "-opened_at"
    rights = Rights(see=READ_FAULTS)


@register
class PeopleInAccidents(Register):
    name = "accident-people"
    model = Involved
    title = _("People in accidents")
    singular = _("Person in an accident")
    icon = "user-heart"
    group = "accidents"
    columns = ("name", "role", "accident", "area_code", "note")
    filters = ("area_code", "role")
    sections = ((_("Person in an accident"), ("accident", "name", "role", "phone", "note")),)
    sample = staticmethod(sample_involved)
    order = "-id"
    rights = Rights(see=SEES_PEOPLE, add=SEES_PEOPLE, change=SEES_PEOPLE, remove={"city", "district"},
                    import_=frozenset(), export={"city", "district"})  # fmt: skip


@register
class HandOvers(Register):
    name = "accident-hand-overs"
    model = HandedOver
    title = _("Accidents passed to other areas")
    singular = _("Accident passed to another area")
    icon = "arrows-right-left"
    group = "accidents"
    columns = ("number", "title", "at", "area_code", "to_area", "to_outside", "by_name")
    filters = ("area_code", "to_area", "at")
    search = ("number",)
    sections = ((_("Receipt"), ("number", "title", "at", "area_code", "to_area", "to_outside", "by_name")),)
    order = "-at"
    rights = Rights(see=EVERY_ROLE)


@register
class Categories(Register):
    name = "accident-categories"
    model = Category
    title = _("Categories of accidents")
    singular = _("Category of accidents")
    icon = "tags"
    group = "accidents"
    columns = ("scheme", "code", "name", "name_en", "group", "industry", "window", "valid_from", "valid_to")
    filters = ("scheme", "industry", "window")
    search = ("code", "name")
    natural_key = ("scheme", "code")
    sections = (
        (_("Category"), ("scheme", "code", "name", "name_en", "group", "industry", "window", "order")),
        (_("In force"), ("valid_from", "valid_to", "source", "certainty")),
    )
    order = "id"
    rights = Rights(see=EVERY_ROLE, add={"city"}, change={"city"})
