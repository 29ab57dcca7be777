"""What is kept of an import: who, when, which file, what it did, and what is needed to undo it."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from ..models import AreaCode, Kept
from ..scope import By, Through


class Import(Kept):
    """One file imported into one register. `file_sha256` is of the file's bytes; counts are of rows."""

    STATES = (("done", _("Done")), ("undone", _("Undone")))
    scope_rule = By(industry="industry_id", enterprise="enterprise_id", account="account_id")

    register = models.CharField(_("Register"), max_length=60)
    file_name = models.CharField(_("File"), max_length=200, blank=True)
    file_sha256 = models.CharField(_("SHA-256 of the file"), max_length=64)
    actor = models.CharField(_("By"), max_length=120)
    account_id = models.BigIntegerField(null=True)
    area_code = AreaCode(_("Area"))
    industry_id = models.CharField(max_length=24, null=True)
    enterprise_id = models.BigIntegerField(null=True)
    added = models.PositiveIntegerField(_("Added"), default=0)
    changed = models.PositiveIntegerField(_("Changed"), default=0)
    unchanged = models.PositiveIntegerField(_("Unchanged"), default=0)
    refused = models.PositiveIntegerField(_("Refused"), default=0)
    problems: Any = models.JSONField(default=list)
    state = models.CharField(_("State"), max_length=8, choices=STATES, default="done")

    class Meta:
        verbose_name = _("Import")
        ordering = ("-id",)
        indexes: ClassVar = [models.Index(fields=("register", "-id"), name="import_of")]


class ImportedRow(models.Model):
    """One row that an import added (`before` is null) or changed, with the version that it left."""

    scope_rule = Through("imported")
    audited = False  # bookkeeping for undo; the rows themselves are audited where they changed

    id = models.BigAutoField(primary_key=True)
    imported = models.ForeignKey(Import, models.CASCADE, related_name="rows")
    record = models.CharField(max_length=64, db_collation="C")
    version = models.PositiveIntegerField(null=True)
    before = models.JSONField(null=True)
