"""The draft held against its source: read, corrected, added to, kept in history, by two people at once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from anlan.kernel.models import Installation
from anlan.offices.plan import adoption, drafting, sheet
from anlan.offices.plan.models import Clause, Gap, Plan, Source, Target
from anlan.parties.models import Account

from .conftest import CITY, NOTICE

Make = Callable[..., Account]
CLAUSE = {"title": "改过的标题", "gist": "", "title_en": ""}


@pytest.fixture
def drafter(draft: Plan, client: Client) -> Client:
    """The drafter's browser, in English."""
    client.cookies["django_language"] = "en"
    client.force_login(draft.drafted_by)
    return client


def test_the_draft_holds_all_that_was_read_and_the_text_itself(draft: Plan) -> None:
    assert (draft.title, draft.issuer, str(draft.issued_on)) == (
        "2015年全县安全生产工作要点",
        "江北县人民政府",
        "2015-02-03",
    )
    assert (draft.clauses.count(), draft.targets.count()) == (21, 8)
    source = Source.objects.get(plan=draft)
    assert source.text == NOTICE
    assert source.sha256 == hashlib.sha256(NOTICE.encode()).hexdigest()
    fall = draft.targets.get(code="T1")
    assert (fall.comparator, str(fall.value), fall.baseline) == ("down_by", "3.5000", "2014")
    assert [t.measure for t in draft.targets.order_by("id")[:4]] == [
        "accidents.deaths", "accidents.larger", "accidents.major", "enterprises.trade_attained"
    ]  # fmt: skip
    assert NOTICE[fall.start : fall.end].replace("\n", "").endswith("3.5%")
    assert not draft.gaps.filter(settled=False).exists()


def test_the_source_is_cut_into_pieces_that_are_the_whole_of_it(draft: Plan) -> None:
    clauses, targets = list(draft.clauses.all()), list(draft.targets.all())
    made = sheet.pieces(NOTICE, clauses, targets, draft.gaps.all())
    assert "".join(p.text for p in made) == NOTICE
    assert all(NOTICE[p.at : p.at + len(p.text)] == p.text for p in made)
    for target in targets:
        assert any(p.target == target.pk and p.clause == target.clause_id for p in made)
    assert {s["label"] for p in made for s in p.starts} >= {c.code for c in clauses}


def test_a_fall_without_a_year_in_a_notice_without_a_year_is_left_to_a_person(account: Make) -> None:
    text = "一、主要目标\n（一）事故下降。死亡人数同比下降4%。\n"
    with pytest.raises(drafting.Refused) as refused:
        drafting.from_text("x.txt", text, area_code=CITY, by=account("drafter"))
    assert refused.value.code == "plan.year"
    plan = drafting.from_text("x.txt", text, area_code=CITY, by=Account.objects.get(), year=2016)
    assert not plan.targets.exists()
    assert [g.what for g in plan.gaps.filter(settled=False)] == ["title", "issuer and date", "the baseline year"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "either a file or a text"),
        ({"text": "没有编号的文字"}, "no numbered part"),
        ({"text": "一、目标\x00"}, "Null characters"),
        ({"file": SimpleUploadedFile("n.txt", b"\x89PNG\r\n\x1a\n\x00")}, "n.txt"),
        ({"file": SimpleUploadedFile("n.txt", b"x" * (1024 * 1024 + 1))}, "larger than a notice"),
        ({"file": SimpleUploadedFile("n.yaml", b"plan: [")}, "n.yaml:1: "),
        ({"text": NOTICE}, "in the making already"),
    ],
)
def test_what_is_no_notice_is_refused_on_the_page_and_makes_nothing(
    drafter: Client, given: dict[str, object], says: str
) -> None:
    Installation.objects.get_or_create(pk=1)
    answer = drafter.post("/plan/new/", given)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    assert Plan.objects.count() == 1


def test_a_notice_uploaded_in_gb18030_becomes_a_draft(account: Make, client: Client) -> None:
    Installation.objects.get_or_create(pk=1)
    client.force_login(account("drafter"))
    file = SimpleUploadedFile("要点.txt", NOTICE.replace("\n", "\r\n").encode("gb18030"))
    answer = client.post("/plan/new/", {"file": file})
    plan = Plan.objects.get()
    assert answer["Location"] == f"/plan/{plan.pk}/"
    assert plan.source.text == NOTICE
    assert client.get(f"/plan/{plan.pk}/").status_code == 200


def test_a_clause_is_corrected_in_place_and_the_correction_is_kept(draft: Plan, drafter: Client) -> None:
    clause = draft.clauses.get(code="W1.1")
    opened = drafter.get(f"/plan/{draft.pk}/?edit=c{clause.pk}").content.decode()
    assert f'id="c{clause.pk}"' in opened
    answer = drafter.post(f"/plan/{draft.pk}/clause/{clause.pk}/", CLAUSE | {"version": 1, "proofs": ["dangers"]})
    assert answer["Location"] == f"/plan/{draft.pk}/#c{clause.pk}"
    clause.refresh_from_db()
    assert (clause.title, clause.proofs, clause.code) == ("改过的标题", ["dangers"], "W1.1")
    history = drafter.get(f"/plan/{draft.pk}/history/").content.decode()
    assert "改过的标题" in history
    assert "<del>" in history


def test_the_second_of_two_is_told_what_the_first_changed__and_nothing_is_overwritten(
    draft: Plan, drafter: Client, account: Make
) -> None:
    clause = draft.clauses.get(code="W1.1")
    other = Client()
    other.force_login(account("other"))
    other.post(f"/plan/{draft.pk}/clause/{clause.pk}/", CLAUSE | {"title": "别人的标题", "version": 1})
    answer = drafter.post(f"/plan/{draft.pk}/clause/{clause.pk}/", CLAUSE | {"version": 1})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "other" in page
    assert "别人的标题" in page
    clause.refresh_from_db()
    assert clause.title == "别人的标题"
    # What was typed still stands in the form, the other's words beside it; saved again knowing it, it is kept.
    form = answer.context["forms"][f"c{clause.pk}"]
    assert (form["title"].value(), [b.name for b, _change in form.meanwhile]) == ("改过的标题", ["title"])
    again = {"initial-title": "别人的标题", "take-title": "mine", "version": form["version"].value()}
    assert drafter.post(f"/plan/{draft.pk}/clause/{clause.pk}/", CLAUSE | again).status_code == 302
    clause.refresh_from_db()
    assert clause.title == "改过的标题"
    stale = drafter.post(f"/plan/{draft.pk}/clause/{clause.pk}/remove/", {"version": 1})
    assert stale.status_code == 409
    draft.refresh_from_db()
    assert {a.username for a in Account.objects.filter(pk__in=draft.hands)} == {"drafter", "other"}


def test_a_target_is_added_from_a_selected_sentence_and_settles_what_was_not_read(draft: Plan, drafter: Client) -> None:
    start = NOTICE.index("控制在4")
    start, end = NOTICE.rindex("较大事故", 0, start), start + 8
    gap = Gap.objects.create(plan=draft, what="the unit", words="…", start=start, end=end)
    page = drafter.get(f"/plan/{draft.pk}/?new=target&from={start}&to={end}").content.decode()
    assert 'name="subject" value="较大事故"' in page
    clause = draft.clauses.get(code="G1.2")
    answer = drafter.post(
        f"/plan/{draft.pk}/add/target/",
        {"clause": clause.pk, "subject": "较大事故", "comparator": "<=", "value": "4", "unit": "起", "version": 1,
         "from": start, "to": end},
    )  # fmt: skip
    made = draft.targets.get(code="T9")
    assert answer["Location"].endswith(f"#t{made.pk}")
    assert (made.start, made.end) == (start, end)
    gap.refresh_from_db()
    assert gap.settled


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"value": "-1"}, "greater than or equal"), ({"comparator": "down_by"}, "A fall needs the year"),
        ({"value": "abc"}, "Enter a number"), ({"clause": "999999"}, "valid choice"),
        ({"comparator": "~"}, "valid choice"),
        ({"baseline": "12"}, "four digits"), ({"value": "9" * 20}, "digits"), ({"subject": ""}, "required"),
        ({"measure": "accidents.larger", "unit": "%"}, "a number, not per cent"),
        ({"comparator": "down_by", "unit": "%", "value": "400", "baseline": "2012"}, "more than 100 per cent"),
    ],
)  # fmt: skip
def test_a_wrong_target_is_shown_with_its_fault_and_not_kept(
    draft: Plan, drafter: Client, fault: dict[str, str], says: str
) -> None:
    target = draft.targets.get(code="T2")
    right = {
        "clause": str(target.clause_id),
        "subject": "x",
        "comparator": "<=",
        "value": "4",
        "unit": "起",
        "version": "1",
    }
    answer = drafter.post(f"/plan/{draft.pk}/target/{target.pk}/", right | fault)
    assert answer.status_code == 422
    assert says in answer.content.decode()
    target.refresh_from_db()
    assert target.subject == "较大事故"


def test_a_clause_is_added_moved_and_removed_with_what_lies_below(draft: Plan, drafter: Client) -> None:
    w1 = draft.clauses.get(code="W1")
    page = drafter.get(f"/plan/{draft.pk}/?new=clause&under={w1.pk}").content.decode()
    assert 'value="W1.3"' in page
    drafter.post(f"/plan/{draft.pk}/add/clause/", CLAUSE | {"code": "W1.3", "version": 1})
    codes = list(draft.clauses.values_list("code", flat=True))
    assert codes[codes.index("W1.3") - 1 : codes.index("W1.3") + 2] == ["W1.2c", "W1.3", "W2"]
    again = drafter.post(f"/plan/{draft.pk}/add/clause/", CLAUSE | {"code": "W1.3", "version": 1})
    assert again.status_code == 422
    moved = draft.clauses.get(code="W1.3")
    drafter.post(f"/plan/{draft.pk}/clause/{moved.pk}/up/")
    codes = list(draft.clauses.values_list("code", flat=True))
    assert codes[codes.index("W1") :][:5] == ["W1", "W1.1", "W1.3", "W1.2", "W1.2a"]
    drafter.post(f"/plan/{draft.pk}/clause/{draft.clauses.get(code='W2').pk}/up/")
    codes = list(draft.clauses.values_list("code", flat=True))
    assert codes[codes.index("W") :][:4] == ["W", "W2", "W2.1", "W1"]
    assert drafter.post(f"/plan/{draft.pk}/clause/{draft.clauses.get(code='W2').pk}/up/").status_code == 409
    before = draft.targets.count()
    drafter.post(f"/plan/{draft.pk}/clause/{w1.pk}/remove/", {"version": draft.clauses.get(pk=w1.pk).version})
    assert [c for c in draft.clauses.values_list("code", flat=True) if c.startswith("W")] == ["W", "W2", "W2.1"]
    assert draft.targets.count() == before - 1
    assert "W1.2b" in drafter.get(f"/plan/{draft.pk}/history/").content.decode()  # what is gone keeps its name


def test_w10_is_no_part_of_w1(draft: Plan) -> None:
    drafting.add_clause(draft, "W10", "第十项")
    drafting.remove(draft.clauses.get(code="W1"), 1)
    assert draft.clauses.filter(code="W10").exists()


def test_a_place_not_read_is_settled_as_no_target(draft: Plan, drafter: Client) -> None:
    gap = Gap.objects.create(plan=draft, what="an increase", words="提高5个百分点", start=10, end=20)
    assert "提高5个百分点" in drafter.get(f"/plan/{draft.pk}/").content.decode()
    assert drafter.post(f"/plan/{draft.pk}/gap/{gap.pk}/settle/").status_code == 302
    gap.refresh_from_db()
    assert gap.settled


def test_a_plan_no_longer_a_draft_is_not_written_through_the_page(draft: Plan, drafter: Client) -> None:
    adoption.propose(draft, draft.drafted_by)
    clause = draft.clauses.get(code="W1.1")
    answer = drafter.post(f"/plan/{draft.pk}/clause/{clause.pk}/", CLAUSE | {"version": 1})
    assert answer.status_code == 409
    assert "no longer a draft" in answer.content.decode()
    assert Clause.objects.get(pk=clause.pk).title != "改过的标题"


def test_a_part_of_another_plan_is_not_reached_through_this_one(draft: Plan, drafter: Client, account: Make) -> None:
    other = drafting.begin(2016, CITY, account("other"), title="另一计划")
    foreign = Clause.objects.create(plan=other, order=1, code="W1", title="别的条款")
    assert drafter.post(f"/plan/{draft.pk}/clause/{foreign.pk}/", CLAUSE | {"version": 1}).status_code == 404
    target = draft.targets.get(code="T2")
    wrong = {"clause": foreign.pk, "subject": "x", "comparator": "<=", "value": "4", "unit": "起", "version": 1}
    assert drafter.post(f"/plan/{draft.pk}/target/{target.pk}/", wrong).status_code == 422
    assert Target.objects.get(pk=target.pk).clause.plan == draft


def test_every_fault_of_an_uploaded_plan_file_stands_at_the_file(account: Make, client: Client) -> None:
    client.force_login(account("drafter"))
    Installation.objects.get_or_create(pk=1)
    raw = b'plan: {year: 13, city: "5", title: x}\nclauses: [{id: G1}]\ntargets: []\n'
    answer = client.post("/plan/new/", {"file": SimpleUploadedFile("p.yaml", raw), "text": "", "year": ""})
    errors = answer.context["form"].errors
    assert (answer.status_code, list(errors)) == (422, ["file"])
    assert [e.split(": ")[1] for e in errors["file"]] == ["plan.year", "plan.city", "clauses.0 (G1)"]


def test_the_bell_counts_notices_beside_places_not_read(draft: Plan, drafter: Client) -> None:
    Gap.objects.create(plan=draft, what="the unit", words="…", start=1, end=2)
    page = drafter.get(f"/plan/{draft.pk}/")
    assert (page.context["unread"], len(page.context["unread_gaps"])) == (0, 1)
