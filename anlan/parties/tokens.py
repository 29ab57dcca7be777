"""Keys of client programs: a person makes them, sees when they were used, and revokes them.

A key acts for its account, in its scope and with its role's rights at the moment of each use, and no
further than the registers that it names.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from anlan.kernel import clock
from anlan.kernel.registers import all_registers, register_named
from anlan.kernel.registers.models import ApiToken, errands

from .forms import OwnPasswordForm
from .models import Account

MOST = 20
"""Living keys that one account may have."""
DAYS = (30, 90, 180, 365)
WRITING = ("add", "change", "remove")


def living(account: Account) -> QuerySet[ApiToken]:
    """The account's keys that work now."""
    works = Q(expires_at__isnull=True) | Q(expires_at__gt=clock.now())
    return ApiToken.objects.filter(works, account=account, revoked_at__isnull=True)


def _holder(request: HttpRequest) -> Account:
    if not isinstance(request.user, Account):
        raise PermissionDenied
    return request.user


def reach(account: Account) -> list[dict[str, Any]]:
    """The registers that the account may see, and whether it may write to them."""
    seen = [r for r in all_registers() if r.policy.may(account, "see")]
    rows = [
        {"name": r.name, "title": r.title, "write": any(r.policy.may(account, verb) for verb in WRITING)}  # type: ignore[arg-type]
        for r in seen
    ]
    return [{"name": "*", "title": _("All registers"), "write": any(r["write"] for r in rows)}, *rows]


def allowed_errands(account: Account) -> list[dict[str, Any]]:
    """What else the account's programs may do."""
    return [{"scope": one.scope, "title": one.title} for one in errands if one.may(account)]


class TokenForm(OwnPasswordForm):
    """What the new key is for, how far it reaches, until when; with one's password."""

    name = forms.CharField(
        label=gettext_lazy("What is the key for?"), max_length=60,
        help_text=gettext_lazy("The program that will use it, so that you know it again here."),
        widget=forms.TextInput({"class": "form-control", "autocomplete": "off"}),
    )  # fmt: skip
    days = forms.TypedChoiceField(label=gettext_lazy("Valid for"), coerce=int, initial=90)
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("What may it do?"),
        error_messages={"required": gettext_lazy("Choose at least one register.")},
    )
    field_order = ("name", "days", "scopes", "password")

    def __init__(self, request: HttpRequest, account: Account, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, account, *args, **kwargs)
        self.reach = reach(account)
        verbs = [(r, verb) for r in self.reach for verb in ("read", "write") if verb == "read" or r["write"]]
        scopes = [(f"{r['name']}:{verb}", r["title"]) for r, verb in verbs]
        scopes += [(one["scope"], one["title"]) for one in allowed_errands(account)]
        self.fields["scopes"].choices = scopes  # type: ignore[attr-defined]
        self.fields["days"].choices = [(n, _("%(days)s days") % {"days": n}) for n in DAYS]  # type: ignore[attr-defined]

    def rows(self) -> list[dict[str, Any]]:
        """The registers with what is ticked."""
        ticked = self._ticked()
        return [
            {**r, "reads": f"{r['name']}:read" in ticked, "writes": f"{r['name']}:write" in ticked} for r in self.reach
        ]

    def errands(self) -> list[dict[str, Any]]:
        """What else is ticked."""
        return [{**one, "ticked": one["scope"] in self._ticked()} for one in allowed_errands(self.account)]

    def _ticked(self) -> list[str]:
        return self.data.getlist("scopes") if self.is_bound else []  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if living(self.account).count() >= MOST:
            text = _("You have %(most)s keys that work; revoke one first.") % {"most": MOST}
            raise ValidationError(text, code="token.many")
        return data


def _words(scope: str) -> str:
    if errand := next((one for one in errands if one.scope == scope), None):
        return str(errand.title)
    register, verb = scope.rsplit(":", 1)
    declared = register_named(register)
    title = _("All registers") if register == "*" else str(declared.title) if declared else register
    return (_("%(register)s: read and write") if verb == "write" else _("%(register)s: read")) % {"register": title}


@login_required
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """My keys; a new one is shown once, in the answer that makes it."""
    me, secret = _holder(request), ""
    form = TokenForm(request, me, request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        if form.is_valid():
            asked = form.cleaned_data
            expires = clock.now() + timedelta(days=asked["days"])
            secret = ApiToken.issue(me, asked["name"], asked["scopes"], expires)
            form = TokenForm(request, me)
        else:
            status = 422
    now = clock.now()
    rows = [
        {
            "token": token,
            "scopes": [_words(scope) for scope in token.scopes],
            "used": getattr(getattr(token, "use", None), "at", None),
            "works": token.revoked_at is None and (token.expires_at is None or token.expires_at > now),
        }
        for token in ApiToken.objects.filter(account=me).select_related("use").order_by("-pk")[:100]
    ]
    context = {"form": form, "rows": rows, "secret": secret}
    return render(request, "parties/tokens.html", context, status=status)


@login_required
@require_POST
def revoke(request: HttpRequest) -> HttpResponse:
    """From now on the key does not work; 404 for one that is not mine or does not work any more."""
    number = request.POST.get("token", "")
    known = number.isascii() and number.isdigit() and len(number) < 19
    token = living(_holder(request)).filter(pk=int(number)).first() if known else None
    if token is None:
        raise Http404
    token.revoked_at = clock.now()
    token.save(update_fields=["revoked_at"])
    messages.success(request, _("The key “%(name)s” was revoked; it does not work any more.") % {"name": token.name})
    return redirect("tokens")
