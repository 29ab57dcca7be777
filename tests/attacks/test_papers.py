"""What is tried on official papers: to sign without the right, to read before it is sent, to change what was issued."""

from __future__ import annotations

import io
import os
import re
import zipfile
from collections.abc import Callable
from datetime import date
from html import unescape
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from lxml import etree

from anlan.engines.papers import Chart, Heading, Imprint, Note, Paper, Paragraph, Series, Table
from anlan.kernel import cases, files
from anlan.kernel.cases import links
from anlan.kernel.registers.models import ApiToken
from anlan.kernel.registers.writing import Refused, store
from anlan.kernel.scope import EVERYWHERE, acting
from anlan.kernel.sheets.applying import import_file
from anlan.offices.hazards.registers import sample_danger
from anlan.offices.plan.progress.models import ClosedPeriod
from anlan.offices.supervision import issuing as supervision
from anlan.offices.supervision import pressing
from anlan.offices.supervision.models import Letter, SupervisionOrder
from anlan.parties import papers
from anlan.parties.models import Account, Authority, Enterprise, IssuedPaper, Person, Post, Recipient
from anlan.parties.papers import issuing
from anlan.parties.papers.text import BadText
from anlan.parties.registers import Posts

from .conftest import MARK, TESTER, send

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
DISTRICT, TOWN = "500112000000", "500112131000"
ORDER = {"subject": "限期整改", "grounds": MARK, "asked": "整改", "answer_by": date(2013, 7, 1)}

People = dict[str, Account]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files take their second each: only a test about them makes them."""
    monkeypatch.setattr(issuing, "render", lambda paper, form: b"%PDF-1.4 " + paper.title.encode())


@pytest.fixture
def office() -> Authority:
    with acting(TESTER, EVERYWHERE):
        return Authority.objects.create(
            name="渝北区安委办", short_name="渝北安委办", kind="committee_office", tier=2, area_code=DISTRICT
        )


def account(name: str, role: str = "district", area: str = DISTRICT, **more: Any) -> Account:
    with acting(TESTER, EVERYWHERE):
        return Account.objects.create(username=name, name=name, role=role, area_code=area, **more)


def person(name: str, area: str = DISTRICT, **more: Any) -> Person:
    with acting(TESTER, EVERYWHERE):
        return Person.objects.create(name=name, area_code=area, **more)


@pytest.fixture
def people(office: Authority) -> People:
    head = person("何主任")
    with acting(TESTER, EVERYWHERE):
        Post.objects.create(person=head, authority=office, title="主任", head=True)
    return {
        "drafter": account("drafter", authority=office), "reviewer": account("reviewer", authority=office),
        "leader": account("leader", authority=office, person=head),
    }  # fmt: skip


def browser(who: Account) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(who)
    return client


def as_(who: Account, act: Callable[[], Any]) -> Any:
    with acting(who.actor, who.scope):
        return act()


def go(who: Account, case: Any, name: str, **facts: Any) -> Any:
    def move() -> Any:
        row = type(case).objects.get(pk=case.pk)
        return cases.move(row, name, by=who, seen_version=row.version, facts_=facts)

    return as_(who, move)


def drafted(people: People, *to: Any, **said: Any) -> Letter:
    by = people["drafter"]
    return as_(by, lambda: supervision.draft("order", by, to, {}, **ORDER | said))  # type: ignore[no-any-return]


CHAIN = (("drafter", "submit"), ("reviewer", "pass"), ("leader", "sign"), ("drafter", "issue"), ("drafter", "publish"))


def along(people: People, case: Any, until: str) -> Any:
    """Along the chain until that move was made."""
    for who, move in CHAIN:
        case = go(people[who], case, move)
        if move == until:
            break
    return case


def orders(letter: Letter) -> list[SupervisionOrder]:
    with acting(TESTER, EVERYWHERE):
        return supervision.addressed(Letter.objects.get(pk=letter.pk))


def fields(page: str) -> dict[str, str]:
    """What the browser sends of a page's texts and of what it carries."""
    texts = re.findall(r'<textarea name="([^"]+)"[^>]*>\s?(.*?)</textarea>', page)
    carried = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', page)
    return {name: unescape(value) for name, value in [*texts, *carried]}


def firm(name: str, area: str = TOWN, **more: Any) -> Enterprise:
    with acting(TESTER, EVERYWHERE):
        return Enterprise.objects.create(name=name, area_code=area, industry_id="coal", **more)


# --- Signing without the right -----------------------------------------------------------------------


def _post(who: Person, at: Authority, **more: Any) -> dict[str, Any]:
    return {"person": str(who.pk), "authority": str(at.pk), "title": "主任", "head": "on"} | more


def test_nobody_makes_himself_the_leader_who_signs(people: People, office: Authority) -> None:
    """A clerk may keep the posts of his office: with his own he would sign what it issues."""
    own = person("科员")
    clerk = account("clerk", authority=office, person=own)
    letter = along(people, drafted(people, firm("甲")), "pass")
    with acting(TESTER, EVERYWHERE):
        clerks = Post.objects.create(person=own, authority=office, title="科员")
        heads = Post.objects.get(head=True)
    client = browser(clerk)
    assert client.post("/r/posts/new/", _post(own, office)).status_code == 422
    for row, more in ((clerks, {"person": str(own.pk)}), (heads, {"person": str(own.pk)})):
        sent = _post(own, office, version=str(row.version), **more)
        assert client.post(f"/r/posts/{row.pk}/edit/", sent).status_code == 422
    with acting(clerk.actor, clerk.scope):
        for act in (
            lambda: Post.objects.filter(pk=clerks.pk).update(head=True),
            lambda: Post.objects.filter(pk=heads.pk).update(person=own),
            lambda: Post.objects.bulk_create([Post(person=own, authority=office, title="x", head=True)]),
        ):
            with pytest.raises(DatabaseError, match="by another person"), transaction.atomic():
                act()
    with pytest.raises(cases.MoveRefused, match="barred"):
        go(clerk, letter, "sign")
    # A colleague says it of him, and it stands in the audit who did.
    assert browser(people["drafter"]).post("/r/posts/new/", _post(own, office)).status_code == 302
    assert go(clerk, letter, "sign").signed_by == "科员"


@pytest.mark.parametrize(("role", "area", "industries"), [
    ("department", "500000000000", ["coal"]), ("inspector", DISTRICT, None),
])  # fmt: skip
def test_who_leads_an_office_is_not_said_by_departments_or_inspectors(
    people: People, office: Authority, role: str, area: str, industries: list[str] | None
) -> None:
    """Both keep posts in the district; its office's leader is not theirs to name, nor to end."""
    by, friend = account("by", role, area, industries=industries), person("熟人", industry_id="coal")
    assert browser(by).post("/r/posts/new/", _post(friend, office)).status_code == 422
    head = "人员,岗位名称,机构,主要负责人"
    sheet = f"{head}\n#{friend.pk},主任,{office.name},是\n"
    with acting(by.actor, by.scope):
        outcome = import_file(Posts, sheet.encode(), name="a.csv")
        assert not outcome.applied, [p.words() for p in outcome.problems]
        with pytest.raises(Refused):
            store(Post(person=friend, authority=office, title="主任", head=True))
        if role == "inspector":
            with pytest.raises(DatabaseError), transaction.atomic():
                Post.objects.filter(head=True).update(valid_to=date(2013, 1, 1))
    with acting(TESTER, EVERYWHERE):
        assert Post.objects.filter(authority=office, head=True, valid_to=None).count() == 1


# --- Read before it is sent --------------------------------------------------------------------------


def test_an_enterprise_reads_nothing_of_an_order_before_it_is_sent(people: People) -> None:
    """Also one that lies directly in the district, where the draft lies, and of whose danger the order came."""
    own = firm("区直厂", DISTRICT)
    unit = account("unit", "enterprise", enterprise=own)
    by = people["drafter"]
    with acting(TESTER, EVERYWHERE):
        danger = sample_danger(1)
        danger.area_code, danger.industry_id, danger.enterprise = DISTRICT, "coal", own
        danger.save()
    letter = drafted(people, own, subject=f"{MARK}整改")
    (draft,) = orders(letter)
    as_(by, lambda: links.link(danger, draft, by))
    client = browser(unit)

    def told() -> str:
        history = f"/api/v1/cases/danger/{danger.number}/history"
        lists = ("/", "/r/supervision-orders/", "/api/v1/supervision-orders", f"/search?q={draft.number}")
        pages = (danger.get_absolute_url(), history, *lists)
        return "".join(client.get(page).content.decode() for page in pages)

    assert client.get(draft.get_absolute_url()).status_code == 404
    assert MARK not in told()
    assert draft.number not in told()
    along(people, letter, "publish")
    assert client.get(draft.get_absolute_url()).status_code == 200
    assert MARK in told()


def test_a_public_page_says_the_same_to_who_is_signed_in(people: People) -> None:
    """It may be kept by any cache: what the reader's own scope holds besides is not on it."""
    paper = Paper(title="公告", issuer="渝北区安委办", blocks=(Paragraph("一"),))
    by = people["drafter"]

    def made(period: str, audience: dict[str, Any], **more: Any) -> Any:
        case = as_(by, lambda: papers.draft(
            "publication", by, authority=by.authority, paper=paper, series="monthly", period=period,
            due_on=date(2013, 7, 1), **more,
        ))  # fmt: skip
        return go(by, along(people, case, "issue"), "publish", **audience)

    with acting(TESTER, EVERYWHERE):
        Authority.objects.create(name="区交委", kind="department", tier=2, area_code=DISTRICT, industries=["road"])
    secret = {"audience": "named", "recipients": ["区交委"]}
    first = made("2013-05", {"audience": "public"})
    inside = made("2013-05", secret, corrects=first.issued)
    second = made("2013-04", {"audience": "public"}, corrects=made("2013-04", secret).issued)
    for row in (first, second):
        address = f"/public/papers/{row.issued_id}/"
        anybody, reader = Client().get(address), browser(by).get(address)
        assert anybody.content == reader.content
        assert anybody["ETag"] == reader["ETag"]
        assert inside.document_number not in reader.content.decode()
    assert Client().get("/public/papers/").content == browser(by).get("/public/papers/").content


def test_nobody_lets_himself_into_another_place_s_paper(people: People) -> None:
    """Who has a row at his own place reads the paper: he does not make it himself."""
    case, neighbour = along(people, drafted(people, firm("甲")), "issue"), account("b", area="500103000000")
    with acting(neighbour.actor, neighbour.scope):
        with pytest.raises(DatabaseError, match="where it was issued"), transaction.atomic():
            Recipient.objects.create(paper_id=case.issued_id, name="x", area_code="500103000000")
        assert not IssuedPaper.objects.exists()


# --- What was issued ---------------------------------------------------------------------------------


def test_a_file_that_is_not_the_one_that_was_issued_is_not_served(people: People) -> None:
    case = along(people, drafted(people, firm("甲")), "publish")
    with acting(TESTER, EVERYWHERE):
        kept = case.issued.files.get(form="pdf")
    client, address = browser(people["leader"]), f"/papers/{case.issued_id}/pdf/"
    assert client.get(address).status_code == 200
    path = files.path_of(kept.sha256)
    os.chmod(path, 0o640)
    path.write_bytes(b"%PDF-1.4 forged")
    assert client.get(address).status_code == 500
    path.unlink()
    assert client.get(address).status_code == 500


def test_what_the_leader_signed_does_not_change_whatever_state_is_written_beside_it(people: People) -> None:
    case = along(people, drafted(people, firm("甲")), "sign")
    with acting(TESTER, EVERYWHERE):
        rows = Letter.objects.filter(pk=case.pk)
        rows.update(state="draft")
        with pytest.raises(DatabaseError, match="in its draft alone"), transaction.atomic():
            rows.update(edits={"title": "另一个"})


# --- Everything typed --------------------------------------------------------------------------------

HOSTILE = (
    '#read("/etc/passwd") #eval("1") $x$ `raw` @ref <label> *b* \\u{41} // c /* c */ <script>alert(1)</script> ]]> '
    "&amp; {{ 7 }} {% x %} =cmd|' /C calc'!A0 %(title)s {0} "
    "\u202e\u2066\u200b\ufeff\ufffe\U000e0001 \U0001f600 𠮷 \u0300"
)


def test_no_text_is_read_as_markup_in_any_form_of_a_paper(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    import pypdfium2

    monkeypatch.undo()
    numbers = Series(HOSTILE, (1.0, None)), Series(HOSTILE, (-2.0, 3e11))
    by, h = people["drafter"], HOSTILE
    paper = Paper(
        title=h[:190], issuer="渝北区安委办", mark="渝北区安委办", addressee=h, imprint=Imprint((h,), h), blocks=(
            Heading(1, h), Heading(2, h), Paragraph(h), Note(h), Table(h, (h, h), ((h, h),) * 3),
            *(Chart(kind, h, (h, h), numbers, h) for kind in ("bar", "line", "column")),  # type: ignore[arg-type]
        ),
    )  # fmt: skip
    case = as_(by, lambda: papers.draft(
        "publication", by, authority=by.authority, paper=paper, series="monthly", period="2013-05",
        due_on=date(2013, 7, 1),
    ))  # fmt: skip
    case = as_(by, lambda: papers.edit(case, by, case.version, lambda text: text.edited(
        title=h[:150], addressee=f"另{h}", copies=[h, h], texts={"b2": f"另{h}"},
    )))  # fmt: skip
    client = browser(by)
    case = go(by, along(people, case, "issue"), "publish", audience="public")
    for address in (
        case.get_absolute_url(), f"/papers/publication/{case.number}/edit/", f"/papers/{case.issued_id}/?again=1",
        f"/public/papers/{case.issued_id}/", "/public/papers/", "/r/issued-papers/",
    ):  # fmt: skip
        page = client.get(address)
        assert page.status_code == 200, address
        assert b"<script>alert" not in page.content, address
    word = b"".join(client.get(f"/papers/{case.issued_id}/docx/"))
    with zipfile.ZipFile(io.BytesIO(word)) as archive:
        for name in archive.namelist():
            if name.endswith((".xml", ".rels")):
                etree.fromstring(archive.read(name))
    pdf = b"".join(client.get(f"/papers/{case.issued_id}/pdf/"))
    text = "".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf))
    assert "root:" not in text
    assert "#eval" in text


def test_a_draft_of_very_many_headings_still_opens(people: People) -> None:
    """Two hundred are allowed, and Chinese numerals do not end at ninety-nine."""
    by = people["drafter"]
    letter = drafted(people, firm("甲"))

    def more(text: Any) -> Any:
        for n in range(1, 131):
            text, _key = text.with_more("b0", "heading")
            text = text.edited(texts={f"p{k}": f"题{k}" for k in range(1, n + 1)})
        return text

    as_(by, lambda: papers.edit(letter, by, letter.version, more))
    client = browser(by)
    for address in (letter.get_absolute_url(), f"/papers/letter/{letter.number}/edit/"):
        page = client.get(address)
        assert page.status_code == 200
        assert "（一百三十）" in page.content.decode()


# --- Letters to many ---------------------------------------------------------------------------------


def test_two_addressees_of_one_name_are_both_sent_their_letter(people: People) -> None:
    letter = drafted(people, firm("顺达煤矿"), firm("顺达煤矿"))
    case = along(people, letter, "publish")
    assert [one.state for one in orders(letter)] == ["issued", "issued"]
    with acting(TESTER, EVERYWHERE):
        names = Recipient.objects.filter(paper=case.issued).order_by("pk").values_list("name", flat=True)
        assert len(set(names)) == 2
        assert all(name.startswith("顺达煤矿（") for name in names)


def test_nobody_beyond_ones_area_is_addressed(people: People, office: Authority) -> None:
    """Else the letter would be signed and numbered, and could never be sent."""
    with acting(TESTER, EVERYWHERE):
        elsewhere = [
            Authority.objects.create(name="邻区政府", kind="government", tier=2, area_code="500103000000"),
            Authority.objects.create(name="市安监局", kind="supervisor", tier=1, area_code="500000000000"),
        ]
    client, by = browser(people["drafter"]), people["drafter"]
    for body in elsewhere:
        form = {
            "token": "6f4d9d52-7a3c-4b8e-9f65-3a2f4c1f0a11", "subject": "x", "grounds": "x", "asked": "x",
            "answer_by": "2013-07-01", "other": str(body.pk),
        }  # fmt: skip
        assert client.post("/supervision/orders/new/", form).status_code == 422
        with pytest.raises(cases.FieldError):
            as_(by, lambda body=body: supervision.draft("order", by, [body], {}, **ORDER))


@pytest.mark.parametrize("day", ["9999-12-31", "2024-01-01", "2013-06-13"])
def test_an_order_is_due_within_reason(people: People, day: str) -> None:
    """A day at the end of the calendar could never be signed for: what follows it does not exist."""
    letter = drafted(people, firm("甲"))
    with pytest.raises(cases.FieldError, match="answer_by"):
        go(people["drafter"], letter, "change", subject="x", grounds="x", asked="x", answer_by=day)


def test_the_letter_to_very_many_can_still_be_edited(people: People) -> None:
    many = [firm(f"第{n:03}号超长名称的矿业开发有限责任公司") for n in range(60)]
    letter = drafted(people, *many)
    client, address = browser(people["drafter"]), f"/papers/letter/{letter.number}/edit/"
    sent = fields(client.get(address).content.decode())
    assert len(sent["addressee"]) > 1000
    assert client.post(address, sent | {"title": "关于整改的通知"}).status_code == 302
    assert client.post(address, sent | {"addressee": sent["addressee"] + "、另一家"}).status_code in (409, 422)


def test_an_enterprise_that_moved_away_meanwhile_holds_up_nothing_but_its_letter(people: People) -> None:
    own = firm("搬走厂")
    case = along(people, drafted(people, own), "issue")
    with acting(TESTER, EVERYWHERE):
        Enterprise.objects.filter(pk=own.pk).update(area_code="500103000000")
    with pytest.raises(cases.MoveRefused, match="搬走厂"):
        go(people["drafter"], case, "publish")
    assert go(people["leader"], case, "revoke", reason="企业已迁出").state == "revoked"
    assert [one.state for one in orders(case)] == ["dropped"]


def test_a_draft_of_as_many_parts_as_there_may_be_is_sent_whole(people: People) -> None:
    """Four fields for each: what was typed must not be lost at a thousand."""
    by = people["drafter"]
    letter = drafted(people, firm("甲"), grounds="\n".join(f"第{n}条" for n in range(60)))

    def more(text: Any) -> Any:
        for n in range(1, 201):
            text, _key = text.with_more("b0")
            text = text.edited(texts={f"p{k}": f"文{k}" for k in range(1, n + 1)})
        with pytest.raises(BadText, match="whole"):
            text.edited(texts={f"p{k}": "文" * 2000 for k in range(1, 201)})
        return text

    as_(by, lambda: papers.edit(letter, by, letter.version, more))
    client, address = browser(by), f"/papers/letter/{letter.number}/edit/"
    sent = fields(client.get(address).content.decode())
    out = {f"out-p{k}": "on" for k in range(1, 201)}
    assert len(sent | out) > 1000
    assert client.post(address, sent | out).status_code == 302


def test_evidence_for_many_is_looked_at_and_written_once(people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty files of fifty megabytes for two hundred addressees would else be two hundred gigabytes."""
    kept: list[Any] = []
    put = files.put
    monkeypatch.setattr(files, "put", lambda upload, **more: kept.append(upload) or put(upload, **more))
    from PIL import Image

    out = io.BytesIO()
    Image.new("RGB", (4, 3), "teal").save(out, "PNG")
    from django.core.files.uploadedfile import SimpleUploadedFile

    said = {
        "token": "a", "addressees": [firm(f"厂{n}") for n in range(4)], "subject": "x", "grounds": "x",
        "measure": "circulate", "evidence": [SimpleUploadedFile("../a<b>.png", out.getvalue())],
    }  # fmt: skip
    by = people["drafter"]
    as_(by, lambda: pressing.press("criticism", by, said))
    assert len(kept) == 1
    with acting(TESTER, EVERYWHERE):
        from anlan.kernel.cases.models import EvidenceFile

        assert [e.name for e in EvidenceFile.objects.all()] == ["a<b>.png"] * 4


# --- By key, and by addresses made by hand ------------------------------------------------------------


def test_no_program_signs_or_revokes_with_its_leader_s_key(people: People) -> None:
    case = along(people, drafted(people, firm("甲")), "pass")
    with acting(TESTER, EVERYWHERE):
        token = ApiToken.issue(people["leader"], "t", ["*:write"])
    program = Client(headers={"authorization": f"Bearer {token}"}, raise_request_exception=False)
    address = f"/api/v1/cases/letter/{case.number}"
    assert program.get(address).json()["moves"] == ["send_back", "withdraw"]
    answer = send(program, "post", f"{address}/moves/sign", {"seen_version": case.version, "facts": {}})
    assert (answer.status_code, answer.json()["code"]) == (403, "in_person")
    case = go(people["drafter"], go(people["leader"], case, "sign"), "issue")
    what = {"seen_version": case.version, "facts": {"reason": "x"}}
    assert send(program, "post", f"{address}/moves/revoke", what).json()["code"] == "in_person"
    sent = {"seen_version": case.version, "reason": "x"}
    assert browser(people["leader"]).post(f"{case.get_absolute_url()}revoke/", sent).status_code == 302


def test_no_move_and_no_form_takes_what_nobody_sees_or_a_day_beyond_the_calendar(people: People) -> None:
    letter = drafted(people, firm("甲"))
    client = browser(people["drafter"])
    sent = {"seen_version": letter.version, "reason": "撤\u202e回"}
    assert client.post(f"{letter.get_absolute_url()}withdraw/", sent).status_code == 422
    with pytest.raises(cases.FieldError, match="reason"):
        go(people["drafter"], letter, "withdraw", reason="a\u2066b")
    month = {"period": "2013-04", "reason": "x\0y"}
    assert client.post("/plan/progress/close/", month).status_code == 302
    assert client.post("/plan/progress/close/", month | {"reason": "\u202ex"}).status_code == 302
    with acting(TESTER, EVERYWHERE):
        assert not ClosedPeriod.objects.exists()
        city = Account.objects.create(username="city", name="市", role="city", area_code="500000000000")
        shut = ClosedPeriod.objects.create(
            period="2013-04", area_code="500000000000", closed_by_id=city.pk, closed_by_name="市"
        )
    new = {"closing": shut.pk, "account": people["drafter"].pk, "area_code": DISTRICT, "reason": "补报"}
    assert browser(city).post("/r/period-exceptions/new/", new | {"until": "9999-12-31"}).status_code == 422
    assert browser(city).post("/r/period-exceptions/new/", new | {"until": "2013-06-20"}).status_code == 302


def test_a_year_beyond_reason_is_no_page(people: People) -> None:
    assert browser(people["drafter"]).get("/plan/bulletins/?year=" + "9" * 5000).status_code == 404
    assert browser(people["drafter"]).get("/plan/progress/?period=1900-01").status_code == 404
