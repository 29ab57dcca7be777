"""Pages for everybody: no sign-in, no cookie read, the language in the address, so that any cache may keep them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import override

from . import clock
from .models import Installation

KEPT_S = 300
OTHER = {"en": ("zh-Hans", "中文"), "zh-hans": ("en", "English")}
"""By language the other one: as pages say it, and its own name."""


def named(name: str, language: str) -> str:
    """The name of an address of the public's in that language: the Chinese one is the plain one."""
    return f"{name}-en" if language == "en" else name


def answer(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    language: str,
    name: str,
    *keys: int,
    query: str = "",
) -> HttpResponse:
    """The page `name` in its language, good for five minutes, or 304.

    Besides `context` the template has the city, whether it is a demonstration and when, and the same page in the other
    language, with the same `query`.
    """
    installation = Installation.here()
    other, other_name = OTHER[language]
    other_url = reverse(named(name, other.lower()), args=keys) + query
    with override(language):
        page = render_to_string(template, {
            **context, "city": installation.city_name, "demo": installation.demonstration, "clock_now": clock.now(),
            "script_words": "", "other_url": other_url, "other_lang": other, "other_name": other_name,
        })  # fmt: skip
    made = HttpResponse(page)
    made["Cache-Control"] = f"public, max-age={KEPT_S}"
    made["Content-Language"] = OTHER[other.lower()][0]
    made["ETag"] = quote_etag(hashlib.sha256(made.content).hexdigest()[:32])
    return get_conditional_response(request, made["ETag"], None, made) or made
