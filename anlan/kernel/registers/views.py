"""The pages of a register: list, record, form. Everything comes from the declaration."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from .. import areas
from ..models import Stale
from ..policy import VERBS
from ..scope import acting_now
from . import cells, history, query, search, writing
from .declaration import Register, register_named
from .forms import RemovalForm, form_class
from .shown import shown


def _register(name: str, request: HttpRequest) -> type[Register]:
    """The register, if it exists and the person may see it: otherwise 404, the same for both."""
    declared = register_named(name)
    if declared is None or not declared.policy.may(request.user, "see"):
        raise Http404
    return declared


def _row(declared: type[Register], request: HttpRequest, key: str) -> Any:
    pk = declared.key(key)
    row = declared.policy.which(request.user, "see").select_related(*declared.related).filter(pk=pk).first()
    if pk is None or row is None:
        raise Http404
    return row


def _may(declared: type[Register], request: HttpRequest, row: Any = None) -> dict[str, bool]:
    return {verb: declared.policy.may(request.user, verb, row) for verb in VERBS}


def _with(request: HttpRequest, **changes: str | None) -> str:
    asked = {k: v for k, v in request.GET.lists() if k not in {"cursor", *changes}}
    kept = [(k, one) for k, v in asked.items() for one in v]
    return "?" + urlencode([*kept, *((k, v) for k, v in changes.items() if v)])


@login_required
@require_safe
def list_page(request: HttpRequest, name: str) -> HttpResponse:
    """The list: filters, sort and page stand in the address."""
    declared = _register(name, request)
    rows = declared.policy.which(request.user, "see")
    try:
        listing = query.listing(declared, rows, request.GET, request)
        page = listing.page(request.GET.get("cursor", ""))
    except query.BadQuery as error:
        return render(
            request,
            "error.html",
            {"status": 400, "title": _("This address cannot be shown"), "text": str(error)},
            status=400,
        )
    count = listing.count()
    places = cells.area_codes(declared, page.rows, declared.columns)
    columns = [
        {
            "key": c,
            "label": declared.label(c),
            "sortable": declared.sortable(c),
            "sorted": "down" if listing.sort == f"-{c}" else "up" if listing.sort == c else "",
            "sort_url": _with(request, sort=f"-{c}" if listing.sort == c else c),
        }
        for c in declared.columns
    ]
    bound = listing.filters.form
    chips = [
        {
            "label": bound.fields[f].label,
            "value": ", ".join(request.GET.getlist(f)),
            "remove_url": _with(request, **{f: None}),
        }
        for f in bound.fields
        if request.GET.get(f)
    ]
    kept: dict[str, str] = {}
    for narrowing in query.narrowings:
        kept |= {name: request.GET[name] for name in narrowing.parameters if request.GET.get(name)}
        for label, value, names in narrowing.chips(declared, request.GET):
            chips.append({"label": label, "value": value, "remove_url": _with(request, **dict.fromkeys(names))})
    context = {
        "register": declared,
        "columns": columns,
        "rows": [
            {"url": cells.url_of(row), "cells": [cells.cell(declared, row, c, places) for c in declared.columns]}
            for row in page.rows
        ],
        "filters": {"form": bound, "chips": chips, "kept": kept},
        "query": request.GET.get("q", ""),
        "count": {"number": count.number, "exact": count.exact},
        "pager": {
            "next_url": _with(request, cursor=page.after) if page.after else "",
            "previous_url": _with(request, cursor=page.before) if page.before else "",
        },
        "may": _may(declared, request),
        "views": [],
    }
    shown.send(declared.model, records=page.rows, page=request.path)
    return render(request, "list.html", context)


@login_required
@require_safe
def record_page(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """One record, section by section."""
    declared = _register(name, request)
    row = _row(declared, request, key)
    names = [n for _title, fields in declared.sections for n in fields]
    places = cells.area_codes(declared, [row], names)
    sections = [
        {
            "title": title,
            "fields": [{"label": declared.label(n), "cell": cells.cell(declared, row, n, places)} for n in fields],
        }
        for title, fields in declared.sections
    ]
    tab = "audit" if request.GET.get("tab") == "audit" else "record"
    context = {
        "register": declared,
        "record": row,
        "sections": sections,
        "may": _may(declared, request, row),
        "tab": tab,
        "tabs": [
            {"key": "record", "title": declared.singular, "url": request.path, "current": tab == "record"},
            {"key": "audit", "title": _("Changes"), "url": "?tab=audit", "current": tab == "audit"},
        ],
        "changes": history.of(declared, row) if tab == "audit" else [],
    }
    shown.send(declared.model, records=[row], page=request.path)
    return render(request, "record.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def form_page(request: HttpRequest, name: str, key: str | None = None) -> HttpResponse:
    """Adds or changes a record. A save over somebody else's change is refused and shows what changed."""
    declared = _register(name, request)
    row = None if key is None else _row(declared, request, key)
    if not declared.policy.may(request.user, "add" if row is None else "change", row):
        raise PermissionDenied
    made = form_class(declared)
    stale: list[dict[str, Any]] = []
    status = 200
    if request.method == "POST":
        form = made(request.POST, instance=row)
        seen = request.POST.get("version", "")
        if row is not None and seen.isdigit() and int(seen) != row.version:
            fresh = _row(declared, request, str(row.pk))
            places = cells.area_codes(declared, [fresh], declared.editable())
            stale = [
                {"label": declared.label(n), "cell": cells.cell(declared, fresh, n, places)}
                for n in declared.editable()
            ]
        elif form.is_valid():
            try:
                writing.store(form.instance)
                return HttpResponseRedirect(f"/r/{name}/{form.instance.pk}/")
            except writing.Taken:
                form.add_error(None, _("Another record has this key already."))
            except writing.Refused as refused:
                form.add_error(None, refused.problems[""][0][1])
            except Stale:
                stale = [{"label": _("Record"), "cell": cells.Cell(_("Changed by somebody else just now"))}]
        status = 409 if stale else 422
    else:
        form = made(instance=row, initial={"version": row.version} if row is not None else None)
    sections = [
        {"title": title, "fields": [form[n] for n in fields if n in form.fields]} for title, fields in declared.sections
    ]
    context = {"register": declared, "record": row, "form": form, "sections": sections, "stale": stale}
    return render(request, "form.html", context, status=status)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove_page(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """Removes a record, for a reason that is kept."""
    declared = _register(name, request)
    row = _row(declared, request, key)
    if not declared.policy.may(request.user, "remove", row):
        raise PermissionDenied
    form = RemovalForm(request.POST or None, initial={"version": getattr(row, "version", 1)})
    status = 200
    if request.method == "POST":
        if form.is_valid() and form.cleaned_data["version"] != getattr(row, "version", 1):
            form.add_error(None, _("Somebody else has changed this record meanwhile. Look at it again."))
            status = 409
        elif form.is_valid():
            try:
                writing.remove(row, form.cleaned_data["reason"])
                return HttpResponseRedirect(f"/r/{name}/")
            except writing.Taken:
                form.add_error(None, _("Other records need this one."))
                status = 409
        else:
            status = 422
    sections = [{"title": _("Remove"), "fields": [form["reason"]]}]
    context = {"register": declared, "record": row, "form": form, "sections": sections, "stale": [], "removing": True}
    return render(request, "form.html", context, status=status)


@login_required
@require_safe
def pick(request: HttpRequest, name: str) -> HttpResponse:
    """Up to twenty records whose search fields begin with `q`, for a field that points at one."""
    declared = _register(name, request)
    rows = search.found(declared, request.user, request.GET.get("q", ""), 20)
    shown.send(declared.model, records=rows, page=request.path)
    return JsonResponse({"rows": [{"value": str(row.pk), "text": str(row)} for row in rows]})


@login_required
@require_safe
def pick_area(request: HttpRequest) -> HttpResponse:
    """Up to twenty divisions of one's own scope, by the beginning of name, pinyin initials or code."""
    now = acting_now()
    text = request.GET.get("q", "").replace("\0", "").strip()
    if now is None or not text:
        return JsonResponse({"rows": []})
    within = areas.divisions().filter(areas.within(now[1].area, "code"))
    asked = query.begins("name", text) | query.begins("pinyin", text.lower()) | query.begins("pinyin", text.upper())
    codes = list(within.filter(asked | query.begins("code", text)).values_list("code", flat=True)[:20])
    names = areas.names(codes)
    return JsonResponse({"rows": [{"value": code, "text": names[code]} for code in codes]})
