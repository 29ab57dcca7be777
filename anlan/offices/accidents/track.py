"""What the accidents say of an enterprise to whoever decides where to go next."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from anlan.parties.track import track

from .models import Accident

track(
    "accidents.number", Accident, at="occurred_at", where=Q(in_figures=True),
    words=_("accidents in three years: %(n)s"),
)  # fmt: skip
