"""Official papers by GB/T 9704-2012, as DOCX to edit and as PDF to print, from one description.

Usable by itself: describe a `Paper`, then `pdf.render` and `docx.render` it.
"""

from .paper import (
    UNKNOWN,
    Annex,
    BadPaper,
    Block,
    Chart,
    Heading,
    Imprint,
    Note,
    Number,
    Paper,
    Paragraph,
    Series,
    Table,
    decode,
    digest,
    encode,
)

__all__ = [
    "UNKNOWN", "Annex", "BadPaper", "Block", "Chart", "Heading", "Imprint", "Note", "Number", "Paper", "Paragraph",
    "Series", "Table", "decode", "digest", "encode",
]  # fmt: skip
