"""What the hidden dangers say of an enterprise to whoever decides where to go next."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from anlan.parties.track import track, visits

from .models import Danger

REAL = ~Q(state__in=("dismissed", "withdrawn"))
MAJOR = Q(grade="major")

# There is no register of inspections yet: one is known by what it found.
visits(Danger, at="found_at", where=REAL & Q(source__in=("inspection", "campaign")), found=MAJOR)

track("hazards.major", Danger, at="found_at", where=REAL & MAJOR, words=_("major dangers in three years: %(n)s"))
track("hazards.found", Danger, at="found_at", where=REAL, words=_("hidden dangers in three years: %(n)s"))
track(
    "hazards.overdue", Danger, at="rectify_by", until="rectified_at", where=REAL,
    words=_("%(n)s rectifications past their last day"),
)  # fmt: skip
track(
    "hazards.reported", Danger, at="found_at", where=REAL & Q(source="report"),
    words=_("reports by the public in three years: %(n)s"),
)  # fmt: skip
track(
    "hazards.stopped", Danger, at="stopped_at", where=Q(stopped_at__isnull=False),
    words=_("orders to stop production in three years: %(n)s"),
)  # fmt: skip
