"""Warnings for other systems as CAP 1.2: an Atom feed, and a document for each.

Imported by the site before the API's addresses are made.
"""

import hashlib
import re
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.http import http_date, urlencode
from django.utils.translation import gettext as _

from anlan.kernel import clock
from anlan.kernel.addresses import keyed
from anlan.kernel.cases.models import CaseEntry
from anlan.kernel.models import Installation
from anlan.kernel.registers.api import Refusal, _entered, _found, api
from anlan.kernel.registers.schemas import Error, Key

from . import cap
from .lifecycle import WARNING
from .models import EarlyWarning
from .moments import LATEST
from .registers import Warnings
from .rulebook import midnight

KEPT, MOST = timedelta(days=7), 500
"""Ended warnings stay in the feed for so long, that who reads it learns how they ended; so many stand on one page."""
_ANSWERS: dict[int, Any] = {401: Error, 404: Error}
_BEFORE = re.compile(r"(\d{1,17})\.(\d{1,18})", re.ASCII)


def _says(kind: str) -> dict[str, Any]:
    """What the OpenAPI description says of an answer that is no JSON."""
    return {"responses": {200: {"description": kind, "content": {kind: {}}}}}


def _answered(request: HttpRequest, body: bytes, kind: str, changed: datetime) -> HttpResponse:
    """The document; 304 for a program that has it already and says so (`If-None-Match`, `If-Modified-Since`).

    It may keep the document and must ask before it uses it again.
    """
    answer = HttpResponse(body, content_type=f"{kind}; charset=utf-8")
    answer.headers["Cache-Control"] = "private, no-cache"
    patch_vary_headers(answer, ("Authorization", "Cookie", "Accept-Language"))
    answer.headers["ETag"] = etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    answer.headers["Last-Modified"] = http_date(changed.timestamp())
    return get_conditional_response(request, etag, int(changed.timestamp()), answer) or answer


@api.get(
    "/cap/alerts", operation_id="cap.feed", response=_ANSWERS | {422: Error}, tags=["cap"],
    openapi_extra=_says("application/atom+xml"),
)  # fmt: skip
def feed(request: HttpRequest, before: str = "") -> HttpResponse:
    """Open warnings, and those that ended within a week, as an Atom feed of CAP 1.2 messages, newest change first.

    One cause is one entry: what stands under another warning is told of by that one. What was told by itself and put
    under another later stays, that who reads the feed learns it. Where a page is not enough, `rel="next"` leads on.
    """
    with _entered(request, Warnings, "see") as account:
        lately = Q(closed_at__isnull=True) | Q(closed_at__gte=clock.now() - KEPT)
        put_under = CaseEntry.objects.filter(case_kind=WARNING.kind, case_id=OuterRef("pk"), move="follow")
        told = WARNING.own_work | Exists(put_under)
        rows = Warnings.policy.which(account, "see").filter(told, lately, _older(before))
        cases = list(rows.order_by("-updated_at", "-pk")[: MOST + 1])
        cases, more = cases[:MOST], cases[MOST:]
        histories: dict[int, list[CaseEntry]] = defaultdict(list)
        entries = CaseEntry.objects.filter(case_kind=WARNING.kind, case_id__in=[case.pk for case in cases])
        for entry in entries.order_by("case_id", "version"):
            histories[entry.case_id].append(entry)
        # Of none it is said since when: a moment that does not change with each look.
        updated = max((case.updated_at for case in cases), default=midnight(clock.today()))

        def link(case: EarlyWarning) -> str:
            return request.build_absolute_uri(reverse("api:cap-alert", kwargs={"key": case.pk}))

        further = f"{request.path}?{urlencode({'before': _place(cases[-1])})}" if more else ""
        own, further = request.build_absolute_uri(), further and request.build_absolute_uri(further)
        body = cap.feed(cases, histories, own, link, updated, further)
    return _answered(request, body, "application/atom+xml", updated)


def _place(case: EarlyWarning) -> str:
    """Where a warning stands in the feed."""
    return f"{round(case.updated_at.timestamp() * 1_000_000)}.{case.pk}"


def _older(before: str) -> Q:
    """What stands behind that place."""
    if not before:
        return Q()
    matched = _BEFORE.fullmatch(before)
    if matched is None or int(matched[1]) >= LATEST * 1000:
        words, way_out = _("This is no place in the feed."), _("Follow the link “next” of a page of the feed.")
        raise Refusal(422, "invalid", words, "before", way_out)
    at = datetime.fromtimestamp(0, clock.BEIJING) + timedelta(microseconds=int(matched[1]))
    return Q(updated_at__lt=at) | Q(updated_at=at, pk__lt=int(matched[2]))


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
    return _answered(request, body, "application/cap+xml", case.updated_at)


keyed("cap.get", of=lambda: [EarlyWarning], keys=lambda case: {"key": case.pk}, record="key")
