"""The nouns that all offices share: divisions, industries, authorities, enterprises, people, accounts."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from anlan.kernel.models import AreaCode, Kept
from anlan.kernel.scope import ANY, Actor, By, Open, Scope

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


class Industry(models.Model):
    """A supervised industry of the notice."""

    scope_rule = Open("a public list")
    code = models.CharField(max_length=24, primary_key=True)
    name = models.CharField(_("Name"), max_length=40)
    name_en = models.CharField(_("English name"), max_length=60)
    high_hazard = models.BooleanField(_("High hazard"), default=False)
    order = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ("order",)

    def __str__(self) -> str:
        from django.utils.translation import get_language

        return self.name_en if (get_language() or "zh").startswith("en") else self.name


class AccountManager(BaseUserManager["Account"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> Account:
        account = self.model(username=username, **fields)
        account.set_password(password)
        account.save(using=self._db)
        return account


class Account(AbstractBaseUser, Kept):
    """A sign-in with one of the eight roles and one scope."""

    scope_rule = By(area="area_code", industry=ANY, enterprise="enterprise_id", account="id")
    audit_hides: ClassVar[tuple[str, ...]] = ("password",)

    id = models.BigAutoField(primary_key=True)
    username = models.CharField(_("User name"), max_length=60, unique=True)
    name = models.CharField(_("Name"), max_length=60)
    role = models.CharField(_("Role"), max_length=12, choices=ROLES)
    area_code = AreaCode(_("Area"))
    industries = ArrayField(models.CharField(max_length=24), verbose_name=_("Industries"), null=True, blank=True)
    enterprise_id = models.BigIntegerField(_("Enterprise"), null=True, blank=True)
    language = models.CharField(_("Language"), max_length=8, default="zh-hans")
    is_active = models.BooleanField(_("Active"), default=True)

    objects = AccountManager()
    USERNAME_FIELD = "username"

    @property
    def scope(self) -> Scope:
        """What this account may see and touch."""
        from anlan.kernel.scope import area_prefix

        industries = None if self.industries is None else frozenset(self.industries)
        return Scope(area_prefix(self.area_code), industries, self.enterprise_id)

    @property
    def actor(self) -> Actor:
        return Actor("person", self.username, self.pk)

    def __str__(self) -> str:
        return self.name
