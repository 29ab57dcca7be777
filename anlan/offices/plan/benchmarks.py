"""How long a bulletin takes, from the records of the city as it stands to the printed page."""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.conf import settings

from anlan.engines.measures import Period
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.site.bench import Measured, benchmark

from .bulletins import draft, facts
from .models import Plan


@benchmark("bulletin_s", unit="s", target=5.0, more_is_better=False)
def bulletin() -> Measured:
    """May's notice of the plan's year as PDF, each by a command of its own that keeps nothing: the median of three. The
    details say what a process takes that has drafted another month before, as the worker has."""
    from pypdfium2 import PdfDocument

    from anlan.engines.papers import fonts, pdf

    with acting(Actor("command", "anlan bench"), EVERYWHERE):
        plan = Plan.objects.filter(state="adopted").latest("year")
        faces = fonts.faces(settings.PAPER_FONTS)

        def drafted(month: int) -> bytes:
            found = facts.gather("monthly", Period.parse(f"{plan.year}-{month:02}"), plan.area_code)
            return pdf.render(draft.paper(found), faces).data

        drafted(4)
        times, made = zip(*(_timed(lambda: drafted(5)) for _ in range(3)), strict=True)
    with tempfile.TemporaryDirectory(prefix="anlan-bench-") as folder:
        out = Path(folder) / "notice.pdf"
        words = ["bulletin", "monthly", "--period", f"{plan.year}-05", "--out", str(out)]
        command = [sys.executable, "-m", "anlan", *words]
        alone = [_timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL))[0] for _ in range(3)]
    details = {"pages": len(PdfDocument(made[0])), "as the worker": statistics.median(times)}
    return Measured(statistics.median(alone), details)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    begun = time.perf_counter()
    done = work()
    return time.perf_counter() - begun, done
