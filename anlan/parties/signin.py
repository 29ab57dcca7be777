"""Signing in and out: password, then the second factor where the account has one."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from anlan.kernel import clock
from anlan.kernel.scope import EVERYWHERE, acting

from .backend import SIGN_IN
from .forms import CodeForm, SignInForm
from .models import Account, Authenticator
from .models.factors import second_factor as factor_taking
from .sessions import ADDRESS, DEVICE, STARTED

HALF = "_half"
"""In the session: whose password was right, while the second factor is awaited."""
HALF_SECONDS = 300

BACKEND = "anlan.parties.backend.PasswordBackend"
# One answer for a wrong name, a wrong password, an account put out of use and a lock-out.
REFUSED = _("The user name or password is wrong. After five wrong attempts sign-in is blocked for 15 minutes.")


def safe_next(request: HttpRequest) -> str:
    """Where to go afterwards: `next` if it stays on this site, else the home page."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    if url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure()):
        return wanted
    return settings.LOGIN_REDIRECT_URL


def with_language(response: HttpResponse, language: str) -> HttpResponse:
    """Keeps the language for the pages that follow."""
    response.set_cookie(
        settings.LANGUAGE_COOKIE_NAME, language, max_age=365 * 86400, samesite="Lax", httponly=True,
        secure=bool(settings.SESSION_COOKIE_SECURE),
    )  # fmt: skip
    return response


@login_not_required
@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """The first step: user name and password."""
    if request.user.is_authenticated:
        return redirect(safe_next(request))
    form = SignInForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        account = auth.authenticate(request, **form.cleaned_data)
        if isinstance(account, Account):
            return admit(request, account, safe_next(request))
        form.add_error(None, REFUSED)
    from .oidc import provider

    context = {"form": form, "next": safe_next(request), "oidc": provider()}
    return render(request, "parties/sign_in.html", context)


@login_not_required
@never_cache
@require_http_methods(["GET", "POST"])
def second_factor(request: HttpRequest) -> HttpResponse:
    """The second step: a code of the authenticator, or a recovery code."""
    half: dict[str, Any] | None = request.session.get(HALF)
    if half is None or not 0 <= time.time() - half["at"] <= HALF_SECONDS:
        request.session.pop(HALF, None)
        return redirect(settings.LOGIN_URL)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        with acting(SIGN_IN, EVERYWHERE):
            account = Account.objects.filter(pk=half["account"], is_active=True).first()
            taken = account is not None and factor_taking(account, form.cleaned_data["code"]) is not None
        if account is not None and taken:
            del request.session[HALF]
            return _complete(request, account, half["next"])
        form.add_error("code", _("This code is not right, or was used before. Wait for the next one."))
    return render(request, "parties/second_factor.html", {"form": form})


def admit(request: HttpRequest, account: Account, then: str) -> HttpResponse:
    """The first step is done: on to the second where the account has one, else in."""
    with acting(SIGN_IN, EVERYWHERE):
        waits = Authenticator.of(account) is not None
    if not waits:
        return _complete(request, account, then)
    request.session.cycle_key()
    request.session[HALF] = {"account": account.pk, "at": int(time.time()), "next": then}
    return redirect("second-factor")


def _complete(request: HttpRequest, account: Account, then: str) -> HttpResponse:
    """Opens the session: new key and new CSRF token, so that one planted before is worth nothing."""
    with acting(account.actor, account.scope):
        auth.login(request, account, backend=BACKEND)
        # An update, not a save: signing in is audited but does not make others' forms stale.
        Account.objects.filter(pk=account.pk).update(last_login=clock.now())
    request.session[DEVICE] = request.headers.get("User-Agent", "")[:200]
    request.session[ADDRESS] = request.META.get("REMOTE_ADDR", "")
    request.session[STARTED] = clock.now().isoformat()
    return with_language(redirect(then), account.language)


@require_POST
@login_not_required
def sign_out(request: HttpRequest) -> HttpResponse:
    """Ends this session."""
    auth.logout(request)
    return redirect(settings.LOGOUT_REDIRECT_URL)


@require_POST
@login_not_required
def language(request: HttpRequest) -> HttpResponse:
    """Changes the language of the pages, and keeps it with the account of whoever is signed in."""
    wanted = request.POST.get("language", "")
    if wanted not in dict(settings.LANGUAGES):
        return HttpResponse(status=400)
    if request.user.is_authenticated:
        Account.objects.filter(pk=request.user.pk).update(language=wanted)
    return with_language(redirect(safe_next(request)), wanted)
