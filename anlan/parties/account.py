"""One's own account: sessions, password, second factor."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import segno
from django.contrib import auth, messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_otp.plugins.otp_static.models import StaticToken

from anlan.kernel import areas

from .forms import CodeForm, OwnPasswordForm, PasswordForm
from .models import Account, Authenticator, Industry, Recovery, Session
from .tokens import living


def holder(request: HttpRequest) -> Account:
    """Who is signed in; for pages that only the signed-in reach."""
    if not isinstance(request.user, Account):
        raise PermissionDenied
    return request.user


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A session as its holder sees it. `name` identifies it on the page without giving the key away."""

    name: str
    device: str
    address: str | None
    started: datetime
    seen: datetime
    this: bool


def session_name(session_key: str) -> str:
    """What a session is called on the page and in addresses: its key would open it."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:24]


def describe_device(user_agent: str) -> str:
    """A browser and system in plain words, from the User-Agent; what is not recognised is said to be unknown."""
    marks = (("Edg/", "Edge"), ("MicroMessenger", _("WeChat")), ("OPR/", "Opera"), ("Firefox/", "Firefox"),
             ("Chrome/", "Chrome"), ("Safari/", "Safari"))  # fmt: skip
    systems = (("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"),
               ("Mac OS", "macOS"), ("Linux", "Linux"))  # fmt: skip
    browser = next((name for mark, name in marks if mark in user_agent), _("Unknown browser"))
    system = next((name for mark, name in systems if mark in user_agent), "")
    return f"{browser} · {system}" if system else browser


def open_sessions(account: Account, this_key: str | None) -> list[OpenSession]:
    """The account's living sessions, the one in use first, then by last use."""
    rows = Session.objects.filter(account=account, expire_date__gt=timezone.now()).order_by("-seen_at")
    found = [
        OpenSession(session_name(r.session_key), describe_device(r.device), r.address, r.started_at, r.seen_at,
                    r.session_key == this_key)
        for r in rows
    ]  # fmt: skip
    return sorted(found, key=lambda s: not s.this)


@login_required
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """Who I am here, what I may see, where I am signed in."""
    me = holder(request)
    context = {
        "me": me,
        "area": areas.names([me.area_code]).get(me.area_code, ""),
        "industries": [str(i) for i in Industry.objects.filter(pk__in=me.industries or [])],
        "sessions": open_sessions(me, request.session.session_key),
        "second_factor": Authenticator.of(me) is not None,
        "tokens": living(me).count(),
        "recovery_left": StaticToken.objects.filter(device__user=me).count(),
    }
    return render(request, "parties/account.html", context)


@login_required
@require_POST
def end_session(request: HttpRequest, name: str) -> HttpResponse:
    """Ends one of my sessions; 404 for anything that is not mine."""
    mine = Session.objects.filter(account=holder(request))
    row = next((s for s in mine if session_name(s.session_key) == name), None)
    if row is None:
        raise Http404
    if row.session_key == request.session.session_key:
        auth.logout(request)
        return redirect("sign-in")
    row.delete()
    messages.success(request, _("The session was ended."))
    return redirect("account")


@login_required
@require_POST
def end_other_sessions(request: HttpRequest) -> HttpResponse:
    """Signs out everywhere but here."""
    others = Session.objects.filter(account=holder(request)).exclude(session_key=request.session.session_key)
    count, _by_model = others.delete()
    messages.success(request, _("Signed out elsewhere: %(count)s.") % {"count": count})
    return redirect("account")


@login_required
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Changes my password and ends my other sessions."""
    me = holder(request)
    form = PasswordForm(request, me, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        me = Account.objects.get(pk=me.pk)
        me.set_password(form.cleaned_data["new"])
        me.save(update_fields=["password"])
        auth.update_session_auth_hash(request, me)
        # The session has a new key now and is saved after this answer; what is in the table is elsewhere.
        Session.objects.filter(account=me).exclude(session_key=request.session.session_key).delete()
        messages.success(request, _("Your password was changed; you were signed out elsewhere."))
        return redirect("account")
    return render(request, "parties/password.html", {"form": form})


@login_required
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def two_factor(request: HttpRequest) -> HttpResponse:
    """Sets the second factor up (QR code, then a code to prove it), or turns it off with the password."""
    me = holder(request)
    if Authenticator.of(me) is not None:
        off = OwnPasswordForm(request, me, request.POST if request.method == "POST" else None)
        if request.method == "POST" and off.is_valid():
            Authenticator.objects.filter(user=me).delete()
            Recovery.objects.filter(user=me).delete()
            messages.success(request, _("The second step was turned off."))
            return redirect("account")
        return render(request, "parties/two_factor_off.html", {"form": off})
    device = Authenticator.begin(me)
    form = CodeForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        if device.verify_token(form.cleaned_data["code"]):
            device.confirmed = True
            device.save(update_fields=["confirmed"])
            return render(request, "parties/recovery_codes.html", {"codes": Recovery.renew(me)})
        form.add_error("code", _("This code is not right. Check the clock of your phone and try the next one."))
    context = {
        "form": form,
        "qr": segno.make(device.config_url, error="m").svg_data_uri(scale=5, border=3),
        "secret": " ".join(_grouped(_base32(device))),
    }
    return render(request, "parties/two_factor.html", context)


def _base32(device: Authenticator) -> str:
    from base64 import b32encode

    return b32encode(device.bin_key).decode().rstrip("=")


def _grouped(text: str) -> list[str]:
    return [text[at : at + 4] for at in range(0, len(text), 4)]
