"""Plan files: YAML, checked against `plan-file.schema.json`; every fault names its line and field."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

SCHEMA = Path(__file__).parent / "plan-file.schema.json"


class BadPlanFile(Exception):
    """The file is no plan; the text has one line for each fault: file, line, field, reason."""


class _Loader(yaml.SafeLoader):
    """As YAML's own, but a date stays the words that were written."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def read(path: Path) -> dict[str, Any]:
    """The plan in the file; raises `BadPlanFile`."""
    try:
        text = path.read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=_Loader)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506 - _Loader is a SafeLoader
    except OSError as error:
        raise BadPlanFile(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise BadPlanFile(f"{path}: byte {error.start}: not UTF-8") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}:" if mark else ""
        raise BadPlanFile(f"{path}:{line} {getattr(error, 'problem', None) or error}") from error
    lines = dict(_lines(root, ()))
    faults = [(tuple(e.absolute_path), e.message) for e in _validator().iter_errors(content)]
    faults = faults or list(_contradictions(content))
    if faults:
        raise BadPlanFile("\n".join(f"{path}: line {_line(lines, p)}: {_name(p)}: {m}" for p, m in faults))
    assert isinstance(content, dict)
    return content


def _contradictions(content: dict[str, Any]) -> Iterator[tuple[tuple[Any, ...], str]]:
    try:
        date.fromisoformat(content["plan"]["issued_on"])
    except ValueError:
        yield ("plan", "issued_on"), "no such day"
    known: set[str] = set()
    for kind in ("clauses", "targets"):
        for n, entry in enumerate(content[kind]):
            if entry["id"] in known:
                yield (kind, n, "id"), f"{entry['id']} is there twice"
            known.add(entry["id"])
    for n, target in enumerate(content["targets"]):
        if target["clause"] not in known:
            yield ("targets", n, "clause"), f"there is no clause {target['clause']}"


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


def _name(path: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in path) or "the file"


def load(path: Path, drafted_by: Any = None) -> Any:
    """Makes the file's plan a draft, in place of an earlier draft of that year; under `acting`.

    Raises `BadPlanFile`; also where that year's plan is adopted, for an adopted plan is not rewritten.
    """
    from .models import Clause, Plan, Target

    content = read(path)
    head = content["plan"]
    earlier = Plan.objects.filter(year=head["year"], area_code=head["city"]).first()
    if earlier is not None and earlier.state == "adopted":
        raise BadPlanFile(f"{path}: the plan of {head['year']} is adopted; an adopted plan is not rewritten")
    if earlier is not None:
        earlier.delete()
    plan = Plan.objects.create(
        year=head["year"], area_code=head["city"], title=head["title"], title_en=head["title_en"],
        issuer=head["issuer"], issued_on=date.fromisoformat(head["issued_on"]), drafted_by=drafted_by,
    )  # fmt: skip
    clauses = {
        entry["id"]: Clause.objects.create(
            plan=plan, order=order, code=entry["id"], title=entry["zh"], title_en=entry["en"],
            duty_kinds=entry["duty"], proofs=entry["proof"],
        )
        for order, entry in enumerate(content["clauses"], 1)
    }  # fmt: skip
    for entry in content["targets"]:
        below = entry.get("baseline_value")
        Target.objects.create(
            plan=plan, clause=clauses[entry["clause"]], code=entry["id"], subject=entry["zh"], subject_en=entry["en"],
            comparator=entry["comparator"], value=Decimal(str(entry["value"])), unit=entry["unit"],
            baseline=entry.get("baseline", ""), baseline_value=None if below is None else Decimal(str(below)),
        )  # fmt: skip
    return plan
