"""A notice's characters without its line breaks, each knowing where it stood in the source."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from pathlib import Path

LARGEST = 4 * 1024 * 1024
"""Bytes. A notice has some tens of thousands; more is not a notice."""


class Unreadable(Exception):
    """The input is no text of a notice; the message names the place."""


def decode(path: Path) -> str:
    """The file's text: UTF-8 (with or without mark), UTF-16 with mark, or GB 18030."""
    try:
        size = path.stat().st_size
        if size > LARGEST:
            raise Unreadable(f"{path}: {size} bytes; a notice has at most {LARGEST}")
        raw = path.read_bytes()
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    if not raw.strip():
        raise Unreadable(f"{path}: the file is empty")
    encodings = ["utf-16"] if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "gb18030"]
    first: UnicodeDecodeError | None = None
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError as error:
            first = first or error
            continue
        for place, character in enumerate(text):
            if unicodedata.category(character) in ("Cc", "Co", "Cn") and character not in "\n\r\t\f\v":
                line = text.count("\n", 0, place) + 1
                raise Unreadable(f"{path}: line {line}: character U+{ord(character):04X}; this is not text")
        return text
    assert first is not None
    line = raw.count(b"\n", 0, first.start) + 1
    raise Unreadable(f"{path}: line {line}, byte {first.start}: neither UTF-8 nor GB 18030")


@dataclass(frozen=True)
class Flat:
    """`text[i]` stood at `at[i]` in the source; `fresh[i]` says that a line began there."""

    text: str
    at: tuple[int, ...]
    fresh: tuple[bool, ...]

    @classmethod
    def of(cls, source: str) -> Flat:
        """Drops white space; makes full-width digits, letters, `％` and `．` plain."""
        text, at, fresh, new = [], [], [], True
        for place, character in enumerate(source):
            if character.isspace() or unicodedata.category(character) in ("Cf", "Cc"):
                new = new or character in "\n\r\f\v\u2028\u2029"
                continue
            plain = unicodedata.normalize("NFKC", character)
            keep = len(plain) == 1 and plain.isascii() and (plain.isalnum() or plain in ".%")
            text.append(plain if keep else {"(": "（", ")": "）"}.get(character, character))
            at.append(place)
            fresh.append(new)
            new = False
        return cls("".join(text), tuple(at), tuple(fresh))

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where in the source the flat characters start..end stand, as [from, to)."""
        if start >= end:
            here = self.at[start] if start < len(self.at) else (self.at[-1] + 1 if self.at else 0)
            return here, here
        return self.at[start], self.at[end - 1] + 1
