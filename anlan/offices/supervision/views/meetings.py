"""Calling a meeting, writing down who came and what was decided, answering an invitation."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_http_methods, require_POST

from anlan.kernel import cases, entered
from anlan.kernel.cases.engine import Stale
from anlan.kernel.clock import BEIJING

from .. import issuing, meetings, minutes, units
from ..forms import DecisionSet, MeetingForm, MinutesForm, PasteForm
from ..lifecycle import OFFICES
from ..meetings import Decided
from ..models import ATTENDANCE, Invitation, Meeting

DOUBTS = {
    "no_unit": gettext_lazy("nobody is named who has to do it"),
    "no_day": gettext_lazy("no day is named"),
    "year": gettext_lazy("no year is named: that of the meeting was taken"),
    "several": gettext_lazy("several days are named: none was taken"),
    "no_such_day": gettext_lazy("it names a day that does not exist"),
    "past": gettext_lazy("the day lies before the meeting"),
    "lasting": gettext_lazy("it is to be done for good: no day was taken"),
    "long": gettext_lazy("it was too long and is cut off"),
}
CHANGED = gettext_lazy("Somebody else changed the meeting meanwhile: look at it again. Nothing was kept.")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def meeting_new(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    if user.role not in OFFICES:
        raise PermissionDenied
    everybody = list(meetings.candidates(user.area_code).values_list("pk", flat=True))
    if request.method != "POST":
        form = MeetingForm(by=user, initial={"token": uuid.uuid4(), "to": everybody})
        return render(request, "supervision/meeting_new.html", {"form": form})
    form = MeetingForm(request.POST, by=user)
    if form.is_valid():
        said = form.cleaned_data
        fields = {name: said[name] for name in ("title", "held_at", "place", "chair", "agenda")}
        sent = {**fields, "to": [body.pk for body in said["to"]]}
        try:
            made, _fresh = cases.once(user, str(said["token"]), sent, lambda: meetings.call(user, said["to"], **fields))
        except cases.FieldError as error:
            for name, texts in error.errors.items():
                form.add_error(name if name in form.fields else None, list(texts))
        except cases.MoveRefused as refused:
            known = _("This form was sent already. Open it anew for another one.")
            form.add_error(None, known if refused.code == "key_reused" else refused.message)
        else:
            return HttpResponseRedirect(made.get_absolute_url())
    return render(request, "supervision/meeting_new.html", {"form": form}, status=422)


def _meeting(request: HttpRequest, number: str) -> Meeting:
    """The meeting, or 404; 403 to who may see it and not write on it."""
    found = Meeting.numbered(number)
    if found is None:
        raise Http404
    if not meetings.may_write(found, request.user):
        raise PermissionDenied
    return found


@login_required
@require_POST
def attendance(request: HttpRequest, number: str) -> HttpResponse:
    """Keeps the attendance as the meeting's page sends it: `state-KEY` and `who-KEY` for each invitation. With `rest`
    whoever is neither excused nor absent was present."""
    meeting = _meeting(request, number)
    known, said = dict(ATTENDANCE), {}
    for one in meeting.invitations.all():
        state = request.POST.get(f"state-{one.pk}", one.state)
        state = state if state in known else one.state
        if "rest" in request.POST and state in ("invited", "coming"):
            state = "present"
        said[one.pk] = (state, request.POST.get(f"who-{one.pk}", one.who).strip())
    seen = request.POST.get("seen_version", "")
    try:
        for _state, who in said.values():
            entered.seen(who)
        meetings.record(meeting, request.user, int(seen) if seen.isdecimal() and len(seen) < 9 else 0, said)
    except Stale:
        messages.error(request, CHANGED)
    except cases.MoveRefused as refused:
        messages.error(request, refused.message)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Attendance kept."))
    return HttpResponseRedirect(meeting.get_absolute_url())


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def minutes_page(request: HttpRequest, number: str) -> HttpResponse:
    """The minutes in the making: pasted text is read into rows, and kept only as a person confirms them."""
    meeting = _meeting(request, number)
    if meeting.state != "held":
        return HttpResponseRedirect(meeting.get_absolute_url())
    known = units.known(meeting.owner_area_code)
    paste = PasteForm(request.POST if request.POST.get("how") == "read" else None)
    head = MinutesForm(initial={"seen_version": meeting.version, "summary": meeting.summary})
    if request.method == "POST" and request.POST.get("how") == "read":
        return _read(request, meeting, known, paste)
    if request.method == "POST":
        head = MinutesForm(request.POST)
        rows = DecisionSet(request.POST, form_kwargs={"known": known}, prefix="d")
        if head.is_valid() and rows.is_valid():
            decided = [
                Decided(one["text"].strip(), tuple(one["units"]), one["responsible"], one["due_on"])
                for one in (form.cleaned_data for form in rows if form.kept)
            ]
            try:
                meetings.write(
                    meeting, request.user, head.cleaned_data["seen_version"], head.cleaned_data["summary"], decided
                )
            except cases.MoveRefused as refused:
                head.add_error(None, refused.message)
            except Stale as stale:
                head.add_error(None, CHANGED)
                head.data = {**head.data.dict(), "seen_version": str(stale.case.version)}  # type: ignore[attr-defined]
            else:
                n = len(decided)
                words = ngettext("%(n)s decision written down.", "%(n)s decisions written down.", n) % {"n": n}
                messages.success(request, words)
                return HttpResponseRedirect(meeting.get_absolute_url())
        return _page(request, meeting, known, head, rows, PasteForm(), status=422)
    shown = [
        {"take": True, "text": one.text, "units": units.written(one.units.all(), known),
         "responsible": one.responsible, "due_on": one.due_on}
        for one in meeting.decisions()
    ]  # fmt: skip
    return _page(request, meeting, known, head, _rows(known, [*shown, {"take": True}]), paste)


def _rows(known: units.Known, initial: list[dict[str, Any]]) -> Any:
    made = DecisionSet(initial=initial, form_kwargs={"known": known}, prefix="d")
    made.extra = 0
    return made


def _read(request: HttpRequest, meeting: Meeting, known: units.Known, paste: PasteForm) -> HttpResponse:
    """The pasted text as rows to be confirmed, behind those that are kept already."""
    head = MinutesForm(initial={"seen_version": meeting.version, "summary": meeting.summary})
    try:
        if not paste.is_valid():
            raise minutes.TooMuch("text")
        held_on = meeting.held_at.astimezone(BEIJING).date()
        before, lines = minutes.read(paste.cleaned_data["pasted"], known, held_on)
    except minutes.TooMuch as much:
        if much.what == "lines":
            paste.add_error("pasted", _("These are more than %(n)s numbered lines.") % {"n": minutes.MOST})
        return _page(request, meeting, known, head, _rows(known, []), paste, status=422)
    if not lines:
        paste.add_error("pasted", _("No numbered line was found: each decision begins with a number on a line."))
        return _page(request, meeting, known, head, _rows(known, []), paste, status=422)
    if before and not meeting.summary:
        head = MinutesForm(initial={"seen_version": meeting.version, "summary": before[:8000]})
    rows = _rows(known, [
        {"take": not one.heading, "text": one.text, "responsible": one.responsible, "due_on": one.due_on,
         "units": "、".join([*one.units, *one.unknown])}
        for one in lines
    ])  # fmt: skip
    for form, one in zip(rows.forms, lines, strict=True):
        form.doubts = (
            *((_("a heading, not a decision"),) if one.heading else ()),
            *(DOUBTS[name] for name in one.doubts),
            *((_("not known here: %(names)s") % {"names": "、".join(one.unknown)},) if one.unknown else ()),
        )
    return _page(request, meeting, known, head, rows, PasteForm(), read=len(lines))


def _page(
    request: HttpRequest, meeting: Meeting, known: units.Known, head: MinutesForm, rows: Any, paste: PasteForm,
    status: int = 200, read: int = 0,
) -> HttpResponse:  # fmt: skip
    names = sorted({body.name for bodies in known.values() for body in bodies})
    every = [name for tier in units.EVERY.values() for name in tier[:1] if name in known]
    context = {"meeting": meeting, "head": head, "rows": rows, "paste": paste, "names": [*every, *names], "read": read}
    return render(request, "supervision/minutes.html", context, status=status)


@login_required
@require_POST
def letter(request: HttpRequest, number: str) -> HttpResponse:
    """Drafts the official paper of the minutes, or leads to the one that there is."""
    meeting = _meeting(request, number)
    if meeting.state != "held" or (why := meetings.incomplete(meeting)):
        messages.error(request, why if meeting.state == "held" else CHANGED)
        return HttpResponseRedirect(meeting.get_absolute_url())
    try:
        made = issuing.draft_minutes(meeting, request.user)
    except cases.MoveRefused as refused:
        messages.error(request, refused.message)
        return HttpResponseRedirect(meeting.get_absolute_url())
    return HttpResponseRedirect(made.get_absolute_url())


@login_required
@require_POST
def answer(request: HttpRequest, key: int) -> HttpResponse:
    """An authority says whether it will come to a meeting, and who; until the meeting begins."""
    user: Any = request.user
    # Of two who answer at once the second waits, and his answer stands.
    rows = Invitation.objects.select_for_update(of=("self",)).select_related("authority")
    found = rows.filter(pk=key).first()
    if found is None:
        raise Http404
    if not meetings.may_answer(found, user):
        raise PermissionDenied
    state, who, note = (request.POST.get(name, "").strip() for name in ("state", "who", "note"))
    try:
        if state not in ("coming", "excused"):
            raise ValidationError(_("Say whether somebody will come."))
        if state == "excused" and not note:
            raise ValidationError(_("Say why nobody can come."))
        for said in (who, note):
            entered.seen(said)
        found.state, found.who, found.note = state, who, note
        found.full_clean(exclude=("meeting", "authority", "industry"))
        found.save()
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        messages.success(request, _("Your answer is kept."))
    return HttpResponseRedirect(f"/r/meeting-invitations/{found.pk}/")
