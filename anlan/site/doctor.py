"""`anlan doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import shutil
import stat
import sys
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, connections

ENOUGH_DISK = 2 * 2**30


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: whether it is well, what was found, what to do if not."""

    subject: str
    well: bool
    words: str
    remedy: str = ""


def examine() -> list[Finding]:
    """Looks at everything; never raises for what it finds."""
    return [*_place(), *_built(), *_database()]


def _place() -> list[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    free = shutil.disk_usage(settings.HOME).free
    found = [
        Finding("Python", sys.version_info >= (3, 11), version, "use Python 3.11 or newer"),
        Finding(
            "disk", free > ENOUGH_DISK, f"{free / 2**30:.1f} GiB free for {settings.HOME}", "free at least 2 GiB there"
        ),
    ]
    for name in ("secret-key", "demo-password"):
        path = settings.HOME / name
        if path.exists():
            mode = stat.S_IMODE(path.stat().st_mode)
            found.append(Finding(name, not mode & 0o077, f"mode {mode:04o}", f"chmod 600 {path}"))
    return found


def _built() -> list[Finding]:
    from anlan.site.translations import PACKAGE

    dist = settings.ROOT / "anlan" / "site" / "static" / "dist"
    stale = [p for p in PACKAGE.rglob("*.po") if not p.with_suffix(".mo").exists() and "node_modules" not in p.parts]
    built = dist.exists() and any(dist.iterdir())
    return [
        Finding("front end", built, "built" if built else "not built", "make setup"),
        Finding(
            "translations", not stale, "compiled" if not stale else f"{len(stale)} not compiled",
            "anlan translations compile",
        ),
    ]  # fmt: skip


def _database() -> list[Finding]:
    from django.db.migrations.executor import MigrationExecutor

    from anlan.site.health import state

    start = "start it: make run, or `anlan database start` for the embedded one; see var/log/postgres"
    owner = connections["owner"]
    try:
        with owner.cursor() as cursor:
            cursor.execute("SHOW server_version")
            found = [Finding("database", True, f"PostgreSQL {cursor.fetchone()[0]}")]
            cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = 'anlan_app' AND (rolbypassrls OR rolsuper)")
            above = cursor.fetchone() is not None
            words = "is above row security" if above else "is held by row security"
            remedy = "ALTER ROLE anlan_app NOSUPERUSER NOBYPASSRLS"
            found.append(Finding("role anlan_app", not above, words, remedy))
        executor = MigrationExecutor(owner)
        missing = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
    except DatabaseError as error:
        return [Finding("database", False, str(error).strip().splitlines()[0], start)]
    finally:
        owner.close()
    found.append(Finding("migrations", not missing, f"{missing} missing" if missing else "all done", "anlan migrate"))
    if not missing:
        from anlan.kernel.audit import verify

        worker = state()["worker"]
        found.append(Finding("worker", worker == "ok", worker, "start it: make run, or `anlan worker`"))
        verdict = verify()
        words = f"whole, {verdict.sealed} sealed" if verdict.whole else f"{verdict.fault}: entry {verdict.entry}"
        found.append(Finding("audit chain", verdict.whole, words, "anlan audit verify names the first broken link"))
    return found
