"""Sign-in through an identity provider that really answers: a small one on this machine, honest and then hostile."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
import pytest
import requests
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from django.test import Client

from anlan.kernel.scope import EVERYWHERE, Actor, acting
from anlan.parties.models import Account, Authenticator

TESTER = Actor("test", "tests")
pytestmark = pytest.mark.django_db
CLIENT, SECRET = "anlan:city", "s e/cret"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Provider(ThreadingHTTPServer):
    """Discovery, authorization, token and keys. `lie` changes the ID token; `who` is signed in there."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answers)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.codes: dict[str, dict[str, str]] = {}
        self.who: dict[str, Any] = {"sub": "yubei"}
        self.lie: dict[str, Any] = {}
        self.key, self.alg, self.headers = KEY, "RS256", {"kid": "1"}
        self.said_issuer = self.issuer
        self.raw = ""

    def claims(self, asked: dict[str, str]) -> dict[str, Any]:
        now = int(time.time())
        plain = {"iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": asked["nonce"]}
        return {k: v for k, v in (plain | self.who | self.lie).items() if v is not None}


class Answers(BaseHTTPRequestHandler):
    server: Provider

    def log_message(self, *_: Any) -> None: ...

    def say(self, what: Any, status: int = 200) -> None:
        raw = json.dumps(what).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def do_GET(self) -> None:
        at, asked = urlsplit(self.path), {k: v[0] for k, v in parse_qs(urlsplit(self.path).query).items()}
        home = self.server
        if at.path == "/.well-known/openid-configuration":
            self.say({
                "issuer": home.said_issuer, "authorization_endpoint": f"{home.issuer}/authorize",
                "token_endpoint": f"{home.issuer}/token", "jwks_uri": f"{home.issuer}/keys",
            })  # fmt: skip
        elif at.path == "/keys":
            public = jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)
            self.say({"keys": [public | {"kid": "1", "alg": "RS256", "use": "sig"}]})
        elif at.path == "/authorize":
            assert asked["response_type"] == "code"
            assert asked["code_challenge_method"] == "S256"
            code = f"code-{len(home.codes)}"
            home.codes[code] = asked
            back = urlencode({"code": code, "state": asked["state"], "iss": home.issuer})
            self.send_response(302)
            self.send_header("Location", f"{asked['redirect_uri']}?{back}")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def do_POST(self) -> None:
        home = self.server
        sent = {k: v[0] for k, v in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        pair = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode().split(":")
        asked = home.codes.pop(sent["code"], None)
        digest = hashlib.sha256(sent["code_verifier"].encode()).digest()
        proved = asked and base64.urlsafe_b64encode(digest).decode().rstrip("=") == asked["code_challenge"]
        known = [unquote(p) for p in pair] == [CLIENT, SECRET]
        if not known or not proved or sent["redirect_uri"] != asked["redirect_uri"]:
            self.say({"error": "invalid_grant"}, 400)
            return
        token = home.raw or jwt.encode(home.claims(asked), home.key, home.alg, headers=home.headers)
        self.say({"access_token": "x", "token_type": "Bearer", "id_token": token})


@pytest.fixture
def there(settings: Any) -> Iterator[Provider]:
    home = Provider()
    threading.Thread(target=home.serve_forever, args=(0.01,), daemon=True).start()
    settings.OIDC = {
        "issuer": home.issuer, "client_id": CLIENT, "client_secret": SECRET, "claim": "sub", "title": "市统一身份认证",
    }  # fmt: skip
    yield home
    home.shutdown()
    home.server_close()


@pytest.fixture
def yubei() -> Account:
    with acting(TESTER, EVERYWHERE):
        return Account.objects.create_user("yubei", None, name="渝北", role="district", area_code="500112000000")


def to_provider_and_back(client: Client, **asked: str) -> str:
    """The address at which the provider hands the browser back to us."""
    away = client.get("/sign-in/oidc/", asked).headers["Location"]
    back = requests.get(away, allow_redirects=False, timeout=5).headers["Location"]
    parts = urlsplit(back)
    assert parts.path == "/sign-in/oidc/callback/"
    return f"{parts.path}?{parts.query}"


def signed_in(client: Client) -> bool:
    return client.get("/account/").status_code == 200


def test_without_the_setting_there_is_no_button_and_no_address(client: Client) -> None:
    assert b"/sign-in/oidc/" not in client.get("/sign-in/").content
    assert client.get("/sign-in/oidc/").status_code == 404
    assert client.get("/sign-in/oidc/callback/?code=x&state=y").status_code == 404


def test_whom_the_provider_knows_is_signed_in_to_his_own_account(
    there: Provider, yubei: Account, client: Client
) -> None:
    page = client.get("/sign-in/?next=/notices/")
    assert "市统一身份认证" in page.content.decode()
    assert "form-action 'self'" in page.headers["Content-Security-Policy"]
    before = client.cookies.get("sessionid")
    answer = client.get(to_provider_and_back(client, next="/notices/"))
    assert answer.headers["Location"] == "/notices/"
    assert signed_in(client)
    assert client.cookies["sessionid"].value != (before.value if before else "")


def test_role_and_scope_are_ours_whatever_the_provider_says(there: Provider, yubei: Account, client: Client) -> None:
    there.who |= {"role": "city", "area_code": "500000000000", "groups": ["admin"], "industries": None}
    client.get(to_provider_and_back(client))
    with acting(TESTER, EVERYWHERE):
        kept = Account.objects.get(username="yubei")
    assert (kept.role, kept.area_code) == ("district", "500112000000")


@pytest.mark.parametrize("who", ["nobody", "YUBEI", "yubei ", "yubei\0", "", 7, None, ["yubei"]])
def test_no_account_is_made_and_none_but_the_very_one_is_opened(
    there: Provider, yubei: Account, client: Client, who: Any
) -> None:
    there.who = {"sub": who}
    answer = client.get(to_provider_and_back(client))
    assert answer.status_code == 403
    assert not signed_in(client)
    with acting(TESTER, EVERYWHERE):
        assert Account.objects.count() == 1


def test_an_account_put_out_of_use_stays_out(there: Provider, yubei: Account, client: Client) -> None:
    with acting(TESTER, EVERYWHERE):
        Account.objects.update(is_active=False)
    assert client.get(to_provider_and_back(client)).status_code == 403
    assert not signed_in(client)


def test_who_has_a_second_step_here_is_asked_for_it(there: Provider, yubei: Account, client: Client) -> None:
    with acting(TESTER, EVERYWHERE):
        device = Authenticator.begin(yubei)
        device.confirmed = True
        device.save()
    there.who |= {"amr": ["mfa", "otp"], "acr": "high"}
    assert client.get(to_provider_and_back(client)).headers["Location"] == "/sign-in/code/"
    assert not signed_in(client)


LIES = {
    "another issuer": {"iss": "https://evil.example"},
    "another program": {"aud": "other"},
    "several programs, made for another": {"aud": [CLIENT, "other"], "azp": "other"},
    "long over": {"exp": 1},
    "not yet": {"iat": 2**33, "nbf": 2**33},
    "another sign-in": {"nonce": "x"},
    "no sign-in": {"nonce": None},
    "no end": {"exp": None},
    "nobody": {"sub": None},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_an_id_token_that_is_not_ours_opens_nothing(there: Provider, yubei: Account, client: Client, lie: Any) -> None:
    there.lie = lie
    assert client.get(to_provider_and_back(client)).status_code == 403
    assert not signed_in(client)


def _forged(kind: str, there: Provider) -> None:
    public = KEY.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    if kind == "another key":
        there.key = OTHER
    elif kind == "unknown key":
        there.key, there.headers = OTHER, {"kid": "2"}
    elif kind == "garbage":
        there.raw = "a.b.c"
    else:
        now = int(time.time())
        claims = {"iss": there.issuer, "aud": CLIENT, "iat": now, "exp": now + 60, "sub": "yubei", "nonce": "?"}
        enc = lambda part: base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")  # noqa: E731
        alg = "none" if kind == "none" else "HS256"
        signing = f"{enc({'alg': alg, 'kid': '1'})}.{enc(claims)}"
        if kind == "none":
            there.raw = f"{signing}."
        else:
            import hmac

            mac = hmac.digest(public, signing.encode(), "sha256")
            there.raw = f"{signing}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}"


@pytest.mark.parametrize("kind", ["another key", "unknown key", "none", "public key as secret", "garbage"])
def test_a_forged_signature_opens_nothing(there: Provider, yubei: Account, client: Client, kind: str) -> None:
    _forged(kind, there)
    assert client.get(to_provider_and_back(client)).status_code == 403
    assert not signed_in(client)


def test_an_answer_is_good_once_and_for_the_browser_that_asked(there: Provider, yubei: Account, client: Client) -> None:
    back = to_provider_and_back(client)
    stranger = Client()
    assert stranger.get(back).status_code == 403, "login CSRF: a stranger's answer planted in another browser"
    assert client.get(back.replace("state=", "state=x")).status_code == 403
    assert client.get(back).status_code == 403, "the state was used up by the wrong try"
    assert client.get(to_provider_and_back(client)).status_code == 302
    assert Client().get(back).status_code == 403


def test_an_answer_of_another_issuer_is_refused(there: Provider, yubei: Account, client: Client) -> None:
    back = to_provider_and_back(client).split("&iss=")[0]
    assert client.get(f"{back}&iss=https%3A%2F%2Fevil.example").status_code == 403
    there.said_issuer = "https://evil.example"
    assert client.get("/sign-in/oidc/").status_code == 503


def test_next_never_leads_off_this_site(there: Provider, yubei: Account, client: Client) -> None:
    answer = client.get(to_provider_and_back(client, next="https://evil.example/"))
    assert answer.headers["Location"] == "/"


def test_an_address_of_mail_counts_only_when_verified(there: Provider, client: Client, settings: Any) -> None:
    settings.OIDC = settings.OIDC | {"claim": "email"}
    with acting(TESTER, EVERYWHERE):
        Account.objects.create_user("a@b.cn", None, name="x", role="duty", area_code="500000000000")
    there.who = {"sub": "1", "email": "a@b.cn"}
    assert client.get(to_provider_and_back(client)).status_code == 403
    there.who |= {"email_verified": "true"}
    assert client.get(to_provider_and_back(client)).status_code == 403
    there.who |= {"email_verified": True}
    assert client.get(to_provider_and_back(client)).status_code == 302


def test_a_provider_that_does_not_answer_is_said_and_the_password_still_works(
    there: Provider, yubei: Account, client: Client
) -> None:
    there.shutdown()
    there.server_close()
    answer = client.get("/sign-in/oidc/")
    assert answer.status_code == 503
    assert b'name="password"' in answer.content


@pytest.mark.parametrize("issuer", ["http://evil.example", "ftp://127.0.0.1", "https://127.0.0.1:1"])
def test_nothing_is_asked_in_the_open(settings: Any, client: Client, issuer: str) -> None:
    settings.OIDC = {"issuer": issuer, "client_id": "x", "client_secret": "", "claim": "sub", "title": "x"}
    assert client.get("/sign-in/oidc/").status_code == 503
