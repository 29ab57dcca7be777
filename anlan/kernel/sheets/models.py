"""What is kept of an import: who, when, which file, what it did, and what is needed to undo it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from ..models import AreaCode, Kept, Progress
from ..scope import By, Through

PIECE = 2**20


class Import(Kept):
    """One file brought to one register. `file_sha256` is of the file's bytes; counts are of rows.

    `how` is what was asked: check only, import all or nothing, or import the rows that are right. Where it
    was done by a job, `progress` says how far that is.
    """

    STATES = (
        ("waiting", _("Under way")),
        ("checked", _("Checked, nothing kept")),
        ("refused", _("Refused, nothing kept")),
        ("done", _("Imported")),
        ("failed", _("Failed, nothing kept")),
        ("undoing", _("Being undone")),
        ("undone", _("Undone")),
    )
    HOW = (
        ("check", _("Check only")),
        ("all", _("Import all, or nothing")),
        ("good", _("Import the rows that are right")),
    )
    REASONS: ClassVar = {
        "rights": _("Meanwhile your role or your area no longer allows this import."),
        "touched": _("Others have changed its records since, or need them."),
        "broken": _("Something went wrong on our side, several times. It is noted for the administrator."),
    }
    scope_rule = By(industry="industry_id", enterprise="enterprise_id", account="account_id")

    register = models.CharField(_("Register"), max_length=60)
    file_name = models.CharField(_("File"), max_length=200, blank=True)
    file_sha256 = models.CharField(_("SHA-256 of the file"), max_length=64)
    file_size = models.PositiveBigIntegerField(_("Size of the file"), default=0)
    actor = models.CharField(_("By"), max_length=120)
    account_id = models.BigIntegerField(null=True)
    area_code = AreaCode(_("Area"))
    industry_id = models.CharField(max_length=24, null=True)
    enterprise_id = models.BigIntegerField(null=True)
    how = models.CharField(_("What to do"), max_length=5, choices=HOW, default="all")
    rows = models.PositiveIntegerField(_("Rows"), default=0)
    added = models.PositiveIntegerField(_("Added"), default=0)
    changed = models.PositiveIntegerField(_("Changed"), default=0)
    unchanged = models.PositiveIntegerField(_("Unchanged"), default=0)
    refused = models.PositiveIntegerField(_("Refused"), default=0)
    errors = models.PositiveIntegerField(_("Errors"), default=0)
    emptied = models.JSONField(_("Values emptied"), default=dict)
    state = models.CharField(_("State"), max_length=8, choices=STATES, default="waiting")
    reason = models.CharField(max_length=8, blank=True, default="")
    progress = models.ForeignKey(Progress, models.SET_NULL, null=True, related_name="+")

    class Meta:
        verbose_name = _("Import")
        ordering = ("-id",)
        indexes: ClassVar = [models.Index(fields=("register", "-id"), name="import_of")]

    @property
    def moving(self) -> bool:
        """Whether something is still to happen by itself."""
        return self.state in ("waiting", "undoing")

    @property
    def applied(self) -> bool:
        """Whether its rows were written, even if they were taken back since."""
        return self.state in ("done", "undoing", "undone")

    @property
    def url(self) -> str:
        """The page of this import."""
        return f"/r/{self.register}/import/{self.pk}/"

    @property
    def why(self) -> Any:
        """Why it failed or could not be undone, in words."""
        return self.REASONS.get(self.reason, "")

    def keep(self, data: bytes) -> None:
        """Keeps the file's bytes until they are no longer needed."""
        ImportPiece.objects.bulk_create(
            (
                ImportPiece(imported=self, number=n, data=data[at : at + PIECE])
                for n, at in enumerate(range(0, len(data), PIECE))
            ),
            batch_size=8,
        )

    def data(self) -> bytes | None:
        """The file's bytes, or None where they are no longer kept."""
        pieces: Iterable[Any] = self.pieces.order_by("number").values_list("data", flat=True).iterator(chunk_size=8)
        return b"".join(pieces) or None


class ImportPiece(models.Model):
    """A piece of an uploaded file, kept in the database: there every web machine and worker finds it, the
    scope holds for it, and it comes and goes with the transaction."""

    scope_rule = Through("imported")
    audited = False  # the file as it was sent, kept for some days; what came of it is audited

    id = models.BigAutoField(primary_key=True)
    imported = models.ForeignKey(Import, models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    data = models.BinaryField()


class ImportProblems(models.Model):
    """What was wrong with a file: a list of row, column, code and values in both languages."""

    scope_rule = Through("imported")
    audited = False  # a report to whoever imports; it changes nothing

    imported = models.OneToOneField(Import, models.CASCADE, primary_key=True, related_name="found")
    problems: Any = models.JSONField(default=list)


class ImportedRows(models.Model):
    """Up to a thousand records that an import added (`befores`: null) or changed, with the versions it left."""

    scope_rule = Through("imported")
    audited = False  # bookkeeping for undo; the rows themselves are audited where they changed

    id = models.BigAutoField(primary_key=True)
    imported = models.ForeignKey(Import, models.CASCADE, related_name="written")
    records: Any = ArrayField(models.TextField())
    versions: Any = ArrayField(models.IntegerField(null=True))
    befores: Any = ArrayField(models.JSONField(null=True))
