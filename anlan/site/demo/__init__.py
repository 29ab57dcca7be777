"""The demonstration city: synthetic records over real divisions, living from 14 June 2013 on.

Every app's `demo.py` adds its part, in the order of INSTALLED_APPS. All or nothing: an interrupted
load leaves the installation empty. One that is interrupted while it grows to a larger scale goes on when called again.
"""

from __future__ import annotations

import importlib
import importlib.util
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from random import Random

from django.db.models import Model

from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.demo_clock import START

SEED = 20130614


@dataclass(frozen=True, slots=True)
class Scale:
    """How many enterprises, hidden dangers and accidents there are in all, about; 0 is what the small city has."""

    enterprises: int = 0
    dangers: int = 0
    accidents: int = 0


SCALES = {
    "small": Scale(),
    "city": Scale(500_000, 5_000_000, 60_000),
    "province": Scale(5_000_000, 50_000_000, 600_000),
}


class NotEmpty(Exception):
    """There are accounts already: a demonstration is never mixed with anything else."""


def load(password: str, scale: str = "small", say: Callable[[str], None] = print) -> None:
    """Loads the city into an empty installation; the eight sign-ins get `password`.

    Raises `NotEmpty` where there are accounts, ValueError for a scale that does not exist.
    """
    from django.apps import apps

    from anlan.kernel.models import Installation
    from anlan.offices.accidents.models import Accident
    from anlan.parties.demo import DemoCity
    from anlan.parties.models import Account, Enterprise

    if scale not in SCALES:
        raise ValueError(f"no such scale: {scale}; there are {', '.join(SCALES)}")
    with acting(Actor("command", "demo"), EVERYWHERE), clock.frozen(START):
        small = Installation.objects.filter(demonstration=True).exists()
        grown = scale == "small" or (_grown(Enterprise) and _grown(Accident))
        if Account.objects.exists() and (grown or not small):
            raise NotEmpty
        if not small:
            city = DemoCity(Random(SEED), START, password, say)  # noqa: S311 (synthetic data)
            loaded = []
            for config in apps.get_app_configs():
                if config.name.startswith("anlan.") and importlib.util.find_spec(f"{config.name}.demo"):
                    module = importlib.import_module(f"{config.name}.demo")
                    if module.__name__ == __name__:
                        continue
                    began = time.monotonic()
                    module.load(city)
                    loaded.append(module)
                    say(f"{config.label}: {time.monotonic() - began:.1f} s")
            for module in loaded:
                # What rests on the records of offices that load later.
                if hasattr(module, "load_last"):
                    module.load_last(city)
            shift = START - datetime.now(clock.BEIJING)
            Installation.objects.update_or_create(pk=1, defaults={"demonstration": True, "clock_shift": shift})
    if not small:
        clock.set_shift(shift)
    if scale != "small":
        multiply(SCALES[scale], say)


def _grown(model: type[Model]) -> bool:
    """Whether there are more than a small city has."""
    return model._default_manager.order_by()[:10_000].count() == 10_000


def multiply(scale: Scale, say: Callable[[str], None] = print) -> None:
    """Fills the small city up to a scale: enterprises and dangers in one transaction, the accidents in another.

    What is there already, since it was interrupted between the two, is left as it is.
    """
    import numpy as np

    from anlan.kernel import bulk
    from anlan.kernel.cases.multiply import multiply as cases
    from anlan.offices.accidents import demo as accidents
    from anlan.offices.accidents.models import Accident
    from anlan.offices.hazards.lifecycle import LIFECYCLE
    from anlan.parties import demo_city
    from anlan.parties.models import Enterprise

    who, rng = Actor("command", "demo"), np.random.default_rng(SEED)
    with acting(who, EVERYWHERE):
        poured, added = _grown(Enterprise), _grown(Accident)
    if not poured:
        with clock.frozen(START), bulk.pouring(who, EVERYWHERE) as cursor:
            began = time.monotonic()
            enterprises, people = demo_city.multiply(cursor, scale.enterprises, rng)
            say(f"{enterprises:,} enterprises, {people:,} people: {time.monotonic() - began:.0f} s")
            began = time.monotonic()
            entries = cases(cursor, LIFECYCLE, scale.dangers, rng)
            say(f"{scale.dangers:,} hidden dangers with {entries:,} entries: {time.monotonic() - began:.0f} s")
    if scale.accidents and not added:
        began = time.monotonic()
        with acting(who, EVERYWHERE), clock.frozen(START):
            number = accidents.multiply(scale.accidents, START, Random(SEED))  # noqa: S311 (synthetic data)
        say(f"{number:,} accidents: {time.monotonic() - began:.0f} s")
