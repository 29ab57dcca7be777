"""Home, search and errors: the pages that belong to no office."""

from __future__ import annotations

import sys
import unicodedata
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import override
from django.views.decorators.http import require_safe

from anlan.kernel.astray import Astray
from anlan.kernel.cases.queue import SHOWN, worklist
from anlan.kernel.pages import calls, tiles
from anlan.kernel.registers import search as records
from anlan.parties.names import initials

from .health import crowded
from .menu import everywhere

GROUP = 8
"""How many cases a group of the home page shows; its number opens them all."""

HITS = 6
"""How many a group of search results shows at most."""

COME_AGAIN_S = 5
"""When who was turned away may ask again."""


@login_required
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """Each role's own work: what is overdue, due today, waits for it and for others."""
    user: Any = request.user
    work = worklist(user)
    rows = work.rows
    parts = {
        "overdue": [r for r in work.urgent if r.overdue],
        "today": [r for r in work.urgent if r.due_today],
        "mine": [r for r in rows if r.mine and not r.overdue and not r.due_today],
        "others": [r for r in rows if not (r.mine or r.overdue or r.due_today)],
    }
    numbers = {
        "overdue": work.overdue, "today": work.due_today, "mine": work.mine, "others": work.others,
        "listed": work.listed,
    }  # fmt: skip
    every = reverse("cases:work")
    context = {
        "work": work,
        "numbers": [
            {"key": key, "title": SHOWN[key], "number": number, "url": f"{every}?show={key}"}
            for key, number in numbers.items()
            if number or key != "listed"
        ],
        "groups": [
            {"title": SHOWN[key], "rows": found[:GROUP], "all": numbers[key], "url": f"{every}?show={key}"}
            for key, found in parts.items()
        ],
        "calls": [{"page": one, "url": reverse(one.name)} for one in calls(user.role)],
        "tiles": tiles(user),
    }
    return render(request, "home.html", context)


def _pages(account: Any, text: str) -> list[dict[str, str]]:
    """Pages whose name contains `text`, in whichever language it was written, or whose pinyin initials do.

    What begins so stands before what only contains it.
    """
    wanted, found = text.casefold(), []
    for entry in everywhere(account):
        places = [at for name in _called(entry.title) if (at := name.find(wanted)) >= 0]
        if places:
            found.append((min(places) > 0, {"title": str(entry.title), "note": "", "url": entry.url}))
    return [hit for _later, hit in sorted(found, key=lambda one: one[0])[:HITS]]


def _called(title: Any) -> list[str]:
    """A page's names as one searches for them: in every language, and by the pinyin initials."""
    names = []
    for language, _name in settings.LANGUAGES:
        with override(language):
            names.append(str(title).casefold())
    return [*names, *filter(None, map(_initials, names))]


@lru_cache(1000)
def _initials(name: str) -> str:
    """The pinyin initials of a Chinese name; of a Latin one there are none."""
    return "" if name.isascii() else initials(name)


@login_required
@require_safe
def search(request: HttpRequest) -> JsonResponse:
    """What `q` may mean within one's scope: pages and records, cases among them, in groups.

    Without `q` it answers with the pages. Texts of more than 60 signs are cut.
    """
    text = unicodedata.normalize("NFKC", request.GET.get("q", "")).replace("\0", "").strip()[:60]
    account = request.user
    groups = [{"title": _("Pages"), "hits": _pages(account, text)}]
    if text:
        by_register: dict[str, list[dict[str, str]]] = {}
        for hit in records.find(account, text, HITS):
            by_register.setdefault(str(hit.register), []).append({"title": hit.text, "note": hit.note, "url": hit.url})
        groups += [{"title": title, "hits": hits} for title, hits in by_register.items()]
    return JsonResponse({"groups": [group for group in groups if group["hits"]]})


def _error(
    request: HttpRequest, status: int, title: str, text: str, way_out: dict[str, str] | None = None
) -> HttpResponse:
    context = {"status": status, "title": title, "text": text, "way_out": way_out}
    return render(request, "error.html", context, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """400."""
    title = _("This request cannot be read")
    if request.path.startswith("/api/"):
        way_out = _("Send less at once: fewer parameters, a shorter body.")
        said = {"code": "bad_request", "message": title, "place": "", "way_out": way_out}
        return JsonResponse(said, status=400)
    return _error(request, 400, title, _("Go back, load the page again and repeat it."))


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403: seen, but not allowed; says why where the refusal said so."""
    return _error(
        request, 403, _("Your role does not allow this"), str(exception) or _("Ask whoever keeps this record.")
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """403: the form was not ours, or too old."""
    text = _("The page was open too long, or cookies are turned off. Load it again and repeat what you did.")
    return _error(request, 403, _("This form has expired"), text)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404: does not exist, or is not within one's scope; the two are not told apart.

    An address that only asks for what cannot be says so, and where to go on.
    """
    if isinstance(exception, Astray):
        way_out = {"url": exception.url, "words": exception.words}
        with override(exception.language):
            return _error(request, 404, _("This page cannot be shown as asked"), exception.text, way_out)
    text = _("Nothing stands at this address, or it is not within your area. Ctrl-K searches what is.")
    return _error(request, 404, _("Not found"), text)


class NotAllowedMiddleware:
    """Gives the empty 405 of an address that only takes what a form sends a page that says where to go on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        answer = self.get_response(request)
        if answer.status_code == 405 and request.method == "GET" and not answer.streaming and not answer.content:
            text = _("This address only takes what a form sends. Go back, or begin at the home page.")
            page = _error(request, 405, _("Nothing to show here"), text)
            page["Allow"] = answer["Allow"]
            return page
        return answer


def server_error(request: HttpRequest) -> HttpResponse:
    """500; or 503 and when to come again, where no connection to the database was to be had in time.

    Nothing here could fail again: no database, nothing of the request but its path.
    """
    from django.template.loader import render_to_string

    if crowded(sys.exc_info()[1]):
        status, title = 503, _("Too much is asked at this moment")
        text = _("Nothing was saved. Try again in a few seconds; what you had written is still there when you go back.")
    else:
        status, title = 500, _("Something went wrong here")
        text = _(
            "Nothing was saved. The fault has been recorded; "
            "try again in a moment, and tell your administrator if it stays."
        )
    answer: HttpResponse
    if request.path.startswith("/api/"):
        code = "crowded" if status == 503 else "fault"
        answer = JsonResponse({"code": code, "message": title, "place": "", "way_out": text}, status=status)
    else:
        answer = HttpResponse(render_to_string("500.html", {"title": title, "text": text}), status=status)
    if status == 503:
        answer["Retry-After"] = str(COME_AGAIN_S)
    return answer
