"""What every command waits for before it does anything."""

from __future__ import annotations

import subprocess
import sys

HEAVY = {
    "duckdb", "ibis", "jsonschema", "numba", "numpy", "pandas", "polars", "pyarrow", "scipy", "sklearn", "statsmodels",
}  # fmt: skip


def test_a_command_begins_without_the_libraries_that_only_some_need() -> None:
    code = "import sys, django; django.setup(); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert HEAVY & set(done.stdout.split()) == set()
