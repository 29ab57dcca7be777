"""The list behind a register: filters from the URL, sort, keyset paging, bounded counts, search.

Everything is a constant number of queries, whatever the page size, and every condition is one that an
index can serve underneath row security (ranges instead of LIKE, which is not leak-proof).
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

import django_filters
from django import forms
from django.core.exceptions import EmptyResultSet, ValidationError
from django.db import connection, models
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from .. import areas, entered
from ..clock import BEIJING
from ..models import AreaCode, pointed
from ..policies import rule_of
from ..policy import own_industry
from ..scope import By, acting_now, area_prefix
from . import columns as columns_of
from .declaration import Register, register_of
from .picking import AreaWidget, Unclear, area_of, key_field, pick_widget
from .problems import BadQuery

PAGE = 50
LARGEST_PAGE = 200
COUNTED = 1_000
"""Counts beyond this are estimated or shown as "more than", unless somebody asks for all: ten times as far costs ten
times as long, for each page of a list."""

FEW = 6_000
"""About so many rows are sooner found and sorted than walked to along the sort of a table of millions."""
ALL = "all"
"""What an address says as `count` to have all the rows counted."""


class AreaFilter(django_filters.CharFilter):
    """Everything in a division and below it; the division by code (or its beginning) or by name."""

    def filter(self, qs: models.QuerySet[Any], value: str) -> models.QuerySet[Any]:
        if not value:
            return qs
        code = value.ljust(12, "0")
        if not (code.isascii() and code.isdigit() and len(code) == 12):
            try:
                code = area_of(value)
            except Unclear as unclear:
                raise BadQuery(str(self.field_name), unclear.message) from None
        return qs.filter(areas.within(area_prefix(code), str(self.field_name)))


class RecordFilter(django_filters.ModelChoiceFilter):
    """Rows that point at one record."""

    field_class = key_field(django_filters.fields.ModelChoiceField)


class LastDayFilter(django_filters.DateFilter):
    """Moments up to the end of a day in Beijing, as a bound that an index serves."""

    def filter(self, qs: models.QuerySet[Any], value: dt.date | None) -> models.QuerySet[Any]:
        if value is None:
            return qs
        end = dt.datetime.combine(value, dt.time.max, BEIJING)
        return qs.filter(**{f"{self.field_name}__lte": end})


class FirstDayFilter(django_filters.DateFilter):
    """Moments from the beginning of a day in Beijing."""

    def filter(self, qs: models.QuerySet[Any], value: dt.date | None) -> models.QuerySet[Any]:
        if value is None:
            return qs
        return qs.filter(**{f"{self.field_name}__gte": dt.datetime.combine(value, dt.time.min, BEIJING)})


class PrefixFilter(django_filters.CharFilter):
    """Texts that begin with the value."""

    def filter(self, qs: models.QuerySet[Any], value: str) -> models.QuerySet[Any]:
        return qs.filter(begins(str(self.field_name), value)) if value else qs


def begins(field: str, text: str) -> Q:
    """`field` begins with `text`, as a range: U+10FFFF sorts after every character of a longer text."""
    return Q(**{f"{field}__gte": text, f"{field}__lt": text + "\U0010ffff"})


class Narrowing(Protocol):
    """Narrows lists by parameters of the address that are no filters of fields."""

    parameters: tuple[str, ...]

    def rows(
        self, declared: type[Register], rows: models.QuerySet[Any], asked: Mapping[str, Any]
    ) -> models.QuerySet[Any]:
        """The rows that the address asks for. Raises `BadQuery`."""
        ...

    def chips(
        self, declared: type[Register], asked: Mapping[str, Any], rows: models.QuerySet[Any]
    ) -> list[tuple[str, str, tuple[str, ...]]]:
        """What is asked of `rows` in words: label, value, and the parameters to leave out to have it gone."""
        ...


narrowings: list[Narrowing] = []


def narrow_by(narrowing: Narrowing) -> None:
    """Adds a way to narrow every register's list."""
    narrowings.append(narrowing)


def filterset(declared: type[Register]) -> type[django_filters.FilterSet]:
    """The register's filters as a django-filter class, chosen by the fields' types."""
    made: dict[str, Any] = {}
    for name in declared.filters:
        field = declared.field(name)
        assert field is not None
        label = field.verbose_name
        if isinstance(field, AreaCode):
            made[name] = AreaFilter(field_name=field.name, label=label, widget=AreaWidget())
        elif field.get_internal_type() == "BooleanField":  # computed ones too
            made[name] = django_filters.BooleanFilter(field_name=field.name, label=label)
        elif isinstance(field, models.ForeignKey):
            made[name] = _record_filter(field, pick_widget(field))
        elif choices := declared.choices.get(name, field.choices):
            # Of one's own column no row comes twice; DISTINCT would sort the whole list to show its first page.
            made[name] = django_filters.MultipleChoiceFilter(
                field_name=field.name, label=label, choices=choices, distinct=False
            )
        elif isinstance(field, models.DateField):
            moment = isinstance(field, models.DateTimeField)
            made[f"{name}_from"] = (FirstDayFilter if moment else django_filters.DateFilter)(
                field_name=field.name, lookup_expr="gte", label=_("%(field)s from") % {"field": label},
                widget=forms.DateInput(attrs={"type": "date"}),
            )  # fmt: skip
            made[f"{name}_to"] = (LastDayFilter if moment else django_filters.DateFilter)(
                field_name=field.name, lookup_expr="lte", label=_("%(field)s to") % {"field": label},
                widget=forms.DateInput(attrs={"type": "date"}),
            )  # fmt: skip
        elif isinstance(field, models.CharField | models.TextField):
            plain = django_filters.CharFilter if name in declared.exact else PrefixFilter
            made[name] = plain(field_name=field.name, label=label)
        else:
            made[name] = django_filters.NumberFilter(field_name=field.name, label=label)
    # From a record one comes to those that point at it, whether or not the list offers that filter itself.
    for field in pointing(declared):
        made.setdefault(field.name, _record_filter(field, forms.HiddenInput()))
    made["Meta"] = type("Meta", (), {"model": declared.model, "fields": []})
    return type(f"{declared.__name__}Filters", (django_filters.FilterSet,), made)


def pointing(declared: type[Register]) -> list[models.ForeignKey[Any, Any]]:
    """The fields by which the register's records point at records of a register."""
    found = (f for f in declared.model._meta.concrete_fields if isinstance(f, models.ForeignKey))
    return [f for f in found if isinstance(f.related_model, type) and register_of(f.related_model) is not None]


def _record_filter(field: models.Field[Any, Any], widget: forms.Widget) -> RecordFilter:
    return RecordFilter(
        field_name=field.name,
        label=field.verbose_name,
        widget=widget,
        queryset=lambda request: _to_be_named(field.related_model, request),
    )


def _to_be_named(model: Any, request: Any) -> models.QuerySet[Any]:
    """The records that may be asked for: those of a register that the reader may see, and no other's names."""
    declared, rows = register_of(model), model._default_manager.all()
    user = getattr(request, "auth", None) or getattr(request, "user", None)  # a caller with a token, or who signed in
    return rows if declared is None or user is None else declared.policy.which(user, "see")


def parameters(declared: type[Register]) -> list[str]:
    """The names under which the register's filters stand in an address."""
    return list(filterset(declared).base_filters)


@dataclass(frozen=True, slots=True)
class Count:
    """How many rows there are; `exact` is False where there are more than were counted.

    Then `about` is the planner's estimate to two digits, where it can be relied on. Whether there are a `few`, so that
    they are sooner found and sorted than walked to along the sort, rests on that estimate even where it is not told.
    """

    number: int
    exact: bool
    about: int | None = None
    few: bool = True


def counted(*lists: models.QuerySet[Any]) -> list[Count]:
    """How many rows each list has, counted to `COUNTED` at most; one query for all of them."""
    parts: list[str] = []
    params: list[Any] = []
    for rows in lists:
        try:
            sql, asked = rows.order_by().values("pk")[: COUNTED + 1].query.sql_with_params()
        except EmptyResultSet:
            sql, asked = "SELECT 1 WHERE false", ()
        parts.append(f"(SELECT count(*) FROM ({sql}) AS counted)")
        params += asked
    if not parts:
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)}", params)
        return [Count(min(n, COUNTED), n <= COUNTED, few=n <= COUNTED) for n in cursor.fetchone()]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list. `after` and `before` are cursors for the neighbouring pages, or empty."""

    rows: list[Any]
    after: str
    before: str


@dataclass(frozen=True, slots=True)
class Listing:
    """A register's list as one URL asks for it."""

    declared: type[Register]
    rows: models.QuerySet[Any]
    filters: django_filters.FilterSet
    sort: str
    columns: tuple[str, ...]
    whole_of_area: bool = False
    """Nothing is asked of the rows but where they lie."""
    sought: frozenset[str] = frozenset()
    """The fields in which a text is looked for."""
    to_the_end: bool = False
    """Somebody asks how many there are, however long it takes to count them."""

    def count(self) -> Count:
        """Counts, no further than `COUNTED` unless it is asked for; of a long list the planner tells about how many.

        Only of a list of whatever lies in an area. The planner takes what else is asked to be as frequent there as in
        the whole table: it would be wrong by a factor of hundred (where a text begins the number of a case, it says the
        district too), and it would tell how frequent that is at the neighbours'.
        """
        rows = self.rows.order_by()
        if self.to_the_end:
            number = rows.count()
            return Count(number, True, few=number <= FEW)
        (found,) = counted(rows)
        if found.exact:
            return found
        about = json.loads(rows.explain(format="json"))[0]["Plan"]["Plan Rows"]
        told = round(about, 2 - len(str(about))) if self.whole_of_area and about > COUNTED else None
        # The planner takes rows that a text begins to be few: numbers of cases begin with their district's name.
        return Count(found.number, False, told, about <= FEW and not self.sought)

    def whole(self) -> models.QuerySet[Any]:
        """All the rows in the order of the list, for an export: those without a value last in both directions."""
        name, down = self._order, self.sort.startswith("-")
        nulls = {"nulls_last": True} if _may_miss(self.declared.model, name) else {}
        return self.rows.order_by(F(name).desc(**nulls) if down else F(name).asc(**nulls), "-pk" if down else "pk")

    @property
    def _order(self) -> str:
        """The path by which the rows are sorted."""
        return self.declared.order_of(self.sort.removeprefix("-"))

    def page(self, cursor: str = "", size: int = PAGE, few: bool = False) -> Page:
        """The page that the cursor points at; the first one for an empty cursor. Raises `BadQuery`.

        `few`: the rows are found by what is asked, and sorted. Otherwise they are walked to along the sort. The
        planner, which takes what is asked and the sort to have nothing to do with each other, would often do the one
        where the other is right, and read half a table. Where a text is looked for and the sort goes by something else
        nothing is known, and the planner chooses.
        """
        backwards, mark = self._mark(cursor)
        if few or (self.sought and self._order not in self.sought):
            return self._page(self.rows, backwards, mark, size, few)
        with _along_the_sort():
            return self._page(self.rows.filter(own_industry(self.declared.model)), backwards, mark, size, few)

    def _page(
        self, rows: models.QuerySet[Any], backwards: bool, mark: tuple[Any, Any] | None, size: int, few: bool
    ) -> Page:
        name, down = self._order, self.sort.startswith("-")
        flip = down != backwards
        value = Func(F(name), F(name), function="COALESCE") if few else F(name)  # the same, and no index is sorted so
        order = (value.desc() if flip else value.asc(), "-pk" if flip else "pk")
        found: list[Any] = []
        for part in self._parts(rows, name, mark, up=not flip, backwards=backwards):
            found += part.order_by(*order).select_related(*self._related())[: size + 1 - len(found)]
            if len(found) > size:
                break
        more, found = len(found) > size, found[:size]
        if backwards:
            found.reverse()
        forward = more if not backwards else True
        back = mark is not None if not backwards else more
        if not found:
            return Page([], "", "")
        return Page(
            found,
            _encode(False, name, found[-1]) if forward else "",
            _encode(True, name, found[0]) if back else "",
        )

    def _mark(self, cursor: str) -> tuple[bool, tuple[Any, Any] | None]:
        """Whether the cursor goes backwards, and value and key of the row next to the page. Raises `BadQuery`."""
        if not cursor:
            return False, None
        backwards, (value, key) = _decode(cursor)
        try:
            key = self.declared.model._meta.pk.to_python(key)
            value = None if value is None else _last(self.declared.model, self._order).to_python(value)
            if isinstance(value, dt.date):
                entered.in_calendar(value)
            elif isinstance(value, Decimal) and not -99 < value.adjusted() < 99:
                raise _not_ours()
        except ValidationError:
            raise _not_ours() from None
        if value is None and not _may_miss(self.declared.model, self._order):
            raise _not_ours()
        return backwards, (value, key)

    def _parts(
        self, rows: models.QuerySet[Any], name: str, mark: tuple[Any, Any] | None, *, up: bool, backwards: bool
    ) -> list[models.QuerySet[Any]]:
        """The rows on the far side of the mark (value, key), in parts in the order in which they are read.

        Rows without a value stand last in both directions of sort. They are a part of their own: an index that is
        read downwards has them first, so one query for all would sort the whole table.
        """
        misses = _may_miss(self.declared.model, name)
        there, empty = (rows.filter(**{f"{name}__isnull": none}) if misses else rows for none in (False, True))
        if mark is None:
            return [there, empty] if misses else [there]
        op, (value, key) = "gt" if up else "lt", mark
        tie = Q(**{f"pk__{op}": key})
        if value is None:
            return [empty.filter(tie), there] if backwards else [empty.filter(tie)]
        # A plain bound on the column stands beside the exact condition, so that an index serves the jump.
        beyond = there.filter(Q(**{f"{name}__{op}e": value}) & (Q(**{f"{name}__{op}": value}) | tie))
        return [beyond, empty] if misses and not backwards else [beyond]

    def _related(self) -> list[str]:
        """The foreign keys that the columns show, or the sort goes by: fetched in the same query."""
        fields = (self.declared.field(name) for name in (*self.columns, self.sort.removeprefix("-")))
        return [f.name for f in fields if isinstance(f, models.ForeignKey)]


@contextmanager
def _along_the_sort() -> Iterator[None]:
    """The planner sorts nothing that an index has in order."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_sort = off")
        yield
        cursor.execute("SET LOCAL enable_sort = on")


def _last(model: Any, path: str) -> models.Field[Any, Any]:
    """The field at the end of a path."""
    first, _sep, rest = path.partition("__")
    field: Any = model._meta.get_field(first)
    return _last(field.related_model, rest) if rest else field


def _may_miss(model: Any, path: str) -> bool:
    """Whether rows may have no value there: what a row points at may lie outside of the reader's scope."""
    return "__" in path or _last(model, path).null


def _encode(backwards: bool, path: str, row: Any) -> str:
    held, (*steps, name) = row, path.split("__")
    for step in steps:
        held = pointed(held, step)
    value = None
    if held is not None:
        field = held._meta.get_field(name)
        value = None if getattr(held, field.attname) is None else field.value_to_string(held)
    raw = json.dumps([int(backwards), value, str(row.pk)])
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def _not_ours() -> BadQuery:
    return BadQuery("cursor", _("This page address is not one of ours. Start from the first page."))


def _decode(cursor: str) -> tuple[bool, tuple[Any, Any]]:
    try:
        raw = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4)))
        backwards, value, key = raw
        if backwards not in (0, 1) or not isinstance(key, str) or not isinstance(value, str | None):
            raise ValueError
        if b"\0" in (key + (value or "")).encode():  # what cannot be encoded cannot be asked either
            raise ValueError
    except (ValueError, TypeError, RecursionError, binascii.Error, UnicodeError):
        raise _not_ours() from None
    return bool(backwards), (value, key)


def listing(
    declared: type[Register], rows: models.QuerySet[Any], asked: Mapping[str, Any], request: Any = None
) -> Listing:
    """Applies what the URL asks to `rows` (already narrowed by the policy). Raises `BadQuery`."""
    for name, value in asked.items():
        if "\0" in str(value):
            raise BadQuery(name, _("Null characters are not allowed."))
    filters = filterset(declared)(asked, queryset=rows, request=request)
    if not filters.is_valid():
        name, errors = next(iter(filters.errors.items()))
        raise BadQuery(name, errors[0])
    text = str(asked.get("q") or "").strip()
    pairs = sought(declared, text) if text else []
    sort = str(asked.get("sort") or _order_of_what_is_sought(declared, pairs) or declared.order)
    column = sort.removeprefix("-")
    if not declared.sortable(column) or column not in {*declared.columns, declared.order.removeprefix("-")}:
        raise BadQuery("sort", _("The list cannot be sorted by this."))
    if asked.get("count") not in (None, "", ALL):
        raise BadQuery("count", _("Only “all” can be said here."))
    found = filters.qs
    asked_of = [n for n, value in filters.form.cleaned_data.items() if value not in (None, "", [])]
    whole = _all_of_an_area(declared) and all(_where_it_lies(declared, filters.filters[n]) for n in asked_of)
    for narrowing in narrowings:
        found = narrowing.rows(declared, found, asked)
        whole = whole and not any(asked.get(n) for n in narrowing.parameters)
    if text:
        found = found.filter(begins_with_any(pairs))
    shown = columns_of.chosen(declared, asked)
    fields = frozenset(name for name, _begins in pairs)
    return Listing(declared, found, filters, sort, shown, whole and not text, fields, asked.get("count") == ALL)


def _order_of_what_is_sought(declared: type[Register], pairs: Iterable[tuple[str, str]]) -> str:
    """The sort by the one column in which a text is looked for, in the direction of the list's own; else nothing.

    The list of all cases whose number begins so opens in the order of the numbers, in which they lie side by side.
    """
    fields = {name for name, _begins in pairs}
    found = [c for c in declared.columns if fields == {declared.order_of(c)}]
    return ("-" if declared.order.startswith("-") else "") + found[0] if found else ""


def _all_of_an_area(declared: type[Register]) -> bool:
    """Whether whoever acts sees whatever lies in his area, and nothing else: of that the planner knows how much there
    is. It takes what follows other records, is one's own or was published, to be a share of the whole table."""
    now, rule = acting_now(), rule_of(declared.model)
    by_area = isinstance(rule, By) and not rule.account and not rule.published
    return by_area and now is not None and now[1].industries is None and now[1].enterprise is None


def _where_it_lies(declared: type[Register], asked: Any) -> bool:
    rule = rule_of(declared.model)
    return isinstance(asked, AreaFilter) and isinstance(rule, By) and asked.field_name == rule.area


def matches(declared: type[Register], text: str) -> Q:
    """Rows that `text` may mean: one of their search fields begins with it, or what the model says (`Kept.sought`)."""
    return begins_with_any(sought(declared, text))


def sought(declared: type[Register], text: str) -> list[tuple[str, str]]:
    """The fields in which the register is searched for `text`, each with how it begins in the rows that are meant."""
    own = getattr(declared.model, "sought", {})
    pairs: list[tuple[str, str]] = []
    for name in declared.search:
        pairs += own[name](text) if name in own else [(name, spelled) for spelled in spellings(text)]
    return pairs


def spellings(text: str) -> tuple[str, ...]:
    """The text as it was typed and in either case (of codes and pinyin), each once."""
    return tuple(dict.fromkeys((text, text.upper(), text.lower())))


def begins_with_any(pairs: Iterable[tuple[str, str]]) -> Q:
    """Rows in which one of the fields begins as it stands beside it."""
    condition = Q(pk__in=[])
    for name, text in pairs:
        condition |= begins(name, text)
    return condition
