"""The life of a publication: that of every official paper, with the run of its jobs on its page."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from anlan.kernel.cases.lifecycle import Clock, declare
from anlan.parties import papers
from anlan.parties.papers.lifecycle import may_edit, seated

from .models import BulletinRun, Publication


def lead(case: Publication, account: Any) -> dict[str, Any]:
    """The run that goes on, or the last; of an issued one what the records say by now."""
    last = BulletinRun.objects.filter(publication=case).select_related("progress").order_by("-id").first()
    at_home = account.role in case.lifecycle.open_by and not seated(case, account)
    standing = case.issued is not None and case.state != "revoked"
    return {
        "lead_template": "plan/publication.html", "run": last, "may_compare": at_home and standing,
        "may_draft": may_edit(case, account),
        "corrected": (standing and Publication.objects.filter(corrects=case.issued).exclude(
            state__in=("withdrawn", "revoked")).first()) or None,
    }  # fmt: skip


LIFECYCLE = declare(
    papers.official(
        "publication",
        Publication,
        title=_("Publications"),
        singular=pgettext_lazy("paper", "Publication"),
        number="{mark}通报稿〔{year}〕{n}号",
        icon="news",
        page="plan:bulletins",
        start_clock=Clock(field="due_on"),
        lead=lead,
        sections=(
            (_("Paper"), ("series", "period", "authority", "document_number", "corrects", "signatory", "due_on")),
            (pgettext_lazy("paper", "Signature"), ("signed_by", "signed_at")),
        ),
    )
)
