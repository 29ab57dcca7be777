"""Forms of sign-in and of one's own account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import auth
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .models import Account

INPUT = {"class": "form-control"}


class SignInForm(forms.Form):
    username = forms.CharField(
        label=_("User name"), max_length=60,
        widget=forms.TextInput(INPUT | {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )  # fmt: skip
    password = forms.CharField(
        label=_("Password"), max_length=200, strip=False,
        widget=forms.PasswordInput(INPUT | {"autocomplete": "current-password"}),
    )  # fmt: skip


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("One-time code"), max_length=20,
        widget=forms.TextInput(INPUT | {"autocomplete": "one-time-code", "spellcheck": "false"}),
    )  # fmt: skip

    def clean_code(self) -> str:
        """Without the spaces that authenticators show."""
        return "".join(self.cleaned_data["code"].split()).lower()


class OwnPasswordForm(forms.Form):
    """Asks for one's password before something that a stranger at an open screen must not do."""

    password = forms.CharField(
        label=_("Your password"), max_length=200, strip=False,
        widget=forms.PasswordInput(INPUT | {"autocomplete": "current-password"}),
    )  # fmt: skip

    def __init__(self, request: HttpRequest, account: Account, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request, self.account = request, account

    def clean_password(self) -> str:
        # Through the sign-in's own check, so that guessing is counted and locked out here too.
        password = str(self.cleaned_data["password"])
        if auth.authenticate(self.request, username=self.account.get_username(), password=password) is None:
            words = _("This is not your password. After five wrong attempts you are locked out.")
            raise ValidationError(words, code="password.wrong")
        return password


class PasswordForm(OwnPasswordForm):
    new = forms.CharField(
        label=_("New password"), max_length=200, strip=False, help_text=_("At least 10 characters."),
        widget=forms.PasswordInput(INPUT | {"autocomplete": "new-password"}),
    )  # fmt: skip
    again = forms.CharField(
        label=_("New password again"), max_length=200, strip=False,
        widget=forms.PasswordInput(INPUT | {"autocomplete": "new-password"}),
    )  # fmt: skip

    def clean_new(self) -> str:
        new = str(self.cleaned_data["new"])
        validate_password(new, self.account)
        return new

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "new" in data and "again" in data and data["new"] != data["again"]:
            self.add_error("again", ValidationError(_("The two do not match."), code="password.differs"))
        return data
