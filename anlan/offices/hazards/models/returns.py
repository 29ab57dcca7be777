"""The returns that enterprises owe every quarter and every year: Decree 16 (2007) Art. 14."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import By, Open

PERIOD = r"^(19|2[0-9])[0-9]{2}(Q[1-4])?$"


class SelfCheckReturn(Kept):
    """An enterprise's quarterly or yearly table of hidden dangers, signed by its principal head.

    Counts are as the enterprise states them; `held` is what the system itself held for the period at the moment of
    signing, so that the difference stays visible. A correction is a new signed row: the one that it replaces keeps
    standing, with `replaced_at`. A missing row is "no return", never zero.
    """

    scope_rule = By(area="area_code", industry="industry_id", enterprise="enterprise_id")

    SIGNED = (
        ("account", _("Signed by the head in person")),
        ("paper", _("Signed by the head on paper, entered for the head")),
    )

    enterprise = models.ForeignKey("parties.Enterprise", models.PROTECT, verbose_name=_("Enterprise"))
    area_code = AreaCode(_("Area"), editable=False)
    industry = models.ForeignKey(
        "parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, editable=False
    )
    period = models.CharField(_("Period"), max_length=6, help_text=_("2013Q2 for a quarter, 2013 for a year"))
    edition = models.PositiveSmallIntegerField(_("Edition"), default=1, editable=False)
    general_found = models.PositiveIntegerField(_("General dangers found"))
    general_rectified = models.PositiveIntegerField(_("General dangers rectified"))
    major_found = models.PositiveIntegerField(_("Major dangers found"))
    major_rectified = models.PositiveIntegerField(_("Major dangers rectified"))
    money_yuan = models.DecimalField(_("Money spent (yuan)"), max_digits=14, decimal_places=2)
    analysis = models.TextField(_("Analysis: what was found most, and why"), max_length=2000, blank=True, default="")
    held = models.JSONField(_("What the system held"), default=dict, editable=False)
    signed_by = models.CharField(_("Signed by (principal head)"), max_length=60)
    signer_id = models.BigIntegerField(null=True, editable=False)
    signed_how = models.CharField(_("How it was signed"), max_length=8, choices=SIGNED, editable=False)
    signed_at = models.DateTimeField(_("Signed at"))
    due_on = models.DateField(_("Due on"), editable=False)
    late = models.BooleanField(_("Late"), editable=False)
    reason = models.CharField(_("Reason for the correction"), max_length=300, blank=True, default="")
    replaced_at = models.DateTimeField(_("Replaced at"), null=True, editable=False)
    submitted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, verbose_name=_("Submitted by"), related_name="+", editable=False
    )

    class Meta:
        verbose_name = _("Self-check return")
        indexes: ClassVar = [
            models.Index(
                fields=("period", "area_code"), include=("enterprise",), name="return_standing",
                condition=models.Q(replaced_at__isnull=True),
            )
        ]  # fmt: skip
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("enterprise", "period"), condition=models.Q(replaced_at__isnull=True),
                name="one_standing_return",
            ),
            models.UniqueConstraint(fields=("enterprise", "period", "edition"), name="one_return_per_edition"),
            models.CheckConstraint(
                condition=models.Q(general_rectified__lte=models.F("general_found"))
                & models.Q(major_rectified__lte=models.F("major_found")),
                name="rectified_within_found",
                violation_error_message=_("More dangers rectified than found."),
            ),
            models.CheckConstraint(condition=models.Q(period__regex=PERIOD), name="period_reads_2013Q2"),
            models.CheckConstraint(
                condition=models.Q(edition=1) | ~models.Q(reason=""), name="correction_has_a_reason"
            ),
        ]  # fmt: skip

    @property
    def zero(self) -> bool:
        """Whether the head signed that nothing was found: a statement, which silence is not."""
        return self.general_found == 0 and self.major_found == 0

    def __str__(self) -> str:
        return f"{self.period} {self.enterprise_id}/{self.edition}"


class ReturnReminder(models.Model):
    """That the reminders of one day before or after a due day went out: once, however often the job runs."""

    scope_rule = Open("says that a day's reminders went out, and to how many; nothing of any enterprise")
    append_only = True
    audited = False  # the notices themselves are the record

    period = models.CharField(max_length=6)
    offset_days = models.SmallIntegerField()
    made_at = models.DateTimeField(default=clock.now)
    told = models.PositiveIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("period", "offset_days"), name="reminded_of_return_once")
        ]
