"""Checking a user name and password, before any scope exists."""

from __future__ import annotations

from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from django.contrib.auth.backends import BaseBackend, ModelBackend
from django.http import HttpRequest

from anlan.kernel.scope import EVERYWHERE, Actor, acting

from .models import Account

SIGN_IN = Actor("job", "sign-in")


class PasswordBackend(BaseBackend):
    """Reads the account as the job `sign-in`: nobody is known yet, so nobody's scope holds.

    The check itself is Django's, which spends the same time on names that do not exist.
    """

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **_: Any
    ) -> Account | None:
        with acting(SIGN_IN, EVERYWHERE):
            found = ModelBackend().authenticate(request, username=username, password=password)
        return found if isinstance(found, Account) else None

    def get_user(self, user_id: int) -> Account | None:
        # In the scope of the request: an account always sees itself, and nobody else's session opens it.
        found = Account.objects.filter(pk=user_id, is_active=True).first()
        return found


class LockOut(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Counts wrong passwords as the job `sign-in`: no person's request can read or clear them."""

    def get_failures(self, *args: Any, **kwargs: Any) -> int:
        with acting(SIGN_IN, EVERYWHERE):
            return int(super().get_failures(*args, **kwargs))

    def user_login_failed(self, *args: Any, **kwargs: Any) -> None:
        with acting(SIGN_IN, EVERYWHERE):
            super().user_login_failed(*args, **kwargs)

    def user_logged_in(self, *args: Any, **kwargs: Any) -> None:
        with acting(SIGN_IN, EVERYWHERE):
            super().user_logged_in(*args, **kwargs)
