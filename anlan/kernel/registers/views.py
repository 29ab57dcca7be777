"""The pages of a register: list, record, form. Everything comes from the declaration."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.forms import HiddenInput
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from ..locks import alone
from ..models import Stale
from ..policy import VERBS
from . import cells, columns, history, meanwhile, picking, query, saved, search, writing
from .declaration import Register, register_named
from .forms import RemovalForm, form_class
from .models import SavedView
from .related import related
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
    asked = {k: v for k, v in request.GET.lists() if k not in {"cursor", "count", *changes}}
    kept = [(k, one) for k, v in asked.items() for one in v]
    return "?" + urlencode([*kept, *((k, v) for k, v in changes.items() if v)])


def cannot_be_shown(request: HttpRequest, declared: type[Register], error: query.BadQuery) -> HttpResponse:
    """400: which part of the address is wrong, and the way back to a list that can be shown."""
    filters = query.filterset(declared).base_filters
    where = {"sort": _("Sort"), "cols": _("Columns"), "cursor": _("Page"), "q": _("Search"), "count": _("Count")}
    place = str(filters[error.place].label) if error.place in filters else str(where.get(error.place, error.place))
    context = {
        "status": 400,
        "title": _("This list cannot be shown as asked"),
        "text": _("%(place)s: %(problem)s") % {"place": place, "problem": error.message},
        "way_out": {"url": f"/r/{declared.name}/?view={saved.ALL}", "words": _("Show the whole list")},
    }
    return render(request, "error.html", context, status=400)


@login_required
@require_safe
def list_page(request: HttpRequest, name: str) -> HttpResponse:
    """The list: filters, sort, columns and page stand in the address; without any, one's default view opens."""
    declared = _register(name, request)
    views = saved.offered(declared, request.user, request.GET)
    if not request.GET and views.default is not None:
        return HttpResponseRedirect(saved.address(name, views.default))
    if "col" in request.GET:
        steps = dict.fromkeys(("col", "up", "down"))
        moved = {"choosing": "1"} if {"up", "down"} & set(request.GET) else {}
        chosen = columns.picked(declared, request.GET)
        return HttpResponseRedirect(request.path + _with(request, **steps | {"cols": chosen or None}, **moved))
    rows = declared.policy.which(request.user, "see")
    try:
        listing = query.listing(declared, rows, request.GET, request)
        count = listing.count()
        page = listing.page(request.GET.get("cursor", ""), few=count.few)
    except query.BadQuery as error:
        return cannot_be_shown(request, declared, error)
    places = cells.area_codes(declared, page.rows, listing.columns)
    sortable = {*declared.columns, declared.order.removeprefix("-")}
    heads = [
        {
            "key": c,
            "label": declared.label(c),
            "kind": cells.kind(declared, c),
            "sortable": c in sortable and declared.sortable(c),
            "sorted": "down" if listing.sort == f"-{c}" else "up" if listing.sort == c else "",
            "sort_url": _with(request, sort=f"-{c}" if listing.sort == c else c),
        }
        for c in listing.columns
    ]
    bound = listing.filters.form
    chips = [
        {"label": bound.fields[f].label, "value": cells.asked(bound, f), "remove_url": _with(request, **{f: None})}
        for f in bound.fields
        if any(request.GET.getlist(f))
    ]
    hidden = [n for n, field in bound.fields.items() if isinstance(field.widget, HiddenInput)]
    narrowed: list[str] = []
    for narrowing in query.narrowings:
        narrowed += narrowing.parameters
        for label, value, names in narrowing.chips(declared, request.GET, listing.rows):
            chips.append({"label": label, "value": value, "remove_url": _with(request, **dict.fromkeys(names))})
    links = cells.Links(request.user)
    # Who had all counted keeps the number while he turns pages, where that takes no time.
    counted = query.ALL if listing.to_the_end and count.few else None
    shown_as = [cells.column(declared, c, places, links) for c in listing.columns]
    context = {
        "register": declared,
        "columns": heads,
        "choosable": [
            {"key": c, "label": declared.label(c), "shown": c in listing.columns}
            for c in dict.fromkeys((*listing.columns, *declared.choosable()))
        ],
        "choosing": "choosing" in request.GET,
        "cols": ",".join(listing.columns),
        "every_col": ",".join(declared.choosable()),
        "usual_url": _with(request, cols=None, choosing=None) if request.GET.get("cols") else "",
        "rows": [{"url": links(row), "cells": [show(row) for show in shown_as]} for row in page.rows],
        "filters": {"form": bound, "chips": chips},
        # What of the address the form of filters does not ask for, but must keep.
        "kept": [(n, v) for n in ("sort", "cols", "view", *hidden, *narrowed) for v in request.GET.getlist(n) if v],
        "asked": [
            (n, v) for n, vs in request.GET.lists() if n not in ("cursor", "count", "cols", "choosing") for v in vs if v
        ],
        "query": request.GET.get("q", ""),
        "searched": [declared.label(name) for name in declared.search],
        "count": count,
        "count_url": "" if count.exact else _with(request, count=query.ALL),
        "pager": {
            "next_url": _with(request, cursor=page.after, count=counted) if page.after else "",
            "previous_url": _with(request, cursor=page.before, count=counted) if page.before else "",
        },
        "may": _may(declared, request),
        "views": views,
        "not_kept": request.session.pop(_not_kept(name), None),
    }
    if declared.head is not None:
        context["head_part"], context["head"] = declared.head(request.user)
    shown.send(declared.model, records=page.rows, page=request.path)
    return render(request, "list.html", context)


@login_required
@require_POST
def keep_view(request: HttpRequest, name: str) -> HttpResponse:
    """Keeps, changes and removes one's own views of a list, and chooses with which one it opens."""
    declared = _register(name, request)
    alone("own", request.user.pk or 0)
    asked, do = request.POST, request.POST.get("do", "")
    key, back = _view_key(asked.get("view", "")), asked.get("query", "")[: 2 * saved.LONGEST]
    seen = SavedView.objects.filter(register=name, pk=key).filter(Q(account=request.user.pk) | Q(shared=True))
    view = seen.first()
    own = view if view is not None and view.account_id == request.user.pk else None
    shared = "shared" in asked
    here = f"/r/{name}/?" + "&".join(filter(None, (QueryDict(back).urlencode(), f"view={key or saved.ALL}")))
    try:
        if do == "save":
            made = saved.save(declared, request.user, asked.get("name", ""), back, shared)
            messages.success(request, _("The view “%(name)s” was saved.") % {"name": made.name})
            here = saved.address(name, made)
        elif do == "usual" or (do == "default" and view is not None):
            saved.open_with(declared, request.user, view if do == "default" else None)
            messages.success(request, _("This is how you open this list from now on."))
        elif do == "update" and own is not None:
            saved.update(declared, request.user, own, back)
            messages.success(request, _("The view “%(name)s” was changed.") % {"name": own.name})
            here = saved.address(name, own)
        elif do == "rename" and own is not None:
            saved.rename(declared, request.user, own, asked.get("name", ""), shared)
            messages.success(request, _("The view “%(name)s” was changed.") % {"name": own.name})
        elif do == "remove" and own is not None:
            own.delete()
            messages.success(request, _("The view “%(name)s” was removed.") % {"name": own.name})
            here = f"/r/{name}/?view={saved.ALL}"
        else:
            raise Http404
    except query.BadQuery as error:
        return cannot_be_shown(request, declared, error)
    except ValidationError as error:
        # The list that follows opens the form again, with what was typed and why it cannot be.
        typed = {"do": do, "name": asked.get("name", "")[: 2 * saved.LONGEST], "shared": shared}
        request.session[_not_kept(name)] = typed | {"why": " ".join(error.messages)}
    return HttpResponseRedirect(here)


def _not_kept(name: str) -> str:
    return f"view not kept: {name}"


def _view_key(text: str) -> int | None:
    """The number of a saved view, or None for a text that is none."""
    return int(text) if text.isascii() and text.isdigit() and 0 < int(text[:19]) < 2**63 and len(text) < 20 else None


@login_required
@require_safe
def record_page(request: HttpRequest, name: str, key: str) -> HttpResponse:
    """One record, section by section."""
    declared = _register(name, request)
    row = _row(declared, request, key)
    if not declared.sections and hasattr(row, "get_absolute_url") and request.GET.get("tab") != "audit":
        # A case has its own page.
        return HttpResponseRedirect(row.get_absolute_url())
    names = [n for _title, fields in declared.sections for n in fields]
    places = cells.area_codes(declared, [row], names)
    sections = [
        {
            "title": title,
            "fields": [
                {"label": declared.label(n), "cell": cells.cell(declared, row, n, places, request.user)} for n in fields
            ],
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
        "related": related(declared, request.user, row) if tab == "record" else [],
    }
    if declared.part is not None and tab == "record":
        context["part"], context["parts"] = declared.part(row, request.user)
    shown.send(declared.model, records=[row], page=request.path)
    return render(request, "record.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def form_page(request: HttpRequest, name: str, key: str | None = None) -> HttpResponse:
    """Adds or changes a record. A save over somebody else's change is refused; what he wrote stands beside what one
    has typed, and the next save is made knowing it."""
    declared = _register(name, request)
    row = None if key is None else _row(declared, request, key)
    if not declared.policy.may(request.user, "add" if row is None else "change", row):
        raise PermissionDenied
    made = form_class(declared)
    stale, status = False, 200
    if request.method == "POST":
        form = made(meanwhile.decided(request.POST), instance=row)
        valid = form.is_valid()
        seen = form.cleaned_data.get("version")
        if row is not None and seen is not None and seen != row.version:
            stale = True
        elif valid:
            try:
                writing.store(form.instance)
                return HttpResponseRedirect(f"/r/{name}/{form.instance.pk}/")
            except writing.Taken:
                form.add_error(None, _("Another record has this key already."))
            except writing.Refused as refused:
                form.add_error(None, refused.problems[""][0][1])
            except Stale:
                stale = True
        if stale:
            row = _row(declared, request, str(form.instance.pk))
            pk, sent = str(row.pk), meanwhile.decided(request.POST)
            form = meanwhile.compared(
                lambda data, now: made(data, instance=now), declared, sent, lambda: _row(declared, request, pk)
            )
        status = 409 if stale else 422
    else:
        form = made(instance=row, initial={"version": row.version} if row is not None else None)
    sections = [
        {"title": title, "fields": [form[n] for n in fields if n in form.fields]} for title, fields in declared.sections
    ]
    context = {"register": declared, "record": row, "form": form, "sections": sections, "stale": stale}
    if row is not None:
        shown.send(declared.model, records=[row], page=request.path)
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
            # The reason is kept, and whoever removes the record all the same does it knowing of the change.
            form = RemovalForm({"reason": form.cleaned_data["reason"], "version": getattr(row, "version", 1)})
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
    context = {"register": declared, "record": row, "form": form, "sections": sections, "removing": True}
    shown.send(declared.model, records=[row], page=request.path)
    return render(request, "form.html", context, status=status)


@login_required
@require_safe
def pick(request: HttpRequest, name: str) -> HttpResponse:
    """Up to twenty records whose search fields begin with `q`, for a field that points at one."""
    declared = _register(name, request)
    rows = search.found(declared, request.user, request.GET.get("q", ""), 20)
    shown.send(declared.model, records=rows, page=request.path)
    notes = search.told_apart(declared, rows)
    found = [{"value": str(row.pk), "text": str(row), "note": n} for row, n in zip(rows, notes, strict=True)]
    return JsonResponse({"rows": found})


@login_required
@require_safe
def pick_area(request: HttpRequest) -> HttpResponse:
    """Up to twenty divisions of one's own scope, by the beginning of name, pinyin initials or code."""
    return JsonResponse({"rows": picking.divisions_beginning(request.GET.get("q", ""))})


@login_required
@require_safe
def pick_division(request: HttpRequest) -> HttpResponse:
    """The same of any area, for what may lie beyond one's own."""
    return JsonResponse({"rows": picking.divisions_beginning(request.GET.get("q", ""), everywhere=True)})
