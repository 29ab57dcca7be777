"""Official papers: drafted, edited, reviewed, signed, numbered, issued, published, archived; never changed afterwards.

An office makes a kind of paper of its own in four steps:

1. `models.py`: a subclass of `anlan.parties.models.OfficialPaper` with what the kind needs besides, and with
   `class Meta(OfficialPaper.Meta)`.
2. `lifecycle.py`: `declare(papers.official("order", Order, title=…, singular=…, number="{mark}督稿〔{year}〕{n}号"))`.
   `number` is that of the draft; the document number (渝安办〔2013〕12号) is given when it is issued. `moves` and
   `states` add what the kind does besides, from "issued" or "published" on; `lead` what its page shows besides.
3. A `Register` of the model (see `plan/registers.py`, `Publications`) for its list.
4. `tests/`: a `LifecycleMachine`, and a `sample` in the register.

A draft is opened by `papers.draft(kind, by, authority=…, paper=…, facts=…, **fields)`: `paper` is an
`anlan.engines.papers.Paper` without number and date; `facts` is JSON text that it rests on, or nothing. From then on
all is there: the case's page with its text, the editor and the preview (`papers:edit`, `papers:preview`), the signing
chain, number, files, the archive (register "issued-papers"), the public's page at `/public/papers/`, corrections
(`corrects=` an issued paper) and `anlan paper`.

Who may what: drafters are those of the kind's `who` at the seat of the authority (`Case.owner_area_code`); a reviewer
is another one who wrote nothing of it; only who holds the post of the authority's principal head (`Post.head`, through
`Account.person`) signs. Text and facts change in the state "draft" alone, and what was issued never: triggers hold it.
Numbers are one series for each organ code (`Authority.short_name`) and year, whatever the kind.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .issuing import again, render
    from .lifecycle import draft, edit, may_edit, official, redraft

__all__ = ("again", "draft", "edit", "may_edit", "official", "redraft", "render")
_ELSEWHERE = {"again": ".issuing", "render": ".issuing"}


def __getattr__(name: str) -> Any:
    # Models can be imported only once the apps are loaded.
    if name not in __all__:
        raise AttributeError(name)
    return getattr(import_module(_ELSEWHERE.get(name, ".lifecycle"), __name__), name)
