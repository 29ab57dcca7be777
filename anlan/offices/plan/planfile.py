"""Plan files: YAML, checked against `plan-file.schema.json`; every fault names its line and field.

A plan in the database is written as such a file and comes back the same (`write`, `load`).
"""

from __future__ import annotations

import hashlib
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from django.utils.translation import gettext as _

from anlan.kernel.datafiles import BadFile, Faults, checked
from anlan.kernel.figures import mismatch, titles

SCHEMA = Path(__file__).parent / "plan-file.schema.json"


LARGEST = 4 * 1024 * 1024
"""Bytes. A whole plan with its source has some hundred thousand."""


def read(path: Path) -> dict[str, Any]:
    """The plan in the file; raises `BadFile`."""
    try:
        if path.stat().st_size > LARGEST:
            raise BadFile(
                _("%(path)s: more than %(limit)d bytes; a plan file is smaller") % {"path": path, "limit": LARGEST}
            )
        return parse(path.read_bytes(), str(path))
    except OSError as error:
        raise BadFile(f"{path}: {error.strerror}") from error


def parse(raw: bytes, path: str) -> dict[str, Any]:
    """The plan in the bytes of the file called `path`; raises `BadFile`."""
    return checked(raw, path, SCHEMA, _contradictions)


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


def load(path: Path, drafted_by: Any = None) -> Any:
    """Makes the file's plan the draft of its year; under `acting`. An earlier draft is withdrawn, and kept.

    Raises `BadFile`; also where that year's plan is adopted, for an adopted plan is not rewritten.
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
        raise BadFile(
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
