"""Accounts, their sessions, and the log of looks at personal data."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel import clock
from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import ANY, Actor, By, Mine, Scope, area_prefix

from .authorities import Authority
from .enterprises import Enterprise
from .people import Person

ROLES = (
    ("city", _("City safety committee office")),
    ("department", _("Industry department")),
    ("district", _("District bureau")),
    ("township", _("Township safety officer")),
    ("village", _("Village safety officer")),
    ("inspector", _("Inspector")),
    ("enterprise", _("Enterprise safety manager")),
    ("duty", _("Duty officer")),
)


class AccountManager(BaseUserManager["Account"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> Account:
        """A new account; without a password nobody can sign in with it until one is set."""
        account = self.model(username=username, **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account

    def signatures(self, keys: Collection[int]) -> dict[int, tuple[str, str]]:
        """By their keys, the user name of accounts and how what they did is signed: person, authority or enterprise."""
        rows = self.filter(pk__in=keys).select_related("authority", "enterprise")
        return {a.pk: (a.username, " · ".join(str(part) for part in (a, a.authority or a.enterprise) if part))
                for a in rows}  # fmt: skip


class Account(AbstractBaseUser, Kept):
    """A sign-in with one of the eight roles and one scope."""

    scope_rule = By(area="area_code", industry=ANY, enterprise="enterprise_id", account="id")
    audit_hides: ClassVar[tuple[str, ...]] = ("password",)
    personal = True

    id = models.BigAutoField(primary_key=True)
    username = models.CharField(_("User name"), max_length=60, unique=True)
    name = models.CharField(_("Name"), max_length=60)
    role = models.CharField(_("Role"), max_length=12, choices=ROLES)
    area_code = AreaCode(_("Area"))
    industries = ArrayField(models.CharField(max_length=24), verbose_name=_("Industries"), null=True, blank=True)
    authority = models.ForeignKey(Authority, models.PROTECT, null=True, blank=True, verbose_name=_("Authority"))
    enterprise = models.ForeignKey(Enterprise, models.PROTECT, null=True, blank=True, verbose_name=_("Enterprise"))
    person = models.ForeignKey(Person, models.SET_NULL, null=True, blank=True, verbose_name=_("Person"))
    language = models.CharField(_("Language"), max_length=8, default="zh-hans")
    is_active = models.BooleanField(_("Active"), default=True)

    objects = AccountManager()
    USERNAME_FIELD = "username"

    class Meta:
        verbose_name = _("Account")
        constraints: ClassVar = [
            # An enterprise user without an enterprise would be an official: the database forbids it.
            models.CheckConstraint(
                condition=models.Q(role="enterprise", enterprise__isnull=False)
                | (~models.Q(role="enterprise") & models.Q(enterprise__isnull=True)),
                name="account_enterprise_role",
            )
        ]

    @property
    def scope(self) -> Scope:
        """What this account may see and touch."""
        industries = None if self.industries is None else frozenset(self.industries)
        return Scope(area_prefix(self.area_code), industries, self.enterprise_id)

    @property
    def actor(self) -> Actor:
        return Actor("person", self.username, self.pk)

    def __str__(self) -> str:
        return self.name


class Session(AbstractBaseSession):
    """A signed-in browser, which its holder can see and end. Read and written by `parties.sessions`."""

    scope_rule = Mine("account_id")
    # Every click would leave an entry; signing in and out is audited at the account.
    audited: ClassVar[bool] = False

    account = models.ForeignKey(Account, models.CASCADE, null=True, related_name="sessions")
    address = models.GenericIPAddressField(_("Address"), null=True)
    device = models.CharField(_("Device"), max_length=200, default="")
    started_at = models.DateTimeField(_("Signed in"), default=clock.now)
    seen_at = models.DateTimeField(_("Last seen"), default=clock.now)

    class Meta:
        verbose_name = _("Session")

    @classmethod
    def get_session_store_class(cls) -> type:
        from ..sessions import SessionStore

        return SessionStore


class Looked(models.Model):
    """Somebody looked at personal data: who, at whose, where, when and through which page.

    Area, industry and enterprise are the looked-at person's, so that those who supervise there see it.
    """

    scope_rule = By(area="area_code", industry="industry_id", enterprise="enterprise_id", account="account_id")
    append_only = True
    # It is itself a trace and can only be added to.
    audited: ClassVar[bool] = False

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(_("When"), default=clock.now)
    account = models.ForeignKey(
        Account, models.DO_NOTHING, null=True, db_constraint=False, verbose_name=_("Who looked")
    )
    actor = models.CharField(_("Acted as"), max_length=80)
    table = models.CharField(_("Records"), max_length=60, db_column="table_name")
    row = models.CharField(_("Record"), max_length=40)
    page = models.CharField(_("Page"), max_length=200)
    area_code = AreaCode(_("Area"))
    industry_id = models.CharField(max_length=24, null=True)
    enterprise_id = models.BigIntegerField(null=True)

    class Meta:
        verbose_name = _("Look at personal data")
        indexes: ClassVar = [models.Index(fields=("table", "row", "-at")), models.Index(fields=("area_code", "-at"))]

    def __str__(self) -> str:
        return f"{self.actor} {self.table} {self.row}"
