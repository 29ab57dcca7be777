"""Stations: devices that a rule looks at together, as a face's methane sensor and its fan.

Each device of a station has a *role* there, which no other has. A station is one more row of the stream: what its
devices measure is fed to it a second time, by the role (`ch4` of the device with the role `methane` is `methane.ch4`).
So kernel and state know nothing of stations, and readings of devices without one cost nothing more.
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .rules import ROLE

Stations = Mapping[str, tuple[str, str]]
"""For a device its station, and its role there."""
SIGN = "#"
"""Before the name of a station's row, and of the programme of a station: no device of a register is called so."""
COLUMNS = ["device", "station", "role"]
LARGEST = 64 * 1024 * 1024
"""Bytes of a file of stations."""


class BadStations(ValueError):
    """The file does not say which devices form a station; one line: file, line, reason."""


def read(path: Path) -> dict[str, tuple[str, str]]:
    """The stations in a CSV file with the columns device, station and role; raises `BadStations`, `OSError`."""
    if path.stat().st_size > LARGEST:
        raise BadStations(f"{path}: more than {LARGEST} bytes")
    found: dict[str, tuple[str, str]] = {}
    held: dict[tuple[str, str], str] = {}
    line = 1
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.reader(file, strict=True)
            if (head := next(rows, [])) != COLUMNS:
                raise BadStations(f"{path}:1: the columns are {','.join(COLUMNS)}, not {','.join(head)[:100]}")
            for row in rows:
                line = rows.line_num
                if row:
                    _take(found, held, row, f"{path}:{line}")
    except UnicodeDecodeError as error:
        raise BadStations(f"{path}: byte {error.start}: not UTF-8") from error
    except csv.Error as error:
        raise BadStations(f"{path}:{line + 1}: no CSV can be read here ({error})") from error
    return found


def _take(found: dict[str, tuple[str, str]], held: dict[tuple[str, str], str], row: list[str], at: str) -> None:
    if len(row) != len(COLUMNS) or not all(row):
        raise BadStations(f"{at}: a line says {', '.join(COLUMNS)}")
    device, *place = row
    station, role = place
    if not ROLE.fullmatch(role):
        raise BadStations(f"{at}: role {role[:60]!r}: small letters, digits and _, from a letter on, 30 at most")
    if device in found:
        raise BadStations(f"{at}: device {device[:60]!r} stands here twice; it has one role at one station")
    if (other := held.setdefault((station, role), device)) != device:
        raise BadStations(f"{at}: {role} of station {station[:60]!r} is device {other[:60]!r} already")
    found[device] = station, role


def row_of(station: str) -> str:
    """The name of a station's row."""
    return SIGN + station


def spread(
    stations: Stations, calibrations: Mapping[str, Sequence[tuple[int, int]]],
    limits: Iterable[tuple[str, str, int, float]],
) -> tuple[dict[str, list[tuple[int, int]]], list[tuple[str, str, int, float]]]:  # fmt: skip
    """What the stations have of their devices: they are under calibration while one of these is, and what is set for a
    device is set for its station by its role."""
    quiet: dict[str, list[tuple[int, int]]] = {row_of(station): [] for station, _role in stations.values()}
    for device, stretches in calibrations.items():
        if device in stations:
            quiet[row_of(stations[device][0])] += stretches
    told = [(stations[row[0]], row) for row in limits if row[0] in stations]
    return quiet, [(row_of(station), f"{role}.{row[1]}", *row[2:]) for (station, role), row in told]


class Again(NamedTuple):
    """Which readings are fed once more: those whose device has a row here, and whose metric has a code in it.

    `station` says for each device which row it has in `rows`, `table` for each role and metric which of `metrics` it is
    there; -1 where it is none.
    """

    rows: list[str]
    metrics: list[str]
    station: Any
    role: Any
    table: Any

    @classmethod
    def of(
        cls, devices: Mapping[str, int], metrics: Sequence[str], stations: Stations, minded: Collection[str]
    ) -> Again:
        """For readings of these devices (their codes count from 0) and metrics; `minded` are those that rules over
        stations speak of."""
        there = [(devices[name], *place) for name, place in stations.items() if name in devices]
        rows = sorted({station for _d, station, _r in there})
        roles = sorted({role for _d, _s, role in there})
        code, kind = ({name: n for n, name in enumerate(names)} for names in (rows, roles))
        made = np.full((2, len(devices)), -1, np.int32)
        for device, station, role in there:
            made[:, device] = code[station], kind[role]
        called = [f"{role}.{metric}" for role in roles for metric in metrics]
        table = np.array([n if name in minded else -1 for n, name in enumerate(called)] or [-1], np.int32)
        # What is no metric, -1, falls on the last column.
        table = np.pad(table.reshape(max(len(roles), 1), -1), ((0, 0), (0, 1)), constant_values=-1)
        return cls([row_of(name) for name in rows], called, made[0], made[1], table)

    def taken(self, device: Any, metric: Any) -> tuple[Any, Any, Any]:
        """The places of the readings that are fed once more, their stations and metrics there."""
        at = np.flatnonzero(self.station[device] >= 0)
        code = self.table[self.role[device[at]], metric[at]]
        good = code >= 0
        return at[good], self.station[device[at[good]]], code[good]
