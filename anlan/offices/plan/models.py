"""The year's plan: its clauses, its targets, and who bears the duty for each."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import Open
from anlan.parties.models import Account, Authority, Person
from anlan.parties.models.places import bilingual


class AdoptionRefused(Exception):
    """The plan may not be adopted so; `code` is stable, the text is for people."""

    def __init__(self, code: str, message: str | Promise) -> None:
        super().__init__(str(message))
        self.code = code


class Plan(Kept):
    """The plan of a year. A draft is made by one person and adopted by another (the database holds to it)."""

    STATES = (("draft", _("Draft")), ("adopted", _("Adopted")))
    scope_rule = Open("the plan of the year is published to everybody whom it binds")

    year = models.PositiveIntegerField(_("Year"))
    area_code = AreaCode(_("Area"))
    title = models.CharField(_("Title"), max_length=120)
    title_en = models.CharField(_("English title"), max_length=160)
    issuer = models.CharField(_("Issuer"), max_length=80)
    issued_on = models.DateField(_("Issued on"))
    state = models.CharField(_("State"), max_length=8, choices=STATES, default="draft", editable=False)
    drafted_by = models.ForeignKey(
        Account, models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("Drafted by")
    )
    adopted_by = models.ForeignKey(
        Account, models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("Adopted by")
    )
    adopted_at = models.DateTimeField(_("Adopted at"), null=True, editable=False)

    class Meta:
        verbose_name = _("Plan")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("year", "area_code"), name="plan_once"),
            models.CheckConstraint(
                condition=models.Q(state="draft", adopted_by=None)
                | (
                    models.Q(state="adopted", adopted_by__isnull=False, drafted_by__isnull=False)
                    & ~models.Q(adopted_by=models.F("drafted_by"))
                ),
                name="plan_adopted_by_another",
            ),
        ]

    def adopt(self, by: Account) -> None:
        """A second person of the city approves the draft; raises `AdoptionRefused`."""
        if self.state != "draft":
            raise AdoptionRefused("plan.adopted", _("This plan is adopted already."))
        if by.role != "city":
            raise AdoptionRefused("plan.role", _("Only the city adopts a plan."))
        if self.drafted_by_id is None or by.pk == self.drafted_by_id:
            raise AdoptionRefused("plan.own_draft", _("Nobody adopts his own draft: a second person must approve it."))
        self.state, self.adopted_by, self.adopted_at = "adopted", by, clock.now()
        self.save()

    def __str__(self) -> str:
        return bilingual(self.title, self.title_en)


class Clause(Kept):
    """One clause, in our own short words, and the registers whose records prove it."""

    scope_rule = Open("the plan of the year is published to everybody whom it binds")

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="clauses", verbose_name=_("Plan"))
    order = models.PositiveIntegerField(_("Order"))
    code = models.CharField(_("Clause"), max_length=12, db_collation="C")
    title = models.CharField(_("Title"), max_length=120)
    title_en = models.CharField(_("English title"), max_length=160)
    duty_kinds = ArrayField(models.CharField(max_length=20), verbose_name=_("Kinds of duty-holders"), default=list)
    proofs = ArrayField(models.CharField(max_length=40), verbose_name=_("Proved by"), default=list, blank=True)

    class Meta:
        verbose_name = _("Clause of the plan")
        ordering = ("plan", "order")
        constraints: ClassVar = [models.UniqueConstraint(fields=("plan", "code"), name="clause_once")]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    @property
    def name(self) -> str:
        """The clause in the language of the page."""
        return bilingual(self.title, self.title_en)


class Target(Kept):
    """One quantity demanded. `down_by`: at least so many per cent below the baseline year's value."""

    COMPARATORS = (
        ("<=", _("at most")),
        (">=", _("at least")),
        ("==", _("exactly")),
        ("down_by", _("down by at least")),
    )
    scope_rule = Open("the plan of the year is published to everybody whom it binds")

    plan = models.ForeignKey(Plan, models.CASCADE, related_name="targets", verbose_name=_("Plan"))
    clause = models.ForeignKey(Clause, models.CASCADE, related_name="targets", verbose_name=_("Clause"))
    code = models.CharField(_("Number"), max_length=12, db_collation="C")
    subject = models.CharField(_("Subject"), max_length=120)
    subject_en = models.CharField(_("English subject"), max_length=160)
    comparator = models.CharField(_("Comparator"), max_length=8, choices=COMPARATORS)
    value = models.DecimalField(_("Value"), max_digits=14, decimal_places=3)
    unit = models.CharField(_("Unit"), max_length=12)
    baseline = models.CharField(_("Baseline year"), max_length=4, blank=True, default="")
    baseline_value = models.DecimalField(_("Value in the baseline year"), max_digits=14, decimal_places=3, null=True)

    class Meta:
        verbose_name = _("Target of the plan")
        ordering = ("plan", "id")
        constraints: ClassVar = [models.UniqueConstraint(fields=("plan", "code"), name="target_once")]

    def __str__(self) -> str:
        return bilingual(self.subject, self.subject_en)


class Duty(Kept):
    """An authority bears the duty for a clause; the person named bears it there, the head first of all."""

    scope_rule = Open("who is responsible for what is published")

    clause = models.ForeignKey(Clause, models.CASCADE, related_name="duties", verbose_name=_("Clause"))
    authority = models.ForeignKey(Authority, models.PROTECT, related_name="+", verbose_name=_("Authority"))
    person = models.ForeignKey(
        Person, models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("Person responsible")
    )
    first = models.BooleanField(_("First responsibility of the head"), default=False)

    class Meta:
        verbose_name = _("Duty under the plan")
        constraints: ClassVar = [models.UniqueConstraint(fields=("clause", "authority"), name="duty_once")]

    def __str__(self) -> str:
        return f"{self.clause} · {self.authority}"
