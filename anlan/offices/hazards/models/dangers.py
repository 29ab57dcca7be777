"""Hidden dangers, what they are judged by, and what of them stands before the public."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel.cases.models import Case
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import Open
from anlan.parties.models.places import bilingual

GRADES = (("general", _("General")), ("major", _("Major")))
SOURCES = (
    ("selfcheck", _("Self-check by the enterprise")),
    ("inspection", _("Inspection")),
    ("report", _("Report by the public")),
    ("telemetry", _("Monitoring")),
    ("campaign", _("Campaign")),
)


class DangerType(Kept):
    """A kind of hidden danger of one industry, after the notice's lists W3.5a–j."""

    scope_rule = Open("a public list")
    called_by = "name"

    code = models.CharField(_("Code"), max_length=32, unique=True)
    name = models.CharField(_("Name"), max_length=120)
    name_en = models.CharField(_("English name"), max_length=160)
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, blank=True)
    clause = models.CharField(_("Clause of the plan"), max_length=12)

    class Meta:
        verbose_name = _("Type of hidden danger")
        ordering = ("clause", "code")

    def __str__(self) -> str:
        return bilingual(self.name, self.name_en)


class JudgementClause(Kept):
    """A clause that makes a danger major, in force from and to; half-open in time."""

    scope_rule = Open("law is public")

    code = models.CharField(_("Code"), max_length=32, unique=True)
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"))
    instrument = models.CharField(_("Instrument"), max_length=120)
    article = models.CharField(_("Article"), max_length=60)
    text = models.CharField(_("Situation"), max_length=300)
    text_en = models.CharField(_("Situation in English"), max_length=300)
    valid_from = models.DateField(_("In force from"))
    valid_to = models.DateField(_("In force until"), null=True, blank=True)
    certainty = models.CharField(_("Certainty"), max_length=8)

    class Meta:
        verbose_name = _("Judgement clause")
        ordering = ("industry", "code")

    def __str__(self) -> str:
        return f"{self.article} {bilingual(self.text, self.text_en)}"


class Danger(Case):
    """One hidden danger (事故隐患). The five in place are columns, so that the gate can be a query."""

    enterprise = models.ForeignKey(
        "parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"), null=True, blank=True
    )
    source = models.CharField(_("Source"), max_length=12, choices=SOURCES)
    type = models.ForeignKey(DangerType, models.PROTECT, verbose_name=_("Type"), null=True, blank=True)
    description = models.TextField(_("What was found"), max_length=2000)
    found_at = models.DateTimeField(_("Found at"))

    grade = models.CharField(_("Grade"), max_length=8, choices=GRADES, blank=True, default="")
    judgement = models.ForeignKey(
        JudgementClause, models.PROTECT, verbose_name=_("Judgement clause"), null=True, blank=True,
        help_text=_("Empty: not mapped to any clause in force"),
    )  # fmt: skip
    needs_stop = models.BooleanField(_("Production must stop while it is treated"), default=False)
    outside_cause = models.BooleanField(_("Outside factors make it hard for the unit to remove"), default=False)

    measures = models.TextField(_("Measures of rectification"), max_length=2000, blank=True, default="")
    responsible = models.CharField(_("Person responsible"), max_length=60, blank=True, default="")
    money = models.DecimalField(_("Money (yuan)"), max_digits=14, decimal_places=2, null=True, blank=True)
    rectify_by = models.DateField(_("To be rectified by"), null=True, blank=True)
    contingency = models.TextField(_("Contingency plan"), max_length=2000, blank=True, default="")

    rectified_at = models.DateTimeField(_("Rectified at"), null=True, blank=True)
    result = models.TextField(_("What was done"), max_length=2000, blank=True, default="")

    stopped_at = models.DateTimeField(_("Production stopped at"), null=True, blank=True)
    stop_order = models.CharField(_("Extent of the stop"), max_length=300, blank=True, default="")
    resumption_asked_at = models.DateTimeField(_("Resumption asked at"), null=True, blank=True)
    resumed_at = models.DateTimeField(_("Production resumed at"), null=True, blank=True)

    # The separate report of a major danger: Decree 16 (2007) Art. 14 names its three parts.
    report_cause = models.TextField(_("Present state and cause"), max_length=2000, blank=True, default="")
    report_harm = models.TextField(
        _("Degree of harm and difficulty of treatment"), max_length=2000, blank=True, default=""
    )
    report_plan = models.TextField(
        _("Treatment plan: goals, methods, means, who, until when, safety meanwhile"),
        max_length=2000, blank=True, default="",
    )  # fmt: skip
    reported_at = models.DateTimeField(_("Reported apart at"), null=True, blank=True)

    public_text = models.TextField(
        _("Wording for the public"), max_length=500, blank=True, default="",
        help_text=_("What the danger is and where. No name, telephone or number of a person."),
    )  # fmt: skip
    publication_asked_at = models.DateTimeField(_("Publication proposed at"), null=True, blank=True)
    published_at = models.DateTimeField(_("Published at"), null=True, blank=True)

    class Meta(Case.Meta):
        abstract = False
        verbose_name = _("Hidden danger")
        indexes: ClassVar = [
            *(index for index in Case.Meta.indexes if index.name != "%(class)s_open_due"),
            # With all that measures read, so that a city's month is counted in a sixth of what the table holds.
            models.Index(
                fields=("area_code", "industry", "found_at"),
                include=(
                    "enterprise",
                    "state",
                    "grade",
                    "source",
                    "due_at",
                    "closed_at",
                    "listed_at",
                    "rectify_by",
                    "rectified_at",
                ),
                name="danger_counted",
            ),
            models.Index(fields=("enterprise",), name="danger_of_enterprise"),
            # Instead of that of every kind: the open ones of a whole city are counted without a look at the table.
            models.Index(
                fields=("area_code", "due_at"),
                include=("industry", "enterprise", "listed_at", "listed_by_area"),
                name="danger_open_counted",
                condition=models.Q(closed_at__isnull=True),
            ),
            models.Index(
                fields=("-listed_at", "-id"), name="danger_listed", condition=models.Q(listed_at__isnull=False)
            ),
            models.Index(fields=("area_code", "due_at"), name="danger_major", condition=models.Q(grade="major")),
        ]
        constraints: ClassVar = [
            # 五到位 as a gate that no code path can pass by: the notice, (三) item 5.
            models.CheckConstraint(
                condition=~models.Q(state__in=("rectifying", "rectified", "closed"), grade="major")
                | (
                    ~models.Q(measures="")
                    & ~models.Q(responsible="")
                    & ~models.Q(contingency="")
                    & models.Q(money__gte=0)
                    & models.Q(rectify_by__isnull=False)
                ),
                name="five_in_place",
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=("found", "dismissed", "withdrawn")) | ~models.Q(grade=""),
                name="graded_once_verified",
            ),
        ]


class PublishedDanger(Kept):
    """A major danger as the public sees it (公示): only what two officials let out, and no person in it.

    Open to everybody by that decision. `removed_on` is the day on which it was accepted and closed (销号);
    a withdrawn publication keeps its row, with the reason, and the page shows that it was withdrawn.
    """

    scope_rule = Open("published: two officials decided that everybody may read this row")

    STATES = (
        ("treating", _("Being treated")),
        ("accepting", _("Treated, to be accepted")),
        ("removed", _("Removed from the list")),
        ("withdrawn", _("Publication withdrawn")),
    )

    number = models.CharField(_("Number"), max_length=60)
    area_code = AreaCode(_("Area"))
    place = models.CharField(_("District"), max_length=60)
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True)
    enterprise_name = models.CharField(_("Enterprise"), max_length=120, blank=True)
    text = models.CharField(_("Danger"), max_length=500)
    listed_by = models.CharField(_("Listed for supervision by"), max_length=60, blank=True)
    stopped = models.BooleanField(_("Production stopped"), default=False)
    rectify_by = models.DateField(_("To be rectified by"), null=True)
    state = models.CharField(_("State"), max_length=12, choices=STATES)
    published_on = models.DateField(_("Published on"))
    published_by = models.CharField(_("Published by"), max_length=60)
    removed_on = models.DateField(_("Removed on"), null=True)
    withdrawn_on = models.DateField(_("Withdrawn on"), null=True)
    withdrawn_why = models.CharField(_("Reason for withdrawal"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("Published major danger")
        indexes: ClassVar = [models.Index(fields=("area_code", "-published_on", "-id"), name="published_by_place")]
        constraints: ClassVar = [
            # Withdrawn and published anew is a new row; the old one stays.
            models.UniqueConstraint(
                fields=("number",), condition=models.Q(withdrawn_on__isnull=True), name="published_once"
            )
        ]

    def __str__(self) -> str:
        return self.number
