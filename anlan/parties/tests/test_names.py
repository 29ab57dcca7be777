"""Names of divisions in short; pinyin initials: fast, and the same as pypinyin reads them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pypinyin import Style, lazy_pinyin
from pypinyin.constants import PHRASES_DICT

from anlan.parties.names import FEW, all_initials, initials, mark, short
from anlan.parties.reference import CHONGQING, DATA, read_divisions

PHRASES = st.sampled_from(sorted(PHRASES_DICT)[::7])
CHARACTERS = st.characters(min_codepoint=0x4E00, max_codepoint=0x9FFF) | st.characters(exclude_categories=("Cs",))


def as_pypinyin_reads(name: str) -> str:
    parts = lazy_pinyin(name, style=Style.FIRST_LETTER, errors=lambda text: [c for c in text if c.isalnum()])
    return "".join(part[:1].lower() for part in parts)


@pytest.mark.parametrize(
    ("district", "brief"),
    [
        ("彭水苗族土家族自治县", "彭水"),
        ("秀山土家族苗族自治县", "秀山"),
        ("酉阳土家族苗族自治县", "酉阳"),
        ("石柱土家族自治县", "石柱"),
        ("渝北区", "渝北"),
        ("忠县", "忠县"),
    ],
)
def test_a_division_s_short_name_leaves_the_whole_kind_of_division_out(district: str, brief: str) -> None:
    assert short(district) == brief


@pytest.mark.django_db
def test_papers_are_numbered_under_the_short_name() -> None:
    codes = ("500000000000", "500112000000", "500240000000", "500243000000", "500233000000")
    assert [mark(code) for code in codes] == ["渝", "渝北", "石柱", "彭水", "忠县"]


def test_phrases_are_read_as_such() -> None:
    assert initials("重庆市渝北区") == "cqsybq"
    assert initials("重要（A1）") == "zya1"


@given(st.lists(PHRASES | CHARACTERS, max_size=8).map("".join))
def test_any_text_is_read_as_pypinyin_reads_it(name: str) -> None:
    assert initials(name) == as_pypinyin_reads(name)


def test_each_village_of_chongqing_is_read_as_pypinyin_reads_it() -> None:
    names = {name for _code, name, *_rest in read_divisions(DATA / "divisions-50.csv.gz", CHONGQING)}
    assert [n for n in sorted(names)[::5] if initials(n) != as_pypinyin_reads(n)] == []


def test_many_names_at_once_are_read_as_each_by_itself() -> None:
    names = [*sorted(PHRASES_DICT)[::97], "", "重庆市渝北区", "İ（Ａ1）", "两\n行"]
    assert len(names) > FEW
    assert all_initials(names) == [initials(name) for name in names]
    with_separator = [*names, "重\0庆"]
    assert all_initials(with_separator) == [initials(name) for name in with_separator]
