"""Numbers, files and the issue of papers; and an issued paper made again from what is kept of it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import msgspec
from django.conf import settings
from django.utils.translation import gettext as _

from anlan.engines.papers import BadPaper, Imprint, Number, Paper, decode, digest, encode
from anlan.kernel import clock, files
from anlan.kernel.cases import MoveRefused, engine
from anlan.kernel.cases.models import CaseCounter
from anlan.kernel.clock import BEIJING
from anlan.parties.models import Authority, Enterprise, IssuedPaper, OfficialPaper, PaperFile, Recipient

FORMS = ("pdf", "docx")


def next_serial(code: str, year: int) -> int:
    """The next number of an organ's series of the year, from 1, without gaps or doubles."""
    series = f"paper:{code}"
    return engine.taken({series: 1}, year)[series]


def begin_after(code: str, year: int, last: int) -> bool:
    """Says up to which number an organ has numbered by hand; False where the series is further already."""
    made, _new = CaseCounter.objects.get_or_create(series=f"paper:{code}", year=year)
    return bool(CaseCounter.objects.filter(pk=made.pk, last__lte=last).update(last=last))


def render(paper: Paper, form: str) -> bytes:
    """The paper as `pdf` or `docx`. Raises `BadPaper`, and `engines.papers.fonts.NoFonts`."""
    from anlan.engines.papers import docx, fonts, pdf

    return docx.render(paper) if form == "docx" else pdf.render(paper, fonts.faces(settings.PAPER_FONTS)).data


def final(case: OfficialPaper, number: Number, issued_on: date) -> Paper:
    """The paper with number, date of signature and date of printing."""
    assert case.signed_at is not None
    signed_on = case.signed_at.astimezone(BEIJING).date()
    text = case.known().paper
    imprint = msgspec.structs.replace(text.imprint or Imprint((), text.issuer), printed_on=issued_on)
    return msgspec.structs.replace(text, number=number, signed_on=signed_on, imprint=imprint)


def issue(case: OfficialPaper, facts: Mapping[str, Any], by: Any) -> None:
    """Numbers the signed paper, makes its files, and keeps both with what it rests on, in the move's transaction."""
    from anlan.engines.papers.fonts import NoFonts

    at, code = clock.now(), case.authority.short_name
    day = at.astimezone(BEIJING).date()
    number = Number(code, day.year, next_serial(code, day.year))
    try:
        paper = final(case, number, day)
        made = {form: render(paper, form) for form in FORMS}
    except (BadPaper, NoFonts) as error:
        raise MoveRefused("gate", _("The paper cannot be laid out: %(why)s") % {"why": error}) from error
    assert number.serial is not None
    assert case.signed_at is not None
    row = IssuedPaper.objects.create(
        number=str(number), code=code, year=day.year, serial=number.serial, kind=case.kind, case_number=case.number,
        title=case.title, authority=case.authority, area_code=case.area_code, industry_id=case.industry_id,
        signed_on=paper.signed_on, signed_by=case.signed_by, issued_at=at, body=encode(paper).decode(),
        body_digest=digest(paper), facts=case.facts, facts_digest=case.facts_digest, corrects=case.corrects,
    )  # fmt: skip
    for form, data in made.items():
        kept = files.put(data)
        PaperFile.objects.create(
            paper=row, form=form, sha256=kept.sha256, media_type=kept.media_type, size=kept.size, made_at=at
        )
    case.issued, case.document_number = row, row.number


def send(paper: IssuedPaper, public: bool, to: Sequence[Authority], enterprises: Sequence[Enterprise] = ()) -> None:
    """Publishes an issued paper to everybody, or to those named; each of them must lie in the scope in force."""
    paper.public, paper.published_at = public, clock.now()
    paper.save(update_fields=["public", "published_at"])
    # Enterprises of one name in two districts are told apart by their codes.
    several = Counter(one.name for one in enterprises)
    called = {one.pk: f"{one.name[:99]}（{one.credit_code or one.pk}）" for one in enterprises if several[one.name] > 1}
    Recipient.objects.bulk_create([
        *(Recipient(paper=paper, name=body.name, area_code=body.area_code, industry_id=industry or None)
          for body in to for industry in dict.fromkeys(body.industries or [""])),
        *(Recipient(paper=paper, name=called.get(one.pk, one.name), area_code=one.area_code,
                    industry_id=one.industry_id, enterprise_id=one.pk) for one in enterprises),
    ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Again:
    """An issued paper made again: `same` says of each form whether it is the file that is kept, byte for byte; `text`
    whether the text has the digest that it was issued with, `facts` the same of what it rests on; `drafted` whether
    the program drafts of these facts the words that it did, None where there is nothing to draft from."""

    paper: Paper
    data: dict[str, bytes]
    same: dict[str, bool]
    text: bool
    facts: bool
    drafted: bool | None


def again(issued: IssuedPaper, forms: Sequence[str] = FORMS, case: OfficialPaper | None = None) -> Again:
    """Makes an issued paper once more from its frozen text alone; and, of its `case`, the draft from its facts.

    Raises `BadPaper` and `NoFonts`.

    Files differ where fonts or the program that lays out do; text and facts never do.
    """
    paper = decode(issued.body)
    data = {form: render(paper, form) for form in forms}
    kept = {file.form: file.sha256 for file in issued.files.all()}
    drafted = case.from_facts() if case is not None else None
    return Again(
        paper, data, {form: hashlib.sha256(made).hexdigest() == kept.get(form) for form, made in data.items()},
        digest(paper) == issued.body_digest,
        not issued.facts or hashlib.sha256(issued.facts.encode()).hexdigest() == issued.facts_digest,
        None if case is None or drafted is None else encode(drafted).decode() == case.machine,
    )  # fmt: skip
