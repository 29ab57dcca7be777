"""The text of a paper: the machine's words and a person's are told apart, and no number slips by."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.engines.papers import Annex, Heading, Note, Paper, Paragraph, Table, encode
from anlan.parties.papers.text import LONGEST, MOST_ADDED, BadText, Edits, Odd, Text, numbers_of

PAPER = Paper(
    title="关于2013年5月安全生产情况的通报", issuer="办公室", addressee="各区县",
    blocks=(
        Paragraph("现将5月情况通报如下。"),
        Heading(1, "事故"), Heading(2, "总体"), Paragraph("发生事故51起，死亡60人，下降16.4%。"),
        Table("事故", ("区", "起"), (("渝北区", "7"),)),
        Heading(1, "隐患"), Paragraph("排查1,050项，整改973项。"), Note("注：无。"),
        Heading(1, "要求"), Paragraph("抓好落实。"),
    ),
    annexes=(Annex("附表", (Paragraph("附表说明。"),)),),
)  # fmt: skip


def text() -> Text:
    return Text.of(encode(PAPER).decode(), {})


def words(of: Text) -> list[str]:
    return [block.text for block in of.paper.blocks if not isinstance(block, Table)]


def test_an_untouched_draft_is_the_machines_paper() -> None:
    assert text().paper == PAPER
    assert text().changed() == []
    assert {part.by for part in text().parts()} == {"machine"}


def test_what_a_person_wrote_is_told_apart_and_what_was_there_is_kept() -> None:
    made = text().edited(texts={"b9": "各单位抓好落实。"}, title="通报")
    part = next(one for one in made.parts() if one.key == "b9")
    assert (part.by, part.was, part.text) == ("changed", "抓好落实。", "各单位抓好落实。")
    assert made.paper.title == "通报"
    assert Text.of(encode(PAPER).decode(), made.edits.plain()) == made
    back = made.edited(texts={"b9": "抓好落实。"}, title=PAPER.title)
    assert back.edits == Edits()


def test_sections_move_and_go_and_the_opening_stays_first() -> None:
    made = text().moved("s3", up=True)
    assert [one.key for one in made.sections] == ["s0", "s1", "s3", "s2"]
    assert made.moved("s3", up=False).edits == Edits()
    assert text().moved("s1", up=True).edits == Edits()
    with pytest.raises(BadText):
        text().moved("s0", up=False)
    gone = made.edited(out=["s1", "a0", "b7"])
    assert words(gone) == ["现将5月情况通报如下。", "要求", "抓好落实。", "隐患", "排查1,050项，整改973项。"]
    assert gone.paper.annexes == ()


def test_parts_are_added_behind_others_the_latest_nearest() -> None:
    made, first = text().with_more("b9")
    made, second = made.with_more("b9", "heading")
    made, third = made.with_more(first)
    made = made.edited(texts={first: "一", second: "二", third: "三"})
    assert words(made)[-4:] == ["抓好落实。", "二", "一", "三"]
    assert next(one for one in made.parts() if one.key == first).by == "person"
    fewer = made.edited(texts={first: ""})
    assert words(fewer)[-3:] == ["抓好落实。", "二", "三"]
    assert first not in fewer.edited(texts={third: ""}).edits.added


def test_a_part_that_nobody_wrote_does_not_stand_in_the_paper() -> None:
    made, _key = text().with_more("b9")
    assert made.paper == PAPER


def test_emptied_words_of_the_machine_are_left_out_and_can_come_back() -> None:
    gone = text().edited(texts={"b9": " "})
    assert "抓好落实。" not in words(gone)
    assert gone.edited(out=[]).paper == PAPER


def test_numbers_typed_otherwise_than_the_facts_are_pointed_at() -> None:
    made = text().edited(texts={"b3": "发生事故57起，死亡60人，下降16.4%。", "b6": "排查1050项，整改937项，另有3项。"})
    assert made.odd() == [Odd("b3", "57", "51"), Odd("b6", "937", "973"), Odd("b6", "3", "")]
    full = text().edited(texts={"b3": "发生事故５７起，死亡６０人，下降16.4%。"})
    assert full.odd() == [Odd("b3", "57", "51")]
    assert text().edited(title="关于2013年6月安全生产情况的通报").odd() == [Odd("title", "6", "5")]


def test_numbers_of_a_persons_own_words_must_stand_in_the_facts() -> None:
    made, key = text().with_more("b9")
    made = made.edited(texts={key: "其中死亡60人，渝北区8起，全年控制数412，下降16.40%，占3.5%。"})
    known = numbers_of({"number": 412, "share": "3.50"})
    assert made.odd(known) == [Odd(key, "8", "")]
    assert made.edited(out=[key]).odd(known) == []
    assert numbers_of({"a": ["3.50", 7], "b": {"c": "共12项", "d": True, "e": None}}) == {"3.5", "7", "12"}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"title": " "}, "empty"), ({"title": "字" * (LONGEST["title"] + 1)}, "long"),
        ({"texts": {"b3": "字" * (LONGEST["text"] + 1)}}, "long"), ({"texts": {"b4": "表"}}, "unknown"),
        ({"texts": {"b99": "x"}}, "unknown"), ({"out": ["../x"]}, "unknown"), ({"copies": ["字" * 600] * 2}, "long"),
    ],
)  # fmt: skip
def test_what_cannot_stand_in_a_paper_is_refused(change: dict[str, object], why: str) -> None:
    with pytest.raises(BadText, match=why):
        text().edited(**change)  # type: ignore[arg-type]


def test_nobody_adds_without_end() -> None:
    made = text()
    for _ in range(MOST_ADDED):
        made, _key = made.with_more("b9")
    with pytest.raises(BadText, match="many"):
        made.with_more("b9")


@given(st.text(max_size=200), st.text(max_size=200))
def test_any_words_are_kept_as_words(one: str, other: str) -> None:
    made, key = text().with_more("b3")
    made = made.edited(texts={"b9": one, key: other})
    kept = Text.of(encode(PAPER).decode(), made.edits.plain())
    assert kept.paper == made.paper
    assert all(sign >= " " for word in words(made) for sign in word)


def test_paragraphs_of_very_many_numbers_are_looked_at_in_no_time() -> None:
    """Whoever opens the draft waits for it: two thousand ones against ones and twos took minutes."""
    many = Paper(title="表", issuer="办", blocks=(Paragraph("1 " * 2400),))
    made = Text.of(encode(many).decode(), {}).edited(texts={"b0": "1 2 " * 1200})
    begun = time.monotonic()
    assert set(made.odd()) == {Odd("b0", "2", "")}
    assert time.monotonic() - begun < 2


def test_what_was_drafted_long_may_stay_long_and_grows_no_further() -> None:
    many = Paper(title="题" * 250, issuer="办", addressee="区、" * 400, blocks=(Paragraph("文" * 6000),))
    drafted = Text.of(encode(many).decode(), {})
    said = {"title": many.title, "addressee": many.addressee, "texts": {"b0": "字" * 6000}}
    made = drafted.edited(**said)  # type: ignore[arg-type]
    assert made.edits == Edits(texts={"b0": "字" * 6000})
    assert made.edited(texts={"b0": "文" * 6000}).edits == Edits()
    for longer in ({"title": "题" * 251}, {"addressee": "区、" * 401}, {"texts": {"b0": "字" * 6001}}):
        with pytest.raises(BadText, match="long"):
            drafted.edited(**longer)  # type: ignore[arg-type]
