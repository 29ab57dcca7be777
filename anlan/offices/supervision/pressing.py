"""Drafting orders and circulars: one press for as many addressees as are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from anlan.kernel import cases
from anlan.kernel.cases import links
from anlan.parties.models import Enterprise

from . import page


def draft(kind: str, by: Any, addressees: Sequence[Any], batch: str, **fields: Any) -> list[Any]:
    """Drafts one case for each addressee (an authority or an enterprise) at one's own authority; all or none.

    It takes as many statements for many as for one. Raises `FieldError`.
    """
    made = [
        ({**fields, "area_code": by.area_code, "batch": batch,
          "enterprise" if isinstance(one, Enterprise) else "addressee": one}, _named)
        for one in addressees
    ]  # fmt: skip
    return cases.open_cases(kind, by, made)


def _named(case: Any) -> None:
    case.prepare()


def press(kind: str, by: Any, said: Mapping[str, Any], names: Sequence[str]) -> tuple[Any, bool]:
    """Drafts what a form says, once however often it is sent; the first of the cases, and whether it is new.

    `names` are the form's fields that are the case's own. Raises `FieldError` and `MoveRefused`.
    """

    def opened() -> Any:
        fields = {name: said[name] for name in names}
        if (record := page.about(said.get("about") or "", by)) is not None:
            fields |= {"about": str(record)[:200], "about_at": said["about"]}
        with transaction.atomic():
            drafted = draft(kind, by, said["addressees"], str(said["token"]), **fields)
            came_from = links.origin(said.get("origin"), by)
            for case in drafted:
                if said.get("evidence"):
                    facts = {"evidence": said["evidence"]}
                    case = cases.move(case, "prove", by=by, seen_version=case.version, facts_=facts)
                if came_from is not None:
                    links.link(came_from, case, by)
        return drafted[0]

    sent = {name: value for name, value in said.items() if name not in ("token", "to", "addressees")}
    sent["addressees"] = [f"{one._meta.label_lower}:{one.pk}" for one in said["addressees"]]
    return cases.once(by, str(said["token"]), sent, opened)
