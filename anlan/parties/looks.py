"""The log of looks at personal data."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import models

from anlan.kernel.scope import acting_now

from .models import Looked

PIECE = 2_000


def looked(records: Iterable[models.Model], page: str) -> None:
    """Records that whoever acts now looked at these people, posts or accounts on `page`.

    Call it where a page, export or API answer shows them; raises RuntimeError where nobody acts. A query
    of any length is read in pieces.
    """
    now = acting_now()
    if now is None:
        raise RuntimeError("somebody must act to look")
    if isinstance(records, models.QuerySet):
        if not hasattr(records.model, "area_code"):
            records = records.select_related("person")
        records = records.iterator(chunk_size=PIECE)
    actor = now[0]
    rows: list[Looked] = []
    for record in records:
        whose = getattr(record, "person", None) if not hasattr(record, "area_code") else record
        if whose is None:
            raise TypeError(f"{type(record).__name__} is not about a person")
        rows.append(
            Looked(
                account_id=actor.account_id,
                actor=f"{actor.kind} {actor.name}"[:80],
                table=record._meta.db_table,
                row=str(record.pk),
                page=page[:200],
                area_code=whose.area_code,
                industry_id=getattr(whose, "industry_id", None),
                enterprise_id=getattr(whose, "enterprise_id", None),
            )
        )
        if len(rows) >= PIECE:
            Looked.objects.bulk_create(rows)
            rows = []
    Looked.objects.bulk_create(rows)
