"""What the registers keep themselves: tokens of client programs, and saved views of lists."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from .. import clock
from ..models import AreaCode, Kept
from ..scope import ANY, By, Mine, Through

PREFIX = "anlan_"
USED_EVERY = timedelta(minutes=5)
"""How exact "last used" of a token is: it is written at most this often."""


class ApiToken(Kept):
    """Lets a client program act for an account, in its scope, no further than `scopes` say.

    A scope is `REGISTER:read`, `REGISTER:write`, `*:read` or `*:write` (writing includes reading).
    Only the SHA-256 of the token is kept: 256 random bits need no slow hash.
    """

    scope_rule = Mine("account_id")
    audit_hides: ClassVar[tuple[str, ...]] = ("digest",)

    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(_("Client"), max_length=60)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    scopes = ArrayField(models.CharField(max_length=80), verbose_name=_("Scopes"))
    expires_at = models.DateTimeField(_("Expires"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("Revoked"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API token")

    @classmethod
    def issue(cls, account: models.Model, name: str, scopes: list[str], expires_at: datetime | None = None) -> str:
        """Makes a token and returns it: the only moment at which it can be read."""
        token = PREFIX + secrets.token_urlsafe(32)
        cls.objects.create(account=account, name=name, scopes=scopes, expires_at=expires_at, digest=cls.hashed(token))
        return token

    @staticmethod
    def hashed(token: str) -> str:
        return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()

    @classmethod
    def holding(cls, token: str) -> Self | None:
        """The token's row if it is valid now; that it was used is noted.

        The caller must act as a machine, for which all rows are open.
        """
        rows = cls.objects.select_related("account", "use").filter(digest=cls.hashed(token), revoked_at__isnull=True)
        found, now = rows.first(), clock.now()
        if found is None or (found.expires_at is not None and found.expires_at <= now):
            return None
        used = getattr(found, "use", None)
        if used is None or abs(now - used.at) > USED_EVERY:
            TokenUse.objects.update_or_create(token=found, defaults={"at": now})
        return found

    def allows(self, register: str, write: bool) -> bool:
        """Whether the token's own scopes let its client read or write that register."""
        wanted = {f"{register}:write", "*:write"} | (set() if write else {f"{register}:read", "*:read"})
        return not wanted.isdisjoint(self.scopes)

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Errand:
    """What a token may be made for besides registers. `may` says whether an account has a right to it."""

    scope: str
    title: Any
    may: Callable[[Any], bool]


errands: list[Errand] = []
"""Declared by the offices to which the errands lead; `*` in a token's scopes does not include them."""


class TokenUse(models.Model):
    """When a token was last used."""

    scope_rule = Through("token")
    # Each call of a client would leave an entry; what it changes is audited where it changes it.
    audited: ClassVar[bool] = False

    token = models.OneToOneField(ApiToken, models.CASCADE, primary_key=True, related_name="use")
    at = models.DateTimeField(_("Last used"))


class SavedView(Kept):
    """A list's filters, sort and columns under a name: its maker's own, or shared with who covers its area.

    `query` is the list's address without page and view (`saved.state_of`). Of an enterprise's views other
    enterprises see nothing, nor of officials' views any enterprise.
    """

    scope_rule = By(area="area_code", industry=ANY, enterprise="enterprise_id", account="account_id")

    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    register = models.CharField(max_length=60)
    name = models.CharField(_("Name of the view"), max_length=60)
    query = models.CharField(max_length=2000, blank=True, default="")
    shared = models.BooleanField(_("Shared"), default=False)
    area_code = AreaCode()
    enterprise_id = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("Saved view")
        indexes: ClassVar = [models.Index(fields=("register", "area_code"))]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("account", "register", "name"), name="saved_view_named_once")
        ]

    def __str__(self) -> str:
        return self.name


class ListDefault(Kept):
    """With which view a person opens a list."""

    scope_rule = Mine("account_id")

    account = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="list_defaults")
    register = models.CharField(max_length=60)
    # Its maker may remove a shared view without seeing who opens his list with it: it then opens with everything.
    view = models.ForeignKey(SavedView, models.DO_NOTHING, db_constraint=False)

    class Meta:
        verbose_name = _("Default view")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("account", "register"), name="list_default_once"),
        ]


class Removal(models.Model):
    """Why a record was removed. What it held stands in the audit."""

    scope_rule = By(area="area_code", industry="industry_id", enterprise="enterprise_id")
    append_only = True
    # It is itself a trace and can only be added to.
    audited: ClassVar[bool] = False

    at = models.DateTimeField(_("When"), default=clock.now)
    actor = models.CharField(_("Who"), max_length=80)
    table = models.CharField(_("Records"), max_length=60, db_column="table_name")
    row = models.CharField(_("Record"), max_length=40)
    label = models.CharField(_("Called"), max_length=200)
    reason = models.CharField(_("Reason"), max_length=500)
    area_code = AreaCode(_("Area"))
    industry_id = models.CharField(max_length=24, null=True)
    enterprise_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("Removal")
        indexes: ClassVar = [models.Index(fields=("area_code", "-at"))]

    def __str__(self) -> str:
        return f"{self.label}: {self.reason}"
