"""Which import a change of a record was part of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import connection
from django.utils.translation import gettext as _

from .models import Import


def imports(transactions: Sequence[str]) -> Mapping[str, tuple[str, str]]:
    """By the number of its transaction each import that may be seen: what it is called, and where it is.

    An import writes its own record in the transaction in which it writes all others.
    """
    with connection.cursor() as cursor:
        # A transaction may have half a million entries, an import two: they are found by their table, and not by it.
        cursor.execute(
            "SELECT xid::text, row_id::bigint FROM audit_entry "
            "WHERE table_name = %s AND op <> 'delete' AND xid::text = ANY (%s)",
            [Import._meta.db_table, list(transactions)],
        )
        found = dict(cursor.fetchall())
    seen = Import.objects.in_bulk(set(found.values())) if found else {}
    return {
        xid: (_("Import of %(file)s") % {"file": record.file_name or record.pk}, record.url)
        for xid, key in found.items()
        if (record := seen.get(key)) is not None
    }
