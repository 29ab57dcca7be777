"""Progress reports, periods that are closed, the figures as they stood then, and exceptions by name."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.engines.measures import BadPeriod, Period
from anlan.kernel import clock
from anlan.kernel.cases.models import Case
from anlan.kernel.figures.words import no_period, period_title
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import ANY, By, Open, acting_now, area_prefix
from anlan.parties.models import Account, Authority
from anlan.parties.models.places import bilingual


class ProgressReport(Case):
    """What an authority did for one clause of the plan in one period; demanded by the system, approved up the tiers.

    It names the clause by its id, so that it holds on when the plan is amended. A department's report lies under the
    first industry that it supervises, so that it and those above it see it; that of others under none. `last_day` is
    that of the period: a closed month holds the report whose period ended in it.
    """

    scope_rule = By(area="area_code", industry="industry_id")

    period = models.CharField(_("Period"), max_length=8, db_collation="C", editable=False)
    last_day = models.DateField(_("Last day"), editable=False)
    code = models.CharField(_("Clause"), max_length=24, db_collation="C", editable=False)
    title_en = models.CharField(_("English title"), max_length=250, blank=True, default="", editable=False)
    authority = models.ForeignKey(
        Authority, models.PROTECT, related_name="+", verbose_name=_("Duty-holder"), editable=False
    )
    done = models.TextField(pgettext_lazy("progress", "What was done"), max_length=4000, blank=True, default="")
    figures = models.TextField(
        _("Figures that nothing measures"), max_length=1000, blank=True, default="",
        help_text=_("What was built, trained, held: how many of what. What a measure counts is counted by itself."),
    )  # fmt: skip
    percent = models.PositiveSmallIntegerField(
        _("Done so far, per cent"), null=True, blank=True, validators=[MaxValueValidator(100)]
    )
    trouble = models.TextField(
        _("What stands in the way, and what comes next"), max_length=1000, blank=True, default=""
    )
    submitted_at = models.DateTimeField(_("First submitted at"), null=True, editable=False)
    late = models.BooleanField(_("Submitted late"), default=False, editable=False)

    class Meta(Case.Meta):
        abstract = False
        verbose_name = _("Progress report")
        constraints: ClassVar = [models.UniqueConstraint(fields=("period", "code", "authority"), name="reported_once")]
        indexes: ClassVar = [
            *Case.Meta.indexes,
            models.Index(fields=("period", "area_code", "state"), name="progress_of_period"),
        ]

    def get_title(self) -> str:
        return bilingual(self.title, self.title_en)

    def get_period_display(self) -> str:
        """The period in the reader's words, as its page shows it."""
        return period_title(Period.parse(self.period))


class ClosedPeriod(Kept):
    """A month that is closed for an area and all below it: its reports and points by hand are changed no more.

    Everybody knows of it; the database holds to it (`migrations`). It is never opened again as a whole: exceptions are,
    for a person, until a day.
    """

    scope_rule = Open("that a month is closed says nothing of what lies in it")
    append_only = True
    called_by = "period"

    period = models.CharField(_("Month"), max_length=7, db_collation="C")
    area_code = AreaCode(_("Area"))
    within = models.CharField(max_length=12, db_collation="C", editable=False)
    reason = models.CharField(_("Remark"), max_length=300, blank=True, default="")
    closed_by_id = models.BigIntegerField(editable=False)
    closed_by_name = models.CharField(_("Closed by"), max_length=60, editable=False)
    closed_at = models.DateTimeField(pgettext_lazy("period", "Closed at"), default=clock.now, editable=False)

    class Meta:
        verbose_name = _("Closed period")
        constraints: ClassVar = [models.UniqueConstraint(fields=("period", "area_code"), name="period_closed_once")]

    def prepare(self) -> None:
        super().prepare()
        self.within = area_prefix(self.area_code)

    def clean(self) -> None:
        super().clean()
        month_of(self.period)

    def __str__(self) -> str:
        return period_title(Period.parse(self.period))


def month_of(text: str) -> Period:
    """The month that is written so, and over; `ValidationError` by the field `period` where it is none."""
    try:
        found = Period.parse(text)
    except BadPeriod as error:
        raise ValidationError({"period": no_period(error)}) from error
    if found.kind != "month":
        raise ValidationError({"period": _("A month is closed: write it like 2013-06.")})
    if found.end > clock.today():
        raise ValidationError({"period": _("This month is not over yet.")})
    return found


class ClosedFigure(Kept):
    """A target or a part of it as it stood at the end of a month, counted when that was closed."""

    scope_rule = By(area="area_code", industry="industry_id")
    append_only = True
    audited = False  # computed from records that are audited; kept beside the closing, which is

    closing = models.ForeignKey(ClosedPeriod, models.PROTECT, related_name="figures", verbose_name=_("Closed period"))
    code = models.CharField(_("Number of the target"), max_length=12, db_collation="C")
    subject = models.CharField(_("Subject"), max_length=200)
    subject_en = models.CharField(_("English subject"), max_length=200, blank=True, default="")
    area_code = AreaCode(_("Area"))
    industry_id = models.CharField(_("Industry"), max_length=24, null=True)
    measure = models.CharField(_("Measured by"), max_length=80, db_collation="C")
    measure_version = models.PositiveSmallIntegerField(_("Version of the measure"))
    actual = models.DecimalField(_("To date"), max_digits=18, decimal_places=4, null=True)
    line = models.DecimalField(_("Line of the day"), max_digits=18, decimal_places=4, null=True)
    number = models.DecimalField(_("Number of the year"), max_digits=18, decimal_places=4, null=True)
    standing = models.CharField(_("State"), max_length=10)

    class Meta:
        verbose_name = _("Figure of a closed period")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("closing", "code", "area_code", "industry_id"), name="closed_figure_once", nulls_distinct=False
            )
        ]

    @property
    def name(self) -> str:
        """The target in the language of the page."""
        return bilingual(self.subject, self.subject_en)

    def __str__(self) -> str:
        return f"{self.code} {self.area_code}"


class PeriodException(Kept):
    """Somebody may still change what lies in a closed month and an area, one clause of it or all, until a day's end.

    The authority above opens it for a reason; it closes by itself, or is closed before. `until` is the last day. Who
    opened and closed it are kept by name, too: whoever reads may not have them in scope.
    """

    scope_rule = By(area="area_code", industry=ANY, account="account_id")

    closing = models.ForeignKey(
        ClosedPeriod, models.PROTECT, related_name="exceptions", verbose_name=_("Closed period")
    )
    account = models.ForeignKey(
        Account, models.PROTECT, related_name="+", verbose_name=pgettext_lazy("exception", "For whom")
    )
    area_code = AreaCode(_("Area"))
    within = models.CharField(max_length=12, db_collation="C", editable=False)
    code = models.CharField(
        _("Clause"), max_length=24, db_collation="C", blank=True, default="",
        help_text=_("Left out: all clauses, and points by hand."),
    )  # fmt: skip
    until = models.DateField(_("Last day"))
    reason = models.CharField(_("Reason"), max_length=300)
    opened_by_id = models.BigIntegerField(editable=False)
    opened_by_name = models.CharField(_("Opened by"), max_length=60, editable=False)
    opened_at = models.DateTimeField(pgettext_lazy("exception", "Opened at"), default=clock.now, editable=False)
    closed_at = models.DateTimeField(pgettext_lazy("exception", "Closed at"), null=True, editable=False)
    closed_by_id = models.BigIntegerField(null=True, editable=False)
    closed_by_name = models.CharField(
        pgettext_lazy("exception", "Closed by"), max_length=60, blank=True, default="", editable=False
    )

    class Meta:
        verbose_name = _("Exception from a closed period")
        constraints: ClassVar = [
            models.CheckConstraint(condition=~Q(account=F("opened_by_id")), name="exception_by_another"),
            models.CheckConstraint(condition=~Q(reason=""), name="exception_has_reason"),
        ]
        indexes: ClassVar = [models.Index(fields=("account", "closing"))]

    def prepare(self) -> None:
        super().prepare()
        self.within = area_prefix(self.area_code)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Keeps it; who it is for is told when it is opened."""
        from . import closing

        new = self._state.adding
        self._opened()
        super().save(*args, **kwargs)
        if new:
            closing.opened(self)

    def _opened(self) -> Any:
        """Who acts; he opens it, unless somebody else did."""
        actor = acting_now()
        if self._state.adding and actor is not None and not self.opened_by_name:
            self.opened_by_id = actor[0].account_id or 0
            own = Account.objects.filter(pk=self.opened_by_id).values_list("name", flat=True)
            self.opened_by_name = own.first() or actor[0].name[:60]
        return actor

    def clean(self) -> None:
        super().clean()
        wrong: dict[str, Any] = {}
        actor = self._opened()
        if self.account_id and self.account_id == self.opened_by_id:
            wrong["account"] = _("Nobody opens a closed period for himself: the authority above does.")
        # What the form names may not be there, or not for who asks: the fields themselves say so.
        closing = ClosedPeriod.objects.filter(pk=self.closing_id).first()
        account = Account.objects.filter(pk=self.account_id).first()
        if closing is not None and self.area_code:
            area, closed = area_prefix(self.area_code), closing.within
            if not area.startswith(closed):
                wrong["area_code"] = _("The month is closed for another area.")
            elif actor is not None and not above(actor[1].area, area, closed):
                wrong["area_code"] = _("The authority above opens an exception, and none below who closed the month.")
            elif account is not None and not _works_there(account, area):
                wrong["account"] = _("This person has nothing to do with that area.")
        if self._state.adding and self.until and self.until < clock.today():
            wrong["until"] = _("This day is over.")
        if wrong:
            raise ValidationError(wrong)

    @property
    def open(self) -> bool:
        """Whether it still holds."""
        return self.closed_at is None and self.until >= clock.today()

    @property
    def state(self) -> str:
        """In words, with who closed it where somebody did."""
        if self.closed_by_id is not None:
            return str(_("Closed before its day"))
        return str(pgettext_lazy("exception", "Open")) if self.open else str(_("Closed by itself"))

    def __str__(self) -> str:
        return f"{self.closing} {self.code}".strip()


def above(own: str, area: str, closed: str) -> bool:
    """Whether who acts in the prefix `own` stands above the area (the city's office above its own) and not below who
    closed the month for `closed`."""
    return area.startswith(own) and (len(own) < len(area) or len(own) <= 2) and len(own) <= len(closed)


def _works_there(account: Account, area: str) -> bool:
    return area_prefix(account.area_code).startswith(area) or area.startswith(area_prefix(account.area_code))
