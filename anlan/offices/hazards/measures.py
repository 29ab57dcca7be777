"""What is counted of hidden dangers. Numbers, states and times are those of the case as it stands today."""

from django.utils.translation import gettext_lazy as _

from anlan.kernel.figures import measure, ratio, source

from .models import Danger

DANGERS = source(Danger, cuts=("grade", "source"))
STATISTICS = _("Interim Provisions on hidden dangers (Decree 16, 2007), Article 14: statistics by quarter and year")
TIME_LIMIT = _("Interim Provisions on hidden dangers (Decree 16, 2007): the plan for treatment names a time limit")
LISTED = _("The notice, Part 3, item 5: listed supervision of major dangers")
USAGE = _("Usage of published bulletins; no legal definition is known")
CLAUSES = ("W3.5",)


def counts(t):  # type: ignore[no-untyped-def]  # an Ibis table
    """A find that proved to be no danger, or was withdrawn, was none."""
    return t.state.notin(["dismissed", "withdrawn"])


# In each condition the time stands first: it rules out most records, and dates are compared faster than texts.


def found_then(t, p):  # type: ignore[no-untyped-def]
    return p.holds(t.found_at) & counts(t)


def open_then(t, p):  # type: ignore[no-untyped-def]
    return p.not_before_end(t.closed_at) & (t.found_at < p.until) & counts(t)


def due_then(t, p):  # type: ignore[no-untyped-def]
    return p.holds_day(t.rectify_by) & counts(t)


found = measure(
    "hazards.found", DANGERS, found_then,
    title=_("Hidden dangers found"), definition=_("Hidden dangers found in the period."),
    source_of_law=STATISTICS, unit=_("dangers"), clauses=CLAUSES,
)  # fmt: skip
measure(
    "hazards.open", DANGERS, open_then,
    title=_("Hidden dangers open"), definition=_("Found before the end of the period and not accepted by then."),
    source_of_law=STATISTICS, unit=_("dangers"), better="less", clauses=CLAUSES,
)  # fmt: skip
measure(
    "hazards.overdue", DANGERS, lambda t, p: open_then(t, p) & (t.due_at < p.until), present_only=True,
    title=_("Hidden dangers overdue"), definition=_("Open, and past the time limit of the step they are at."),
    source_of_law=TIME_LIMIT, unit=_("dangers"), better="less", clauses=CLAUSES,
)  # fmt: skip
measure(
    "hazards.listed", DANGERS, lambda t, p: open_then(t, p) & (t.listed_at < p.until), present_only=True,
    title=_("Hidden dangers under listed supervision"), definition=_("Open, and listed for supervision."),
    source_of_law=LISTED, unit=_("dangers"), clauses=CLAUSES,
)  # fmt: skip
measure(
    "hazards.closed", DANGERS, lambda t, p: p.holds(t.closed_at) & (t.state == "closed"),
    title=_("Hidden dangers closed"), definition=_("Accepted on site and closed in the period, whenever found."),
    source_of_law=STATISTICS, unit=_("dangers"), better="more", clauses=CLAUSES,
)  # fmt: skip
found_and_closed = measure(
    "hazards.found_and_closed", DANGERS,
    lambda t, p: found_then(t, p) & (t.state == "closed") & (t.closed_at < p.until),
    title=_("Hidden dangers found and closed"), definition=_("Found in the period and closed by its end."),
    source_of_law=STATISTICS, unit=_("dangers"), better="more", clauses=CLAUSES,
)  # fmt: skip
ratio(
    "hazards.closure_rate", found_and_closed, found, places=1,
    title=_("Closure rate"), definition=_("Of the hidden dangers found in the period, those closed by its end."),
    source_of_law=USAGE, unit="%", better="more", clauses=CLAUSES,
)  # fmt: skip
due = measure(
    "hazards.due", DANGERS, due_then,
    title=_("Rectifications due"), definition=_("The last day for rectification that the plan sets lay in the period."),
    source_of_law=TIME_LIMIT, unit=_("dangers"), clauses=CLAUSES,
)  # fmt: skip
on_time = measure(
    "hazards.on_time", DANGERS, lambda t, p: due_then(t, p) & (p.day_of(t.rectified_at) <= t.rectify_by),
    title=_("Rectified on time"), definition=_("Due in the period and reported as rectified by the last day."),
    source_of_law=TIME_LIMIT, unit=_("dangers"), better="more", clauses=CLAUSES,
)  # fmt: skip
ratio(
    "hazards.on_time_rate", on_time, due, places=1,
    title=_("On-time rectification rate"),
    definition=_("Of the rectifications due in the period, those done by the last day."),
    source_of_law=USAGE, unit="%", better="more", clauses=CLAUSES,
)  # fmt: skip
