"""What the warnings of its devices say of an enterprise to whoever decides where to go next."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from anlan.parties.track import track

from .models import EarlyWarning

# Those of one cause once, and no false alarms.
track(
    "monitoring.warnings", EarlyWarning, at="measured_at", where=~Q(state__in=("under", "false")),
    words=_("warnings in three years: %(n)s"),
)  # fmt: skip
