"""GB/T 9704-2012 (layout of official documents) in numbers, once for both renderers.

`STANDARD` is what the standard fixes, as ../domain/facts.md section 11.1 has it; `OURS` is what it leaves open. Lengths
are in mm, sizes and the widths of rules in pt unless the name says otherwise; a line is 1/22 of the text's height, a
character 1/28 of its width.
"""

from __future__ import annotations

from typing import Final

STANDARD: Final[dict[str, float]] = {
    "page_width": 210,  # A4
    "page_height": 297,
    "top": 37,  # ±1
    "left": 28,  # ±1
    "text_width": 156,
    "text_height": 225,
    "lines": 22,
    "characters": 28,
    "body_size": 16,  # No. 3 (三号)
    "title_size": 22,  # No. 2 (二号)
    "small_size": 14,  # No. 4 (四号): imprint, page numbers
    "indent_characters": 2,
    "mark_below_top": 35,  # upper edge of the mark, from the upper edge of the text
    "number_below_mark_lines": 2,
    "line_below_number": 4,
    "title_below_line_lines": 2,
    "addressee_below_title_lines": 1,
    "annex_below_body_lines": 1,
    "signer_indent_characters": 1,
    "date_right_characters": 4,  # with a seal
    "page_number_below_text": 7,
    "page_number_indent_characters": 1,
    "imprint_outer_mm": 0.35,
    "imprint_inner_mm": 0.25,
    "red_magenta_percent": 80,
    "red_yellow_percent": 80,
    "copy_number_digits": 6,
}

OURS: Final[dict[str, float]] = {
    "mark_largest_size": 48,  # smaller where the name is long: it stands on one line
    "red_line_width": 1.5,
    "date_right_unsealed_characters": 2,
    "seal_lines": 3,  # kept free above the signature
    "imprint_indent_characters": 1,
    "table_size": 12,
    "table_line_width": 0.5,
    "note_size": 12,
    "chart_size": 10.5,
}

ROLES: Final[dict[str, tuple[str, ...]]] = {
    "title": ("方正小标宋简体", "FZXiaoBiaoSong-B05S", "方正小标宋_GBK", "FZXiaoBiaoSong-B05"),
    "body": ("仿宋_GB2312", "FangSong_GB2312", "仿宋", "FangSong", "FandolFang", "Zhuque Fangsong (technical preview)"),
    "heading1": ("黑体", "SimHei", "FandolHei"),
    "heading2": ("楷体_GB2312", "KaiTi_GB2312", "楷体", "KaiTi", "FandolKai", "LXGW WenKai"),
    "page_number": ("宋体", "SimSun", "FandolSong"),
}
"""What each part is set in: the first name is the standard's, as Word knows it; the others are the same style."""

SERIF: Final = ("Noto Serif SC", "Noto Serif CJK SC", "Source Han Serif SC", "Source Han Serif CN")
SANS: Final = ("Noto Sans S Chinese", "Noto Sans SC", "Noto Sans CJK SC", "Source Han Sans SC", "Source Han Sans CN")
SUBSTITUTES: Final[dict[str, tuple[tuple[str, ...], int]]] = {
    "title": (SERIF + SANS, 700),
    "body": (SERIF + SANS, 400),
    "heading1": (SANS + SERIF, 700),
    "heading2": (SERIF + SANS, 500),
    "page_number": (SERIF + SANS, 400),
}
"""What is free to everybody and stands in where none of these is installed, and its weight."""


def number(name: str) -> float:
    """A number of the standard, or of ours where it leaves it open."""
    return STANDARD[name] if name in STANDARD else OURS[name]


def points(mm: float) -> float:
    """Millimetres in points."""
    return mm * 72 / 25.4


LINE: Final = points(STANDARD["text_height"]) / STANDARD["lines"]
"""From one line to the next, in pt: 28.99."""
CHARACTER: Final = points(STANDARD["text_width"]) / STANDARD["characters"]
"""From one character to the next, in pt: 15.79."""
TITLE_WIDTH: Final = points(STANDARD["text_width"]) / STANDARD["title_size"] - 1
"""How many characters of a title stand on one line, with something free at both sides."""
