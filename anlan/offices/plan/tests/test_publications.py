"""Publications: drafted once, signed by the leader, numbered without gaps, frozen for ever, corrected by another."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
import pypdfium2
import pytest
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client
from django.utils import translation
from hypothesis import HealthCheck, settings

from anlan.engines.papers import BadPaper, Number, Paragraph
from anlan.kernel import clock, notices
from anlan.kernel.cases import MoveRefused, move
from anlan.kernel.cases.conformance import LifecycleMachine, untranslated
from anlan.kernel.cases.models import CaseCounter, CaseEntry
from anlan.kernel.models import Notice
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.offices.plan.bulletins import corrections, facts, jobs
from anlan.offices.plan.bulletins.lifecycle import LIFECYCLE
from anlan.offices.plan.bulletins.models import BulletinRun, Publication
from anlan.parties import papers
from anlan.parties.models import Account, Authority, IssuedPaper, PaperFile, Recipient
from anlan.parties.papers import issuing

from .conftest import CITY, YUBEI, body, post
from .test_bulletins import accident, day, office

NOW = datetime(2013, 6, 14, 10, 30, tzinfo=clock.BEIJING)
TESTER = Actor("test", "tests")


@pytest.fixture(autouse=True)
def standing_clock(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.HOME = tmp_path
    with clock.frozen(NOW):
        yield


@pytest.fixture
def people(everywhere: None) -> dict[str, Account]:
    """The city's office with a drafter, a reviewer and its leader; a district's with a drafter of its own."""
    office()
    whole = Authority.objects.get(name="重庆市安全生产委员会办公室")
    own = body("重庆市渝北区安全生产委员会办公室", "committee_office", 2, YUBEI, short_name="渝北安委办")
    leader = post(whole, "周立新", head=True).person

    def account(name: str, role: str = "city", area: str = CITY, **more: Any) -> Account:
        return Account.objects.create_user(name, "pass-word-1", name=name, role=role, area_code=area, **more)

    return {
        "drafter": account("drafter", authority=whole), "reviewer": account("reviewer", authority=whole),
        "leader": account("leader", authority=whole, person=leader),
        "district": account("district", "district", YUBEI, authority=own),
        "neighbour": account("neighbour", "district", "500113000000"),
        "township": account("township", "township", "500112131000"),
    }  # fmt: skip


def drafted(people: dict[str, Account], period: str = "2013-05") -> Publication:
    for n, (month, deaths) in enumerate(((1, 2), (5, 3), (5, 1)), 1):
        if not Publication.objects.exists():
            accident(n, day(month, 10 + n), deaths)
    case = jobs.begin("monthly", facts.period_of("monthly", period), people["drafter"])
    work(case, people["drafter"])
    return Publication.objects.get(pk=case.pk)


def work(case: Publication, by: Account) -> BulletinRun:
    """Does what the worker does."""
    one = BulletinRun.objects.get(publication=case, state="waiting")
    with acting(Actor("job", "plan.bulletin", by.pk), by.scope):
        jobs.run.run(one.pk)
    one.refresh_from_db()
    return one


def go(case: Any, name: str, by: Account, **more: Any) -> Any:
    return move(case, name, by=by, seen_version=case.version, **more)


def to(case: Publication, state: str, people: dict[str, Account]) -> Publication:
    """Along the whole chain until it stands so."""
    steps: list[tuple[str, str, dict[str, Any]]] = [
        ("submit", "drafter", {}), ("pass", "reviewer", {}), ("sign", "leader", {}), ("issue", "drafter", {}),
        ("publish", "drafter", {"audience": "public"}), ("archive", "drafter", {}),
    ]  # fmt: skip
    for name, who, more in steps:
        if case.state == state:
            break
        case = go(case, name, people[who], **more)
    assert case.state == state
    return case


def why(act: Any) -> str:
    with pytest.raises(MoveRefused) as refused:
        act()
    return refused.value.code


# --- The chain -------------------------------------------------------------------------------------


def test_a_publication_goes_from_its_draft_to_the_archive(people: dict[str, Account]) -> None:
    case = drafted(people)
    assert case.title == "重庆市安全生产委员会办公室关于2013年5月全市安全生产情况的通报"
    assert case.number == "渝通报稿〔2013〕1号"
    assert case.due_on == datetime(2013, 6, 10).date()
    assert case.facts_digest == facts.digest(facts.decode(case.facts))
    case = to(case, "signed", people)
    assert (case.signed_by, case.issued, case.document_number) == ("周立新", None, "")
    case = go(case, "issue", people["drafter"])
    issued = case.issued
    assert issued is not None
    assert case.document_number == issued.number == "渝安委办〔2013〕1号"
    assert (issued.facts, issued.facts_digest) == (case.facts, case.facts_digest)
    assert {file.form for file in issued.files.all()} == {"pdf", "docx"}
    text = "".join(page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(pdf_of(issued)))
    assert "渝安委办〔2013〕1号" in text
    assert "2013年6月14日" in text
    assert not issued.public
    case = go(case, "publish", people["drafter"], audience="public")
    issued.refresh_from_db()
    assert issued.public
    assert go(case, "archive", people["drafter"]).closed_at == NOW
    told = [e.move for e in CaseEntry.of(case)]
    assert told == ["open", "redrafted", "submit", "pass", "sign", "issue", "publish", "archive"]


def pdf_of(issued: IssuedPaper) -> bytes:
    from anlan.kernel import files

    return files.path_of(issued.files.get(form="pdf").sha256).read_bytes()


def test_drafter_reviewer_and_signer_are_three_and_the_signer_is_the_leader(people: dict[str, Account]) -> None:
    case = go(drafted(people), "submit", people["drafter"])
    assert why(lambda: go(case, "pass", people["drafter"])) == "barred"
    assert why(lambda: go(case, "sign", people["leader"])) == "not_from_here"
    case = go(case, "pass", people["reviewer"])
    assert why(lambda: go(case, "sign", people["reviewer"])) == "barred"
    assert why(lambda: go(case, "sign", people["drafter"])) == "barred"
    assert go(case, "sign", people["leader"]).signed_by == "周立新"


def test_who_wrote_of_it_reviews_and_signs_nothing_of_it(people: dict[str, Account]) -> None:
    case = papers.edit(drafted(people), people["reviewer"], 2, lambda text: text.edited(addressee="各区县"))
    case = go(case, "submit", people["drafter"])
    assert why(lambda: go(case, "pass", people["reviewer"])) == "barred"
    case = go(case, "send_back", people["leader"], reason="重写")
    case = papers.edit(case, people["leader"], case.version, lambda text: text.edited(addressee="各区县政府"))
    case = go(case, "submit", people["drafter"])
    other = Account.objects.create_user("other", name="other", role="city", area_code=CITY)
    case = go(case, "pass", other)
    assert why(lambda: go(case, "sign", people["leader"])) == "barred"


def test_a_leader_of_before_does_not_sign(people: dict[str, Account]) -> None:
    case = to(drafted(people), "signing", people)
    held = people["leader"].person.posts.get()  # type: ignore[union-attr]
    held.valid_to = NOW.date()
    held.save()
    assert why(lambda: go(case, "sign", people["leader"])) == "barred"


def test_a_returned_draft_loses_its_signature_and_can_be_changed(people: dict[str, Account]) -> None:
    case = to(drafted(people), "signed", people)
    assert why(lambda: papers.edit(case, people["drafter"], case.version, lambda t: t)) == "not_from_here"
    case = go(case, "send_back", people["leader"], reason="数字不清")
    assert (case.state, case.signed_at, case.signed_by) == ("draft", None, "")
    papers.edit(case, people["drafter"], case.version, lambda text: text.edited(addressee="各区县政府"))


def test_those_whose_turn_it_is_are_told(people: dict[str, Account]) -> None:
    case = to(drafted(people), "signing", people)

    def told(who: str) -> list[str]:
        return [n.message for n in Notice.objects.filter(account_id=people[who].pk)]

    assert told("reviewer") == ["To be reviewed: %(title)s"]
    assert sorted(told("leader")) == ["To be reviewed: %(title)s", "To be signed: %(title)s"]
    go(case, "send_back", people["leader"], reason="重写")
    assert told("drafter") == ["Sent back: %(title)s"]


# --- Numbers ---------------------------------------------------------------------------------------


def test_numbers_of_an_organ_are_one_series_and_a_failed_issue_leaves_no_gap(
    people: dict[str, Account], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = to(drafted(people), "signed", people)

    def broken(*_: Any) -> bytes:
        raise BadPaper("no")

    with monkeypatch.context() as patched:
        patched.setattr(issuing, "render", broken)
        assert why(lambda: go(case, "issue", people["drafter"])) == "gate"
    assert not CaseCounter.objects.filter(series="paper:渝安委办").exists()
    assert go(case, "issue", people["drafter"]).document_number == "渝安委办〔2013〕1号"
    second = to(drafted(people, "2013-04"), "issued", people)
    assert second.document_number == "渝安委办〔2013〕2号"
    assert issuing.begin_after("渝安委办", 2013, 40)
    assert not issuing.begin_after("渝安委办", 2013, 3)
    assert to(drafted(people, "2013-03"), "issued", people).document_number == "渝安委办〔2013〕41号"


@pytest.mark.django_db(transaction=True)
def test_numbers_given_at_once_have_neither_gaps_nor_doubles() -> None:
    given: list[int] = []
    begin = threading.Barrier(6)

    def number(n: int) -> None:
        try:
            begin.wait(20)
            for turn in range(5):
                with acting(TESTER, EVERYWHERE):
                    serial = issuing.next_serial("渝安委办", 2013)
                    if (n + turn) % 3 == 0:
                        transaction.set_rollback(True)
                        continue
                given.append(serial)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=number, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(given) == list(range(1, len(given) + 1))
    assert len(given) == 20


# --- Frozen ----------------------------------------------------------------------------------------


def test_what_was_issued_is_made_again_from_what_is_frozen(people: dict[str, Account]) -> None:
    case = to(drafted(people), "issued", people)
    issued = case.issued
    assert issued is not None
    accident(9, day(5, 20), 5)  # the records go on; the paper does not
    made = issuing.again(issued, case=case)
    assert made.text
    assert made.facts
    assert made.drafted
    assert made.same == {"pdf": True, "docx": True}
    assert made.paper.number == Number("渝安委办", 2013, 1)


def test_a_paper_is_taken_back_even_from_the_archive(people: dict[str, Account]) -> None:
    case = to(drafted(people), "archived", people)
    assert why(lambda: go(case, "revoke", people["drafter"], reason="数据有误")) == "barred"
    case = go(case, "revoke", people["leader"], reason="数据有误")
    issued = IssuedPaper.objects.get(pk=case.issued_id)
    assert (case.state, issued.withdrawn_why) == ("revoked", "数据有误")
    assert issued.archived_at is not None
    with translation.override("zh-hans"):
        (move,) = (move for move in LIFECYCLE.moves if move.name == "revoke")
        assert str(move.title) == "撤销"  # 吊销 is a licence's


def refused(act: Any) -> str:
    with pytest.raises(DatabaseError) as error, transaction.atomic():
        act()
    return str(error.value)


def test_the_database_refuses_to_change_what_was_issued(people: dict[str, Account]) -> None:
    case = to(drafted(people), "published", people)
    issued = case.issued
    assert issued is not None
    rows = IssuedPaper.objects.filter(pk=issued.pk)
    for column, value in (
        ("body", "{}"), ("title", "x"), ("serial", 9), ("facts", "x"), ("signed_by", "x"), ("year", 2012),
        ("public", False), ("published_at", None),
    ):  # fmt: skip
        assert "does not change" in refused(lambda c=column, v=value: rows.update(**{c: v}))
    with connection.cursor() as cursor:
        sql = "DELETE FROM parties_issuedpaper WHERE id = %s"
        assert "does not change" in refused(lambda: cursor.execute(sql, [issued.pk]))
    assert "denied" in refused(lambda: PaperFile.objects.filter(paper=issued).update(sha256="0" * 64))
    assert "denied" in refused(lambda: Recipient.objects.filter(paper=issued).delete())
    cases = Publication.objects.filter(pk=case.pk)
    for column in ("title", "machine", "facts", "document_number", "signed_by"):
        assert "in its draft alone" in refused(lambda c=column: cases.update(**{c: "x"}))
    with connection.cursor() as cursor:
        sql = "DELETE FROM plan_publication WHERE id = %s"
        assert "in its draft alone" in refused(lambda: cursor.execute(sql, [case.pk]))


def test_signed_text_cannot_be_changed_by_any_statement(people: dict[str, Account]) -> None:
    case = to(drafted(people), "review", people)
    rows = Publication.objects.filter(pk=case.pk)
    assert "in its draft alone" in refused(lambda: rows.update(edits={"title": "x"}))
    case.title = "另一个"
    with pytest.raises(DatabaseError), transaction.atomic():
        case.save()


def test_a_revoked_paper_stays_with_its_number_and_reason(people: dict[str, Account]) -> None:
    case = to(drafted(people), "published", people)
    assert why(lambda: go(case, "revoke", people["drafter"], reason="x")) == "barred"
    case = go(case, "revoke", people["leader"], reason="数据有误")
    issued = case.issued
    assert issued is not None
    assert (issued.withdrawn_at, issued.withdrawn_why) == (NOW, "数据有误")
    assert drafted(people).number == "渝通报稿〔2013〕2号"


def test_who_leads_today_revokes_what_his_predecessor_was_named_to_sign(people: dict[str, Account]) -> None:
    held = people["leader"].person.posts.get()  # type: ignore[union-attr]
    case = papers.edit(drafted(people), people["drafter"], 2, lambda text: text, signatory=held)
    case = to(case, "published", people)
    held.valid_to = NOW.date()
    held.save()
    newcomer = post(case.authority, "郑新任", head=True).person
    leader = Account.objects.create_user("newcomer", name="newcomer", role="city", area_code=CITY, person=newcomer)
    assert why(lambda: go(case, "revoke", people["leader"], reason="数据有误")) == "barred"
    assert go(case, "revoke", leader, reason="数据有误").state == "revoked"


# --- Differences and corrections -------------------------------------------------------------------


def test_figures_that_changed_are_shown_and_corrected_by_a_paper_of_its_own(people: dict[str, Account]) -> None:
    case = to(drafted(people), "published", people)
    jobs.ask(case, "compare", people["drafter"])
    same = work(case, people["drafter"])
    assert same.differences == []
    assert "无需更正" in str(error_of(lambda: jobs.correct(case, same, people["drafter"])))
    accident(9, day(5, 20), 5)
    jobs.ask(case, "compare", people["drafter"])
    found = work(case, people["drafter"])
    told = {what: (was, now) for what, was, now in found.differences}
    assert told["全市，生产安全事故（起）"] == ("2", "3")
    assert told["全市，事故死亡人数（人）"] == ("4", "9")
    assert not [what for what in told if what.startswith("2013年5月")]  # it is the whole's: told once
    assert not [what for what in told if "逾期" in what]
    second = jobs.correct(case, found, people["drafter"])
    assert "更正" in second.title
    assert why(lambda: jobs.correct(case, found, people["drafter"])) == "invalid"
    second = to(second, "issued", people)
    issued = second.issued
    assert issued is not None
    assert (issued.number, issued.corrects) == ("渝安委办〔2013〕2号", case.issued)
    text = "".join(block.text for block in second.known().paper.blocks if isinstance(block, Paragraph))
    assert "渝安委办〔2013〕1号" in text
    assert issuing.again(issued, case=second).drafted
    first = case.issued
    assert first is not None
    first.refresh_from_db()
    assert issuing.again(first, case=case).same == {"pdf": True, "docx": True}


def test_a_place_that_was_not_told_of_is_a_difference_and_a_new_definition_is_none(people: dict[str, Account]) -> None:
    was = facts.decode(drafted(people).facts)
    row = facts.Row("500199", "新区", {
        "accidents.number": facts.Cell(Decimal(1)), "accidents.of_tomorrow": facts.Cell(Decimal(2)),
    })  # fmt: skip
    now = msgspec.structs.replace(was, places=(*was.places, row))
    assert corrections.differences(was, now) == [("新区，生产安全事故（起）", corrections.plain(None), "1")]


def test_what_the_committee_said_anew_of_the_same_months_is_a_difference(people: dict[str, Account]) -> None:
    def appraised(until: int, total: int, grade: str, vetoed: bool = False) -> Any:
        marks = (
            facts.Mark("渝北区", Decimal(total), 1, grade, vetoed),
            facts.Mark("巴南区", Decimal(80), 2, "合格", False),
        )
        return (facts.Appraised("办法", "districts", until, day(5, 5).date(), marks),)

    blank = facts.decode(drafted(people).facts)
    was = msgspec.structs.replace(blank, appraised=appraised(4, 95, "优秀"))
    again = msgspec.structs.replace(was, appraised=appraised(4, 55, "不合格", True))
    assert corrections.differences(was, again) == [
        ("渝北区，1至4月考核得分和等次", "95（优秀）", "55（不合格，一票否决）")
    ]
    for other in (appraised(5, 55, "不合格"), ()):  # a later month; nothing any more
        assert corrections.differences(was, msgspec.structs.replace(was, appraised=other)) == []
    assert corrections.differences(blank, was) == []


def test_what_was_revoked_is_corrected_no_more(people: dict[str, Account]) -> None:
    case = to(drafted(people), "published", people)
    accident(9, day(5, 20), 5)
    jobs.ask(case, "compare", people["drafter"])
    found = work(case, people["drafter"])
    begun = jobs.correct(case, found, people["drafter"])
    revoked = go(case, "revoke", people["leader"], reason="数据有误")
    # Who has seen it before it was revoked, and who had begun.
    assert why(lambda: jobs.correct(case, found, people["drafter"])) == "not_from_here"
    assert why(lambda: go(begun, "submit", people["drafter"])) == "gate"
    assert revoked.state == "revoked"


def error_of(act: Any) -> Exception:
    with pytest.raises(facts.BadBulletin) as error:
        act()
    return error.value


# --- Drafting --------------------------------------------------------------------------------------


def test_a_period_has_one_publication_and_two_presses_open_one(people: dict[str, Account], client: Client) -> None:
    accident(1, day(5, 10))
    client.force_login(people["drafter"])
    sent = {"series": "monthly", "period": "2013-05"}
    first = client.post("/plan/bulletins/begin/", sent)
    second = client.post("/plan/bulletins/begin/", sent)
    assert first.status_code == second.status_code == 302
    assert first["Location"] == second["Location"]
    assert Publication.objects.count() == 1
    page = client.get(first["Location"]).content.decode()
    assert 'id="drafting"' in page
    work(Publication.objects.get(), people["drafter"])
    page = client.get(first["Location"]).content.decode()
    assert 'id="drafting"' not in page
    assert "现将2013年5月全市安全生产" in page
    assert "<dd>2013年5月</dd>" in page
    for wrong, words in (
        ({"series": "weekly", "period": "2013-05"}, "通报分为月度、季度和年度。"),
        ({"series": "monthly", "period": "<x>"}, "“&lt;x&gt;”不是统计期"),
        ({"series": "monthly", "period": "2013"}, "2013：月度通报按月编发"),
        ({"series": "monthly", "period": "2014-05"}, "2014年5月尚未开始。"),
        ({"series": "monthly", "period": "1990-01"}, "1990年1月"),
    ):
        said = client.post("/plan/bulletins/begin/", wrong, follow=True)
        assert words in said.content.decode(), wrong
    assert Publication.objects.count() == 1


def test_until_it_is_drafted_a_publication_is_called_by_its_period_in_words(people: dict[str, Account]) -> None:
    with translation.override("en"):
        case = jobs.begin("quarterly", facts.period_of("quarterly", "2013-Q1"), people["drafter"])
    assert case.title == "季发布（2013年第1季度）"


def test_a_year_that_is_none_is_said_so_with_the_way_on(people: dict[str, Account], client: Client) -> None:
    client.force_login(people["drafter"])
    for wrong in ("1999", "2201", "x", "９９９９", "20135"):
        page = client.get("/plan/bulletins/", {"year": wrong})
        assert page.status_code == 404
        assert f"“{wrong}”不是2000至2200之间的年份。" in page.content.decode()
        assert 'href="/plan/bulletins/">2013年的通报</a>' in page.content.decode()
    assert "?year=1999" not in client.get("/plan/bulletins/?year=2000").content.decode()


@pytest.mark.django_db(transaction=True)
def test_two_who_press_at_once_ask_for_one_run() -> None:
    with acting(TESTER, EVERYWHERE):
        office()
        by = Account.objects.create_user("drafter", name="drafter", role="city", area_code=CITY)
        case = jobs.begin("monthly", facts.period_of("monthly", "2013-05"), by, by_job=False)
    begin, found = threading.Barrier(2), []

    def press() -> None:
        try:
            begin.wait(20)
            with acting(by.actor, by.scope):
                found.append(jobs.ask(case, "draft", by).pk)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2
    assert len(set(found)) == 1


@pytest.mark.django_db(transaction=True)
def test_several_who_begin_one_period_at_once_find_what_the_first_began() -> None:
    """The second does not stumble over the first's: not in opening, nor in asking for a draft or a comparison."""
    with acting(TESTER, EVERYWHERE):
        office()
        who = [Account.objects.create(username=f"a{n}", name="a", role="city", area_code=CITY) for n in range(3)]
    begin, found = threading.Barrier(3), []

    def press(by: Account) -> None:
        try:
            client = Client()
            client.force_login(by)
            begin.wait(20)
            found.append(client.post("/plan/bulletins/begin/", {"series": "monthly", "period": "2013-05"}))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=press, args=(by,)) for by in who]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [answer.status_code for answer in found] == [302] * 3
    assert len({answer["Location"] for answer in found}) == 1
    with acting(TESTER, EVERYWHERE):
        assert (Publication.objects.count(), BulletinRun.objects.count()) == (1, 1)


def test_a_draft_that_cannot_be_made_says_why(people: dict[str, Account], monkeypatch: pytest.MonkeyPatch) -> None:
    case = jobs.begin("monthly", facts.period_of("monthly", "2013-05"), people["drafter"])

    def broken(*_: Any, **__: Any) -> Any:
        raise facts.BadBulletin("there is no such thing")

    monkeypatch.setattr(facts, "gather", broken)
    run = work(case, people["drafter"])
    assert (run.state, run.trouble) == ("failed", "there is no such thing")
    assert why(lambda: go(case, "submit", people["drafter"])) == "gate"


def test_a_paper_of_which_all_is_left_out_goes_to_no_review(people: dict[str, Account]) -> None:
    case = drafted(people)

    def nothing(text: Any) -> Any:
        parts = [part for one in (*text.sections, *text.annexes) for part in one.parts]
        return text.edited(out={part.key for part in parts})

    case = papers.edit(case, people["drafter"], case.version, nothing)
    assert why(lambda: go(case, "submit", people["drafter"])) == "gate"
    some = papers.edit(case, people["drafter"], case.version, lambda text: text.edited(out=()))
    assert go(some, "submit", people["drafter"])


def test_a_bulletin_that_nobody_began_is_told_of_in_time(people: dict[str, Account]) -> None:
    jobs.missing.run()
    assert not Notice.objects.filter(url="/plan/bulletins/").exists()
    with clock.frozen(datetime(2013, 6, 7, 8, tzinfo=clock.BEIJING)):
        jobs.missing.run()
    told = Notice.objects.filter(url="/plan/bulletins/")
    assert {n.account_id for n in told} == {people[w].pk for w in ("drafter", "reviewer", "leader")}
    for language, words in (("zh-hans", "2013年5月的通报"), ("en", "The bulletin of May 2013")):
        with translation.override(language):
            assert notices.words(told[0]).startswith(words)


# --- Who reads it ----------------------------------------------------------------------------------


def readable(who: Account, case: Publication) -> tuple[bool, bool]:
    with acting(who.actor, who.scope):
        return (
            Publication.objects.filter(pk=case.pk).exists(), IssuedPaper.objects.filter(pk=case.issued_id or 0).exists()
        )  # fmt: skip


def test_a_paper_for_named_recipients_is_read_by_them_alone(people: dict[str, Account], client: Client) -> None:
    case = to(drafted(people), "issued", people)
    assert readable(people["district"], case) == (False, False)
    case = go(case, "publish", people["drafter"], audience="named", recipients=["重庆市渝北区安全生产委员会办公室"])
    assert readable(people["district"], case) == (False, True)
    for other in ("neighbour", "township"):
        assert readable(people[other], case) == (False, False)
    assert readable(people["reviewer"], case) == (True, True)
    client.force_login(people["district"])
    assert client.get(f"/papers/{case.issued_id}/").status_code == 200
    assert client.get(f"/papers/{case.issued_id}/pdf/")["Content-Type"] == "application/pdf"
    assert client.get(f"/c/publication/{case.number}/").status_code == 404
    client.force_login(people["neighbour"])
    for address in (
        f"/papers/{case.issued_id}/",
        f"/papers/{case.issued_id}/pdf/",
        f"/papers/publication/{case.number}/edit/",
    ):
        assert client.get(address).status_code == 404
    client.logout()
    for address in ("", "en/", "pdf/"):
        assert client.get(f"/public/papers/{case.issued_id}/{address}").status_code == 404


def test_a_published_paper_is_read_by_everybody(people: dict[str, Account], client: Client) -> None:
    case = to(drafted(people), "published", people)
    assert readable(people["township"], case) == (False, True)
    for address in ("/public/papers/", "/public/papers/en/", f"/public/papers/{case.issued_id}/en/"):
        page = client.get(address)
        assert page.status_code == 200
        assert case.document_number in page.content.decode()
    assert client.get(f"/public/papers/{case.issued_id}/docx/").status_code == 200


def test_the_publics_papers_go_on_behind_the_first_page(
    people: dict[str, Account], client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("anlan.parties.papers.views.PUBLIC", 1)
    earlier, later = (to(drafted(people, period), "published", people) for period in ("2013-04", "2013-05"))
    first = client.get("/public/papers/").content.decode()
    assert later.document_number in first
    assert earlier.document_number not in first
    assert f'href="/public/papers/?before={later.issued_id}"' in first
    last = client.get(f"/public/papers/?before={later.issued_id}").content.decode()
    assert earlier.document_number in last
    assert 'href="/public/papers/?before=' not in last
    assert f'href="/public/papers/en/?before={later.issued_id}"' in last  # the same page in the other language
    behind = client.get(f"/public/papers/?before={earlier.issued_id}").content.decode()
    assert "没有更早的公开公文" in behind
    assert 'href="/public/papers/">最新公文</a>' in behind
    for wrong in ("0", "x", "9" * 40, "-1"):
        for address, words in (("/public/papers/", "最新公文"), ("/public/papers/en/", "Latest papers")):
            page = client.get(address, {"before": wrong})
            assert page.status_code == 404
            assert f'href="{address}">{words}</a>' in page.content.decode()


def test_a_district_writes_its_own_and_the_city_none_of_it(people: dict[str, Account]) -> None:
    case = jobs.begin("monthly", facts.period_of("monthly", "2013-05"), people["district"])
    work(case, people["district"])
    case = Publication.objects.get(pk=case.pk)
    assert case.title == "重庆市渝北区安全生产委员会办公室关于2013年5月全区安全生产情况的通报"
    assert why(lambda: go(case, "submit", people["drafter"])) == "barred"
    assert not papers.may_edit(case, people["drafter"])
    with acting(people["neighbour"].actor, people["neighbour"].scope):
        assert not Publication.objects.filter(pk=case.pk).exists()


# --- Whatever happens ------------------------------------------------------------------------------


def test_every_word_of_its_life_is_told_in_chinese() -> None:
    assert untranslated(LIFECYCLE) == []


@pytest.mark.slow
@pytest.mark.django_db
def test_any_life_keeps_to_its_rules(people: dict[str, Account]) -> None:
    from anlan.parties.models import Authority as Body

    whole = Body.objects.get(short_name="渝安委办")

    class Lives(LifecycleMachine):
        kind = "publication"

        def open(self) -> Any:
            made = draft_of(whole)
            return papers.draft(
                "publication", people["drafter"], authority=whole, paper=made, series="monthly", period="2013-01",
                due_on=datetime(2013, 7, 1).date(),
            )  # fmt: skip

        def facts(self, draw: Any, move: Any, case: Any) -> dict[str, Any]:
            told = {"reason": "理由", "audience": "public"}
            return {f.name: told[f.name] for f in move.fields if f.name in told}

    Lives.people = (people["drafter"], people["reviewer"], people["leader"], people["district"])  # type: ignore[assignment]
    from hypothesis.stateful import run_state_machine_as_test

    run_state_machine_as_test(
        Lives, settings=settings(max_examples=8, stateful_step_count=25, suppress_health_check=list(HealthCheck))
    )


def draft_of(authority: Authority) -> Any:
    from anlan.engines.papers import Paper

    return Paper(title="试", issuer=authority.name, mark=authority.name, blocks=(Paragraph("共发生事故3起。"),))
