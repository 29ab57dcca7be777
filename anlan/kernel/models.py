"""What every office's models are built from, and the kernel's own records."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from . import clock
from .scope import Open, ScopeRule


class AreaCode(models.CharField):
    """A 12-digit division code, compared byte by byte so that a prefix is an index range."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 12)
        kwargs.setdefault("db_collation", "C")
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        return name, path, args, kwargs


class Stale(Exception):
    """The record was changed by somebody else since it was read."""


class Kept(models.Model):
    """Anything that is kept: who may see it is declared, each change is audited, none is lost.

    `version` rises by one with each save; saving a row that somebody else changed meanwhile raises
    `Stale` and changes nothing.
    """

    scope_rule: ClassVar[ScopeRule | None] = None
    audited: ClassVar[bool] = True

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(_("Recorded at"), default=clock.now, editable=False)
    updated_at = models.DateTimeField(_("Changed at"), default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self._state.adding or self.pk is None:
            super().save(*args, **kwargs)
            return
        seen, self.version, self.updated_at = self.version, self.version + 1, clock.now()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "version", "updated_at"}
        fields = kwargs.pop("update_fields", None)
        kwargs.pop("force_update", None)
        concrete = [f for f in self._meta.concrete_fields if not f.primary_key and (fields is None or f.name in fields)]
        values = {f.attname: f.pre_save(self, False) for f in concrete}
        if not type(self)._base_manager.filter(pk=self.pk, version=seen).update(**values):
            self.version = seen
            raise Stale(self._meta.label)


class Installation(models.Model):
    """This installation's own facts: one row."""

    scope_rule = Open("names the city and whether its data are synthetic; shown on every page")
    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    city_code = AreaCode(_("City"), default="500000000000")
    city_name = models.CharField(_("City name"), max_length=60, default="重庆市")
    demonstration = models.BooleanField(_("Demonstration data"), default=False)
    clock_shift = models.DurationField(_("Shift of the clock"), null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="installation_is_one")]
