"""What each house would do first, done once."""

from __future__ import annotations

import pytest

from .house import House


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> House:
    """A house that does not run and holds what `anlan migrate` makes from nothing; others settle like it."""
    house = House(tmp_path_factory.mktemp("migrated"))
    done = house.anlan("migrate")
    assert done.returncode == 0, done.stderr
    house.server.stop()
    return house
