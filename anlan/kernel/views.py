"""Pages and answers of the kernel: notices, progress of long work, and the jobs page for the city."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from . import events, jobs, notices
from .locks import alone
from .models import Delivery, Notice, NoticePreference, Progress

PAGE = 100
STATES = {
    "todo": gettext_lazy("Waiting"),
    "doing": gettext_lazy("Running"),
    "succeeded": gettext_lazy("Done"),
    "failed": gettext_lazy("Failed"),
    "cancelled": gettext_lazy("Cancelled"),
    "aborting": gettext_lazy("Being stopped"),
    "aborted": gettext_lazy("Stopped"),
    "waiting": gettext_lazy("Waiting"),
    "dead": gettext_lazy("Failed"),
}
TONES = {"failed": "critical", "dead": "critical", "doing": "primary", "succeeded": "success"}


def _administrator(request: HttpRequest) -> None:
    """The machinery is the city's: for everybody else these addresses do not exist."""
    if getattr(request.user, "role", "") != "city":
        raise Http404


def _me(request: HttpRequest) -> int:
    """The account's number; `login_required` has seen to it that there is one."""
    assert request.user.pk is not None
    return request.user.pk


def _badge(state: str) -> dict[str, object]:
    return {"text": STATES.get(state, state), "tone": TONES.get(state, "neutral")}


@login_required
@require_safe
def jobs_page(request: HttpRequest) -> HttpResponse:
    """What runs, waits and failed in the background, newest first."""
    _administrator(request)
    runs = [
        {"id": r.id, "name": r.name, "badge": _badge(r.state), "failed": r.state == "failed", "attempts": r.attempts,
         "due": r.due, "at": r.at}
        for r in jobs.runs(PAGE)
    ]  # fmt: skip
    waiting = Delivery.objects.exclude(state="done").exclude(state="waiting", attempts=0)
    deliveries = [
        {"id": d.pk, "event": d.event, "handler": d.handler, "badge": _badge(d.state), "dead": d.state == "dead",
         "attempts": d.attempts, "error": d.error}
        for d in waiting.select_related("event").order_by("-id")[:PAGE]
    ]  # fmt: skip
    return render(request, "kernel/jobs.html", {"runs": runs, "deliveries": deliveries})


@login_required
@require_POST
def retry_job(request: HttpRequest, number: int) -> HttpResponse:
    """Puts a failed job back into the queue."""
    _administrator(request)
    if not jobs.failed(number):
        raise Http404
    jobs.again(number)
    return redirect("jobs")


@login_required
@require_POST
def retry_delivery(request: HttpRequest, number: int) -> HttpResponse:
    """Sets a dead event delivery waiting again."""
    _administrator(request)
    if not events.retry(number):
        raise Http404
    return redirect("jobs")


@login_required
@require_safe
def progress(request: HttpRequest, number: int) -> JsonResponse:
    """How far a long job is, for whoever's scope holds it."""
    row = Progress.objects.filter(pk=number).first()
    if row is None:
        raise Http404
    return JsonResponse(
        {"title": row.title, "state": row.state, "done": row.done, "total": row.total,
         "result_url": row.result_url, "error": row.error}
    )  # fmt: skip


@login_required
@require_safe
def bell(request: HttpRequest) -> JsonResponse:
    """How many notices are unread, in words too, and the latest ten."""
    mine = Notice.objects.filter(account_id=request.user.pk)
    count = notices.unread(_me(request))
    return JsonResponse(
        {
            "unread": count,
            "words": ngettext("%(n)s unread notice", "%(n)s unread notices", count) % {"n": count},
            "latest": [
                {"id": n.pk, "text": notices.words(n), "url": n.url, "level": n.level, "at": n.at.isoformat(),
                 "read": n.read_at is not None}
                for n in mine[:10]
            ],
        }
    )  # fmt: skip


@login_required
@require_safe
def notices_page(request: HttpRequest) -> HttpResponse:
    """One's own notices, newest first, and where they go outside of the product."""
    return _notices(request)


def _notices(request: HttpRequest, error: str = "", status: int = 200) -> HttpResponse:
    mine = list(Notice.objects.filter(account_id=request.user.pk)[:PAGE])
    preference = NoticePreference.objects.filter(account_id=request.user.pk).first()
    context = {
        "notices": mine,
        "unread": sum(n.read_at is None for n in mine),
        "preference": preference,
        "way_out": bool(notices.way_out()),
        "levels": [
            {"value": v, "label": label, "chosen": preference is not None and v in preference.levels}
            for v, label in (
                ("neutral", _("For information")),
                ("primary", _("To be done")),
                ("success", _("Done")),
                ("attention", _("Needs attention")),
                ("critical", _("Urgent")),
            )
        ],
        "error": error,
    }
    return render(request, "kernel/notices.html", context, status=status)


@login_required
@require_POST
def read_notice(request: HttpRequest, number: int) -> HttpResponse:
    """Marks one's own notice as read and goes where it points."""
    notice = Notice.objects.filter(pk=number, account_id=request.user.pk).first()
    if notice is None:
        raise Http404
    notices.mark_read(_me(request), [number])
    # Only pages of this site: a notice is never a way to another one.
    return redirect(notice.url if url_has_allowed_host_and_scheme(notice.url, None) and notice.url else "notices")


@login_required
@require_POST
def read_all(request: HttpRequest) -> HttpResponse:
    """Marks all of one's own notices as read."""
    notices.mark_read(_me(request))
    return redirect("notices")


@login_required
@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Where one's notices go outside of the product, and which."""
    address, levels = request.POST.get("address", "").strip(), request.POST.getlist("levels")
    if not set(levels) <= set(notices.LEVELS):
        raise Http404
    if address:
        try:
            notices.plain_address(address)
        except ValidationError:
            return _notices(request, _("Give a mail address or a number, without spaces."), 400)
    alone("own", request.user.pk or 0)
    row = NoticePreference.objects.filter(account_id=request.user.pk).first()
    row = row or NoticePreference(account_id=request.user.pk)
    row.address, row.levels = address, levels
    row.save()
    return redirect("notices")
