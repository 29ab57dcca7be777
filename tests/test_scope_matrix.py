"""Every role × every address × inside and outside of its scope: what is out of scope does not exist.

The matrix is made from the URL configuration, the OpenAPI description and the tables themselves, so it grows with
the product: an address that takes keys and does not say what they are (`anlan.kernel.addresses`) fails, a table whose
rows cannot be planted fails, an address that was never tried on a row out of scope fails.

Rows are planted outside of a role's scope in each of its dimensions by itself (another area, industry, enterprise,
account). Three things are then held:

* no answer holds the marker that each of their texts carries, in pages, files, searches or streams;
* no answer to a list, count, export or page is other than it was before they were planted;
* asked for by its key, each answers byte for byte like one that does not exist.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

import pyarrow.parquet as parquet
import pytest
from django.db import connection, models, transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from anlan.kernel import addresses, clock, live, policies
from anlan.kernel.clock import BEIJING
from anlan.kernel.registers.api import api
from anlan.kernel.registers.declaration import all_registers
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import ANY, EVERYWHERE, Actor, Addressed, By, Mine, Open, acting
from anlan.parties.models import ROLES, Account, Enterprise

from .planting import Place, in_scope, inside, outside, plant, scoped_models, spare

TESTER = Actor("test", "tests")
NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)
HEAD, TAIL = "Zq7x", "Kw9LEAKd"
"""Together the marker. Searches ask for the head; the tail is looked for, so that an echo is no leak."""
MARKER = HEAD + TAIL
HOME = "Hm3pInside"
ABSENT = {int: 999_999_999_999, str: "absent-0000"}
AREAS = {
    "city": "500000000000", "department": "500000000000", "district": "500112000000", "township": "500112131000",
    "village": "500112131203", "inspector": "500112000000", "enterprise": "500112131000", "duty": "500112000000",
}  # fmt: skip
roles = pytest.mark.parametrize("role", [r for r, _ in ROLES])
pytestmark = [pytest.mark.slow]


@pytest.fixture(autouse=True)
def _still(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.HOME = tmp_path
    with clock.frozen(NOON):
        yield


# --- What there is -----------------------------------------------------------------------------------


def urls(resolver: URLResolver | None = None, before: str = "", space: str = "") -> Iterator[tuple[str, str]]:
    """(name with namespace, pattern) of every address but the API's, which describes itself."""
    for entry in (resolver or get_resolver()).url_patterns:
        text = before + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield space + str(entry.name), text
        elif entry.namespace != "api":
            yield from urls(entry, text, space + (f"{entry.namespace}:" if entry.namespace else ""))


def operations() -> Iterator[tuple[str, str, str, dict[str, Any]]]:
    """(operation id, method, path, description) of the API."""
    for path, methods in api.get_openapi_schema()["paths"].items():
        for method, described in methods.items():
            yield described["operationId"], method, path, described


def test_every_address_says_what_its_keys_are() -> None:
    every = list(urls())  # declarations are made as the addresses are
    known = {*addresses.keyed_addresses(), *addresses.spelled_addresses()}
    unknown = [f"{name} ({text})" for name, text in every if re.search(r"<|\(\?P", text) and name not in known]
    unknown += [f"{i} ({path})" for i, _method, path, _d in operations() if "{" in path and i not in known]
    assert unknown == [], "say with `keyed` or `spelled`, beside the address, what its keys are"


def test_what_is_said_of_addresses_is_of_addresses_that_exist() -> None:
    there = {name for name, _ in urls()} | {i for i, *_ in operations()}
    registers = {r.name for r in all_registers()}
    said = {*addresses.keyed_addresses(), *addresses.spelled_addresses(), *addresses.public_addresses()}
    # A register declares its operations; one that may not be written has fewer.
    assert {n for n in said - there if n.split(".")[0] not in registers} == set()


# --- Somebody, somewhere -----------------------------------------------------------------------------


class Somebody:
    """A role's account, its browser and its token."""

    def __init__(self, role: str) -> None:
        with acting(TESTER, EVERYWHERE):
            mine = (
                Enterprise.objects.create(name="本厂", area_code=AREAS[role], industry_id="coal")
                if role == "enterprise"
                else None
            )
            self.account = Account.objects.create(
                username=f"me-{role}", name="本人", role=role, area_code=AREAS[role], enterprise=mine,
                industries=["coal"] if role == "department" else None,
            )  # fmt: skip
            self.token = ApiToken.issue(self.account, "matrix", ["*:write"])
            self.other = Account.objects.create(
                username=f"other-{role}", name="同事", role=role, area_code=AREAS[role], enterprise=mine,
                industries=self.account.industries,
            )  # fmt: skip
        self._foreign: dict[type[models.Model], list[models.Model]] = {}
        self.browser = Client(raise_request_exception=True)
        self.browser.force_login(self.account)
        self.program = Client(headers={"authorization": f"Bearer {self.token}"})

    def holds(self, row: models.Model) -> bool:
        return in_scope(self.account.scope, self.account.pk, row)

    def foreign(self, kind: type[models.Model]) -> list[models.Model]:
        """The rows of a table that are none of his, as they were when first asked for: of those that the table's rule
        cannot tell apart (a city's own cards, say) the last."""
        if kind not in self._foreign:
            alike = {whose(row): row for row in rows(kind) if not self.holds(row)}
            self._foreign[kind] = list(alike.values())
        return self._foreign[kind]


def whose(row: models.Model) -> tuple[Any, ...]:
    """All by which the table's rule tells its rows apart; the row itself where that is not in its own columns."""
    rule = policies.rule_of(type(row))
    if not isinstance(rule, By) or rule.published or rule.sent or rule.inside or rule.at:
        return (row.pk,)
    fields = row._meta.concrete_fields
    named = {f.column: f.attname for f in fields} | {f.name: f.attname for f in fields}
    told = (rule.area, rule.industry, rule.enterprise, rule.account)
    return tuple(getattr(row, named[name]) for name in told if name in named)


def rows(kind: type[models.Model]) -> list[models.Model]:
    with acting(TESTER, EVERYWHERE):
        return list(kind._default_manager.order_by("pk"))


def planted(me: Somebody) -> list[Place]:
    """Rows of every table outside of the account's scope: by area, industry, enterprise, and of another account."""
    places = outside(me.account)
    with acting(TESTER, EVERYWHERE):
        for place in places:
            plant(place, MARKER)
        # A colleague of the same place: his own things (notices, tokens, sessions) are his.
        colleague = inside(me.account)
        colleague.account = me.other
        mine = frozenset(m for m in scoped_models() if not isinstance(policies.rule_of(m), Mine | Addressed))
        plant(colleague, MARKER, leave=mine)
    return [*places, colleague]


def at_home(me: Somebody) -> Place:
    place = inside(me.account)
    place.account = me.account
    with acting(TESTER, EVERYWHERE):
        spare()
        plant(place, HOME)
    return place


# --- Answers -----------------------------------------------------------------------------------------

_TOKENS = re.compile(
    rb'(name="csrfmiddlewaretoken" value|name="csrf-token" content|value|content)="[A-Za-z0-9]{64}"'
    rb'|name="token" value="[0-9a-f-]{36}"'
)
"""What a page makes anew whenever it is asked: against forged requests, and against the same report sent twice."""


def body(response: Any) -> bytes:
    """Everything that an answer says: its bytes, archives unpacked, and its headers."""
    raw = b"".join(response.streaming_content) if response.streaming else response.content
    if raw[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            # When the file was made is no word of what is in it.
            raw = b"\n".join(archive.read(n) for n in archive.namelist() if n != "docProps/core.xml")
    elif raw[:4] == b"PAR1":
        raw = repr(parquet.read_table(io.BytesIO(raw)).to_pylist()).encode()
    heads = {k: v for k, v in response.headers.items() if k not in ("Content-Length", "Expires")}
    return _TOKENS.sub(b"", raw) + repr(sorted(heads.items())).encode()


@contextmanager
def undone() -> Iterator[None]:
    """What is done here leaves nothing."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def readings(me: Somebody, home: Place) -> Iterator[tuple[Client, str, list[str]]]:
    """Every address that can be read: lists, counts, pages, files, searches, sorts, and what may be asked of each."""
    # What is open to all is read once as it stands: it points at what is not, but there is much of it.
    public = {r.name for r in all_registers() if isinstance(policies.rule_of(r.model), Open)}
    # Lists, exports and the API sort by one and the same code.
    columns = {r.name: [c for c in r.columns if r.sortable(c)] for r in all_registers() if r.name not in public}
    sorts = {
        f"/api/v1/{name}": [f"?sort={c}" for c in (*by, *(f"-{c}" for c in by[:1]))] for name, by in columns.items()
    }
    for name, _text in urls():
        # The stream is another test's; the page of the second step makes a new secret whenever it is asked.
        if name in addresses.keyed_addresses() or name in ("live", "None", "two-factor"):
            continue
        for words in addresses.spelled_addresses().get(name, lambda: [{}])():
            if words.get("form", "csv") != "csv" and words["name"] in public:
                continue
            searched = words.get("name") not in public and not {"form"} & words.keys()
            yield me.browser, reverse(name, kwargs=words), [f"?q={HEAD}"] if searched else []
    for identifier, method, path, _described in operations():
        if method == "get" and "{" not in path:
            asked = [f"?q={HEAD}", f"?q={HOME}", "?limit=1", "?count=all"]
            yield me.program, path, asked + sorts.pop(path, [])
        elif method == "get" and identifier in addresses.keyed_addresses():
            for _row, filled in mine(addresses.keyed_addresses()[identifier], home):
                yield me.program, path.format(**{k: quote(str(v), safe="") for k, v in filled.items()}), []
    assert not sorts
    for name, declared in addresses.keyed_addresses().items():
        for _row, filled in mine(declared, home):
            if (path := address_of(name, filled)) is not None:
                yield me.browser, path, ["?tab=audit"] if name == "registers:record" else []


def mine(declared: addresses.Keyed, home: Place) -> Iterator[tuple[models.Model, dict[str, Any]]]:
    for kind in declared.kinds():
        if kind in home.rows:
            with acting(TESTER, EVERYWHERE):
                filled = declared.filled(home.rows[kind])
            for one in filled:
                yield home.rows[kind], one


def address_of(name: str, filled: dict[str, Any]) -> str | None:
    """The address; None for an operation of the API, which `operations` gives."""
    return None if "." in name else reverse(name, kwargs=filled)


def read_all(me: Somebody, home: Place) -> dict[str, tuple[int, bytes]]:
    found = {}
    for client, path, asked in readings(me, home):
        for address in (path, *(path + one for one in asked)):
            with undone():  # reading personal data is itself recorded
                response = client.get(address)
                found[address] = (response.status_code, body(response))
            assert response.status_code < 500, (address, response.status_code)
            if found[path][0] in (401, 403, 404, 405):
                break  # what is refused is refused whatever is asked besides
    return found


@roles
@pytest.mark.django_db
def test_nothing_read_anywhere_tells_of_what_is_out_of_scope(role: str) -> None:
    me = Somebody(role)
    home = at_home(me)
    before = read_all(me, home)
    planted(me)
    after = read_all(me, home)

    assert [path for path, (_status, said) in after.items() if TAIL.encode() in said] == []
    assert before.keys() == after.keys()
    changed = {p: apart(before[p][1], after[p][1]) for p in before if before[p] != after[p]}
    assert changed == {}, "an answer changed by what is out of scope"
    # The matrix would prove nothing if nothing were to be seen.
    assert sum(HOME.encode() in said for _status, said in after.values()) > 20
    assert {status for status, _ in after.values()} <= {200, 302, 400, 403, 404, 405, 422}


@roles
@pytest.mark.django_db
def test_the_stream_tells_of_nothing_out_of_scope(role: str) -> None:
    me = Somebody(role)
    at_home(me)
    planted(me)
    key = me.browser.session.session_key
    assert key
    everything = live._read(key, None, 0)
    assert everything is not None
    said = json.dumps(everything)
    assert HOME in said
    assert TAIL not in said
    with acting(TESTER, EVERYWHERE):
        numbers = list(live_rows())
    assert len(numbers) > len(everything)
    assert live._read(key, numbers, None) == everything


def live_rows() -> Iterator[int]:
    from anlan.kernel.models import Live

    yield from Live.objects.values_list("pk", flat=True)


# --- Keys --------------------------------------------------------------------------------------------


class Alike:
    """Holds the answers of pairs of addresses against each other."""

    def __init__(self) -> None:
        self.absent: dict[tuple[Client, str, str], tuple[int, bytes]] = {}

    def __call__(self, client: Client, method: str, foreign: str, absent: str, **sent: Any) -> None:
        """The two addresses answer alike, byte for byte but for the address itself and tokens."""
        known = (client, method, absent)
        if known not in self.absent:
            # What does not exist is asked for once, for all the rows that are held against it.
            self.absent[known] = self.said(client, method, absent, sent)
        one, two = self.said(client, method, foreign, sent), self.absent[known]
        assert one[0] == two[0], (method, foreign, one[0], two[0])
        assert one[0] in (401, 403, 404, 405), (method, foreign, one[0])
        assert one[1] == two[1], (method, foreign, *apart(one[1], two[1]))

    def said(self, client: Client, method: str, address: str, sent: dict[str, Any]) -> tuple[int, bytes]:
        with undone():
            response = getattr(client, method)(address, **sent)
            told = body(response)
        plain = address.split("?")[0]
        for form in (plain, quote(plain, safe="/%"), repr(plain)[1:-1]):
            told = told.replace(form.encode(), b"")
        return response.status_code, told


def apart(one: bytes, two: bytes) -> tuple[bytes, bytes]:
    """The surroundings of the first difference."""
    at = next((n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    return one[max(0, at - 80) : at + 40], two[max(0, at - 80) : at + 40]


def probes(me: Somebody, declared: addresses.Keyed) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """For each row out of scope: the parameters of its address, and those of one that does not exist."""
    if me.account.role in declared.roles:
        return
    for kind in declared.kinds():
        for row in me.foreign(kind) if not isinstance(policies.rule_of(kind), Open) else ():
            with acting(TESTER, EVERYWHERE):
                filled = declared.filled(row)
            # Two words of each vocabulary (moves, say): it is the record that must not be told.
            for one in filled[:1] + filled[1:][-1:]:
                yield one, one | {declared.record: ABSENT[type(one[declared.record])]}


def failed_job() -> None:
    """A failed run in the queue."""
    with acting(TESTER, EVERYWHERE), connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, args, status, attempts) "
            "VALUES ('default', %s, '{}', 'failed', 5)", [MARKER],
        )  # fmt: skip


@roles
@pytest.mark.django_db
def test_by_its_key_what_is_out_of_scope_answers_like_what_does_not_exist(role: str) -> None:
    me = Somebody(role)
    at_home(me)
    planted(me)
    failed_job()
    tried, alike = set(), Alike()
    for name, _text in urls():
        declared = addresses.keyed_addresses().get(name)
        for foreign, absent in probes(me, declared) if declared else ():
            for method in ("get", "post"):
                alike(me.browser, method, reverse(name, kwargs=foreign), reverse(name, kwargs=absent))
            tried.add(name)
    for identifier, method, path, described in operations():
        declared = addresses.keyed_addresses().get(identifier)
        for foreign, absent in probes(me, declared) if declared else ():
            needed = {p["name"]: "x" for p in described.get("parameters", ()) if p["in"] == "query" and p["required"]}
            one, two = (
                path.format(**{k: quote(str(v), safe="") for k, v in filled.items()}) + f"?{urlencode(needed)}"
                for filled in (foreign, absent)
            )
            sent = (
                {} if method == "get" else {"data": json.dumps(dict(declared.send)), "content_type": "application/json"}
            )
            alike(me.program, method, one, two, **sent)
            tried.add(identifier)
    for name, declared in addresses.keyed_addresses().items():
        guarded = any(m in scoped_models() for m in declared.kinds())
        exists = name in tried or name not in {i for i, *_ in operations()} | {n for n, _ in urls()}
        assert exists or not guarded or role in declared.roles, f"{name} was tried on no row out of scope"


@roles
@pytest.mark.django_db
def test_a_filter_by_what_is_out_of_scope_answers_like_a_filter_by_what_does_not_exist(role: str) -> None:
    me = Somebody(role)
    at_home(me)
    places = planted(me)
    tried = 0
    for register in all_registers():
        for name in register.filters:
            column = register.field(name)
            if not isinstance(column, models.ForeignKey) or column.related_model not in scoped_models():
                continue
            for place in places:
                target = place.rows.get(column.related_model)
                if target is None or me.holds(target):
                    continue
                tried += 1
                for client, address in (
                    (me.browser, f"/r/{register.name}/"),
                    (me.browser, f"/r/{register.name}/export.csv"),
                    (me.program, f"/api/v1/{register.name}"),
                ):
                    answers = []
                    for key in (target.pk, ABSENT[int]):
                        with undone():
                            response = client.get(f"{address}?{name}={key}")
                            said = re.sub(rb"\b(%d|%d)\b" % (target.pk, ABSENT[int]), b"KEY", body(response))
                            answers.append((response.status_code, said))
                    assert answers[0] == answers[1], (address, name)


@pytest.mark.django_db
def test_a_stranger_is_answered_by_public_addresses_only() -> None:
    stranger = Client()
    open_ = []
    for name, _text in urls():
        if name in addresses.public_addresses() or name == "None":
            continue
        if name in addresses.keyed_addresses():
            continue
        for words in addresses.spelled_addresses().get(name, lambda: [{}])():
            path = reverse(name, kwargs=words)
            for response in (stranger.get(path), stranger.post(path)):
                away = response.status_code == 302 and response.headers["Location"].startswith("/sign-in/?next=")
                if not away and response.status_code not in (401, 405):
                    open_.append((name, path, response.status_code))
    for identifier, method, path, _described in operations():
        response = getattr(stranger, method)(re.sub(r"\{\w+\}", "1", path), content_type="application/json")
        if response.status_code != 401:
            open_.append((identifier, path, response.status_code))
    assert open_ == []


@roles
@pytest.mark.django_db
def test_the_database_itself_gives_a_role_no_planted_row(role: str) -> None:
    """Below all pages: the tables, as a person of that role reads them."""
    me = Somebody(role)
    leaked, looked = [], 0
    for place in planted(me):
        for kind, row in place.rows.items():
            if kind in (Account, Enterprise) and TAIL not in row.name:  # type: ignore[attr-defined]
                continue
            if kind is Account and place.differs in ("industry", "enterprise"):
                continue  # an account is known to the officials of its area
            if place.account == me.other and not isinstance(policies.rule_of(kind), Mine | Addressed):
                continue  # what a colleague's own things point at lies in the area of both
            if place.differs == "industry" and getattr(policies.rule_of(kind), "industry", None) == ANY:
                continue  # declared to belong to no industry
            looked += 1
            if me.holds(row):
                leaked.append(f"{kind._meta.label} {place.area} {place.industry}")
    assert leaked == []
    assert looked > 20
