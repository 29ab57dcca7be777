"""What every office's models are built from, and the kernel's own records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from . import clock
from .moments import MomentReadAs
from .scope import By, Mine, Open, ScopeRule, Through


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


Derived = tuple[str, Callable[[list[Any]], list[Any]]]
"""Which field values follow from, and how: of many records at once, so that a city's names are read in a second.

A field may follow from itself: so its one written form is kept."""


Sought = Callable[[str], list[tuple[str, str]]]
"""What a typed text may mean: fields, and how each begins in the rows that are meant."""


def given_fields(model: type[models.Model]) -> list[models.Field[Any, Any]]:
    """The columns that somebody gives a value; those that the database computes from others are not among them."""
    return [field for field in model._meta.concrete_fields if not field.generated]


def pointed(row: models.Model, name: str) -> Any:
    """What the field `name` holds; None for a foreign key whose record lies out of the reader's scope."""
    try:
        return getattr(row, name)
    except ObjectDoesNotExist:
        return None


class Kept(models.Model):
    """Anything that is kept: who may see it is declared, each change is audited, none is lost.

    `version` rises by one with each save; saving a row that somebody else changed meanwhile raises
    `Stale` and changes nothing. `derived` names the fields whose value follows from one other field, as
    pinyin initials do from a name; forms, imports and bulk code keep to it alike.

    Lists are sorted by what they show: `ordered_as` names for a field the one in whose order its values stand, as
    those of a number do, and `called_by` the field by which the record is called where others point at it. It is left
    out where half a table may point at one record, as at an industry: no index could serve that order.
    `sought` says for a field how it is searched where that is not by the beginning of what was typed.
    """

    scope_rule: ClassVar[ScopeRule | None] = None
    audited: ClassVar[bool] = True
    derived: ClassVar[Mapping[str, Derived]] = {}
    ordered_as: ClassVar[Mapping[str, str]] = {}
    sought: ClassVar[Mapping[str, Sought]] = {}
    called_by: ClassVar[str] = ""

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(_("Recorded at"), default=clock.now, editable=False)
    updated_at = models.DateTimeField(_("Changed at"), default=clock.now, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        abstract = True

    def prepare(self) -> None:
        """Fills what follows from other fields; `save` does it, bulk code calls it itself."""
        for name, (source, follows) in self.derived.items():
            (value,) = follows([getattr(self, source)])
            setattr(self, name, value)

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.prepare()
        if self._state.adding or self.pk is None:
            super().save(*args, **kwargs)
            return
        seen, self.version, self.updated_at = self.version, self.version + 1, clock.now()
        if kwargs.get("update_fields") is not None:
            wanted = set(kwargs["update_fields"])
            follow = {name for name, (source, _follows) in self.derived.items() if source in wanted}
            kwargs["update_fields"] = wanted | follow | {"version", "updated_at"}
        fields = kwargs.pop("update_fields", None)
        kwargs.pop("force_update", None)
        concrete = [
            f for f in given_fields(type(self))
            if not f.primary_key and (not isinstance(f, MomentReadAs) if fields is None else f.name in fields)
        ]  # fmt: skip
        values = {f.attname: f.pre_save(self, False) for f in concrete}
        if not type(self)._base_manager.filter(pk=self.pk, version=seen).update(**values):
            self.version = seen
            raise Stale(self._meta.label)


class Installation(models.Model):
    """This installation's own facts: one row."""

    scope_rule = Open("names the city and whether its data are synthetic; shown on every page")
    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    city_code = AreaCode(_("City of the installation"), default="500000000000")
    city_name = models.CharField(_("City name"), max_length=60, default="重庆市")
    demonstration = models.BooleanField(_("Demonstration data"), default=False)
    clock_shift = models.DurationField(_("Shift of the clock"), null=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="installation_is_one")]

    @classmethod
    def here(cls) -> Installation:
        """The facts of this installation; where none were entered those that stand until then."""
        return cls.objects.filter(pk=1).first() or cls()


class Event(models.Model):
    """The outbox: something that happened, told in the transaction in which it happened."""

    scope_rule = By(industry="industry_id", enterprise="enterprise_id")
    audited = False  # the outbox is itself a record, and what was done is audited where it was done
    append_only = True

    id = models.BigAutoField(primary_key=True)
    name = models.CharField(max_length=80)
    at = models.DateTimeField(default=clock.now)
    subject = models.CharField(max_length=120, blank=True)
    area_code = AreaCode()
    industry_id = models.CharField(max_length=24, null=True)
    enterprise_id = models.BigIntegerField(null=True)
    actor = models.CharField(max_length=120)
    facts = models.JSONField(default=dict)


class Delivery(models.Model):
    """One event for one handler: waiting, done, or dead after too many failures."""

    scope_rule = Through("event")
    audited = False  # bookkeeping of the worker; what a handler does is audited as the handler's

    id = models.BigAutoField(primary_key=True)
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    handler = models.CharField(max_length=120)
    subject = models.CharField(max_length=120, blank=True)
    state = models.CharField(max_length=8, default="waiting")
    attempts = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    # The database's own clock: waiting is a matter of real time, not of the demonstration's.
    next_try = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "handler"], name="delivery_once"),
            models.CheckConstraint(condition=models.Q(state__in=("waiting", "done", "dead")), name="delivery_state"),
        ]
        indexes = [
            models.Index(fields=["next_try"], condition=models.Q(state="waiting"), name="delivery_due"),
            models.Index(fields=["handler", "subject"], condition=models.Q(state="waiting"), name="delivery_order"),
        ]


class Progress(models.Model):
    """How far a long job is; its starter and those whose scope holds it may watch."""

    scope_rule = By(industry="industry_id", enterprise="enterprise_id", account="account_id")
    audited = False  # says how far a job is; what the job changes is audited

    id = models.BigAutoField(primary_key=True)
    title = models.CharField(max_length=200)
    area_code = AreaCode()
    industry_id = models.CharField(max_length=24, null=True)
    enterprise_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    state = models.CharField(max_length=8, default="waiting")
    done = models.PositiveBigIntegerField(default=0)
    total = models.PositiveBigIntegerField(null=True)
    phase = models.CharField(max_length=20, blank=True, default="")
    attempts = models.PositiveSmallIntegerField(default=0)
    result_url = models.CharField(max_length=300, blank=True)
    error = models.TextField(blank=True)
    started_at = models.DateTimeField(default=clock.now)
    changed_at = models.DateTimeField(default=clock.now)


class Notice(models.Model):
    """A message to one account, kept as a msgid with its values and read in the reader's language."""

    scope_rule = Mine("account_id")
    audited = False  # a message is a consequence; what it speaks of is audited

    id = models.BigAutoField(primary_key=True)
    account_id = models.BigIntegerField()
    at = models.DateTimeField(default=clock.now)
    message = models.CharField(max_length=300)
    params = models.JSONField(default=dict)
    url = models.CharField(max_length=300, blank=True)
    level = models.CharField(max_length=9, default="neutral")
    read_at = models.DateTimeField(null=True)
    outside = models.CharField(max_length=8, default="none")
    outside_error = models.TextField(blank=True)

    class Meta:
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["account_id", "-id"], name="notice_of"),
            models.Index(fields=["account_id"], condition=models.Q(read_at=None), name="notice_unread"),
        ]

    def __str__(self) -> str:
        from .notices import words

        return words(self)


class NoticePreference(Kept):
    """What an account wants told outside the product, and where."""

    scope_rule = Mine("account_id")
    account_id = models.BigIntegerField(unique=True)
    address = models.CharField(_("Address"), max_length=200, blank=True)
    levels = ArrayField(models.CharField(max_length=9), verbose_name=_("Levels sent out"), default=list, blank=True)


class Live(models.Model):
    """The last minutes of what was published live, so that a stream cut off can be taken up again."""

    scope_rule = By(industry="industry_id", enterprise="enterprise_id", account="account_id")
    audited = False  # a short-lived copy; what it tells is audited where it happened

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    topic = models.CharField(max_length=80)
    area_code = AreaCode()
    industry_id = models.CharField(max_length=24, null=True)
    enterprise_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    payload = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["at"], name="live_at")]
