"""The pages of import, and the files of export and template. Everything comes from the register's sheet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.utils.translation import get_language, gettext, override
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from .. import clock
from ..policy import Verb
from ..registers import query
from ..registers.declaration import Register, register_named
from ..registers.shown import shown
from ..registers.views import cannot_be_shown
from ..scope import acting, acting_now
from . import writing
from .applying import CannotUndo, Outcome, import_file, undo
from .models import Import
from .spec import sheet_of, sheet_of_columns

SHOWN = 200
"""Errors listed on the page; the error workbook holds all."""


class ImportForm(forms.Form):
    """A file, and what to do with it. Checking is what happens unless something else is chosen."""

    HOW = (
        ("check", _("Check only")),
        ("all", _("Import all, or nothing")),
        ("good", _("Import the rows that are right")),
    )
    file = forms.FileField(
        label=_("Spreadsheet (.xlsx) or text with separators (.csv)"),
        error_messages={"required": _("Choose a file.")},
        widget=forms.FileInput(attrs={"accept": ".xlsx,.csv,.txt,.tsv"}),
    )
    how = forms.ChoiceField(label=_("What to do"), choices=HOW, initial="check")


def _register(name: str, request: HttpRequest, verb: Verb) -> type[Register]:
    """The register; 404 where it does not exist or may not be seen, 403 where `verb` is not the person's."""
    declared = register_named(name)
    if declared is None or not declared.policy.may(request.user, "see"):
        raise Http404
    if not declared.policy.may(request.user, verb):
        raise PermissionDenied(gettext("Your role may not do this with this register."))
    return declared


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def import_page(request: HttpRequest, name: str) -> HttpResponse:
    """Takes a file, says everything that is wrong with it, and imports it if asked; past imports below."""
    declared = _register(name, request, "import")
    form = ImportForm(request.POST or None, request.FILES or None)
    outcome = None
    if request.method == "POST" and form.is_valid():
        file, how = form.cleaned_data["file"], form.cleaned_data["how"]
        if "workbook" in request.POST:
            how = "check"  # who asks for the errors does not ask for an import
        rights = frozenset(v for v in ("add", "change") if declared.policy.may(request.user, v))
        outcome = import_file(
            declared, file.read(), name=file.name, dry_run=how == "check", good_only=how == "good", rights=rights
        )
        if outcome.problems and "workbook" in request.POST:
            made = writing.error_workbook(sheet_of(declared), outcome.table, outcome.problems)
            return _download(HttpResponse(made, content_type=writing.TYPES["xlsx"]), f"{name}-errors.xlsx")
    return render(request, "sheets/import.html", _context(declared, form, outcome))


def _context(declared: type[Register], form: ImportForm, outcome: Outcome | None) -> dict[str, Any]:
    headings = sheet_of(declared).headings
    problems = outcome.problems if outcome else []
    return {
        "register": declared,
        "form": form,
        "outcome": outcome,
        "number": len(problems),
        "shown": SHOWN,
        "problems": [
            {"row": p.row or "", "heading": headings.get(p.column, ""), "code": p.code, "words": p.words()}
            for p in problems[:SHOWN]
        ],
        "past": Import.objects.filter(register=declared.name)[:20],
    }


@login_required
@require_POST
def undo_import(request: HttpRequest, name: str, number: int) -> HttpResponse:
    """Takes a whole import back, unless others have touched its rows."""
    declared = _register(name, request, "import")
    record = Import.objects.select_for_update().filter(register=name, pk=number).first()
    if record is None:
        raise Http404
    try:
        undo(declared, record)
        messages.success(request, gettext("The import was undone."))
    except CannotUndo as error:
        records = ", ".join(error.touched[:20])
        text = gettext("The import cannot be undone: these records were changed or are needed since: %(records)s")
        messages.error(request, text % {"records": records})
    return HttpResponseRedirect(f"/r/{name}/import/")


@login_required
@require_safe
def template_file(request: HttpRequest, name: str) -> HttpResponse:
    """The empty workbook to fill in."""
    declared = _register(name, request, "import")
    made = writing.template(sheet_of(declared))
    return _download(HttpResponse(made, content_type=writing.TYPES["xlsx"]), f"{name}-template.xlsx")


@login_required
@require_safe
def export_file(request: HttpRequest, name: str, form: str) -> HttpResponse | StreamingHttpResponse:
    """The list as its address shows it, as a file. It is streamed after the request's transaction has ended.

    With `cols` it has those columns; without, every field that can be filled in.
    """
    declared = _register(name, request, "export")
    try:
        listing = query.listing(declared, declared.policy.which(request.user, "export"), request.GET, request)
    except query.BadQuery as error:
        return cannot_be_shown(request, declared, error)
    sheet = sheet_of_columns(declared, listing.columns) if request.GET.get("cols") else sheet_of(declared)
    now = acting_now()
    assert now is not None
    language, page = get_language() or "zh-hans", request.path
    rows = listing.rows.order_by(listing.sort, "pk")
    # That personal data went out is logged as what it is: every row of the export.
    shown.send(declared.model, records=rows, page=page)

    def pieces() -> Iterator[bytes]:
        with acting(*now), override(language):
            yield from writing.export(sheet, rows, form)

    day = clock.today().isoformat()
    return _download(StreamingHttpResponse(pieces(), content_type=writing.TYPES[form]), f"{name}-{day}.{form}")


def _download(response: Any, name: str) -> Any:
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response
