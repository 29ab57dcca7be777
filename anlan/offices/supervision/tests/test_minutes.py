"""Reading decisions out of pasted minutes: what is said is found, what is not said is a doubt, nothing is guessed."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.offices.supervision import minutes

HELD = date(2013, 6, 7)
KNOWN = dict.fromkeys(
    ["市交委", "重庆市交通委员会", "渝北区人民政府", "渝北区政府", "各区县人民政府", "市安监局", "局与局"]
)
TEXT = """会议听取了1—5月全市安全生产情况汇报。
一、深化道路交通安全整治
１．开展临水临崖路段护栏排查，建立清单并
逐段落实整改。（责任单位：市交委、渝北区人民政府；责任人：张三；完成时限：2013年7月31日前）
2．各区县人民政府于6月底前完成汛前检查。由各区县人民政府负责。
二、由市安监局牵头，8月15日前形成专项报告。
三、持续推进宣传教育。责任部门：市委宣传部；时限：长期坚持
"""


def test_numbered_lines_with_units_persons_and_days() -> None:
    before, lines = minutes.read(TEXT, KNOWN, HELD)
    assert before == "会议听取了1—5月全市安全生产情况汇报。"
    assert [one.heading for one in lines] == [True, False, False, False, False]
    _head, first, second, third, last = lines
    assert first.text == "开展临水临崖路段护栏排查，建立清单并逐段落实整改。"
    assert (first.units, first.unknown, first.responsible) == (("市交委", "渝北区人民政府"), (), "张三")
    assert (first.due_on, first.doubts) == (date(2013, 7, 31), ())
    assert (second.units, second.due_on, second.doubts) == (("各区县人民政府",), date(2013, 6, 30), ("year",))
    assert (third.units, third.due_on, third.doubts) == (("市安监局",), date(2013, 8, 15), ("year",))
    assert (last.units, last.unknown, last.due_on) == ((), ("市委宣传部",), None)
    assert set(last.doubts) == {"no_unit", "lasting"}


@pytest.mark.parametrize(("said", "due_on", "doubts"), [
    ("1. 排查。完成时限：2013年12月底", date(2013, 12, 31), []),
    ("1. 年底前完成", date(2013, 12, 31), ["year"]),
    ("1. 排查。完成时限：2013年底", date(2013, 12, 31), []),
    ("1. 通报2012年底检查情况", None, ["no_day"]),
    ("1. 2013年2月底前完成", date(2013, 2, 28), ["past"]),
    ("1. 2013年6月31日前完成", None, ["no_such_day"]),
    ("1. 13月5日前完成", None, ["no_such_day"]),
    ("1. 7月1日前排查，7月31日前整改", None, ["several"]),
    ("1. 通报2013年5月3日事故情况", None, ["no_day"]),
    ("1. 99999年9月9日前完成", None, ["no_such_day"]),
    ("1. 0000年1月1日前完成", None, ["no_such_day"]),
])  # fmt: skip
def test_days(said: str, due_on: date | None, doubts: list[str]) -> None:
    (line,) = minutes.read(said, KNOWN, HELD)[1]
    assert (line.due_on, [d for d in line.doubts if d != "no_unit"]) == (due_on, doubts)


@pytest.mark.parametrize(
    "mark", ["一、", "第一，".replace("，", "、"), "（一）", "(一)", "1.", "1、", "1．", "１.", "(1)", "①", "12)"]
)
def test_marks(mark: str) -> None:
    (line,) = minutes.read(f"  {mark}开展检查", KNOWN, HELD)[1]
    assert line.text == "开展检查"


@pytest.mark.parametrize("said", ["2013.6.7会议", "1.5万元已拨付", "三十人参加", "没有编号"])
def test_what_is_no_number_begins_no_decision(said: str) -> None:
    assert minutes.read(said, KNOWN, HELD) == (said, [])


def test_a_name_with_a_conjunction_stays_whole_where_it_is_known() -> None:
    (line,) = minutes.read("1. 排查。责任单位：局与局，市交委和渝北区政府等，王和平", KNOWN, HELD)[1]
    assert (line.units, line.unknown) == (("局与局", "市交委", "渝北区政府"), ("王和平",))
    (line,) = minutes.read("1. 排查。责任单位：市安监局和市交委", KNOWN, HELD)[1]
    assert line.units == ("市安监局", "市交委")


@pytest.mark.parametrize(("said", "units", "unknown"), [
    ("1. 市交委牵头，排查护栏，7月31日前完成。", ("市交委",), ()),
    ("1. 排查护栏，市交委、渝北区政府负责。", ("市交委", "渝北区政府"), ()),
    ("1. 排查护栏（市安监局牵头，市交委配合，7月底前）", ("市安监局", "市交委"), ()),
    ("1. 由市安监局会同市交委组织开展夜间巡查。", ("市安监局", "市交委"), ()),
    ("1. 由市旅游局牵头，市交委配合。", ("市交委",), ("市旅游局",)),
    ("1. 各单位要切实负责，市里统一配合。", (), ()),
    ("1. 排查（责任单位：各区县人民政府，长期）", ("各区县人民政府",), ()),
    ("1. 排查（责任单位：市交委，7月底前）", ("市交委",), ()),
])  # fmt: skip
def test_who_leads_is_found_without_a_label_where_he_is_known(
    said: str, units: tuple[str, ...], unknown: tuple[str, ...]
) -> None:
    (line,) = minutes.read(said, KNOWN, HELD)[1]
    assert (line.units, line.unknown) == (units, unknown)


def test_signs_that_nobody_sees_are_left_out() -> None:
    (line,) = minutes.read("1. 开展\u202e检查\x00\u200f", KNOWN, HELD)[1]
    assert line.text == "开展检查"


@pytest.mark.parametrize("said", ["x" * (minutes.LARGEST + 1), "1. x\n" * (minutes.MOST + 1)])
def test_too_much_is_refused(said: str) -> None:
    with pytest.raises(minutes.TooMuch):
        minutes.read(said, KNOWN, HELD)


def test_a_long_decision_is_cut_and_says_so() -> None:
    (line,) = minutes.read("1. " + "长" * 3000, KNOWN, HELD)[1]
    assert (len(line.text), "long" in line.doubts) == (minutes.LONGEST, True)


@pytest.mark.parametrize("said", [
    "1. " + "（责任单位：" * 3000, "1. " + "由" * 20000, "1. 责任单位：" + "、" * 20000, "1. " + "（" * 20000 + "时限",
    "1. 由" + "甲" * 20000 + "负责", "1. " + "2013年" * 7000,
    "1. " + "，甲" * 15000, "1. " + "会同" * 15000, "1. " + "商甲" * 15000 + "牵头",
])  # fmt: skip
@pytest.mark.timeout(5)
def test_hostile_text_takes_no_time(said: str) -> None:
    minutes.read(said, KNOWN, HELD)


@given(
    st.text(
        alphabet=st.sampled_from("一二1２、.（）()责任单位：；时限年月日底前由负责市交委和 \n\u202e0９长期"),
        max_size=400,
    )
)
def test_whatever_is_pasted_is_read_and_nothing_is_invented(said: str) -> None:
    _before, lines = minutes.read(said, KNOWN, HELD)
    for line in lines:
        assert set(line.units) <= set(KNOWN)
        assert len(line.text) <= minutes.LONGEST
        assert line.heading or line.due_on is not None or set(line.doubts) & {
            "no_day", "several", "no_such_day", "lasting"
        }  # fmt: skip
