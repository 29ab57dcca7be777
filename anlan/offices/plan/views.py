"""The clause table, and the adoption of a draft."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from anlan.kernel.models import Stale
from anlan.kernel.registers import register_named
from anlan.parties.models import Account

from .models import AdoptionRefused, Plan
from .states import ClauseState, states


@login_required
@require_safe
def clauses(request: HttpRequest) -> HttpResponse:
    """Every clause of the latest plan: who bears it, what proves it, how far it is."""
    plan = Plan.objects.order_by("-year", "area_code").first()
    rows = [_row(state) for state in states(plan)] if plan else []
    may_adopt = bool(
        plan and plan.state == "draft" and plan.drafted_by_id not in (None, request.user.pk)
        and getattr(request.user, "role", "") == "city"
    )  # fmt: skip
    return render(request, "plan/clauses.html", {"plan": plan, "rows": rows, "may_adopt": may_adopt})


def _row(state: ClauseState) -> dict[str, object]:
    proofs = []
    for name, count in state.records.items():
        declared = register_named(name)
        proofs.append({"title": declared.title if declared else None, "name": name, "count": count})
    badge = {"text": _("Live"), "tone": "success"} if state.live else {"text": _("Not yet"), "tone": "neutral"}
    return {"state": state, "proofs": proofs, "badge": badge}


@login_required
@require_POST
def adopt(request: HttpRequest, key: int) -> HttpResponse:
    """A second person adopts the draft; refused with the reason where it may not be."""
    plan = get_object_or_404(Plan, pk=key)
    account = request.user
    if not isinstance(account, Account):
        raise PermissionDenied
    try:
        plan.adopt(account)
    except AdoptionRefused as refused:
        raise PermissionDenied(str(refused)) from refused
    except Stale:
        messages.error(request, _("Somebody else has changed this plan meanwhile."))
    else:
        messages.success(request, _("The plan is adopted."))
    return redirect("plan:clauses")
