"""Opening a case from what a person or a program says: checked as declared, and once however often it is sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.apps import apps
from django.core.serializers.json import DjangoJSONEncoder
from django.db import connection, transaction
from django.db.models import Model
from django.utils.translation import gettext as _

from anlan.kernel import clock, files

from . import engine
from .engine import FieldError, MoveRefused, Stored
from .lifecycle import Evidence, Person
from .lifecycle import lifecycle as find_lifecycle
from .models import Case, OpeningKey, Upload


def open_declared(kind: str, *, by: Person, facts: Mapping[str, Any]) -> Any:
    """Opens a case from the facts and files that its life cycle's `opening` asks for.

    Errors: `MoveRefused` (`unknown_kind`, `not_your_role`), `FieldError` with all that is wrong.
    """
    lifecycle = find_lifecycle(kind)
    if lifecycle is None or not lifecycle.opening:
        raise MoveRefused("unknown_kind", _("There is no such kind of case."))
    if by.role not in lifecycle.open_by:
        raise MoveRefused("not_your_role", _("This is not for your role."))
    clean, uploads = engine.checked(lifecycle, lifecycle.opening, facts)
    fields = lifecycle.complete(clean, by) if lifecycle.complete else clean
    return engine.open_case(kind, by, evidence=uploads, **fields)


def once(by: Person, key: str, said: Mapping[str, Any], open_: Callable[[], Model]) -> tuple[Any, bool]:
    """The case, or other record, that `open_` opens, and whether it is new: sent again under the same key it is the
    first one.

    Two at the same moment: the second waits for the first's transaction and then finds its case. Without a key
    there is nothing to recognise. Errors: those of `open_`; `MoveRefused` `key_reused` if something else was
    said under the key.
    """
    if not key:
        return open_(), True
    digest = digest_of(said)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO "{OpeningKey._meta.db_table}" (account_id, key, digest, case_kind, at) '
                "VALUES (%s, %s, %s, '', now()) ON CONFLICT DO NOTHING RETURNING id",
                [by.pk, key, digest],
            )
            row = cursor.fetchone()
        if row is not None:
            case = open_()
            kind = case.kind if isinstance(case, Case) else case._meta.label_lower
            OpeningKey.objects.filter(pk=row[0]).update(case_kind=kind, case_id=case.pk, at=clock.now())
            return case, True
    known = OpeningKey.objects.get(account_id=by.pk, key=key)
    if known.digest != digest:
        raise MoveRefused("key_reused", _("Something else was sent under this key before."))
    lifecycle = find_lifecycle(known.case_kind)
    model: Any = lifecycle.model if lifecycle else apps.get_model(known.case_kind) if "." in known.case_kind else None
    found = None if model is None else model._default_manager.filter(pk=known.case_id).first()
    if found is None:
        raise MoveRefused("key_reused", _("The case opened under this key is no longer within your area."))
    return found, False


def digest_of(said: Mapping[str, Any]) -> str:
    """The SHA-256 of what was said, files by their bytes; the files can be read again afterwards."""
    plain = {name: [_told(v) for v in value] if isinstance(value, list | tuple) else _told(value)
             for name, value in said.items()}  # fmt: skip
    return hashlib.sha256(json.dumps(plain, sort_keys=True, cls=DjangoJSONEncoder).encode()).hexdigest()


def _told(value: Any) -> Any:
    if isinstance(value, Stored):
        return value.sha256
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    if hasattr(value, "read"):
        value.seek(0)
        digest = hashlib.file_digest(value, "sha256").hexdigest()
        value.seek(0)
        return digest
    return getattr(value, "pk", value)


def keep_upload(by: Person, upload: Any) -> Upload:
    """Keeps a file for a case that will name it; `files.Refused` if it is not taken."""
    kept = files.put(upload)
    return Upload.objects.create(
        account_id=by.pk, name=files.safe_name(getattr(upload, "name", "")), sha256=kept.sha256,
        media_type=kept.media_type, size=kept.size,
    )  # fmt: skip


def by_reference(by: Person, demands: Sequence[Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts with the numbers of one's own uploads replaced by the files; `FieldError` for any other number."""
    made = dict(facts)
    for demand in (d for d in demands if isinstance(d, Evidence) and d.name in made):
        keys = made[demand.name]
        if not isinstance(keys, list) or not all(type(key) is int and 0 < key < 2**63 for key in keys):
            raise FieldError({demand.name: [_("The numbers of uploaded files are needed here.")]})
        own = {u.pk: u for u in Upload.objects.filter(account_id=by.pk, pk__in=keys)}
        if missing := [key for key in keys if key not in own]:
            raise FieldError({demand.name: [_("You have uploaded no file of the number %(n)s.") % {"n": missing[0]}]})
        made[demand.name] = [Stored(u.name, u.sha256, u.media_type, u.size) for u in (own[key] for key in keys)]
    return made
