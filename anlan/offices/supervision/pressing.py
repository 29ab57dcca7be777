"""Drafting orders and circulars: one press for as many addressees as are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction

from anlan.kernel import cases, files
from anlan.kernel.cases import links
from anlan.kernel.cases.engine import Stored

from . import issuing, page


def press(genre: str, by: Any, said: Mapping[str, Any]) -> tuple[Any, bool]:
    """Drafts what a form says, once however often it is sent; the letter, and whether it is new.

    Raises `FieldError` and `MoveRefused`.
    """

    def opened() -> Any:
        record = page.about(said.get("about") or "", by)
        about = {"about": str(record)[:200], "about_at": said["about"]} if record is not None else {}
        own = {n: said[n] for n in ("subject", "grounds", "asked", "answer_by", "measure") if said.get(n)}
        evidence = [_kept(one) for one in said.get("evidence") or ()]
        with transaction.atomic():
            letter = issuing.draft(genre, by, said["addressees"], about, **own)
            came_from = links.origin(said.get("origin"), by)
            for case in issuing.addressed(letter):
                if evidence:
                    facts = {"evidence": evidence}
                    case = cases.move(case, "prove", by=by, seen_version=case.version, facts_=facts)
                if came_from is not None:
                    links.link(came_from, case, by)
        return letter

    sent = {name: value for name, value in said.items() if name not in ("token", "to", "addressees")}
    sent["addressees"] = [f"{one._meta.label_lower}:{one.pk}" for one in said["addressees"]]
    return cases.once(by, str(said["token"]), sent, opened)


def _kept(upload: Any) -> Stored:
    """A file as evidence for all addressees: it is looked at and written once, however many they are."""
    try:
        kept = files.put(upload)
    except files.Refused as error:
        raise cases.FieldError({"evidence": [error.message]}) from error
    return Stored(upload.name, kept.sha256, kept.media_type, kept.size)
