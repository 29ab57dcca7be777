"""The life of a warning: a rule opens it, somebody looks at it, deals with it or finds it false."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.kernel.cases.lifecycle import STOP, Clock, Field, Lifecycle, Move, State, Universal, declare
from anlan.kernel.policy import OFFICIALS
from anlan.parties.names import mark

from .models import EarlyWarning

WATCHING = OFFICIALS | {"enterprise", "duty"}
"""Who deals with a warning: the enterprise whose device it is, and who supervises it."""

WARNING = declare(
    Lifecycle(
        kind="warning",
        model=EarlyWarning,
        title=_("Warnings"),
        singular=_("Warning"),
        icon="broadcast",
        states=(
            State("open", _("To be looked at")),
            State("handling", _("Being dealt with")),
            State("handled", pgettext_lazy("warning", "Dealt with"), end=True),
            State("false", _("False alarm"), end=True),
        ),
        start="open",
        open_by={"duty"},
        number="{mark}安警〔{year}〕{n}号",
        mark=mark,
        start_clock=Clock(rule="monitoring.acknowledge"),
        opened_words=_("%(actor)s opened the warning by its rule"),
        notes={
            "raised": _("The readings reached the level %(level)s: %(value)s"),
            "lowered": _("The level %(level)s is over: %(value)s"),
            "normal": _("Back to normal: %(value)s"),
            "corrected": _("Readings that came late show that this was none: %(level)s"),
        },
        moves=(
            Move(
                "acknowledge", _("Look into it"), ("open",), "handling", WATCHING,
                clock=Clock(rule="monitoring.handle"), tone="primary", words=_("%(actor)s looks into it"),
            ),
            Move(
                "handle", pgettext_lazy("warning", "Dealt with"), ("handling",), "handled", WATCHING,
                demands=(Field("findings"),), clock=STOP, tone="primary",
                words=_("%(actor)s dealt with it: %(findings)s"),
            ),
            Move(
                "dismiss", _("False alarm"), ("open", "handling"), "false", WATCHING, demands=(Field("cause"),),
                clock=STOP, words=_("%(actor)s found it a false alarm: %(cause)s"),
            ),
        ),
        universal=Universal(reopen=OFFICIALS, list_=("city", "district"), assign=OFFICIALS),
        sections=(
            (_("Warning"), ("level", "rule_version", "rule_source", "value", "measured_at", "cleared_at")),
            (_("Device"), ("device", "programme", "enterprise", "place", "lon", "lat")),
            (_("Dealing with it"), ("findings", "cause")),
        ),
    )
)  # fmt: skip
