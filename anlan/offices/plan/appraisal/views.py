"""The appraisal's pages: points to date, months, one sheet with all it rests on, objections, and schemes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from anlan.engines.measures import Period
from anlan.kernel import actors, areas, clock
from anlan.kernel.datafiles import BadFile
from anlan.kernel.figures import words
from anlan.kernel.figures.computing import named
from anlan.parties.models.places import bilingual

from ..drafting import Refused
from ..forms import SchemeForm
from ..registers import APPRAISED
from ..targets.standing import may_open
from . import appraising
from . import scheme as schemes
from .models import Appraisal, Objection, Scheme, Score
from .scheme import Entry, Rules
from .scoring import ranks


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a ranking. `lines` are the entries' as they are kept (`scoring.Sheet.json`), by id."""

    name: str
    url: str
    total: Decimal | None
    rank: int | None
    grade: str
    vetoed: Sequence[str]
    lines: Mapping[str, Mapping[str, Any]]

    def cells(self, entries: Sequence[Entry]) -> list[str]:
        """What stands under each entry: points, "veto" where it strikes, a dash where nothing could be scored."""
        found = [self.lines.get(entry.id, {}) for entry in entries]
        return [_("veto") if line.get("struck") else line.get("points") or "–" for line in found]


@dataclass(frozen=True, slots=True)
class Ranked:
    """A ranking as its page shows it."""

    entries: Sequence[Entry]
    rows: Sequence[Row]

    @property
    def table(self) -> list[tuple[Row, list[str]]]:
        return [(row, row.cells(self.entries)) for row in self.rows]


@login_required
@require_safe
def now(request: HttpRequest) -> HttpResponse:
    """Points to date: all of them for the city's office, one's own for each who is scored. `of`: whom."""
    account = _reader(request)
    of = request.GET.get("of", "departments" if account.role == "department" else "districts")
    if of not in schemes.DIMENSION:
        raise Http404
    today = clock.today()
    found = appraising.scheme_of(today.year, of)
    context: dict[str, Any] = {"of": of, "scheme": found, "may": account.role == "city", "kinds": Scheme.OF}
    if found is not None:
        rules, period = _rules(found), appraising.to_date(found.year, today)
        everybody = appraising.subjects(of, found.area_code, today)
        own = appraising.mine(account, everybody, found.area_code)
        counted = appraising.sheets(found, rules, period, own)
        totals = [(c.sheet.total, bool(c.sheet.vetoed)) for c in counted.values()]
        places = ranks(totals) if len(own) > 1 else [None] * len(own)
        rows = [
            _row(one.name, _sheet_url(of, one), counted[one.key], place, rules)
            for one, place in zip(own, places, strict=True)
        ]
        context |= {
            "ranked": _ranked(rules, rows), "full": rules.full, "period": words.period_title(period),
            "months": Appraisal.objects.filter(scheme__of=of).select_related("scheme").order_by("-period")[:24],
            "closable": _closable(found.year),
        }  # fmt: skip
    return render(request, "plan/appraisal.html", context)


@login_required
@require_safe
def sheet(request: HttpRequest) -> HttpResponse:
    """The points to date of one district or department. `of`, and `area` or `authority`."""
    account = _reader(request)
    of, today = request.GET.get("of", ""), clock.today()
    found = appraising.scheme_of(today.year, of) if of in schemes.DIMENSION else None
    if found is None:
        raise Http404
    own = appraising.mine(account, appraising.subjects(of, found.area_code, today), found.area_code)
    asked = request.GET.get("authority") or request.GET.get("area")
    one = next((s for s in own if asked == str(s.authority.pk if s.authority else s.area_code)), None)
    if one is None:
        raise Http404
    rules, period = _rules(found), appraising.to_date(found.year, today)
    made = appraising.sheets(found, rules, period, [one])[one.key]
    row = _row(one.name, "", made, None, rules)
    context = {
        "row": row, "scheme": found, "full": rules.full, "possible": made.sheet.possible, "live": True,
        "period": words.period_title(period), "parts": _parts(account, rules, row.lines),
        "may_hand": account.role == "city",
    }  # fmt: skip
    return render(request, "plan/score.html", context)


@login_required
@require_safe
def month(request: HttpRequest, key: int) -> HttpResponse:
    """One month's ranking: all of it once it is adopted, before that what lies in one's scope."""
    account = _reader(request)
    found = get_object_or_404(Appraisal.objects.select_related("scheme"), pk=key)
    scores = list(found.scores.select_related("authority").order_by("rank", "area_code", "authority__name"))
    names = areas.names(s.area_code for s in scores)
    rules = _rules(found.scheme)
    rows = [_kept(s, names, rules) for s in scores]
    told = _signed([found.closed_by_id, found.adopted_by_id])
    open_ = Objection.objects.filter(score__appraisal=found, state="open").select_related("score", "authority")
    context = {
        "appraisal": found, "scheme": found.scheme, "ranked": _ranked(rules, rows), "full": rules.full,
        "may": account.role == "city", "may_adopt": account.role == "city" and found.closed_by_id != account.pk,
        "closed_by": told(found.closed_by_id), "adopted_by": told(found.adopted_by_id),
        "objections": [(o, names.get(o.area_code) if o.authority is None else o.authority) for o in open_],
    }  # fmt: skip
    return render(request, "plan/appraisal_month.html", context)


@login_required
@require_safe
def kept(request: HttpRequest, key: int) -> HttpResponse:
    """One sheet of a month as it was computed, with what was given by hand and what is held against it."""
    return _kept_page(request, key)


def _kept_page(request: HttpRequest, key: int, refused: str = "") -> HttpResponse:
    account = _reader(request)
    found = get_object_or_404(Score.objects.select_related("appraisal__scheme", "authority"), pk=key)
    scheme = found.appraisal.scheme
    rules = _rules(scheme)
    row = _kept(found, areas.names([found.area_code]), rules)
    objections = list(found.objections.order_by("at"))
    told = _signed(key for o in objections for key in (o.by_id, o.answered_by_id))
    context = {
        "row": row, "score": found, "scheme": scheme, "full": rules.full, "possible": found.possible,
        "period": str(found.appraisal), "parts": _parts(account, rules, row.lines), "refused": refused,
        "may_object": appraising.may_object(found, account), "entries": rules.entries,
        "may_answer": account.role == "city" and found.appraisal.state == "computed",
        "may_hand": account.role == "city" and found.appraisal.state == "computed",
        "objections": [(o, told(o.by_id), told(o.answered_by_id), rules.entry(o.item)) for o in objections],
    }  # fmt: skip
    return render(request, "plan/score.html", context, status=422 if refused else 200)


@login_required
@require_POST
def close(request: HttpRequest) -> HttpResponse:
    """Computes a month, or computes it anew while it is open."""
    account = _office(request)
    found = get_object_or_404(Scheme, pk=_number(request.POST.get("scheme")), state="adopted")
    try:
        made = appraising.close(found, appraising.month(found.year, request.POST.get("period", "")), account)
    except (Refused, BadFile) as refused:
        messages.error(request, str(refused))
        return redirect(f"{reverse('plan:appraisal')}?of={found.of}")
    messages.success(request, _("%(period)s is computed and open to objections.") % {"period": made})
    return redirect("plan:appraisal-month", made.pk)


@login_required
@require_POST
def adopt(request: HttpRequest, key: int) -> HttpResponse:
    """The committee adopts a month; it is published then."""
    account = _office(request)
    made = get_object_or_404(Appraisal.objects.select_related("scheme"), pk=key)
    try:
        appraising.adopt(made, account)
    except Refused as refused:
        if refused.code == "appraisal.own":
            raise PermissionDenied(str(refused)) from refused
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The month is adopted and published."))
    return redirect("plan:appraisal-month", key)


@login_required
@require_POST
def raise_objection(request: HttpRequest, key: int) -> HttpResponse:
    """Those who are scored object to one entry."""
    account = _reader(request)
    found = get_object_or_404(Score.objects.select_related("appraisal__scheme", "authority"), pk=key)
    try:
        with transaction.atomic():
            appraising.object_(found, request.POST.get("item", ""), request.POST.get("words", ""), account)
    except Refused as refused:
        if refused.code == "objection.who":
            raise PermissionDenied(str(refused)) from refused
        return _kept_page(request, key, str(refused))
    messages.success(request, _("The objection is with the city's safety committee office."))
    return redirect("plan:score", key)


@login_required
@require_POST
def answer(request: HttpRequest, key: int) -> HttpResponse:
    """The city's office answers an objection."""
    account = _office(request)
    found = get_object_or_404(Objection.objects.select_related("score__appraisal__scheme", "by"), pk=key)
    try:
        appraising.answer(found, account, request.POST.get("upheld") == "1", request.POST.get("words", ""))
    except Refused as refused:
        return _kept_page(request, found.score_id, str(refused))
    messages.success(request, _("The answer is given. What is upheld takes effect with points by hand, computed anew."))
    return redirect("plan:score", found.score_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def scheme_new(request: HttpRequest) -> HttpResponse:
    """A scheme file becomes a draft; every fault is named with its line."""
    account = _office(request)
    form = SchemeForm(request.POST, request.FILES) if request.method == "POST" else SchemeForm()
    if request.method == "POST" and form.is_valid():
        file = form.cleaned_data["file"]
        try:
            made = appraising.load(file.read(), file.name, account)
        except BadFile as error:
            for line in str(error).splitlines()[:20]:
                form.add_error("file", line)
        else:
            messages.success(request, _("The scheme is a draft. A second person adopts it."))
            return redirect("plan:scheme", made.pk)
    return render(request, "plan/scheme_new.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_safe
def scheme(request: HttpRequest, key: int) -> HttpResponse:
    """A scheme in words: what is scored, by what, and how."""
    account = _reader(request)
    found = get_object_or_404(Scheme, pk=key)
    content = schemes.kept(found.text)
    rules = schemes.rules(content)
    titles = {one.name: str(one.title) for one in named()}
    told = _signed([found.loaded_by_id, found.adopted_by_id])
    context = {
        "scheme": found, "source": content["scheme"]["source"], "full": rules.full, "grades": rules.grades,
        "entries": [(entry, _by(entry, titles)) for entry in rules.entries], "heads": _heads(),
        "loaded_by": told(found.loaded_by_id), "adopted_by": told(found.adopted_by_id),
        "may_adopt": account.role == "city" and found.state == "draft" and found.loaded_by_id != account.pk,
    }  # fmt: skip
    return render(request, "plan/scheme.html", context)


@login_required
@require_POST
def scheme_adopt(request: HttpRequest, key: int) -> HttpResponse:
    """A second person puts the scheme in force."""
    account = _office(request)
    found = get_object_or_404(Scheme, pk=key)
    try:
        with transaction.atomic():
            appraising.adopt_scheme(found, account)
    except (Refused, BadFile) as refused:
        if getattr(refused, "code", "") == "scheme.own":
            raise PermissionDenied(str(refused)) from refused
        messages.error(request, str(refused))
    else:
        messages.success(request, _("The scheme is in force."))
    return redirect("plan:scheme", key)


def _reader(request: HttpRequest) -> Any:
    if request.user.role not in APPRAISED:  # type: ignore[union-attr]
        raise PermissionDenied
    return request.user


def _office(request: HttpRequest) -> Any:
    if request.user.role != "city":  # type: ignore[union-attr]
        raise PermissionDenied(_("Only the city's safety committee office does this."))
    return request.user


def _signed(accounts: Iterable[int | None]) -> Callable[[int | None], str]:
    """Who stands behind an account, as people name each other, wherever the account lies."""
    known = actors.signatures(accounts)
    return lambda key: known[key][1] if key in known else ""


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 18 else 0


def _rules(found: Scheme) -> Rules:
    """The rules as they were adopted, whatever has become of the plan and the measures since."""
    return schemes.as_adopted(found.text)


def _sheet_url(of: str, one: appraising.Subject) -> str:
    who = f"authority={one.authority.pk}" if one.authority else f"area={one.area_code}"
    return f"{reverse('plan:appraisal-sheet')}?of={of}&{who}"


def _row(name: str, url: str, made: appraising.Counted, rank: int | None, rules: Rules) -> Row:
    sheet = made.sheet
    grade = rules.grades[sheet.grade].zh if sheet.grade is not None else ""
    lines = {line["id"]: line for line in made.lines()}
    return Row(name, url, sheet.total, rank, _grade(grade, rules), sheet.vetoed, lines)


def _kept(found: Score, names: Mapping[str, str], rules: Rules) -> Row:
    name = str(found.authority) if found.authority else names[found.area_code]
    return Row(
        name, reverse("plan:score", args=(found.pk,)), found.total, found.rank, _grade(found.grade, rules),
        found.vetoed, {line["id"]: line for line in found.lines},
    )  # fmt: skip


def _grade(zh: str, rules: Rules) -> str:
    return next((bilingual(g.zh, g.en) for g in rules.grades if g.zh == zh), zh)


def _ranked(rules: Rules, rows: Sequence[Row]) -> Ranked:
    return Ranked(rules.entries, sorted(rows, key=lambda row: (row.rank is None, row.rank or 0)))


def _closable(year: int) -> list[tuple[str, str]]:
    """The months of the year that are over, the last first: as they are written, and as they are called."""
    found = [Period.parse(f"..{year}-{month:02}") for month in range(12, 0, -1)]
    return [(one.name, words.period_title(one)) for one in found if one.end <= clock.today()]


def _heads() -> dict[str, str]:
    return {"item": _("Items"), "deduction": _("Deductions"), "bonus": _("Bonus"), "veto": _("One-vote veto")}


def _parts(
    account: Any, rules: Rules, lines: Mapping[str, Mapping[str, Any]]
) -> list[tuple[str, list[dict[str, Any]]]]:
    """The entries under their headings, each with its figure, its points and what was given by hand."""
    titles = {one.name: one for one in named()}
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in rules.entries:
        line = lines.get(entry.id, {})
        measure = titles.get(line.get("measure", ""))
        opens = measure is not None and may_open(account, measure)
        found.setdefault(entry.kind, []).append({
            "entry": entry, "line": line, "by": _by(entry, {n: str(m.title) for n, m in titles.items()}),
            "url": line.get("url", "") if opens else "", "unit": str(measure.unit) if measure else "",
            "why": _why(line.get("why", "")),
        })  # fmt: skip
    heads = _heads()
    return [(heads[kind], rows) for kind, rows in found.items()]


def _why(reason: str) -> str:
    return _("No part of this target falls here.") if reason == "no_part" else words.absent(reason)  # type: ignore[arg-type]


def _by(entry: Entry, titles: Mapping[str, str]) -> str:
    """By what an entry is scored and how, in a sentence."""
    values = {
        "what": titles.get(entry.measure, entry.measure), "code": entry.target, "from": _plain(entry.from_),
        "to": _plain(entry.to), "above": _plain(entry.above), "each": _plain(entry.each), "step": _plain(entry.step),
    }  # fmt: skip
    if entry.by_hand:
        return _("By hand")
    if entry.kind == "veto":
        return (_("Target %(code)s: its number is passed") if entry.target else _("%(what)s: above %(above)s")) % values
    if entry.target:
        return _("Target %(code)s: for every %(each)s beyond the line of the day %(step)s less") % values
    if entry.from_ is not None:
        return _("%(what)s: no points at %(from)s, all at %(to)s") % values
    if entry.kind == "bonus":
        return _("%(what)s: for every %(each)s above %(above)s %(step)s more") % values
    return _("%(what)s: for every %(each)s above %(above)s %(step)s less") % values


def _plain(value: Decimal | None) -> str:
    return "" if value is None else f"{value.normalize():f}"
