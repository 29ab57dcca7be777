"""Hidden dangers, what they are judged by, and the returns that enterprises owe."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel.cases.models import Case
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By, Open
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


class SelfCheckReturn(Kept):
    """An enterprise's quarterly or yearly table of hidden dangers, signed by its principal head.

    Decree 16 (2007) Art. 14. Counts are as the enterprise states them; what the system itself holds
    for the period is shown beside them. A missing row is "no return", never zero.
    """

    scope_rule = By(area="area_code", industry="industry_id", enterprise="enterprise_id")

    enterprise = models.ForeignKey("parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"))
    area_code = AreaCode(_("Area"), editable=False)
    industry = models.ForeignKey(
        "parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, editable=False
    )
    period = models.CharField(_("Period"), max_length=6, help_text=_("2013Q2 for a quarter, 2013 for a year"))
    general_found = models.PositiveIntegerField(_("General dangers found"))
    general_rectified = models.PositiveIntegerField(_("General dangers rectified"))
    major_found = models.PositiveIntegerField(_("Major dangers found"))
    major_rectified = models.PositiveIntegerField(_("Major dangers rectified"))
    money_yuan = models.DecimalField(_("Money spent (yuan)"), max_digits=14, decimal_places=2)
    signed_by = models.CharField(_("Signed by (principal head)"), max_length=60)
    signed_at = models.DateTimeField(_("Signed at"))
    submitted_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", editable=False)

    class Meta:
        verbose_name = _("Self-check return")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("enterprise", "period"), name="one_return_per_period"),
            models.CheckConstraint(
                condition=models.Q(general_rectified__lte=models.F("general_found"))
                & models.Q(major_rectified__lte=models.F("major_found")),
                name="rectified_within_found",
                violation_error_message=_("More dangers rectified than found."),
            ),
            models.CheckConstraint(
                condition=models.Q(period__regex=r"^(19|2[0-9])[0-9]{2}(Q[1-4])?$"), name="period_reads_2013Q2"
            ),
        ]


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

    measures = models.TextField(_("Measures"), max_length=2000, blank=True, default="")
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

    class Meta(Case.Meta):
        abstract = False
        verbose_name = _("Hidden danger")
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
