"""One request, one transaction, one scope."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponseBase
from django.utils.cache import add_never_cache_headers

from .scope import Actor, Scope, acting, become

NOBODY = Scope("000000000000", frozenset())
"""Of no industry, in a place that is none: sees what is open to all or published, and no scoped row."""


class ScopeMiddleware:
    """Runs the request in the signed-in account's scope and undoes everything if it fails.

    Exceptions that Django turns into answers (404, 403, 500 …) roll back too: `process_exception`
    sees them first. Sessions are saved outside, by their own middleware.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        from django.contrib.auth import SESSION_KEY

        # Before the request's transaction and not in it: that the session was seen is written, and no page that takes
        # long, or asks for its session in another thread, may hold that row meanwhile.
        key = request.session.get(SESSION_KEY) if hasattr(request, "session") else None
        visitor = Actor("person", "anonymous", int(key) if key else None)
        with acting(visitor, NOBODY):
            # The account reads itself under its own id; only then is its scope known.
            user = getattr(request, "user", None)
            if user is not None and user.is_authenticated:
                become(user.actor, user.scope)
            response = self.get_response(request)
            if response.status_code >= 500 or getattr(request, "_failed", False):
                transaction.set_rollback(True)
            return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        request._failed = True  # type: ignore[attr-defined]


class HeadersMiddleware:
    """A strict content-security policy, and nothing personal in any cache."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", settings.CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", "camera=(self), geolocation=(self), microphone=()")
        if not request.path.startswith(settings.STATIC_URL) and "Cache-Control" not in response.headers:
            add_never_cache_headers(response)
            response.headers["Cache-Control"] = "no-store"
        return response
