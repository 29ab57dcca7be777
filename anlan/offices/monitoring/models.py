"""Devices that watch and report, and how many of them there must be."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.utils.timezone import localtime
from django.utils.translation import get_language, gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from anlan.kernel.areas import LAT, LON
from anlan.kernel.cases.models import Case
from anlan.kernel.models import AreaCode, Kept, pointed
from anlan.kernel.moments import MomentReadAs
from anlan.kernel.scope import ANY, By, Through

from .programmes import PROGRAMMES, PROTOCOLS
from .restriction_models import Restriction
from .rule_models import LEVELS, Calibration, DeviceSetting, Rule, RuleTrial, RuleVersion, Suppressed, titled

__all__ = [
    "LEVELS", "Calibration", "Device", "DeviceSetting", "EarlyWarning", "Quota", "Restriction", "Rule", "RuleTrial",
    "RuleVersion", "Station", "Suppressed",
]  # fmt: skip

PHONE = RegexValidator(r"\A[0-9+()\- ]{3,20}\Z", _("A telephone number is digits, with +, -, brackets and spaces."))
_SCOPED = By(area="area_code", industry="industry_id", enterprise="enterprise_id")


HEARD = "greatest({row}.heard_at, {latest})"
"""When a device was heard last, for map, coverage, lists and pages alike: what the evaluation heard (`Latest`), or what
was known of the device before, which its own row says."""
_HEARD = HEARD.format(row="{row}", latest="(SELECT l.heard_at FROM monitoring_latest l WHERE l.device_id = {row}.id)")


def trimmed(codes: list[str | None]) -> list[str | None]:
    """Codes without what stands around them."""
    return [(code or "").strip() for code in codes]


class Station(Kept):
    """A place of an enterprise whose devices rules look at together, each in its role: a face with its methane sensor
    and its fan. `programme` says which rules over stations look at it."""

    scope_rule = _SCOPED
    called_by = "code"
    derived: ClassVar = {"code": ("code", trimmed)}

    code = models.CharField(
        _("Station code"), max_length=64, db_collation="C", unique=True,
        validators=[RegexValidator(r"\A[^\s/+#]+\Z", _("Without blanks, and without / + and #."))],
    )  # fmt: skip
    name = models.CharField(_("Name"), max_length=120)
    programme = models.CharField(_("Programme"), max_length=30, choices=PROGRAMMES)
    enterprise = models.ForeignKey("parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"))
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, blank=True)

    class Meta:
        verbose_name = pgettext_lazy("of devices", "Station")
        indexes: ClassVar = [models.Index(fields=("area_code", "programme"))]

    def __str__(self) -> str:
        return f"{self.name} {self.code}"


class Device(Kept):
    """One device: a vehicle's terminal, a sensor, a lift's gateway. `code` is what it calls itself on the wire.

    In service from `installed_on` until `removed_on`. `calibrated_until` is the last day on which its calibration, or
    its test, is valid; null for what needs none. `heard_at` is the moment of its latest reading.
    """

    scope_rule = _SCOPED
    called_by = "code"
    derived: ClassVar = {"code": ("code", trimmed)}

    code = models.CharField(
        _("Device code"), max_length=64, db_collation="C", unique=True,
        help_text=_("What it calls itself: terminal number, MMSI, topic"),
        validators=[RegexValidator(r"\A[^\s/+#]+\Z", _("Without blanks, and without / + and #."))],
    )  # fmt: skip
    name = models.CharField(_("Name"), max_length=120)
    programme = models.CharField(_("Programme"), max_length=30, choices=PROGRAMMES)
    protocol = models.CharField(_("Protocol"), max_length=8, choices=PROTOCOLS)
    enterprise = models.ForeignKey("parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"))
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, blank=True)
    place = models.CharField(_("Place of installation"), max_length=200, blank=True, default="")
    station = models.ForeignKey(
        Station, models.PROTECT, verbose_name=pgettext_lazy("of devices", "Station"), related_name="devices",
        null=True, blank=True, help_text=_("Whose devices rules look at together"),
    )  # fmt: skip
    role = models.CharField(
        _("Role at the station"), max_length=30, blank=True, default="", db_collation="C",
        help_text=_("As rules name it: methane, fan, people"),
        validators=[RegexValidator(r"\A[a-z][a-z0-9_]*\Z", _("Small letters, digits and _, from a letter on."))],
    )  # fmt: skip
    lon = models.FloatField(
        _("Longitude"), null=True, blank=True, validators=[MinValueValidator(LON[0]), MaxValueValidator(LON[1])],
        help_text=_("Degrees east, CGCS2000"),
    )  # fmt: skip
    lat = models.FloatField(
        _("Latitude"), null=True, blank=True, validators=[MinValueValidator(LAT[0]), MaxValueValidator(LAT[1])],
        help_text=_("Degrees north, CGCS2000"),
    )  # fmt: skip
    maker = models.CharField(_("Maker and model"), max_length=120, blank=True, default="")
    installed_on = models.DateField(_("In service since"))
    removed_on = models.DateField(_("Out of service since"), null=True, blank=True)
    calibrated_until = models.DateField(
        _("Calibration valid until"), null=True, blank=True, help_text=_("Empty: needs none")
    )
    replaced_by = models.ForeignKey("self", models.PROTECT, verbose_name=_("Replaced by"), null=True, blank=True)
    heard_at = MomentReadAs(_("Latest reading"), sql=_HEARD, null=True, editable=False)
    key_number = models.PositiveIntegerField(default=0, editable=False)
    """Counted up where the device's key is made anew; the one before opens nothing then."""
    terminal = models.CharField(max_length=64, blank=True, default="", editable=False)
    """Which terminal registered for this vehicle (a digest): none other gets its key, until that is made anew."""

    class Meta:
        verbose_name = _("Device")
        indexes: ClassVar = [
            models.Index(fields=("area_code", "programme")),
            models.Index(fields=("enterprise", "programme")),
            models.Index(fields=("heard_at",)),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(removed_on__isnull=True) | Q(removed_on__gte=F("installed_on")),
                name="device_ends_after_begin",
            ),
            models.CheckConstraint(condition=~Q(replaced_by=F("id")), name="device_not_by_itself"),
            models.CheckConstraint(
                condition=Q(station__isnull=True, role="") | Q(station__isnull=False) & ~Q(role=""),
                name="device_role_at_station",
            ),
            models.UniqueConstraint(
                fields=("station", "role"),
                condition=Q(removed_on__isnull=True),
                name="one_device_of_a_role",
                violation_error_message=_("Another device in service has this role at the station."),
            ),
        ]

    def clean(self) -> None:
        wrong: dict[str, Any] = {}
        if self.removed_on and self.installed_on and self.removed_on < self.installed_on:
            wrong["removed_on"] = _("Before it was in service.")
        if self.replaced_by_id and self.replaced_by_id == self.pk:
            wrong["replaced_by"] = _("A device is not replaced by itself.")
        elif (
            self.replaced_by_id
            and (new := pointed(self, "replaced_by")) is not None
            and not (new.programme == self.programme and new.enterprise_id == self.enterprise_id)
        ):
            wrong["replaced_by"] = _("Replaced by a device of the same programme and enterprise.")
        if (self.lon is None) != (self.lat is None):
            wrong["lon" if self.lon is None else "lat"] = _("A place on the map has both coordinates.")
        if bool(self.station_id) != bool(self.role):
            wrong["role" if self.station_id else "station"] = _("A role is one at a station, and each there has one.")
        elif self.station_id and getattr(pointed(self, "station"), "enterprise_id", None) != self.enterprise_id:
            wrong["station"] = _("This station belongs to another enterprise.")
        if wrong:
            raise ValidationError(wrong)

    def __str__(self) -> str:
        return f"{self.name} {self.code}"


class HourlyReading(models.Model):
    """What a device measured of one metric in one hour, counted from its readings (`keeping.count_hours`)."""

    scope_rule = Through("device")
    # Counted from readings by the product itself, millions a day: what people do is audited, not this.
    audited: ClassVar[bool] = False

    device = models.ForeignKey(Device, models.CASCADE, verbose_name=_("Device"), related_name="hours")
    metric = models.CharField(_("Metric"), max_length=60)
    hour = models.DateTimeField(_("Hour beginning at"))
    count = models.PositiveIntegerField(_("Readings"))
    low = models.FloatField(_("Lowest"))
    high = models.FloatField(_("Highest"))
    mean = models.FloatField(_("Mean"))
    last = models.FloatField(_("Last"))

    class Meta:
        verbose_name = _("Hourly figures")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("device", "metric", "hour"), name="hour_once"),
        ]
        indexes: ClassVar = [models.Index(fields=("hour",), name="hourlyreading_hour")]

    def __str__(self) -> str:
        return f"{self.metric} {self.hour:%Y-%m-%d %H}"


class Latest(models.Model):
    """What a device measured last, and where it was then: written each second by the evaluation, for those that spoke.

    `heard_at` and `placed_at` are the device's moments, `changed_at` says when the row was written. Area, industry and
    enterprise are the device's and follow it: asked of the device row by row, a hundred thousand take two seconds.
    """

    scope_rule = _SCOPED
    audited = False  # what was measured stands in the history of readings; ten thousand a second are no entries

    device = models.OneToOneField(Device, models.CASCADE, primary_key=True, related_name="latest")
    area_code = AreaCode()
    industry_id = models.CharField(max_length=24, null=True)
    enterprise_id = models.BigIntegerField()
    heard_at = models.DateTimeField()
    placed_at = models.DateTimeField(null=True)
    lon = models.FloatField(null=True)
    lat = models.FloatField(null=True)
    speed = models.FloatField(null=True)
    changed_at = models.DateTimeField()

    @classmethod
    def guards(cls) -> list[str]:
        """The trigger with which the row follows its device to another area, industry or enterprise."""
        return [
            """
            CREATE OR REPLACE FUNCTION latest_follows_device() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                UPDATE monitoring_latest SET area_code = NEW.area_code, industry_id = NEW.industry_id,
                    enterprise_id = NEW.enterprise_id WHERE device_id = NEW.id;
                RETURN NULL;
            END $$
            """,
            "DROP TRIGGER IF EXISTS latest_follows ON monitoring_device",
            """
            CREATE TRIGGER latest_follows AFTER UPDATE ON monitoring_device FOR EACH ROW WHEN (
                (OLD.area_code, OLD.industry_id, OLD.enterprise_id)
                IS DISTINCT FROM (NEW.area_code, NEW.industry_id, NEW.enterprise_id)
            ) EXECUTE FUNCTION latest_follows_device()
            """,
        ]


class Quota(Kept):
    """How many devices of a programme an enterprise must have, from a day on, and on what that rests."""

    scope_rule = _SCOPED

    enterprise = models.ForeignKey("parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"))
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, blank=True)
    programme = models.CharField(_("Programme"), max_length=30, choices=PROGRAMMES)
    required = models.PositiveIntegerField(_("Devices required"), validators=[MaxValueValidator(100_000)])
    since = models.DateField(_("Required since"))
    until = models.DateField(_("Required until"), null=True, blank=True, help_text=_("Empty: until further notice"))
    basis = models.CharField(_("Rests on"), max_length=200)

    class Meta:
        verbose_name = _("Devices required")
        indexes: ClassVar = [models.Index(fields=("area_code", "programme"))]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("enterprise", "programme", "since"), name="quota_once_a_day"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gte=F("since")), name="quota_ends_after_begin"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_programme_display()} {self.required}"


class EarlyWarning(Case):
    """What a rule told of a device, driven to its end: looked at, dealt with or found false.

    One for a device and a rule at a time: the database holds to it. `told` keeps each event of the rule that belongs to
    it, so that what the evaluation says twice (after a crash) counts once. `measured_at` is the moment of the reading
    that opened it, `cleared_at` that of the one with which all of it was over; both are the device's time.

    Of a rule over stations the device is the one that the rule judges, and `station` says where.

    One cause is one warning (`grouping`): of those with one `cause_key` one is open by itself, which the database holds
    to as well, and the others stand under it as their `head`. The head's level is the highest of them all.
    """

    scope_rule = _SCOPED

    enterprise = models.ForeignKey("parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"))
    device = models.ForeignKey(Device, models.PROTECT, verbose_name=_("Device"), related_name="warnings")
    level = models.CharField(_("Level"), max_length=24, choices=LEVELS)
    programme = models.CharField(_("Programme"), max_length=30, choices=PROGRAMMES)
    rule = models.CharField(_("Rule"), max_length=60)
    rule_source = models.CharField(_("Rule rests on"), max_length=400)
    rule_version = models.ForeignKey(
        RuleVersion, models.PROTECT, verbose_name=_("Version of the rule"), null=True, blank=True, related_name="+"
    )
    station = models.ForeignKey(
        Station, models.PROTECT, verbose_name=pgettext_lazy("of devices", "Station"), related_name="+", null=True,
        blank=True,
    )  # fmt: skip
    rule_title = models.CharField(_("Rule"), max_length=200, blank=True, default="", editable=False)
    rule_title_en = models.CharField(_("Rule"), max_length=200, blank=True, default="", editable=False)
    rule_kind = models.CharField(max_length=24, blank=True, default="", editable=False)
    cause_key = models.CharField(max_length=120, blank=True, default="", editable=False)
    head = models.ForeignKey(
        "self", models.PROTECT, verbose_name=_("Stands under"), related_name="followers", null=True, blank=True,
        editable=False,
    )  # fmt: skip
    value = models.FloatField(_("Reading"))
    measured_at = models.DateTimeField(_("Measured at"))
    cleared_at = models.DateTimeField(_("Back to normal at"), null=True, blank=True, editable=False)
    told = models.JSONField(_("Events"), default=list, blank=True, editable=False)
    findings = models.TextField(pgettext_lazy("warning", "What was done"), max_length=4000, blank=True, default="")
    cause = models.TextField(_("Cause of the false alarm"), max_length=1000, blank=True, default="")

    class Meta(Case.Meta):
        abstract = False
        verbose_name = _("Warning")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("device", "rule"), condition=Q(closed_at__isnull=True), name="one_open_warning"
            ),
            models.UniqueConstraint(
                fields=("cause_key",),
                condition=Q(closed_at__isnull=True, head__isnull=True) & ~Q(cause_key=""),
                name="one_open_head",
            ),
            models.CheckConstraint(condition=~Q(state="under") | Q(head__isnull=False), name="under_a_head"),
        ]
        indexes: ClassVar = [
            *Case.Meta.indexes,
            models.Index(fields=("area_code", "measured_at"), name="earlywarning_area"),
            models.Index(fields=("device", "rule", "measured_at"), name="earlywarning_device"),
            models.Index(fields=("rule", "closed_at"), name="earlywarning_rule", condition=Q(closed_at__isnull=False)),
        ]

    def get_rule_title(self) -> str:
        """What the rule is called in the language in force."""
        chinese = (get_language() or "").startswith("zh")
        return str(self.rule_title if chinese else self.rule_title_en or self.rule) or self.rule

    get_rule = get_rule_title

    def get_title(self) -> str:
        """Its title, in which the rule is called as in the language in force."""
        named, rule = f"：{self.rule_title}", self.get_rule_title()
        if rule == self.rule_title or not self.rule_title or not self.title.endswith(named):
            return str(self.title)
        return f"{self.title.removesuffix(named)}: {rule}"


class _WithRules(models.Manager["RuleReview"]):
    """Reviews, each with what its rule is called in both languages."""

    def get_queryset(self) -> models.QuerySet[RuleReview]:
        titles = Rule.objects.filter(name=OuterRef("rule")).values("current__content__title")
        return super().get_queryset().annotate(rule_titles=Subquery(titles, output_field=models.JSONField()))


class RuleReview(Case):
    """A rule whose warnings were false too often: whoever keeps the rules changes it, or says why it stays.

    It lies with the whole city, where the rules are kept. `warnings` that ended since `since`, and how many of them
    were `false_alarms`. One is open for a rule at a time.
    """

    scope_rule = By(area="area_code", industry="industry_id")

    rule = models.CharField(_("Rule"), max_length=60)
    warnings = models.PositiveIntegerField(_("Warnings that ended"))
    false_alarms = models.PositiveIntegerField(_("False alarms among them"))
    since = models.DateTimeField(_("Counted since"))
    findings = models.TextField(pgettext_lazy("rule", "What was changed"), max_length=2000, blank=True, default="")

    objects = _WithRules()

    class Meta(Case.Meta):
        abstract = False
        verbose_name = _("Rule to be looked at")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("rule",), condition=Q(closed_at__isnull=True), name="one_open_review")
        ]
        indexes: ClassVar = [*Case.Meta.indexes, models.Index(fields=("rule", "opened_at"), name="rulereview_rule")]

    def get_rule(self) -> str:
        """What the rule is called in the language in force; the word by which it is known where it is there no more."""
        held = vars(self)
        if "rule_titles" not in held:  # one that was just made
            held["rule_titles"] = type(self).objects.values_list("rule_titles", flat=True).get(pk=self.pk)
        return titled({"name": self.rule, "title": held["rule_titles"] or {}})

    def get_title(self) -> str:
        if (get_language() or "zh").startswith("zh"):
            return str(self.title)
        return gettext("Too many false alarms; a change of the rule is proposed: %(rule)s") % {"rule": self.get_rule()}


class ResponseCard(Kept):
    """What is to be done when a warning comes (处置卡): of a programme and a level, or of every one, in an area.

    The nearest card counts: of the programme before one of all, of the level before one of all, of the smallest area.
    It is kept by the area that wrote it; what it says stands on the page of each warning that it is for, whoever reads.
    """

    scope_rule = By(area="area_code", industry=ANY, enterprise=ANY)

    area_code = AreaCode(_("Area"))
    programme = models.CharField(
        _("Programme"), max_length=30, choices=PROGRAMMES, blank=True, default="", help_text=_("Empty: every one")
    )
    level = models.CharField(
        _("Level"), max_length=24, choices=LEVELS, blank=True, default="", help_text=_("Empty: every one")
    )
    title = models.CharField(_("Title"), max_length=120)
    title_en = models.CharField(_("Title in English"), max_length=200, blank=True, default="")
    steps = models.TextField(_("Steps to take"), max_length=4000, help_text=_("One step to a line"))
    steps_en = models.TextField(_("Steps to take, in English"), max_length=8000, blank=True, default="")
    plan = models.CharField(
        _("Emergency plan"), max_length=200, blank=True, default="", help_text=_("Name, number and part of the plan")
    )
    in_force = models.BooleanField(_("Card in force"), default=True)

    class Meta:
        verbose_name = _("Response card")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("area_code", "programme", "level"), condition=Q(in_force=True), name="one_card_in_force"
            )
        ]

    def lines(self) -> list[str]:
        """The steps in the language in force."""
        chinese = (get_language() or "").startswith("zh")
        text = self.steps if chinese else self.steps_en or self.steps
        return [line.strip() for line in text.splitlines() if line.strip()]

    def __str__(self) -> str:
        return str(self.title if (get_language() or "").startswith("zh") else self.title_en or self.title)


class DutyShift(Kept):
    """Who is on duty from a moment until a moment: of an enterprise, or of an area's authority where there is none.

    `room` is the telephone of the duty room and no person's; the person's own is that of the register of people, read
    by those whose scope holds it, and each look is logged.
    """

    scope_rule = By(area="area_code", industry=ANY, enterprise="enterprise_id")
    personal = True

    POSTS = (("leader", _("Leader on duty")), ("officer", _("Duty officer")))

    area_code = AreaCode(_("Area"))
    enterprise = models.ForeignKey(
        "parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"), null=True, blank=True,
        help_text=_("Empty: the authority of the area"),
    )  # fmt: skip
    person = models.ForeignKey("parties.Person", models.PROTECT, verbose_name=_("Person"))
    post = models.CharField(_("On duty as"), max_length=8, choices=POSTS, default="officer")
    room = models.CharField(
        _("Telephone of the duty room"), max_length=20, blank=True, default="",
        validators=[PHONE],
    )  # fmt: skip
    begins = models.DateTimeField(_("On duty from"))
    ends = models.DateTimeField(_("On duty until"))

    class Meta:
        verbose_name = _("Duty shift")
        indexes: ClassVar = [
            models.Index(fields=("area_code", "ends")), models.Index(fields=("enterprise", "ends")),
        ]  # fmt: skip
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("person", "begins"), name="on_duty_once"),
            models.CheckConstraint(condition=Q(ends__gt=F("begins")), name="duty_ends_after_begin"),
        ]

    def clean(self) -> None:
        wrong: dict[str, Any] = {}
        if self.begins and self.ends and self.ends <= self.begins:
            wrong["ends"] = _("Before it begins.")
        person = pointed(self, "person") if self.person_id else None
        if self.enterprise_id and person is not None and person.enterprise_id != self.enterprise_id:
            wrong["person"] = _("This person does not work for the enterprise.")
        if wrong:
            raise ValidationError(wrong)

    def __str__(self) -> str:
        person = pointed(self, "person")
        return f"{person or ''} {localtime(self.begins):%Y-%m-%d %H:%M}".strip()
