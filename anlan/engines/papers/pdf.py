"""A paper as PDF, set by Typst from one template that reads everything, numbers and texts, as data."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from . import charts
from .fonts import Faces, faces
from .layout import OURS, STANDARD, TITLE_WIDTH
from .paper import BadPaper, Block, Chart, Heading, Note, Paper, Paragraph, Table, closes, day, numbered
from .texts import breakable, printable, title_lines

TEMPLATE = Path(__file__).with_name("paper.typ")
TIME = int(datetime(2013, 1, 1, tzinfo=UTC).timestamp())
"""When every file says that it was made, where the paper has no date: the same paper gives the same bytes."""


@dataclass(frozen=True)
class Printed:
    """The file; the characters that no font has, which stand as 〓; and the fonts that stand in for others."""

    data: bytes
    missing: tuple[str, ...]
    standing_in: dict[str, str]


def render(paper: Paper, fonts: Faces | None = None) -> Printed:
    """The paper as PDF. Raises `BadPaper`, and `NoFonts` where `fonts` is not given and none is found."""
    import typst

    paper.check()
    fonts = fonts or faces()
    missing: set[str] = set()
    data = _data(paper, fonts, missing)
    try:
        made = typst.compile(
            TEMPLATE, root=TEMPLATE.parent, font_paths=fonts.handle, ignore_system_fonts=True, format="pdf",
            sys_inputs={"paper": json.dumps(data, ensure_ascii=False)}, timestamp=_time(paper),
        )  # fmt: skip
    except typst.TypstError as error:
        raise BadPaper(f"it cannot be set: {error.message}") from error
    return Printed(bytes(made), tuple(sorted(missing)), fonts.standing_in)


def _time(paper: Paper) -> int:
    if paper.signed_on is None:
        return TIME
    return int(datetime(paper.signed_on.year, paper.signed_on.month, paper.signed_on.day, tzinfo=UTC).timestamp())


def _data(paper: Paper, fonts: Faces, missing: set[str]) -> dict[str, Any]:
    def of(role: str, text: str) -> str:
        return breakable(printable(text, fonts.of[role].known, missing))

    def block(one: Block, mark: str) -> dict[str, Any]:
        if isinstance(one, Heading):
            role = {1: "heading1", 2: "heading2"}.get(one.level, "body")
            return {"kind": "heading", "level": one.level, "role": role, "text": of(role, mark + one.text)}
        if isinstance(one, Paragraph):
            stays = one is paper.blocks[-1] and closes(one)
            return {"kind": "paragraph", "text": of("body", one.text), "stays": stays}
        if isinstance(one, Note):
            return {"kind": "note", "text": of("body", one.text)}
        caption = of("heading1", f"{mark}　{one.caption}")
        if isinstance(one, Table):
            return {
                "kind": "table", "caption": caption, "head": [of("heading1", text) for text in one.head],
                "rows": [[of("body", text) for text in row] for row in one.rows],
                "align": list(one.align or "l" * len(one.head)), "widths": list(one.widths or [1] * len(one.head)),
            }  # fmt: skip
        known = fonts.of["heading1"].known
        plain = Chart(
            one.kind, "", tuple(printable(name, known, missing) for name in one.names),
            tuple(type(s)(printable(s.name, known, missing), s.values) for s in one.series),
            printable(one.unit, known, missing), one.places,
        )  # fmt: skip
        return {"kind": "chart", "caption": caption, "svg": charts.svg(plain, fonts.of["heading1"].family)}

    imprint = paper.imprint
    return {
        "numbers": STANDARD | OURS,
        "fonts": {role: {"family": face.family, "weight": face.weight} for role, face in fonts.of.items()},
        "title": [of("title", line) for line in title_lines(paper.title, TITLE_WIDTH)],
        "plain_title": of("title", paper.title),
        "issuer": of("body", paper.issuer),
        "mark": of("title", paper.mark + ("文件" if paper.document else "")) if paper.mark else "",
        "number": of("body", str(paper.number)) if paper.number else "",
        "signer": of("heading2", paper.signer),
        "above": [
            {"role": role, "text": of(role, text)}
            for role, text in (
                ("body", f"{paper.copy_number:06d}" if paper.copy_number is not None else ""),
                ("heading1", paper.secrecy), ("heading1", paper.urgency),
            ) if text
        ],
        "addressee": of("body", f"{paper.addressee}：") if paper.addressee else "",
        "blocks": [block(*one) for one in numbered(paper.blocks)],
        "annexes": [
            {"title": of("title", annex.title), "blocks": [block(*one) for one in numbered(annex.blocks)]}
            for annex in paper.annexes
        ],
        "date": day(paper.signed_on) if paper.signed_on else "",
        "seal": paper.seal,
        "imprint": None if imprint is None else {
            "copies": of("body", f"抄送：{'，'.join(imprint.copies)}。") if imprint.copies else "",
            "printer": of("body", imprint.printer),
            "printed_on": f"{day(imprint.printed_on)}印发" if imprint.printed_on else "",
        },
    }  # fmt: skip
