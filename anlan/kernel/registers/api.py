"""REST for every register: the same policy, filters and cursors as its pages.

Who may not see a register, or asks for a record outside the scope, gets the same 404 as for one that does
not exist. Each refusal is an `Error`: stable code, words, place, way out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Literal

from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from ninja import Header, NinjaAPI, Query, Schema, Status
from ninja.errors import HttpError, ValidationError
from ninja.security import HttpBearer, SessionAuth
from pydantic import ConfigDict, create_model

from ..addresses import keyed
from ..models import Stale
from ..scope import EVERYWHERE, Actor, acting
from . import query, schemas, writing
from .declaration import Register, all_registers
from .models import ApiToken
from .schemas import Error, Key
from .shown import shown


class Refusal(Exception):
    """An answer other than success."""

    def __init__(self, status: int, code: str, message: str, place: str = "", way_out: str = "") -> None:
        super().__init__(code)
        self.status, self.body = status, Error(code=code, message=message, place=place, way_out=way_out)


class Token(HttpBearer):
    """`Authorization: Bearer …`: a client program acting for the account that made the token."""

    openapi_name = "token"

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        with acting(Actor("job", "api token"), EVERYWHERE, savepoint=False):
            held = ApiToken.holding(token)
        if held is None or not held.account.is_active:
            return None
        request.api_token = held  # type: ignore[attr-defined]
        return held.account


class Session(SessionAuth):
    """The browser's session; writing demands the CSRF token."""

    openapi_name = "session"


class Api(NinjaAPI):
    """The interface, whose description is made once for each language: that takes a second."""

    def get_openapi_schema(self, *, path_prefix: str | None = None, path_params: Any = None) -> Any:
        return self._described(get_language(), path_prefix or self.get_root_path(path_params or {}))

    @cache  # noqa: B019 - there is one interface, and it lives as long as the process
    def _described(self, language: str | None, path_prefix: str) -> Any:
        return super().get_openapi_schema(path_prefix=path_prefix)


api = Api(
    title="Anlan",
    version="1",
    description="Every register of the city's work safety, within the caller's jurisdiction.",
    auth=[Token(), Session()],
    docs_url=None,
    urls_namespace="api",
)


def _answer(request: HttpRequest, status: int, error: Error) -> HttpResponse:
    return api.create_response(request, error.model_dump(), status=status)


@api.exception_handler(Refusal)
def _refused(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    return _answer(request, refusal.status, refusal.body)


@api.exception_handler(ValidationError)
def _invalid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    first = error.errors[0]
    place = ".".join(str(part) for part in first["loc"] if part not in ("new", "change", "asked"))
    if first["type"] == "extra_forbidden":
        refusal = Error(
            code="unknown_field",
            message=_("There is no field of this name."),
            place=place,
            way_out=_("Leave it out; the OpenAPI description names every field."),
        )
    else:
        refusal = Error(
            code=first["type"],
            message=str(first["msg"]),
            place=place,
            way_out=_("Correct the value; the OpenAPI description says what is accepted."),
        )
    return _answer(request, 422, refusal)


@api.exception_handler(HttpError)
def _http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    if error.status_code == 401:
        message, way_out = _("Nobody is signed in."), _("Send a valid token, or sign in.")
        return _answer(request, 401, Error(code="unauthenticated", message=message, place="", way_out=way_out))
    if error.status_code == 403:
        message, way_out = _("The request did not come from a page of this site."), _("Send the CSRF token.")
        return _answer(request, 403, Error(code="csrf", message=message, place="", way_out=way_out))
    message, way_out = _("The body cannot be read."), _("Send one JSON object in UTF-8.")
    return _answer(request, error.status_code, Error(code="unreadable", message=message, place="body", way_out=way_out))


def nothing_here(request: HttpRequest) -> HttpResponse:
    """Any other address below /api/v1/."""
    body = not_found().body
    return JsonResponse(body.model_dump(), status=404)


@api.exception_handler(Http404)
def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:
    return nothing_here(request)


def not_found() -> Refusal:
    """One answer for what is elsewhere, what is nobody's to see, and what does not exist."""
    return Refusal(404, "not_found", _("There is no such record."), "path", _("Look it up in the list."))


def _stale() -> Refusal:
    return Refusal(
        409, "stale", _("Somebody else has changed the record meanwhile."), "If-Match",
        _("Read it again, then repeat the change with its present version."),
    )  # fmt: skip


@contextmanager
def _writing() -> Iterator[None]:
    """Turns what saving refuses into answers."""
    try:
        yield
    except writing.Refused as refused:
        place, problems = next(iter(refused.problems.items()))
        code, words = problems[0]
        raise Refusal(422, code, words, place, _("Correct the value and send it again.")) from None
    except writing.Taken:
        message = _("The record clashes with another one, or others need it.")
        raise Refusal(409, "taken", message, "", _("Check its key; archive rather than delete.")) from None
    except Stale:
        raise _stale() from None


@contextmanager
def calling(request: HttpRequest) -> Iterator[tuple[Any, ApiToken | None]]:
    """Acts as the caller in the caller's scope; gives the account, and the token where there is one."""
    account = request.auth  # type: ignore[attr-defined]
    token: ApiToken | None = getattr(request, "api_token", None)
    actor = account.actor if token is None else Actor("person", f"{account.actor.name} · {token.name}", account.pk)
    with acting(actor, account.scope):
        yield account, token


@contextmanager
def _entered(request: HttpRequest, declared: type[Register], verb: Any) -> Iterator[Any]:
    """Acts as the caller in the caller's scope, if the caller may do `verb` to the register at all."""
    with calling(request) as (account, token):
        if not declared.policy.may(account, "see") or (
            token is not None and not token.allows(declared.name, write=False)
        ):
            raise not_found()
        allowed = token is None or token.allows(declared.name, write=verb not in ("see", "export"))
        if not (allowed and declared.policy.may(account, verb)):
            raise Refusal(
                403, "not_allowed", _("You may see these records, but not do this to them."), "",
                _("Ask the authority in charge."),
            )  # fmt: skip
        yield account


def _found(declared: type[Register], account: Any, key: Any, verb: Any) -> Any:
    row = declared.policy.which(account, "see").filter(pk=key).first()
    if row is None:
        raise not_found()
    if not declared.policy.may(account, verb, row):
        raise Refusal(403, "not_allowed", _("You may see this record, but not do this to it."), "path", "")
    return row


def _seen(row: Any, if_match: str | None) -> None:
    """Demands that the caller has seen the present version. Raises 428 without, 409 with another."""
    if if_match is None:
        way_out = _("Send the record's version in the header If-Match.")
        raise Refusal(428, "version_required", _("The version that you have seen is missing."), "If-Match", way_out)
    if if_match.strip().removeprefix("W/").strip('"') != str(row.version):
        raise _stale()


def _query_model(declared: type[Register]) -> type[Schema]:
    """The parameters of a list, as the OpenAPI description shows them."""
    import django_filters

    members: dict[str, Any] = {}
    for name, one in query.filterset(declared).base_filters.items():
        many = isinstance(one, django_filters.MultipleChoiceFilter)
        members[name] = (list[str] if many else str | None, [] if many else None)
    members |= {"q": (str | None, None), "sort": (str | None, None), "cursor": (str | None, None)}
    members["count"] = (Literal["all"] | None, None)
    members["limit"] = (schemas.Annotated[int, schemas.Field(ge=1, le=query.LARGEST_PAGE)], query.PAGE)
    base = type("AskedBase", (Schema,), {"model_config": ConfigDict(extra="forbid")})
    return create_model(f"{declared.__name__}Asked", __base__=base, **members)


Reason = schemas.Annotated[str, schemas.Field(min_length=1, max_length=500), schemas.AfterValidator(schemas._seen)]
"""Why a record is removed: kept for good."""

_READ = {400: Error, 401: Error, 404: Error, 422: Error, 403: Error}
_WRITE = _READ | {409: Error}


def _serve(declared: type[Register]) -> None:
    """Declares the five operations of one register."""
    Record, New, Change = (
        schemas.record(declared), schemas.body(declared, partial=False), schemas.body(declared, partial=True)
    )  # fmt: skip
    Asked = _query_model(declared)
    List = create_model(
        f"{declared.__name__}List", __base__=Schema,
        rows=(list[Record], ...),  # type: ignore[valid-type]  # made at run time
        count=(schemas.Count, ...), next=(str, ...), previous=(str, ...),
    )  # fmt: skip
    Id = schemas.text(12) if isinstance(declared.model._meta.pk, schemas.models.CharField) else Key
    name, tags = declared.name, [declared.name]
    operations = [f"{name}.{verb}" for verb in ("get", "change", "remove")]
    keyed(*operations, of=lambda: [declared.model], keys=lambda row: {"key": row.pk}, record="key")
    writable = hasattr(declared.model, "version") and bool(declared.editable())

    @api.get(f"/{name}", operation_id=f"{name}.list", response={200: List} | _READ, tags=tags)
    def list_(request, asked: Query[Asked]):  # type: ignore[no-untyped-def,valid-type]
        unknown = set(request.GET) - set(Asked.model_fields)
        if unknown:
            place = min(unknown).encode("utf-8", "replace").decode()
            raise Refusal(422, "unknown_field", _("There is no filter of this name."), place, _("Leave it out."))
        with _entered(request, declared, "see") as account:
            try:
                listing = query.listing(declared, declared.policy.which(account, "see"), request.GET, request)
                count = listing.count()
                page = listing.page(asked.cursor or "", asked.limit, few=count.few)  # type: ignore[attr-defined]
            except query.BadQuery as bad:
                way_out = _("Correct or leave out this parameter.")
                raise Refusal(400, "bad_query", str(bad.message), bad.place, way_out) from None
            shown.send(declared.model, records=page.rows, page=request.path)
            return {
                "rows": [schemas.values(declared, row) for row in page.rows],
                "count": {"number": count.number, "exact": count.exact, "about": count.about},
                "next": page.after,
                "previous": page.before,
            }

    @api.get(f"/{name}/{{key}}", operation_id=f"{name}.get", response={200: Record} | _READ, tags=tags)
    def get(request, key: Id):  # type: ignore[no-untyped-def,valid-type]
        with _entered(request, declared, "see") as account:
            row = _found(declared, account, key, "see")
            shown.send(declared.model, records=[row], page=request.path)
            return schemas.values(declared, row)

    if not writable:
        return

    if declared.rights.roles("add"):

        @api.post(f"/{name}", operation_id=f"{name}.add", response={201: Record} | _WRITE, tags=tags)
        def add(request, new: New):  # type: ignore[no-untyped-def,valid-type]
            with _entered(request, declared, "add"), _writing():
                row = writing.save(declared, declared.model(), new.model_dump(exclude_unset=True))  # type: ignore[attr-defined]
                return Status(201, schemas.values(declared, row))

    if declared.rights.roles("change"):

        @api.patch(
            f"/{name}/{{key}}", operation_id=f"{name}.change", response={200: Record, 428: Error} | _WRITE, tags=tags
        )
        def change(request, key: Id, change: Change, if_match: str | None = Header(None, alias="If-Match")):  # type: ignore[no-untyped-def,valid-type]
            with _entered(request, declared, "change") as account, _writing():
                row = _found(declared, account, key, "change")
                _seen(row, if_match)
                row = writing.save(declared, row, change.model_dump(exclude_unset=True))  # type: ignore[attr-defined]
                return schemas.values(declared, row)

    if declared.rights.roles("remove"):

        @api.delete(
            f"/{name}/{{key}}", operation_id=f"{name}.remove", response={204: None, 428: Error} | _WRITE, tags=tags
        )
        def remove(request, key: Id, reason: Reason, if_match: str | None = Header(None, alias="If-Match")):  # type: ignore[no-untyped-def,valid-type]
            with _entered(request, declared, "remove") as account, _writing():
                row = _found(declared, account, key, "remove")
                _seen(row, if_match)
                writing.remove(row, reason)
                return Status(204, None)


for _declared in all_registers():
    _serve(_declared)
