"""Commands that ask what day it is go by the installation's clock, lest a demonstration of 2013 be let go."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import click
import pytest

from anlan import cli


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[bool]]:
    """Whether the clock was set before a command ran. The commands themselves do nothing."""
    found: list[bool] = []
    real = cli.commands()
    idle = {name: click.Command(name, context_settings={"ignore_unknown_options": True}, params=[
        click.Argument(["rest"], nargs=-1)], callback=lambda rest: None) for name in real.commands}  # fmt: skip
    monkeypatch.setattr(cli, "commands", lambda: click.Group("anlan", commands=idle))
    monkeypatch.setattr(cli, "_set_clock", lambda: found.append(True))
    return found


@pytest.mark.parametrize(("words", "sets"), [
    ("telemetry archive", True), ("telemetry follow folder", True), ("telemetry mosquitto folder", True),
    ("telemetry decode ais x", False), ("telemetry replay file", False), ("plan read file", False),
    ("plan clauses 2013", True), ("gateway", False),  # which sets it itself, as it serves
])  # fmt: skip
def test_what_asks_for_the_day_goes_by_the_installations_clock(
    asked: list[bool], monkeypatch: pytest.MonkeyPatch, words: str, sets: bool
) -> None:
    monkeypatch.setattr(sys, "argv", ["anlan", *words.split()])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert (end.value.code, asked == [True]) == (0, sets)
