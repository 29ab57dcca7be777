"""What stays of readings: each hour of each device as a row in the database, and the readings themselves for as long as
the city keeps them (`law/monitoring.yaml`: `monitoring.keep`, of one programme `monitoring.keep.<programme>`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.db import connection

from anlan.engines.telemetry import history
from anlan.engines.telemetry.history import Stretch
from anlan.engines.telemetry.journal import Tail
from anlan.engines.telemetry.moves import moving
from anlan.engines.telemetry.stream import Stream
from anlan.kernel import clock, law
from anlan.kernel.scope import EVERYWHERE, Actor, acting

from .models import Device, HourlyReading
from .programmes import PROGRAMMES

KEEPER = Actor("job", "telemetry")
NO_MEAN = frozenset({"lat", "lon", "course", "heading", "direction", "altitude", "nav_status"})
"""Of places and directions an hour has no mean that says anything."""


def archive(home: Path) -> int | None:
    """Moves from the journal into the history what the evaluation's kept state knows of, counts the hours it came into,
    and lets go what is old; returns how many readings were moved. None while somebody copies journal and history.

    For a process of its own: a city's ten minutes take a processor longer than a warning may wait.
    """
    with moving(home) as free:
        if not free:
            return None
        state, journal, kept = home / "state", home / "journal", home / "history"
        places = Stream.kept_with(state) if state.exists() else {}
        moved = history.archive(journal, kept, Tail(journal, places), partial(count_hours, kept))
        history.compact(kept, clock.today())
        let_go(kept)
    return moved


def count_hours(folder: Path, stretches: Sequence[Stretch]) -> int:
    """Writes the hours anew that readings came into, from everything known of them; returns how many rows.

    Counted from the history and not added up: what is moved there twice counts once.
    """
    written = 0
    for stretch in stretches:
        if stretch.metric in NO_MEAN:
            continue
        table = history.hours(folder, stretch)
        columns = [table.column(name).to_pylist() for name in table.column_names]
        with acting(KEEPER, EVERYWHERE), connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO monitoring_hourlyreading (device_id, metric, hour, count, low, high, mean, last)
                SELECT d.id, %s, to_timestamp(r.hour / 1000), r.count, r.low, r.high, r.mean, r.last
                FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::float8[], %s::float8[], %s::float8[],
                            %s::float8[]) AS r(device, hour, count, low, high, mean, last)
                JOIN monitoring_device d ON d.code = r.device
                ON CONFLICT (device_id, metric, hour) DO UPDATE SET count = excluded.count, low = excluded.low,
                    high = excluded.high, mean = excluded.mean, last = excluded.last
                """,
                [stretch.metric, *columns],
            )
            written += cursor.rowcount
    return written


def let_go(folder: Path) -> None:
    """Removes readings and hours that are older than they are kept."""
    today = clock.today()
    days = {code: _days(code) for code, _title in PROGRAMMES}
    with acting(KEEPER, EVERYWHERE):
        kept = {code: days[programme] for code, programme in Device.objects.values_list("code", "programme").iterator()}
        oldest = clock.now() - timedelta(days=int(law.value("monitoring.keep_hours", on=today).value))
        HourlyReading.objects.filter(hour__lt=oldest).delete()
    history.retain(folder, today, kept, _days(""))


def _days(programme: str) -> int:
    """For how many days the readings of a programme are kept."""
    today = clock.today()
    own = f"monitoring.keep.{programme}"
    name = own if programme and law.book().history(own) else "monitoring.keep"
    return int(law.value(name, on=today).value)
