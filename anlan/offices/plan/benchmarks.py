"""How long a bulletin takes, from the records of the city as it stands to the printed page."""

from __future__ import annotations

import statistics
import time

from django.conf import settings

from anlan.engines.measures import Period
from anlan.engines.papers import docx, fonts, pdf
from anlan.kernel import areas, clock
from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.site.bench import Measured, benchmark

from .bulletins import draft, facts


@benchmark("bulletin_s", unit="s", target=5.0, more_is_better=False)
def bulletin() -> Measured:
    """Last month's notice as PDF, the median of three after one; the details say its parts, its pages and the DOCX."""
    from pypdfium2 import PdfDocument

    month = Period.of("month", clock.today()).previous()
    if month is None:
        raise RuntimeError("there is no month before")
    parts: dict[str, list[float]] = {"facts": [], "draft": [], "pdf": [], "docx": []}
    pages = 0
    for _ in range(4):
        with acting(Actor("command", "anlan bench"), EVERYWHERE):
            code, _tier = areas.whole("")
            begun = time.perf_counter()
            found = facts.gather("monthly", month, code)
        read = time.perf_counter()
        paper = draft.paper(found)
        drafted = time.perf_counter()
        printed = pdf.render(paper, fonts.faces(settings.PAPER_FONTS)).data
        rendered = time.perf_counter()
        docx.render(paper)
        ended = time.perf_counter()
        for name, spent in zip(
            parts, (read - begun, drafted - read, rendered - drafted, ended - rendered), strict=True
        ):
            parts[name].append(spent)
        pages = len(PdfDocument(printed))
    taken = {name: statistics.median(times[1:]) for name, times in parts.items()}
    return Measured(taken["facts"] + taken["draft"] + taken["pdf"], {**taken, "pages": pages})
