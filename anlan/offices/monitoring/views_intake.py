"""How devices come in: the ways that are open, what came and what was refused; and a device's own key."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from anlan.kernel import actors
from anlan.kernel.registers.models import Errand, errands
from anlan.parties.looks import looked
from anlan.parties.models import Looked

from . import standing
from .keys import HAVE_KEYS, READINGS, SENDERS, key_of, may_hold
from .models import Device
from .registers import Devices

errands.append(Errand(READINGS, gettext_lazy("Send readings of devices"), lambda account: account.role in SENDERS))

WAYS = {
    "jt808": gettext_lazy("Vehicles (JT/T 808)"), "mqtt": "MQTT", "http": "HTTP", "ais": gettext_lazy("Ships (AIS)"),
    "ais-udp": gettext_lazy("Ships (AIS, UDP)"), "files": gettext_lazy("Files"),
    "broker": gettext_lazy("MQTT broker"),
}  # fmt: skip
KINDS = {
    "address": gettext_lazy("From an address without a receiver"), "arrow": gettext_lazy("No stream of Arrow"),
    "checksum": gettext_lazy("Wrong checksum"),
    "clock": gettext_lazy("Clock is wrong: more than 10 minutes ahead or 90 days behind"),
    "code": gettext_lazy("Wrong code or key"), "csv": gettext_lazy("Lines cannot be told apart"),
    "cut off": gettext_lazy("Cut off before its end"), "device": gettext_lazy("Device unknown, or not the sender's"),
    "disk": gettext_lazy("The disk took nothing"), "escape": gettext_lazy("Wrong escape"),
    "field": gettext_lazy("A field is missing or of another kind"), "json": gettext_lazy("No JSON"),
    "key": gettext_lazy("Wrong code or key"), "length": gettext_lazy("Wrong length"),
    "line": gettext_lazy("Lines of files"), "media": gettext_lazy("Another kind of content"),
    "message": gettext_lazy("Message cannot be read"),
    "metric": gettext_lazy("A metric that cannot be kept: its name, or too many new ones of one device"),
    "method": gettext_lazy("Another method than POST"),
    "packet": gettext_lazy("Message cannot be read"), "parts": gettext_lazy("Parts that do not belong together"),
    "path": gettext_lazy("Another address"), "phone": gettext_lazy("Spoke for another terminal"),
    "quality": gettext_lazy("Quality 2 is not to be had"),
    "registration": gettext_lazy("Registration of an unknown vehicle"),
    "sentence": gettext_lazy("No sentence of AIS"), "text": gettext_lazy("No text"), "time": gettext_lazy("No moment"),
    "too many messages": gettext_lazy("Too many messages"),
    "too much": gettext_lazy("More readings than its devices may bring"), "topic": gettext_lazy("Another topic"),
    "value": gettext_lazy("No number"), "version": gettext_lazy("Another version of the protocol"),
    "database": gettext_lazy("The register of devices could not be asked"),
    "encrypted": gettext_lazy("Encrypted message"), "folder": gettext_lazy("A folder or file that cannot be taken"),
    "frame": gettext_lazy("A frame that is none"), "items": gettext_lazy("Additional items cannot be read"),
    "none": gettext_lazy("No reading of the sender's devices in the file"), "slow": gettext_lazy("Came too slowly"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Way:
    """A way in, as the page shows it."""

    title: Any
    door: standing.Door
    refused: tuple[tuple[Any, int], ...]


def _way(door: standing.Door) -> Way:
    kinds = [(name.removeprefix("refused: "), n) for name, n in door.counts.items() if name.startswith("refused: ")]
    refused = sorted(kinds, key=lambda one: -one[1])
    return Way(WAYS.get(door.name, door.name), door, tuple((KINDS.get(name, name), count) for name, count in refused))


@login_required
@require_safe
@never_cache
def intake(request: HttpRequest) -> HttpResponse:
    """Which ways in are open, what came by them since they were opened, what was refused and some of it."""
    if getattr(request.user, "role", "") != "city":
        raise PermissionDenied
    now = standing.now()
    ways = [_way(door) for door in now.doors]
    samples = [
        {"way": way.title, "peer": peer, "kind": KINDS.get(kind, kind), "words": words, "raw": raw}
        for way in ways for peer, kind, words, raw in reversed(way.door.refused)
    ]  # fmt: skip
    ago = now.evaluation and max(0, round(time.time() - now.evaluation["at"]))
    context = {"ways": ways, "samples": samples, "evaluation": now.evaluation, "ago": ago}
    return render(request, "monitoring/intake.html", context)


ANEW = "?what=anew"
"""Behind the page under which it is logged that a key was made anew."""
LOGGED = 50
"""So many looks at a key are shown."""
HOW = {
    "jt808": pgettext_lazy("key", "The terminal gets it by itself when it registers with its number and plate."),
    "mqtt": pgettext_lazy("key", "User: the device's code. Password: the key. Topic: anlan/v1/CODE/readings."),
    "http": pgettext_lazy("key", "POST /ingest/v1/readings, Basic authentication with the device's code and the key."),
}


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def device_key(request: HttpRequest, pk: int) -> HttpResponse:
    """A device's key: shown when asked for, and made anew. For those who keep the device, and its enterprise."""
    device = Devices.policy.which(request.user, "see").filter(pk=pk).first()
    if device is None:
        raise Http404
    if device.protocol not in HAVE_KEYS or not may_hold(request.user, device):
        raise PermissionDenied
    key, anew = "", False
    if request.method == "POST":
        if anew := request.POST.get("what") == "anew":
            device.key_number, device.terminal = device.key_number + 1, ""
            device.save(update_fields=["key_number", "terminal"])
        # Whoever has the key can send in the device's name.
        looked([device], request.path + (ANEW if anew else ""))
        key = key_of(device.code, device.key_number)
    context = {
        "device": device, "key": key, "anew": anew, "bound": bool(device.terminal), "how": HOW[device.protocol],
        "log": _log(device, request.path),
    }  # fmt: skip
    return render(request, "monitoring/key.html", context)


def _log(device: Device, page: str) -> list[dict[str, Any]]:
    """Who saw the device's key, or made it anew, the latest first."""
    looks = Looked.objects.filter(table=Device._meta.db_table, row=str(device.pk), page__in=(page, page + ANEW))
    rows = list(looks.order_by("-at", "-id")[:LOGGED])
    by = actors.named(one.account_id for one in rows)
    return [
        {"at": one.at, "by": by(one.account_id, one.actor.partition(" ")[2]), "anew": one.page.endswith(ANEW)}
        for one in rows
    ]
