"""The session store: rows of `parties.Session`, which know their account, device and times.

Sessions are read before anybody is known, so the store acts as the job `sessions`; everybody else
sees only his own rows. Set as `SESSION_ENGINE`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore

from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, Actor, acting

SEEN_EVERY = timedelta(minutes=5)
"""How exact "last seen" is: it is written at most this often."""

DEVICE, ADDRESS, STARTED = "_device", "_address", "_started"
_ACTOR = Actor("job", "sessions")


class SessionStore(DatabaseStore):
    """Django's database store over our table."""

    @classmethod
    def get_model_class(cls) -> type:
        from .models import Session

        return Session

    def load(self) -> dict[str, Any]:
        if "\0" in (self.session_key or ""):
            return {}  # no key of ours, and the database would not even look for it
        with acting(_ACTOR, EVERYWHERE, savepoint=False):
            row: Any = self._get_session_from_db()  # type: ignore[attr-defined]  # not in the stubs
            if row is None:
                return {}
            now = clock.now()
            if row.account_id and abs(now - row.seen_at) > SEEN_EVERY:
                type(row).objects.filter(pk=row.pk).update(seen_at=now)
            return self.decode(row.session_data)

    def exists(self, session_key: str) -> bool:
        with acting(_ACTOR, EVERYWHERE):
            return super().exists(session_key)

    def save(self, must_create: bool = False) -> None:
        with acting(_ACTOR, EVERYWHERE):
            super().save(must_create)

    def delete(self, session_key: str | None = None) -> None:
        with acting(_ACTOR, EVERYWHERE):
            super().delete(session_key)

    @classmethod
    def clear_expired(cls) -> None:
        with acting(_ACTOR, EVERYWHERE):
            super().clear_expired()

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row: Any = super().create_model_instance(data)
        row.account_id = int(data[SESSION_KEY]) if SESSION_KEY in data else None
        row.device = str(data.get(DEVICE, ""))[:200]
        row.address = data.get(ADDRESS) or None
        if started := data.get(STARTED):
            row.started_at = datetime.fromisoformat(started)
        return row
