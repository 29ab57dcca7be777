"""Notices: messages to accounts, in the product and, where an installation says how, outside of it.

A notice keeps a msgid and its values; the words are made in the reader's language when it is read.
It goes only to accounts whose scope holds what it speaks of. The way out is one address of Apprise
(https://github.com/caronc/apprise) in `ANLAN_NOTICE_URL` with `{address}` where a person's own
address stands, so nobody can make the server call an address of his choosing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils import translation
from django.utils.translation import gettext

from . import clock, live
from .bilingual import in_language
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
        return accounts_of([self])[self]

    def above(self) -> set[str]:
        """The divisions of the tiers that hold the place."""
        return {self.area_code[:n].ljust(12, "0") for n in (2, 6, 9, 12)}


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be sent: `text` is a msgid with `%(name)s` places for `params`; `to` is accounts, or `Holders`."""

    to: Holders | Sequence[Any]
    text: str
    params: Mapping[str, Any] = field(default_factory=dict)
    url: str = ""
    level: str = "neutral"

    def values(self) -> dict[str, str | int | float]:
        """The values as they are kept. What cannot be sent is found here, not by the reader."""
        if self.level not in LEVELS:
            raise ValueError(f"a notice's level is one of {', '.join(LEVELS)}, not {self.level!r}")
        values = {k: v if isinstance(v, str | int | float) else str(v) for k, v in self.params.items()}
        self.text % values  # raises where a place has no value
        return values


def accounts_of(holders: Iterable[Holders]) -> dict[Holders, list[Any]]:
    """The active accounts that each of many holders means, in two queries for all of them."""
    wanted = set(holders)
    among = get_user_model().objects.filter(is_active=True)
    # An enterprise's own people are found by the enterprise: an area has as many as it has enterprises.
    named = {h.enterprise_id for h in wanted if "enterprise" in h.roles and isinstance(h.enterprise_id, int)}
    open_ = {h for h in wanted if h.roles - {"enterprise"} or not isinstance(h.enterprise_id, int)}
    found: dict[tuple[str, Any], list[Any]] = {}
    if open_:
        roles = {r for h in open_ for r in h.roles if r != "enterprise" or not isinstance(h.enterprise_id, int)}
        areas = {code for h in open_ for code in h.above()}
        for account in among.filter(role__in=roles, area_code__in=areas).order_by("pk"):
            found.setdefault((account.role, account.area_code), []).append(account)
    if named:
        for account in among.filter(role="enterprise", enterprise_id__in=named).order_by("pk"):
            found.setdefault(("enterprise", account.enterprise_id), []).append(account)

    def meant(holder: Holders) -> list[Any]:
        places: list[tuple[str, Any]] = []
        for role in sorted(holder.roles):
            if role == "enterprise" and isinstance(holder.enterprise_id, int):
                places.append((role, holder.enterprise_id))
            else:
                places += [(role, code) for code in sorted(holder.above())]
        facts = (holder.area_code, holder.industry_id, holder.enterprise_id)
        return [a for place in places for a in found.get(place, ()) if a.scope.covers(*facts)]

    return {holder: meant(holder) for holder in wanted}


def way_out() -> str:
    """The Apprise address of this installation, with `{address}` in it; empty where there is none."""
    return os.environ.get("ANLAN_NOTICE_URL", "")


def send(
    to: Holders | Iterable[Any], message: str, params: dict[str, Any] | None = None, *, url: str = "",
    level: str = "neutral",
) -> list[int]:  # fmt: skip
    """Sends one message, a msgid with its values; returns the notices' numbers."""
    readers = to if isinstance(to, Holders) else list(to)
    return send_all([Message(readers, message, params or {}, url, level)])


def send_all(messages: Sequence[Message]) -> list[int]:
    """Sends many messages in a number of queries that does not grow with them; returns the notices' numbers.

    Sent with the surrounding transaction or not at all.
    """
    kept = [message.values() for message in messages]
    # The sender acts beyond his own scope only to put the message into the reader's box.
    with acting(_SENDER, EVERYWHERE):
        held = accounts_of(m.to for m in messages if isinstance(m.to, Holders))
        readers = [held[m.to] if isinstance(m.to, Holders) else m.to for m in messages]
        keys = {account.pk for some in readers for account in some}
        wanted = {p.account_id: p for p in NoticePreference.objects.filter(account_id__in=keys)} if way_out() else {}

        def outside(account: Any, message: Message) -> str:
            preference = wanted.get(account.pk)
            asked = preference is not None and preference.address and message.level in preference.levels
            return "waiting" if asked else "none"

        rows = [
            Notice(
                account_id=account.pk, message=message.text, params=values, url=message.url, level=message.level,
                outside=outside(account, message),
            )
            for message, values, some in zip(messages, kept, readers, strict=True)
            for account in some
        ]  # fmt: skip
        Notice.objects.bulk_create(rows, batch_size=1000)
        _tell_live(rows, {account.pk: account for some in readers for account in some})
        for notice in rows:
            if notice.outside == "waiting":
                send_out.put(scope=EVERYWHERE, notice=notice.pk)
        return [notice.pk for notice in rows]


def _tell_live(rows: Sequence[Notice], accounts: Mapping[int, Any]) -> None:
    """How many each has not read, on every page that he has open; what is critical in words too. For him alone."""
    counted = Notice.objects.filter(account_id__in=accounts, read_at=None).order_by().values_list("account_id")
    count = dict(counted.annotate(models.Count("id")))
    told: dict[int, dict[str, Any]] = {n.account_id: {"count": count.get(n.account_id, 0)} for n in rows}
    for notice in rows:
        if notice.level == "critical":
            with translation.override(accounts[notice.account_id].language):
                said = {"text": words(notice), "url": notice.url, "at": notice.at.isoformat(), "critical": True}
            told[notice.account_id] |= said
    live.publish_all("notices", told)


def words(notice: Notice) -> str:
    """The notice in the language in force."""
    return gettext(notice.message) % in_language(notice.params)


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
