"""Publications: the monthly notice, the quarterly publication and the annual appraisal as papers with their facts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.engines.measures import Period
from anlan.engines.papers import Paper
from anlan.kernel import clock
from anlan.kernel.figures.words import period_title
from anlan.kernel.models import Progress
from anlan.kernel.scope import Through
from anlan.parties.models import OfficialPaper

OVER = ("withdrawn", "revoked")
"""In these states a publication leaves its period free for another."""


class Publication(OfficialPaper):
    """A bulletin of a period. One lives of each; a correction names the one that it corrects."""

    SERIES = (
        ("monthly", _("Monthly notice")),
        ("quarterly", _("Quarterly publication")),
        ("annual", _("Annual appraisal")),
    )
    series = models.CharField(pgettext_lazy("publication", "Series"), max_length=9, choices=SERIES)
    period = models.CharField(_("Period"), max_length=10)

    class Meta(OfficialPaper.Meta):
        verbose_name = _("Publication")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("series", "period", "area_code"),
                condition=models.Q(corrects__isnull=True) & ~models.Q(state__in=OVER),
                name="publication_of_period",
            ),
            # Of two who correct the same one at once, one does.
            models.UniqueConstraint(
                fields=("corrects",), condition=~models.Q(state__in=OVER), name="publication_corrected_once"
            ),
        ]

    def get_period_display(self) -> str:
        """The period in the reader's words, as its page shows it."""
        return period_title(Period.parse(self.period))

    def from_facts(self) -> Paper | None:
        """What the program drafts of the frozen facts today: the same words as it did, or its wording has changed."""
        from . import corrections, draft, facts

        if not self.facts:
            return None
        if self.corrects is None:
            return draft.paper(facts.decode(self.facts))
        return corrections.again(self)


class BulletinRun(models.Model):
    """A job at a publication: it drafts, or compares what was published with the records as they are by now.

    Of a comparison `facts` are those of now and `differences` what has changed: [[what, was, is], …].
    """

    scope_rule = Through("publication")

    id = models.BigAutoField(primary_key=True)
    publication = models.ForeignKey(Publication, models.CASCADE, related_name="runs")
    what = models.CharField(max_length=8, choices=(("draft", _("Drafting")), ("compare", _("Comparison"))))
    progress = models.ForeignKey(Progress, models.SET_NULL, null=True, related_name="+")
    state = models.CharField(max_length=8, default="waiting")
    trouble = models.CharField(max_length=300, blank=True)
    facts = models.TextField(blank=True)
    differences = models.JSONField(default=list)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("publication",), condition=models.Q(state="waiting"), name="bulletin_one_run"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=("waiting", "done", "failed")), name="bulletin_run_state"
            ),
        ]

    @property
    def waiting(self) -> bool:
        return self.state == "waiting"

    def percent(self) -> int:
        """How far it is, for a bar."""
        told: Any = self.progress
        return 100 * told.done // told.total if told is not None and told.total else 0
