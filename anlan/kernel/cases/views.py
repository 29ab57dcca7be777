"""The case page, its moves, and its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.contrib.auth import get_user_model
from django.contrib.auth.decorators import login_required
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from anlan.kernel import clock, files, law
from anlan.kernel.clock import BEIJING
from anlan.kernel.deadlines import MINUTES
from anlan.kernel.models import pointed
from anlan.kernel.registers.cells import url_of
from anlan.kernel.registers.declaration import all_registers
from anlan.kernel.registers.meanwhile import Change, decided

from . import engine, links, queue
from .escalation import rises
from .forms import MoveForm
from .history import in_minutes, read_by, show, tell, tell_all
from .lifecycle import Lifecycle, Move, lifecycle, may_see
from .models import Case, CaseEntry, EvidenceFile, Extension, Handler, Pause

_HIDDEN_REFUSALS = frozenset({"not_from_here", "not_your_role", "not_higher", "not_the_seat", "not_addressed", "gate"})


@dataclass(frozen=True, slots=True)
class Action:
    """A move as the page offers it: with its form, or with the reason why this person cannot make it.

    `leads`: it is what the case needs (a primary move), and this person's turn, or it decides what was asked of him;
    the page shows such moves first. `primary`: it is the one among them that moves the case on.
    """

    move: Move
    form: MoveForm | None
    why_not: str
    opened: bool
    leads: bool = False
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Deadline:
    """The running time limit in words."""

    due_at: Any
    words: str
    tone: str
    basis: str
    paused: bool
    counts_down: bool = False


def find(account: Any, kind: str, number: str) -> tuple[Lifecycle, Case]:
    """The case, or 404: what is out of scope, or not for that role, cannot be told from what does not exist."""
    declared = lifecycle(kind)
    if declared is None or not may_see(account, declared):
        raise Http404
    case = declared.model.numbered(number)
    if case is None:
        raise Http404
    return declared, case


@login_required
@require_GET
def work_page(request: HttpRequest) -> HttpResponse:
    """One part of one's work list, whole: `?show=` a key of `queue.SHOWN`, `page=` from 1."""
    show, asked = request.GET.get("show", "mine"), request.GET.get("page", "1")
    if show not in queue.SHOWN or not (asked.isascii() and asked.isdigit() and len(asked) < 10):
        raise Http404
    if not 0 < int(asked) <= queue.PAGES:
        raise Http404
    page, user = int(asked), request.user
    rows, more = queue.part(user, show, page)  # type: ignore[arg-type]
    context = {
        "rows": rows,
        "title": queue.SHOWN[show],
        "tabs": [{"title": t, "url": f"?show={k}", "current": k == show} for k, t in queue.SHOWN.items()],
        "pages": {
            "next_url": f"?show={show}&page={page + 1}" if more and page < queue.PAGES else "",
            "previous_url": f"?show={show}&page={page - 1}" if page > 1 else "",
        },
    }
    return render(request, "work.html", context)


@login_required
@require_GET
def list_page(request: HttpRequest, kind: str) -> HttpResponse:
    """The list of a kind is its register's."""
    declared = lifecycle(kind)
    for register in all_registers():
        if declared is not None and register.model is declared.model:
            return HttpResponseRedirect(reverse("registers:list", args=(register.name,)))
    raise Http404


@login_required
@require_GET
def case_page(request: HttpRequest, kind: str, number: str) -> HttpResponse:
    declared, case = find(request.user, kind, number)
    return _page(request, declared, case)


@login_required
@require_POST
def make_move(request: HttpRequest, kind: str, number: str, move: str) -> HttpResponse:
    declared, case = find(request.user, kind, number)
    wanted = declared.move(move)
    if wanted is None:
        raise Http404
    user: Any = request.user
    sent = decided(request.POST)
    form = MoveForm(declared, wanted, user.role, case, data=sent, files=request.FILES, initial=_known(case, wanted))
    if not form.is_valid():
        return _page(request, declared, case, wanted, form, status=422)
    facts = {name: value for name, value in form.cleaned_data.items() if name != "seen_version"}
    facts |= {e.name: request.FILES.getlist(e.name) for e in wanted.evidence}
    try:
        engine.move(case, move, by=user, seen_version=form.cleaned_data["seen_version"], **facts)
    except engine.Stale as stale:
        return _late(request, declared, stale, wanted, form)
    except engine.FieldError as error:
        for name, texts in error.errors.items():
            for text in texts:
                form.add_error(name if name in form.fields else None, text)
        return _page(request, declared, case, wanted, form, status=422)
    except engine.MoveRefused as refused:
        form.add_error(None, refused.message)
        return _page(request, declared, case, wanted, form, status=422 if refused.code == "gate" else 403)
    messages.success(request, _("Done: %(step)s") % {"step": wanted.title})
    return HttpResponseRedirect(case.get_absolute_url())


def _late(request: HttpRequest, declared: Lifecycle, stale: engine.Stale, wanted: Move, form: MoveForm) -> HttpResponse:
    """409: the case as it now stands, what happened meanwhile, and what was typed: in the step's form where the step
    can still be made, which is then made knowing it; else to be read and copied."""
    user: Any = request.user
    case, known = stale.case, _known(stale.case, wanted)
    told = read_by(user, case, stale.changes)

    def made(data: Any) -> MoveForm:
        return MoveForm(declared, wanted, user.role, case, data=data, initial=known)

    data, changed = made(form.data).late()
    data["seen_version"] = str(case.version)
    again, changes = made(data), {}
    for name, taken in changed.items():
        entry = next((e for e in reversed(told) if name in e.facts), None)
        words = show(_readable(known[name]), again.fields[name]) if known[name] not in (None, "") else ""
        by = entry.by_name if entry is not None else _("Another person")
        changes[name] = Change(words, by, entry.at if entry is not None else None, taken)
    again.tell(changes)
    asked = {demand.name for demand in wanted.fields}
    typed = [(field.label, show(_readable(form.cleaned_data[field.name]), field.field)) for field in form
             if field.name in asked and form[field.name].value() not in (None, "", [], False)]  # fmt: skip
    late = {
        "entries": tell(case, told),
        "move": wanted,
        "possible": engine.refusal(case, wanted, user) is None,
        "typed": typed,
        "files": bool(request.FILES),
    }
    return _page(request, declared, case, wanted, again, status=409, late=late)


@login_required
@require_GET
def evidence(request: HttpRequest, kind: str, number: str, file_id: int) -> HttpResponseBase:
    _declared, case = find(request.user, kind, number)
    file = EvidenceFile.of(case).select_related("entry").filter(pk=file_id).first()
    if file is None or not read_by(request.user, case, [file.entry]):
        raise Http404
    return files.response(file.sha256, file.name, file.media_type)


def _page(
    request: HttpRequest,
    declared: Lifecycle,
    case: Case,
    tried: Move | None = None,
    form: MoveForm | None = None,
    status: int = 200,
    late: dict[str, Any] | None = None,
) -> HttpResponse:
    user: Any = request.user
    history = list(CaseEntry.of(case))
    read = read_by(user, case, history)
    actions = _actions(user, declared, case, history, tried, form)
    context = {
        "case": case,
        "lifecycle": declared,
        "state": declared.state(case.state),
        "sections": _sections(declared, case, user),
        "actions": actions,
        "more": sum(not action.leads for action in actions),
        "more_tried": any(action.opened and not action.leads for action in actions),
        "waits_for": _waits_for(declared, case),
        "tried": form,
        "late": late,
        "deadline": deadline(case),
        "handlers": list(Handler.of(case)),
        "extensions": list(Extension.of(case).order_by("id")),
        "entries": tell_all(case, read, rises(case, read), EvidenceFile.of(case))[::-1],
        "images": files.IMAGES,
        "papers": declared.papers(case) if declared.papers else [],
        "links": links.shown(case, user),
        "ways": links.ways(case, user),
    }
    if declared.part is not None:
        context["part"], more = declared.part(case, user)
        context |= more
    return render(request, "case.html", context, status=status)


def _actions(
    user: Any, declared: Lifecycle, case: Case, history: list[CaseEntry], tried: Move | None, form: MoveForm | None
) -> list[Action]:
    actions: list[Action] = []
    blocked: list[Action] = []
    turn = user.role in declared.turn(case.state)
    deciding = [d.moves for d in declared.decisions if user.role in d.who and d.moves]
    for move in declared.moves_from(case.state):
        leads = turn and move.tone == "primary"
        refused = engine.refusal(case, move, user, history)
        if refused is not None and (refused.code in _HIDDEN_REFUSALS or (refused.code == "barred" and not leads)):
            if leads and refused.code == "gate":
                blocked.append(Action(move, None, refused.message, False, leads))
            continue
        if refused is not None:
            actions.append(Action(move, None, refused.message, False, leads))
            continue
        mine = tried is not None and tried.name == move.name
        made = (
            form
            if mine
            else MoveForm(declared, move, user.role, case, initial={"seen_version": case.version, **_known(case, move)})
        )
        # What decides can be made just then when it was asked for.
        decides = any(move.name in moves for moves in deciding)
        primary = leads or any(move.name == moves[0] for moves in deciding)
        actions.append(Action(move, made, "", mine, leads or decides, primary))
    # Where the next step is not open, the page says what stands in its way instead of leaving it out.
    return actions if any(a.leads for a in actions) else blocked + actions


def _waits_for(declared: Lifecycle, case: Case) -> str:
    """Whose turn it is, by the names of the roles."""
    if declared.state(case.state).end:
        return ""
    names = dict(get_user_model()._meta.get_field("role").flatchoices)
    waited = queue.awaited(declared, case)
    return str(_(", ")).join(str(names[role]) for role in names if role in waited)


def _known(case: Case, move: Move) -> dict[str, Any]:
    """What the case already says of the fields a move asks for."""
    names = {field.name for field in case._meta.fields}
    return {d.name: pointed(case, d.name) for d in move.fields if d.name in names or hasattr(type(case), d.name)}


def _sections(declared: Lifecycle, case: Case, account: Any) -> list[tuple[Any, list[tuple[str, str, str]]]]:
    """The facts by section: label, words, and where they lead. The title stands above them already."""
    sections = declared.sections or (
        (declared.singular, tuple(f.name for f in case._meta.concrete_fields if f.editable and not f.primary_key)),
    )
    shown = []
    left_out = {"title", *(declared.undecided(case) if declared.undecided else ())}
    for title, names in sections:
        rows = []
        for name in names:
            field = case._meta.get_field(name)
            value = pointed(case, name)
            if value in (None, "") or name in left_out:
                continue
            words = getattr(case, f"get_{name}_display", None) or getattr(case, f"get_{name}", None)
            url = url_of(value, account) if isinstance(value, models.Model) else ""
            rows.append((str(getattr(field, "verbose_name", name)), show(words() if words else _readable(value)), url))
        if rows:
            shown.append((title, rows))
    return shown


def _readable(value: Any) -> Any:
    """Dates and times as their ISO text or Beijing words; everything else as it is."""
    from datetime import date, datetime

    from django.utils.formats import date_format

    if isinstance(value, datetime):
        return date_format(value.astimezone(BEIJING), "DATETIME_FORMAT")
    return value.isoformat() if isinstance(value, date) else value


def deadline(case: Case) -> Deadline | None:
    """The time limit of an open case, and what it rests on; None where no limit runs."""
    if case.clock is None:
        return None
    if case.clock.get("certainty") == "CONFIG":
        basis = _("Set for this city; no national rule says how long.")
    else:
        source, article = case.clock.get("source"), case.clock.get("article", "")
        basis = f"{law.titled(source)}{article}" if source else ""
    if case.closed_at is not None:
        on_time = case.due_at is None or case.closed_at <= case.due_at
        words = _("Closed in time") if on_time else _("Closed late")
        return Deadline(case.due_at, words, "success" if on_time else "attention", basis, False)
    if case.due_at is None:
        paused = Pause.of(case).filter(end__isnull=True).exists()
        return Deadline(None, _("The time limit is paused"), "neutral", basis, paused)
    now = clock.now()
    runs = case.clock.get("unit") in MINUTES
    if runs and abs(case.due_at - now) < timedelta(hours=1):
        over = case.due_at < now
        return Deadline(
            case.due_at, in_minutes(case.due_at, now), "critical" if over else "attention", basis, False, runs
        )
    days = (case.due_at.astimezone(BEIJING).date() - now.astimezone(BEIJING).date()).days
    if case.due_at < now:
        late = max(-days, 1)
        words = ngettext("Overdue by %(n)s day", "Overdue by %(n)s days", late) % {"n": late}
        return Deadline(case.due_at, words, "critical", basis, False, runs)
    if days == 0:
        return Deadline(case.due_at, _("Due today"), "attention", basis, False, runs)
    words = ngettext("%(n)s day left", "%(n)s days left", days) % {"n": days}
    return Deadline(case.due_at, words, "attention" if days <= 3 else "neutral", basis, False)
