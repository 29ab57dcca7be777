"""Plan files: YAML, checked against `plan-file.schema.json`; every fault names its line and field.

A plan in the database is written as such a file and comes back the same (`write`, `load`).
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from anlan.kernel.figures import mismatch, titles

SCHEMA = Path(__file__).parent / "plan-file.schema.json"


_NUMBER = re.compile(r"[-+]?(0[xb][0-9a-fA-F_]+|[0-9.][0-9_.]*(:[0-9_.]+)*)")
"""What YAML would take for a number, base 60 among them, and labour over."""


class BadPlanFile(Exception):
    """The file is no plan; the text has one line for each fault: file, line, field, reason."""


class _Loader(yaml.CSafeLoader):
    """As YAML's own, but a date stays the words that were written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _once(_validator: Any, wanted: bool, instance: Any, _schema: Any) -> Iterator[jsonschema.ValidationError]:
    """`uniqueItems` in one pass: the library's compares each with each, and a list can be long."""
    if wanted and isinstance(instance, list) and len({repr(one) for one in instance}) < len(instance):
        yield jsonschema.ValidationError("twice")


@cache
def _validator(schema: Path) -> Any:
    made = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"uniqueItems": _once})
    return made(json.loads(schema.read_text(encoding="utf-8")))


LARGEST = 4 * 1024 * 1024
"""Bytes. A whole plan with its source has some hundred thousand."""
DEEPEST = 20
"""Levels of lists and fields. A plan has four."""
MOST = 50_000
"""Names and values. The notice of 2013 has one and a half thousand."""
FAULTS = 50
"""As many are named at once."""


def read(path: Path) -> dict[str, Any]:
    """The plan in the file; raises `BadPlanFile`."""
    try:
        if path.stat().st_size > LARGEST:
            raise BadPlanFile(
                _("%(path)s: more than %(limit)d bytes; a plan file is smaller") % {"path": path, "limit": LARGEST}
            )
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise BadPlanFile(f"{path}: {error.strerror}") from error


def parse(raw: bytes, path: str) -> dict[str, Any]:
    """The plan in the bytes of the file called `path`; raises `BadPlanFile`."""
    return checked(raw, path, SCHEMA, _contradictions)


Faults = Iterator[tuple[tuple[Any, ...], str]]
"""What is wrong: where in the content, and in words."""


def checked(
    raw: bytes, path: str, schema: Path, contradictions: Callable[[Any, set[tuple[Any, ...]]], Faults]
) -> dict[str, Any]:
    """The content of a YAML file that holds to a JSON Schema and does not contradict itself; raises `BadPlanFile`.

    `contradictions` is called with the content and the places that the schema refuses already.
    """
    try:
        text = raw.decode("utf-8")
        _harmless(text, path)
        loader = _Loader(text)
        root = loader.get_single_node()
        lines = dict(_lines(root, ()))
        content = None if root is None else loader.construct_document(root)
    except UnicodeDecodeError as error:
        raise BadPlanFile(_("%(path)s: byte %(at)d: not UTF-8") % {"path": path, "at": error.start}) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        # What is missing at the end is missed at the line after the last.
        line = f"{min(mark.line, text.rstrip().count(chr(10))) + 1}:" if mark else ""
        why = _("no YAML can be read here (%(why)s)") % {"why": getattr(error, "problem", None) or error}
        raise BadPlanFile(f"{path}:{line} {why}") from error
    except (ValueError, OverflowError, TypeError) as error:
        # YAML takes some words for numbers that Python cannot make of them, as 0x_.
        raise BadPlanFile(
            _("%(path)s: a value that cannot be read: %(why)s") % {"path": path, "why": str(error)[:100]}
        ) from error
    misformed = [
        (tuple(e.absolute_path), _said(e)[:200]) for e in islice(_validator(schema).iter_errors(content), MOST)
    ]
    faults = [*misformed, *contradictions(content, {place for place, _words in misformed})]
    if faults:
        faults.sort(key=lambda fault: _line(lines, fault[0]))
        told = [f"{path}:{_line(lines, place)}: {_name(place, content)}: {words}" for place, words in faults[:FAULTS]]
        if len(faults) > FAULTS:
            told.append(_("%(path)s: %(n)d further faults") % {"path": path, "n": len(faults) - FAULTS})
        raise BadPlanFile("\n".join(told))
    assert isinstance(content, dict)
    return content


def _harmless(text: str, path: str) -> None:
    """Raises where reading the whole would cost out of proportion, or make something else than plain values.

    Aliases grow without bound, each level of nesting slows all that follows, tags call for other types, and no
    database keeps a null character. A plan has no need of any.
    """
    depth = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent):
            wrong = _("YAML aliases (*name) are not taken")
        elif depth > DEEPEST:
            wrong = _("nested too deeply")
        elif number > MOST:
            wrong = _("more than %(limit)d values; a plan has fewer") % {"limit": MOST}
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
        raise BadPlanFile(f"{path}:{event.start_mark.line + 1}: {wrong}")


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
            return _("takes exactly two numbers: where it begins and where it ends in the source")
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


def _contradictions(content: Any, faulty: set[tuple[Any, ...]]) -> Faults:
    """What contradicts itself or other parts; asked of every value that is not `faulty` by itself."""
    unsound = {path[:n] for path in faulty for n in range(len(path) + 1)}

    def sound(*path: Any) -> Any:
        found = content
        for name in path:
            inside = isinstance(found, dict) and name in found
            found = found[name] if inside else None
        return None if path in unsound else found

    def entries(kind: str) -> list[tuple[int, dict[str, Any]]]:
        rows = content.get(kind) if isinstance(content, dict) else None
        return [(n, row) for n, row in enumerate(rows if isinstance(rows, list) else []) if isinstance(row, dict)]

    if (day := sound("plan", "issued_on")) and not _is_day(day):
        yield ("plan", "issued_on"), _("no such day")
    source = sound("plan", "source")
    if source and hashlib.sha256(source["text"].encode()).hexdigest() != source["sha256"]:
        yield ("plan", "source", "sha256"), _("is not that of the text")
    known: dict[str, set[str]] = {"clauses": set(), "targets": set()}
    for kind, ids in known.items():
        for n, entry in entries(kind):
            code, at = entry.get("id"), entry.get("at")
            if isinstance(code, str):
                if code in ids:
                    yield (kind, n, "id"), _("%(code)s is there twice") % {"code": code[:60]}
                ids.add(code)
            # Of a source that is itself wrong it cannot be told what lies in it.
            if not at or {(kind, n, "at"), ("plan", "source")} & unsound:
                continue
            if not (source and at[0] <= at[1] <= len(source["text"])):
                yield (kind, n, "at"), _("lies outside of the source")
    from .models import AGAINST

    measures = titles()
    for n, target in entries("targets"):
        if "due" in target and ("targets", n, "due") not in unsound and not _is_day(target["due"]):
            yield ("targets", n, "due"), _("no such day")
        elif "due" in target and target.get("comparator") != "by_date":
            yield ("targets", n, "due"), _("only what is due by its day (by_date) has a day")
        for name in ("value", "baseline_value"):
            if ("targets", n, name) not in unsound and not math.isfinite(target.get(name, 0)):
                yield ("targets", n, name), _("is no number")
        measure = target.get("measure")
        if isinstance(measure, str) and measure not in measures:
            yield ("targets", n, "measure"), _("there is no measure %(name)s") % {"name": measure[:60]}
        elif (
            isinstance(measure, str)
            and target.get("comparator") not in AGAINST
            and (why := mismatch(measure, target.get("unit", "")))
        ):
            yield ("targets", n, "measure"), why
        clause = target.get("clause")
        if isinstance(clause, str) and clause not in known["clauses"]:
            yield ("targets", n, "clause"), _("there is no clause %(code)s") % {"code": clause[:60]}


def _is_day(words: str) -> bool:
    try:
        date.fromisoformat(words)
    except ValueError:
        return False
    return True


def _lines(node: yaml.Node | None, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], int]]:
    if node is None:
        return
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            yield from _lines(child, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for n, child in enumerate(node.value):
            yield from _lines(child, (*path, n))


def _line(lines: dict[tuple[Any, ...], int], path: tuple[Any, ...]) -> int:
    while path not in lines and path:
        path = path[:-1]
    return lines.get(path, 1)


def _name(path: tuple[Any, ...], content: Any) -> str:
    """The field, with the id of the clause or target that it belongs to, by which people know it."""
    name = ".".join(str(part) for part in path)
    entry = content[path[0]][path[1]] if len(path) > 1 and isinstance(path[1], int) else None
    code = entry.get("id") if isinstance(entry, dict) else None
    return f"{name} ({code[:24]})" if isinstance(code, str) else name or _("the file")


def load(path: Path, drafted_by: Any = None) -> Any:
    """Makes the file's plan the draft of its year; under `acting`. An earlier draft is withdrawn, and kept.

    Raises `BadPlanFile`; also where that year's plan is adopted, for an adopted plan is not rewritten.
    """
    return make(read(path), str(path), drafted_by)


def make(content: dict[str, Any], path: str, drafted_by: Any = None) -> Any:
    """Makes a read plan file the draft of its year, as `load` does."""
    from .drafting import Refused, begin
    from .models import OPEN, Clause, Plan, Source, Target

    head = content["plan"]
    for earlier in Plan.objects.filter(year=head["year"], area_code=head["city"], state__in=OPEN):
        earlier.state, earlier.remark = "withdrawn", f"replaced by the plan file {Path(path).name}"[:300]
        earlier.save()
    try:
        plan = begin(
            head["year"], head["city"], drafted_by, title=head["title"], title_en=head.get("title_en", ""),
            issuer=head.get("issuer", ""),
            issued_on=date.fromisoformat(head["issued_on"]) if "issued_on" in head else None,
        )  # fmt: skip
    except Refused as error:
        raise BadPlanFile(
            _("%(path)s: the plan of %(year)s is adopted; an adopted plan is not rewritten")
            % {"path": path, "year": head["year"]}
        ) from error
    common = {"plan": plan, "area_code": plan.area_code}
    if source := head.get("source"):
        Source.objects.create(plan=plan, **source)
    made = Clause.objects.bulk_create(
        Clause(
            **common, order=order, code=entry["id"], number=entry.get("number", ""), title=entry["zh"],
            title_en=entry.get("en", ""), gist=entry.get("gist", ""), industries=entry.get("industries"),
            duty_kinds=entry.get("duty", []), proofs=entry.get("proof", []),
            reported=entry.get("reported", ""), **_span(entry),
        )
        for order, entry in enumerate(content["clauses"], 1)
    )  # fmt: skip
    clauses = {clause.code: clause for clause in made}
    Target.objects.bulk_create(
        Target(
            **common, clause=clauses[entry["clause"]], code=entry["id"], subject=entry["zh"],
            subject_en=entry.get("en", ""), comparator=entry["comparator"], value=_decimal(entry["value"]),
            unit=entry.get("unit", ""), baseline=entry.get("baseline", ""),
            baseline_value=_decimal(entry.get("baseline_value")), duty_kinds=entry.get("duty", []),
            measure=entry.get("measure", ""), line=entry.get("line", ""), due=entry.get("due"), **_span(entry),
        )
        for entry in content["targets"]
    )  # fmt: skip
    return plan


def _span(entry: dict[str, Any]) -> dict[str, int | None]:
    start, end = entry.get("at") or (None, None)
    return {"start": start, "end": end}


def _decimal(value: float | None) -> Decimal | None:
    return None if value is None else Decimal(str(value)).quantize(Decimal("0.0001"))


def write(plan: Any) -> str:
    """The plan as a plan file: what is empty is left out."""
    from .models import Source

    head = {
        "year": plan.year, "city": plan.area_code, "title": plan.title, "title_en": plan.title_en,
        "issuer": plan.issuer, "issued_on": plan.issued_on.isoformat() if plan.issued_on else "",
    }  # fmt: skip
    source = Source.objects.filter(plan=plan).first()
    if source is not None:
        head["source"] = {"name": source.name, "sha256": source.sha256, "text": source.text}
    clauses = [
        {
            "id": c.code, "number": c.number, "zh": c.title, "en": c.title_en, "gist": c.gist,
            "industries": c.industries, "duty": c.duty_kinds, "proof": c.proofs, "reported": c.reported, "at": _at(c),
        }
        for c in plan.clauses.all()
    ]  # fmt: skip
    targets = [
        {
            "id": t.code, "clause": t.clause.code, "zh": t.subject, "en": t.subject_en, "comparator": t.comparator,
            "value": _plain(t.value), "unit": t.unit, "baseline": t.baseline,
            "baseline_value": None if t.baseline_value is None else _plain(t.baseline_value),
            "due": t.due.isoformat() if t.due else "", "measure": t.measure, "line": t.line,
            "duty": t.duty_kinds, "at": _at(t),
        }
        for t in plan.targets.select_related("clause")
    ]  # fmt: skip
    content = {"plan": _full(head), "clauses": [_full(c) for c in clauses], "targets": [_full(t) for t in targets]}
    return str(yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=120))


def _at(row: Any) -> list[int] | None:
    return None if row.start is None else [row.start, row.end]


def _plain(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


def _full(entry: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in entry.items() if v not in (None, "", [])}
