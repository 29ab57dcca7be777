"""The year's plan: its source, its clauses and targets, and who bears the duty for each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Case, Exists, F, OuterRef, Q, Subquery, When
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from anlan.kernel.figures import mismatch, titles
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import ANY, By, Through
from anlan.parties.models import Account, Authority, Industry, Post
from anlan.parties.models.places import bilingual

from .appraisal import models as appraisal_models  # noqa: F401 (the other tables of this office)
from .bulletins import models as bulletin_models  # noqa: F401
from .progress import models as progress_models  # noqa: F401
from .watch import models as watch_models  # noqa: F401

OPEN = ("draft", "proposed")
"""States in which a plan is still in the making."""
AGAINST = ("down_by", "up_by")
"""Comparators that hold a figure against that of another year."""
CODE = RegexValidator(
    r"\A[A-Z][0-9]*(\.[0-9]+)*([a-z][0-9]*)?\Z", _("A clause's id is written like W3, W3.5 or W3.5a.")
)
KINDS: tuple[tuple[str, str | Promise], ...] = (
    ("government", _("The government itself")),
    ("committee_office", _("Its safety committee office")),
    ("supervisor", _("Its comprehensive supervisor")),
    ("department", _("Its industry departments")),
    ("district/government", _("All district governments")),
    ("district/committee_office", _("All district safety committee offices")),
    ("district/supervisor", _("All district supervisors")),
    ("district/department", _("All district departments")),
    ("station", _("All township safety offices")),
    ("village", _("All village committees")),
    ("enterprise", _("Enterprises")),
)
"""Kinds of duty-holders as plan files write them. Enterprises bear it by law; no authority stands for them."""


class Plan(Kept):
    """The plan of a year: drafted, proposed, adopted by another person, later superseded; or withdrawn.

    Only its makers' whole area reads it before it is adopted; from then on everybody whom it binds. The
    database locks it with the proposal (`migrations/0002_held.py`): it is corrected through a further edition,
    which amends it for a stated reason and is adopted the same way.
    """

    STATES = (
        ("draft", _("Draft")),
        ("proposed", _("Waiting for approval")),
        ("adopted", _("Adopted")),
        ("superseded", _("Superseded")),
        ("withdrawn", _("Withdrawn")),
    )
    scope_rule = By(area="area_code", industry=ANY, published="published")
    called_by = "title"

    year = models.PositiveIntegerField(_("Year"))
    area_code = AreaCode(_("Area"))
    edition = models.PositiveSmallIntegerField(_("Edition"), default=1)
    title = models.CharField(_("Title"), max_length=120)
    title_en = models.CharField(_("English title"), max_length=160, blank=True, default="")
    issuer = models.CharField(_("Issuer"), max_length=80, blank=True, default="")
    issued_on = models.DateField(_("Issued on"), null=True, blank=True)
    state = models.CharField(_("State"), max_length=10, choices=STATES, default="draft", editable=False)
    published = models.BooleanField(_("Published"), default=False, editable=False)
    amends = models.ForeignKey(
        "self", models.PROTECT, null=True, editable=False, related_name="amendments", verbose_name=_("Amends")
    )
    reason = models.CharField(_("Reason for the amendment"), max_length=300, blank=True, default="")
    remark = models.CharField(_("Reason for sending back or withdrawing"), max_length=300, blank=True, default="")
    drafted_by = models.ForeignKey(
        Account, models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("Drafted by")
    )
    hands = ArrayField(models.BigIntegerField(), verbose_name=_("Accounts that wrote in it"), default=list)
    proposed_by = models.ForeignKey(
        Account, models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("Proposed by")
    )
    proposed_at = models.DateTimeField(_("Proposed at"), null=True, editable=False)
    adopted_by = models.ForeignKey(
        Account, models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("Adopted by")
    )
    adopted_at = models.DateTimeField(_("Adopted at"), null=True, editable=False)

    class Meta:
        verbose_name = _("Plan")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("year", "area_code", "edition"), name="plan_edition_once"),
            models.UniqueConstraint(
                fields=("year", "area_code"), condition=Q(state__in=OPEN), name="plan_one_in_the_making"
            ),
            models.UniqueConstraint(
                fields=("year", "area_code"), condition=Q(state="adopted"), name="plan_one_adopted"
            ),
            models.CheckConstraint(
                condition=Q(state__in=("adopted", "superseded"), published=True, adopted_by__isnull=False)
                | (~Q(state__in=("adopted", "superseded")) & Q(published=False, adopted_by=None)),
                name="plan_published_is_adopted",
            ),
            models.CheckConstraint(
                condition=Q(adopted_by=None) | (Q(drafted_by__isnull=False) & ~Q(adopted_by=F("drafted_by"))),
                name="plan_adopted_by_another",
            ),
            models.CheckConstraint(
                condition=Q(edition=1) | Q(amends=None) | ~Q(reason=""), name="plan_amendment_has_reason"
            ),
        ]

    @property
    def name(self) -> str:
        """The title in the language of the page."""
        return bilingual(self.title, self.title_en)

    @property
    def open(self) -> bool:
        """Whether it is still in the making."""
        return self.state in OPEN

    def __str__(self) -> str:
        if self.edition == 1:
            return self.name
        return str(_("%(plan)s, edition %(number)s")) % {"plan": self.name, "number": self.edition}


class Part(Kept):
    """Something that belongs to a plan and is locked with it; `area_code` lets its history be read."""

    scope_rule = Through("plan")

    area_code = AreaCode(_("Area"), editable=False, default="")

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.area_code = self.plan.area_code  # type: ignore[attr-defined]
        super().save(*args, **kwargs)


class Source(Part):
    """The notice's text from which the draft was read, as it was given; never changed."""

    audit_hides: ClassVar[tuple[str, ...]] = ("text",)
    names_files = False  # the digest is that of the text beside it

    plan = models.OneToOneField(Plan, models.CASCADE, related_name="source", verbose_name=_("Plan"))
    name = models.CharField(_("File name"), max_length=120)
    text = models.TextField(_("Text"))
    sha256 = models.CharField(max_length=64, verbose_name="SHA-256")

    class Meta:
        verbose_name = _("Source of the plan")


class Clause(Part):
    """One clause, in short words, where it stands in the source, and the registers whose records prove it.

    The code is the path: W3.5a lies under W3.5, that under W3.
    """

    called_by = "code"
    ordered_as: ClassVar = {"code": "order"}

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="clauses", verbose_name=_("Plan"))
    order = models.PositiveIntegerField(_("Order"))
    code = models.CharField(_("Clause"), max_length=24, db_collation="C", validators=[CODE])
    number = models.CharField(_("Number in the notice"), max_length=12, blank=True, default="")
    title = models.CharField(_("Title"), max_length=200)
    title_en = models.CharField(_("English title"), max_length=200, blank=True, default="")
    gist = models.CharField(_("Gist"), max_length=400, blank=True, default="")
    start = models.PositiveIntegerField(null=True, editable=False, verbose_name=_("From character"))
    end = models.PositiveIntegerField(null=True, editable=False, verbose_name=_("To character"))
    industries = ArrayField(
        models.CharField(max_length=24), verbose_name=_("Industries"), null=True, blank=True, default=None
    )
    duty_kinds = ArrayField(
        models.CharField(max_length=30), verbose_name=_("Kinds of duty-holders"), default=list, blank=True
    )
    proofs = ArrayField(models.CharField(max_length=40), verbose_name=_("Proved by"), default=list, blank=True)
    reported = models.CharField(
        _("Progress is reported"), max_length=8, choices=(("quarter", _("every quarter")),), blank=True, default="",
        help_text=_("Left out: every month."),
    )  # fmt: skip

    class Meta:
        verbose_name = _("Clause of the plan")
        ordering = ("plan", "order", "id")
        constraints: ClassVar = [models.UniqueConstraint(fields=("plan", "code"), name="clause_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def name(self) -> str:
        """The clause in the language of the page."""
        return bilingual(self.title, self.title_en)


def measures() -> list[tuple[str, Any]]:
    """The measures by which a target can be measured: name and title."""
    return list(titles().items())


class Target(Part):
    """One quantity demanded. `down_by`, `up_by`: at least so many per cent below or above the baseline year's value;
    `by_date`: at least so much by the day `due`. `line` says how the year's number falls to its days."""

    COMPARATORS = (
        ("<=", _("at most")),
        (">=", _("at least")),
        ("==", _("exactly")),
        ("down_by", _("down by at least")),
        ("up_by", _("up by at least")),
        ("by_date", _("by its day, at least")),
    )
    LINES = (
        ("season", _("By last year's months")),
        ("uniform", _("Uniform through the year")),
        ("level", _("The same on every day")),
    )

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="targets", verbose_name=_("Plan"))
    clause = models.ForeignKey(Clause, models.CASCADE, related_name="targets", verbose_name=_("Clause"))
    code = models.CharField(_("Number"), max_length=12, db_collation="C")
    subject = models.CharField(_("Subject"), max_length=200)
    subject_en = models.CharField(_("English subject"), max_length=200, blank=True, default="")
    comparator = models.CharField(_("Comparator"), max_length=8, choices=COMPARATORS)
    value = models.DecimalField(_("Value"), max_digits=16, decimal_places=4, validators=[MinValueValidator(0)])
    unit = models.CharField(_("Unit"), max_length=12, blank=True, default="", help_text=_("Empty for a rate."))
    baseline = models.CharField(
        _("Baseline year"), max_length=4, blank=True, default="",
        validators=[RegexValidator(r"\A(19|20|21)[0-9]{2}\Z", _("A year is written with four digits, like 2012."))],
    )  # fmt: skip
    baseline_value = models.DecimalField(
        _("Value in the baseline year"), max_digits=16, decimal_places=4, null=True, blank=True,
        validators=[MinValueValidator(0)],
    )  # fmt: skip
    due = models.DateField(_("Due by"), null=True, blank=True)
    line = models.CharField(
        _("Control line"), max_length=8, choices=LINES, blank=True, default="",
        help_text=_("Empty: limits by last year's months, what is owed uniform, rates the same on every day."),
    )  # fmt: skip
    measure = models.CharField(
        _("Measured by"), max_length=80, blank=True, default="", choices=measures, db_collation="C",
        help_text=_("The figure that shows how far the target is reached."),
    )  # fmt: skip
    start = models.PositiveIntegerField(null=True, editable=False, verbose_name=_("From character"))
    end = models.PositiveIntegerField(null=True, editable=False, verbose_name=_("To character"))
    duty_kinds = ArrayField(
        models.CharField(max_length=30), verbose_name=_("Kinds of duty-holders"), default=list, blank=True
    )

    class Meta:
        verbose_name = _("Target of the plan")
        ordering = ("plan", "id")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("plan", "code"), name="target_once"),
            models.CheckConstraint(
                condition=~Q(comparator="down_by") | ~Q(baseline=""), name="target_fall_has_baseline",
                violation_error_message=_("A fall needs the year with which it is compared."),
            ),
            models.CheckConstraint(
                condition=~Q(comparator="up_by") | ~Q(baseline=""), name="target_rise_has_baseline",
                violation_error_message=_("A rise needs the year with which it is compared."),
            ),
            models.CheckConstraint(
                condition=Q(comparator="by_date", due__isnull=False) | (~Q(comparator="by_date") & Q(due=None)),
                name="target_milestone_has_day",
                violation_error_message=_("What is due by its day, and nothing else, has a day on which it is due."),
            ),
        ]  # fmt: skip

    def clean(self) -> None:
        super().clean()
        if self.comparator == "down_by" and self.unit == "%" and self.value is not None and self.value > 100:
            raise ValidationError({"value": _("Nothing falls by more than 100 per cent.")})
        # The fall or rise of a number is demanded in per cent as well.
        if self.comparator not in AGAINST and (why := mismatch(self.measure, self.unit)):
            raise ValidationError({"measure": why})

    @property
    def name(self) -> str:
        """The subject in the language of the page."""
        return bilingual(self.subject, self.subject_en)

    @property
    def amount(self) -> str:
        """Comparator, value and unit in words."""
        value = f"{self.value:f}".rstrip("0").rstrip(".") if "." in f"{self.value:f}" else f"{self.value:f}"
        since = str(_(" compared with %(year)s")) % {"year": self.baseline} if self.baseline else ""
        if self.due:
            since += str(_(" by %(day)s")) % {"day": date_format(self.due)}
        # A Chinese measure word has no counterpart in English: 40 accidents are 40, and not 40 起.
        unit = bilingual(self.unit, _UNITS.get(self.unit, self.unit) or " ").strip()
        return f"{self.get_comparator_display()} {value} {unit}".strip() + since

    def __str__(self) -> str:
        return self.name


class Portion(Kept):
    """What of a year's target falls to a district, or to an industry's department over all districts.

    It names the target by year and number, so that it holds on when the plan is amended. Its value is in the unit of
    what is measured (people, accidents, per cent): what is a fall for the city is a number for each part.
    """

    scope_rule = By(area="area_code", industry="industry_id")

    year = models.PositiveSmallIntegerField(_("Year"), validators=[MinValueValidator(1949), MaxValueValidator(2199)])
    code = models.CharField(_("Target's number"), max_length=12, db_collation="C")
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey(Industry, models.PROTECT, null=True, blank=True, verbose_name=_("Industry"))
    value = models.DecimalField(_("Value"), max_digits=16, decimal_places=4, validators=[MinValueValidator(0)])
    reason = models.CharField(_("Why so much"), max_length=200)

    class Meta:
        verbose_name = _("Part of a target")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("year", "code", "area_code", "industry"), name="portion_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                condition=Q(area_code__endswith="0" * 10, industry__isnull=False)
                | (~Q(area_code__endswith="0" * 10) & Q(area_code__endswith="0" * 6, industry=None)),
                name="portion_of_district_or_industry",
                violation_error_message=_("A part falls to a district, or to an industry over the whole city."),
            ),
        ]

    def clean(self) -> None:
        super().clean()
        known = Target.objects.filter(plan__year=self.year, plan__state="adopted", code=self.code)
        if self.year and not known.exists():
            raise ValidationError({"code": _("The plan in force in that year has no target of this number.")})

    def __str__(self) -> str:
        return f"{self.year} {self.code} {self.area_code}"


_UNITS = {"起": "", "家": "", "个": "", "类": "", "人": "", "公里": "km", "万元": "× 10,000 yuan"}


class Gap(Part):
    """A place in the source that the reader did not read as a target, for a person to look at.

    What was not understood must be settled before the draft is proposed: made a target or a clause by
    hand, or declared to be none. Years, thresholds and telephone numbers stand here as settled.
    """

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="gaps", verbose_name=_("Plan"))
    what = models.CharField(_("What was not read"), max_length=80)
    words = models.CharField(_("Words"), max_length=200)
    start = models.PositiveIntegerField(_("From character"))
    end = models.PositiveIntegerField(_("To character"))
    settled = models.BooleanField(_("Settled"), default=False)

    class Meta:
        verbose_name = _("Place not read")
        ordering = ("plan", "start", "id")


class Duties(models.QuerySet):
    """Duties, with who bears them on a day."""

    def on(self, day: date) -> Self:
        """Adds `named_post` and `head_post`: the named post and the head's post, where somebody held it that day."""
        held = Post.objects.at(day).filter(authority=OuterRef("authority"))
        head = held.filter(head=True).order_by("-valid_from", "pk").values("pk")[:1]
        return self.annotate(
            named_post=Subquery(held.filter(pk=OuterRef("post")).values("pk")[:1]),
            head_post=Case(When(first=True, then=Subquery(head))),
        )

    def nobody(self, day: date) -> Self:
        """Those for which nobody is named, or the one who was has left."""
        held = Post.objects.at(day).filter(authority=OuterRef("authority"))
        return self.filter(~Exists(held.filter(pk=OuterRef("post"))), Q(first=False) | ~Exists(held.filter(head=True)))


class Duty(Part):
    """An authority bears the duty for a clause, or for one target of it alone.

    `first`: its principal head bears the first responsibility (第一责任人), whoever that is on the day.
    `post`: the person who handles it, by the post, until that post ends.
    """

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="duties", verbose_name=_("Plan"))
    clause = models.ForeignKey(Clause, models.CASCADE, related_name="duties", verbose_name=_("Clause"))
    target = models.ForeignKey(
        Target, models.CASCADE, related_name="duties", null=True, blank=True, verbose_name=_("Target")
    )
    authority = models.ForeignKey(Authority, models.PROTECT, related_name="+", verbose_name=_("Duty-holder"))
    post = models.ForeignKey(
        Post, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("Person responsible")
    )
    first = models.BooleanField(_("First responsibility of the head"), default=True)

    objects = Duties.as_manager()

    class Meta:
        verbose_name = _("Duty under the plan")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("clause", "target", "authority"), name="duty_once", nulls_distinct=False)
        ]
        indexes: ClassVar = [models.Index(fields=("authority", "plan"))]

    def __str__(self) -> str:
        # One office may bear a clause and, beside it, single targets of it: they are told apart.
        what = self.clause if self.target is None else f"{self.target.code} {self.target.name}"
        return f"{what} · {self.authority}"


def parent_code(code: str, known: Iterable[str]) -> str:
    """The nearest code above that exists, or "" : W3.5a → W3.5 → W3 → W."""
    have = set(known)
    while code:
        shorter = code.rstrip("0123456789").rstrip(".") if code[-1].isdigit() else code[:-1]
        code = shorter
        if code in have:
            return code
    return ""
