"""The draft beside its source: the text cut where clauses, targets and places not read begin and end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise

from .models import Clause, Gap, Target, parent_code


@dataclass(slots=True)
class Piece:
    """A stretch of the source. `clause` is the innermost one read from it; `starts` what begins here."""

    at: int
    text: str
    clause: int | None = None
    target: int | None = None
    gap: int | None = None
    starts: list[dict[str, str]] = field(default_factory=list)


def pieces(text: str, clauses: Iterable[Clause], targets: Iterable[Target], gaps: Iterable[Gap]) -> list[Piece]:
    """The whole text in order; nothing is left out."""
    size = len(text)

    def spans(rows: Iterable[Clause | Target | Gap]) -> list[tuple[int, int, int]]:
        return [
            (r.start, min(r.end, size), r.pk) for r in rows
            if r.start is not None and r.end is not None and r.start < min(r.end, size)
        ]  # fmt: skip

    placed = {"clause": spans(clauses), "target": spans(targets), "gap": spans(g for g in gaps if not g.settled)}
    labels = {("clause", c.pk): c.code for c in clauses} | {("target", t.pk): t.code for t in targets}
    cuts = sorted({0, size, *(p for found in placed.values() for a, b, _k in found for p in (a, b))})
    made = [Piece(a, text[a:b]) for a, b in pairwise(cuts) if a < b]
    by_start = {p.at: i for i, p in enumerate(made)}
    for kind, found in placed.items():
        # Wider spans first: what lies inside of them is written over them.
        for a, b, key in sorted(found, key=lambda s: s[0] - s[1]):
            i = by_start[a]
            made[i].starts.append({"kind": kind[0], "key": str(key), "label": labels.get((kind, key), "?")})
            while i < len(made) and made[i].at < b:
                setattr(made[i], kind, key)
                i += 1
    return made


@dataclass(slots=True)
class Row:
    """One clause on the page, at its depth in the tree, with its targets."""

    clause: Clause
    depth: int
    targets: list[Target]


def rows(clauses: list[Clause], targets: Iterable[Target]) -> list[Row]:
    """The tree in order."""
    known = [c.code for c in clauses]
    depth: dict[str, int] = {"": -1}
    below: dict[int, list[Target]] = {}
    for target in targets:
        below.setdefault(target.clause_id, []).append(target)
    made = []
    for clause in clauses:
        above = parent_code(clause.code, known)
        depth[clause.code] = depth.get(above, 0) + 1
        made.append(Row(clause, depth[clause.code], below.get(clause.pk, [])))
    return made


def clause_at(clauses: Iterable[Clause], place: int) -> Clause | None:
    """The innermost clause whose words hold this place of the source."""
    inside = [c for c in clauses if c.start is not None and c.end is not None and c.start <= place < c.end]
    return min(inside, key=lambda c: (c.end or 0) - (c.start or 0), default=None)
