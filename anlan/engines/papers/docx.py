"""A paper as DOCX, for Word and WPS: what officials edit. Charts are native, with the sheet they are drawn from."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time
from io import BytesIO
from typing import Any

from docx import Document
from docx.document import Document as Made
from docx.opc.constants import RELATIONSHIP_TYPE as REL
from docx.opc.oxml import serialize_part_xml
from docx.opc.packuri import PackURI
from docx.opc.part import Part
from docx.oxml import OxmlElement, parse_xml
from docx.oxml.ns import qn
from docx.shared import Emu, Mm, Pt

from .layout import CHARACTER, LINE, OURS, ROLES, SANS, STANDARD, SUBSTITUTES, TITLE_WIDTH, number, points
from .paper import Annex, Block, Chart, Heading, Imprint, Note, Paper, Paragraph, Table, closes, day, numbered
from .pdf import TIME
from .shapes import CHART_TYPE, DRAWING, SHEET_TYPE, chart_xml, sheet
from .texts import clean, title_lines

FONTS = {role: names[0] for role, names in ROLES.items()}
RED = "{:02X}{:02X}{:02X}".format(
    255,
    round(255 * (1 - STANDARD["red_magenta_percent"] / 100)),
    round(255 * (1 - STANDARD["red_yellow_percent"] / 100)),
)
ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_JC = {"l": "left", "c": "center", "r": "right"}


def render(paper: Paper) -> bytes:
    """The paper as DOCX. Raises `BadPaper`."""
    paper.check()
    document = Document()
    _page(document)
    _styles(document)
    _properties(document, paper)
    body = _Body(document)
    _head(body, paper)
    _title(body, paper.title)
    if paper.addressee:
        body.lines(STANDARD["addressee_below_title_lines"])
        body.add(f"{paper.addressee}：")
    else:
        body.lines(1)
    body.blocks(paper.blocks)
    _end(body, paper)
    for n, annex in enumerate(paper.annexes, 1):
        _annex(body, annex, str(n) if len(paper.annexes) > 1 else "")
    if paper.imprint:
        _imprint(body, paper.imprint)
    return _packed(document)


def _twips(pt: float) -> str:
    return str(round(pt * 20))


def _element(tag: str, *children: Any, **attributes: str) -> Any:
    made = OxmlElement(tag)
    for name, value in attributes.items():
        made.set(qn(f"w:{name}"), value)
    made.extend(child for child in children if child is not None)
    return made


# --- Page, styles, packing -------------------------------------------------------------------------


def _page(document: Made) -> None:
    section = document.sections[0]
    s = STANDARD
    section.page_width, section.page_height = Mm(s["page_width"]), Mm(s["page_height"])
    section.top_margin, section.left_margin = Mm(s["top"]), Mm(s["left"])
    section.bottom_margin = Mm(s["page_height"] - s["top"] - s["text_height"])
    section.right_margin = Mm(s["page_width"] - s["left"] - s["text_width"])
    # Measured from the edge of the paper to the foot of the number.
    below = s["page_height"] - s["top"] - s["text_height"] - s["page_number_below_text"]
    section.footer_distance = Emu(Mm(below) - Pt(s["small_size"]))
    section.header_distance = Mm(15)
    properties = section._sectPr
    for old in properties.findall(qn("w:docGrid")):
        properties.remove(old)
    # 22 lines; the 28 characters come of the spacing of body text (`_look`): a grid of characters is read differently
    # by each program.
    properties.append(_element("w:docGrid", type="lines", linePitch=_twips(LINE)))
    document.settings.odd_and_even_pages_header_footer = True
    for footer, side in ((section.footer, "right"), (section.even_page_footer, "left")):
        footer.is_linked_to_previous = False
        paragraph = footer.paragraphs[0]._p
        paragraph.clear_content()
        away = _twips(s["page_number_indent_characters"] * s["small_size"])
        paragraph.append(
            _element("w:pPr", _element("w:ind", firstLine="0", **{side: away}), _element("w:jc", val=side))
        )
        field = (
            _element("w:fldChar", fldCharType="begin"), _text("w:instrText", " PAGE "),
            _element("w:fldChar", fldCharType="separate"), _text("w:t", "1"), _element("w:fldChar", fldCharType="end"),
        )  # fmt: skip
        for content in (_text("w:t", "— "), *field, _text("w:t", " —")):
            paragraph.append(_element("w:r", _look("page_number", s["small_size"]), content))


def _text(tag: str, words: str) -> Any:
    made = OxmlElement(tag)
    made.text = words
    made.set("{http://www.w3.org/XML/1998/namespace}space", "preserve")
    return made


def _look(role: str, size: float, color: str = "") -> Any:
    """The font of a run, in its full name for every script."""
    font = FONTS[role]
    return _element(
        "w:rPr",
        _element("w:rFonts", ascii=font, hAnsi=font, eastAsia=font, cs=font),
        _element("w:b", val="0"),
        _element("w:color", val=color) if color else None,
        _element("w:spacing", val=_twips(CHARACTER - size)) if size == STANDARD["body_size"] else None,
        _element("w:sz", val=str(round(size * 2))),
        _element("w:szCs", val=str(round(size * 2))),
    )


def _styles(document: Made) -> None:
    styles = document.styles
    normal = styles["Normal"].element
    for old in [*normal.findall(qn("w:rPr")), *normal.findall(qn("w:pPr"))]:
        normal.remove(old)
    flags = (_element(f"w:{name}", val="0") for name in ("widowControl", "autoSpaceDE", "autoSpaceDN"))
    normal.append(_element("w:pPr", *flags, *_pitch(), _element("w:jc", val="both")))
    look = _look("body", STANDARD["body_size"])
    look.append(_element("w:lang", val="en-US", eastAsia="zh-CN"))
    normal.append(look)
    for level in range(1, 5):
        style = styles[f"Heading {level}"].element
        for old in [*style.findall(qn("w:rPr")), *style.findall(qn("w:pPr"))]:
            style.remove(old)
        outline = _element("w:outlineLvl", val=str(level - 1))
        style.append(_element("w:pPr", _element("w:keepNext"), *_pitch(), _indent(), outline))
        style.append(_look(_role(level), STANDARD["body_size"], "000000"))
    defaults = styles.element.find(qn("w:docDefaults"))
    styles.element.remove(defaults)  # Normal says it all
    _font_table(document)


def _role(level: int) -> str:
    return {1: "heading1", 2: "heading2"}.get(level, "body")


def _pitch() -> tuple[Any, ...]:
    return (_element("w:spacing", before="0", after="0", line=_twips(LINE), lineRule="exact"),)


def _indent() -> Any:
    characters = STANDARD["indent_characters"]
    return _element("w:ind", firstLineChars=str(round(characters * 100)), firstLine=_twips(characters * CHARACTER))


def _font_table(document: Made) -> None:
    """Says for each font which may stand in for it where it is not installed."""
    table = _element("w:fonts")
    for role, (name, *others) in ROLES.items():
        free = SUBSTITUTES[role][0]
        alternatives = ",".join([*others, *free])
        table.append(_element(
            "w:font", _element("w:altName", val=alternatives), _element("w:charset", val="86"),
            _element("w:family", val="swiss" if free[0] in SANS else "roman"), _element("w:pitch", val="auto"),
            name=name,
        ))  # fmt: skip
    for relation in document.part.rels.values():
        if relation.reltype == REL.FONT_TABLE:
            relation.target_part._blob = serialize_part_xml(table)


def _properties(document: Made, paper: Paper) -> None:
    core = document.core_properties
    core.title, core.author, core.language = clean(paper.title)[:255], clean(paper.issuer)[:255], "zh-CN"
    core.comments, core.keywords, core.revision = "", "", 1
    made = datetime.fromtimestamp(TIME, UTC) if paper.signed_on is None else datetime.combine(paper.signed_on, time())
    core.created = core.modified = made.replace(tzinfo=None)
    core.last_modified_by = ""


def _packed(document: Made) -> bytes:
    """The file with one time in all its entries, so that the same paper gives the same bytes."""
    first, last = BytesIO(), BytesIO()
    document.save(first)
    with zipfile.ZipFile(first) as source, zipfile.ZipFile(last, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name, ZIP_TIME), source.read(name), zipfile.ZIP_DEFLATED)
    return last.getvalue()


# --- Parts of the paper ----------------------------------------------------------------------------


class _Body:
    """Adds paragraphs, tables and charts at the end of the document."""

    def __init__(self, document: Made) -> None:
        self.document = document
        self.body = document.element.body
        self.charts = 0

    def put(self, element: Any) -> Any:
        self.body.insert(len(self.body) - 1, element)  # before the section's properties
        return element

    def lines(self, count: float, keep: bool = False) -> None:
        """Empty lines."""
        for _ in range(round(count)):
            self.add("", keep=keep)

    def add(
        self, text: str, role: str = "body", size: float = STANDARD["body_size"], *, jc: str = "", indent: bool = False,
        before: float = 0, after: float = 0, exact: float | None = LINE, color: str = "", style: str = "",
        left: float = 0, right: float = 0, hanging: float = 0, keep: bool = False, new_page: bool = False,
        runs: Sequence[tuple[str, str]] = (), tab: float | None = None,
    ) -> Any:  # fmt: skip
        """A paragraph; lengths in pt. `runs` are texts with their roles, in place of one text."""
        spacing = {"before": _twips(before), "after": _twips(after)}
        if exact is not None:
            spacing |= {"line": _twips(exact), "lineRule": "exact"}
        else:
            spacing |= {"line": "240", "lineRule": "auto"}
        sides = {"left": _twips(left)} if left else {}
        sides |= {"right": _twips(right)} if right else {}
        sides |= {"hanging": _twips(hanging)} if hanging else {}
        ind = _indent() if indent else _element("w:ind", **({"firstLine": "0"} if not hanging else {}), **sides)
        properties = _element(
            "w:pPr",
            _element("w:pStyle", val=style) if style else None,
            _element("w:keepNext") if keep else None,
            _element("w:pageBreakBefore") if new_page else None,
            _element("w:tabs", _element("w:tab", val="right", pos=_twips(tab))) if tab is not None else None,
            _element("w:snapToGrid", val="0") if size != STANDARD["body_size"] else None,
            _element("w:spacing", **spacing), ind, _element("w:jc", val=jc) if jc else None,
        )  # fmt: skip
        made = _element("w:p", properties)
        for words, of in runs or ((text, role),):
            made.extend(_runs(words, of, size, color))
        return self.put(made)

    def blocks(self, blocks: Iterable[Block]) -> None:
        given = tuple(blocks)
        for n, (block, mark) in enumerate(numbered(given), 1):
            if isinstance(block, Heading):
                text = mark + block.text
                self.add(text, _role(block.level), style=f"Heading{block.level}", indent=True, keep=True)
            elif isinstance(block, Paragraph):
                self.add(block.text, indent=True, jc="both", keep=n == len(given) and closes(block))
            elif isinstance(block, Note):
                size = OURS["note_size"]
                self.add(block.text, size=size, exact=size * 1.5, after=LINE / 3, jc="left")
            elif isinstance(block, Table):
                self._caption(f"{mark}　{block.caption}", keep=True)
                self.put(_table(block))
                self.add("", exact=LINE / 2)
            else:
                self._chart(block)
                self._caption(f"{mark}　{block.caption}")

    def _caption(self, text: str, keep: bool = False) -> None:
        self.add(text, "heading1", STANDARD["small_size"], jc="center", keep=keep)

    def _chart(self, chart: Chart) -> None:
        self.charts += 1
        package = self.document.part.package
        data = Part(PackURI(f"/word/embeddings/chart{self.charts}.xlsx"), SHEET_TYPE, sheet(chart), package)
        part = Part(PackURI(f"/word/charts/chart{self.charts}.xml"), CHART_TYPE, b"", package)
        part._blob = chart_xml(chart, part.relate_to(data, REL.PACKAGE), FONTS["heading1"])
        wide = points(STANDARD["text_width"])
        most = points(STANDARD["text_height"] - 25)
        row = 9 + 9 * len(chart.series)
        high = min(most, 70 + row * len(chart.names)) if chart.kind == "bar" else points(60)
        drawing = DRAWING.format(
            id=self.charts, wide=Pt(wide), high=Pt(high), rel=self.document.part.relate_to(part, REL.CHART)
        )
        made = self.add("", jc="center", exact=None, before=LINE / 2, keep=True)
        run = _element("w:r")
        run.append(parse_xml(drawing))
        # The name that screen readers speak is set as an attribute: no text is ever read as markup.
        described = next(run.iter("{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}docPr"))
        described.set("name", f"图{self.charts}")
        described.set("descr", clean(chart.caption).replace("\n", " "))
        made.append(run)


def _runs(text: str, role: str, size: float, color: str = "") -> Iterable[Any]:
    """A text as runs: a line break for each of its own, a tab for \\t (which only this module writes)."""
    for n, line in enumerate(text.split("\t")):
        if n:
            yield _element("w:r", _look(role, size, color), OxmlElement("w:tab"))
        for m, part in enumerate(clean(line).split("\n")):
            if m:
                yield _element("w:r", OxmlElement("w:br"))
            if part:
                yield _element("w:r", _look(role, size, color), _text("w:t", part))


def _head(body: _Body, paper: Paper) -> None:
    above = [
        (f"{paper.copy_number:06d}" if paper.copy_number is not None else "", "body"),
        (paper.secrecy, "heading1"), (paper.urgency, "heading1"),
    ]  # fmt: skip
    lines = [(text, role) for text, role in above if text]
    for text, role in lines:
        body.add(text, role)
    if not paper.mark:
        return
    mark = paper.mark + ("文件" if paper.document else "")
    size = min(OURS["mark_largest_size"], points(STANDARD["text_width"]) / max(1, len(clean(mark))))
    before = points(STANDARD["mark_below_top"]) - len(lines) * LINE
    body.add(mark, "title", int(size), jc="center", color=RED, before=before, exact=size * 1.1)
    if paper.number or paper.signer:
        body.lines(STANDARD["number_below_mark_lines"])
        number_ = str(paper.number or "")
        if paper.signer:
            away = STANDARD["signer_indent_characters"] * CHARACTER
            wide = points(STANDARD["text_width"]) - away
            runs = ((f"{number_}\t签发人：", "body"), (paper.signer, "heading2"))
            body.add("", left=away, right=away, tab=wide, runs=runs)
        else:
            body.add(number_, jc="center")
    rule = body.add("", exact=points(STANDARD["line_below_number"]))
    border = _element("w:bottom", val="single", sz=str(round(OURS["red_line_width"] * 8)), space="0", color=RED)
    properties = rule.find(qn("w:pPr"))
    properties.insert(0, _element("w:pBdr", border))


def _title(body: _Body, title: str) -> None:
    body.lines(STANDARD["title_below_line_lines"])
    for line in title_lines(title, TITLE_WIDTH):
        body.add(line, "title", STANDARD["title_size"], jc="center")


def _end(body: _Body, paper: Paper) -> None:
    """The note of the annexes, then the issuer, centred over the date."""
    if paper.annexes:
        body.lines(STANDARD["annex_below_body_lines"], keep=True)
        one = len(paper.annexes) == 1
        two = STANDARD["indent_characters"] * CHARACTER
        word = 3 * CHARACTER
        for n, annex in enumerate(paper.annexes, 1):
            text = ("附件：" if n == 1 else "") + ("" if one else f"{n}. ") + annex.title
            extra = (word, word) if n == 1 else (word, 0)
            body.add(text, left=two + extra[0], hanging=extra[1], jc="left", keep=True)
    s = STANDARD
    edge = (s["date_right_characters"] if paper.seal else number("date_right_unsealed_characters")) * CHARACTER
    body.lines(OURS["seal_lines"] if paper.seal else 1, keep=True)
    date = day(paper.signed_on) if paper.signed_on else ""
    # Arabic figures and letters are half as wide as a Chinese character.
    wide = (sum(1 if ord(sign) > 0x7F else 0.5 for sign in text) * CHARACTER for text in (date, clean(paper.issuer)))
    date_wide, issuer_wide = wide
    inward = max(0.0, edge + (date_wide - issuer_wide) / 2) if date else edge
    body.add(paper.issuer, jc="right", right=inward, keep=bool(date))
    if date:
        body.add(date, jc="right", right=edge)


def _annex(body: _Body, annex: Annex, mark: str) -> None:
    body.add(f"附件{mark}", "heading1", new_page=True)
    body.lines(1)
    for line in title_lines(annex.title, TITLE_WIDTH):
        body.add(line, "title", STANDARD["title_size"], jc="center")
    body.lines(1)
    body.blocks(annex.blocks)


def _table(table: Table) -> Any:
    wide = points(STANDARD["text_width"])
    shares = table.widths or (1.0,) * len(table.head)
    widths = [wide * share / sum(shares) for share in shares]
    line = {"val": "single", "sz": str(round(OURS["table_line_width"] * 8)), "space": "0", "color": "000000"}
    sides = ("top", "left", "bottom", "right", "insideH", "insideV")
    made = _element(
        "w:tbl",
        _element(
            "w:tblPr", _element("w:tblW", w=_twips(wide), type="dxa"), _element("w:jc", val="center"),
            _element("w:tblBorders", *(_element(f"w:{side}", **line) for side in sides)),
            _element("w:tblLayout", type="fixed"),
            _element("w:tblCellMar", _element("w:left", w="60", type="dxa"), _element("w:right", w="60", type="dxa")),
        ),
        _element("w:tblGrid", *(_element("w:gridCol", w=_twips(width)) for width in widths)),
    )  # fmt: skip
    align = table.align or "l" * len(table.head)
    head = _row(table.head, widths, "c" * len(table.head), "heading1")
    head.insert(0, _element("w:trPr", _element("w:tblHeader")))
    made.append(head)
    made.extend(_row(row, widths, align, "body") for row in table.rows)
    return made


def _row(texts: Sequence[str], widths: Sequence[float], align: str, role: str) -> Any:
    size = OURS["table_size"]
    return _element("w:tr", *(
        _element(
            "w:tc",
            _element("w:tcPr", _element("w:tcW", w=_twips(wide), type="dxa"), _element("w:vAlign", val="center")),
            _element(
                "w:p",
                _element(
                    "w:pPr", _element("w:snapToGrid", val="0"),
                    _element("w:spacing", before="60", after="60", line=_twips(size * 1.25), lineRule="exact"),
                    _element("w:ind", firstLine="0"), _element("w:jc", val=_JC[side]),
                ),
                *_runs(text.replace("\t", " "), role, size),
            ),
        )
        for text, wide, side in zip(texts, widths, align, strict=True)
    ))  # fmt: skip


def _imprint(body: _Body, imprint: Imprint) -> None:
    """A table that stands at the foot of the last page, wherever the text ends."""
    wide, size = points(STANDARD["text_width"]), STANDARD["small_size"]

    def rule(mm: float) -> dict[str, str]:
        return {"val": "single", "sz": str(round(points(mm) * 8)), "space": "0", "color": "000000"}

    outer, inner = rule(STANDARD["imprint_outer_mm"]), rule(STANDARD["imprint_inner_mm"])
    made = _element(
        "w:tbl",
        _element(
            "w:tblPr",
            _element("w:tblpPr", leftFromText="0", rightFromText="0", vertAnchor="margin", horzAnchor="margin",
                     tblpXSpec="left", tblpYSpec="bottom"),
            _element("w:tblOverlap", val="never"), _element("w:tblW", w=_twips(wide), type="dxa"),
            _element("w:tblBorders", _element("w:top", **outer), _element("w:bottom", **outer),
                     _element("w:insideH", **inner)),
            _element("w:tblLayout", type="fixed"),
            _element("w:tblCellMar", _element("w:left", w="0", type="dxa"), _element("w:right", w="0", type="dxa")),
        ),
        _element("w:tblGrid", _element("w:gridCol", w=_twips(wide))),
    )  # fmt: skip
    away = OURS["imprint_indent_characters"] * size
    copies = f"抄送：{'，'.join(clean(name) for name in imprint.copies)}。"
    date = f"{day(imprint.printed_on)}印发" if imprint.printed_on else ""
    rows = ([(copies, 3 * size)] if imprint.copies else []) + [(f"{clean(imprint.printer)}\t{date}", 0.0)]
    for text, hanging in rows:
        indent = {"left": _twips(away + hanging), "right": _twips(away)}
        indent |= {"hanging": _twips(hanging)} if hanging else {"firstLine": "0"}
        made.append(_element("w:tr", _element(
            "w:tc",
            _element("w:tcPr", _element("w:tcW", w=_twips(wide), type="dxa")),
            _element(
                "w:p",
                _element(
                    "w:pPr",
                    _element("w:tabs", _element("w:tab", val="right", pos=_twips(wide - away))),
                    _element("w:snapToGrid", val="0"),
                    _element("w:spacing", before="40", after="40", line=_twips(size * 1.4), lineRule="exact"),
                    _element("w:ind", **indent), _element("w:jc", val="left"),
                ),
                *_runs(text, "body", size),
            ),
        )))  # fmt: skip
    body.put(made)
    body.add("", exact=1)  # a table that floats needs a paragraph to hang on
