"""What the hidden dangers say of an enterprise to whoever decides where to go next."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from anlan.parties.track import track, visits

from .models import Danger

REAL = ~Q(state__in=("dismissed", "withdrawn"))
MAJOR = Q(grade="major")

# There is no register of inspections yet: one is known by what it found.
visits(Danger, at="found_at", where=REAL & Q(source__in=("inspection", "campaign")), found=MAJOR)

track("hazards.major", Danger, at="found_at", where=REAL & MAJOR, words=_("%(n)s major dangers in three years"))
track("hazards.found", Danger, at="found_at", where=REAL, words=_("%(n)s hidden dangers in three years"))
track(
    "hazards.overdue", Danger, at="rectify_by", until="rectified_at", where=REAL,
    words=_("%(n)s rectifications past their last day"),
)  # fmt: skip
track(
    "hazards.reported", Danger, at="found_at", where=REAL & Q(source="report"),
    words=_("%(n)s reports by the public in three years"),
)  # fmt: skip
track(
    "hazards.stopped", Danger, at="stopped_at", where=Q(stopped_at__isnull=False),
    words=_("production stopped %(n)s times in three years"),
)  # fmt: skip
