"""Saving and removing a record: one way for the form, the API and whatever else writes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, ProgrammingError, models, transaction
from django.utils.translation import gettext_lazy as _

from .. import areas
from ..models import AreaCode, Stale
from ..scope import acting_now, area_prefix
from .declaration import Register
from .models import Removal

Problems = dict[str, list[tuple[str, str]]]


class Refused(Exception):
    """The record was not saved, and nothing was changed.

    `problems` maps fields ("" for the record as a whole) to pairs of stable code and words.
    """

    def __init__(self, problems: Problems) -> None:
        super().__init__(problems)
        self.problems = problems


class Taken(Exception):
    """A key is in use already, or the record is in use elsewhere: said in the same words whether or not
    the other record lies in the person's scope."""


def save(declared: type[Register], row: Any, values: Mapping[str, Any]) -> Any:
    """Sets `values` (by field name; a foreign key by its key) on `row` and saves it.

    Raises `Refused`, `Taken` or `Stale`; each leaves the transaction usable.
    """
    problems: Problems = {}
    for name, value in values.items():
        field = declared.field(name)
        assert field is not None
        if isinstance(field, AreaCode) and value:
            problem = area_problem(value)
            if problem:
                problems.setdefault(name, []).append(problem)
        # An empty key points at nothing; validation would let it through to a constraint checked at commit.
        setattr(row, field.attname, None if value == "" and isinstance(field, models.ForeignKey) else value)
    try:
        row.full_clean(validate_unique=False, validate_constraints=False)
    except ValidationError as error:
        for name, errors in error.error_dict.items():
            place = "" if name == "__all__" else name
            for one in errors:
                problems.setdefault(place, []).append((str(one.code or "invalid"), " ".join(one.messages)))
    if problems:
        raise Refused(problems)
    store(row)
    return row


def store(row: models.Model) -> None:
    """Saves a validated row; raises `Taken`, `Refused` (outside one's scope) or `Stale`."""
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError as error:
        raise Taken from error
    except ProgrammingError as error:
        if getattr(error.__cause__, "sqlstate", "") != "42501":
            raise
        # Row security refuses to keep a row that its writer could not see.
        raise Refused(
            {"": [("outside_scope", str(_("The record would lie outside your area of competence.")))]}
        ) from None


def remove(row: models.Model, reason: str) -> None:
    """Deletes a row and keeps the reason; raises `Taken` where other records need it."""
    now = acting_now()
    if now is None:
        raise RuntimeError("somebody must act to remove")
    actor, scope = now
    try:
        with transaction.atomic():
            Removal.objects.create(
                actor=actor.name[:80],
                table=row._meta.db_table,
                row=str(row.pk),
                label=str(row)[:200],
                reason=reason,
                area_code=getattr(row, "area_code", None) or scope.area.ljust(12, "0"),
                industry_id=getattr(row, "industry_id", None),
                enterprise_id=getattr(row, "enterprise_id", None) or scope.enterprise,
            )
            row.delete()
    except (IntegrityError, models.ProtectedError, models.RestrictedError) as error:
        raise Taken from error


def area_problem(code: str) -> tuple[str, str] | None:
    """Why a division code cannot be used by whoever acts, or None."""
    if not (code.isascii() and code.isdigit() and len(code) == 12):
        return "area_form", str(_("A division code has 12 digits."))
    now = acting_now()
    if now is None or not area_prefix(code).startswith(now[1].area) or not areas.divisions().filter(code=code).exists():
        # One answer for both: it does not tell what exists elsewhere.
        return "area_unknown", str(_("There is no such division in your area."))
    return None


__all__ = ["Refused", "Stale", "Taken", "area_problem", "remove", "save", "store"]
