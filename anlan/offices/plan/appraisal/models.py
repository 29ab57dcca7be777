"""The appraisal as records: schemes, months, scores, points by hand, objections."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.engines.measures import Period
from anlan.kernel import clock
from anlan.kernel.figures.words import period_title
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import ANY, By, Open
from anlan.parties.models import Account, Authority
from anlan.parties.models.places import bilingual


class Scheme(Kept):
    """How the year is scored: a scheme file as it was loaded. Adopted by another person than loaded it; one in force.

    Until then only the city's office reads it, and from then on everybody whom it scores.
    """

    OF = (("districts", _("Districts")), ("departments", _("Departments of the city")))
    STATES = (("draft", _("Draft")), ("adopted", _("Adopted")), ("superseded", _("Superseded")))
    scope_rule = By(area="area_code", industry=ANY, published="published")
    called_by = "title"

    year = models.PositiveSmallIntegerField(_("Year"))
    area_code = AreaCode(_("Area"))
    of = models.CharField(_("Whom it scores"), max_length=12, choices=OF)
    title = models.CharField(_("Title"), max_length=120)
    title_en = models.CharField(_("English title"), max_length=160, blank=True, default="")
    text = models.TextField(_("Scheme file"))
    state = models.CharField(_("State"), max_length=10, choices=STATES, default="draft", editable=False)
    published = models.BooleanField(_("Published"), default=False, editable=False)
    loaded_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+", verbose_name=_("Loaded by"))
    adopted_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+", verbose_name=_("Adopted by"))
    adopted_at = models.DateTimeField(_("Adopted at"), null=True, editable=False)

    class Meta:
        verbose_name = _("Scoring scheme")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("year", "area_code", "of"), condition=Q(state="adopted"), name="scheme_one_adopted"
            ),
            models.CheckConstraint(
                condition=Q(state="draft", published=False, adopted_by=None)
                | (~Q(state="draft") & Q(published=True, adopted_by__isnull=False)),
                name="scheme_published_is_adopted",
            ),
            models.CheckConstraint(
                condition=Q(adopted_by=None) | (Q(loaded_by__isnull=False) & ~Q(adopted_by=F("loaded_by"))),
                name="scheme_adopted_by_another",
            ),
        ]

    def __str__(self) -> str:
        return bilingual(self.title, self.title_en)


class Scored(Kept):
    """Something of a district, or of a department of the city: `authority` is the department, None for a district.

    A department's rows lie under the first industry that it supervises, so that it sees them.
    """

    scope_rule = By(area="area_code", industry="industry_id")

    area_code = AreaCode(_("Area"))
    authority = models.ForeignKey(
        Authority, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("Department")
    )
    industry_id = models.CharField(_("Industry"), max_length=24, null=True, editable=False)

    class Meta:
        abstract = True

    def prepare(self) -> None:
        super().prepare()
        if self.authority is not None:
            self.area_code = self.authority.area_code
            self.industry_id = self.authority.first_industry


class Appraisal(Kept):
    """The scores of all that a scheme scores, from New Year to the end of a month, as they were computed.

    Open to objections until the committee adopts them; then published and held by the database.
    """

    STATES = (("computed", _("Open to objections")), ("adopted", _("Adopted by the committee")))
    scope_rule = Open("that a month was appraised says no points")

    scheme = models.ForeignKey(Scheme, models.PROTECT, related_name="appraisals", verbose_name=_("Scoring scheme"))
    period = models.CharField(_("Period"), max_length=12, db_collation="C")
    state = models.CharField(_("State"), max_length=10, choices=STATES, default="computed", editable=False)
    as_of = models.DateTimeField(_("Counted at"))
    closed_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+", verbose_name=_("Computed by"))
    adopted_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+", verbose_name=_("Adopted by"))
    adopted_at = models.DateTimeField(_("Adopted at"), null=True, editable=False)

    class Meta:
        verbose_name = _("Appraisal")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("scheme", "period"), name="appraisal_once"),
            models.CheckConstraint(
                condition=Q(state="computed", adopted_by=None)
                | (
                    Q(state="adopted", adopted_by__isnull=False, closed_by__isnull=False)
                    & ~Q(adopted_by=F("closed_by"))
                ),
                name="appraisal_adopted_by_another",
            ),
        ]

    def __str__(self) -> str:
        return period_title(Period.parse(self.period))


class Score(Scored):
    """The points of one district or department in an appraisal, with all that each of them rests on."""

    scope_rule = By(area="area_code", industry="industry_id", published="published")

    appraisal = models.ForeignKey(Appraisal, models.CASCADE, related_name="scores", verbose_name=_("Appraisal"))
    total = models.DecimalField(_("Score"), max_digits=7, decimal_places=2, null=True)
    possible = models.DecimalField(_("Weight that could be scored"), max_digits=7, decimal_places=2)
    grade = models.CharField(pgettext_lazy("appraisal", "Grade"), max_length=20, blank=True, default="")
    vetoed = ArrayField(models.CharField(max_length=4), verbose_name=_("Vetoed by"), default=list)
    rank = models.PositiveSmallIntegerField(_("Rank"), null=True)
    lines = models.JSONField(_("Lines"), default=list)
    published = models.BooleanField(_("Published"), default=False, editable=False)

    class Meta:
        verbose_name = pgettext_lazy("appraisal", "Score")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("appraisal", "area_code", "authority"), name="score_once", nulls_distinct=False
            ),
        ]

    def __str__(self) -> str:
        return f"{self.authority or self.area_code} {self.total if self.total is not None else '–'}"


class Hand(Scored):
    """Points given or taken by hand, for a reason and on evidence that can be looked up. They count from their day."""

    scheme = models.ForeignKey(Scheme, models.PROTECT, related_name="hands", verbose_name=_("Scoring scheme"))
    item = models.CharField(_("Entry of the scheme"), max_length=4, db_collation="C")
    on = models.DateField(_("Day"))
    points = models.DecimalField(
        _("Points"), max_digits=6, decimal_places=2, help_text=_("Taken: below nought. A veto takes effect with 0."),
        validators=[MinValueValidator(-1000), MaxValueValidator(1000)],
    )  # fmt: skip
    reason = models.CharField(_("Reason"), max_length=300)
    evidence = models.CharField(
        _("Evidence"), max_length=200, help_text=_("Number of the case or paper on which it rests.")
    )

    class Meta:
        verbose_name = _("Points by hand")
        indexes: ClassVar = [models.Index(fields=("scheme", "on"))]

    def clean(self) -> None:
        super().clean()
        from ..progress.closing import wait, why_held
        from . import scheme as schemes

        if self.on and self.area_code:
            wait(self.on)
            if why := why_held(self.on, self.area_code):
                raise ValidationError({"on": why})
        text = Scheme.objects.filter(pk=self.scheme_id).values_list("text", flat=True).first()
        if text is None or not self.item:
            return
        rules = schemes.as_adopted(text)
        entry = rules.entry(self.item)
        if entry is None:
            raise ValidationError({"item": _("The scheme has no such entry.")})
        if (self.authority_id is None) != (rules.of == "districts"):
            raise ValidationError({"authority": _("This scheme scores districts, or departments: not both.")})
        points: Decimal = self.points or Decimal(0)
        if entry.kind == "deduction" and points > 0 and entry.by_hand:
            raise ValidationError({"points": _("A deduction takes points: write them below nought.")})
        if entry.kind == "bonus" and points < 0 and entry.by_hand:
            raise ValidationError({"points": _("A bonus gives points.")})
        if entry.kind == "veto" and points:
            raise ValidationError({"points": _("A veto has no points: write 0.")})

    def __str__(self) -> str:
        return f"{self.item} {self.points:+}"


class Objection(Scored):
    """What a scored district or department holds against its points, and what the city's office answers."""

    STATES = (("open", _("Waits for an answer")), ("upheld", _("Upheld")), ("rejected", _("Rejected")))

    score = models.ForeignKey(Score, models.CASCADE, related_name="objections", verbose_name=_("Score"))
    item = models.CharField(_("Entry of the scheme"), max_length=4, db_collation="C")
    words = models.CharField(_("Objection"), max_length=1000)
    by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+", verbose_name=_("Raised by"))
    at = models.DateTimeField(_("Raised at"), default=clock.now)
    state = models.CharField(_("State"), max_length=10, choices=STATES, default="open")
    answer = models.CharField(_("Answer"), max_length=1000, blank=True, default="")
    answered_by = models.ForeignKey(Account, models.PROTECT, null=True, related_name="+", verbose_name=_("Answered by"))
    answered_at = models.DateTimeField(_("Answered at"), null=True)

    class Meta:
        verbose_name = _("Objection to a score")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("score", "item"), condition=Q(state="open"), name="objection_one_open"),
            models.CheckConstraint(
                condition=Q(state="open", answer="") | (~Q(state="open") & ~Q(answer="")),
                name="objection_answered_in_words",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.item} {self.get_state_display()}"
