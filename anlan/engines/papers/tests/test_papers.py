"""Papers: what they say, how they are laid out by GB/T 9704-2012, and what hostile texts do not do."""

from __future__ import annotations

import io
import itertools
import re
import time
import zipfile
from datetime import date
from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec
import pypdfium2
import pytest
from docx import Document
from docx.oxml.ns import qn
from docx.shared import Mm
from hypothesis import given, settings
from hypothesis import strategies as st

from anlan.engines.papers import (
    Annex,
    BadPaper,
    Chart,
    Heading,
    Imprint,
    Note,
    Number,
    Paper,
    Paragraph,
    Series,
    Table,
    charts,
    decode,
    digest,
    docx,
    encode,
    fonts,
    pdf,
)
from anlan.engines.papers.layout import CHARACTER, LINE, STANDARD, points
from anlan.engines.papers.paper import chinese, numbered
from anlan.engines.papers.texts import MISSING, clean, title_lines

MODULES = Path(__file__).parents[3] / "site" / "frontend" / "node_modules"
FOLDERS = (MODULES / "@expo-google-fonts" / "noto-serif-sc", MODULES / "@embedpdf" / "fonts-sc")
MONTHS = tuple(f"{month}月" for month in range(1, 13))
DISTRICTS = tuple((f"第{n}区", f"{n}", "0") for n in range(60))
WIDTHS, HALF_A_YEAR = (2, 1, 1), (2,) * 6 + (None,) * 6
HOSTILE = '#set page(width: 1cm) #panic() *a* _b_ $x$ `raw` \\ "q" <w:p/> ]] </svg> &amp; @ref = h\n- item // c /* d'


def simple(*blocks: object, **more: object) -> Paper:
    return Paper(title="关于2013年6月安全生产情况的通报", issuer="重庆市安全生产委员会办公室", blocks=blocks, **more)  # type: ignore[arg-type]


def whole() -> Paper:
    return simple(
        Heading(1, "事故情况"), Paragraph("全市发生各类生产安全事故12起。"),
        Heading(2, "按等级"), Heading(3, "较大"), Heading(4, "煤矿"),
        Table("各区县情况", ("区县", "起数", "死亡"), DISTRICTS, "lrr", WIDTHS),
        Chart("column", "各月死亡人数", MONTHS, (Series("2012年", (3,) * 12), Series("2013年", HALF_A_YEAR))),
        Chart("line", "各月整改率", MONTHS, (Series("2013年", (92.6,) * 6 + (None,) * 6),), "%", 1),
        Chart("bar", "各区县整改率", tuple(f"第{n}区" for n in range(38)), (Series("整改率", (90.0,) * 38),), "%", 1),
        Note("注：“–”表示暂无数据。"),
        mark="重庆市安全生产委员会办公室", number=Number("渝安办", 2013, 5), addressee="各区县人民政府", copy_number=12,
        secrecy="秘密★1年", urgency="特急", annexes=(Annex("事故表", (Paragraph("略。"),)), Annex("隐患表", ())),
        signed_on=date(2013, 7, 5), imprint=Imprint(("市委办公厅",), "重庆市安全生产委员会办公室", date(2013, 7, 5)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def faces() -> fonts.Faces:
    return fonts.faces(FOLDERS, system=False)


def read(data: bytes) -> list[str]:
    """The text of each page, without spaces and line breaks."""
    return ["".join(page.get_textpage().get_text_range().split()) for page in pypdfium2.PdfDocument(data)]


def words(data: bytes) -> str:
    """The whole text of a DOCX, in order."""
    return "".join(t.text or "" for t in Document(io.BytesIO(data)).element.iter(qn("w:t")))


# --- Data ------------------------------------------------------------------------------------------


def test_a_paper_is_kept_as_json_without_loss() -> None:
    paper = whole()
    assert decode(encode(paper)) == paper
    assert digest(decode(encode(paper))) == digest(paper)
    assert digest(msgspec.structs.replace(paper, copy_number=13)) != digest(paper)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (simple(Table("t", ("a", "b"), (("1",),))), "row 1"),
        (simple(Table("t", (), ())), "no columns"),
        (simple(Table("t", ("a",), (), align="x")), "align"),
        (simple(Table("t", ("a",), (), widths=(0.0,))), "widths"),
        (simple(Chart("bar", "c", (), ())), "shows nothing"),
        (simple(Chart("bar", "c", ("a",), (Series("s", (1.0, 2.0)),))), "2 values"),
        (simple(Chart("bar", "c", ("a",), (Series("s", (float("nan"),)),))), "no chart can show"),
        (simple(Chart("bar", "c", ("a",), (Series("s", (1.0,)),) * 5)), "four"),
        (simple(copy_number=1_000_000), "six digits"),
        (simple(number=Number("渝安办", 2013, 0)), "serial"),
        (msgspec.structs.replace(simple(), title=" "), "title"),
        (simple(annexes=(Annex("a", (Table("t", ("a",), ((),)),)),)), "annex 1, block 1"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(wrong: Paper, said: str) -> None:
    for render in (pdf.render, docx.render):
        with pytest.raises(BadPaper, match=said):
            render(wrong)


def test_json_that_is_no_paper_is_refused() -> None:
    with pytest.raises(BadPaper):
        decode(b'{"title": 1}')


def test_headings_are_numbered_by_their_level() -> None:
    levels = (1, 2, 2, 3, 4, 4, 2, 3, 1, 2)
    marks = [mark for _, mark in numbered([Heading(level, "") for level in levels])]  # type: ignore[arg-type]
    assert marks == ["一、", "（一）", "（二）", "1.", "（1）", "（2）", "（三）", "1.", "二、", "（一）"]
    assert [chinese(n) for n in (1, 10, 11, 20, 38, 99)] == ["一", "十", "十一", "二十", "三十八", "九十九"]
    assert [chinese(n) for n in (100, 101, 110, 111, 230, 999, 1000)] == [
        "一百", "一百零一", "一百一十", "一百一十一", "二百三十", "九百九十九", "1000",
    ]  # fmt: skip


def test_a_number_has_six_angled_brackets_and_no_leading_zero__gbt_9704() -> None:
    assert str(Number("渝安办", 2013, 5)) == "渝安办〔2013〕5号"
    assert str(Number("渝安办", 2013)) == "渝安办〔2013〕　号"


def test_a_long_title_is_broken_into_lines_of_about_one_length() -> None:
    lines = title_lines("重庆市安全生产委员会办公室关于2013年6月全市安全生产和事故隐患排查治理情况的通报", 19)
    assert lines == ["重庆市安全生产委员会办公室", "关于2013年6月全市安全生产和", "事故隐患排查治理情况的通报"]
    # Neither the year nor a word is torn, and who writes stands alone where the rest would not fit below it.
    quarter = "重庆市安全生产委员会办公室关于2013年第一季度全市安全生产情况的通报"
    assert title_lines(quarter, 19.1) == ["重庆市安全生产委员会办公室", "关于2013年第一季度", "全市安全生产情况的通报"]
    assert title_lines("一\n二", 19) == ["一", "二"]
    assert "".join(title_lines("字" * 300, 19)) == "字" * 300


# --- PDF -------------------------------------------------------------------------------------------


def test_the_page_is_laid_out_by_the_standard(faces: fonts.Faces) -> None:
    made = pdf.render(whole(), faces)
    document = pypdfium2.PdfDocument(made.data)
    mm = 72 / 25.4
    assert document[0].get_size() == pytest.approx((210 * mm, 297 * mm), abs=0.1)
    boxes = {}
    for n, page in enumerate(document):
        text = page.get_textpage()
        for box in map(text.get_rect, range(text.count_rects())):
            said = "".join(text.get_text_bounded(*box).split())
            boxes.setdefault((n, said), box)
            left, bottom, right, top = box
            if not re.fullmatch(r"—\d+—|[—\d]+", said):
                assert left > (28 - 1) * mm, said
                assert right < (210 - 26 + 1.5) * mm, said
                assert top < (297 - 37 + 1) * mm, said
                assert bottom > (35 - 1) * mm, said
    mark = next(
        box for (n, said), box in boxes.items() if n == 0 and said.startswith("重庆市") and said.endswith("文件")
    )
    assert mark[3] == pytest.approx((297 - 37 - 35) * mm, abs=1.5 * mm)
    # Odd numbers stand at the right, even ones at the left, 7 mm below the text.
    sides = {}
    for n, page in enumerate(document):
        area = page.get_textpage()
        found = area.get_text_bounded(0, 10, 210 * mm, 34 * mm)
        assert "".join(found.split()) == f"—{n + 1}—"
        rects = [box for box in map(area.get_rect, range(area.count_rects())) if box[3] < 34 * mm]
        sides[n] = "right" if min(box[0] for box in rects) > 105 * mm else "left"
        assert max(box[3] for box in rects) == pytest.approx((35 - 7) * mm, abs=2.5 * mm)
    assert [sides[n] for n in range(4)] == ["right", "left", "right", "left"]


def test_the_body_has_22_lines_of_28_characters(faces: fonts.Faces) -> None:
    pages = pypdfium2.PdfDocument(pdf.render(simple(Paragraph("国" * 2000), mark=""), faces).data)
    lines = pages[1].get_textpage().get_text_range().split()
    lines = [line for line in lines if set(line) == {"国"}]
    assert len(lines) == 22
    assert {len(line) for line in lines} == {28}
    assert pytest.approx(28.99, abs=0.01) == LINE
    assert pytest.approx(15.79, abs=0.01) == CHARACTER


@pytest.mark.parametrize("lines", range(6, 14))
def test_no_signature_stands_on_a_page_alone(faces: fonts.Faces, lines: int) -> None:
    blocks = (*(Paragraph("国") for _ in range(lines)), Paragraph("此致。"))
    paper = simple(*blocks, annexes=(Annex("表", ()),), mark="市安办", number=Number("安", 2013))
    pages = read(pdf.render(paper, faces).data)
    signed = next(page for page in pages if "附件：表" in page)
    assert "此致。附件：表重庆市安全生产委员会办公室" in signed


def test_everything_that_the_paper_says_stands_in_the_pdf(faces: fonts.Faces) -> None:
    pages = read(pdf.render(whole(), faces).data)
    text = "".join(pages)
    for said in (
        "000012", "秘密★1年", "特急", "渝安办〔2013〕5号", "各区县人民政府：", "一、事故情况", "（一）按等级", "1.较大",
        "（1）煤矿", "表1各区县情况", "图1各月死亡人数", "图3各区县整改率", "附件：1.事故表", "2.隐患表",
        "2013年7月5日印发", "抄送：市委办公厅。", "附件1", "附件2",
    ):  # fmt: skip
        assert said in text, said
    # The head of a table is repeated on every page that it runs over.
    assert sum("区县起数死亡" in page for page in pages) >= 2
    assert "抄送" in pages[-1]


def test_the_same_paper_gives_the_same_bytes(faces: fonts.Faces) -> None:
    paper = whole()
    assert pdf.render(paper, faces).data == pdf.render(decode(encode(paper)), faces).data
    first = docx.render(paper)
    time.sleep(2.1)  # entries of a ZIP are dated to two seconds
    assert docx.render(decode(encode(paper))) == first


def test_the_up_going_paper_names_its_signer(faces: fonts.Faces) -> None:
    paper = msgspec.structs.replace(whole(), signer="王某某")
    assert "渝安办〔2013〕5号签发人：王某某" in read(pdf.render(paper, faces).data)[0]
    assert "签发人：王某某" in words(docx.render(paper))


def test_no_text_is_read_as_markup(faces: fonts.Faces) -> None:
    paper = simple(
        Heading(1, HOSTILE), Paragraph(HOSTILE), Note(HOSTILE), Table(HOSTILE, (HOSTILE,), ((HOSTILE,),)),
        Chart("bar", HOSTILE, (HOSTILE,), (Series(HOSTILE, (1.0,)), Series("<b>", (2.0,))), HOSTILE),
        mark=HOSTILE, number=Number(HOSTILE, 2013), addressee=HOSTILE, signer=HOSTILE, secrecy=HOSTILE, urgency=HOSTILE,
        annexes=(Annex(HOSTILE, ()),), imprint=Imprint((HOSTILE,), HOSTILE, None),
    )  # fmt: skip
    plain = "".join(HOSTILE.split())
    text = "".join(read(pdf.render(msgspec.structs.replace(paper, title=HOSTILE, issuer=HOSTILE), faces).data))
    text = text.replace("\u200b", "").replace("\ufffe", "")
    assert text.count("#panic()") >= 10
    assert plain in text
    assert "#panic()" in words(docx.render(paper))


def test_controls_and_unseen_signs_are_left_out_and_a_missing_glyph_is_told(faces: fonts.Faces) -> None:
    bad = "甲\x00\x07\x1b\u202e\u200b\ufeff乙\ud800丙😀𬭼\ufffe"
    assert clean(bad) == f"甲乙{MISSING}丙😀𬭼{MISSING}"
    made = pdf.render(simple(Paragraph(bad)), faces)
    assert "😀" in made.missing
    assert f"甲乙{MISSING}丙{MISSING}" in "".join(read(made.data))
    assert f"甲乙{MISSING}丙😀" in words(docx.render(simple(Paragraph(bad))))


def test_a_cell_of_ten_thousand_characters_is_printed_whole_and_within_the_page(faces: fonts.Faces) -> None:
    for sign in ("国", "W"):
        made = pdf.render(simple(Table("t", ("a", "b"), ((sign * 10_000, "1"),))), faces)
        assert "".join(read(made.data)).count(sign) == 10_000
        for page in pypdfium2.PdfDocument(made.data):
            text = page.get_textpage()
            for left, _, right, _ in map(text.get_rect, range(text.count_rects())):
                assert points(27) < left
                assert right < points(186)
    assert words(docx.render(simple(Table("t", ("a",), (("W" * 10_000,),))))).count("W") == 10_000


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=60), st.text(st.characters(), max_size=30), st.lists(st.floats(-1e9, 1e9), max_size=5))
def test_any_text_and_any_figures_make_a_paper(first: str, second: str, figures: list[float]) -> None:
    shown = [Chart(kind, second, tuple(first for _ in figures), (Series(second, tuple(figures)),)) for kind in
             ("column", "line", "bar") if figures]  # fmt: skip
    paper = simple(Heading(2, first), Paragraph(second), Table(first, (second,), ((first,),)), *shown, addressee=first)
    assert pdf.render(paper, fonts.faces(FOLDERS, system=False)).data.startswith(b"%PDF")
    assert docx.render(paper).startswith(b"PK")


def test_twenty_pages_with_charts_take_less_than_five_seconds(faces: fonts.Faces) -> None:
    blocks = whole().blocks * 5
    paper = simple(*blocks, Paragraph(str(time.time_ns())))  # nothing is remembered of an earlier run
    begun = time.process_time()  # of a processor: others may want it, too
    made = pdf.render(paper, faces)
    docx.render(paper)
    assert time.process_time() - begun < 5
    assert len(pypdfium2.PdfDocument(made.data)) >= 20


def test_without_a_chinese_font_the_way_out_is_told(tmp_path: Path) -> None:
    with pytest.raises(fonts.NoFonts, match=rf"no Chinese font for .*{re.escape(str(tmp_path))}.*fonts-noto-cjk"):
        fonts.faces((tmp_path,), system=False)


def test_a_licensed_font_in_the_folder_goes_before_what_stands_in(faces: fonts.Faces, tmp_path: Path) -> None:
    from fontTools.ttLib import TTFont

    assert faces.standing_in["黑体"] == "Noto Sans S Chinese"
    assert faces.of["title"].weight == 700
    with TTFont(FOLDERS[1] / "fonts" / "NotoSansHans-Regular.otf") as font:
        for record in font["name"].names:
            if record.nameID in (1, 16):
                record.string = "SimHei"
        font.save(tmp_path / "simhei.otf")
    found = fonts.faces((tmp_path, *FOLDERS), system=False)
    assert found.of["heading1"].family == "SimHei"
    assert "黑体" not in found.standing_in


# --- Charts ----------------------------------------------------------------------------------------


def test_marks_of_a_scale_are_round_and_hold_every_value() -> None:
    assert charts.scale([12, 15]) == ([0, 5, 10, 15], 0)
    assert charts.scale([88.5, 96.0]) == ([0, 20, 40, 60, 80, 100], 0)
    assert charts.scale([0.0])[0][0] == 0
    low = charts.scale([-3, 7])[0]
    assert low[0] <= -3
    assert low[-1] >= 7


def test_figures_of_neighbouring_columns_and_bars_stay_apart() -> None:
    months = tuple(f"{n}月" for n in range(1, 13))
    two = (Series("2012年", (132.0,) * 12), Series("2013年", (138.0,) * 12))
    drawn = ET.fromstring(charts.svg(Chart("column", "c", months, two, "人"), "Noto"))
    tag = "{http://www.w3.org/2000/svg}text"
    shown = sorted(
        (float(t.get("x", "")), float(t.get("font-size", ""))) for t in drawn.iter(tag) if t.text in ("132", "138")
    )
    assert len(shown) == 24
    for (left, size), (right, _size) in itertools.pairwise(shown):
        assert right - left > size * 3 * 0.55 + 0.5
    drawn = ET.fromstring(charts.svg(Chart("bar", "c", months, two, "人"), "Noto"))
    levels = [
        (float(t.get("y", "")), float(t.get("font-size", ""))) for t in drawn.iter(tag) if t.text in ("132", "138")
    ]
    for (upper, _size), (lower, size) in itertools.pairwise(levels):
        assert lower - upper > size * 0.74  # as high as a digit


def test_a_missing_figure_is_no_zero_in_a_chart() -> None:
    chart = Chart("bar", "c", ("甲", "乙"), (Series("s", (None, 0.0)),))
    texts = re.findall(r">([^<>]+)</text>", charts.svg(chart, "Noto"))
    assert texts == ["甲", charts.NONE, "乙", "0"]


# --- DOCX ------------------------------------------------------------------------------------------


def test_the_docx_has_the_page_of_the_standard() -> None:
    document = Document(io.BytesIO(docx.render(whole())))
    section = document.sections[0]
    sizes = (section.page_width, section.page_height, section.top_margin, section.left_margin)
    assert [round(size.mm) for size in sizes] == [210, 297, 37, 28]  # type: ignore[union-attr]
    assert section.page_width - section.left_margin - section.right_margin == pytest.approx(Mm(156), abs=700)  # type: ignore[operator]
    assert section.bottom_margin == pytest.approx(Mm(35), abs=700)
    assert document.settings.odd_and_even_pages_header_footer
    for footer, side in ((section.footer, "right"), (section.even_page_footer, "left")):
        paragraph = footer.paragraphs[0]._p
        assert paragraph.find(f"{qn('w:pPr')}/{qn('w:jc')}").get(qn("w:val")) == side
        assert "".join(t.text for t in paragraph.iter(qn("w:t"))) == "— 1 —"
        assert {size.get(qn("w:val")) for size in paragraph.iter(qn("w:sz"))} == {"28"}
        assert {font.get(qn("w:eastAsia")) for font in paragraph.iter(qn("w:rFonts"))} == {"宋体"}
    grid = section._sectPr.find(qn("w:docGrid"))
    assert grid.get(qn("w:linePitch")) == "580"


def test_the_docx_sets_each_part_in_its_font_and_size() -> None:
    document = Document(io.BytesIO(docx.render(whole())))

    def look(beginning: str) -> tuple[str, float]:
        run = next(p for p in document.paragraphs if p.text.startswith(beginning)).runs[0]._r
        return run.find(f".//{qn('w:rFonts')}").get(qn("w:eastAsia")), int(
            run.find(f".//{qn('w:sz')}").get(qn("w:val"))
        ) / 2

    assert look("关于2013年6月") == ("方正小标宋简体", 22)
    assert look("一、事故情况") == ("黑体", 16)
    assert look("（一）按等级") == ("楷体_GB2312", 16)
    assert look("1.较大") == ("仿宋_GB2312", 16)
    assert look("（1）煤矿") == ("仿宋_GB2312", 16)
    assert look("全市发生") == ("仿宋_GB2312", 16)
    assert look("特急") == ("黑体", 16)
    mark = next(p for p in document.paragraphs if p.text.endswith("文件"))
    assert str(mark.runs[0].font.color.rgb) == docx.RED == "FF3333"
    assert mark.paragraph_format.space_before.mm + 3 * LINE * 25.4 / 72 == pytest.approx(
        STANDARD["mark_below_top"], abs=0.1
    )  # type: ignore[union-attr]
    body = next(p for p in document.paragraphs if p.text.startswith("全市发生"))
    assert body.paragraph_format.line_spacing.pt == pytest.approx(LINE, abs=0.06)  # type: ignore[union-attr]


def test_the_docx_repeats_the_head_of_a_table_and_says_what_may_stand_in_for_fonts() -> None:
    data = docx.render(whole())
    table = Document(io.BytesIO(data)).tables[0]
    assert table.rows[0]._tr.find(f"{qn('w:trPr')}/{qn('w:tblHeader')}") is not None
    assert [cell.text for cell in table.rows[2].cells] == ["第1区", "1", "0"]
    fonts_xml = zipfile.ZipFile(io.BytesIO(data)).read("word/fontTable.xml").decode()
    assert 'w:name="仿宋_GB2312"' in fonts_xml
    assert "Noto Serif SC" in fonts_xml


def test_charts_in_the_docx_are_native_and_carry_their_figures() -> None:
    from openpyxl import load_workbook

    packed = zipfile.ZipFile(io.BytesIO(docx.render(whole())))
    names = packed.namelist()
    assert [name for name in names if name.startswith("word/charts/chart")] == [
        f"word/charts/chart{n}.xml" for n in (1, 2, 3)
    ]
    chart = packed.read("word/charts/chart1.xml").decode()
    assert chart.count("<c:ser>") == 2
    # Six months of the second series have no figure: no point, and no zero.
    assert chart.count("<c:v>2.0</c:v>") == 6
    assert chart.count("<c:v>0.0</c:v>") == 0
    # Word's own scale would cut the axis of six figures of 92.6.
    assert '<c:min val="0"' in packed.read("word/charts/chart2.xml").decode()
    sheet = load_workbook(io.BytesIO(packed.read("word/embeddings/chart1.xlsx"))).active
    assert [cell.value for cell in sheet[1]] == [None, "2012年", "2013年"]
    assert [cell.value for cell in sheet[8]] == ["7月", 3, charts.NONE]
