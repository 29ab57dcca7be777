"""What the checks found, and what was said to it."""

from __future__ import annotations

from typing import ClassVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from .. import clock
from ..models import AreaCode, Kept
from ..scope import By, Through
from .declaring import Check, named

SEVERITIES = (("grave", _("Grave")), ("serious", _("Serious")), ("notable", _("Notable")))
JUDGED = (
    ("explained", pgettext_lazy("find", "Explained")),
    ("correct", pgettext_lazy("find", "To be corrected")),
    ("handed", pgettext_lazy("find", "Handed to supervision")),
)
"""What the authority above can decide."""
STATES = (
    ("open", pgettext_lazy("find", "To be looked at")),
    ("asked", pgettext_lazy("find", "Asked to explain")),
    ("answered", pgettext_lazy("find", "Explanation given")),
    *JUDGED,
    ("gone", pgettext_lazy("find", "No longer there")),
)
STANDING = ("open", "asked", "answered", "correct", "handed")
"""States of a find that is neither explained nor gone."""
MOVES = (("found", pgettext_lazy("find", "Found")),
         ("more", _("Found again, with more records")), ("gone", _("No longer found")),
         ("ask", _("Asked to explain")), ("answer", _("Explained it so")), *JUDGED)  # fmt: skip


class Find(Kept):
    """Something odd in the records of an area in a month: one for each check, area and month.

    It lies in the area of the authority above, `area_code`, where those whom it is about do not see it. Once they are
    asked to explain it, it lies in their own; the authority above sees it there too. It is judged by none of them: the
    database refuses (`guards`).
    """

    scope_rule = By(area="area_code")

    check_name = models.CharField(pgettext_lazy("honesty", "Check"), max_length=60, editable=False)
    check_version = models.PositiveSmallIntegerField(_("Version of the check"), editable=False)
    severity = models.CharField(_("Severity"), max_length=8, choices=SEVERITIES, editable=False)
    period = models.DateField(pgettext_lazy("honesty", "Month"), editable=False)
    about = AreaCode(_("Area concerned"), editable=False)
    area_code = AreaCode(_("Where it lies"), editable=False)
    state = models.CharField(_("State"), max_length=10, choices=STATES, default="open", editable=False)
    found_at = models.DateTimeField(_("First found at"), default=clock.now, editable=False)
    seen_at = models.DateTimeField(_("Last found at"), default=clock.now, editable=False)
    count = models.PositiveIntegerField(pgettext_lazy("find", "Count"), editable=False)
    chance = models.FloatField(_("Chance in honest records"), null=True, editable=False)
    numbers = models.JSONField(default=dict, encoder=DjangoJSONEncoder, editable=False)
    chart = models.JSONField(default=list, encoder=DjangoJSONEncoder, editable=False)
    records = models.JSONField(default=list, encoder=DjangoJSONEncoder, editable=False)

    class Meta:
        verbose_name = pgettext_lazy("honesty", "Find")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("check_name", "about", "period"), name="found_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=("area_code", "-period"), name="find_area"),
            models.Index(fields=("-period", "-id"), name="find_latest"),
        ]

    @classmethod
    def guards(cls) -> list[str]:
        """Whoever acts within the area concerned judges no find about it, and makes none go away."""
        names = ", ".join(f"'{name}'" for name in (*dict(JUDGED), "gone"))
        return [
            f"""CREATE OR REPLACE FUNCTION honesty_judged_above() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF (NEW.state IN ({names}) OR NEW.about <> OLD.about)
                 AND starts_with(current_setting('anlan.area_low', true), left(OLD.about, 6)) THEN
                RAISE EXCEPTION 'a find is judged by the authority above, not by those whom it is about'
                  USING ERRCODE = '42501';
              END IF;
              RETURN NEW;
            END $$""",
            "DROP TRIGGER IF EXISTS judged_above ON honesty_find",
            "CREATE TRIGGER judged_above BEFORE UPDATE ON honesty_find FOR EACH ROW "
            "WHEN (NEW.state IS DISTINCT FROM OLD.state OR NEW.about IS DISTINCT FROM OLD.about) "
            "EXECUTE FUNCTION honesty_judged_above()",
        ]

    @property
    def check_made(self) -> Check | None:
        """The check as it is declared now; None where it was taken away."""
        return named(self.check_name)

    def get_check_name(self) -> str:
        """What the check is called in the language in force."""
        made = self.check_made
        return str(made.title) if made else self.check_name

    @property
    def words(self) -> str:
        """What was found, in one sentence of the language in force."""
        made = self.check_made
        return str(made.words) % self.numbers if made and made.version == self.check_version else ""

    def get_absolute_url(self) -> str:
        return reverse("honesty:find", args=(self.pk,))

    def __str__(self) -> str:
        return f"{self.get_check_name()} {self.period:%Y-%m}"


class FindStep(models.Model):
    """What happened to a find: who asked, answered, judged, and with which words."""

    scope_rule = Through("find")
    append_only = True

    id = models.BigAutoField(primary_key=True)
    find = models.ForeignKey(Find, models.PROTECT, related_name="steps")
    at = models.DateTimeField(default=clock.now)
    move = models.CharField(max_length=10, choices=MOVES)
    words = models.TextField(max_length=1000, blank=True, default="")
    count = models.PositiveIntegerField(default=0)
    by_id = models.BigIntegerField(null=True)
    by_name = models.CharField(max_length=60, blank=True, default="")

    class Meta:
        ordering = ("id",)
