"""Two at one form: what another wrote meanwhile stands beside what one has typed, and neither is lost.

A form carries what each field held when it was opened. Where the record was changed since, a field that only the
other changed takes his value; one that both changed keeps what was typed, and the person decides: the answer
comes as `take-NAME`. The form that comes back carries the record as it now stands, so that the next save is made
knowing it, and is refused again if it has changed once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django import forms
from django.db import connection
from django.forms import BoundField
from django.http import QueryDict
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from .. import actors
from . import cells
from .declaration import Register

THEIRS = "theirs"


@dataclass(frozen=True, slots=True)
class Change:
    """What another wrote into a field: in words, by whom and when (`at` is None where nobody kept it).

    `taken`: the person had not touched the field, which now holds this.
    """

    words: str
    by: str
    at: datetime | None
    taken: bool


class Held(forms.BaseForm):
    """A form that carries what its fields held when it was opened."""

    def hold(self, names: Iterable[str]) -> None:
        """The fields for which it does: those that show what is kept."""
        for name in names:
            if name in self.fields and not isinstance(self.fields[name], forms.FileField):
                self.fields[name].show_hidden_initial = True

    @property
    def held(self) -> SafeString:
        """What is carried, for the template."""
        return format_html_join("", "{}", ((bound.as_hidden(only_initial=True),) for bound in self._held()))

    def _held(self) -> list[BoundField]:
        return [bound for bound in self if bound.field.show_hidden_initial]

    def late(self) -> tuple[QueryDict, dict[str, bool]]:
        """What becomes of a form that came too late: its data over the record as it now stands, and for each field
        that another changed whether his value was taken. The form's initial values are those of now."""
        data, changed = QueryDict(mutable=True), {}
        data.update(self.data)
        for bound in self._held():
            field, name = bound.field, bound.html_name
            opened = field.hidden_widget().value_from_datadict(self.data, self.files, bound.html_initial_name)
            now = field.prepare_value(bound.initial)
            listed = list(now) if isinstance(now, list | tuple) else [now]
            if not _same(field, bound.initial, opened) and not _same(field, bound.initial, bound.data):
                changed[bound.name] = bound.name not in self.changed_data
                if changed[bound.name]:
                    data.setlist(name, listed)
            data.setlist(bound.html_initial_name, listed)
        return data, changed

    def tell(self, changes: dict[str, Change]) -> None:
        """Shows each change beside its field."""
        self.meanwhile = [(self[name], change) for name, change in changes.items()]
        for bound, change in self.meanwhile:
            bound.meanwhile = change  # type: ignore[attr-defined]


F = TypeVar("F", bound=Held)


def _same(field: forms.Field, kept: Any, sent: Any) -> bool:
    if isinstance(kept, str) and isinstance(sent, str):
        # Browsers send each line's end as two signs, whatever is kept.
        kept, sent = (text.replace("\r\n", "\n") for text in (kept, sent))
    return not field.has_changed(kept, sent)


def decided(sent: QueryDict) -> QueryDict:
    """The data of a form with its decisions carried out: where the other's value is taken, it stands in the field."""
    data = sent.copy()
    for key in sent:
        name = key.removeprefix("take-")
        if name != key and sent[key] == THEIRS and f"initial-{name}" in sent:
            data.setlist(name, sent.getlist(f"initial-{name}"))
    return data


def compared(
    make: Callable[[QueryDict, Any], F], declared: type[Register], sent: QueryDict, fresh: Callable[[], Any]
) -> F:
    """The form of a save that came too late: what was typed, over the record as it now stands (`fresh` reads it).

    `make(data, record)` makes the form.
    """
    row = fresh()
    data, changed = make(sent, row).late()
    data["version"] = str(row.version)
    form = make(data, fresh())
    known = by_whom(declared, row, changed)
    places = cells.area_codes(declared, [row], list(changed))
    changes = {}
    for name, taken in changed.items():
        by, at = known.get(name, (_("Another person"), None))
        changes[name] = Change(cells.cell(declared, row, name, places).text, by, at, taken)
    form.tell(changes)
    return form


def by_whom(declared: type[Register], row: Any, names: Iterable[str]) -> dict[str, tuple[str, datetime]]:
    """Who changed each of these fields of a record last, and when by our clock, as the audit in one's scope has it."""
    columns = {field.column: name for name in names if (field := declared.field(name)) is not None}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT ON (k) k, account_id, actor, coalesce(on_clock, at) "
            "FROM audit_entry, jsonb_object_keys(changes) k "
            "WHERE table_name = %s AND row_id = %s AND op = 'update' AND k = ANY (%s) ORDER BY k, id DESC",
            [declared.model._meta.db_table, str(row.pk), list(columns)],
        )
        entries = cursor.fetchall()
    by = actors.named(account for _column, account, *_rest in entries)
    return {columns[column]: (by(account, actor), at) for column, account, actor, at in entries}
