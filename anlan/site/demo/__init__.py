"""The demonstration city: synthetic records over real divisions, living from 14 June 2013 on.

Every app's `demo.py` adds its part, in the order of INSTALLED_APPS. All or nothing: an interrupted
load leaves the installation empty.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable
from datetime import datetime
from random import Random

from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, Actor, acting

START = datetime(2013, 6, 14, 9, 0, tzinfo=clock.BEIJING)
"""What the demonstration city's clock shows when it is loaded."""

SEED = 20130614
SCALES = ("small",)


class NotEmpty(Exception):
    """There are accounts already: a demonstration is never mixed with anything else."""


def load(password: str, scale: str = "small", say: Callable[[str], None] = print) -> None:
    """Loads the city into an empty installation; the eight sign-ins get `password`.

    Raises `NotEmpty` where there are accounts, ValueError for a scale that does not exist.
    """
    from django.apps import apps

    from anlan.kernel.models import Installation
    from anlan.parties.demo import DemoCity
    from anlan.parties.models import Account

    if scale not in SCALES:
        raise ValueError(f"no such scale: {scale}; there is {', '.join(SCALES)}")
    with acting(Actor("command", "demo"), EVERYWHERE), clock.frozen(START):
        if Account.objects.exists():
            raise NotEmpty
        city = DemoCity(Random(SEED), START, password, say)  # noqa: S311 (synthetic data)  # noqa: S311 - a city, not a secret
        for config in apps.get_app_configs():
            if config.name.startswith("anlan.") and importlib.util.find_spec(f"{config.name}.demo"):
                module = importlib.import_module(f"{config.name}.demo")
                if module.__name__ == __name__:
                    continue
                began = time.monotonic()
                module.load(city)
                say(f"{config.label}: {time.monotonic() - began:.1f} s")
        shift = START - datetime.now(clock.BEIJING)
        Installation.objects.update_or_create(pk=1, defaults={"demonstration": True, "clock_shift": shift})
    clock.set_shift(shift)
