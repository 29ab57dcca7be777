"""Notices: messages to accounts, in the product and, where an installation says how, outside of it.

A notice keeps a msgid and its values; the words are made in the reader's language when it is read.
It goes only to accounts whose scope holds what it speaks of. The way out is one address of Apprise
(https://github.com/caronc/apprise) in `ANLAN_NOTICE_URL` with `{address}` where a person's own
address stands, so nobody can make the server call an address of his choosing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils import translation
from django.utils.translation import gettext

from . import clock
from .jobs import job
from .models import Notice, NoticePreference
from .scope import ANY, EVERYWHERE, Actor, acting

LEVELS = ("neutral", "primary", "success", "attention", "critical")
_SENDER = Actor("event", "notices")
plain_address = RegexValidator(r"\A[\w.+-]{1,100}(@[\w.-]{1,99})?\Z", "not a mail address or number")


@dataclass(frozen=True, slots=True)
class Holders:
    """Everybody of these roles whose scope holds this place, industry and enterprise."""

    roles: frozenset[str]
    area_code: str
    industry_id: str | None = ANY
    enterprise_id: int | str | None = ANY

    def accounts(self) -> list[Any]:
        """The active accounts, found from the place upwards through its tiers."""
        above = {self.area_code[:n].ljust(12, "0") for n in (2, 6, 9, 12)}
        found = get_user_model().objects.filter(role__in=self.roles, is_active=True, area_code__in=above)
        return [a for a in found if a.scope.covers(self.area_code, self.industry_id, self.enterprise_id)]


def way_out() -> str:
    """The Apprise address of this installation, with `{address}` in it; empty where there is none."""
    return os.environ.get("ANLAN_NOTICE_URL", "")


def send(
    to: Holders | Iterable[Any], message: str, params: dict[str, Any] | None = None, *, url: str = "",
    level: str = "neutral",
) -> list[int]:  # fmt: skip
    """Sends `message` (a msgid with `%(name)s` places for `params`); returns the notices' numbers.

    `to` is accounts, or `Holders`. Sent with the surrounding transaction or not at all.
    """
    if level not in LEVELS:
        raise ValueError(f"a notice's level is one of {', '.join(LEVELS)}, not {level!r}")
    values = {k: v if isinstance(v, str | int | float) else str(v) for k, v in (params or {}).items()}
    message % values  # a place without its value is found here, not by the reader
    # The sender acts beyond his own scope only to put the message into the reader's box.
    with acting(_SENDER, EVERYWHERE):
        readers = to.accounts() if isinstance(to, Holders) else list(to)
        wanted = {p.account_id: p for p in NoticePreference.objects.filter(account_id__in=[a.pk for a in readers])}
        rows = []
        for account in readers:
            preference = wanted.get(account.pk)
            outside = bool(way_out() and preference and preference.address and level in preference.levels)
            rows.append(
                Notice(
                    account_id=account.pk, message=message, params=values, url=url, level=level,
                    outside="waiting" if outside else "none",
                )
            )  # fmt: skip
        made = [notice.pk for notice in Notice.objects.bulk_create(rows, batch_size=1000)]
        for notice in rows:
            if notice.outside == "waiting":
                send_out.put(scope=EVERYWHERE, notice=notice.pk)
        return made


def words(notice: Notice) -> str:
    """The notice in the language in force."""
    return gettext(notice.message) % notice.params


def unread(account_id: int) -> int:
    """How many notices the account has not read."""
    return Notice.objects.filter(account_id=account_id, read_at=None).count()


def mark_read(account_id: int, notice_ids: Iterable[int] | None = None) -> int:
    """Marks these, or all, of the account's notices as read; returns how many were unread."""
    rows = Notice.objects.filter(account_id=account_id, read_at=None)
    if notice_ids is not None:
        rows = rows.filter(pk__in=list(notice_ids))
    return rows.update(read_at=clock.now())


class NotSent(RuntimeError):
    """The way out refused the message; the job is tried again."""


@job("notices.send_out", queue="notices")
def send_out(notice: int) -> None:
    """Sends one notice through Apprise, in its reader's language."""
    from apprise import Apprise

    kept = Notice.objects.get(pk=notice)
    reader = get_user_model().objects.get(pk=kept.account_id)
    preference = NoticePreference.objects.filter(account_id=kept.account_id).first()
    if preference is None or not preference.address or not way_out():
        Notice.objects.filter(pk=notice).update(outside="none")
        return
    try:
        plain_address(preference.address)
    except ValidationError as error:
        raise NotSent(str(error)) from None
    sender = Apprise()
    if not sender.add(way_out().replace("{address}", quote(preference.address, safe="@"))):
        raise NotSent("ANLAN_NOTICE_URL is no address that Apprise knows")
    with translation.override(reader.language):
        body = words(kept)
    if not sender.notify(body=body):
        raise NotSent(f"the way out refused notice {notice}")
    Notice.objects.filter(pk=notice).update(outside="sent")
