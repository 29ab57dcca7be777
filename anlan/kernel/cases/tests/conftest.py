from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from anlan.kernel import clock
from anlan.kernel.cases import lifecycle as declared
from anlan.kernel.clock import BEIJING
from anlan.kernel.scope import EVERYWHERE, Actor, acting

from . import sample

NOON = datetime(2013, 6, 14, 12, tzinfo=BEIJING)


def png(colour: str = "white") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (4, 4), colour).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def ticket_table(django_db_setup: object, django_db_blocker: object) -> None:
    """The small kind's table, secured as every table is."""
    from django.db import connections

    from anlan.kernel import audit, policies
    from anlan.kernel.cases import rescoping

    owner = connections["owner"]
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        if sample.Ticket._meta.db_table in owner.introspection.table_names():
            owner.close()
            return
        with owner.schema_editor() as editor:
            editor.create_model(sample.Ticket)
        table = f'"{sample.Ticket._meta.db_table}"'
        with owner.cursor() as cursor:
            for statement in (
                f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {policies.APP_ROLE}",
                f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {policies.APP_ROLE}",
                f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
                f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
                f"CREATE POLICY in_scope ON {table} TO {policies.APP_ROLE}, {policies.OWNER_ROLE} "
                f"USING ({policies.condition(sample.Ticket)})",
                *audit.triggers(sample.Ticket),
                *rescoping.trigger(sample.Ticket, "ticket"),
            ):
                cursor.execute(statement)
        owner.close()


@pytest.fixture
def tickets(ticket_table: None) -> Iterator[None]:
    """The small life cycle made known for one test."""
    declared._declared["ticket"] = sample.lifecycle()
    yield
    del declared._declared["ticket"]


@pytest.fixture
def city(tickets: None, db: None, settings: SimpleNamespace, tmp_path: Path) -> Iterator[None]:
    """A still clock, everywhere in scope, an empty evidence store."""
    settings.HOME = tmp_path
    with clock.frozen(NOON), acting(Actor("test", "tests"), EVERYWHERE):
        yield


def person(
    pk: int, role: str = "district", area: str = "500112000000", enterprise: int | None = None
) -> SimpleNamespace:
    """Somebody with a role; cases need no more of an account."""
    return SimpleNamespace(pk=pk, name=f"person {pk}", role=role, area_code=area, enterprise_id=enterprise)
