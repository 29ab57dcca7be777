"""Papers in the browser: their text on the case's page, the editor, the preview, the archive, the public's page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.safestring import mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_http_methods, require_safe

from anlan.engines.papers import BadPaper, Block, Chart, Heading, Number, Paper, Table, charts, decode
from anlan.engines.papers.fonts import NoFonts
from anlan.engines.papers.layout import TITLE_WIDTH
from anlan.engines.papers.paper import day, numbered
from anlan.engines.papers.texts import title_lines
from anlan.kernel import clock, files
from anlan.kernel import public as pages
from anlan.kernel.astray import Astray
from anlan.kernel.cases import MoveRefused, Stale
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.cases.views import find
from anlan.kernel.registers.meanwhile import Change, decided
from anlan.parties.models import IssuedPaper, OfficialPaper

from . import issuing
from .forms import WRONG, EditForm
from .lifecycle import edit as edit_text
from .lifecycle import may_edit
from .text import BadText, Part, Section, Text, numbers_of

PUBLIC = 100
"""So many papers stand on one of the public's pages, the latest first."""


def _paper_case(account: Any, kind: str, number: str) -> OfficialPaper:
    _declared, case = find(account, kind, number)
    if not isinstance(case, OfficialPaper):
        raise Http404
    return case


# --- A paper on a page -----------------------------------------------------------------------------


def drawn(blocks: Iterable[Block]) -> Iterator[dict[str, Any]]:
    """What a page shows of each block. Texts are left to the template, which escapes them."""
    for block, mark in numbered(list(blocks)):
        made: dict[str, Any] = {"kind": type(block).__name__.lower(), "mark": mark, "block": block}
        if isinstance(block, Table):
            align = block.align or "l" * len(block.head)
            made["rows"] = [list(zip(row, align, strict=True)) for row in block.rows]
        elif isinstance(block, Chart):
            made["svg"] = mark_safe(charts.svg(block, "sans-serif"))  # noqa: S308 (XML of our own, texts escaped there)
        yield made


def on_page(paper: Paper) -> dict[str, Any]:
    """A whole paper for `papers/_paper.html`."""
    return {
        "paper": paper, "title": title_lines(paper.title, TITLE_WIDTH),
        "number": str(paper.number) if paper.number else "", "blocks": list(drawn(paper.blocks)),
        "annexes": [
            {"title": one.title, "lines": title_lines(one.title, TITLE_WIDTH), "blocks": list(drawn(one.blocks))}
            for one in paper.annexes
        ],
        "date": day(paper.signed_on) if paper.signed_on else "",
        "printed": day(paper.imprint.printed_on) if paper.imprint and paper.imprint.printed_on else "",
    }  # fmt: skip


def warned(text: Text, facts: str) -> list[dict[str, Any]]:
    """The numbers that people wrote otherwise than the facts have them, with where they stand."""
    known = numbers_of(msgspec.json.decode(facts)) if facts else set()
    parts = {part.key: part for part in text.parts()}
    return [
        {"key": one.part, "number": one.number, "was": one.was,
         "where": (parts[one.part].text or "")[:40] if one.part in parts else text.title}
        for one in text.odd(known)
    ]  # fmt: skip


def shown(case: OfficialPaper, account: Any) -> dict[str, Any]:
    """What the case's page shows of its paper."""
    context: dict[str, Any] = {"editable": may_edit(case, account) and bool(case.machine), "issued": case.issued}
    if case.issued is not None:
        context["corrections"] = list(case.issued.corrections.order_by("pk"))
        context["recipients"] = case.issued.sent_to()
        context["sheet"] = on_page(decode(case.issued.body))
    elif case.machine:
        text = case.known()
        edits = text.edits
        context |= {
            "sheet": on_page(_open(case, text.paper)), "odd": warned(text, case.facts), "changed": len(text.changed()),
            "counts": {"texts": len(edits.texts), "added": len(edits.added), "out": len(edits.out)},
        }  # fmt: skip
    return context


def _open(case: OfficialPaper, paper: Paper) -> Paper:
    """With the number still open."""
    if paper.number is not None or not case.authority.short_name:
        return paper
    return msgspec.structs.replace(paper, number=Number(case.authority.short_name, clock.today().year))


# --- The editor ------------------------------------------------------------------------------------


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, kind: str, number: str) -> HttpResponse:
    case = _paper_case(request.user, kind, number)
    if not case.machine:
        raise Http404
    if request.method != "POST":
        return _editor(request, case, EditForm(case, case.known()))
    form = EditForm(case, case.known(), decided(request.POST))
    if not form.is_valid():
        return _editor(request, case, form, status=422)
    deed, _sep, key = request.POST.get("deed", "save").partition(":")
    at = ""

    def change(text: Text) -> Text:
        nonlocal at
        made = form.edited(text)
        if deed in ("up", "down"):
            at = key
            return made.moved(key, deed == "up")
        if deed in ("paragraph", "heading"):
            made, at = made.with_more(key, deed)  # type: ignore[arg-type]
        return made

    try:
        if form.cleaned_data["seen_version"] != case.version or form.lost:
            raise Stale(case, list(CaseEntry.of(case).filter(version__gt=form.cleaned_data["seen_version"])))
        edit_text(case, request.user, case.version, change, signatory=form.cleaned_data["signatory"])
    except Stale as stale:
        return _late(request, stale, form)
    except BadText as error:
        if not form.errors:
            form.add_error(None, WRONG[str(error)]())
        return _editor(request, case, form, status=422)
    except BadPaper as error:
        form.add_error(None, _("The paper cannot be laid out: %(why)s") % {"why": error})
        return _editor(request, case, form, status=422)
    except MoveRefused as refused:
        form.add_error(None, refused.message)
        return _editor(request, case, form, status=403)
    messages.success(request, _("The text is saved."))
    if deed == "close":
        return HttpResponseRedirect(case.get_absolute_url())
    return HttpResponseRedirect(reverse("papers:edit", args=(kind, number)) + (f"#at-{at}" if at else ""))


def _late(request: HttpRequest, stale: Stale, form: EditForm) -> HttpResponse:
    """409: the text as it now stands with what was typed over it, and beside each part what another wrote."""
    case: Any = type(stale.case)._default_manager.get(pk=stale.case.pk)
    text = case.known()
    fresh = EditForm(case, text, form.data)
    data, changed = fresh.late()
    data["seen_version"] = str(case.version)
    again = EditForm(case, text, data)
    last = CaseEntry.of(case).order_by("-id").first()
    changes = {}
    for name, taken in changed.items():
        value = again.initial[name]
        words = (_("Left out") if value else _("Stands in the paper")) if name.startswith("out-") else str(value or "")
        changes[name] = Change(words, last.by_name if last else _("Another person"), last.at if last else None, taken)
    again.tell(changes)
    again.lost = fresh.lost
    for name in [n for n in data if n.startswith("t-") and n not in again.fields]:
        del data[name]  # told apart above the form: it has no place in it any more
    return _editor(request, case, again, status=409, stale=True)


def _editor(
    request: HttpRequest, case: OfficialPaper, form: EditForm, status: int = 200, stale: bool = False
) -> HttpResponse:
    text = form.text
    odd: dict[str, list[dict[str, Any]]] = {}
    for one in warned(text, case.facts):
        odd.setdefault(one["key"], []).append(one)
    machine = {part.key: number for part, number in _marks(text)}

    def part_of(one: Part) -> dict[str, Any]:
        name = f"t-{one.key}"
        return {
            "part": one, "field": form[name] if name in form.fields else None, "out": form[f"out-{one.key}"],
            "odd": odd.get(one.key, ()), "shown": next(drawn([one.block])) if one.text is None else None,
            "mark": machine.get(one.key, ""), "heading": isinstance(one.block, Heading),
        }  # fmt: skip

    def section_of(one: Section, annex: bool) -> dict[str, Any]:
        return {
            "section": one, "parts": [part_of(part) for part in one.parts], "annex": annex,
            "out": form[f"out-{one.key}"], "moves": not annex and one.key != "s0",
        }  # fmt: skip

    sections = [section_of(one, False) for one in text.sections] + [section_of(one, True) for one in text.annexes]
    context = {
        "case": case, "form": form, "sections": sections, "stale": stale, "lost": form.lost if stale else [],
        "may": may_edit(case, request.user), "odd_title": odd.get("title", ()), "lifecycle": case.lifecycle,
        "odd_count": sum(map(len, odd.values())), "machine_title": text.machine.title,
        "title_changed": text.edits.title is not None, "addressee_changed": text.edits.addressee is not None,
        "machine_addressee": text.machine.addressee,
    }  # fmt: skip
    return render(request, "papers/edit.html", context, status=status)


def _marks(text: Text) -> Iterator[tuple[Part, str]]:
    """Each part that stands in the paper with its number."""
    for sections in ((text.sections,), *(((one,),) for one in text.annexes)):
        standing = [
            part for one in sections[0] if not one.out
            for part in one.parts if not part.out and (not part.mine or part.text)
        ]  # fmt: skip
        yield from zip(standing, (mark for _b, mark in numbered([part.block for part in standing])), strict=True)


@login_required
@require_safe
def preview(request: HttpRequest, kind: str, number: str) -> HttpResponse:
    """The draft as PDF, with its number open."""
    case = _paper_case(request.user, kind, number)
    if not case.machine or case.issued is not None:
        raise Http404
    try:
        made = issuing.render(_open(case, case.known().paper), "pdf")
    except (BadPaper, NoFonts) as error:
        return HttpResponse(str(error), status=422, content_type="text/plain; charset=utf-8")
    return _file(made, "application/pdf", f"{case.number}.pdf")


def _file(data: bytes, media_type: str, name: str) -> HttpResponse:
    answer = HttpResponse(data, content_type=media_type)
    answer["Content-Disposition"] = f"inline; filename*=UTF-8''{files.quote(name)}"
    answer["X-Content-Type-Options"] = "nosniff"
    return answer


# --- What was issued -------------------------------------------------------------------------------


def _issued(key: int) -> IssuedPaper:
    found = IssuedPaper.objects.filter(pk=key).select_related("authority", "corrects").first() if key < 2**63 else None
    if found is None:
        raise Http404
    return found


def _about(paper: IssuedPaper, public: bool = False) -> dict[str, Any]:
    """What a page says of a paper. The public's says the same to all, whatever who is signed in may read besides."""
    corrections, corrects = paper.corrections.order_by("pk"), paper.corrects
    if public:
        corrections, corrects = corrections.filter(public=True), corrects if corrects and corrects.public else None
    return {
        "issued": paper, "sheet": on_page(decode(paper.body)), "files": list(paper.files.order_by("form")),
        "corrections": list(corrections), "corrects": corrects,
    }  # fmt: skip


@login_required
@require_safe
def issued(request: HttpRequest, key: int) -> HttpResponse:
    """An issued paper, for everybody who may read it."""
    paper = _issued(key)
    context = _about(paper) | {"recipients": paper.sent_to(), "again": None, "case_url": ""}
    case = _case_of(request.user, paper)
    if case is not None:
        context["case_url"] = case.get_absolute_url()
        if request.GET.get("again"):
            try:
                context["again"] = issuing.again(paper, case=case)
            except (BadPaper, NoFonts) as error:
                messages.error(request, str(error))
    return render(request, "papers/issued.html", context)


def _case_of(account: Any, paper: IssuedPaper) -> OfficialPaper | None:
    """The case that it came from, for who sees it."""
    try:
        return _paper_case(account, paper.kind, paper.case_number)
    except Http404:
        return None


@login_required
@require_safe
def issued_file(request: HttpRequest, key: int, form: str) -> HttpResponseBase:
    return _kept(_issued(key), form)


def _kept(paper: IssuedPaper, form: str) -> HttpResponseBase:
    file = paper.files.filter(form=form).first()
    if file is None:
        raise Http404
    if not files.whole(file.sha256):
        # An official paper is served as it was issued or not at all; `anlan doctor` names the file, too.
        raise OSError(f"{paper.number}.{form}: the file that is kept is not the one that was issued")
    return files.response(file.sha256, f"{paper.number}.{form}", file.media_type)


# --- The public ------------------------------------------------------------------------------------


@require_safe
def public(request: HttpRequest, language: str = "zh-hans") -> HttpResponse:
    """The papers open to everybody, the latest first: no sign-in, no cookie read, good for five minutes.

    `?before=` a paper's key: those before it.
    """
    found = IssuedPaper.objects.filter(public=True)
    if before := request.GET.get("before"):
        last = found.filter(pk=before).first() if before.isdecimal() and len(before) < 19 else None
        if last is None:
            with override(language):
                raise Astray(
                    _("There is no published paper from which this page could go on."),
                    reverse(pages.named("public-papers", language)), _("Latest papers"),
                )  # fmt: skip
        found = found.filter(Q(issued_at__lt=last.issued_at) | Q(issued_at=last.issued_at, pk__lt=last.pk))
    corrected = IssuedPaper.objects.filter(corrects=OuterRef("pk"), public=True, withdrawn_at=None)
    ordered = found.select_related("authority").defer("body", "facts").order_by("-issued_at", "-pk")
    ordered = ordered.annotate(corrected=Exists(corrected))
    *rows, more = [*ordered[: PUBLIC + 1], None][: PUBLIC + 1]
    context = {
        "rows": rows, "paper_page": pages.named("public-paper", language),
        "list_page": pages.named("public-papers", language), "before": before,
        "earlier": rows[-1].pk if more is not None else None,
    }  # fmt: skip
    query = f"?before={before}" if before else ""
    return pages.answer(request, "papers/public.html", context, language, "public-papers", query=query)


@require_safe
def public_paper(request: HttpRequest, key: int, language: str = "zh-hans") -> HttpResponse:
    """One paper open to everybody."""
    paper = _issued(key)
    if not paper.public:
        raise Http404
    context = _about(paper, public=True) | {
        "list_url": reverse(pages.named("public-papers", language)), "paper_page": pages.named("public-paper", language)
    }  # fmt: skip
    return pages.answer(request, "papers/public_paper.html", context, language, "public-paper", key)


@require_safe
def public_file(request: HttpRequest, key: int, form: str) -> HttpResponseBase:
    paper = _issued(key)
    if not paper.public:
        raise Http404
    return _kept(paper, form)
