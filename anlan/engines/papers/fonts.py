"""The fonts that papers are set in on this machine: the standard's where installed, else free ones of like style."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from .layout import ROLES, SUBSTITUTES


class NoFonts(Exception):
    """This machine has no font with Chinese characters; the text says which would do and where they belong."""


@dataclass(frozen=True)
class Face:
    """The font of one part: its family, its weight, whether it only stands in, and the characters it has."""

    family: str
    weight: int
    stands_in: bool
    known: frozenset[int] = field(repr=False)


@dataclass(frozen=True)
class Faces:
    """The fonts of all parts, and the handle by which the typesetter reads them."""

    of: dict[str, Face]
    handle: Any = field(repr=False)

    @property
    def standing_in(self) -> dict[str, str]:
        """The standard's name → what is used in its place."""
        return {ROLES[role][0]: face.family for role, face in self.of.items() if face.stands_in}


def faces(folders: Iterable[Path] = (), system: bool = True) -> Faces:
    """The fonts found in `folders`, and among those of the system. Raises `NoFonts`."""
    return _faces(tuple(folders), system)


@lru_cache(4)
def _faces(folders: tuple[Path, ...], system: bool) -> Faces:
    import typst

    there = [folder for folder in folders if folder.is_dir()]
    handle = typst.Fonts(include_system_fonts=system, include_embedded_fonts=False, font_paths=list(there))
    found: dict[str, list[Any]] = {}
    for info in handle.fonts():
        found.setdefault(info.family, []).append(info)
    made = {}
    for role, names in ROLES.items():
        substitutes, weight = SUBSTITUTES[role]
        family = next((name for name in (*names, *substitutes) if name in found), None)
        if family is None:
            places = ", ".join(map(str, folders)) or "no folder"
            raise NoFonts(
                f"no Chinese font for {names[0]}: put it, or {' or '.join(substitutes[:2])}, into a folder of fonts "
                f"({places}) or install it on the system (Debian: fonts-noto-cjk)"
            )
        wanted = 400 if family in names else weight
        info = min(found[family], key=lambda one: (one.style != "normal", abs(one.weight - wanted)))
        known = _characters(info.path, info.index)
        made[role] = Face(family, info.weight, family not in names, known)
    return Faces(made, handle)


@lru_cache(16)
def _characters(path: str, index: int) -> frozenset[int]:
    from fontTools.ttLib import TTFont

    with TTFont(path, fontNumber=index, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())
