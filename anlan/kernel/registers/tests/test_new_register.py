"""`anlan new register` writes code that compiles and is never written over."""

from __future__ import annotations

from pathlib import Path

import pytest

from anlan.kernel.registers.commands import write


def test_the_start_of_a_register_compiles_and_is_short(tmp_path: Path) -> None:
    written = write("gas-cylinders", tmp_path, "anlan.parties")
    for path in written:
        compile(path.read_text(), str(path), "exec")
    assert "class GasCylinder(Kept)" in written[0].read_text()
    assert 'name = "gas-cylinders"' in written[1].read_text()
    assert len(written[1].read_text().splitlines()) <= 60


def test_what_is_there_is_not_written_over(tmp_path: Path) -> None:
    write("depots", tmp_path, "anlan.parties")
    with pytest.raises(ValueError, match="already"):
        write("depots", tmp_path, "anlan.parties")


@pytest.mark.parametrize("name", ["Depots", "depot", "../depots", "1s", ""])
def test_names_that_cannot_be_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="plural"):
        write(name, tmp_path, "anlan.parties")
    assert not list(tmp_path.iterdir())
