"""The reader on a small notice of the same kind, and on what extraction does to one."""

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from anlan.offices.plan.commands import plan
from anlan.offices.plan.reading.flat import Unreadable, page_numbers
from anlan.offices.plan.reading.numerals import value
from anlan.offices.plan.reading.reader import Draft, read
from anlan.offices.plan.reading.targets import find

NOTICE = (Path(__file__).parent / "notice.txt").read_text(encoding="utf-8")
FULL_WIDTH = str.maketrans("0123456789%", "０１２３４５６７８９％")


def outline(draft: Draft) -> list[tuple[str, str]]:
    return [(clause.id, clause.title) for clause in draft.walk()]


def amounts(draft: Draft) -> list[tuple[object, ...]]:
    keys = ("clause", "subject", "comparator", "value", "unit", "baseline")
    return [tuple(target[key] for key in keys) for target in draft.targets]


def test_every_clause_and_target_of_the_notice_is_read() -> None:
    draft = read(NOTICE)
    assert (draft.title, draft.year) == ("2015年全县安全生产工作要点", 2015)
    assert (draft.issuer, draft.issued_on) == ("江北县人民政府", "2015-02-03")
    assert [i for i, _ in outline(draft)] == [
        "P1", "G", "G1", "G1.1", "G1.2", "G1.3", "G2", "G2.1", "G3", "G3.1",
        "W", "W1", "W1.1", "W1.2", "W1.2a", "W1.2b", "W1.2c", "W2", "W2.1", "R", "R1",
    ]  # fmt: skip
    assert amounts(draft) == [
        ("G1.1", "各类事故死亡人数", "down_by", 3.5, "%", "2014"),
        ("G1.2", "较大事故", "<=", 4, "起", None),
        ("G1.3", "重大事故", "==", 0, "起", None),
        ("G2.1", "工贸企业达标数量", ">=", 1100, "家", None),
        ("G3.1", "市级安全社区", ">=", 3, "个", None),
        ("G3.1", "市级文化示范企业", ">=", 2, "个", None),
        ("W1.2b", "新安装防护栏", ">=", 50, "公里", None),
        ("W2.1", "区域分中心", "==", 8, "个", None),
    ]
    assert draft.unread == []


@pytest.mark.slow
@given(st.data())
def test_lines_broken_anywhere_in_a_goal_or_clause_change_nothing(data: st.DataObject) -> None:
    body = NOTICE.index("――形势")
    places = sorted(data.draw(st.sets(st.integers(body, NOTICE.index("（二）加强应急")), max_size=40)))
    broken, last = [], 0
    for place in places:
        broken += [NOTICE[last:place], data.draw(st.sampled_from(["\n", "\n\n\f", " ", "　"]))]
        last = place
    text = "".join(broken) + NOTICE[last:]
    assert outline(read(text)) == outline(read(NOTICE))
    assert amounts(read(text)) == amounts(read(NOTICE))


def test_full_width_digits_and_chinese_numerals_say_the_same() -> None:
    assert amounts(read(NOTICE.translate(FULL_WIDTH))) == amounts(read(NOTICE))
    chinese = (
        NOTICE.replace("3.5%", "百分之三点五").replace("110\n0家", "一千一百家").replace("50公里", "五十公里")
        .replace("控制在4\n起", "控制在四起").replace("8个区域", "八个区域").replace("3个", "三个")
        .replace("2个", "两个")
    )  # fmt: skip
    assert amounts(read(chinese)) == amounts(read(NOTICE))


@given(st.integers(0, 10**8 - 1))
def test_chinese_numerals_are_read_back(number: int) -> None:
    assert value(_chinese(number)) == number
    assert value(f"{number:,}") == number


def _chinese(n: int) -> str:
    if n >= 10_000:
        return _chinese(n // 10_000) + "万" + (_chinese(n % 10_000) if n % 10_000 else "")
    words, digits = "", "零一二三四五六七八九"
    for unit, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        if n // unit % 10:
            words += digits[n // unit % 10] + name
    return words or "零"


@given(st.permutations(NOTICE.splitlines()).map("\n".join) | st.text(max_size=300).map(lambda t: "一、总体要求\n" + t))
def test_no_character_of_the_body_is_lost(text: str) -> None:
    try:
        draft = read(text)
    except Unreadable:
        return
    assert draft.head[0] == 0
    assert draft.head[1] == draft.body[0]
    assert draft.foot[1] == len(text)
    covered = [False] * len(text)
    for clause in draft.walk():
        covered[clause.start : clause.end] = [True] * (clause.end - clause.start)
    left = [i for i in range(*draft.body) if not covered[i] and not text[i].isspace()]
    assert [text[i] for i in left if text[i].isprintable()] == []


def test_each_target_stands_where_its_span_says() -> None:
    for target in read(NOTICE).targets:
        assert "".join(NOTICE[target["start"] : target["end"]].split()) == target["words"]


def test_a_number_left_out_is_said_and_the_clause_still_read() -> None:
    draft = read(NOTICE.replace("2．深化治理", "3．深化治理"))
    assert "W1.3" in dict(outline(draft))
    assert [u["words"] for u in draft.unread] == ["3."]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\xff", "line"),
        ("只有一段话。".encode(), "no numbered part"),
        (b"x" * (1024 * 1024 + 1), "bytes"),
    ],
)
def test_what_is_no_notice_gets_one_clear_line_and_exit_2(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "notice.txt"
    file.write_bytes(content)
    result = CliRunner().invoke(plan, ["read", str(file)])
    assert result.exit_code == 2
    assert says in result.stderr
    assert str(file) in result.stderr
    assert result.stderr.count("\n") == 1


def test_gb18030_is_read_as_utf8_is(tmp_path: Path) -> None:
    file = tmp_path / "notice.txt"
    file.write_bytes(NOTICE.encode("gb18030"))
    result = CliRunner().invoke(plan, ["read", str(file), "--json"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["targets"] == read(NOTICE).targets


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("死亡人数控制在1200人以内，同比下降4%。", [("死亡人数", "<=", 1200, "人"), ("死亡人数", "down_by", 4, "%")]),
        ("较大事故起数比上年减少3起，", [("较大事故起数", "down_by", 3, "起")]),
        ("道路交通万车死亡率控制在2.1以内。", [("道路交通万车死亡率", "<=", 2.1, "")]),
        ("坚决杜绝特别重大事故。", [("特别重大事故", "==", 0, "起")]),
        ("火灾起数不超过2,300例，", [("火灾起数", "<=", 2300, "例")]),
        ("投入资金1.2亿元。", [("投入资金", ">=", 120_000_000, "元")]),
        ("建成应急物资储备库三个，", [("应急物资储备库", ">=", 3, "个")]),
        ("推进七大重点工程项目建设。", [("重点工程项目建设", "==", 7, "类")]),
        ("每个乡镇配备不少于3名专职安监人员", [("每个乡镇配备专职安监人员", ">=", 3, "名")]),
        ("一般隐患整改率不低于95%", [("一般隐患整改率", ">=", 95, "%")]),
    ],
)
def test_other_cities_wording_is_read(words: str, expected: list[tuple[object, ...]]) -> None:
    found = find(words)
    assert [(t.subject, t.comparator, t.value, t.unit) for t in found.targets] == expected
    assert found.doubts == []


@pytest.mark.parametrize(
    "words",
    [
        "事故起数和死亡人数同比分别下降5%和3%以上。", "安全培训覆盖率提高5个百分点，", "新建微型消防站120—150座；",
        "建成水上救援船7挂，", "8月底前全部安装。", "与2013年相比下降10%。", "1" * 600 + "起。",
    ],
)  # fmt: skip
def test_an_amount_that_cannot_be_read_for_sure_is_listed_and_is_no_target(words: str) -> None:
    found = find(words)
    assert found.targets == []
    assert len(found.doubts) == 1


def test_doubts_stand_among_the_unread_where_they_are_in_the_source() -> None:
    text = NOTICE.replace("（二）加强应急", "2．推进培训。培训覆盖率提高5个百分点。\n（二）加强应急")
    unread = read(text).unread
    assert [u["words"] for u in unread] == ["培训覆盖率提高5个百分点"]
    assert text[unread[0]["start"] : unread[0]["end"]] == unread[0]["words"]


@pytest.mark.parametrize("shape", ["— {} —", "-{}-", "第{}页 共9页", "{}"])
def test_page_numbers_are_left_out_and_said(shape: str) -> None:
    body = NOTICE.index("――形势")
    places = [i for i in range(body, len(NOTICE)) if NOTICE[i] == "\n"][:3]
    text = NOTICE
    for number, place in reversed(list(enumerate(places, 3))):
        text = text[:place] + f"\n\n{shape.format(number)}\n\f\n" + text[place:]
    draft = read(text)
    assert amounts(draft) == amounts(read(NOTICE))
    assert outline(draft) == outline(read(NOTICE))
    assert [u["what"] for u in draft.unread] == ["a page number, left out"] * 3


def test_a_text_without_any_line_break_is_read() -> None:
    assert amounts(read(NOTICE.replace("\n", ""))) == amounts(read(NOTICE))


def test_the_year_before_the_plan_s_own_is_the_baseline_of_a_fall_that_names_none() -> None:
    draft = read(NOTICE.replace("比2014年下降", "同比下降"))
    assert draft.targets[0]["baseline"] == "2014"


def test_lines_of_numbers_cost_no_more_each_where_there_are_many() -> None:
    def took(lines: int) -> float:
        begun = time.process_time()
        page_numbers("100\n" * lines)
        return time.process_time() - begun

    # Were each line to cost what stands before it, sixteen times as many would take 256 times as long.
    assert took(160_000) < 80 * max(min(took(10_000) for _ in range(3)), 0.001)
