"""`anlan telemetry …`: single frames looked at, files of readings run through rules."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click


@click.group()
def telemetry() -> None:
    """Sensors, vehicles and ships: read their frames, run rules over their readings."""


@telemetry.command("decode")
@click.argument("protocol", type=click.Choice(["jt808", "ais", "mqtt"]))
@click.argument("data", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object to a line, for each frame or message.")
def decode(protocol: str, data: tuple[str, ...], as_json: bool) -> None:
    """Say what frames (JT/T 808, hexadecimal), sentences (AIS) or payloads (MQTT, JSON after its topic) hold."""
    from anlan.engines.telemetry.protocols.told import decoded

    wrong = False
    for number, fields in enumerate(decoded(protocol, data), 1):
        if "error" in fields:
            wrong = True
            click.echo(f"{protocol}: {number}: {fields['error']}: {fields['words']}", err=True)
        if as_json:
            click.echo(json.dumps(fields, ensure_ascii=False))
        elif "error" not in fields:
            click.echo(_words(fields))
    if wrong:
        sys.exit(2)


def _words(fields: dict[str, Any]) -> str:
    width = max(len(name) for name in fields)
    return "\n".join(f"{name:{width}}  {value}" for name, value in fields.items()) + "\n"


@telemetry.command("replay")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--rules", "rules_file", required=True, type=click.Path(path_type=Path), help="The rules, as YAML.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where the events go, as JSON lines.")
@click.option("--engine", type=click.Choice(["embedded", "spark"]), default="embedded", help="What runs the rules.")
@click.option(
    "--stations",
    "stations_file",
    type=click.Path(path_type=Path),
    help="Which devices rules over stations look at together: CSV with the columns device, station, role.",
)
@click.option("--master", help="The Spark cluster (spark://…); without it one of two workers is started for the run.")
@click.option("--json", "as_json", is_flag=True, help="Say what was done as JSON.")
def replay_(
    file: Path, rules_file: Path, out: Path, engine: str, stations_file: Path | None, master: str | None, as_json: bool
) -> None:
    """Run rules over a Parquet file of readings (device, metric, ts, value) and write the events in order of time."""
    from anlan.engines.telemetry.replay import replay
    from anlan.engines.telemetry.rules import read
    from anlan.engines.telemetry.stations import read as read_stations

    def tell(done: int, total: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r{done:,} / {total:,}", nl=done >= total, err=True)

    if not out.absolute().parent.is_dir():  # before what may take hours
        click.echo(f"{out.absolute().parent}: no such folder; make it first", err=True)
        sys.exit(2)
    with _told_in_a_line():
        rules, stations = read(rules_file), read_stations(stations_file) if stations_file else None
        if engine == "spark":
            from anlan.engines.telemetry import spark

            done = spark.replay(file, rules, out, master=master, stations=stations, progress=tell)
        else:
            done = replay(file, rules, out, stations=stations, progress=tell)
    refused = {name: count for name, count in done.counts.items() if count and name != "taken"}
    if as_json:
        click.echo(json.dumps({"readings": done.readings, "events": done.events, "refused": refused}))
        return
    click.echo(f"{done.readings:,} readings, {done.events:,} events")
    for name, count in refused.items():
        click.echo(f"  {_REFUSED[name]}: {count:,}")


_REFUSED = {
    "late": "came later than the window of lateness",
    "twice": "for a moment that was there already",
    "too_many": "more of one device inside the window than any sends",
    "no_number": "without a number, or with an empty column",
    "no_moment": "of no moment between 1970 and 2099",
    "no_rule": "of metrics that no rule minds",
}


@telemetry.command("archive")
def archive() -> None:
    """Move what was evaluated from the journal into the history, now. `anlan gateway` does so every ten minutes.

    Gives way to everything else that wants the processor.
    """
    from anlan.offices.monitoring.keeping import archive as move
    from anlan.offices.monitoring.serving import home

    os.nice(10)
    with _told_in_a_line():
        moved = move(home())
    if moved is None:
        click.echo("journal and history are being copied: later", err=True)
        sys.exit(1)
    click.echo(f"{moved:,} readings")


@telemetry.command("mosquitto")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--port", default=1883, show_default=True, type=click.IntRange(1, 65535))
def mosquitto(folder: Path, port: int) -> None:
    """Write settings, passwords and rights for a Mosquitto that lets the register's devices in."""
    from anlan.offices.monitoring.mosquitto import READER, reader_key, write

    devices = write(folder.absolute(), port)
    click.echo(f"{devices:,} devices. Then: mosquitto -c {folder / 'mosquitto.conf'}; and for `anlan gateway`:")
    click.echo(f"ANLAN_MQTT_PORT=off ANLAN_MQTT_BROKER=mqtt://{READER}:{reader_key()}@localhost:{port}")


@telemetry.command("follow")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--rules", "rules_file", required=True, type=click.Path(path_type=Path), help="The rules, as YAML.")
@click.option("--out", required=True, type=click.Path(path_type=Path), help="Where checkpoint and events stand.")
@click.option("--master", required=True, help="The Spark cluster (spark://…); it sees both folders.")
@click.option("--every", type=click.FloatRange(min=0), help="Seconds between two looks; without it only what is there.")
@click.option("--shards", type=click.IntRange(1, 10_000), default=8, help="Four for each core of the cluster.")
@click.option("--files", type=click.IntRange(1), default=8, help="Files to a batch, at most.")
@click.option("--final", is_flag=True, help="Only events that can change no more.")
def follow_(
    folder: Path, rules_file: Path, out: Path, master: str, every: float | None, shards: int, files: int, final: bool
) -> None:
    """Run rules on a Spark cluster over the Parquet files that land in FOLDER: each event once, whatever is killed.

    Programmes, limits and calibrations are the register's, read again before each batch.
    """
    from django.db import connection

    from anlan.engines.telemetry import spark
    from anlan.engines.telemetry.rules import read
    from anlan.kernel.scope import EVERYWHERE, Actor, acting

    from . import rulebook
    from .moments import moment

    def known() -> spark.Known:
        try:
            with acting(Actor("command", "anlan telemetry follow"), EVERYWHERE):
                # However old what lands is: a calibration of then holds for it.
                return spark.Known(*rulebook.known(moment(0)))
        finally:
            connection.close()  # of a thread that Spark lent for this batch

    def tell(batch: spark.Batch) -> None:
        click.echo(f"{batch.number}: {batch.taken:,} readings by now, {batch.events:,} events")
        for path in batch.unreadable:
            click.echo(f"{path}: no file of readings, left out", err=True)

    with _told_in_a_line():
        rules = read(rules_file)
        spark.follow(
            folder, rules, out, master=master, shards=shards, files=files, at_once=not final, every=every,
            known=known, told=tell,
        )  # fmt: skip


@contextmanager
def _told_in_a_line() -> Iterator[None]:
    """What is wrong with files, rules or the cluster is one line on standard error, and ends the command with 2."""
    from anlan.engines.clusters import NoSpark
    from anlan.engines.telemetry.replay import BadReadings
    from anlan.engines.telemetry.rules import BadRules
    from anlan.engines.telemetry.snapshot import BadSnapshot
    from anlan.engines.telemetry.spark import NotContinued, SparkFailed
    from anlan.engines.telemetry.stations import BadStations
    from anlan.kernel.law import LawError

    try:
        yield
    except (BadRules, BadReadings, BadSnapshot, BadStations, LawError, NoSpark, NotContinued, SparkFailed) as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except OSError as error:
        click.echo(f"{error.filename}: {error.strerror}" if error.filename else str(error), err=True)
        sys.exit(2)


COMMANDS = [telemetry]
