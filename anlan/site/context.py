"""What every page has: the menu, the clock, whether the data are synthetic, and the words of the scripts."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import json_script
from django.utils.safestring import SafeString
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from anlan.kernel import clock, notices
from anlan.kernel.models import Installation

from . import assets


@lru_cache
def words(language: str) -> SafeString:
    """What the scripts say, in `language`, which is that of the request, as an element of the page."""
    said = {
        "close": _("Close"),
        "cancel": _("Cancel"),
        "yes": _("Yes, go on"),
        "retry": _("Try again"),
        "unreachable": _("The server cannot be reached. Nothing was changed; check the network and try again."),
        "slow": _("The answer takes too long. Look whether it was done before you try again."),
        "asked_wrong": _("This filter asks for something that cannot be. Correct it, or take it off."),
        "forbidden": _("Your role does not allow this."),
        "gone": _("This no longer exists, or is not within your area."),
        "changed": _("Somebody else changed this meanwhile. Load the page again to see how it stands."),
        "large": _("This file is too large."),
        "broken": _("Something went wrong here. It has been recorded; try again."),
        "offline": _("No network. What you have written stays on this page; send it when the network is back."),
        "online": _("The network is back."),
        "copied": _("Copied."),
        "uncopied": _("The browser did not allow copying."),
        "search": _("Search"),
        "search_hint": _("Enterprise, pinyin initials, credit code, case number or page"),
        "search_help": _(
            "Write the beginning of a name, with or without its place, its pinyin initials, a credit code, "
            "or a case number or its end."
        ),
        "searching": _("Searching…"),
        "search_failed": _("The search did not answer."),
        "results": _("Results"),
        "found": _("{count} found"),
        "found_none": _("Nothing within your area matches “{query}”."),
        "keys_choose": _("choose"),
        "keys_open": _("open"),
        "live_lost": _("Live messages have stopped; the page tries to reach the server again."),
        "live_again": _("Live messages are back."),
        "left": _("{time} left"),
        "over_by": _("Over by {time}"),
        "minutes_and": _("{minutes} min {seconds} s"),
        "days_and": _("{days} d {clock}"),
        "sound_on": _("Sound is on"),
        "sound_off": _("Sound is off"),
    }
    return json_script(said, "words")


def here(request: HttpRequest) -> str:
    """Where the page at hand can be opened again: one that answers to what was sent stands at no address of its own."""
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    came = urlsplit(request.headers.get("Referer", ""))
    return urlunsplit(("", "", came.path, came.query, "")) if came.netloc == request.get_host() and came.path else "/"


def shell(request: HttpRequest) -> dict[str, Any]:
    """Context of every template."""
    user = getattr(request, "user", None)
    signed_in = user is not None and user.is_authenticated
    installation = Installation.here()
    return {
        "clock_now": clock.now(),
        "here": here(request),
        "demo": installation.demonstration,
        "city": installation.city_name,
        "sprite": assets.sprite(),
        "script_words": words(get_language()),
        "account_menu": [{"title": _("My account"), "url": reverse("account"), "icon": "settings"}]
        if signed_in
        else [],
        "notices_url": reverse("notices") if signed_in else "",
        "unread": notices.unread(user.pk) if signed_in else 0,
        "sign_out_url": reverse("sign-out") if signed_in else "",
    }
