"""A chart in the words of Office (DrawingML), and the small workbook from which Word edits it."""

from __future__ import annotations

from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

from .charts import DASHES, NONE, TONES
from .layout import OURS
from .paper import Chart, Series
from .texts import clean

CHART_TYPE = "application/vnd.openxmlformats-officedocument.drawingml.chart+xml"
SHEET_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
C = "http://schemas.openxmlformats.org/drawingml/2006/chart"
A = "http://schemas.openxmlformats.org/drawingml/2006/main"
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
DRAWING = (
    '<w:drawing xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
    ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
    f' xmlns:a="{A}" xmlns:c="{C}" xmlns:r="{R}">'
    '<wp:inline distT="0" distB="0" distL="0" distR="0"><wp:extent cx="{wide}" cy="{high}"/>'
    '<wp:docPr id="{id}" name=""/><wp:cNvGraphicFramePr/>'
    f'<a:graphic><a:graphicData uri="{C}">'
    '<c:chart r:id="{rel}"/></a:graphicData></a:graphic></wp:inline></w:drawing>'
)
"""The place of a chart in the text; only numbers and the relation are put in."""
_DASHES = dict(zip(DASHES, ("solid", "dash", "sysDot", "dashDot"), strict=True))
_INK = "1A1A1A"


def _c(tag: str, *children: Any, **attributes: str) -> ET.Element:
    """An element of the chart's own names; `a_…` is one of DrawingML's."""
    space, name = (A, tag[2:]) if tag.startswith("a_") else (C, tag)
    made = ET.Element(f"{{{space}}}{name}", attributes)
    for child in children:
        if isinstance(child, str):
            made.text = child
        elif child is not None:
            made.append(child)
    return made


def _val(tag: str, value: object) -> ET.Element:
    return _c(tag, val=str(value))


def _fill(tone: str) -> ET.Element:
    return _c("a_solidFill", _c("a_srgbClr", val=tone.lstrip("#").upper()))


def _line(tone: str, wide: float, dash: str = "") -> ET.Element:
    return _c("a_ln", _fill(tone), _c("a_prstDash", val=dash) if dash else None, w=str(round(wide * 12700)))


def _words(font: str, size: float, rich: str | None = None) -> ET.Element:
    """How texts look, or with `rich` a text itself."""
    look = (_fill(_INK), _c("a_latin", typeface=font), _c("a_ea", typeface=font))
    points = str(round(size * 100))
    if rich is None:
        inside = _c("a_p", _c("a_pPr", _c("a_defRPr", *look, sz=points, b="0")), _c("a_endParaRPr", lang="zh-CN"))
        return _c("txPr", _c("a_bodyPr"), inside)
    run = _c("a_r", _c("a_rPr", *look, lang="zh-CN", sz=points, b="0"), _c("a_t", rich))
    return _c("tx", _c("rich", _c("a_bodyPr", rot="0", vert="horz"), _c("a_p", run)))


def chart_xml(chart: Chart, sheet_relation: str, font: str) -> bytes:
    """The chart's part. `sheet_relation` leads from it to its workbook."""
    ET.register_namespace("c", C)
    ET.register_namespace("a", A)
    ET.register_namespace("r", R)
    size, code = OURS["chart_size"], "0" + ("." + "0" * chart.places if chart.places else "")
    bars, many = chart.kind != "line", len(chart.series) > 1
    parts: list[ET.Element] = []
    if bars:
        parts += [_val("barDir", "bar" if chart.kind == "bar" else "col"), _val("grouping", "clustered")]
    else:
        parts.append(_val("grouping", "standard"))
    parts.append(_val("varyColors", 0))
    for n, one in enumerate(chart.series):
        parts.append(_series(chart, one, n, font, size, code))
    if bars:
        parts += [_val("gapWidth", 32 if chart.kind == "bar" else 40), _val("overlap", 0)]
    else:
        parts.append(_val("marker", 1))
    parts += [_val("axId", 111), _val("axId", 222)]
    turned = chart.kind == "bar"
    ink = _c("spPr", _line(_INK, 0.75))
    names = _c(
        "catAx", _val("axId", 111), _c("scaling", _val("orientation", "maxMin" if turned else "minMax")),
        _val("delete", 0), _val("axPos", "l" if turned else "b"), _val("majorTickMark", "none"),
        _val("minorTickMark", "none"), _val("tickLblPos", "low"), ink, _words(font, size), _val("crossAx", 222),
        _val("crosses", "autoZero"), _val("auto", 0), _val("lblAlgn", "ctr"), _val("lblOffset", 50),
        _val("tickLblSkip", 1) if turned else None, _val("noMultiLvlLbl", 1),
    )  # fmt: skip
    unit = clean(chart.unit).replace("\n", " ")
    title = _c("title", _words(font, size, f"单位：{unit}"), _val("overlay", 0)) if unit else None
    lowest = min((value for one in chart.series for value in one.values if value is not None), default=0.0)
    # Word would cut the axis of a line whose figures lie close together.
    foot = _val("min", 0) if lowest >= 0 else None
    values = _c(
        "valAx", _val("axId", 222), _c("scaling", _val("orientation", "minMax"), foot), _val("delete", 0),
        _val("axPos", "t" if turned else "l"), _c("majorGridlines", _c("spPr", _line("C8C8C8", 0.5))), title,
        _c("numFmt", formatCode=code, sourceLinked="0"), _val("majorTickMark", "none"), _val("minorTickMark", "none"),
        _val("tickLblPos", "nextTo"), _c("spPr", _c("a_ln", _c("a_noFill"))), _words(font, size),
        _val("crossAx", 111), _val("crosses", "autoZero"),
    )  # fmt: skip
    legend = _c("legend", _val("legendPos", "t"), _val("overlay", 0), _words(font, size)) if many else None
    made = _c(
        "chartSpace",
        _val("date1904", 0),
        _val("roundedCorners", 0),
        _c(
            "chart", _val("autoTitleDeleted", 1),
            _c("plotArea", _c("layout"), _c("barChart" if bars else "lineChart", *parts), names, values),
            legend, _val("plotVisOnly", 1), _val("dispBlanksAs", "gap"),
        ),
        _c("spPr", _c("a_noFill"), _c("a_ln", _c("a_noFill"))),
    )  # fmt: skip
    data = _c("externalData", _val("autoUpdate", 0))
    data.set(f"{{{R}}}id", sheet_relation)
    made.append(data)
    return ET.tostring(made, encoding="UTF-8", xml_declaration=True)


def _series(chart: Chart, one: Series, n: int, font: str, size: float, code: str) -> ET.Element:
    column, last = chr(ord("B") + n), len(chart.names) + 1
    name = clean(one.name).replace("\n", " ")
    if chart.kind == "line":
        look = _c("spPr", _line(_INK, 1.5, _DASHES[DASHES[n]]))
        mark = _c(
            "marker", _val("symbol", "square" if n % 2 else "circle"), _val("size", 6),
            _c("spPr", _fill(TONES[n]), _line(_INK, 0.75)),
        )  # fmt: skip
    else:
        look, mark = _c("spPr", _fill(TONES[n]), _line(_INK, 0.5)), None
    crowded = len(chart.names) * len(chart.series) > (60 if chart.kind == "bar" else 26)
    labels = _c(
        "dLbls", _c("numFmt", formatCode=code, sourceLinked="0"), _words(font, size * 0.85),
        _val("dLblPos", ("b" if n % 2 else "t") if chart.kind == "line" else "outEnd"), _val("showLegendKey", 0),
        _val("showVal", 1), _val("showCatName", 0), _val("showSerName", 0), _val("showPercent", 0),
        _val("showBubbleSize", 0),
    )  # fmt: skip
    categories = [_c("pt", _c("v", clean(text).replace("\n", " ")), idx=str(at)) for at, text in enumerate(chart.names)]
    values = [_c("pt", _c("v", repr(float(v))), idx=str(at)) for at, v in enumerate(one.values) if v is not None]
    count = _val("ptCount", len(chart.names))
    return _c(
        "ser", _val("idx", n), _val("order", n),
        _c("tx", _c("strRef", _c("f", f"Sheet1!${column}$1"),
                    _c("strCache", _val("ptCount", 1), _c("pt", _c("v", name), idx="0")))),
        look, _val("invertIfNegative", 0) if chart.kind != "line" else mark, None if crowded else labels,
        _c("cat", _c("strRef", _c("f", f"Sheet1!$A$2:$A${last}"), _c("strCache", count, *categories))),
        _c("val", _c("numRef", _c("f", f"Sheet1!${column}$2:${column}${last}"),
                     _c("numCache", _c("formatCode", code), _val("ptCount", len(chart.names)), *values))),
        _val("smooth", 0) if chart.kind == "line" else None,
    )  # fmt: skip


def sheet(chart: Chart) -> bytes:
    """The workbook: names in the first column, a column for each series; the same bytes for the same chart."""
    from datetime import datetime

    import xlsxwriter

    out = BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"created": datetime(2013, 1, 1)})
    page = book.add_worksheet("Sheet1")
    for row, name in enumerate(chart.names, 1):
        page.write_string(row, 0, clean(name))
    for column, one in enumerate(chart.series, 1):
        page.write_string(0, column, clean(one.name))
        for row, value in enumerate(one.values, 1):
            if value is None:
                page.write_string(row, column, NONE)
            else:
                page.write_number(row, column, value)
    book.close()
    return out.getvalue()
