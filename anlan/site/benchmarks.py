"""What the house itself promises."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from anlan.site.bench import benchmark, pages  # noqa: F401 - the pages declare theirs themselves
from anlan.site.postgres import Server


@benchmark("database_start_s", unit="s", target=3.0, more_is_better=False)
def database_start() -> float:
    """Starting the embedded database on data that are there, in seconds."""
    with tempfile.TemporaryDirectory(prefix="anlan-bench-", dir=Path.cwd()) as folder:
        Path(folder).chmod(0o755)
        server = Server(Path(folder))
        server.start()
        server.stop()
        began = time.perf_counter()
        server.start()
        taken = time.perf_counter() - began
        server.stop()
    return taken
