"""`anlan start`, the parts one by one (`web`, `worker`), `migrate`, `database`, `doctor`, `translations`, `bench`."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path

import click
from django.conf import settings

from anlan.site.backup.commands import COMMANDS as backup_commands
from anlan.site.installation import bring_up_to_date, embedded

DEMO_USERS = ("city", "department", "district", "township", "village", "inspector", "enterprise", "duty")


def served_port() -> int:
    """The port on which this installation serves: `ANLAN_PORT`, or 8000."""
    text = os.environ.get("ANLAN_PORT", "8000")
    if not text.isdigit() or not 0 < int(text) < 65536:
        raise click.UsageError(f"ANLAN_PORT is {text!r}; it must be a number from 1 to 65535")
    return int(text)


@click.command()
def start() -> None:
    """Start everything on this machine: database, web, worker. Stop with Ctrl-C."""
    from anlan.site.postgres import Server, ServerFailed
    from anlan.site.supervisor import CannotStart, Supervisor

    port = served_port()
    server = Server(settings.HOME) if embedded() else None
    if server and server.is_replica():
        raise click.ClickException(f"{settings.HOME} is a replica; `anlan replica promote` makes it the main one")

    def prepare() -> None:
        supervisor.step("Migrations", bring_up_to_date)
        if os.environ.get("ANLAN_DEMO", "1") != "0" and _demo_there() and not _has_accounts():
            supervisor.step("Demonstration city", _load_demo)

    def ready() -> None:
        click.echo(f"\nAnlan 安澜 serves at http://127.0.0.1:{port}")
        if (settings.HOME / "demo-password").exists():
            from anlan.site.secrets import demo_password

            if os.environ.get("ANLAN_GATEWAY", "1") != "0":
                supervisor.add("simulator", "simulate")

            click.echo(f"Demonstration sign-ins: {', '.join(DEMO_USERS)}")
            click.echo(f"Password for each: {demo_password()}   (kept in {settings.HOME / 'demo-password'})")
        click.echo("Stop with Ctrl-C.\n")

    supervisor = Supervisor(settings.HOME, port, server, prepare)
    try:
        supervisor.run(ready)
    except (CannotStart, ServerFailed) as error:
        raise click.ClickException(str(error)) from None


def _has_accounts() -> bool:
    from django.contrib.auth import get_user_model

    from anlan.kernel.scope import EVERYWHERE, Actor, acting

    with acting(Actor("command", "start"), EVERYWHERE):
        return get_user_model()._default_manager.exists()


def _demo_there() -> bool:
    return importlib.util.find_spec("anlan.site.demo") is not None


def _load_demo() -> None:
    import subprocess

    done = subprocess.run([sys.executable, "-m", "anlan", "demo", "--scale", "small"])
    if done.returncode < 0:  # stopped from outside, together with us
        sys.exit(1)
    if done.returncode:
        from anlan.site.supervisor import CannotStart

        raise CannotStart("the demonstration city could not be loaded; ANLAN_DEMO=0 starts without it")


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on; ANLAN_PORT or 8000 if not given.")
@click.option("--workers", type=click.IntRange(1, 64), help="Processes; as many as cores, at most 4, if not given.")
def web(host: str, port: int | None, workers: int | None) -> None:
    """Serve the pages and the interfaces."""
    from granian.constants import Interfaces, Loops
    from granian.server import Server

    from anlan.site.supervisor import end_with_supervisor

    end_with_supervisor()
    Server(
        "anlan.site.asgi:application",
        address=host,
        port=port or served_port(),
        interface=Interfaces.ASGINL,  # Django takes no lifespan messages
        loop=Loops.uvloop,
        workers=workers or min(4, os.cpu_count() or 1),
        websockets=False,
        respawn_failed_workers=True,
        respawn_interval=1.0,
        workers_kill_timeout=10,
        working_dir=settings.ROOT,
    ).serve()


@click.command()
def worker() -> None:
    """Do the jobs, hand on the events, keep the schedules."""
    import logging

    from anlan.kernel.jobs import work
    from anlan.site.installation import set_clock
    from anlan.site.supervisor import end_with_supervisor

    end_with_supervisor()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    set_clock()
    work()


@click.command()
@click.option("--host", default="0.0.0.0", show_default=True)  # noqa: S104 (devices come from outside)
@click.option("--port", type=click.IntRange(0, 65535), help="For JT/T 808; else ANLAN_JT808_PORT, or 8808.")
def gateway(host: str, port: int | None) -> None:
    """Let devices in, put on disk what they send, run the rules over it.

    Vehicles speak JT/T 808 (ANLAN_JT808_PORT, 8808), receivers of ships AIS (ANLAN_AIS_PORT, 10110; from the networks
    in ANLAN_AIS_FROM), devices MQTT (ANLAN_MQTT_PORT, 1883; or read from ANLAN_MQTT_BROKER). `off` closes a way in.
    """
    import logging

    import uvloop

    from anlan.offices.monitoring.doors import Wrong, said
    from anlan.offices.monitoring.serving import Gateway
    from anlan.site.installation import set_clock
    from anlan.site.supervisor import end_with_supervisor

    end_with_supervisor()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    set_clock()
    try:
        doors = said(os.environ, host, port)
    except Wrong as error:
        raise click.UsageError(str(error)) from None

    async def run() -> None:
        await Gateway(doors, lambda words: click.echo(words)).run()

    uvloop.run(run())


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(1, 65535), help="Of the gateway for JT/T 808; else as `anlan gateway`.")
@click.option("--vehicles", default=100, show_default=True, type=click.IntRange(1, 100_000))
@click.option("--sensors", default=200, show_default=True, type=click.IntRange(0, 100_000))
@click.option("--ships", default=20, show_default=True, type=click.IntRange(0, 100_000))
@click.option("--seed", default=1, show_default=True)
def simulate(host: str, port: int | None, vehicles: int, sensors: int, ships: int, seed: int) -> None:
    """Let devices of the register drive, measure and sail that are none: for the demonstration, and for load."""
    from anlan.offices.monitoring.doors import Wrong, said
    from anlan.offices.monitoring.simulation import simulate as begin
    from anlan.site.installation import set_clock
    from anlan.site.supervisor import end_with_supervisor

    end_with_supervisor()
    set_clock()
    try:
        begin(said(os.environ, host, port), (vehicles, sensors, ships), seed)
    except Wrong as error:
        raise click.UsageError(str(error)) from None


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def migrate(arguments: tuple[str, ...]) -> None:
    """Bring the database to this version: tables, policies, grants, triggers. Takes Django's own arguments too."""
    from django.core.management import execute_from_command_line

    if embedded():
        from anlan.site.postgres import Server, ServerFailed, ensure_database

        server = Server(settings.HOME)
        try:
            server.start()
        except ServerFailed as error:
            raise click.ClickException(str(error)) from None
        ensure_database(server, "anlan")
    if arguments:
        execute_from_command_line(["anlan", "migrate", "--database", "owner", *arguments])
    else:
        bring_up_to_date()
        click.echo("the database is at this version")


@click.group()
def database() -> None:
    """The embedded PostgreSQL by itself, without web and worker."""


@database.command("start")
def database_start() -> None:
    """Start it, if it is not running, and make roles and database where they are missing."""
    from anlan.site.postgres import Server, ServerFailed, ensure_database

    server = Server(settings.HOME)
    try:
        server.start()
    except ServerFailed as error:
        raise click.ClickException(str(error)) from None
    ensure_database(server, "anlan")
    click.echo(f"runs; socket in {server.socket}")


@database.command("stop")
def database_stop() -> None:
    """Stop it."""
    from anlan.site.postgres import Server

    Server(settings.HOME).stop()
    click.echo("stopped")


@click.command()
@click.option("--deep", is_flag=True, help="Read every evidence file and the whole audit chain, however long it takes.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def doctor(deep: bool, as_json: bool) -> None:
    """What is wrong with this installation, in words. Exit 1 if anything is."""
    from dataclasses import asdict

    from anlan.site.doctor import examine

    findings = examine(deep)
    if as_json:
        click.echo(json.dumps([asdict(f) for f in findings], ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(f"{'ok   ' if finding.well else 'WRONG'} {finding.subject}: {finding.words}")
            if not finding.well and finding.remedy:
                click.echo(f"      → {finding.remedy}")
    sys.exit(0 if all(f.well for f in findings) else 1)


@click.group()
def translations() -> None:
    """The message catalogues."""


@translations.command("compile")
def translations_compile() -> None:
    """Compile every `.po` whose `.mo` is missing or older."""
    from anlan.site.translations import compile_all

    click.echo(f"compiled {compile_all()}")


@translations.command("check")
def translations_check() -> None:
    """Exit 1 and name each message of the code, and each template word, without its Chinese."""
    from anlan.site.translations import faults

    found = faults()
    for fault in found:
        click.echo(fault)
    if not found:
        click.echo("every message has its translation")
    sys.exit(1 if found else 0)


@click.command()
@click.argument("names", nargs=-1)
def bench(names: tuple[str, ...]) -> None:
    """Run the benchmarks (all, or those named), print a table, write var/bench.json."""
    from anlan.site.bench import run

    run(names, Path(settings.HOME) / "bench.json")


COMMANDS: list[click.Command] = [
    start,
    web,
    worker,
    gateway,
    simulate,
    migrate,
    database,
    doctor,
    translations,
    bench,
    *backup_commands,
]
if _demo_there():
    from anlan.site.demo.command import demo

    COMMANDS.append(demo)
