"""The message catalogues: compiled without GNU gettext, and checked against the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import django
import polib
from django.utils.translation.template import templatize

PACKAGE = Path(__file__).resolve().parents[1]
LIBRARY = Path(django.__file__).parent
_SINGLE = {"_", "gettext", "gettext_lazy", "gettext_noop"}
_PLURAL = {"ngettext", "ngettext_lazy"}
_CONTEXT = {"pgettext", "pgettext_lazy"}
_STRING = r"""u?("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')"""
_IN_TEMPLATE = re.compile(rf"(?<![\w.])(_|gettext|ngettext|pgettext)\(\s*{_STRING}(?:\s*,\s*{_STRING})?")


def _files(pattern: str) -> Iterator[Path]:
    return (p for p in sorted(PACKAGE.rglob(pattern)) if not {"node_modules", "tests", "dist"} & set(p.parts))


def compile_all() -> int:
    """Compiles each catalogue whose `.mo` is missing or older than its `.po`; returns how many."""
    done = 0
    for source in _files("*.po"):
        target = source.with_suffix(".mo")
        if not target.exists() or target.stat().st_mtime < source.stat().st_mtime:
            polib.pofile(str(source)).save_as_mofile(str(target))
            done += 1
    return done


def messages() -> Iterator[tuple[str, str, str]]:
    """Every message that code and templates show: (place, context, English text)."""
    for path in _files("*.py"):
        if "migrations" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(), str(path))):
            if isinstance(node, ast.Call) and node.args:
                name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
                words = [a.value for a in node.args[:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)]
                place = f"{path.relative_to(PACKAGE.parent)}:{node.lineno}"
                if name in _SINGLE | _PLURAL and words:
                    yield place, "", words[0]
                elif name in _CONTEXT and len(words) == 2:
                    yield place, words[0], words[1]
    for path in _files("*.html"):
        for found in _IN_TEMPLATE.finditer(templatize(path.read_text(), origin=str(path))):
            name, first, second = found.groups()
            place = str(path.relative_to(PACKAGE.parent))
            if name == "pgettext" and second:
                yield place, ast.literal_eval(first), ast.literal_eval(second)
            else:
                yield place, "", ast.literal_eval(first)


def of_django() -> Iterator[tuple[str, str]]:
    """Every message that Django itself shows: (context, English text). Ours may say it otherwise."""
    for part in ("conf", "contrib/postgres"):
        for entry in polib.pofile(str(LIBRARY / part / "locale/zh_Hans/LC_MESSAGES/django.po")):
            yield entry.msgctxt or "", entry.msgid


def faults() -> list[str]:
    """What is wrong, as `place: what`: messages without their Chinese or with two; entries fuzzy, empty or unused."""
    said = list(messages())
    used = {(context, text) for _place, context, text in said} | set(of_django())
    known: dict[tuple[str, str], str] = {}
    found = []
    for source in _files("*.po"):
        for entry in polib.pofile(str(source)):
            if entry.obsolete:
                continue
            if entry.fuzzy or not entry.translated():
                found.append(f"{source.relative_to(PACKAGE.parent)}:{entry.linenum}: untranslated: {entry.msgid!r}")
            if (entry.msgctxt or "", entry.msgid) not in used:
                found.append(f"{source.relative_to(PACKAGE.parent)}:{entry.linenum}: nothing says {entry.msgid!r}")
            # One page shows messages of several apps, and the catalogues are read as one: the first would win.
            first = known.setdefault((entry.msgctxt or "", entry.msgid), entry.msgstr)
            if first != entry.msgstr:
                found.append(
                    f"{source.relative_to(PACKAGE.parent)}:{entry.linenum}: {entry.msgid!r} is {first!r} elsewhere: "
                    "say one of them differently, or give it a context"
                )
    for place, context, text in said:
        if text and (context, text) not in known:
            found.append(f"{place}: in no catalogue: {text!r}")
    return found
