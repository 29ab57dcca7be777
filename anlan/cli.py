"""The `anlan` command: its own group, filled by each app's `commands.py`; anything else is Django's."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys

import click


def main() -> None:
    """Entry point of `anlan` and `python -m anlan`."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anlan.site.settings")
    import django
    from django.apps import apps
    from django.conf import settings

    group = click.Group("anlan", help="Anlan: the platform on which a city runs its work safety.")
    django.setup()
    for config in apps.get_app_configs():
        name = f"{config.name}.commands"
        if config.name.startswith("anlan.") and importlib.util.find_spec(name):
            module = importlib.import_module(name)
            for command in module.COMMANDS:
                group.add_command(command)
    if len(sys.argv) > 1 and sys.argv[1] not in group.commands and not sys.argv[1].startswith("-"):
        from django.core.management import execute_from_command_line, get_commands

        if sys.argv[1] in get_commands():
            _ = settings
            execute_from_command_line(sys.argv)
            return
    group(prog_name="anlan")
