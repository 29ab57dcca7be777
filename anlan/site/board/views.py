"""The situation board, its command-room form, and its figures as sheets."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from .content import board_of


@login_required
@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """The board of whoever asks, cut to the scope."""
    return render(request, "board/board.html", _context(request))


@login_required
@require_safe
def wall(request: HttpRequest) -> HttpResponse:
    """The same, dark and large, for the command room."""
    return render(request, "board/wall.html", _context(request))


def _context(request: HttpRequest) -> dict[str, object]:
    return {"board": board_of(request.user), "tiles": settings.TILES}


@login_required
@require_safe
def sheet(request: HttpRequest, name: str) -> HttpResponse:
    """One figure's table as text with separators."""
    found = next((f for f in board_of(request.user).figures if f.name == name), None)
    if found is None:
        raise Http404
    answer = HttpResponse(found.sheet(), content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return answer
