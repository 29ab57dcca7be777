"""Warnings for other systems as CAP 1.2: an Atom feed, and a document for each.

Imported by the site before the API's addresses are made.
"""

from collections import defaultdict
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from anlan.kernel import clock
from anlan.kernel.addresses import keyed
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.models import Installation
from anlan.kernel.registers.api import _entered, _found, api
from anlan.kernel.registers.schemas import Error, Key

from . import cap
from .lifecycle import WARNING
from .models import EarlyWarning
from .registers import Warnings

KEPT, MOST = timedelta(days=7), 500
"""Ended warnings stay in the feed for so long, that who reads it learns how they ended; and so many at most."""
_ANSWERS: dict[int, Any] = {401: Error, 404: Error}


def _says(kind: str) -> dict[str, Any]:
    """What the OpenAPI description says of an answer that is no JSON."""
    return {"responses": {200: {"description": kind, "content": {kind: {}}}}}


@api.get(
    "/cap/alerts", operation_id="cap.feed", response=_ANSWERS, tags=["cap"], openapi_extra=_says("application/atom+xml")
)
def feed(request: HttpRequest) -> HttpResponse:
    """Open warnings, and those that ended within a week, as an Atom feed of CAP 1.2 messages, newest change first.

    One cause is one entry: what stands under another warning is told of by that one.
    """
    with _entered(request, Warnings, "see") as account:
        lately = Q(closed_at__isnull=True) | Q(closed_at__gte=clock.now() - KEPT)
        rows = Warnings.policy.which(account, "see").filter(WARNING.own_work, lately)
        cases = list(rows.order_by("-updated_at", "-pk")[:MOST])
        histories: dict[int, list[CaseEntry]] = defaultdict(list)
        entries = CaseEntry.objects.filter(case_kind=WARNING.kind, case_id__in=[case.pk for case in cases])
        for entry in entries.order_by("case_id", "version"):
            histories[entry.case_id].append(entry)
        updated = max((case.updated_at for case in cases), default=clock.now())

        def link(case: EarlyWarning) -> str:
            return request.build_absolute_uri(reverse("api:cap-alert", kwargs={"key": case.pk}))

        body = cap.feed(cases, histories, request.build_absolute_uri(request.path), link, updated)
    return HttpResponse(body, content_type="application/atom+xml; charset=utf-8")


@api.get(
    "/cap/alerts/{key}", operation_id="cap.get", url_name="cap-alert", response=_ANSWERS, tags=["cap"],
    openapi_extra=_says("application/cap+xml"),
)  # fmt: skip
def get(request: HttpRequest, key: Key) -> HttpResponse:
    """One warning as it stands now, as a CAP 1.2 message in Chinese and English."""
    with _entered(request, Warnings, "see") as account:
        case = _found(Warnings, account, key, "see")
        page = request.build_absolute_uri(case.get_absolute_url())
        invented = Installation.objects.filter(demonstration=True).exists()
        body = cap.document(case, list(CaseEntry.of(case).order_by("version")), page, invented)
    return HttpResponse(body, content_type="application/cap+xml; charset=utf-8")


keyed("cap.get", of=lambda: [EarlyWarning], keys=lambda case: {"key": case.pk}, record="key")
