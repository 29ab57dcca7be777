"""How long a bulletin takes, from the records of the city as it stands to the printed page."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.site.bench import Measured, benchmark

from .models import Plan


@benchmark("bulletin_s", unit="s", target=5.0, more_is_better=False)
def bulletin() -> Measured:
    """May's notice of the plan's year as PDF, each by a command of its own that keeps nothing: the median of three."""
    from pypdfium2 import PdfDocument

    with acting(Actor("command", "anlan bench"), EVERYWHERE):
        year = Plan.objects.filter(state="adopted").latest("year").year
    times = []
    with tempfile.TemporaryDirectory(prefix="anlan-bench-") as folder:
        out = Path(folder) / "notice.pdf"
        for _ in range(3):
            begun = time.perf_counter()
            command = [
                sys.executable,
                "-m",
                "anlan",
                "bulletin",
                "monthly",
                "--period",
                f"{year}-05",
                "--out",
                str(out),
            ]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times.append(time.perf_counter() - begun)
        pages = len(PdfDocument(out.read_bytes()))
    return Measured(statistics.median(times), {"pages": pages})
