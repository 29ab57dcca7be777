"""Rows of every scoped table, planted at places inside and outside of an account's scope.

Whatever the model, each text of a row carries the marker it was planted with, so that a leak anywhere in the
product is found by looking for the marker in what the product answers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import IntegrityError, connection, models, transaction

from anlan.engines.papers import encode
from anlan.kernel import files
from anlan.kernel.cases.lifecycle import lifecycles
from anlan.kernel.cases.models import CaseEntry, CasePart
from anlan.kernel.policies import our_models, rule_of
from anlan.kernel.registers.conformance import made_up
from anlan.kernel.registers.declaration import register_of
from anlan.kernel.scope import ANY, Addressed, By, Machinery, Mine, Open, Scope, Shut, Through
from anlan.offices.plan.registers import SAMPLE
from anlan.parties.models import Account, Authority, Enterprise, OfficialPaper
from anlan.parties.papers.registers import SAMPLE as PAPER

NEEDED = 24
"""Shorter texts are codes and words of the product; the marker would not fit, or break them."""

WORDS: dict[str, dict[str, Any]] = {
    "sheets.Import": {"register": "enterprises"},
    "registers.SavedView": {"register": "enterprises"},
    "hazards.SelfCheckReturn": {"period": lambda number: str(1900 + number % 100)},
    "cases.CaseEntry": {"move": "open"},
    "plan.Scheme": {"text": SAMPLE},
    "plan.Appraisal": {"period": lambda number: f"{1950 + number % 100}-06"},
    "plan.Objection": {"state": "rejected"},  # which has its answer
    "monitoring.Device": {"role": ""},  # at no station
    "parties.IssuedPaper": {"body": encode(PAPER).decode(), "facts": ""},
    "parties.PaperFile": {"form": "pdf"},
    "parties.BaseFigure": {"kind": "output"},  # others are those of an industry of their own
    # Kept to himself: whom a board is addressed to is its own test.
    "boards.Board": {"reach": None, "layout": {"tiles": [{"kind": "text", "text": "板"}]}},
}
"""Fields that must hold a word of the product, by model."""
ONE_EACH = {"enforcement.InspectNext", "enterprises.Standardization", "public.ModelEnterprise"}
"""Of these there is one for each enterprise."""


@dataclass
class Place:
    """Where rows are planted: a division, an industry, an enterprise and an account of that place."""

    area: str
    industry: str | None
    marker: str
    enterprise: Enterprise | None = None
    account: Account | None = None
    differs: str = ""
    """The one dimension in which the place lies outside: area, industry or enterprise."""

    rows: dict[type[models.Model], models.Model] = field(default_factory=dict)


_numbers = count(1)


def scoped_models() -> list[type[models.Model]]:
    """Every table whose rows are somebody's: none that is open to all, and none of a test."""
    return [
        m
        for m in our_models()
        if isinstance(rule_of(m), By | Through | Mine | Addressed)
        and ".tests." not in m.__module__
        and not m._meta.auto_created
    ]


def outside(account: Account) -> list[Place]:
    """Places that differ from the account's scope in one dimension each; another province first."""
    scope, mine = account.scope, account.enterprise
    industry = min(scope.industries) if scope.industries else "coal"
    made = [Place("510100000000", industry, "", mine, differs="area")]
    if len(scope.area) > 2:
        neighbour = scope.area[:-1] + ("1" if scope.area[-1] != "1" else "2")
        made.append(Place(neighbour.ljust(12, "0"), industry, "", mine, differs="area"))
    home = scope.area.ljust(12, "0")
    if scope.industries is not None:
        made += [Place(home, other, "", mine, differs="industry") for other in ("fishing_vessel", None)]
    if scope.enterprise is not None:
        made.append(Place(home, industry, "", differs="enterprise"))
    return made


def inside(account: Account) -> Place:
    """A place that the account's scope holds."""
    scope = account.scope
    return Place(
        scope.area.ljust(12, "0"), min(scope.industries) if scope.industries else "coal", "", account.enterprise
    )


def plant(place: Place, marker: str, *, leave: frozenset[type[models.Model]] = frozenset()) -> None:
    """One row of every scoped model at `place`, each text beginning with `marker`. Somebody must act everywhere."""
    place.marker = marker
    if place.enterprise is None and Enterprise not in leave:
        place.enterprise = _planted(Enterprise, place)
    if place.account is None:
        place.account = _planted(Account, place)
    for own in (place.enterprise, place.account):
        if own is not None:
            place.rows.setdefault(type(own), own)
    for model in scoped_models():
        if model not in leave and model not in place.rows and not _open_there(model, place) and _stands(model, place):
            _planted(model, place)


def _stands(model: type[models.Model], place: Place) -> bool:
    """Whether the table takes a row of that place: a part of a target falls to a district, or to an industry over all
    of a city."""
    if model._meta.label in ONE_EACH:
        return not model._default_manager.filter(enterprise=place.enterprise).exists()
    if model._meta.label != "plan.Portion":
        return True
    whole = place.area.endswith("0" * 10)
    return place.industry is not None if whole else place.area.endswith("0" * 6) and place.differs != "industry"


def _open_there(model: type[models.Model], place: Place) -> bool:
    """Whether the model's own declaration lets everybody of the area see it in spite of the place's difference."""
    rule = rule_of(model)
    if isinstance(rule, Through):
        return _open_there(model._meta.get_field(rule.parent).related_model, place)  # type: ignore[arg-type]
    return isinstance(rule, By) and bool(place.differs) and getattr(rule, place.differs) == ANY


def _planted(model: type[models.Model], place: Place) -> Any:
    if model in place.rows:
        return place.rows[model]
    rule, known = rule_of(model), None
    if isinstance(rule, By) and model not in (Account, Enterprise) and _open_there(model, place):
        # What everybody of the area may see is there already, and what is planted belongs to it.
        known = model._default_manager.filter(**{rule.area: place.area}).order_by("pk").first()
    if known is not None:
        return known
    number = next(_numbers)
    declared = register_of(model)
    row: Any
    if declared is not None and declared.sample is not None:
        row = _sample(declared, number, place)
    else:
        parents: dict[Any, Any] = {
            f.related_model: _planted(f.related_model, place)
            for f in model._meta.concrete_fields
            if isinstance(f, models.ForeignKey) and not f.null and _is_scoped(f.related_model)
            and f.related_model is not model
        }  # fmt: skip
        # What is open to all is there before anything is planted outside, or the lists of it would differ.
        parents |= {
            f.related_model: free for f in model._meta.concrete_fields
            if isinstance(f, models.ForeignKey) and not f.null and isinstance(rule_of(f.related_model), Open)
            and not _hangs(f.related_model) and (free := _unused(model, f)) is not None
        }  # fmt: skip
        row = made_up(model, number, place.area, parents)
        for f in model._meta.concrete_fields:
            if isinstance(f, models.ForeignKey) and f.related_model in parents:
                setattr(row, f.name, parents[f.related_model])
    _put(row, place)
    _mark(row, place.marker, number)
    if isinstance(row, CasePart):
        case = _planted(lifecycles()[0].model, place)
        for name, value in type(row).keys(case).items():
            setattr(row, name, value)
        if isinstance(row, CaseEntry):
            row.to_state = case.state
    for name in ("sha256", "file_sha256"):
        if hasattr(row, name):
            setattr(row, name, files.put(b"%PDF-1.4 " + place.marker.encode()).sha256)
    if isinstance(row, OfficialPaper):
        row.machine, row.facts = encode(PAPER).decode(), ""
    for name, value in WORDS.get(model._meta.label, {}).items():
        setattr(row, name, value(number) if callable(value) else value)
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise AssertionError(
            f"{model._meta.label} cannot be planted by its fields; teach planting.py: {error}"
        ) from error
    if _is_scoped(model):
        place.rows[model] = row
    return row


def _sample(declared: Any, number: int, place: Place) -> Any:
    """The register's own sample, but of parents that stand at the place: those that it brings are not kept."""
    with transaction.atomic():
        row = declared.sample(number)
        transaction.set_rollback(True)
    for f in row._meta.concrete_fields:
        if not isinstance(f, models.ForeignKey) or getattr(row, f.attname) is None:
            continue
        if _is_scoped(f.related_model) or _hangs(f.related_model):
            setattr(row, f.name, _planted(f.related_model, place))
        else:
            # What is open to all is there before anything is planted outside, or the lists of it would differ.
            setattr(row, f.name, f.related_model._default_manager.order_by("pk").first() or _anew(getattr(row, f.name)))
    return row


def _unused(model: type[models.Model], field: Any) -> Any:
    """A row of the parent that no row of the model has yet: some models have one of each parent."""
    used = model._default_manager.values(field.attname)
    return field.related_model._default_manager.exclude(pk__in=used).order_by("pk").first()


def spare(number: int = 8) -> None:
    """Authorities for whatever is planted later: who reads their list finds them before and after."""
    for _ in range(number):
        made_up(Authority, next(_numbers), "500000000000").save()


def _anew(row: Any) -> Any:
    row.pk, row._state.adding = None, True
    row.save()
    return row


def _is_scoped(model: Any) -> bool:
    return not isinstance(rule_of(model), Open | Machinery | Shut)


def _hangs(model: Any) -> bool:
    """Whether it is open to all and belongs to what is somebody's: the month of an appraisal to its scheme."""
    needed = (f for f in model._meta.concrete_fields if isinstance(f, models.ForeignKey) and not f.null)
    return any(_is_scoped(f.related_model) for f in needed)


def _put(row: Any, place: Place) -> None:
    """Sets the columns by which the row's scope goes."""
    rule = rule_of(type(row))
    named = {f.column: f for f in row._meta.concrete_fields} | {f.name: f for f in row._meta.concrete_fields}
    whose: list[str] = []
    if isinstance(rule, By):
        setattr(row, named[rule.area].attname, place.area)
        if rule.industry not in (None, ANY):
            setattr(row, named[rule.industry].attname, place.industry)  # type: ignore[index]
        if rule.enterprise not in (None, ANY, "id") and place.enterprise is not None:
            wanted = place.enterprise.pk if not isinstance(row, Account) or row.role == "enterprise" else None
            setattr(row, named[rule.enterprise].attname, wanted)  # type: ignore[index]
        whose = [rule.account] if rule.account not in (None, "id") else []  # type: ignore[list-item]
        if row._meta.label == "plan.Portion" and not place.area.endswith("0" * 10):
            row.industry_id = None
    elif isinstance(rule, Mine | Addressed):
        whose = [rule.account]
    for name in whose:
        assert place.account is not None
        setattr(row, named[name].attname, place.account.pk)
    if isinstance(row, Account):
        row.role, row.enterprise_id = "district", None
        if place.enterprise is not None and row.scope.area != "":
            row.role, row.enterprise_id = "enterprise", place.enterprise.pk


def _mark(row: Any, marker: str, number: int) -> None:
    for f in row._meta.concrete_fields:
        if isinstance(f, models.JSONField) and f.name in ("facts", "payload", "params"):
            setattr(row, f.attname, {"x": f"{marker}{number}"})
        elif isinstance(f, ArrayField) and f.name in ("levels", "scopes"):
            setattr(row, f.attname, [])
        elif (
            isinstance(f, models.CharField | models.TextField)
            and not isinstance(f, models.URLField)
            and not f.choices
            and not f.primary_key
            and (f.max_length or 999) > NEEDED
            and f.name not in ("password", "session_data", "digest", "sha256", "file_sha256")
        ):
            setattr(row, f.attname, f"/{marker}{number}" if f.name.endswith("url") else f"{marker}{number}")


def in_scope(scope: Scope, account: int, row: models.Model) -> bool:
    """Whether the database gives `row` to somebody of that account and scope."""
    from anlan.kernel.scope import Actor, acting

    with acting(Actor("person", "x", account), scope), connection.cursor() as cursor:
        pk = row._meta.pk.column
        cursor.execute(f'SELECT 1 FROM "{row._meta.db_table}" WHERE "{pk}" = %s', [row.pk])
        return cursor.fetchone() is not None
