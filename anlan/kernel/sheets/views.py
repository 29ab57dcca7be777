"""The pages of import, and the files of export and template. Everything comes from the register's sheet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.utils.http import content_disposition_header
from django.utils.translation import get_language, gettext, gettext_lazy, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from .. import actors, clock
from ..policy import Verb
from ..registers import query
from ..registers.declaration import Register, register_named
from ..registers.shown import shown
from ..registers.views import cannot_be_shown
from ..scope import acting, acting_now
from . import jobs, streaming, writing
from .applying import CannotUndo
from .models import Import, ImportProblems
from .problems import Unreadable, unpacked
from .reading import MAX_BYTES, MAX_ROWS, read
from .spec import sheet_of, sheet_of_columns

SHOWN = 200
"""Errors listed on the page; the error workbook holds all."""
KINDS = 8
"""Kinds of errors told apart above the list, the most frequent first."""
PAST = 20
PHASES = {
    "read": gettext_lazy("Reading the file"),
    "check": gettext_lazy("Checking each cell"),
    "compare": gettext_lazy("Comparing with what is kept"),
    "write": gettext_lazy("Writing the records"),
    "undo": gettext_lazy("Taking the records back"),
}
SHARE = {"read": (0, 20), "check": (20, 25), "compare": (45, 10), "write": (55, 45), "undo": (0, 100)}
"""Where each phase begins, and its share, of a hundred."""
TONES = {"done": "success", "checked": "success", "refused": "critical", "failed": "critical"}


class ImportForm(forms.Form):
    """A file, and what to do with it. Checking is what happens unless something else is chosen."""

    file = forms.FileField(
        label=_("Spreadsheet (.xlsx) or text with separators (.csv)"),
        error_messages={"required": _("Choose a file."), "empty": _("The file is empty.")},
        widget=forms.FileInput(attrs={"accept": ".xlsx,.csv,.txt,.tsv"}),
    )
    how = forms.ChoiceField(label=_("What to do"), choices=Import.HOW, initial="check", widget=forms.RadioSelect)

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_BYTES:
            limit = f"{MAX_BYTES // 2**20} MB"
            raise forms.ValidationError(gettext("The file is larger than %(limit)s.") % {"limit": limit})
        return file


def _register(name: str, request: HttpRequest, verb: Verb) -> type[Register]:
    """The register; 404 where it does not exist or may not be seen, 403 where `verb` is not the person's."""
    declared = register_named(name)
    if declared is None or not declared.policy.may(request.user, "see"):
        raise Http404
    if not declared.policy.may(request.user, verb):
        raise PermissionDenied(gettext("Your role may not do this with this register."))
    return declared


def _import(declared: type[Register], number: int, lock: bool = False) -> Import:
    """The import of that number, if it lies in the scope of whoever asks; else 404."""
    rows = Import.objects.filter(register=declared.name, pk=number)
    record = (rows.select_for_update(of=("self",)) if lock else rows).select_related("progress").first()
    if record is None:
        raise Http404
    return record


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_page(request: HttpRequest, name: str) -> HttpResponse:
    """Takes a file; below it the imports under way and those of before."""
    declared = _register(name, request, "import")
    form = ImportForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        record = jobs.ask(declared, file.name, file.read(), form.cleaned_data["how"])
        return HttpResponseRedirect(record.url)
    past = list(Import.objects.filter(register=name).select_related("progress")[:PAST])
    by = actors.named(r.account_id for r in past)
    context = {
        "register": declared,
        "form": form,
        "moving": any(r.moving for r in past),
        "limits": {"size": MAX_BYTES // 2**20, "rows": MAX_ROWS},
        "past": [_line(r, by) for r in past],
    }
    return render(request, "sheets/import.html", context, status=400 if form.errors else 200)


def _line(record: Import, by: Callable[[int | None, str], str]) -> dict[str, Any]:
    """An import as the pages show it; `by` tells who asked for it."""
    badge = {"text": _state(record), "tone": TONES.get(record.state, "neutral")}
    return {"record": record, "badge": badge, "by": by(record.account_id, record.actor)}


def _state(record: Import) -> str:
    if record.state == "waiting" and record.progress is not None and record.progress.attempts == 0:
        return gettext("Waiting for its turn")
    return str(record.get_state_display())


@login_required
@require_safe
def record_page(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """One import: how far it is, what is wrong where, what it did, and what can be done next."""
    declared = _register(name, request, "import")
    record = _import(declared, number)
    kept = ImportProblems.objects.filter(imported=record).first()
    headings = sheet_of(declared).headings
    problems = [unpacked(p) for p in kept.problems] if kept is not None else []
    kinds = Counter((p.column, p.code) for p in problems)
    first = {(p.column, p.code): p for p in reversed(problems)}
    context = {
        "register": declared,
        **_line(record, actors.named([record.account_id])),
        "bar": _bar(record),
        "mine": record.account_id == request.user.pk,
        "again": record.state == "failed" and record.pieces.exists(),
        "mendable": bool(problems) and problems[0].row > 0 and record.pieces.exists(),
        "right": record.rows - record.refused,
        "emptied": [(headings.get(key, key), number) for key, number in record.emptied.items()],
        "n_emptied": sum(record.emptied.values()),
        "kinds": [
            {"heading": headings.get(column, ""), "code": code, "words": first[column, code].words(), "number": n}
            for (column, code), n in kinds.most_common(KINDS)
        ],
        "more_kinds": max(len(kinds) - KINDS, 0),
        "shown": SHOWN,
        "problems": [
            {"row": p.row or "", "heading": headings.get(p.column, ""), "code": p.code, "words": p.words(),
             "value": p.value}
            for p in problems[:SHOWN]
        ],
    }  # fmt: skip
    return render(request, "sheets/record.html", context)


def _bar(record: Import) -> dict[str, Any] | None:
    """How far a job is: its phase in words, percent, and rows where rows are counted."""
    progress = record.progress
    if progress is None or not record.moving:
        return None
    if progress.state == "waiting":
        text = (
            gettext("It broke off and will be tried again.") if progress.attempts else gettext("Waiting for its turn")
        )
        return {"words": text, "percent": 0, "attempt": progress.attempts}
    begins, share = SHARE.get(progress.phase, (0, 0))
    percent = begins + share * progress.done // max(progress.total or 1, 1)
    counted = progress.phase in ("write", "undo")
    return {
        "words": PHASES.get(progress.phase, PHASES["read"]),
        "percent": min(percent, 100),
        "attempt": progress.attempts,
        "done": progress.done if counted else None,
        "total": progress.total,
    }


@login_required
@require_POST
def proceed(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Imports a file that was only checked, or refused, without asking for it again; or tries a failed one again."""
    declared = _register(name, request, "import")
    record = _import(declared, number, lock=True)
    how = request.POST.get("how", record.how)
    allowed = {"checked": {"all"}, "refused": {"good"}, "failed": {record.how}}.get(record.state, set())
    if record.account_id != request.user.pk or how not in allowed or not record.pieces.exists():
        messages.error(request, gettext("This import cannot go on: look at its state."))
    else:
        jobs.go_on(declared, record, how)
    return HttpResponseRedirect(record.url)


@login_required
@require_safe
def errors_file(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """The error workbook: the user's own rows with the wrong cells marked."""
    declared = _register(name, request, "import")
    record = _import(declared, number)
    kept, data = ImportProblems.objects.filter(imported=record).first(), record.data()
    if kept is None or data is None:
        raise Http404
    sheet = sheet_of(declared)
    try:
        table = read(sheet, data)
    except Unreadable:
        table = None
    made = writing.error_workbook(sheet, table, [unpacked(p) for p in kept.problems])
    return download(HttpResponse(made, content_type=writing.TYPES["xlsx"]), f"{name}-errors-{number}.xlsx")


@login_required
@require_POST
def undo_import(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Takes a whole import back, unless others have touched its rows."""
    declared = _register(name, request, "import")
    record = _import(declared, number, lock=True)
    try:
        jobs.ask_undo(declared, record)
        if record.state == "undone":
            messages.success(request, gettext("The import was undone."))
    except CannotUndo as error:
        text = gettext("The import cannot be undone: these records were changed or are needed since: %(records)s")
        messages.error(request, text % {"records": jobs.told(declared, record, error)})
    return HttpResponseRedirect(record.url)


@login_required
@require_safe
def template_file(request: HttpRequest, name: str) -> HttpResponse:
    """The empty workbook to fill in."""
    declared = _register(name, request, "import")
    made = writing.template(sheet_of(declared))
    return download(HttpResponse(made, content_type=writing.TYPES["xlsx"]), f"{name}-template.xlsx")


@login_required
@require_safe
def export_file(request: HttpRequest, name: str, form: str) -> HttpResponse | StreamingHttpResponse:
    """The list as its address shows it, as a file: with `cols` those columns, without every field to be filled in."""

    def write(listing: query.Listing, rows: QuerySet[Any]) -> Iterator[bytes]:
        declared = listing.declared
        sheet = sheet_of_columns(declared, listing.columns) if request.GET.get("cols") else sheet_of(declared)
        return writing.export(sheet, rows, form)

    return list_file(request, name, form, name, write)


def list_file(
    request: HttpRequest,
    register: str,
    form: str,
    called: str,
    write: Callable[[query.Listing, QuerySet[Any]], Iterator[bytes]],
    besides: int = 0,
) -> HttpResponse | StreamingHttpResponse:
    """The list of a register as the address shows it, as the file that `write(listing, rows)` makes of it.

    It is for who may export the list, and streamed after the request's transaction has ended. `besides` are the rows
    that `write` adds of its own to a spreadsheet.
    """
    declared = _register(register, request, "export")
    try:
        listing = query.listing(declared, declared.policy.which(request.user, "export"), request.GET, request)
    except query.BadQuery as error:
        return cannot_be_shown(request, declared, error)
    now = acting_now()
    assert now is not None
    language, page = get_language() or "zh-hans", request.path
    rows, room = listing.whole(), writing.XLSX_ROWS - besides
    if form == "xlsx" and rows.order_by()[: room + 1].count() > room:
        text = gettext("A spreadsheet holds at most %(rows)s records. Choose CSV, or narrow the list by a filter.")
        context = {"status": 400, "title": gettext("Too long for Excel"), "text": text % {"rows": room}}
        return render(request, "error.html", context, status=400)
    # That personal data went out is logged as what it is: every row of the export.
    shown.send(declared.model, records=rows, page=page)

    def pieces() -> Iterator[bytes]:
        with acting(*now), override(language):
            yield from write(listing, rows)

    made = streaming.response(request, pieces, writing.TYPES[form])
    return download(made, f"{called}-{clock.today().isoformat()}.{form}")


def download(response: Any, name: str) -> Any:
    """The answer as a file of that name, to be kept by nobody on the way."""
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    response["Cache-Control"] = "no-store"
    return response
