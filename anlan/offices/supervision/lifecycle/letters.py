"""The life of a letter: that of every official paper, and what hangs on it when it is out, withdrawn or revoked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.kernel.cases.lifecycle import STOP, Clock, Field, Move, declare
from anlan.kernel.cases.universal import REASON
from anlan.parties import papers
from anlan.parties.papers.lifecycle import ISSUERS, leads, seated

from .. import issuing, page
from ..models import Letter
from .shared import ahead


def demands(case: Letter) -> Any:
    return _("The minutes are changed at their meeting.") if case.genre == "minutes" else None


def whole(case: Letter, facts: Mapping[str, Any]) -> Any:
    """An order says what is to be done and until when; a circular what it does."""
    missing = ("asked", "answer_by") if case.genre == "order" else ("measure",)
    wrong = {name: [_("This is not in place.")] for name in missing if not facts.get(name)}
    if facts.get("answer_by"):
        wrong |= ahead("answer_by")(case, facts) or {}
    return wrong


LETTER = declare(
    papers.official(
        "letter", Letter, title=_("Letters of supervision"), singular=_("Letter of supervision"),
        number="{mark}督稿〔{year}〕{n}号", icon="mail-forward", lead=page.letter,
        moves=(
            Move(
                "change", _("Change what is demanded"), ("draft",), None, ISSUERS, barred=seated, ready=demands,
                demands=(Field("subject"), Field("grounds", rows=3),
                         Field("asked", rows=3, required=False),
                         Field("answer_by", required=False), Field("measure", required=False)),
                gate=whole, effect=issuing.changed, words=_("%(actor)s changed what is demanded; the text is new"),
            ),
            Move(
                "publish", _("Send to the addressees"), ("issued",), "published", ISSUERS, barred=seated,
                effect=issuing.published, clock=Clock(rule="papers.archive"), tone="primary",
                words=_("%(actor)s sent the paper to its addressees"),
            ),
            Move(
                "withdraw", pgettext_lazy("paper", "Withdraw"), ("draft", "review", "signing", "signed"), "withdrawn",
                ISSUERS, barred=seated, demands=(REASON,), effect=issuing.withdrawn, clock=STOP, tone="critical",
                words=_("%(actor)s withdrew the draft: %(reason)s"),
            ),
            Move(
                "revoke", _("Take it back"), ("issued", "published"), "revoked", ISSUERS, barred=leads,
                demands=(REASON,), effect=issuing.taken_back, clock=STOP, tone="critical",
                words=_("%(actor)s revoked the paper: %(reason)s"), in_person=True,
            ),
        ),
        sections=(
            (_("Letter"), ("genre", "subject", "grounds", "asked", "answer_by", "measure", "meeting")),
            (_("Paper"), ("authority", "document_number", "corrects", "signatory")),
            (_("Signature"), ("signed_by", "signed_at")),
        ),
    )
)  # fmt: skip
