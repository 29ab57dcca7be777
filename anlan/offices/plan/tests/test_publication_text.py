"""The text of a publication in the browser: two at once, hostile words, other numbers, other people."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pypdfium2
import pytest
from click.testing import CliRunner
from django.test import Client
from docx import Document

from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.plan.bulletins.models import Publication
from anlan.offices.plan.commands import bulletin
from anlan.parties import papers
from anlan.parties.commands import paper
from anlan.parties.models import Account
from anlan.parties.papers import issuing

from .test_bulletins import accident, day
from .test_publications import NOW, drafted, go, people, to

__all__ = ("people",)
HOSTILE = '#import "/etc/passwd": x <script>alert(1)</script> & ]]> $x^2$ \\u{41} {{ 7*7 }} *b* _i_ @a `c` </w:t>'


@pytest.fixture(autouse=True)
def standing_clock(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.HOME = tmp_path
    with clock.frozen(NOW):
        yield


def form_of(page: str) -> dict[str, Any]:
    """What a browser would send of the editor's form."""
    import html
    from html.parser import HTMLParser

    sent: dict[str, Any] = {}

    class Reader(HTMLParser):
        area = ""

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            told = dict(attrs)
            name = told.get("name")
            if tag == "textarea" and name:
                self.area, sent[name] = name, ""
            elif tag == "input" and name and (told.get("type") != "checkbox" or "checked" in told):
                sent[name] = told.get("value", "on")

        def handle_data(self, data: str) -> None:
            if self.area:
                sent[self.area] += data

        def handle_endtag(self, tag: str) -> None:
            if tag == "textarea":
                self.area = ""

    Reader().feed(page)
    return {k: html.unescape(v).removeprefix("\n") for k, v in sent.items() if k != "deed"}


def opened(client: Client, case: Publication, who: Account) -> dict[str, Any]:
    client.force_login(who)
    answer = client.get(f"/papers/publication/{case.number}/edit/")
    assert answer.status_code == 200
    return form_of(answer.content.decode())


def part(case: Publication, words: str) -> str:
    return next(one.key for one in case.known().parts() if one.text and words in one.text)


def test_an_editor_changes_moves_adds_and_leaves_out(people: dict[str, Account], client: Client) -> None:
    case = drafted(people)
    sent = opened(client, case, people["drafter"])
    address = f"/papers/publication/{case.number}/edit/"
    first = part(case, "共发生各类生产安全事故")
    sent |= {
        f"t-{first}": "5月，全市共发生各类生产安全事故99起。",
        "title": "关于五月安全生产情况的通报",
        "out-s2": "on",
    }
    sent |= {"copies": "市委办公厅\n市政府办公厅", "deed": "up:s3"}
    assert client.post(address, sent)["Location"] == f"{address}#at-s3".replace(
        case.number, quote(case.number, safe="/")
    )
    case.refresh_from_db()
    text = case.known()
    assert case.title == text.title == "关于五月安全生产情况的通报"
    assert [one.key for one in text.sections][:4] == ["s0", "s1", "s3", "s2"]
    assert text.paper.imprint is not None
    assert text.paper.imprint.copies == ("市委办公厅", "市政府办公厅")
    assert ("99", "2") in [(one.number, one.was) for one in text.odd()]
    page = client.get(case.get_absolute_url()).content.decode()
    assert "<b>99</b>" in page
    sent = opened(client, case, people["drafter"]) | {"deed": f"paragraph:{first}"}
    at = client.post(address, sent)["Location"].partition("#at-")[2]
    sent = opened(client, case, people["drafter"]) | {f"t-{at}": "另有3起未遂事件。"}
    client.post(address, sent | {"deed": "close"})
    case.refresh_from_db()
    assert next(one for one in case.known().parts() if one.key == at).by == "person"
    pdf = client.get(f"/papers/publication/{case.number}/preview.pdf")
    assert pdf["Content-Type"] == "application/pdf"
    words = "".join(one.get_textpage().get_text_bounded() for one in pypdfium2.PdfDocument(pdf.content))
    assert "未遂事件" in words


def test_two_who_edit_at_once_lose_nothing(people: dict[str, Account], client: Client) -> None:
    case = drafted(people)
    address = f"/papers/publication/{case.number}/edit/"
    mine = opened(client, case, people["drafter"])
    key, other = part(case, "共发生各类生产安全事故"), part(case, "各地区、各有关部门和单位")
    papers.edit(
        case, people["reviewer"], case.version, lambda t: t.edited(texts={key: "他人的话", other: "他人的另一句"})
    )
    answer = client.post(address, mine | {f"t-{key}": "我的话", "deed": "save"})
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "我的话" in page
    assert "他人的话" in page
    case.refresh_from_db()
    again = form_of(page)
    assert again[f"t-{other}"] == "他人的另一句"
    assert client.post(address, again | {f"take-t-{key}": "mine", "deed": "save"}).status_code == 302
    case.refresh_from_db()
    known = {one.key: one.text for one in case.known().parts()}
    assert (known[key], known[other]) == ("我的话", "他人的另一句")


def test_what_was_typed_in_a_part_that_another_removed_is_shown(people: dict[str, Account], client: Client) -> None:
    case = drafted(people)
    case = papers.edit(case, people["drafter"], case.version, lambda t: t.with_more("b0")[0])
    mine = opened(client, case, people["drafter"]) | {"t-p1": "我写的话", "deed": "save"}
    papers.edit(case, people["reviewer"], case.version, lambda t: t.edited(texts={"p1": ""}))
    answer = client.post(f"/papers/publication/{case.number}/edit/", mine)
    assert answer.status_code == 409
    assert "我写的话" in answer.content.decode()


def test_hostile_words_are_words(people: dict[str, Account], client: Client) -> None:
    case = drafted(people)
    address = f"/papers/publication/{case.number}/edit/"
    sent = opened(client, case, people["drafter"])
    sent |= {
        f"t-{part(case, '各地区、各有关部门和单位')}": HOSTILE,
        "title": HOSTILE[:60],
        "copies": HOSTILE,
        "addressee": HOSTILE,
    }
    assert client.post(address, sent | {"deed": "save"}).status_code == 302
    case = to(Publication.objects.get(pk=case.pk), "published", people)
    for page in (case.get_absolute_url(), f"/papers/{case.issued_id}/", f"/public/papers/{case.issued_id}/"):
        assert "<script>alert" not in client.get(page).content.decode()
    made = issuing.again(case.issued, case=case).data  # type: ignore[arg-type]
    words = "".join(one.get_textpage().get_text_bounded() for one in pypdfium2.PdfDocument(made["pdf"]))
    assert '#import "/etc/passwd"' in re.sub(r"\s", " ", words)
    assert "root:" not in words
    assert any(HOSTILE in one.text for one in Document(io.BytesIO(made["docx"])).paragraphs)


@pytest.mark.parametrize(
    "more",
    [{"title": ""}, {"title": "字" * 201}, {"addressee": "字" * 301}, {"t-b0": "字" * 5001}, {"copies": "字" * 1101},
     {"deed": "up:s99"}, {"deed": "paragraph:../../x"}, {"seen_version": "x"}, {"signatory": "999999"}],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_nothing_is_kept(
    people: dict[str, Account], client: Client, more: dict[str, str]
) -> None:
    case = drafted(people)
    sent = opened(client, case, people["drafter"]) | more
    answer = client.post(f"/papers/publication/{case.number}/edit/", sent)
    assert answer.status_code == 422
    assert Publication.objects.get(pk=case.pk).version == case.version


def test_only_the_authority_edits_and_only_a_draft(people: dict[str, Account], client: Client) -> None:
    case = drafted(people)
    sent = opened(client, case, people["drafter"]) | {"title": "改"}
    address = f"/papers/publication/{case.number}/edit/"
    for who, status in (("district", 404), ("neighbour", 404), ("township", 404)):
        client.force_login(people[who])
        assert client.get(address).status_code == status
        assert client.post(address, sent).status_code == status
        for deed in ("again", "compare", "correct"):
            assert client.post(f"/plan/bulletins/{case.number}/{deed}/").status_code == 404
    client.logout()
    assert client.post(address, sent).status_code == 302  # to the sign-in
    go(case, "submit", people["drafter"])
    client.force_login(people["drafter"])
    sent["seen_version"] = str(case.version + 1)
    assert client.post(address, sent).status_code == 403
    assert Publication.objects.get(pk=case.pk).title != "改"


# --- Commands --------------------------------------------------------------------------------------


def test_a_bulletin_is_kept_and_an_issued_one_made_again_by_command(people: dict[str, Account], tmp_path: Path) -> None:
    accident(1, day(5, 10))
    run = CliRunner().invoke(bulletin, ["monthly", "--period", "2013-05", "--keep-as", "drafter", "--json"])
    assert run.exit_code == 0, run.output
    case = Publication.objects.get(number=json.loads(run.output)["number"])
    assert case.facts_digest == json.loads(run.output)["facts"]
    for wrong in (["--keep-as", "nobody"], ["--keep-as", "drafter"], ["--keep-as", "township"], []):
        assert CliRunner().invoke(bulletin, ["monthly", "--period", "2013-05", *wrong]).exit_code == 2
    with acting(Actor("test", "tests"), EVERYWHERE):
        case = to(case, "issued", people)
    out = tmp_path / "x.pdf"
    run = CliRunner().invoke(paper, ["again", case.document_number, "--out", str(out), "--json"])
    assert run.exit_code == 0, run.output
    told = json.loads(run.output)
    assert (told["text"], told["facts"], told["drafted"]) == (True, True, True)
    assert told["files"] == {"pdf": True, "docx": True}
    assert out.read_bytes().startswith(b"%PDF")
    assert CliRunner().invoke(paper, ["again", "无〔2013〕1号"]).exit_code == 2
    assert (
        CliRunner().invoke(paper, ["number-after", "渝安委办", "2013", "40"]).output
        == "渝安委办〔2013〕41号 is the next\n"
    )
    assert CliRunner().invoke(paper, ["number-after", "渝安委办", "2013", "3"]).exit_code == 2
