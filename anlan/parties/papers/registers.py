"""The archive of issued papers as a list."""

from __future__ import annotations

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from anlan.engines.papers import Paper, Paragraph, digest, encode
from anlan.kernel import clock
from anlan.kernel.policy import EVERY_ROLE, Rights
from anlan.kernel.registers import Register, register
from anlan.parties.models import Authority, IssuedPaper

HERE = "500112000000"
SAMPLE = Paper(title="样本公文", issuer="样本机关", blocks=(Paragraph("样本"),))


def sample_authority() -> Authority:
    """The authority of all samples: authorities are read by everybody."""
    return Authority.objects.get_or_create(
        name="样本机关", defaults={"short_name": "样办", "kind": "committee_office", "tier": 2, "area_code": HERE}
    )[0]


def sample_issued(number: int) -> IssuedPaper:
    return IssuedPaper(
        number=f"样办〔2013〕{number}号", code="样办", year=2013, serial=number, kind="publication",
        case_number=f"样〔2013〕{number}号", title=f"样本公文{number}", authority=sample_authority(), area_code=HERE,
        signed_on=clock.today(), signed_by="样本", body=encode(SAMPLE).decode(), body_digest=digest(SAMPLE),
    )  # fmt: skip


def _whole(row: Any, _who: Any) -> tuple[str, dict[str, Any]]:
    return "papers/_more.html", {"url": reverse("papers:issued", args=(row.pk,))}


@register
class IssuedPapers(Register):
    name = "issued-papers"
    model = IssuedPaper
    title = _("Issued papers")
    singular = _("Issued paper")
    icon = "archive"
    group = "papers"
    columns = ("number", "title", "authority", "signed_on", "published_at", "public", "withdrawn_at")
    filters = ("year", "authority", "public", "kind")
    exact = ("kind",)
    search = ("number", "title")
    natural_key = ("number",)
    sections = (
        (_("Issued paper"), ("number", "title", "authority", "signed_by", "signed_on", "issued_at", "corrects")),
        (_("Publication"), ("public", "published_at", "withdrawn_at", "withdrawn_why", "archived_at")),
        (_("Frozen content"), ("body_digest", "facts_digest")),
    )
    order = "-issued_at"
    part = staticmethod(_whole)
    sample = staticmethod(sample_issued)
    rights = Rights(see=EVERY_ROLE)
