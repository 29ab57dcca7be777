"""The official papers by which orders, circulars and minutes are issued."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.parties.models import OfficialPaper

GENRES = (
    ("order", _("Supervision order")),
    ("criticism", _("Circular of criticism")),
    ("thanks", _("Circular of thanks")),
    ("minutes", _("Minutes of a meeting")),
)
MEASURES = (
    ("circulate", _("Circulated")),
    ("interview", _("Circulated, and the head is called in")),
    ("deduct", _("Circulated, and points are deducted in the appraisal")),
    ("veto", _("Circulated, and proposed for the one-vote veto")),
    ("reward", _("Circulated, and points are added in the appraisal")),
)
OF_GENRE = {"criticism": {"circulate", "interview", "deduct", "veto"}, "thanks": {"circulate", "reward"}}
"""The measures that go with a circular: nobody is thanked by a veto, or criticised by a reward."""


class Letter(OfficialPaper):
    """One paper to as many addressees as are named. When it is published the case of each addressee is delivered to
    him; the minutes of a meeting give their tasks."""

    genre = models.CharField(_("Kind"), max_length=12, choices=GENRES)
    subject = models.CharField(_("Matter"), max_length=200)
    grounds = models.TextField(_("Facts on which it rests"), max_length=4000, blank=True, default="")
    asked = models.TextField(_("What is to be done"), max_length=4000, blank=True, default="")
    answer_by = models.DateField(_("To be done and reported by"), null=True, blank=True)
    measure = models.CharField(_("Measure"), max_length=12, choices=MEASURES, blank=True, default="")
    meeting = models.ForeignKey(
        "supervision.Meeting", models.PROTECT, null=True, blank=True, editable=False, related_name="letters",
        verbose_name=_("Joint meeting"),
    )  # fmt: skip

    class Meta(OfficialPaper.Meta):
        abstract = False
        verbose_name = _("Letter of supervision")
        indexes: ClassVar = [
            *OfficialPaper.Meta.indexes,
            models.Index(fields=("area_code", "industry", "opened_at"), name="letter_area"),
        ]

    def clean(self) -> None:
        super().clean()
        if self.state == "draft" and self.measure and self.measure not in OF_GENRE.get(self.genre, ()):
            raise ValidationError({"measure": _("This measure does not go with a letter of this kind.")})
