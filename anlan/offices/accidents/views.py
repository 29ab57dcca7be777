"""Taking an accident's first report; the national form for printing and as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from anlan.kernel import cases, clock, law
from anlan.kernel.cases import links
from anlan.kernel.clock import BEIJING
from anlan.kernel.sheets import writing
from anlan.kernel.sheets.views import download, list_file

from . import chain, draft, merging, rules, sheets
from .forms import CALL, FirstReportForm
from .lifecycle import ACCIDENT
from .models import GRADES, LEVELS, Accident
from .reporting import first_report_once, source_of

PHONE_ROLES = frozenset({"duty", "city", "district"})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def intake(request: HttpRequest) -> HttpResponse:
    """The telephone page of the duty officer: one screen, the clock running from the moment it was opened."""
    if request.user.role not in PHONE_ROLES:  # type: ignore[union-attr]
        raise PermissionDenied
    return _first_report(request, phone=True)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def report(request: HttpRequest) -> HttpResponse:
    """The same for an enterprise, a township or a department that writes itself."""
    if request.user.role not in ACCIDENT.open_by:  # type: ignore[union-attr]
        raise PermissionDenied
    return _first_report(request, phone=False)


def _first_report(request: HttpRequest, phone: bool) -> HttpResponse:
    user: Any = request.user
    asked = request.POST.get("origin") if request.method == "POST" else request.GET.get("from")
    came_from = links.origin(asked, user)
    form = FirstReportForm(request.POST or None, by=user, phone=phone, came_from=came_from)
    if request.method == "POST" and form.is_valid():
        try:
            filed, _new = first_report_once(user, str(form.cleaned_data.get("token") or ""), form.said())
        except cases.FieldError as error:
            for name, words in error.errors.items():
                form.add_error(name if name in form.fields else None, list(words))
        except cases.MoveRefused as refused:
            known = _("This form was sent already. Open it anew for another accident.")
            form.add_error(None, known if refused.code == "key_reused" else refused.message)
        else:
            if filed.accident is not None:
                if came_from is not None:
                    links.link(came_from, filed.accident, user)
                messages.success(request, _("First report taken: %(number)s") % {"number": filed.number})
                return HttpResponseRedirect(filed.accident.get_absolute_url())
            assert filed.receipt is not None
            passed = _("The accident happened outside of your area. It was taken and passed on as %(number)s.")
            messages.success(request, passed % {"number": filed.number})
            return HttpResponseRedirect(f"/r/accident-hand-overs/{filed.receipt.pk}/")
    context = {
        "form": form, "phone": phone, "now": clock.now(), "groups": _groups(form), "tiles": settings.TILES,
        "came_from": came_from,
    }  # fmt: skip
    return render(request, "accidents/intake.html", context, status=422 if request.method == "POST" else 200)


def _groups(form: FirstReportForm) -> list[tuple[str, list[Any], str]]:
    """The fields in the order of a telephone call: what and where, who, how many, what is being done."""
    titles = {
        "where": _("When and where"), "who": _("What and who"), "people": _("People"),
        "course": _("Course and measures"), "more": _("More"),
    }  # fmt: skip
    return [(titles[part], [form[n] for n in names if n in form.fields], f"intake-{part}")
            for part, names in CALL.items()]  # fmt: skip


@login_required
@require_POST
def check(request: HttpRequest) -> HttpResponse:
    """What the form as filled in so far means: grade, whom it must reach by when, and what may be the same accident."""
    user: Any = request.user
    if user.role not in ACCIDENT.open_by:
        raise PermissionDenied
    form = FirstReportForm(request.POST, by=user, phone="caller" in request.POST)
    form.is_valid()
    said: dict[str, Any] = getattr(form, "cleaned_data", {})
    wrong = [n for n in form.errors if n in form.fields and form[n].data not in (None, "", [], [""], ["", ""])]
    if set(wrong) & {"occurred_at", "at", "known_at", "deaths", "missing", "injured", "loss_yuan"}:
        # Whatever stood there instead would be graded: say first what is wrong.
        return render(request, "accidents/check.html", {"wrong": [form.fields[n].label for n in wrong]})
    occurred = said.get("occurred_at") or clock.now()
    try:
        day = occurred.astimezone(BEIJING).date()
        graded = rules.grade(rules.Figures.of(said), day, rules.Equipment.of(said))
    except (rules.BadFigures, law.NoRuleInForce):
        return render(request, "accidents/check.html", {})
    at = said.get("at") or clock.now()
    source, level = source_of(user, {"source": said.get("source") or "other"})
    passed = chain.Passed(at, source, level, graded.grade)
    has_unit = source == "unit" or any(said.get(n) for n in ("unit_name", "enterprise", "known_at"))
    found = chain.chain(occurred, said.get("known_at"), [passed], has_unit=has_unit)
    outside = said.get("outside")
    title = dict(LEVELS)
    running = [(title[leg.to_level], leg.due_at) for leg in found if leg.open]
    if outside:
        rule = law.value("accidents.pass_outside", at)
        running = [(outside, rules.ended(at, rule))]
    area = said.get("area_code") or ""
    alike = merging.similar(
        area_code=area, occurred_at=occurred, unit_name=said.get("unit_name") or "",
        enterprise_id=said["enterprise"].pk if said.get("enterprise") else user.enterprise_id,
        category_id=said["category"].pk if said.get("category") else None, place=said.get("place") or "",
        lon=said.get("lon"), lat=said.get("lat"),
    ) if len(area) == 12 else []  # fmt: skip
    context = {
        "graded": graded,
        "grade_title": dict(GRADES)[graded.grade],
        "next": running,
        "reach": title[chain.reach(graded.grade, occurred)],
        "outside": outside,
        "similar": alike,
        "now": clock.now(),
    }
    return render(request, "accidents/check.html", context)


def _accident(number: str) -> Accident:
    accident = Accident.numbered(number)
    if accident is None:
        raise Http404
    return accident


@login_required
@require_safe
def national_form(request: HttpRequest, number: str) -> HttpResponse:
    """The report with the fields of Decree 493 Art. 12, as the law's form wants it, for printing and signing."""
    accident = _accident(number)
    context = {
        "accident": accident, "title": draft.TITLE, "rows": draft.form(accident), "signed": draft.SIGNED,
        "basis": draft.basis(accident), "made_at": clock.now(),
    }  # fmt: skip
    return render(request, "accidents/form.html", context)


@login_required
@require_safe
def form_file(request: HttpRequest, number: str) -> HttpResponse:
    """The same form as a spreadsheet."""
    made = sheets.form(_accident(number), clock.now())
    return download(HttpResponse(made, content_type=writing.TYPES["xlsx"]), f"accident-{number}.xlsx")


@login_required
@require_safe
def register_file(request: HttpRequest) -> HttpResponseBase:
    """The register of accidents as the list's address shows it: one row of the form for each, and their sum."""

    def write(_listing: Any, rows: Any) -> Iterator[bytes]:
        told = rows.select_related("industry", "category")
        return sheets.register(told.iterator(chunk_size=sheets.PIECE))

    return list_file(request, "accidents", "xlsx", "accident-register", write, besides=1)
