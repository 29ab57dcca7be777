"""Rules on readings as records of the installation, with every version; what is set for devices, and when they are
out of service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils.translation import get_language, gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock, law
from anlan.kernel.models import Kept, Progress
from anlan.kernel.scope import Mine, Open, Through, acting_now

LEVELS = (
    ("blue", _("Blue")),
    ("yellow", _("Yellow")),
    ("orange", _("Orange")),
    ("red", _("Red")),
)
"""Of a warning, from low to high."""


def titled(content: Mapping[str, Any]) -> str:
    """The rule's name in the reader's language; the word by which it is known where it has none."""
    titles: Mapping[str, str] = content.get("title", {})
    language = "zh" if (get_language() or "zh").startswith("zh") else "en"
    return titles.get(language) or str(content.get("name", ""))


class Rule(Kept):
    """A rule on readings by its name. `current` is the version in force; `on` says whether readings are put to it."""

    scope_rule = Open("by what rules a city warns is told to everybody whom it may warn")
    called_by = "name"

    name = models.CharField(_("Rule"), max_length=60, db_collation="C", unique=True)
    on = models.BooleanField(_("Switched on"), default=False)
    current = models.ForeignKey("RuleVersion", models.PROTECT, null=True, related_name="+")

    class Meta:
        verbose_name = _("Warning rule")

    def get_absolute_url(self) -> str:
        return reverse("monitoring:rule", args=(self.name,))

    def __str__(self) -> str:
        return str(self.current) if self.current else self.name


class RuleVersion(models.Model):
    """What a rule said from a moment on, and whether it was switched on. Only ever added.

    `content` is the text as it was read and checked. A version that the product brings while the city has one of its
    own is a proposal: it is in force when somebody has taken it over, as a version of his own.
    """

    ORIGINS = (("product", _("Comes with the product")), ("city", _("Made by the city")))
    scope_rule = Open("by what rules a city warns is told to everybody whom it may warn")
    append_only = True

    id = models.BigAutoField(primary_key=True)
    rule = models.ForeignKey(Rule, models.PROTECT, verbose_name=_("Rule"), related_name="versions")
    number = models.PositiveIntegerField(_("Version"))
    text = models.TextField(_("Text of the rule"), max_length=200_000)
    content = models.JSONField(default=dict)
    on = models.BooleanField(_("Switched on"), default=True)
    origin = models.CharField(_("Comes from"), max_length=8, choices=ORIGINS)
    reason = models.TextField(_("Reason"), max_length=1000, blank=True, default="")
    account_id = models.BigIntegerField(null=True)
    actor = models.CharField(_("By"), max_length=120, blank=True, default="")
    at = models.DateTimeField(_("Recorded at"), default=clock.now)

    class Meta:
        verbose_name = _("Version of a rule")
        ordering = ("rule", "-number")
        constraints: ClassVar = [models.UniqueConstraint(fields=("rule", "number"), name="ruleversion_once")]

    @property
    def title(self) -> str:
        return titled(self.content)

    def get_absolute_url(self) -> str:
        return reverse("monitoring:rule-version", args=(self.content.get("name", "-"), self.number))

    def __str__(self) -> str:
        return gettext("%(title)s, version %(n)s") % {"title": self.title, "n": self.number}


class RuleTrial(Kept):
    """A text tried on the readings that are kept: what it would have told, beside what `present` would have.

    `found` is what came of it: numbers, and the warnings by device and day.
    """

    STATES = (("waiting", _("Under way")), ("done", _("Done")), ("failed", _("Failed")))
    scope_rule = Mine("account_id")

    rule_name = models.CharField(_("Rule"), max_length=60)
    present = models.ForeignKey(RuleVersion, models.PROTECT, null=True, related_name="+")
    text = models.TextField(_("Text of the rule"), max_length=200_000)
    content = models.JSONField(default=dict)
    days = models.PositiveSmallIntegerField(_("Days"))
    end = models.DateTimeField(_("Until"))
    account_id = models.BigIntegerField()
    state = models.CharField(_("State"), max_length=8, choices=STATES, default="waiting")
    found = models.JSONField(default=dict)
    progress = models.ForeignKey(Progress, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("Trial of a rule")
        indexes: ClassVar = [models.Index(fields=("rule_name", "-id"), name="ruletrial_of")]

    @property
    def title(self) -> str:
        return titled(self.content) or self.rule_name

    def get_absolute_url(self) -> str:
        return reverse("monitoring:trial", args=(self.pk,))


class DeviceSetting(Kept):
    """A limit of one device, named by rules with `of`: how much, and from which day on. It holds until the next, or
    until the device itself tells its own."""

    scope_rule = Through("device")

    device = models.ForeignKey("monitoring.Device", models.PROTECT, verbose_name=_("Device"), related_name="settings")
    metric = models.CharField(
        _("What is set"), max_length=60, db_collation="C",
        help_text=_("As rules name it with “of”: ch4_alarm, level_high, people_permitted"),
        validators=[RegexValidator(r"\A[A-Za-z][A-Za-z0-9_.:-]*\Z", _("Letters, digits and _ . : - only."))],
    )  # fmt: skip
    value = models.FloatField(pgettext_lazy("setting of a device", "Value"))
    since = models.DateField(_("Valid from"))
    basis = models.CharField(_("Rests on"), max_length=400)

    class Meta:
        verbose_name = _("Setting of a device")
        indexes: ClassVar = [models.Index(fields=("-since", "id"), name="devicesetting_since")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("device", "metric", "since"), name="devicesetting_once_a_day")
        ]

    def clean(self) -> None:
        if self.value is not None and not abs(self.value) <= 1e15:
            raise ValidationError({"value": _("A number that can be measured.")})

    def __str__(self) -> str:
        return f"{self.metric} {self.value:g}"


class Calibration(Kept):
    """A stretch in which a device is calibrated or out of service: what it shows meanwhile warns nobody, and is kept
    as suppressed. Without an end it lasts until one is entered."""

    scope_rule = Through("device")

    device = models.ForeignKey(
        "monitoring.Device", models.PROTECT, verbose_name=_("Device"), related_name="calibrations"
    )
    begin = models.DateTimeField(_("From"))
    until = models.DateTimeField(
        pgettext_lazy("moment", "Until"), null=True, blank=True, help_text=_("Empty: until further notice")
    )
    reason = models.CharField(_("Reason"), max_length=400)
    done_by = models.CharField(_("By whom"), max_length=120)

    class Meta:
        verbose_name = _("Calibration")
        indexes: ClassVar = [models.Index(fields=("-begin", "id"), name="calibration_begin")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("device", "begin"), name="calibration_begins_once"),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("begin")), name="calibration_ends_after_begin"
            ),
        ]

    @classmethod
    def running(cls, devices: Iterable[int]) -> dict[int, Calibration]:
        """What silences these devices at present, by device."""
        now = clock.now()
        lasting = Q(until__isnull=True) | Q(until__gt=now)
        return {one.device_id: one for one in cls.objects.filter(lasting, device__in=list(devices), begin__lte=now)}

    def clean(self) -> None:
        if self.until and self.begin and self.until <= self.begin:
            raise ValidationError({"until": _("Not after its beginning.")})
        held = acting_now()
        if held is not None and held[1].enterprise is not None and self.begin:
            self._bounded()

    def _bounded(self) -> None:
        """An enterprise silences its own devices for as long as such work takes, and not for what was."""
        now = clock.now()
        hours, back, week = (
            int(law.value(f"monitoring.own_calibration_{name}", on=now).value) for name in ("hours", "back", "week")
        )
        if self.begin > now + timedelta(hours=hours):
            words = _("At most %(n)s hours ahead.")
            raise ValidationError({"begin": words % {"n": hours}})
        if self._state.adding and self.begin < now - timedelta(minutes=back):
            words = _("Begun more than %(n)s minutes ago: ask the authority in charge to enter it.")
            raise ValidationError({"begin": words % {"n": back}})
        if self.until is None or self.until - self.begin > timedelta(hours=hours):
            words = _("At most %(n)s hours: for longer ask the authority in charge to enter it.")
            raise ValidationError({"until": words % {"n": hours}})
        # One after the other they would silence it for ever. What an authority entered is longer, and its own matter.
        others = Calibration.objects.filter(
            device=self.device_id, until__gt=self.until - timedelta(days=7), begin__lt=self.begin + timedelta(days=7),
            until__lte=F("begin") + timedelta(hours=hours),
        ).exclude(pk=self.pk)  # fmt: skip
        stretches = sorted([*others.values_list("begin", "until"), (self.begin, self.until)])
        silent, last = timedelta(0), stretches[0][0]
        for begin, until in stretches:
            if until is not None and until > last:
                silent, last = silent + (until - max(begin, last)), until
        if silent > timedelta(hours=week):
            words = _("With the others within a week more than %(n)s hours: ask the authority in charge to enter it.")
            raise ValidationError({"until": words % {"n": week}})

    def __str__(self) -> str:
        return f"{self.reason}"


class Suppressed(Kept):
    """What a rule told of a device under calibration: no warning, but kept."""

    STATES = (("open", _("Reached")), ("clear", _("Over")))
    scope_rule = Through("device")
    audited = False  # follows from readings, rules and calibrations; run again it is the same

    device = models.ForeignKey("monitoring.Device", models.PROTECT, verbose_name=_("Device"), related_name="suppressed")
    rule = models.CharField(_("Rule"), max_length=60)
    rule_version = models.ForeignKey(
        RuleVersion, models.PROTECT, verbose_name=_("Version of the rule"), null=True, blank=True, related_name="+"
    )
    level = models.CharField(_("Level"), max_length=24, choices=LEVELS)
    state = models.CharField(_("What happened"), max_length=8, choices=STATES)
    value = models.FloatField(_("Reading"))
    measured_at = models.DateTimeField(_("Measured at"))

    class Meta:
        verbose_name = _("Suppressed while calibrated")
        indexes: ClassVar = [models.Index(fields=("-measured_at", "id"), name="suppressed_measured")]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("device", "rule", "level", "state", "measured_at"), name="suppressed_once")
        ]

    def __str__(self) -> str:
        return f"{self.rule} {self.get_level_display()}"


def in_force() -> models.QuerySet[Any]:
    """The versions by which readings are judged."""
    return RuleVersion.objects.filter(pk__in=Rule.objects.filter(on=True).values("current")).order_by("content__name")
