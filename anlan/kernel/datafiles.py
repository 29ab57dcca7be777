"""Files of data that people write, in YAML: held to a JSON Schema and to what they must not contradict.

Every fault names its line and field. They come from anybody: nothing in one costs out of proportion to its size. Plans,
scoring schemes and boards are such files.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from anlan.engines import marks

if TYPE_CHECKING:
    import jsonschema

DEEPEST = 20
"""Levels of lists and fields. A plan has four."""
MOST = 50_000
"""Names and values. The plan of 2013 has one and a half thousand."""
FAULTS = 50
"""As many are named at once."""


_NUMBER = re.compile(r"[-+]?(0[xb][0-9a-fA-F_]+|[0-9.][0-9_.]*(:[0-9_.]+)*)")
"""What YAML would take for a number, base 60 among them, and labour over."""


class BadFile(Exception):
    """The file is not what it should be; the text has one line for each fault: file, line, field, reason."""


class _Loader(yaml.CSafeLoader):
    """As YAML's own, but a date stays the words that were written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _once(_validator: Any, wanted: bool, instance: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    """`uniqueItems` in one pass: the library's compares each with each, and a list can be long."""
    import jsonschema

    if wanted and isinstance(instance, list) and len({repr(one) for one in instance}) < len(instance):
        yield jsonschema.ValidationError("twice")


def _finite(_checker: Any, instance: Any) -> bool:
    """No number is what YAML writes .nan and .inf: neither is above or below any limit."""
    return isinstance(instance, int | float) and not isinstance(instance, bool) and math.isfinite(instance)


@cache
def _validator(schema: Path) -> Any:
    import jsonschema

    drafted = jsonschema.Draft202012Validator
    made = jsonschema.validators.extend(
        drafted, {"uniqueItems": _once}, type_checker=drafted.TYPE_CHECKER.redefine("number", _finite)
    )
    return made(json.loads(schema.read_text(encoding="utf-8")))


Faults = Iterator[tuple[tuple[Any, ...], str]]
"""What is wrong: where in the content, and in words."""


def checked(
    raw: bytes, path: str, schema: Path, contradictions: Callable[[Any, set[tuple[Any, ...]]], Faults]
) -> dict[str, Any]:
    """The content of a YAML file that holds to a JSON Schema and does not contradict itself; raises `BadFile`.

    `contradictions` is called with the content and the places that the schema refuses already.
    """
    try:
        text = raw.decode("utf-8")
        _harmless(text, path)
        loader = _Loader(text)
        root = loader.get_single_node()
        lines = dict(marks.lines(root))
        content = None if root is None else loader.construct_document(root)
    except UnicodeDecodeError as error:
        raise BadFile(_("%(path)s: byte %(at)d: not UTF-8") % {"path": path, "at": error.start}) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # What is missing at the end is missed at the line after the last.
        line = f"{min(mark.line, text.rstrip().count(chr(10))) + 1}:" if mark else ""
        why = _("no YAML can be read here (%(why)s)") % {"why": getattr(error, "problem", None) or error}
        raise BadFile(f"{path}:{line} {why}") from error
    except (ValueError, OverflowError, TypeError) as error:
        # YAML takes some words for numbers that Python cannot make of them, as 0x_.
        raise BadFile(
            _("%(path)s: a value that cannot be read: %(why)s") % {"path": path, "why": str(error)[:100]}
        ) from error
    misformed = [
        (tuple(e.absolute_path), _said(e)[:200]) for e in islice(_validator(schema).iter_errors(content), MOST)
    ]
    faults = [*misformed, *contradictions(content, {place for place, _words in misformed})]
    if faults:
        faults.sort(key=lambda fault: marks.line(lines, fault[0]))
        told = [
            f"{path}:{marks.line(lines, place)}: {_name(place, content)}: {words}" for place, words in faults[:FAULTS]
        ]
        if len(faults) > FAULTS:
            told.append(_("%(path)s: %(n)d further faults") % {"path": path, "n": len(faults) - FAULTS})
        raise BadFile("\n".join(told))
    assert isinstance(content, dict)
    return content


def _harmless(text: str, path: str) -> None:
    """Raises where reading the whole would cost out of proportion, or make something else than plain values.

    Aliases grow without bound, each level of nesting slows all that follows, tags call for other types, and no
    database keeps a null character. Nothing that people write has need of any.
    """
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            wrong = _("YAML aliases (*name) are not taken")
        elif depth > DEEPEST:
            wrong = _("nested too deeply")
        elif number > MOST:
            wrong = _("more than %(limit)d values") % {"limit": MOST}
        elif getattr(event, "tag", None):
            wrong = _("YAML tags (!name) are not taken")
        elif isinstance(event, yaml.ScalarEvent) and "\0" in event.value:
            wrong = _("a null character")
        elif (
            isinstance(event, yaml.ScalarEvent)
            and len(event.value) > 40
            and event.implicit[0]
            and _NUMBER.fullmatch(event.value)
        ):
            wrong = _("a number of more than 40 signs")
        else:
            continue
        raise BadFile(f"{path}:{event.start_mark.line + 1}: {wrong}")


def _said(error: Any) -> str:
    """What the schema finds wrong, in the reader's words."""
    limit, given = error.validator_value, repr(error.instance)[:60]
    match error.validator:
        case "required" | "dependentRequired":
            # The library names the missing field only in its message.
            return _("%(name)s is missing") % {"name": error.message.split("'")[1]}
        case "additionalProperties":
            names = sorted(str(name) for name in set(error.instance) - set(error.schema["properties"]))
            return _("there is no such field: %(names)s") % {"names": ", ".join(names)}
        case "type":
            return _("%(given)s is not %(type)s") % {"given": given, "type": _(_TYPES[limit])}
        case "enum":
            return _("%(given)s is none of: %(choices)s") % {"given": given, "choices": ", ".join(map(str, limit))}
        case "minLength" | "minItems" if not error.instance:
            return _("must not be empty")
        case "minItems" | "items":
            return _("takes exactly %(n)s values") % {"n": len(error.schema.get("prefixItems", ())) or limit}
        case "maxItems":
            return _("more than %(limit)s of them") % {"limit": limit}
        case "maxLength":
            return _("longer than %(limit)s characters") % {"limit": limit}
        case "minimum":
            return _("%(given)s is less than %(limit)s") % {"given": given, "limit": limit}
        case "maximum" | "exclusiveMaximum":
            return _("%(given)s is too large") % {"given": given}
        case "uniqueItems":
            return _("something stands in this list twice")
        case "pattern":
            return _("%(given)s is not written as it must be: %(pattern)s") % {"given": given, "pattern": limit}
    return str(error.message)


_TYPES = {
    "object": gettext_noop("a group of fields"),
    "array": gettext_noop("a list"),
    "string": gettext_noop("a text"),
    "integer": gettext_noop("a whole number"),
    "number": gettext_noop("a number"),
}


def _name(path: tuple[Any, ...], content: Any) -> str:
    """The field, with the id of the entry that it belongs to, by which people know it."""
    name = ".".join(str(part) for part in path)
    entry = content[path[0]][path[1]] if len(path) > 1 and isinstance(path[1], int) else None
    code = entry.get("id") if isinstance(entry, dict) else None
    return f"{name} ({code[:24]})" if isinstance(code, str) else name or _("the file")
