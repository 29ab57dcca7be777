"""Joint meetings: who was asked, what was decided, and the tasks that came of it."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext_lazy as _

from anlan.kernel.cases.models import Case
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By, Through
from anlan.parties.models import Authority, IssuedPaper

from .addressed import Addressed

ATTENDANCE = (
    ("invited", _("Invited")),
    ("coming", _("Will come")),
    ("excused", _("Excused")),
    ("present", _("Present")),
    ("absent", _("Absent without excuse")),
)


class Meeting(Case):
    """A joint meeting (联席会议) of one place, from its call to its minutes (纪要).

    It belongs to the authority that called it and to those above. Who was asked reads of it in his `Invitation`.
    """

    scope_rule = By(area="area_code", industry="industry_id")

    held_at = models.DateTimeField(_("Time of the meeting"))
    chair = models.CharField(_("Chaired by"), max_length=60, blank=True, default="")
    agenda = models.TextField(_("Agenda"), max_length=4000)
    summary = models.TextField(_("What was reported and discussed"), max_length=8000, blank=True, default="")
    paper = models.ForeignKey(
        IssuedPaper, models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("Minutes")
    )
    minutes_at = models.DateTimeField(_("Minutes issued at"), null=True, editable=False)

    class Meta(Case.Meta):
        abstract = False
        verbose_name = _("Joint meeting")
        indexes: ClassVar = [
            *Case.Meta.indexes, models.Index(fields=("area_code", "industry", "held_at"), name="meeting_area"),
        ]  # fmt: skip

    def decisions(self) -> models.QuerySet[Resolution]:
        """What was decided, each with the authorities that it names in the order in which it names them: the first
        leads."""
        place = RawSQL(f'"{Resolution.units.through._meta.db_table}"."id"', ())  # noqa: S611
        named = models.Prefetch("units", Authority.objects.order_by(place))
        return Resolution.objects.filter(meeting=self).prefetch_related(named)


class Invitation(Kept):
    """That an authority was asked to a meeting, whether it came, and what it may read of it.

    It lies at the authority's own place and keeps its own copy of what concerns it, for the meeting itself lies with
    the authority that called it.
    """

    scope_rule = By(area="area_code", industry="industry_id")
    called_by = "number"

    meeting = models.ForeignKey(Meeting, models.PROTECT, related_name="invitations", verbose_name=_("Joint meeting"))
    authority = models.ForeignKey(Authority, models.PROTECT, related_name="+", verbose_name=_("Authority"))
    area_code = AreaCode(_("Area"), editable=False)
    industry = models.ForeignKey(
        "parties.Industry", models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("Industry")
    )
    state = models.CharField(_("Attendance"), max_length=8, choices=ATTENDANCE, default="invited")
    who = models.CharField(_("Who attends"), max_length=120, blank=True, default="")
    note = models.CharField(_("Remark"), max_length=200, blank=True, default="")
    number = models.CharField(_("Number of the meeting"), max_length=60, editable=False)
    title = models.CharField(_("Meeting"), max_length=200, editable=False)
    called_by_name = models.CharField(_("Called by"), max_length=80, editable=False)
    held_at = models.DateTimeField(_("Time of the meeting"), editable=False)
    place = models.CharField(_("Place"), max_length=200, blank=True, default="", editable=False)
    agenda = models.TextField(_("Agenda"), max_length=4000, editable=False)
    cancelled = models.BooleanField(_("Cancelled"), default=False, editable=False)
    paper = models.ForeignKey(
        IssuedPaper, models.PROTECT, null=True, editable=False, related_name="+", verbose_name=_("Minutes")
    )

    class Meta:
        verbose_name = _("Invitation to a meeting")
        ordering = ("authority__tier", "area_code", "authority_id")
        indexes: ClassVar = [models.Index(fields=("area_code", "-held_at"), name="invitation_area")]
        constraints: ClassVar = [models.UniqueConstraint(fields=("meeting", "authority"), name="invited_once")]

    def __str__(self) -> str:
        return f"{self.number} {self.title}"


class Resolution(Kept):
    """One thing that a meeting decided. Each authority that it names gets a task by it once the minutes are issued."""

    scope_rule = Through("meeting")

    meeting = models.ForeignKey(Meeting, models.CASCADE, related_name="resolutions", verbose_name=_("Joint meeting"))
    order = models.PositiveSmallIntegerField(_("No."))
    text = models.TextField(_("Decision taken"), max_length=2000)
    units = models.ManyToManyField(Authority, related_name="+", blank=True, verbose_name=_("Responsible authorities"))
    responsible = models.CharField(_("Person responsible"), max_length=60, blank=True, default="")
    due_on = models.DateField(_("To be done by"), null=True, blank=True)

    class Meta:
        verbose_name = _("Decision of a meeting")
        ordering = ("order", "id")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("meeting", "order"), name="one_resolution_per_place",
                                    deferrable=models.Deferrable.DEFERRED)
        ]  # fmt: skip

    def __str__(self) -> str:
        return f"{self.order}. {self.text}"


class Task(Addressed):
    """What a meeting decided that one authority has to do, driven to its end."""

    meeting = models.ForeignKey(
        Meeting, models.PROTECT, null=True, editable=False, related_name="tasks", verbose_name=_("Joint meeting")
    )
    resolution = models.ForeignKey(
        Resolution, models.PROTECT, null=True, editable=False, related_name="tasks", verbose_name=_("Decision")
    )
    decided_at = models.CharField(_("Decided at"), max_length=300, editable=False)
    decided_on = models.DateField(_("Decided on"), editable=False)
    asked = models.TextField(_("Decision taken"), max_length=2000)
    responsible = models.CharField(_("Person responsible"), max_length=60, blank=True, default="")
    due_on = models.DateField(_("To be done by"))
    progress = models.TextField(_("State of the work"), max_length=4000, blank=True, default="")
    result = models.TextField(_("What was carried out"), max_length=4000, blank=True, default="")

    class Meta(Addressed.Meta):
        abstract = False
        verbose_name = _("Task of a meeting")
        indexes: ClassVar = [
            *Addressed.Meta.indexes, models.Index(fields=("area_code", "industry", "decided_on"), name="task_area"),
        ]  # fmt: skip
