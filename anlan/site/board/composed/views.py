"""Composed boards: the list, a board, the editor with its preview, sharing, files, sheets and the wall."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from anlan.engines.measures import parts
from anlan.kernel import clock
from anlan.kernel.astray import Astray
from anlan.kernel.datafiles import BadFile
from anlan.kernel.figures.computing import named
from anlan.kernel.figures.words import industries
from anlan.kernel.models import Stale
from anlan.kernel.policy import OFFICIALS
from anlan.kernel.registers import register_named

from ..content import limits_of
from . import layout as laid
from .drawn import Drawn, address_of_sheets, compose
from .forms import ShareForm, places
from .layout import Tile
from .models import Board

OWN_MOST = 100
"""So many boards one person may have."""
WALL_MOST = 12
SECONDS = (15, 30, 60, 120)
"""How long a board stands on the wall before the next."""


def _official(request: HttpRequest) -> Any:
    if request.user.role not in OFFICIALS:  # type: ignore[union-attr]
        raise PermissionDenied
    return request.user


def _own(request: HttpRequest, key: int) -> Board:
    """A board that whoever asks may change. Held against others until the answer."""
    account = _official(request)
    if not get_object_or_404(Board, pk=key).changed_by(account):
        raise PermissionDenied(_("Only its maker and whom he named change this board. Copy it to change the copy."))
    return Board.objects.select_for_update().get(pk=key)


@login_required
@require_safe
def boards(request: HttpRequest) -> HttpResponse:
    """One's own boards and those of others that are addressed to one."""
    return _list(request)


def _list(request: HttpRequest, fault: str = "", status: int = 200) -> HttpResponse:
    account = _official(request)
    rows = list(Board.objects.defer("layout", "past").order_by("title", "pk")[:500])
    listed = [{"board": row, "mine": row.account_id == account.pk} for row in rows]
    listed.sort(key=lambda one: not one["mine"])
    begin = [(name, _called(one)) for name, one in laid.templates().items()]
    context = {
        "rows": listed, "templates": begin, "fault": fault, "seconds": SECONDS,
        "wall_most": WALL_MOST,
    }  # fmt: skip
    return render(request, "boards/list.html", context, status=status)


def _called(template: dict[str, Any]) -> str:
    return str(template["title"] if (get_language() or "").startswith("zh") else template["title_en"])


@login_required
@require_safe
def board(request: HttpRequest, key: int) -> HttpResponse:
    """A board, in the scope of whoever looks."""
    account = _official(request)
    found = get_object_or_404(Board.objects.defer("past"), pk=key)
    return render(request, "boards/board.html", _shown(found, account) | {"may": found.changed_by(account)})


def _shown(found: Board, account: Any) -> dict[str, Any]:
    made = compose(account, laid.tiles(found.layout), address_of_sheets(found.pk))
    return {"kept": found, "board": made, "tiles": settings.TILES}


@login_required
@require_safe
def sheet(request: HttpRequest, key: int, place: int) -> HttpResponse:
    """One tile's table as text with separators."""
    account = _official(request)
    rows = laid.tiles(get_object_or_404(Board.objects.defer("past"), pk=key).layout)
    if place >= len(rows):
        raise Http404
    made = compose(account, rows[place : place + 1]).tiles[0].sheet
    if made is None:
        raise Http404
    answer = HttpResponse(made.sheet(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="board-{key}-{place + 1}.csv"'
    return answer


@login_required
@require_safe
def file(request: HttpRequest, key: int) -> HttpResponse:
    """The board as a file."""
    _official(request)
    found = get_object_or_404(Board.objects.defer("past"), pk=key)
    answer = HttpResponse(laid.write(found.title, found.layout), content_type="application/yaml; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="board-{key}.yaml"'
    return answer


# --- Making ----------------------------------------------------------------------------------------


@login_required
@require_POST
def new(request: HttpRequest) -> HttpResponse:
    """A board from a template, from a file, or an empty one."""
    account = _official(request)
    if Board.objects.filter(account=account).count() >= OWN_MOST:
        return _list(request, _("You have %(n)s boards; delete one first.") % {"n": OWN_MOST}, 422)
    title, layout = _("New board"), dict[str, Any](tiles=[])
    template = laid.templates().get(request.POST.get("template", ""))
    if template is not None:
        title, layout = _called(template), {"tiles": template["tiles"]}
    elif (given := request.FILES.get("file")) is not None:
        name = str(given.name)
        try:
            if (given.size or 0) > laid.LARGEST:
                raise BadFile(_("%(name)s: larger than any board is") % {"name": name})
            title, layout = laid.read(given.read(), name, account, known=True)
        except BadFile as fault:
            return _list(request, str(fault), 422)
    made = Board.begun(account, title, layout)
    made.save()
    return redirect("boards:edit", made.pk)


@login_required
@require_POST
def copy(request: HttpRequest, key: int) -> HttpResponse:
    """A copy of one's own, not shared. What the maker may fix and the copier may not is the copier's own there."""
    account = _official(request)
    found = get_object_or_404(Board, pk=key)
    if Board.objects.filter(account=account).count() >= OWN_MOST:
        return _list(request, _("You have %(n)s boards; delete one first.") % {"n": OWN_MOST}, 422)
    title = _("%(title)s (copy)") % {"title": found.title[:50]}
    made = Board.begun(account, title, laid.within(found.layout, account))
    made.save()
    return redirect("boards:edit", made.pk)


@login_required
@require_POST
def delete(request: HttpRequest, key: int) -> HttpResponse:
    """Away with it; what it was stands in the audit."""
    found = _own(request, key)
    if found.account_id != request.user.pk:
        raise PermissionDenied(_("Only its maker deletes a board."))
    found.delete()
    messages.success(request, _("“%(title)s” is deleted.") % {"title": found.title})
    return redirect("boards:list")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def edit(request: HttpRequest, key: int) -> HttpResponse:
    """The editor. What it sends is checked like a file."""
    found = _own(request, key)
    if request.method != "POST":
        return _editor(request, found)
    content = {"title": request.POST.get("title", "").strip(), "tiles": None}
    try:
        content["tiles"] = json.loads(request.POST.get("layout", ""))
        title, layout = laid.read(json.dumps(content, ensure_ascii=False).encode(), "board", request.user)
    except (ValueError, RecursionError, BadFile) as fault:
        said = str(fault) if isinstance(fault, BadFile) else _("The layout cannot be read.")
        return _editor(request, found, said, 422)
    if request.POST.get("version") != str(found.version):
        said = _("Somebody else changed this board meanwhile. Save yours as a copy, or load the page again.")
        return _editor(request, found, said, 409, content)
    found.lay(title, layout, request.user)
    found.save()
    messages.success(request, _("The board is saved."))
    return redirect("boards:board", key)


def _editor(
    request: HttpRequest, found: Board, fault: str = "", status: int = 200, sent: dict[str, Any] | None = None
) -> HttpResponse:
    account: Any = request.user
    layout = found.layout if sent is None else {"tiles": sent["tiles"]}
    made = compose(account, laid.tiles(layout))
    context = {
        "kept": found, "board": made, "tiles": settings.TILES, "fault": fault, "layout": layout["tiles"],
        "title": found.title if sent is None else sent["title"], "editing": True,
        "kinds": laid.KINDS, "periods": laid.PERIODS, "measures": _measures(account), "areas": places(account),
        "industries": [(k, n) for k, n in industries().items() if k and account.scope.covers(account.scope.area, k)],
        "rules": {"most": laid.MOST, "measures": laid.MEASURES, "sizes": laid.SIZES}, "past": found.past,
    }  # fmt: skip
    return render(request, "boards/edit.html", context, status=status)


def _measures(account: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """The measures that the account may see, in groups: first those that the year's targets demand."""
    held = limits_of(account, clock.today().year)
    groups: dict[str, list[tuple[str, str]]] = {_("Held to a target of the year"): []}
    for one in named():
        declared = register_named(parts(one)[0].source.register)
        if declared is None or not declared.policy.may(account, "see"):
            continue
        line = (one.name, f"{one.title} ({one.unit})")
        if one.name in held:
            groups[_("Held to a target of the year")].append(line)
        groups.setdefault(str(declared.title), []).append(line)
    return [(title, lines) for title, lines in groups.items() if lines]


@login_required
@require_POST
def preview(request: HttpRequest) -> HttpResponse:
    """One tile as it would stand on a board: what the editor shows at once."""
    account = _official(request)
    place = request.POST.get("place", "")
    at = int(place) if place.isascii() and place.isdigit() and len(place) < 9 else 0
    try:
        sent = json.dumps({"title": "-", "tiles": [json.loads(request.POST.get("tile", ""))]}, ensure_ascii=False)
        _title, layout = laid.read(sent.encode(), "tile", account)
    except (ValueError, RecursionError):
        return HttpResponse(status=400)
    except BadFile as fault:
        # It is the one tile, and the page calls its fields otherwise: what is wrong is said without its place.
        faults = [line.partition("tiles.0.")[2].partition(": ")[2] or line for line in str(fault).splitlines()]
        made = Drawn(at, Tile("text"), _("This tile cannot be"), absent="; ".join(faults))
    else:
        made = compose(account, laid.tiles(layout)).tiles[0].at(at)
    return render(request, "boards/tile.html", {"tile": made, "tiles": settings.TILES, "editing": True})


@login_required
@require_POST
def restore(request: HttpRequest, key: int) -> HttpResponse:
    """An earlier state comes back; the one of now is kept with the earlier ones."""
    found = _own(request, key)
    asked = request.POST.get("state", "")
    state = next((one for n, one in enumerate(found.past) if str(n) == asked), None)
    if state is None or request.POST.get("version") != str(found.version):
        messages.error(request, _("Somebody else changed this board meanwhile. Look again."))
        return redirect("boards:edit", key)
    found.lay(state["title"], state["layout"], request.user)
    found.save()
    messages.success(request, _("The board is as it was. What it was a moment ago stands among its earlier states."))
    return redirect("boards:edit", key)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def share(request: HttpRequest, key: int) -> HttpResponse:
    """With whom the board is shared; its maker alone says so."""
    found = _own(request, key)
    if found.account_id != request.user.pk:
        raise PermissionDenied(_("Only its maker shares a board."))
    form = ShareForm(request.POST if request.method == "POST" else None, found, request.user)
    if request.method == "POST" and form.is_valid():
        form.apply(found)
        try:
            found.save()
        except Stale:
            form.add_error(None, _("Somebody else changed this board meanwhile. Look again."))
        else:
            messages.success(request, _("It is shared as you said."))
            return redirect("boards:board", key)
    return render(request, "boards/share.html", {"kept": found, "form": form}, status=422 if form.errors else 200)


# --- The wall --------------------------------------------------------------------------------------


@login_required
@require_safe
def wall(request: HttpRequest) -> HttpResponse:
    """Boards in turn, dark and large: `b` each board's number, `seconds` how long each stands, `at` which stands."""
    account = _official(request)
    asked = [int(one) for one in request.GET.getlist("b") if one.isascii() and one.isdigit() and len(one) < 18]
    asked = list(dict.fromkeys(asked))[:WALL_MOST]
    known = {row.pk: row for row in Board.objects.filter(pk__in=asked).defer("past")}
    turn = [known[key] for key in asked if key in known]
    if not turn:
        raise Astray(_("None of these boards is there for you."), reverse("boards:list"), _("Composed boards"))
    at = request.GET.get("at", "0")
    place = int(at) % len(turn) if at.isascii() and at.isdigit() and len(at) < 9 else 0
    seconds = next((s for s in SECONDS if str(s) == request.GET.get("seconds")), 60 if len(turn) == 1 else 30)

    def address(n: int) -> str:
        words = [*(("b", one.pk) for one in turn), ("seconds", seconds), ("at", n % len(turn))]
        return f"{reverse('boards:wall')}?{urlencode(words)}"

    context = _shown(turn[place], account) | {
        "wall": True, "seconds": seconds, "next": address(place + 1), "before": address(place - 1),
        "turn": [(n, one.title) for n, one in enumerate(turn)], "place": place,
    }  # fmt: skip
    return render(request, "boards/wall.html", context)
