"""The `anlan` command: its own group, filled by each app's `commands.py`; anything else is Django's."""

from __future__ import annotations

import atexit
import gc
import importlib
import importlib.util
import logging
import os
import sys

import click

# These do without the installation's clock: they work before there is a database, or set it themselves.
_CLOCKLESS = {
    "start", "web", "worker", "migrate", "database", "doctor", "translations", "demo", "backup", "restore",
    "archive", "replica", "new", "gateway", "simulate",
}  # fmt: skip
_PLAIN = {"--help", "read", "grade", "decode", "replay"}
"""Parts of commands that work on files alone: of `plan`, `accidents` and `telemetry`."""
_SERVING = {"start", "web", "worker", "gateway", "simulate"}


def commands() -> click.Group:
    """Every command of every app. Django must be set up."""
    from django.apps import apps

    group = click.Group("anlan", help="Anlan: the platform on which a city runs its work safety.")
    for config in apps.get_app_configs():
        name = f"{config.name}.commands"
        if config.name.startswith("anlan.") and importlib.util.find_spec(name):
            for command in importlib.import_module(name).COMMANDS:
                group.add_command(command)
    return group


def main() -> None:
    """Entry point of `anlan` and `python -m anlan`."""
    _collect_seldom()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anlan.site.settings")
    # Threads with which a library reckons wait for each other without taking the processor from other parts meanwhile.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import django
    from django.core.exceptions import ImproperlyConfigured

    try:
        django.setup()
    except ImproperlyConfigured as error:
        print(f"anlan: {error}", file=sys.stderr)
        sys.exit(2)
    group = commands()
    gc.freeze()  # what is loaded by now stays
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name not in _SERVING:  # a command says once, in its own words, that the database does not answer
        logging.getLogger("psycopg.pool").setLevel(logging.ERROR)
    if name not in group.commands and not name.startswith("-"):
        from django.core.management import execute_from_command_line, get_commands

        if name in get_commands():
            execute_from_command_line(sys.argv)
            return
    elif name in group.commands and name not in _CLOCKLESS and not _PLAIN & set(sys.argv[2:3]):
        _set_clock()
    from django.db import OperationalError

    try:
        group(prog_name="anlan")
    except OperationalError as error:
        print(f"anlan: the database does not answer: {str(error).strip().splitlines()[0]}", file=sys.stderr)
        sys.exit(1)


def _collect_seldom() -> None:
    """Has Python look for unreachable circles after 50,000 new objects instead of 700, and not once more at the end.

    A short command hardly does anything but load libraries, which are such objects by the hundred thousand and stay:
    looking through them took a fifth of its time.
    """
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)


def _set_clock() -> None:
    from django.db import DatabaseError, connections

    from anlan.site.installation import set_clock

    try:
        set_clock()
    except DatabaseError:
        # Commands such as `plan read` need no database; one that does will say so itself.
        connections["default"].close()
