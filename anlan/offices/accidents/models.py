"""Accidents, every report of them, whom they hurt, what was known before, and faults of reporting."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Case as If
from django.db.models import Q, Value, When
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.cases.models import Case, Numbered
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By, Open, Through
from anlan.parties.models.places import Dated, bilingual

from . import rules

GRADES = (
    ("ordinary", _("Ordinary accident")),
    ("larger", _("Larger accident")),
    ("major", _("Major accident")),
    ("extraordinary", _("Extraordinarily serious accident")),
)
WINDOWS = (("road", _("Road traffic")), ("fire", _("Fire")), ("other", _("Other")))
EVENTS = (
    ("boiler_explosion", _("Boiler explosion")),
    ("vessel_explosion", _("Explosion of a pressure vessel or pressure piping")),
    ("boiler_outage", _("Outage of a boiler")),
    ("toxic_leak", _("Leak of a toxic medium")),
    ("crane_overturn", _("Crane overturned as a whole")),
    ("crane_break", _("Crane: main member broken or hoist fallen")),
    ("ropeway", _("People stranded on a passenger ropeway")),
    ("ride", _("People stranded on an amusement ride")),
    ("lift", _("People trapped in a lift")),
)
LEVELS = (
    ("unit", _("Accident unit")),
    ("district", _("District level")),
    ("city", _("City level")),
    ("state", _("State Council department")),
)
SOURCES = (
    ("unit", _("The unit or somebody at the scene")),
    ("district", _("The district or county")),
    ("other", _("Somebody else: the public, police, media")),
    ("own", _("Our own check")),
)
KINDS = (
    ("first", _("First report")),
    ("follow_up", _("Follow-up report")),
    ("verified", _("Verified report")),
    ("confirmed", _("Earlier time confirmed")),
)
FAULTS = (
    ("late", _("Late report")),
    ("omission", _("Omission")),
    ("false", _("False report")),
    ("concealment", _("Concealment")),
)
ABOUT = (
    ("time", _("Time of the accident")),
    ("place", _("Place of the accident")),
    ("casualties", _("Casualties")),
    ("loss", _("Direct loss")),
)
NOT_OURS = ("merged", "handed_over", "dismissed", "outside", "passed_outside")
"""States of what is counted elsewhere, or nowhere."""
MOST = 20000
"""More people than this were hurt in no accident known: a slip of the finger."""
MOST_EVACUATED, MOST_YUAN, MOST_MW = 10_000_000, Decimal(10) ** 12, 100_000
"""The same of people brought to safety, of direct loss and of a boiler's capacity."""
_slip = _("More than any accident has seen: check the number.")
_people = [MaxValueValidator(MOST, _("More people than any accident has hurt: check the number."))]
_SCOPED = By(area="area_code", industry="industry_id", enterprise="enterprise_id")


class Category(Kept):
    """One category of a scheme by which accidents are counted, with the period of the scheme."""

    scope_rule = Open("a public list")
    called_by = "name"

    scheme = models.CharField(_("Scheme"), max_length=24)
    code = models.CharField(_("Code"), max_length=24)
    name = models.CharField(_("Name"), max_length=60)
    name_en = models.CharField(_("English name"), max_length=80)
    group = models.CharField(_("Group"), max_length=24, blank=True)
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, blank=True)
    window = models.CharField(_("Time for supplements as for"), max_length=8, choices=WINDOWS, default="other")
    order = models.PositiveSmallIntegerField(_("Order"), default=0)
    source = models.CharField(_("Source"), max_length=160)
    certainty = models.CharField(_("Certainty"), max_length=8)
    valid_from = models.DateField(_("In force from"), null=True, blank=True)
    valid_to = models.DateField(_("In force until (not included)"), null=True, blank=True)

    objects = Dated.as_manager()

    class Meta:
        verbose_name = _("Category of accidents")
        ordering: ClassVar = ("-valid_from", "order")
        constraints: ClassVar = [models.UniqueConstraint(fields=("scheme", "code"), name="category_once_per_scheme")]

    def __str__(self) -> str:
        return bilingual(self.name, self.name_en)


class Stated(models.Model):
    """What a report states: people, loss, and what the grade and the risk event go by."""

    deaths = models.PositiveIntegerField(_("Deaths"), default=0, validators=_people)
    missing = models.PositiveIntegerField(_("Missing"), default=0, validators=_people)
    injured = models.PositiveIntegerField(
        _("Seriously injured"), default=0, validators=_people, help_text=_("Acute industrial poisoning included")
    )
    slight = models.PositiveIntegerField(_("Slightly injured"), default=0, validators=_people)
    loss_yuan = models.DecimalField(
        _("Direct loss (yuan)"), max_digits=15, decimal_places=2, null=True, blank=True,
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(MOST_YUAN, _slip)],
    )  # fmt: skip
    trapped = models.PositiveIntegerField(_("Trapped"), default=0, validators=_people)
    endangered = models.PositiveIntegerField(_("Endangered"), default=0, validators=_people)
    evacuated = models.PositiveIntegerField(
        _("Evacuated"), default=0, validators=[MaxValueValidator(MOST_EVACUATED, _slip)]
    )
    environment = models.BooleanField(_("Serious harm to the environment"), default=False)
    key_facility = models.BooleanField(_("Threat to key facilities"), default=False)
    equipment_event = models.CharField(
        _("Event of special equipment"), max_length=20, choices=EVENTS, blank=True, default=""
    )
    capacity_mw = models.PositiveIntegerField(
        _("Capacity of the boiler (MW)"), default=0, validators=[MaxValueValidator(MOST_MW, _slip)]
    )
    hours = models.DecimalField(
        _("Hours of outage or stranding"), max_digits=7, decimal_places=1, default=Decimal(0),
        validators=[MinValueValidator(Decimal(0))],
    )  # fmt: skip
    course = models.TextField(_("Brief course"), max_length=4000)
    measures = models.TextField(_("Measures taken"), max_length=4000, blank=True, default="")

    class Meta:
        abstract = True

    @property
    def figures(self) -> rules.Figures:
        return rules.Figures.of(self.stated())

    @property
    def equipment(self) -> rules.Equipment | None:
        return rules.Equipment.of(self.stated())

    @classmethod
    def stated_fields(cls) -> tuple[str, ...]:
        """The names of what a report states."""
        return tuple(f.name for f in Stated._meta.get_fields())

    def stated(self) -> dict[str, Any]:
        """What this row states, by field."""
        return {name: getattr(self, name) for name in self.stated_fields()}


class Accident(Stated, Case):
    """One accident, as its reports have it. The investigation of a later time points here.

    The figures are those of the version that counts (`rules.counting`); every version stays in `Report`.
    """

    enterprise = models.ForeignKey(
        "parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"), null=True, blank=True
    )
    unit_name = models.CharField(
        _("Accident unit"),
        max_length=120,
        blank=True,
        default="",
        help_text=_("Where the enterprise is not in the register"),
    )
    category = models.ForeignKey(Category, models.PROTECT, verbose_name=_("Category"))
    occurred_at = models.DateTimeField(_("Happened at"))
    known_at = models.DateTimeField(
        _("Head of the unit was told at"), null=True, blank=True, help_text=_("Empty: not known yet")
    )
    grade = models.CharField(_("Accident grade"), max_length=14, choices=GRADES, default="ordinary", editable=False)
    grade_basis = models.CharField(_("Grade rests on"), max_length=160, blank=True, default="", editable=False)
    risk_event = models.BooleanField(_("Larger risk event"), default=False, editable=False)
    reached = models.CharField(_("Reported as far as"), max_length=8, choices=LEVELS, default="unit", editable=False)
    reports_no = models.PositiveIntegerField(_("Reports"), default=0, editable=False)
    time_waits = models.BooleanField(_("Earlier time waits to be confirmed"), default=False, editable=False)
    counts = models.BooleanField(_("Counted, as it was decided"), default=True, editable=False)
    in_figures = models.GeneratedField(
        expression=If(When(Q(counts=True) & ~Q(state__in=NOT_OURS), then=Value(True)), default=Value(False)),
        output_field=models.BooleanField(_("Counted towards the target")), db_persist=True,
        verbose_name=_("Counted towards the target"),
    )  # fmt: skip
    count_target = models.CharField(_("Target"), max_length=12, blank=True, default="")
    count_reason = models.CharField(_("Reason for counting or not"), max_length=1000, blank=True, default="")
    count_proposed = models.BooleanField(_("Proposed: counted"), null=True, blank=True, editable=False)
    count_approved_by = models.CharField(_("Counting approved by"), max_length=60, blank=True, editable=False)
    merged_into = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Merged into"), null=True, blank=True, related_name="merged_here",
        editable=False,
    )  # fmt: skip
    handed_to = models.CharField(_("Handed over as"), max_length=60, blank=True, default="", editable=False)
    taken_over_at = models.DateTimeField(_("Taken over from another area at"), null=True, editable=False)
    outside = models.CharField(
        _("Outside our area: where"), max_length=120, blank=True, default="",
        help_text=_("Province, city and county in words, where it lies in none of our districts"),
    )  # fmt: skip
    passed_to = models.CharField(
        _("Passed on to"), max_length=120, blank=True, default="",
        help_text=_("The authority of that place; empty: not told yet"),
    )  # fmt: skip

    class Meta(Case.Meta):
        abstract = False
        verbose_name = _("Accident")
        indexes: ClassVar = [
            *Case.Meta.indexes,
            models.Index(fields=("area_code", "occurred_at"), name="accident_area_day"),
            models.Index(fields=("occurred_at", "area_code"), name="accident_day_area"),
            models.Index(fields=("category", "occurred_at"), name="accident_category_day"),
            models.Index(fields=("grade", "occurred_at"), name="accident_grade_day"),
            models.Index(fields=("deaths", "id", "area_code"), name="accident_by_deaths"),
            models.Index(fields=("industry", "occurred_at"), name="accident_industry_day"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(known_at__isnull=True) | models.Q(known_at__gte=models.F("occurred_at")),
                name="known_after_it_happened",
                violation_error_message=_("The unit cannot have been told before the accident happened."),
            ),
            models.CheckConstraint(
                condition=~models.Q(state="merged") | models.Q(merged_into__isnull=False), name="merged_into_another"
            ),
            models.CheckConstraint(
                condition=~models.Q(merged_into=models.F("id")), name="not_merged_into_itself"
            ),
        ]  # fmt: skip

    def clean(self) -> None:
        if self.occurred_at is not None and self.occurred_at > clock.now():
            raise ValidationError({"occurred_at": _("The time lies in the future.")})
        if self.known_at is not None and self.known_at > clock.now():
            raise ValidationError({"known_at": _("The time lies in the future.")})
        if self.category_id and self.occurred_at is not None:
            day = self.occurred_at.astimezone(clock.BEIJING).date()
            if not Category.objects.at(day).filter(pk=self.category_id).exists():
                raise ValidationError({"category": _("This category was not in force on the day of the accident.")})

    @property
    def unit(self) -> str:
        """The name of the unit, as far as it is known; its record may lie outside of the reader's scope."""
        return self.unit_name

    @property
    def report_text(self) -> str:
        """The next report upwards, drafted from the record (Decree 493 Art. 12)."""
        from .draft import report_text

        return report_text(self)


class Report(Stated):
    """One version of what is known, as it arrived at a level. Never changed: a correction is the next version.

    What somebody reports himself counts from when it is recorded; an earlier time is kept as said (`said_at`), and
    counts by a row of its own once the city has confirmed it. Who sees the accident sees its reports, also after it
    has come under another industry: grade and clock follow from all of them.
    """

    scope_rule = Through("accident")
    append_only = True

    id = models.BigAutoField(primary_key=True)
    accident = models.ForeignKey(Accident, models.PROTECT, related_name="reports", verbose_name=_("Accident"))
    area_code = AreaCode(_("Area"))
    industry_id = models.CharField(_("Industry"), max_length=24, null=True)
    enterprise_id = models.BigIntegerField(null=True)
    no = models.PositiveIntegerField(_("Number of the report"))
    kind = models.CharField(_("Kind of report"), max_length=12, choices=KINDS)
    from_level = models.CharField(
        _("Source of the report"), max_length=8, choices=(*LEVELS, ("other", _("Somebody else")))
    )
    to_level = models.CharField(_("Reported to"), max_length=8, choices=LEVELS)
    own_words = models.BooleanField(_("Written by the source itself"), default=False)
    occurred_at = models.DateTimeField(_("Happened at"), null=True)
    place_area = AreaCode(_("Where it happened"), blank=True, default="")
    at = models.DateTimeField(_("Reported at"))
    said_at = models.DateTimeField(_("Said to have been reported at"), null=True)
    facts_known_at = models.DateTimeField(_("Became known at"), null=True)
    kept_at = models.DateTimeField(_("Recorded at"), default=clock.now)
    grade = models.CharField(_("Accident grade"), max_length=14, choices=GRADES)
    article = models.CharField(_("Article"), max_length=160)
    text = models.TextField(_("Text"), max_length=8000, blank=True, default="")
    reason = models.TextField(_("Reason"), max_length=1000, blank=True, default="")
    by_id = models.BigIntegerField(null=True)
    by_name = models.CharField(_("Recorded by"), max_length=60)

    class Meta:
        verbose_name = _("Accident report")
        ordering: ClassVar = ("no",)
        constraints: ClassVar = [models.UniqueConstraint(fields=("accident", "no"), name="report_number_once")]
        indexes: ClassVar = [models.Index(fields=("area_code", "at"), name="report_area_at")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.no}"

    @property
    def accident_number(self) -> str:
        return self.accident.number

    accident_number.fget.short_description = _("Accident")  # type: ignore[attr-defined]


class Involved(Kept):
    """Who was hurt in an accident, and who called it in. Personal data: few may see it, and each look is logged."""

    ROLES = (
        ("dead", _("Dead")),
        ("missing", _("Missing")),
        ("injured", _("Seriously injured")),
        ("slight", _("Slightly injured")),
        ("caller", _("Called it in")),
    )
    scope_rule = _SCOPED
    scope_follows = "accident"
    personal = True

    accident = models.ForeignKey(Accident, models.PROTECT, related_name="people", verbose_name=_("Accident"))
    area_code = AreaCode(_("Area"), editable=False)
    industry_id = models.CharField(max_length=24, null=True, editable=False)
    enterprise_id = models.BigIntegerField(null=True, editable=False)
    name = models.CharField(_("Name"), max_length=60)
    role = models.CharField(_("In the accident"), max_length=8, choices=ROLES)
    phone = models.CharField(_("Telephone"), max_length=20, blank=True, default="")
    note = models.CharField(_("Note"), max_length=200, blank=True, default="")

    class Meta:
        verbose_name = _("Person in an accident")
        indexes: ClassVar = [models.Index(fields=("area_code", "id"), name="involved_area")]

    def prepare(self) -> None:
        """Area, industry and enterprise are the accident's, and decide who may see."""
        self.area_code, self.industry_id = self.accident.area_code, self.accident.industry_id
        self.enterprise_id = self.accident.enterprise_id

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.prepare()
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return f"{self.name} {self.get_role_display()}"


class KnownBefore(models.Model):
    """What was known of an accident's cause before it: a danger, a warning, an installation, a vehicle.

    Offices do not know each other: kind and number name the record, and the kernel gives its address.
    """

    scope_rule = _SCOPED
    scope_follows = "accident"

    id = models.BigAutoField(primary_key=True)
    accident = models.ForeignKey(Accident, models.PROTECT, related_name="known_before")
    area_code = AreaCode()
    industry_id = models.CharField(max_length=24, null=True)
    enterprise_id = models.BigIntegerField(null=True)
    ref_kind = models.CharField(_("Kind of record"), max_length=24)
    ref_number = models.CharField(_("Number of the record"), max_length=60)
    note = models.CharField(_("Note"), max_length=300, blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("accident", "ref_kind", "ref_number"), name="known_before_once")
        ]


class HandedOver(Numbered, Kept):
    """The receipt of who reported an accident outside of his own area: that it was taken, and where it went.

    `to_area` is one of our divisions; beyond them all, `to_outside` says in words which place or authority.

    It lies in the reporter's area, under the accident's industry; who passed on one of another industry than his
    department's still sees his own. The accident itself lies in the scope of the place where it happened.
    """

    scope_rule = By(area="area_code", industry="industry_id", enterprise="enterprise_id", account="by_id")

    number = models.CharField(_("Number"), max_length=60)
    title = models.CharField(_("Title"), max_length=200)
    area_code = AreaCode(_("Reporter's area"))
    industry_id = models.CharField(max_length=24, null=True, editable=False)
    enterprise_id = models.BigIntegerField(null=True, editable=False)
    to_area = AreaCode(_("Passed to"), blank=True, default="")
    to_outside = models.CharField(_("Passed on outside our area"), max_length=120, blank=True, default="")
    at = models.DateTimeField(_("Reported at"))
    by_id = models.BigIntegerField(null=True, editable=False)
    by_name = models.CharField(_("Reported by"), max_length=60)

    class Meta:
        verbose_name = _("Accident passed to another area")
        indexes: ClassVar = [models.Index(fields=("area_code", "-at"), name="handed_over_area")]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


READ_FAULTS = frozenset({"city", "district", "department", "inspector", "duty"})
"""Who reads of a fault of reporting, and of the suspicion: neither the unit nor those below who may be at fault."""


class ReportFault(Case):
    """A late, missed, false or concealed report, driven to its end: found, looked into, dealt with.

    Closed to enterprises: one that is suspected does not read of it before the authority asks.
    """

    scope_rule = By(area="area_code", industry="industry_id")
    scope_follows = "accident"

    accident = models.ForeignKey(Accident, models.PROTECT, related_name="faults", verbose_name=_("Accident"))
    fault = models.CharField(_("Fault"), max_length=12, choices=FAULTS)
    at_level = models.CharField(_("At the level"), max_length=8, choices=(*LEVELS, ("other", _("Somebody else"))))
    about = models.CharField(_("What was misstated"), max_length=12, choices=ABOUT, blank=True, default="")
    should_at = models.DateTimeField(_("Should have been reported by"), null=True, blank=True)
    did_at = models.DateTimeField(_("Was reported at"), null=True, blank=True)
    clue = models.TextField(_("What points to it"), max_length=2000)
    findings = models.TextField(_("Findings"), max_length=4000, blank=True, default="")
    decision = models.TextField(_("What was decided"), max_length=4000, blank=True, default="")

    class Meta(Case.Meta):
        abstract = False
        verbose_name = _("Fault of reporting")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("accident", "fault", "at_level", "about"), name="one_case_per_fault")
        ]
