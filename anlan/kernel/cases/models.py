"""What every case has, and what hangs on it.

One table per kind of case (an office subclasses `Case`); history, evidence, extensions, pauses and
handlers of all kinds stand in the tables here, keyed by (`case_kind`, `case_id`), each row with its own
copy of area, industry and enterprise so that the database can hold it to the reader's scope. People are
kept by id *and* by name and role as they were: a reader may not be in scope of who acted.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Func, Value
from django.db.models.functions import Reverse
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override

from anlan.kernel import clock, numbers
from anlan.kernel.models import AreaCode, Kept, Sought
from anlan.kernel.scope import By, Mine, Open

SCOPED = By(area="area_code", industry="industry_id", enterprise="enterprise_id")
BECAME = "became"
"""The move under which it stands in the history that another case came out of one."""


_BROAD = re.compile("([^0-9]+)([0-9]{1,4}〕?)?")


def _sought(typed: str) -> list[tuple[str, str]]:
    pairs = []
    for text in numbers.beginnings(typed) or [typed]:
        # So many numbers may begin as an authority's do that the index must tell which are in scope: that of their
        # order does. It has every numeral at eight digits, and years have four.
        broad = _BROAD.fullmatch(text)
        year = f"0000{broad[2]}" if broad and broad[2] else ""
        pairs.append(("number_order", f"{broad[1]}{year}") if broad else ("number", text))
    return [*pairs, *(("number_backwards", text[::-1]) for text in numbers.endings(typed))]


def _replaced(text: Any, pattern: str, by: str) -> Func:
    return Func(text, Value(pattern), Value(by), Value("g"), function="regexp_replace", output_field=models.TextField())


class Numbered(models.Model):
    """What bears the number of a case: 渝北安隐〔2013〕113号.

    The database computes from it in which order numbers stand (by authority, year and place in the series, as
    `number_order`: the number with each of its numerals at eight digits), and the number read from its end, by which
    it is found when only the end is known.
    """

    ordered_as: ClassVar[Mapping[str, str]] = {"number": "number_order"}
    sought: ClassVar[Mapping[str, Sought]] = {"number": _sought}

    number = models.CharField(_("Number"), max_length=60, editable=False)
    number_order = models.GeneratedField(
        expression=_replaced(_replaced(F("number"), "([0-9]+)", "00000000\\1"), "0*([0-9]{8,})", "\\1"),
        output_field=models.CharField(max_length=120, db_collation="C"),
        db_persist=True,
    )
    number_backwards = models.GeneratedField(
        expression=Reverse("number"), output_field=models.CharField(max_length=60, db_collation="C"), db_persist=True
    )

    class Meta:
        abstract = True


class Case(Numbered, Kept):
    """Something that must be driven to an end. The office's model adds `enterprise` (a foreign key) and its own facts.

    `area_code`, industry and enterprise say who may see the case. Whatever hangs on it follows when they change
    (`rescoping`); a model of the office's with a scope of its own says so by `scope_follows`, the name of its foreign
    key to the case. `owner_area_code` is the division of the authority that answers for the case: its tier decides
    who is "higher".
    `clock` says what the running time limit rests on (rule, value, unit, article); `due_at` is computed
    from it by `kernel.deadlines` and can be recomputed at any time.
    """

    scope_rule = SCOPED
    called_by = "number"

    number = models.CharField(_("Number"), max_length=60, unique=True, editable=False)
    title = models.CharField(_("Title"), max_length=200)
    area_code = AreaCode(_("Area"))
    industry = models.ForeignKey("parties.Industry", models.PROTECT, verbose_name=_("Industry"), null=True, blank=True)
    place = models.CharField(_("Place"), max_length=200, blank=True)
    lon = models.DecimalField(_("Longitude"), max_digits=9, decimal_places=6, null=True, blank=True)
    lat = models.DecimalField(_("Latitude"), max_digits=8, decimal_places=6, null=True, blank=True)
    level = models.CharField(_("Level"), max_length=24, blank=True)
    state = models.CharField(_("State"), max_length=24, editable=False, db_index=True)
    owner_area_code = AreaCode(_("Area of the authority in charge"), editable=False)
    authority_code = models.CharField(_("Authority in charge"), max_length=60, blank=True, editable=False)
    owner_id = models.BigIntegerField(_("Person in charge"), null=True, editable=False)
    owner_name = models.CharField(_("Person in charge"), max_length=60, blank=True, editable=False)
    opened_at = models.DateTimeField(_("Opened at"), default=clock.now, editable=False)
    started_at = models.DateTimeField(_("Time limit runs from"), null=True, editable=False)
    clock = models.JSONField(_("Time limit"), null=True, editable=False)
    clock_no = models.PositiveIntegerField(default=0, editable=False)
    due_at = models.DateTimeField(_("Due"), null=True, editable=False)
    closed_at = models.DateTimeField(_("Closed at"), null=True, editable=False)
    listed_at = models.DateTimeField(_("Listed for supervision at"), null=True, editable=False)
    listed_by = models.CharField(_("Listed for supervision by"), max_length=60, blank=True, editable=False)
    listed_by_area = AreaCode(_("Listing tier"), blank=True, editable=False)

    class Meta:
        abstract = True
        indexes: ClassVar = [
            models.Index(
                fields=("area_code", "due_at"), name="%(class)s_open_due", condition=models.Q(closed_at__isnull=True)
            ),
            models.Index(
                fields=("due_at", "number_order"),
                name="%(class)s_open_next",
                condition=models.Q(closed_at__isnull=True),
            ),
            models.Index(
                fields=("industry", "due_at", "number_order"),
                name="%(class)s_open_industry",
                condition=models.Q(closed_at__isnull=True),
            ),
            # What waits for an authority's own people, and for the person who took charge of it.
            models.Index(
                fields=("owner_area_code", "due_at"),
                name="%(class)s_open_seat",
                condition=models.Q(closed_at__isnull=True),
            ),
            models.Index(
                fields=("owner_id",),
                name="%(class)s_open_owner",
                condition=models.Q(closed_at__isnull=True, owner_id__isnull=False),
            ),
            # The list as it opens, newest first: of a large area along the sort. Of a small one by the area, for which
            # each kind declares an index with the day of its facts.
            models.Index(fields=("opened_at", "id", "area_code"), name="%(class)s_opened"),
            models.Index(fields=("industry", "opened_at", "id", "area_code"), name="%(class)s_industry"),
            models.Index(fields=("due_at", "id", "area_code"), name="%(class)s_due"),
            models.Index(fields=("number_order", "id", "area_code"), name="%(class)s_number"),
            models.Index(fields=("number_backwards",), name="%(class)s_backwards"),
        ]

    @classmethod
    def numbered(cls, number: str) -> Self | None:
        """The case of that number, None where there is none in scope.

        Read together with what it points at, so that an enterprise outside of the reader's scope reads as none
        instead of failing.
        """
        if "\0" in number:
            return None  # No text of the database holds a zero byte.
        named = {f.name for f in cls._meta.get_fields()}
        related = [name for name in ("industry", "enterprise") if name in named]
        return cls._default_manager.select_related(*related).filter(number=number).first()

    @property
    def kind(self) -> str:
        """The kind of case, as its life cycle is called."""
        return self.lifecycle.kind

    @classmethod
    def guards(cls) -> list[str]:
        """What the case's table needs besides policies and audit."""
        from .lifecycle import lifecycle_of
        from .rescoping import trigger

        return trigger(cls, lifecycle_of(cls).kind)

    @property
    def lifecycle(self) -> Any:
        """The declared life cycle of this kind of case."""
        from .lifecycle import lifecycle_of

        return lifecycle_of(type(self))

    def get_title(self) -> str:
        """Its title in the language in force, for kinds whose titles are made of words that have one."""
        return str(self.title)

    def titles(self) -> dict[str, str]:
        """Its title as facts keep it: also in English (`title_en`) where it has one. See `bilingual.in_language`."""
        with override("en"):
            english = self.get_title()
        return {"title": self.title} | ({"title_en": english} if english != self.title else {})

    @property
    def state_title(self) -> str:
        return str(self.lifecycle.state(self.state).title)

    @property
    def overdue(self) -> bool:
        """Whether the case is open and its time limit is over."""
        return self.closed_at is None and self.due_at is not None and self.due_at < clock.now()

    def get_absolute_url(self) -> str:
        return reverse("cases:case", args=(self.kind, self.number))

    def __str__(self) -> str:
        return f"{self.number} {self.get_title()}"


class CasePart(models.Model):
    """A row that belongs to one case of any kind and is in scope as the case is, also when that changes."""

    scope_rule = SCOPED

    id = models.BigAutoField(primary_key=True)
    case_kind = models.CharField(max_length=24)
    case_id = models.BigIntegerField()
    area_code = AreaCode()
    industry_id = models.CharField(max_length=24, null=True)
    enterprise_id = models.BigIntegerField(null=True)

    class Meta:
        abstract = True
        indexes: ClassVar = [models.Index(fields=("case_kind", "case_id"), name="%(class)s_case")]

    @classmethod
    def keys(cls, case: Case) -> dict[str, Any]:
        """The columns that tie a row to `case` and its scope."""
        return {
            "case_kind": case.kind,
            "case_id": case.pk,
            "area_code": case.area_code,
            "industry_id": getattr(case, "industry_id", None),
            "enterprise_id": getattr(case, "enterprise_id", None),
        }

    @classmethod
    def of(cls, case: Case) -> models.QuerySet[Any]:
        """The rows of one case."""
        return cls._default_manager.filter(case_kind=case.kind, case_id=case.pk)


class CaseEntry(CasePart):
    """One thing that happened to a case. Only ever added: the database refuses change and removal.

    Its scope alone follows the case (`rescoping`), by no hand.
    """

    append_only = True

    at = models.DateTimeField(default=clock.now)
    move = models.CharField(max_length=40)
    from_state = models.CharField(max_length=24, blank=True)
    to_state = models.CharField(max_length=24)
    version = models.PositiveIntegerField()
    due_at = models.DateTimeField(null=True)
    late = models.BooleanField(default=False)
    by_id = models.BigIntegerField(null=True)
    by_name = models.CharField(max_length=60)
    by_role = models.CharField(max_length=12, blank=True)
    facts = models.JSONField(default=dict, encoder=DjangoJSONEncoder)

    class Meta(CasePart.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("case_kind", "case_id", "version"), name="one_entry_per_version")
        ]
        # By its case it is found through the constraint's own index.
        indexes: ClassVar = [models.Index(fields=("at", "id", "area_code", "industry_id"), name="caseentry_latest")]
        ordering = ("id",)


class EvidenceFile(CasePart):
    """A file given as evidence; the bytes stand in the store under their SHA-256 (`kernel.files`)."""

    append_only = True
    names_files = True

    entry = models.ForeignKey(CaseEntry, models.PROTECT, related_name="files")
    demand = models.CharField(_("Shows"), max_length=40)
    name = models.CharField(_("Name"), max_length=200)
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(_("Type"), max_length=100)
    size = models.PositiveBigIntegerField(_("Size in bytes"))
    given_at = models.DateTimeField(default=clock.now)

    class Meta(CasePart.Meta):
        ordering = ("id",)


class Extension(CasePart):
    """More time for the running limit, asked by one and granted or refused by another."""

    clock_no = models.PositiveIntegerField()
    value = models.PositiveIntegerField(_("More time"))
    unit = models.CharField(max_length=12)
    reason = models.TextField(_("Reason"))
    asked_at = models.DateTimeField(default=clock.now)
    asked_by_id = models.BigIntegerField()
    decided_at = models.DateTimeField(null=True)
    decided_by_id = models.BigIntegerField(null=True)
    granted = models.BooleanField(null=True)

    class Meta(CasePart.Meta):
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(decided_by_id__isnull=True) | ~models.Q(decided_by_id=models.F("asked_by_id")),
                name="extension_decided_by_another",
            ),
            models.UniqueConstraint(
                fields=("case_kind", "case_id"),
                condition=models.Q(decided_at__isnull=True),
                name="one_open_extension",
            ),
        ]


class Pause(CasePart):
    """[`begin`, `end`) does not count towards the time limit; without `end` it still runs."""

    begin = models.DateTimeField()
    end = models.DateTimeField(null=True)
    reason = models.TextField(_("Reason"))

    class Meta(CasePart.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("case_kind", "case_id"), condition=models.Q(end__isnull=True), name="one_open_pause"
            )
        ]


class Handler(CasePart):
    """Somebody who works on the case beside the person in charge."""

    account_id = models.BigIntegerField()
    name = models.CharField(max_length=60)
    since = models.DateTimeField(default=clock.now)

    class Meta(CasePart.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("case_kind", "case_id", "account_id"), name="handler_once")
        ]


class Reminder(CasePart):
    """A reminder that fell due: once per case, deadline and day before or after it, whenever it is computed.

    Of a limit that rises by the minute it is `offset_minutes` after the deadline, by `rule`; else `offset_days`, by the
    rules of `law/cases.yaml`.
    """

    append_only = True
    audited = False  # computed from case, deadline and table; computing again gives the same rows

    due_at = models.DateTimeField()
    offset_days = models.SmallIntegerField(default=0)
    offset_minutes = models.PositiveIntegerField(default=0)
    rule = models.CharField(max_length=80, default="")
    remind_at = models.DateTimeField()
    tier = models.CharField(max_length=24)
    made_at = models.DateTimeField(default=clock.now)

    class Meta(CasePart.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("case_kind", "case_id", "due_at", "rule", "offset_days", "offset_minutes"), name="reminded_once"
            )
        ]


class CaseLink(CasePart):
    """A case and another one: this one came out of it (`came_from`), or it out of this. Each of the two has a row."""

    append_only = True

    other_kind = models.CharField(max_length=24)
    other_id = models.BigIntegerField()
    came_from = models.BooleanField()
    by_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=clock.now)

    class Meta(CasePart.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("case_kind", "case_id", "other_kind", "other_id"), name="linked_once")
        ]


class OpeningKey(models.Model):
    """Which case a client's request opened: the same request sent again finds it instead of opening a second."""

    scope_rule = Mine("account_id")
    audited = False  # says which request was answered; the case that it opened is audited

    account_id = models.BigIntegerField()
    key = models.CharField(max_length=100)
    digest = models.CharField(max_length=64)
    case_kind = models.CharField(max_length=24, blank=True)
    case_id = models.BigIntegerField(null=True)
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=("account_id", "key"), name="opened_once_per_key")]


class Upload(models.Model):
    """A file that an account has sent and may name as evidence; kept as evidence only once a case takes it."""

    scope_rule = Mine("account_id")
    names_files = True
    audited = False  # what a case takes as evidence is audited there

    account_id = models.BigIntegerField()
    name = models.CharField(_("Name"), max_length=200)
    sha256 = models.CharField(max_length=64)
    media_type = models.CharField(_("Type"), max_length=100)
    size = models.PositiveBigIntegerField(_("Size in bytes"))
    at = models.DateTimeField(default=clock.now)


class CaseCounter(models.Model):
    """The last number given per kind, authority and year; its row lock makes numbers gapless and unique."""

    scope_rule = Open("a count of numbers given, no facts of any case; a township counts in its district's row")
    audited = False  # each number stands in the case that got it

    series = models.CharField(max_length=100)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=("series", "year"), name="one_counter_per_series")]
