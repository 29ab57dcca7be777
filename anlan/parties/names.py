"""Chinese names as people search for them."""

from __future__ import annotations

from typing import Any


def initials(name: str) -> str:
    """The pinyin initials of a Chinese name, lower case: 重庆市渝北区 → cqsybq; Latin and digits are kept.

    pypinyin reads phrases, so 重庆 is cq and not zq.
    """
    from pypinyin import Style, lazy_pinyin

    # Given a list, pypinyin takes its parts one by one; its annotations know of text only.
    keep: Any = lambda text: [c for c in text if c.isalnum()]  # noqa: E731
    parts = lazy_pinyin(name, style=Style.FIRST_LETTER, errors=keep)
    return "".join(part[:1].lower() for part in parts)
