"""The life of a warning: a rule opens it, somebody looks at it, deals with it or finds it false; and of a rule that is
to be looked at, as too many of its warnings were false."""

from __future__ import annotations

from django import forms
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.kernel.cases.lifecycle import STOP, Clock, Field, Lifecycle, Move, State, Universal, declare
from anlan.kernel.cases.universal import REASON
from anlan.kernel.policy import OFFICIALS
from anlan.parties.names import mark

from .grouping import (
    ACKNOWLEDGE,
    by_itself,
    end_followers,
    follow,
    no_other,
    none_under,
    pass_on,
    some_under,
    stand_apart,
    take_charge,
)
from .models import EarlyWarning, RuleReview
from .page import part, review_part
from .reviews import unchanged

WATCHING = OFFICIALS | {"enterprise", "duty"}
"""Who deals with a warning: the enterprise whose device it is, and who supervises it."""
KEEPING = frozenset({"city"})
"""Who keeps the rules."""


def other_number() -> forms.Field:
    return forms.CharField(label=_("Number of the other warning"), max_length=60)


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
            State("under", _("Stands under another")),
            State("handled", pgettext_lazy("warning", "Dealt with"), end=True),
            State("false", _("False alarm"), end=True),
        ),
        start="open",
        open_by={"duty"},
        number="{mark}安警〔{year}〕{n}号",
        mark=mark,
        start_clock=ACKNOWLEDGE,
        own_work=Q(head__isnull=True),
        becomes=("danger", "accident", "order"),
        opened_words=_("%(actor)s opened the warning by its rule"),
        notes={
            "raised": _("The readings reached the level %(level)s: %(value)s"),
            "raised_by": _("%(number)s, which stands under it, reached the level %(level)s: %(title)s"),
            "lowered": _("The level %(level)s is over: %(value)s"),
            "again": _("Beyond the limit again: %(level)s, %(value)s"),
            "normal": _("Back to normal: %(value)s"),
            "corrected": _("Readings that came late show that this was none: %(level)s"),
        },
        moves=(
            Move(
                "acknowledge", _("Look into it"), ("open",), "handling", WATCHING,
                clock=Clock(rule="monitoring.handle"), tone="primary", effect=take_charge,
                words=_("%(actor)s looks into it"),
            ),
            Move(
                "handle", pgettext_lazy("warning", "Dealt with"), ("handling", "under"), "handled", WATCHING,
                demands=(Field("findings"),), clock=STOP, tone="primary", effect=end_followers("handle"),
                words=_("%(actor)s dealt with it: %(findings)s"),
            ),
            Move(
                "dismiss", _("False alarm"), ("open", "handling", "under"), "false", WATCHING,
                demands=(Field("cause"),), clock=STOP, effect=pass_on,
                words=_("%(actor)s found it a false alarm: %(cause)s"),
            ),
            Move(
                "dismiss_all", _("False alarm, with all that stand under it"), ("open", "handling"), "false", WATCHING,
                demands=(Field("cause"),), clock=STOP, ready=some_under, effect=end_followers("dismiss"),
                words=_("%(actor)s found it a false alarm, with all under it: %(cause)s"),
            ),
            Move(
                "follow", _("Has the same cause as another"), ("open", "handling"), "under", OFFICIALS,
                demands=(Field("under", other_number),), clock=STOP, ready=none_under, effect=follow,
                words=_("%(actor)s put it under %(under)s: one cause"),
            ),
            Move(
                "apart", _("Has a cause of its own"), ("under",), "open", WATCHING, clock=ACKNOWLEDGE,
                effect=stand_apart, words=_("%(actor)s let it stand by itself"),
            ),
            Move(
                "reopen", _("Reopen"), ("handled", "false"), "open", OFFICIALS, demands=(REASON,), clock=ACKNOWLEDGE,
                ready=no_other, effect=by_itself, words=_("%(actor)s reopened the case: %(reason)s"),
            ),
        ),
        universal=Universal(list_=("city", "district"), assign=OFFICIALS),
        sections=(
            (
                _("Warning"), ("level", "rule_version", "rule_source", "value", "measured_at", "cleared_at", "head"),
            ),
            (_("Device"), ("device", "station", "programme", "enterprise", "place", "lon", "lat")),
            (_("Dealing with it"), ("findings", "cause")),
        ),
        part=part,
    )
)  # fmt: skip

RULE_REVIEW = declare(
    Lifecycle(
        kind="rule_review",
        model=RuleReview,
        title=_("Rules to be looked at"),
        singular=_("Rule to be looked at"),
        icon="adjustments",
        states=(
            State("open", pgettext_lazy("rule", "To be looked at")),
            State("changed", pgettext_lazy("rule", "Changed"), end=True),
            State("kept", pgettext_lazy("rule", "Stays as it is"), end=True),
        ),
        start="open",
        open_by={"duty"},
        number="{mark}安规〔{year}〕{n}号",
        mark=mark,
        owner_area=lambda area: area[:2] + "0" * 10,
        start_clock=Clock(rule="monitoring.review"),
        opened_words=_("%(actor)s proposed to change the rule: %(false_alarms)s of %(warnings)s warnings were false"),
        moves=(
            Move(
                "change", _("The rule was changed"), ("open",), "changed", KEEPING, demands=(Field("findings"),),
                clock=STOP, tone="primary", ready=unchanged, words=_("%(actor)s changed the rule: %(findings)s"),
            ),
            Move(
                "keep", _("The rule stays as it is"), ("open",), "kept", KEEPING, demands=(REASON,), clock=STOP,
                words=_("%(actor)s kept the rule: %(reason)s"),
            ),
        ),
        universal=Universal(list_=(), assign=KEEPING),
        sections=(
            (_("Rule to be looked at"), ("rule", "warnings", "false_alarms", "since")),
            (pgettext_lazy("rule", "What was changed"), ("findings",)),
        ),
        part=review_part,
    )
)  # fmt: skip
