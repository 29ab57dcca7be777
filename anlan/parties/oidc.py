"""Signing in through the city's own identity provider: OpenID Connect Core 1.0, authorization code flow with PKCE.

Off unless `ANLAN_OIDC_ISSUER` and `ANLAN_OIDC_CLIENT_ID` are set. The provider says *who* somebody is and nothing
else: the account, its role and its scope are ours. A claim of the signed ID token (`ANLAN_OIDC_CLAIM`, else `sub`)
is the user name of an account that exists; none is ever made. Who has a second step here is asked for it here too.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import logging
import secrets
import time
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import jwt
import requests
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from anlan.kernel.scope import EVERYWHERE, acting

from .backend import SIGN_IN
from .forms import SignInForm
from .models import Account
from .signin import admit, safe_next

ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
"""Signatures by a key that only the provider has; never a shared secret, never none."""

BEGUN = "_oidc"
BEGUN_SECONDS = 600
ANSWER_S = 5
LARGEST_ANSWER = 1 << 20
LEEWAY_S = 60

log = logging.getLogger(__name__)


class Refused(Exception):
    """The provider's answer is not to be believed, or there was none; the text is for the log."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The identity provider, as the installation names it."""

    issuer: str
    client_id: str
    client_secret: str
    claim: str
    title: str

    @property
    def scope(self) -> str:
        """What is asked for: no more than the claim needs."""
        return {"sub": "openid", "email": "openid email"}.get(self.claim, "openid profile")


def provider() -> Provider | None:
    """The provider of this installation, or None."""
    said: dict[str, str] = settings.OIDC
    if not (said["issuer"] and said["client_id"]):
        return None
    return Provider(**said)


@login_not_required
@never_cache
@require_GET
def begin(request: HttpRequest) -> HttpResponse:
    """Sends the browser to the provider."""
    if request.user.is_authenticated:
        return redirect(safe_next(request))
    known = _provider()
    try:
        there = _discovered(known)["authorization_endpoint"]
    except Refused as error:
        return _refuse(request, error, _("%(name)s does not answer. Try again, or use your password."), 503)
    state, nonce, verifier = (secrets.token_urlsafe(32) for _n in range(3))
    request.session[BEGUN] = {
        "state": state, "nonce": nonce, "verifier": verifier, "at": int(time.time()), "next": safe_next(request),
    }  # fmt: skip
    challenge = urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code", "client_id": known.client_id, "redirect_uri": _back(request), "scope": known.scope,
        "state": state, "nonce": nonce, "code_challenge": challenge, "code_challenge_method": "S256",
    }  # fmt: skip
    return redirect(f"{there}{'&' if '?' in there else '?'}{urlencode(asked)}")


@login_not_required
@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """Takes the browser back: the code is changed for an ID token, which names the account."""
    known = _provider()
    begun: dict[str, Any] = request.session.pop(BEGUN, {})
    try:
        if not begun or not hmac.compare_digest(request.GET.get("state", "").encode(), begun["state"].encode()):
            raise Refused("the state is not the one that was given out")
        if not 0 <= time.time() - begun["at"] <= BEGUN_SECONDS:
            raise Refused("it took too long")
        if request.GET.get("iss", known.issuer) != known.issuer:
            raise Refused("the answer is another issuer's (RFC 9207)")
        if "code" not in request.GET:
            raise Refused(f"the provider refused: {request.GET.get('error', '')[:60]!r}")
        name = _name(known, _id_token(known, request.GET["code"], begun, _back(request)))
    except Refused as error:
        return _refuse(request, error, _("Signing in through %(name)s did not work. Begin again."), 403)
    with acting(SIGN_IN, EVERYWHERE):
        account = Account.objects.filter(username=name, is_active=True).first()
    if account is None:
        words = _("%(name)s knows you, but there is no account of yours here. Ask whoever keeps the accounts.")
        return _refuse(request, Refused(f"no account is called {name!r}"), words, 403)
    return admit(request, account, begun["next"])


def _provider() -> Provider:
    known = provider()
    if known is None:
        raise Http404
    return known


def _back(request: HttpRequest) -> str:
    address = request.build_absolute_uri(reverse("oidc-callback"))
    return address.replace("http://", "https://", 1) if settings.SESSION_COOKIE_SECURE else address


def _refuse(request: HttpRequest, error: Refused, words: str, status: int) -> HttpResponse:
    log.warning("sign-in through the identity provider: %s", error)
    form = SignInForm({})
    form.errors.clear()
    known = _provider()
    form.add_error(None, words % {"name": known.title})
    context = {"form": form, "next": settings.LOGIN_REDIRECT_URL, "oidc": known}
    return render(request, "parties/sign_in.html", context, status=status)


def _asked(method: str, address: str, **sent: Any) -> dict[str, Any]:
    """The provider's JSON answer: over TLS (or on this machine), soon, short, and from the address asked."""
    parts = urlsplit(address)
    if parts.scheme != "https" and not (parts.scheme == "http" and _this_machine(parts.hostname or "")):
        raise Refused(f"{address} is not https")
    try:
        with requests.request(method, address, timeout=ANSWER_S, allow_redirects=False, stream=True, **sent) as answer:
            raw = answer.raw.read(LARGEST_ANSWER + 1, decode_content=True)
            if answer.status_code != 200 or len(raw) > LARGEST_ANSWER:
                raise Refused(f"{address} answered {answer.status_code}")
        found = requests.models.complexjson.loads(raw)
    except (requests.RequestException, OSError, ValueError, RecursionError) as error:
        raise Refused(f"{address}: {error}") from error
    if not isinstance(found, dict):
        raise Refused(f"{address} answered no object")
    return found


def _this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _discovered(known: Provider) -> dict[str, str]:
    """OpenID Connect Discovery 1.0, section 4: the document must name the issuer that was asked."""
    said = _asked("GET", f"{known.issuer.rstrip('/')}/.well-known/openid-configuration")
    if said.get("issuer") != known.issuer:
        raise Refused("the discovery document is another issuer's")
    needed = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    if not all(isinstance(said.get(name), str) for name in needed):
        raise Refused("the discovery document is not whole")
    methods = said.get("token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    return {name: said[name] for name in needed} | {"auth": "basic" if "client_secret_basic" in methods else "post"}


def _id_token(known: Provider, code: str, begun: dict[str, Any], back: str) -> dict[str, Any]:
    """The claims of the ID token, checked as OpenID Connect Core 1.0, section 3.1.3.7 demands."""
    there = _discovered(known)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": back, "code_verifier": begun["verifier"]}
    sent: dict[str, Any] = {"data": form}
    if known.client_secret and there["auth"] == "basic":
        # RFC 6749, section 2.3.1: form-encoded before they are joined.
        sent["auth"] = (quote(known.client_id, safe=""), quote(known.client_secret, safe=""))
    else:
        form |= {"client_id": known.client_id}
        form |= {"client_secret": known.client_secret} if known.client_secret else {}
    token = _asked("POST", there["token_endpoint"], **sent).get("id_token")
    keys = _asked("GET", there["jwks_uri"])
    try:
        head = jwt.get_unverified_header(str(token))
        fit = [k for k in jwt.PyJWKSet.from_dict(keys).keys if head.get("kid") in (None, k.key_id)]
        if len(fit) != 1:
            raise Refused("no key of the provider's fits")
        claims = jwt.decode(
            str(token), fit[0].key, algorithms=[a for a in ALGORITHMS if a == head.get("alg")] or ["RS256"],
            audience=known.client_id, issuer=known.issuer, leeway=LEEWAY_S,
            options={"require": ["iss", "sub", "aud", "exp", "iat", "nonce"]},
        )  # fmt: skip
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise Refused(f"the ID token: {error}") from error
    if not hmac.compare_digest(str(claims["nonce"]).encode(), begun["nonce"].encode()):
        raise Refused("the ID token was made for another sign-in")
    if claims.get("azp", known.client_id) != known.client_id:
        raise Refused("the ID token was made for another program")
    return claims


def _name(known: Provider, claims: dict[str, Any]) -> str:
    """The user name that the claim gives. An address of mail counts only where the provider has proved it."""
    name = claims.get(known.claim)
    if not isinstance(name, str) or not name or "\0" in name:
        raise Refused(f"the ID token has no {known.claim}")
    if known.claim == "email" and claims.get("email_verified") is not True:
        raise Refused("the address is not verified")
    return name
