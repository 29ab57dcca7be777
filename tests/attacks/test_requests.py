"""What a neighbouring district tries, with a valid account, a token and time: addresses, bodies, files, oracles."""

from __future__ import annotations

import base64
import html
import io
import json
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme

from anlan.kernel import files
from anlan.kernel.models import Notice
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.kernel.sheets.applying import import_file
from anlan.offices.hazards.models import Danger
from anlan.offices.hazards.registers import sample_danger
from anlan.offices.regulators.models import Capacity
from anlan.offices.regulators.registers import Capacities
from anlan.parties.models import Account, Authority, Enterprise, Person
from anlan.parties.registers import Enterprises

from .conftest import MARK, NOON, TESTER, code, send

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


# --- What points out of one's scope ------------------------------------------------------------------


@pytest.fixture
def across(theirs: Enterprise) -> Danger:
    """A danger of this district at an enterprise that has since moved to the next one: both rows are real."""
    with acting(TESTER, EVERYWHERE):
        row = sample_danger(1)
        row.area_code, row.industry_id, row.enterprise = "500112000000", "coal", theirs
        row.save()
        Person.objects.create(name="张三", area_code="500112000000", enterprise=theirs)
        return row


@pytest.mark.parametrize("address", ["/r/dangers/", "/r/people/", "/r/dangers/export.csv", "/r/people/export.csv", "/"])
def test_a_list_shows_a_row_that_points_out_of_scope_without_what_it_points_at(
    across: Danger, browser: Client, address: str
) -> None:
    answer = browser.get(address)
    assert answer.status_code == 200
    said = (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode()
    assert MARK not in said
    assert across.number in said or "张三" in said or f"\n{across.pk}" in said
    assert "None" not in said


def test_pages_of_a_row_that_points_out_of_scope_open_and_do_not_tell(across: Danger, browser: Client) -> None:
    with acting(TESTER, EVERYWHERE):
        person = Person.objects.get(name="张三")
    for address in (
        across.get_absolute_url(),
        f"/r/people/{person.pk}/",
        f"/r/people/{person.pk}/?tab=audit",
        f"/r/people/{person.pk}/edit/",
        f"/r/dangers/{across.pk}/",
    ):
        answer = browser.get(address)
        assert answer.status_code in (200, 302), address
        assert MARK not in answer.content.decode(), address


# --- Oracles -----------------------------------------------------------------------------------------


def test_what_is_elsewhere_cannot_be_pointed_at(theirs: Enterprise, program: Client, browser: Client) -> None:
    said = []
    for key in (theirs.pk, 999_999_999):
        body = {"name": "李四", "area_code": "500112000000", "enterprise_id": key}
        answer = send(program, "post", "/api/v1/people", body)
        form = browser.post("/r/people/new/", {"name": "李四", "area_code": "500112000000", "enterprise": key})
        assert MARK not in form.content.decode()
        told = {k: re.sub(r"\d+", "", v) for k, v in answer.json().items()}
        said.append((answer.status_code, told, form.status_code))
    assert said[0] == said[1]
    assert said[0][0] == 422


def test_a_key_taken_elsewhere_is_refused_in_words_that_do_not_tell_where(theirs: Enterprise, program: Client) -> None:
    """A code is unique in the city, so that it is taken shows. Whose it is, and where, does not."""
    with acting(TESTER, EVERYWHERE):
        Enterprise.objects.create(name="本区厂", area_code="500112000000", credit_code=code(2))
    said = []
    for number in (1, 2):
        body = {"name": "x", "area_code": "500112000000", "credit_code": code(number)}
        answer = send(program, "post", "/api/v1/enterprises", body)
        said.append((answer.status_code, answer.content))
    assert said[0] == said[1]
    assert said[0][0] == 409
    assert MARK not in said[0][1].decode()


def test_an_import_tells_no_more_than_a_form(theirs: Enterprise, attacker: Account) -> None:
    """A code taken elsewhere, by itself and by a row's number: one answer that tells neither name nor place."""
    with acting(TESTER, EVERYWHERE):
        ours = Enterprise.objects.create(name="本区厂", area_code="500112000000", credit_code=code(2))
    said = []
    with translation.override("en"):
        heads = ",".join(str(Enterprise._meta.get_field(n).verbose_name) for n in ("name", "credit_code", "area_code"))
    for line in (f"x,{code(1)},500112000000", f"x,{code(1)},500103000000"):
        with acting(attacker.actor, attacker.scope):
            outcome = import_file(Enterprises, f"{heads}\n{line}\n".encode(), name="a.csv")
        assert not outcome.applied
        assert MARK not in " ".join(problem.words() for problem in outcome.problems)
        said.append([problem.code for problem in outcome.problems])
    assert said[0] == ["IMP042"]
    for key in (theirs.pk, 999_999_999):
        with acting(attacker.actor, attacker.scope):
            line = f"记录号,{heads}\n{key},x,{code(3)},500112000000\n"
            outcome = import_file(Enterprises, line.encode(), name="a.csv")
        assert [problem.code for problem in outcome.problems] == ["IMP043"]
    with acting(TESTER, EVERYWHERE):
        theirs.refresh_from_db()
        ours.refresh_from_db()
    assert (theirs.area_code, theirs.version, ours.version) == ("500103000000", 1, 1)


def test_cursors_made_by_hand_show_nothing_out_of_scope(theirs: Enterprise, program: Client) -> None:
    for value, key in (
        ("", "0"),
        (None, str(theirs.pk)),
        ("\U0010ffff", str(2**62)),
        (theirs.name, str(theirs.pk - 1)),
    ):
        for backwards in (0, 1):
            raw = json.dumps([backwards, value, key]).encode()
            cursor = base64.urlsafe_b64encode(raw).decode().rstrip("=")
            answer = program.get("/api/v1/enterprises", {"sort": "name", "cursor": cursor})
            assert answer.status_code in (200, 400)
            assert MARK not in answer.content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "sort=enterprise__name",
        "sort=industry__order",
        "enterprise__name=x",
        "sort=password",
        "area_code__gte=5",
        "sort=-credit_code%00",
        "sort=pk",
        "sort=version",
    ],
)
def test_no_sort_or_filter_reaches_beyond_the_columns(browser: Client, program: Client, query: str) -> None:
    assert program.get(f"/api/v1/people?{query}").status_code in (400, 422)
    answer = browser.get(f"/r/people/?{query}")
    assert answer.status_code == (400 if "sort" in query else 200)


# --- Writing what is not one's own -------------------------------------------------------------------


def test_no_field_beyond_the_form_is_set(browser: Client, program: Client) -> None:
    sent = {
        "name": "本区厂",
        "area_code": "500112000000",
        "status": "operating",
        "id": 7,
        "version": 99,
        "created_at": "2001-01-01",
        "pinyin": "X",
    }
    assert send(program, "post", "/api/v1/enterprises", sent).status_code == 422
    assert browser.post("/r/enterprises/new/", sent).status_code == 302
    with acting(TESTER, EVERYWHERE):
        made = Enterprise.objects.get(name="本区厂")
    assert (made.version, made.created_at, made.pinyin) == (1, NOON, "bqc")
    assert made.pk != 7


def test_a_record_cannot_be_moved_in_or_out_of_ones_scope(theirs: Enterprise, program: Client) -> None:
    with acting(TESTER, EVERYWHERE):
        ours = Enterprise.objects.create(name="本区厂", area_code="500112000000")
    away = send(program, "patch", f"/api/v1/enterprises/{ours.pk}", {"area_code": "500103000000"}, **{"if-match": "1"})
    assert away.status_code == 422
    taken = send(
        program, "patch", f"/api/v1/enterprises/{theirs.pk}", {"area_code": "500112000000"}, **{"if-match": "1"}
    )
    assert taken.status_code == 404


@pytest.mark.parametrize("header", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_and_no_field_makes_another_method_of_a_request(
    theirs: Enterprise, browser: Client, program: Client, header: str
) -> None:
    with acting(TESTER, EVERYWHERE):
        ours = Enterprise.objects.create(name="本区厂", area_code="500112000000")
    program.get(f"/api/v1/enterprises/{ours.pk}?_method=DELETE", headers={header: "DELETE"})
    browser.post(f"/r/enterprises/{ours.pk}/", {"_method": "DELETE"}, headers={header: "DELETE"})
    with acting(TESTER, EVERYWHERE):
        assert Enterprise.objects.filter(pk=ours.pk).exists()


# --- The browser -------------------------------------------------------------------------------------


def test_a_session_without_its_token_writes_nothing_anywhere(attacker: Account) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(attacker)
    for address in (
        "/r/enterprises/new/",
        "/account/password/",
        "/language/",
        "/notices/read/",
        "/hazards/report/",
        "/sign-out/",
        "/r/enterprises/import/",
        "/account/sessions/end-others/",
    ):
        assert strict.post(address, {}).status_code == 403, address
    answer = send(strict, "post", "/api/v1/enterprises", {"name": "x", "area_code": "500112000000"})
    assert answer.status_code == 403
    with acting(TESTER, EVERYWHERE):
        assert Enterprise.objects.count() == 0


def test_a_token_in_the_address_or_the_cookie_is_no_token(attacker: Account) -> None:
    with acting(TESTER, EVERYWHERE):
        token = ApiToken.issue(attacker, "x", ["*:write"])
    stranger = Client()
    stranger.cookies["token"] = token
    for query in (f"?token={token}", f"?access_token={token}", f"?Authorization=Bearer%20{token}"):
        assert stranger.get(f"/api/v1/enterprises{query}").status_code == 401


@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/r/people/",
        "/r/people/export.csv",
        "/search?q=x",
        "/account/",
        "/notices/bell/",
        "/api/v1/people",
        "/nothing-here/",
        "/sign-in/",
        "/r/people/pick/?q=x",
    ],
)
def test_nothing_personal_stays_in_any_cache(browser: Client, address: str) -> None:
    answer = browser.get(address)
    assert "no-store" in answer.headers["Cache-Control"]
    assert "public" not in answer.headers["Cache-Control"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("host", ["evil.example", "localhost:80@evil.example", "127.0.0.1.evil.example", ""])
def test_a_host_that_is_not_ours_is_refused(browser: Client, host: str) -> None:
    answer = browser.get("/sign-in/", headers={"host": host or " "})
    assert answer.status_code == 400
    assert "evil" not in answer.content.decode()


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/%09/evil.example",
        "https:evil.example",
        "/\t/evil.example",
    ],
)
def test_no_address_leads_off_this_site(browser: Client, where: str) -> None:
    there = browser.post("/language/", {"language": "en", "next": where}).headers["Location"]
    assert url_has_allowed_host_and_scheme(there, None)
    kept = re.search(r'name="next" value="([^"]*)"', Client().get("/sign-in/", {"next": where}).content.decode())
    assert kept
    assert url_has_allowed_host_and_scheme(html.unescape(kept[1]), None)


def test_a_notice_leads_to_this_site_only(attacker: Account, browser: Client) -> None:
    for where in ("https://evil.example", "//evil.example", "/\\evil.example", "/\t/evil.example"):
        with acting(TESTER, EVERYWHERE):
            notice = Notice.objects.create(account_id=attacker.pk, message="x", url=where)
        assert browser.post(f"/notices/{notice.pk}/read/").headers["Location"] == "/notices/", where
        assert f'href="{where}"' not in browser.get("/notices/").content.decode()


# --- Hostile bodies ----------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1_000, 100_000])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_json_of_any_depth_is_one_refusal(program: Client, depth: int, pair: str) -> None:
    inner = "[" * depth + "]" * depth if pair == "[]" else '{"a":' * depth + "1" + "}" * depth
    for body in (inner, '{"name": ' + inner + "}", '{"seen_version": 1, "facts": {"x": ' + inner + "}}"):
        for address in ("/api/v1/enterprises", "/api/v1/cases/danger/x/moves/verify"):
            answer = program.post(address, body, content_type="application/json")
            assert 400 <= answer.status_code < 500, (address, answer.status_code)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[1]",
        '"x"',
        "NaN",
        '{"name": NaN}',
        "{",
        "\ufeff{}",
        '{"name":"\\ud800"}',
        '{"name":"a","name":"b"}',
        "1" * 5000,
        '{"name":' + "9" * 5000 + "}",
    ],
)
def test_a_body_that_is_no_record_is_one_refusal(program: Client, body: str) -> None:
    answer = program.post("/api/v1/enterprises", body.encode("utf-8", "surrogatepass"), content_type="application/json")
    assert 400 <= answer.status_code < 500
    assert answer.json()["code"]


@pytest.mark.parametrize(
    "address",
    [
        "/r/enterprises/{}/",
        "/c/danger/{}/",
        "/c/{}/x/",
        "/r/{}/",
        "/c/danger/{}/evidence/1/",
        "/c/danger/x/{}/",
        "/account/sessions/{}/end/",
        "/search?q={}",
        "/r/people/pick/?q={}",
        "/r/-/area/?q={}",
        "/r/enterprises/?cursor={}",
        "/r/enterprises/?q={}",
        "/r/enterprises/?sort={}",
        "/r/enterprises/?area_code={}",
        "/r/people/?industry={}",
        "/api/v1/enterprises/{}",
        "/api/v1/cases/danger/{}",
        "/api/v1/enterprises?q={}",
        "/hazards/returns/{}/",
        "/hazards/order/{}/",
        "/hazards/report/sent/{}/",
        "/notices/{}/read/",
        "/plan/{}/",
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        "%00",
        "a%00b",
        "A" * 20_000,
        "9" * 400,
        "-1",
        "%F0%9F%92%A9",
        "..%2F..%2Fetc%2Fpasswd",
        "%27%3B--",
        "%ED%A0%80",
        "%FF",
        "0001",
        "%EF%BC%91",
        "1e5",
        "%E2%80%AE",
    ],
)
def test_no_text_in_an_address_breaks_a_page(attacker: Account, address: str, text: str) -> None:
    client = Client(raise_request_exception=False)
    client.force_login(attacker)
    for method in ("get", "post"):
        answer = getattr(client, method)(address.format(text))
        assert answer.status_code < 500, (method, address, text)


# --- Hostile files -----------------------------------------------------------------------------------

SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!doctype html><script>alert(1)</script>"


@pytest.mark.parametrize(
    "raw", [SVG, HTML, b"GIF89a" + HTML, b"<?xml?>" + SVG, b"\xef\xbb\xbf" + HTML, b"#!/bin/sh\n", b"MZ\x90"]
)
def test_what_a_browser_could_run_is_not_kept(raw: bytes) -> None:
    with pytest.raises(files.Refused):
        files.put(raw)


@pytest.mark.parametrize("kind", sorted(files.ALLOWED))
def test_no_kept_file_is_ever_shown_as_a_page(kind: str) -> None:
    kept = files.put(b"%PDF-1.4 " + HTML)
    for media in (kind, "text/html", "image/svg+xml"):
        answer = files.response(kept.sha256, 'a"\r\nX: y<b>.html', media)
        assert answer.headers["Content-Type"] not in ("text/html", "image/svg+xml")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert "\r" not in answer.headers["Content-Disposition"]
        if media not in files.IMAGES:
            assert answer.headers["Content-Disposition"].startswith("attachment")
        answer.close()


def _book(sheet: bytes, *, dimension: str = "A1:A1") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr(
            "[Content_Types].xml",
            '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Default Extension="xml" ContentType="application/xml"/></Types>',
        )
        book.writestr(
            "_rels/.rels",
            '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
            'officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr(
            "xl/workbook.xml",
            '<?xml version="1.0"?><workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
            'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
            '<sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>',
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/'
            'worksheet" '
            'Target="worksheets/sheet1.xml"/></Relationships>',
        )
        book.writestr("xl/worksheets/sheet1.xml", sheet)
    return out.getvalue()


def test_an_entity_in_a_workbook_reads_no_file_and_does_not_grow(attacker: Account) -> None:
    sheet = (
        '<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname"><!ENTITY b "bbbb">'
        + "".join(f'<!ENTITY c{n} "{f"&c{n - 1};" * 10 if n else "&b;"}">' for n in range(9))
        + ']><worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1">'
        '<c r="A1" t="inlineStr"><is><t>&a;&c8;</t></is></c></row></sheetData></worksheet>'
    )
    with acting(attacker.actor, attacker.scope):
        outcome = import_file(Enterprises, _book(sheet.encode()))
    assert [problem.code for problem in outcome.problems] in (["IMP006"], ["IMP010"])
    assert Path("/etc/hostname").read_text().strip() not in " ".join(problem.words() for problem in outcome.problems)


# --- Work lists, sign-in -----------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["0", "-1", "201", "000000001" + "9" * 30, "000000001" + "9" * 5000, "１", "1e5"])
def test_a_page_of_a_work_list_that_cannot_be_is_none(browser: Client, page: str) -> None:
    assert browser.get("/c/", {"show": "mine", "page": page}).status_code == 404


@pytest.mark.parametrize("state", ["-", "", "x"])
def test_the_end_of_a_sign_in_that_was_never_begun_is_refused(settings: Any, state: str) -> None:
    settings.OIDC = {
        "issuer": "https://id.example", "client_id": "a", "client_secret": "", "claim": "sub", "title": "ID",
    }  # fmt: skip
    client = Client(raise_request_exception=False)
    assert client.get(reverse("oidc-callback"), {"state": state, "code": "x"}).status_code == 403


def test_nobody_enters_the_capacity_of_another_place_s_authority(attacker: Account, program: Client) -> None:
    """Else it would count as one's own, and the other could not enter his: there is one for each authority."""
    with acting(TESTER, EVERYWHERE):
        theirs, own = (
            Authority.objects.create(name=f"安监局{area}", kind="supervisor", tier=2, area_code=area)
            for area in ("500103000000", "500112000000")
        )
    new = {"area_code": "500112000000", "required": 9, "staff": 9}
    assert send(program, "post", "/api/v1/capacity", new | {"authority_id": theirs.pk}).status_code == 422
    head = ",".join(str(Capacity._meta.get_field(n).verbose_name) for n in ("authority", "area_code", "required"))
    with acting(attacker.actor, attacker.scope):
        sheet = f"{head}\n{theirs.name},500112000000,9\n".encode()
        assert not import_file(Capacities, sheet, name="a.csv").applied
        assert not Capacity.objects.exists()
    assert send(program, "post", "/api/v1/capacity", new | {"authority_id": own.pk}).status_code == 201
