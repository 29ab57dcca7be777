"""REST for cases, beside the lists that their registers give: open, read, history, move; files to name as evidence.

Imported by the site before the API's addresses are made.
"""

import json
from datetime import datetime
from typing import Any

from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import File, Header, Schema, Status
from ninja.files import UploadedFile
from pydantic import ConfigDict, Field, create_model, field_validator

from anlan.kernel import files
from anlan.kernel.addresses import keyed
from anlan.kernel.registers import schemas
from anlan.kernel.registers.api import Refusal, _entered, api, calling, not_found
from anlan.kernel.registers.declaration import Register, all_registers
from anlan.kernel.registers.schemas import Error, Key

from . import engine, opening
from .escalation import ROSE, rises
from .history import read_by, tell, tell_rise
from .lifecycle import Evidence, Lifecycle, lifecycle, lifecycles
from .models import Case, CaseEntry


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
    """One entry of a case's history, in words and in facts.

    With the move `escalated` it says to whom the overdue case rose: `authority`, `tier`, `area_code`, after how many
    `days`, by which `rule` from which day on (`from_day`), and when it was told (`told_at`); of what rises by the
    minute `minutes` and `from_minute`.
    """

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
    """A move: the version of the case that the caller saw, and what the move demands.

    Evidence is named by the numbers of the caller's own uploads (`POST /uploads`), as a list.
    """

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
    case = None if declared is None else declared.model.numbered(number)
    if case is None:
        raise not_found()
    return case


def _out(request: HttpRequest, case: Case, account: Any) -> dict[str, Any]:
    history = list(CaseEntry.of(case))
    moves = [m for m in case.lifecycle.moves_from(case.state) if not (m.in_person and _by_program(request))]
    may = [m.name for m in moves if engine.refusal(case, m, account, history) is None]
    own = {n: getattr(case, n) for n in CaseOut.model_fields if n not in ("industry", "enterprise", "moves")}
    return own | {"industry": case.industry_id, "enterprise": getattr(case, "enterprise_id", None), "moves": may}


def _invalid(error: engine.FieldError, before: str = "") -> Refusal:
    place, words = next(iter(error.errors.items()))
    return Refusal(422, "invalid", words[0], before + place, _("Correct the value and send it again."))


def _by_program(request: HttpRequest) -> bool:
    """Whether a key acts, not a person who is signed in."""
    return getattr(request, "api_token", None) is not None


def _may_write(request: HttpRequest, register: type[Register]) -> None:
    token = getattr(request, "api_token", None)
    if token is not None and not token.allows(register.name, write=True):
        raise Refusal(403, "not_allowed", _("This token may only read."))


@api.get("/cases/{kind}/{number}", operation_id="cases.get", response={200: CaseOut} | _ANSWERS, tags=["cases"])
def get_case(request: HttpRequest, kind: str, number: str) -> Any:
    with _entered(request, _register(lifecycle(kind)), "see") as account:
        return _out(request, _case(kind, number), account)


@api.get(
    "/cases/{kind}/{number}/history",
    operation_id="cases.history",
    response={200: list[EntryOut]} | _ANSWERS,
    tags=["cases"],
)
def get_history(request: HttpRequest, kind: str, number: str) -> Any:
    with _entered(request, _register(lifecycle(kind)), "see") as account:
        case = _case(kind, number)
        entries = read_by(account, case, CaseEntry.of(case))
        risen = rises(case, entries)
        told = [
            {
                "at": e.at, "move": e.move, "from_state": e.from_state, "to_state": e.to_state, "version": e.version,
                "due_at": e.due_at, "late": e.late, "by": e.by_name, "role": e.by_role, "words": t.words,
                "facts": e.facts,
            }
            for e, t in zip(entries, tell(case, entries), strict=True)
        ]  # fmt: skip
        # A rise is nobody's doing and moves nothing: state and version stay those of the entry before it.
        told += [
            {
                "at": r.at, "move": ROSE, "from_state": r.after.to_state, "to_state": r.after.to_state,
                "version": r.after.version, "due_at": r.due_at, "late": False, "by": "", "role": "",
                "words": tell_rise(r).words, "facts": r.facts(),
            }
            for r in risen
        ]  # fmt: skip
        return sorted(told, key=lambda one: one["at"])


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
        _may_write(request, register)
        wanted = case.lifecycle.move(name)
        if wanted is not None and wanted.in_person and _by_program(request):
            words = _("A person does this himself, signed in; no program does it with his key.")
            raise Refusal(403, "in_person", words, "path", _("Open the case in the browser."))
        try:
            with transaction.atomic():
                facts = opening.by_reference(account, wanted.demands if wanted else (), asked.facts)
                case = engine.move(case, name, by=account, seen_version=asked.seen_version, facts_=facts)
        except engine.Stale as stale:
            told = "; ".join(t.words for t in tell(stale.case, read_by(account, stale.case, stale.changes)))
            raise Refusal(409, "stale", told, "seen_version", _("Read the case again, then decide anew.")) from None
        except engine.FieldError as error:
            raise _invalid(error, "facts.") from None
        except engine.MoveRefused as refused:
            status = {"unknown_move": 404, "gate": 422, "not_from_here": 422}.get(refused.code, 403)
            raise Refusal(status, refused.code, refused.message, "path") from None
        return _out(request, case, account)


class UploadOut(Schema):
    """A file that is kept until a case takes it; `id` names it as evidence."""

    id: int
    name: str
    sha256: str
    media_type: str
    size: int


@api.post("/uploads", operation_id="uploads.add", response={201: UploadOut} | _ANSWERS | {400: Error}, tags=["cases"])
def post_upload(request: HttpRequest, file: UploadedFile = File(...)) -> Any:  # noqa: B008 (ninja's way)
    """Keeps one file, sent as multipart/form-data, that a case will be given as evidence."""
    unknown = (set(request.POST) | set(request.FILES)) - {"file"}
    if unknown or len(request.FILES.getlist("file")) > 1:
        place = min(unknown, default="file").encode("utf-8", "replace").decode()
        raise Refusal(422, "unknown_field", _("There is no field of this name."), place, _("Send one file as `file`."))
    with calling(request) as (account, token):
        if token is not None and not any(scope.endswith(":write") for scope in token.scopes):
            raise Refusal(403, "not_allowed", _("This token may only read."))
        try:
            kept = opening.keep_upload(account, file)
        except files.Refused as refused:
            raise Refusal(422, refused.code, refused.message, "file", _("Send another file.")) from None
        return Status(201, {n: getattr(kept, n) for n in UploadOut.model_fields})


def _body(declared: Lifecycle) -> type[Schema]:
    """What opening a case of that kind asks for; unknown members are refused."""
    members: dict[str, Any] = {}
    for demand in declared.opening:
        if isinstance(demand, Evidence):
            kind, some = list[Key], demand.at_least > 0
            members[demand.name] = (
                schemas.Annotated[kind, Field(min_length=demand.at_least, max_length=20)],
                Field(... if some else [], title=str(demand.title), description="Numbers of the caller's own uploads."),
            )
        else:
            column = declared.model._meta.get_field(demand.name)
            members[demand.name] = schemas.member(column, demand.required)  # type: ignore[arg-type]
    base = type("NewBase", (Schema,), {"model_config": ConfigDict(extra="forbid")})
    return create_model(f"New{declared.model.__name__}", __base__=base, **members)


IdempotencyKey = schemas.Annotated[
    str | None, Header(alias="Idempotency-Key", max_length=100, pattern=r"^[\x21-\x7e]+$")
]


def _serve(declared: Lifecycle) -> None:
    """Declares how a case of one kind is opened."""
    New = _body(declared)

    @api.post(
        f"/cases/{declared.kind}",
        operation_id=f"cases.{declared.kind}.open",
        response={200: CaseOut, 201: CaseOut, 400: Error, 409: Error} | _ANSWERS,
        tags=["cases"],
        description="Opens a case. Sent again with the same `Idempotency-Key` and body, it answers 200 with the first.",
    )
    def open_(request: HttpRequest, new: New, idempotency_key: IdempotencyKey = None) -> Any:  # type: ignore[valid-type]
        register = _register(declared)
        with _entered(request, register, "see") as account:
            _may_write(request, register)
            said = new.model_dump(exclude_unset=True)  # type: ignore[attr-defined]
            try:
                with transaction.atomic():
                    case, new_one = opening.once(
                        account, idempotency_key or "", said,
                        lambda: opening.open_declared(
                            declared.kind, by=account, facts=opening.by_reference(account, declared.opening, said)
                        ),
                    )  # fmt: skip
            except engine.FieldError as error:
                raise _invalid(error) from None
            except engine.MoveRefused as refused:
                status, place = (409, "Idempotency-Key") if refused.code == "key_reused" else (403, "")
                raise Refusal(status, refused.code, refused.message, place) from None
            return Status(201 if new_one else 200, _out(request, case, account))


for _declared in lifecycles():
    if _declared.opening:
        _serve(_declared)


def _of_cases() -> list[type[Case]]:
    return [one.model for one in lifecycles()]


keyed(
    "cases.get",
    "cases.history",
    of=_of_cases,
    keys=lambda case: {"kind": case.kind, "number": case.number},
    record="number",
)
keyed(
    "cases.move",
    of=_of_cases,
    keys=lambda case: [{"kind": case.kind, "number": case.number, "name": m.name} for m in case.lifecycle.moves],
    record="number",
    send={"seen_version": 1, "facts": {}},
)
