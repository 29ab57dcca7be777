"""The text of a paper while people edit it: what was drafted, and what a person changed, told apart.

The draft of the machine is never touched: `Edits` stand beside it and say by the keys of its parts what a person wrote
instead, left out, moved or added. A part is a heading, a paragraph, a note, a table or a chart (`b3`, in an annex
`a1b0`); a section begins at a heading of the first level (`s2`), what stands before the first is `s0`. What a person
adds has keys of its own (`p1`). Pure.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property
from typing import Any, Literal

import msgspec

from anlan.engines.papers import Annex, Block, Heading, Imprint, Note, Paper, Paragraph, decode
from anlan.engines.papers.texts import clean

LONGEST = {"title": 200, "addressee": 300, "copies": 1000, "text": 5000}
"""Signs that each may have; as many as it was drafted with it always may (`longest`)."""
MOST_ADDED, MOST_SIGNS = 200, 200_000
"""So many parts may be added, and all that people wrote may have so many signs: some three hundred pages. To lay out
more takes so long that nobody else is given a number meanwhile."""
MOST_NUMBERS = 100
"""Of a paragraph with more it is not told which number stands in which one's place: to find out takes the cube of it.
"""


class BadText(ValueError):
    """What cannot stand in a paper: `part` is its key, the text says why."""

    def __init__(self, part: str, why: str) -> None:
        super().__init__(why)
        self.part = part


class Added(msgspec.Struct, frozen=True):
    """What a person wrote anew, to stand behind the part `after`."""

    after: str
    kind: Literal["heading", "paragraph"]
    text: str


class Edits(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a person changed; None and nothing where the machine's words stand."""

    title: str | None = None
    addressee: str | None = None
    copies: tuple[str, ...] | None = None
    order: tuple[str, ...] = ()
    out: tuple[str, ...] = ()
    texts: dict[str, str] = {}
    added: dict[str, Added] = {}

    def plain(self) -> dict[str, Any]:
        """As JSON keeps it."""
        made: dict[str, Any] = msgspec.to_builtins(self)
        return made


@dataclass(frozen=True, slots=True)
class Part:
    """A part as it stands: `was` is what the machine wrote, where a person wrote something else."""

    key: str
    block: Block
    was: str | None = None
    mine: bool = False
    """A person added it."""
    out: bool = False

    @property
    def text(self) -> str | None:
        """Its words; None for a table or a chart."""
        return self.block.text if isinstance(self.block, Heading | Paragraph | Note) else None

    @property
    def by(self) -> str:
        """Whose words they are: machine, changed or person."""
        return "person" if self.mine else "changed" if self.was is not None else "machine"


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of the first level with what belongs to it, or an annex."""

    key: str
    title: str
    parts: tuple[Part, ...]
    out: bool = False

    @property
    def shown(self) -> tuple[Block, ...]:
        """What stands in the paper: nothing that is left out, or that somebody began and did not write."""
        if self.out:
            return ()
        return tuple(part.block for part in self.parts if not part.out and (not part.mine or part.text))


@dataclass(frozen=True, slots=True)
class Odd:
    """A number that a person wrote and the facts do not have there: `was` is what the machine wrote in its place."""

    part: str
    number: str
    was: str


@dataclass(frozen=True)
class Text:
    """A draft and what became of it."""

    machine: Paper
    edits: Edits

    @classmethod
    def of(cls, machine: str, edits: Any) -> Text:
        """From what is kept."""
        return cls(decode(machine), msgspec.convert(edits, Edits))

    @property
    def title(self) -> str:
        return self.machine.title if self.edits.title is None else self.edits.title

    @property
    def addressee(self) -> str:
        return self.machine.addressee if self.edits.addressee is None else self.edits.addressee

    @property
    def copies(self) -> tuple[str, ...]:
        if self.edits.copies is not None:
            return self.edits.copies
        return self.machine.imprint.copies if self.machine.imprint else ()

    @cached_property
    def sections(self) -> tuple[Section, ...]:
        """The body's sections as they follow one another now."""
        runs: list[list[tuple[str, Block]]] = [[]]
        for n, block in enumerate(self.machine.blocks):
            if isinstance(block, Heading) and block.level == 1:
                runs.append([])
            runs[-1].append((f"b{n}", block))
        made = {f"s{n}": self._section(f"s{n}", run) for n, run in enumerate(runs)}
        order = [key for key in self.edits.order if key in made and key != "s0"]
        return tuple(made[key] for key in ["s0", *order, *(k for k in made if k not in order and k != "s0")])

    @cached_property
    def annexes(self) -> tuple[Section, ...]:
        return tuple(
            self._section(f"a{a}", [(f"a{a}b{n}", block) for n, block in enumerate(annex.blocks)], annex.title)
            for a, annex in enumerate(self.machine.annexes)
        )

    def _section(self, key: str, run: Sequence[tuple[str, Block]], title: str = "") -> Section:
        followers: dict[str, list[str]] = {}
        # The latest stands nearest to what it follows.
        for own, one in sorted(self.edits.added.items(), key=lambda pair: -int(pair[0][1:])):
            followers.setdefault(one.after, []).append(own)
        parts: list[Part] = []

        def follow(after: str) -> None:
            for own in followers.get(after, ()):
                one = self.edits.added[own]
                block = Heading(2, one.text) if one.kind == "heading" else Paragraph(one.text)
                parts.append(Part(own, block, mine=True, out=own in self.edits.out))
                follow(own)

        follow(key)
        for name, block in run:
            said = self.edits.texts.get(name)
            if said is not None and isinstance(block, Heading | Paragraph | Note):
                parts.append(Part(name, msgspec.structs.replace(block, text=said), block.text, out=self._out(name)))
            else:
                parts.append(Part(name, block, out=self._out(name)))
            follow(name)
        head = next((p.text for p in parts if isinstance(p.block, Heading)), "") or ""
        return Section(key, title or head, tuple(parts), self._out(key))

    def _out(self, key: str) -> bool:
        return key in self.edits.out

    @cached_property
    def paper(self) -> Paper:
        """The paper as it now reads. Raises `BadPaper`."""
        shown = [block for one in self.sections for block in one.shown]
        annexes = tuple(Annex(one.title, one.shown) for one in self.annexes if one.shown)
        imprint = self.machine.imprint or (Imprint() if self.copies else None)
        made = msgspec.structs.replace(
            self.machine, title=self.title, addressee=self.addressee, blocks=tuple(shown), annexes=annexes,
            imprint=imprint and msgspec.structs.replace(imprint, copies=self.copies),
        )  # fmt: skip
        made.check()
        return made

    def parts(self) -> Iterable[Part]:
        return (part for one in (*self.sections, *self.annexes) for part in one.parts)

    # --- Changes ---------------------------------------------------------------------------------------

    def edited(
        self, *, title: str | None = None, addressee: str | None = None, copies: Sequence[str] | None = None,
        texts: dict[str, str] | None = None, out: Iterable[str] | None = None,
    ) -> Text:  # fmt: skip
        """With other words; what reads as the machine wrote it is the machine's again. Raises `BadText`."""
        known, edits = {part.key: part for part in self.parts()}, self.edits
        changes: dict[str, Any] = {}
        if title is not None:
            said = _clean("title", title, was=self.machine.title)
            if not said:
                raise BadText("title", "empty")
            changes["title"] = None if said == self.machine.title else said
        if addressee is not None:
            said = _clean("addressee", addressee, was=self.machine.addressee)
            changes["addressee"] = None if said == self.machine.addressee else said
        if copies is not None:
            told = tuple(one for line in copies if (one := _clean("copies", line)))
            if sum(map(len, told)) > LONGEST["copies"]:
                raise BadText("copies", "long")
            changes["copies"] = None if told == Text(self.machine, Edits()).copies else told
        own, added, gone = dict(edits.texts), dict(edits.added), set()
        for key, text in (texts or {}).items():
            part = known.get(key)
            if part is None or part.text is None:
                raise BadText(key, "unknown")
            was = part.text if part.was is None else part.was
            said = _clean("text", text, key, was)
            if key in added:
                added[key] = msgspec.structs.replace(added[key], text=said)
                continue
            if not said:
                gone.add(key)  # what has no words is left out, and stands in the draft still
                own.pop(key, None)
                continue
            own.pop(key, None)
            if said != was:
                own[key] = said
        keys = {*known, *(one.key for one in (*self.sections, *self.annexes))}
        left = set(edits.out if out is None else out) | gone
        if left - keys:
            raise BadText(min(left - keys), "unknown")
        kept = added if texts is None else _standing(added)
        if sum(map(len, own.values())) + sum(len(one.text) for one in kept.values()) > MOST_SIGNS:
            raise BadText(next(iter(texts or ()), ""), "whole")
        return Text(self.machine, msgspec.structs.replace(
            edits, texts=own, added=kept, out=tuple(sorted(left - (set(added) - set(kept)))), **changes,
        ))  # fmt: skip

    def with_more(self, after: str, kind: Literal["heading", "paragraph"] = "paragraph") -> tuple[Text, str]:
        """With an empty part behind another; and its key. Raises `BadText`."""
        keys = {part.key for part in self.parts()} | {one.key for one in (*self.sections, *self.annexes)}
        if after not in keys:
            raise BadText(after, "unknown")
        if len(self.edits.added) >= MOST_ADDED:
            raise BadText(after, "many")
        key = f"p{1 + max((int(k[1:]) for k in self.edits.added), default=0)}"
        added = {**self.edits.added, key: Added(after, kind, "")}
        return Text(self.machine, msgspec.structs.replace(self.edits, added=added)), key

    def moved(self, key: str, up: bool) -> Text:
        """With a section one place further up or down. Raises `BadText`."""
        order = [one.key for one in self.sections if one.key != "s0"]
        if key not in order:
            raise BadText(key, "unknown")
        at = order.index(key)
        to = at - 1 if up else at + 1
        if 0 <= to < len(order):
            order[at], order[to] = order[to], order[at]
        drafted = sorted(order, key=lambda one: int(one[1:]))
        return Text(self.machine, msgspec.structs.replace(self.edits, order=() if order == drafted else tuple(order)))

    # --- What was changed --------------------------------------------------------------------------------

    def changed(self) -> list[str]:
        """The keys of all that a person changed."""
        edits = self.edits
        whole = [name for name in ("title", "addressee", "copies") if getattr(edits, name) is not None]
        return [*whole, *(["order"] if edits.order else []), *edits.texts, *edits.added, *edits.out]

    def odd(self, known: Iterable[str] = ()) -> list[Odd]:
        """The numbers that people wrote otherwise than the facts have them.

        In a paragraph of the machine's, and in the title: each that differs from what stood there. In one of a person's
        own: each that neither the draft nor `known`, the numbers of the facts, has anywhere.
        """
        everywhere = set(known) | set(_numbers(self.machine.title))
        for part in Text(self.machine, Edits()).parts():
            everywhere.update(_numbers(part.text or ""))
        found = []
        for part in self.parts():
            if part.out or part.text is None:
                continue
            if part.was is not None:
                found += [Odd(part.key, number, was) for number, was in _replaced(part.was, part.text)]
            elif part.mine:
                found += [Odd(part.key, n, "") for n in _numbers(part.text) if n not in everywhere]
        if self.edits.title is not None:
            found += [Odd("title", number, was) for number, was in _replaced(self.machine.title, self.edits.title)]
        return found


def _standing(added: dict[str, Added]) -> dict[str, Added]:
    """Without the empty ones, but those behind which something stands: it keeps its place."""
    while gone := {k for k, one in added.items() if not one.text} - {one.after for one in added.values()}:
        added = {key: one for key, one in added.items() if key not in gone}
    return added


def longest(name: str, was: str) -> int:
    """How many signs it may have that was drafted as `was`: a letter to many names them all."""
    return max(LONGEST[name], len(was))


def _clean(name: str, text: str, part: str = "", was: str = "") -> str:
    """On one line, without signs that nobody sees; raises `BadText` where it is too long."""
    said = clean(" ".join(text.splitlines())).strip()
    if len(said) > longest(name, was):
        raise BadText(part or name, "long")
    return said


_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")


def _numbers(text: str) -> list[str]:
    """The numbers of a text in figures of any width, without marks between thousands and noughts behind the point's
    last figure: 3.50 and 3.5 are one number."""
    found = (one.replace(",", "") for one in _NUMBER.findall(unicodedata.normalize("NFKC", text)))
    return [one.rstrip("0").rstrip(".") if "." in one else one for one in found]


def numbers_of(facts: Any) -> set[str]:
    """Every number that stands anywhere in facts of JSON, as `_numbers` has them."""
    found: set[str] = set()
    if isinstance(facts, dict):
        for value in facts.values():
            found |= numbers_of(value)
    elif isinstance(facts, list):
        for value in facts:
            found |= numbers_of(value)
    elif isinstance(facts, str):
        found.update(_numbers(facts))
    elif isinstance(facts, int | float) and not isinstance(facts, bool):
        found.update(_numbers(str(facts)))
    return found


def _replaced(was: str, now: str) -> list[tuple[str, str]]:
    """The numbers of `now` that do not stand in `was`, each with the one in whose place it stands."""
    before, after = _numbers(was), _numbers(now)
    if max(len(before), len(after)) > MOST_NUMBERS:
        known = set(before)
        return [(number, "") for number in after if number not in known]
    found = []
    for what, a, b, c, d in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if what in ("replace", "insert"):
            gone = before[a:b]
            found += [(number, gone[n] if n < len(gone) else "") for n, number in enumerate(after[c:d])]
    return found
