"""A notice's characters without its line breaks, each knowing where it stood in the source."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from django.utils.translation import gettext as _

LARGEST = 1024 * 1024
"""Bytes. A notice has some tens of thousands; more is not a notice."""


class Unreadable(Exception):
    """The input is no text of a notice; the message names the place."""


def decode(path: Path) -> str:
    """The file's text: UTF-8 (with or without mark), UTF-16 with mark, or GB 18030."""
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise Unreadable(f"{path}: {size} bytes; a notice has at most {LARGEST}")
        return decode_bytes(path.read_bytes(), str(path))
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error


def decode_bytes(raw: bytes, name: str) -> str:
    """The text in the bytes of the file called `name`; raises `Unreadable` with the place."""
    if not raw.strip():
        raise Unreadable(_("%(name)s: the file is empty") % {"name": name})
    encodings = ["utf-16"] if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    first: UnicodeDecodeError | None = None
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            first = first or error
            continue
        for place, character in enumerate(text):
            if unicodedata.category(character) in ("Cc", "Co", "Cn", "Cs") and character not in "\n\r\t\f\v":
                line = text.count("\n", 0, place) + 1
                words = _("%(name)s: line %(line)s: character U+%(code)s; this is not text")
                raise Unreadable(words % {"name": name, "line": line, "code": f"{ord(character):04X}"})
        return text
    assert first is not None
    line = raw.count(b"\n", 0, first.start) + 1
    words = _("%(name)s: line %(line)s, byte %(byte)s: neither UTF-8 nor GB 18030")
    raise Unreadable(words % {"name": name, "line": line, "byte": first.start})


_MARKED_PAGE = re.compile(
    r"(?m)^[^\S\n]*(?:[-—–－―·]{1,2}[^\S\n]*\d{1,3}[^\S\n]*[-—–－―·]{1,2}"
    r"|第[^\S\n]*\d{1,3}[^\S\n]*页(?:[^\n]{0,3}共[^\S\n]*\d{1,3}[^\S\n]*页)?)[^\S\n]*$"
)
_BARE_PAGE = re.compile(r"(?m)^[^\S\n]*(\d{1,3})[^\S\n]*$")


def page_numbers(source: str) -> list[tuple[int, int]]:
    """Where lines are nothing but a page number.

    Dashes or 第…页 around it say so. A bare number is one only if the bare numbers at the page
    breaks count on by one, for a line may also break inside of an amount.
    """
    plain = source.translate(_PLAIN_DIGITS)
    found = [m.span() for m in _MARKED_PAGE.finditer(plain)]
    bare = [m for m in _BARE_PAGE.finditer(plain) if _at_page_break(plain, *m.span())]
    numbers = [int(m[1]) for m in bare]
    if len(numbers) > 1 and all(b == a + 1 for a, b in pairwise(numbers)):
        found += [m.span() for m in bare]
    return sorted(found)


def _at_page_break(text: str, start: int, end: int) -> bool:
    before = text.rfind("\n", 0, max(start - 1, 0)) + 1
    return (
        "\f" in text[end : end + 4]
        or "\f" in text[max(0, start - 4) : start]
        or (text[end : end + 2] == "\n\n" and not text[before:start].strip())
    )


_PLAIN_DIGITS = str.maketrans("０１２３４５６７８９", "0123456789")


@dataclass(frozen=True)
class Flat:
    """`text[i]` stood at `at[i]` in the source; `fresh[i]` says that a line began there."""

    text: str
    at: tuple[int, ...]
    fresh: tuple[bool, ...]
    left_out: tuple[tuple[int, int], ...] = ()
    """Stretches of the source that are page numbers, and no part of the text."""

    @classmethod
    def of(cls, source: str) -> Flat:
        """Drops white space; makes full-width digits, letters, `％` and `．` plain."""
        text, at, fresh, new = [], [], [], True
        left_out = page_numbers(source)
        skipped = {place for start, end in left_out for place in range(start, end)}
        for place, character in enumerate(source):
            if place in skipped:
                continue
            if character.isspace() or unicodedata.category(character) in ("Cf", "Cc"):
                new = new or character in "\n\r\f\v\u2028\u2029"
                continue
            plain = unicodedata.normalize("NFKC", character)
            keep = len(plain) == 1 and plain.isascii() and (plain.isalnum() or plain in ".%")
            text.append(plain if keep else {"(": "（", ")": "）"}.get(character, character))
            at.append(place)
            fresh.append(new)
            new = False
        return cls("".join(text), tuple(at), tuple(fresh), tuple(left_out))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where in the source the flat characters start..end stand, as [from, to)."""
        if start >= end:
            here = self.at[start] if start < len(self.at) else (self.at[-1] + 1 if self.at else 0)
            return here, here
        return self.at[start], self.at[end - 1] + 1
