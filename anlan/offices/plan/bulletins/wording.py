"""How official papers say figures and their changes: pure, and in Chinese, the only language of these papers."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from anlan.engines.measures.rounding import MOST_TOLD
from anlan.engines.papers import UNKNOWN

from .facts import Cell

STANDINGS = {
    "ahead": "好于进度", "on_line": "与进度持平", "over": "超过进度", "behind": "滞后于进度", "met": "已完成",
    "impossible": "已突破年度控制数", "unknown": UNKNOWN,
}  # fmt: skip
ZERO = "上年同期为零"
SMALL = "基数过小"
SAME = "与上年同期持平"
NOTHING_BEFORE = "上年同期暂无数据"


def plain(value: Decimal | None) -> str:
    """A number with the places that its measure gives it, or that there is none."""
    return UNKNOWN if value is None else f"{value:f}"


def compared(cell: Cell, unit: str) -> str:
    """同比减少10起、下降16.4%. Nothing is said of the change where there is nothing to compare with."""
    if cell.now is None:
        return ""
    if cell.before is None:
        return NOTHING_BEFORE
    more = cell.now - cell.before
    if not more:
        return SAME
    if unit == "%":
        return f"同比{'提高' if more > 0 else '下降'}{abs(more):f}个百分点"
    word, way = ("增加", "上升") if more > 0 else ("减少", "下降")
    amount = f"同比{word}{abs(more):f}{unit}"
    if cell.change is None:
        return f"{amount}（{ZERO}）"
    if cell.change > MOST_TOLD:
        return f"{amount}（上年同期为{plain(cell.before)}{unit}）"
    return f"{amount}、{way}{abs(cell.change):f}%"


def said(title: str, cell: Cell, unit: str) -> str:
    """A figure with its comparison: 发生事故51起，同比减少10起、下降16.4%."""
    if cell.now is None:
        return f"{title}{UNKNOWN}"
    beside = compared(cell, unit)
    return f"{title}{plain(cell.now)}{unit}" + (f"，{beside}" if beside else "")


def change(cell: Cell, rate: bool = False) -> str:
    """The change as a table shows it: +5.3, −16.4, 持平, 基数过小; for rates in percentage points."""
    if cell.now is None or cell.before is None:
        return UNKNOWN
    value = cell.now - cell.before if rate else cell.change
    if value is None:
        return "持平" if cell.now == cell.before else "上年为零"
    if not rate and value > MOST_TOLD:
        return SMALL
    return "持平" if not value else f"{'+' if value > 0 else '−'}{abs(value):f}"


def listed(names: Sequence[str]) -> str:
    """渝北区、万州区和涪陵区."""
    return names[0] if len(names) == 1 else f"{'、'.join(names[:-1])}和{names[-1]}"


def foremost(values: Sequence[tuple[Decimal, str]], count: int) -> list[tuple[Decimal, str]]:
    """The first `count` of what is in order, and all that equal the last of them: none is named for its place alone."""
    last = values[min(count, len(values)) - 1][0]
    taken = [pair for n, pair in enumerate(values) if n < count or pair[0] == last]
    return taken if len(taken) <= 2 * count else [pair for pair in taken if pair[0] != last]


def ranks(values: Sequence[Decimal | None]) -> list[int | None]:
    """The place of each, the highest first; the same value has the same place; None where there is no value."""
    order = sorted((value for value in values if value is not None), reverse=True)
    return [None if value is None else order.index(value) + 1 for value in values]
