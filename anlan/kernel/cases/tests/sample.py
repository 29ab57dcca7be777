"""A small kind of case that no office knows, to test what all kinds share."""

from __future__ import annotations

from django import forms
from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel.cases.lifecycle import STOP, Clock, Evidence, Field, Lifecycle, Move, State, Universal
from anlan.kernel.cases.models import Case
from anlan.kernel.deadlines import Limit


class Ticket(Case):
    """Something found that must be fixed by one and accepted by another."""

    enterprise_id = models.BigIntegerField(null=True, blank=True)
    remedy = models.CharField(_("Title"), max_length=100, blank=True)
    rectify_by = models.DateField(_("Due"), null=True, blank=True)

    class Meta:
        app_label = "sample"
        db_table = "tests_ticket"


def _not_trivial(case: Ticket, facts: dict[str, str]) -> object:
    return _("The file is empty.") if facts["remedy"] == "nothing" else None


def lifecycle() -> Lifecycle:
    """A new declaration of the small life cycle (not made known)."""
    return Lifecycle(
        kind="ticket",
        model=Ticket,
        title=_("Title"),
        singular=_("Title"),
        states=(
            State("found", _("State")),
            State("planned", _("State")),
            State("fixed", _("State")),
            State("closed", _("Closed at"), end=True),
        ),
        start="found",
        open_by={"district", "township", "enterprise"},
        number="{mark}试〔{year}〕{n}号",
        mark=lambda area: {"500112000000": "渝北"}.get(area, area[:6]),
        start_clock=Clock(limit=Limit(3, "working_days")),
        moves=(
            Move("plan", _("Title"), ("found",), "planned", {"enterprise", "district"}, clock=Clock(field="rectify_by"),
                 demands=(Field("rectify_by"), Field("remedy", lambda: forms.CharField(max_length=100))),
                 gate=_not_trivial),
            Move("rectify", _("Title"), ("planned",), "fixed", {"enterprise", "district"},
                 demands=(Evidence("after", _("Title"), types=("image/png",)),), clock=Clock(limit=Limit(10, "days"))),
            Move("accept", _("Title"), ("fixed",), "closed", {"district"}, forbid_same_person_as=("rectify",)),
            Move("return", _("Title"), ("fixed",), "planned", {"district"}, clock=STOP),
        ),
        universal=Universal(
            ask_extension={"enterprise", "district"}, decide_extension={"district"}, pause={"district"},
            withdraw={"district"}, reopen={"district"}, list_={"city", "district"}, assign={"district"},
        ),
    )  # fmt: skip
