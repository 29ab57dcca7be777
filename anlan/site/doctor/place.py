"""This machine, this program and its settings: what can be looked at without the database."""

from __future__ import annotations

import os
import re
import shutil
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from anlan.offices.monitoring import standing
from anlan.site import assets
from anlan.site.installation import embedded
from anlan.site.postgres import ServerFailed, archive_folder, data_folder

from .finding import Finding

ENOUGH_DISK = 2 * 2**30
LOCAL = {"127.0.0.1", "localhost", "[::1]"}


def python() -> Iterator[Finding]:
    """Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", sys.version_info >= (3, 11), version, "use Python 3.11 or newer")


def disk() -> Iterator[Finding]:
    """Disk."""
    places = [settings.HOME, data_folder(settings.HOME)] if embedded() else [settings.HOME]
    seen = set()
    for place in (p for p in places if p.exists()):
        device = place.stat().st_dev
        if device in seen:
            continue
        seen.add(device)
        usage = shutil.disk_usage(place)
        well = usage.free > max(ENOUGH_DISK, usage.total // 50)
        words = f"{usage.free / 2**30:.1f} of {usage.total / 2**30:.0f} GiB free for {place}"
        yield Finding("disk", well, words, "free at least 2 GiB and 2 % there: a full disk stops every write")


def secrets() -> Iterator[Finding]:
    """Secret files."""
    names = ("secret-key", "secrets-key", "demo-password")
    for path in (*(settings.HOME / name for name in names), Path(settings.AUDIT_HEADS)):
        if path.exists():
            mode = stat.S_IMODE(path.stat().st_mode)
            yield Finding(path.name, not mode & 0o077, f"mode {mode:04o}", f"chmod 600 {path}")
    store = settings.HOME / "evidence"
    if store.exists():
        mode = stat.S_IMODE(store.stat().st_mode)
        yield Finding("evidence folder", not mode & 0o007, f"mode {mode:04o}", f"chmod o-rwx {store}")


def front_end() -> Iterator[Finding]:
    """Front end."""
    try:
        named = [assets.bundle("src/main.ts").script, *assets.bundle("src/main.ts").styles]
        lacking = [n for n in named if not (assets.DIST / n.removeprefix("/static/dist/")).exists()]
        words = f"{lacking[0]} is missing" if lacking else "built"
    except assets.NotBuilt:
        lacking, words = ["all"], "not built"
    yield Finding("front end", not lacking, words, "make setup")


def translations() -> Iterator[Finding]:
    """Translations."""
    from anlan.site.translations import PACKAGE

    stale = [p for p in PACKAGE.rglob("*.po") if not p.with_suffix(".mo").exists() and "node_modules" not in p.parts]
    words = "compiled" if not stale else f"{len(stale)} not compiled"
    yield Finding("translations", not stale, words, "anlan translations compile")


def devices() -> Iterator[Finding]:
    """Ways in for devices."""
    if os.environ.get("ANLAN_GATEWAY", "1") == "0":
        yield Finding("devices", True, "no gateway belongs to this installation (ANLAN_GATEWAY=0)")
        return
    now = standing.now()
    if not now.doors:
        yield Finding(
            "devices", False, "no way in has said anything for a minute", "start it: `anlan gateway`; its log"
        )
        return
    for door in now.doors:
        words = f"{door.name}: {', '.join(door.at)}" if door.open else f"{door.name} is closed: {door.why}"
        yield Finding("devices", door.open, words, "free its port, or give another; `off` closes it on purpose")
    if now.evaluation is None:
        yield Finding("devices", False, "no rule runs over what devices send", "look into the log of `anlan gateway`")


def environment() -> Iterator[Finding]:
    """Settings."""
    faults = [*_contradictions()]
    for words, remedy in faults:
        yield Finding("settings", False, words, remedy)
    if not faults:
        yield Finding("settings", True, "nothing contradicts")


def _contradictions() -> Iterator[tuple[str, str]]:
    given = {name: value for name, value in os.environ.items() if name.startswith("ANLAN_")}
    source = (p.read_text(errors="replace") for p in (settings.ROOT / "anlan").rglob("*.py"))
    known = {name for text in source for name in re.findall(r"\bANLAN_[A-Z0-9_]+", text)}
    for name in sorted(given.keys() - known):
        yield f"{name} is no setting of Anlan", "look for a slip of the pen; docs/operating.md lists them all"
    hosts = [h.strip() for h in settings.ALLOWED_HOSTS]
    https = bool(given.get("ANLAN_HTTPS"))
    if "*" in hosts:
        yield "ANLAN_HOSTS takes any name: links in mails could lead anywhere", "name the site's own names there"
    named = sorted(set(hosts) - LOCAL)
    if named and not https:
        words = f"the site is called {', '.join(named)} and ANLAN_HTTPS is not set: sign-ins can be read on their way"
        yield words, "end TLS in a proxy and set ANLAN_HTTPS=1"
    if https and any(origin.startswith("http://") for origin in settings.CSRF_TRUSTED_ORIGINS):
        yield "ANLAN_HTTPS is set and ANLAN_ORIGINS names http://", "write https:// there"
    for origin in settings.CSRF_TRUSTED_ORIGINS:
        name = re.sub(r"^https?://|:\d+$", "", origin)
        if name not in hosts and "*" not in hosts and not name.startswith("*"):
            yield f"ANLAN_ORIGINS names {name} and ANLAN_HOSTS does not", "name it in both"
    if len(settings.SECRET_KEY) < 32:
        yield (
            "the secret key is short enough to guess",
            "32 random characters or more: ANLAN_SECRET_KEY or var/secret-key",
        )
    if given.get("ANLAN_ARCHIVE") and not embedded():
        yield "ANLAN_ARCHIVE is set for a server of your own, which does not know it", "archive its log on that server"
    try:
        archive = archive_folder()
        if archive and archive.exists() and archive.stat().st_dev == settings.HOME.stat().st_dev:
            yield "ANLAN_ARCHIVE lies on the disk of the database: both are lost together", "put it on another disk"
    except ServerFailed as error:
        yield str(error), "choose another folder"


LOOKS = (python, disk, secrets, front_end, translations, devices, environment)
