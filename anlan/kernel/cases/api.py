"""REST for cases, beside the lists that their registers give: read, history, move.

Imported by the site before the API's addresses are made.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Schema
from pydantic import ConfigDict, Field, field_validator

from anlan.kernel.registers.api import Refusal, _entered, api, not_found
from anlan.kernel.registers.declaration import Register, all_registers
from anlan.kernel.registers.schemas import Error

from . import engine
from .history import tell
from .lifecycle import Lifecycle, lifecycle
from .models import Case, CaseEntry, EvidenceFile


class CaseOut(Schema):
    """A case as it stands. `moves` are those that the caller may make now."""

    kind: str
    number: str
    title: str
    state: str
    state_title: str
    area_code: str
    industry: str | None
    enterprise: int | None
    level: str
    place: str
    opened_at: datetime
    due_at: datetime | None
    closed_at: datetime | None
    listed_at: datetime | None
    version: int
    moves: list[str]


class EntryOut(Schema):
    """One entry of a case's history, in words and in facts."""

    at: datetime
    move: str
    from_state: str
    to_state: str
    version: int
    due_at: datetime | None
    late: bool
    by: str
    role: str
    words: str
    facts: dict[str, Any]


class MoveIn(Schema):
    """A move: the version of the case that the caller saw, and what the move demands."""

    model_config = ConfigDict(extra="forbid")
    seen_version: int = Field(ge=1, le=2**31 - 1)
    facts: dict[str, Any] = {}

    @field_validator("facts")
    @classmethod
    def _is_text(cls, facts: dict[str, Any]) -> dict[str, Any]:
        """Half a character pair is legal JSON and no text that could be kept."""
        json.dumps(facts, ensure_ascii=False).encode()
        return facts


_ANSWERS = {401: Error, 403: Error, 404: Error, 422: Error}


def _register(declared: Lifecycle | None) -> type[Register]:
    """The register of a kind of case: its rights and the token's hold for the case too."""
    for register in all_registers():
        if declared is not None and register.model is declared.model:
            return register
    raise not_found()


def _case(kind: str, number: str) -> Case:
    declared = lifecycle(kind)
    # A zero byte is no text for the database, so it names no case.
    case = None if declared is None or "\0" in number else declared.model._default_manager.filter(number=number).first()
    if case is None:
        raise not_found()
    return case


def _out(case: Case, account: Any) -> dict[str, Any]:
    history = list(CaseEntry.of(case))
    may = [m.name for m in case.lifecycle.moves_from(case.state) if engine.refusal(case, m, account, history) is None]
    own = {n: getattr(case, n) for n in CaseOut.model_fields if n not in ("industry", "enterprise", "moves")}
    return own | {"industry": case.industry_id, "enterprise": getattr(case, "enterprise_id", None), "moves": may}


@api.get("/cases/{kind}/{number}", operation_id="cases.get", response={200: CaseOut} | _ANSWERS, tags=["cases"])
def get_case(request: HttpRequest, kind: str, number: str) -> Any:
    with _entered(request, _register(lifecycle(kind)), "see") as account:
        return _out(_case(kind, number), account)


@api.get(
    "/cases/{kind}/{number}/history",
    operation_id="cases.history",
    response={200: list[EntryOut]} | _ANSWERS,
    tags=["cases"],
)
def get_history(request: HttpRequest, kind: str, number: str) -> Any:
    with _entered(request, _register(lifecycle(kind)), "see"):
        case = _case(kind, number)
        entries = list(CaseEntry.of(case))
        return [
            {
                "at": e.at, "move": e.move, "from_state": e.from_state, "to_state": e.to_state, "version": e.version,
                "due_at": e.due_at, "late": e.late, "by": e.by_name, "role": e.by_role, "words": t.words,
                "facts": e.facts,
            }
            for e, t in zip(entries, tell(case, entries, EvidenceFile.of(case)), strict=True)
        ]  # fmt: skip


@api.post(
    "/cases/{kind}/{number}/moves/{name}",
    operation_id="cases.move",
    response={200: CaseOut, 400: Error, 409: Error} | _ANSWERS,
    tags=["cases"],
)
def post_move(request: HttpRequest, kind: str, number: str, name: str, asked: MoveIn) -> Any:
    register = _register(lifecycle(kind))
    with _entered(request, register, "see") as account:
        case = _case(kind, number)
        token = getattr(request, "api_token", None)
        if token is not None and not token.allows(register.name, write=True):
            raise Refusal(403, "not_allowed", _("This token may only read."))
        try:
            with transaction.atomic():
                case = engine.move(case, name, by=account, seen_version=asked.seen_version, facts_=asked.facts)
        except engine.Stale as stale:
            told = "; ".join(t.words for t in tell(stale.case, stale.changes))
            raise Refusal(409, "stale", told, "seen_version", _("Read the case again, then decide anew.")) from None
        except engine.FieldError as error:
            place, words = next(iter(error.errors.items()))
            raise Refusal(
                422, "invalid", words[0], f"facts.{place}", _("Correct the value and send it again.")
            ) from None
        except engine.MoveRefused as refused:
            status = {"unknown_move": 404, "gate": 422, "not_from_here": 422}.get(refused.code, 403)
            raise Refusal(status, refused.code, refused.message, "path") from None
        return _out(case, account)
