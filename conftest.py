"""The test database: made once per set of migrations on an embedded server, then copied per run."""

from __future__ import annotations

import gc
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as hypothesis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "anlan.site.settings")
# Threads of a library that wait for each other spin: where processes share the cores they take those of all others.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# How fast a machine is on the day is no property of the code.
hypothesis.register_profile("anlan", deadline=None)
hypothesis.load_profile("anlan")


FIRST = ("anlan/kernel/tests/test_audit.py", "tests/browser/", "tests/system/", "tests/test_scope_matrix.py")
"""What is begun first. The audit's chain is sealed only past every open transaction of the server, so its tests come
before the long ones; beside them run those with a house of their own; the longest leaves nobody waiting at the end."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`, but those who share a city, or a house made once, stay together, and roles are apart."""
    from xdist.scheduler import LoadFileScheduling

    class ByWhatTheyShare(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            if file.startswith(("tests/browser/", "tests/system/")):
                return file.rpartition("/")[0]
            return file + nodeid.partition("[")[2] if file == "tests/test_scope_matrix.py" else file

    return ByWhatTheyShare(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_configure() -> None:
    """A password costs a tenth of a second of a processor, as it must; tests not about that take a cheap hash."""
    from django.conf import settings

    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    gc.disable()


def pytest_collection_finish() -> None:
    """Half a gigabyte of code, declarations and collected tests stays to the end: whoever looks for garbage need not
    look through it again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts what is named in `FIRST` first, all else in its order."""
    items.sort(key=lambda item: next((n for n, p in enumerate(FIRST) if item.nodeid.startswith(p)), len(FIRST)))


@pytest.fixture(scope="session", autouse=True)
def _houses_leave_nothing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where the server's user cannot reach pytest's folders, its data lies elsewhere: it goes with the run."""
    yield
    from anlan.site.postgres import ELSEWHERE

    for link in tmp_path_factory.getbasetemp().rglob("pg"):
        if link.is_symlink() and (place := link.resolve()).is_relative_to(ELSEWHERE):
            shutil.rmtree(place.parent, ignore_errors=True)


_renewals: list[Callable[[], None]] = []


@pytest.fixture(autouse=True)
def _committed_leaves_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that commits is followed by the database as it was: what one test wrote never reaches another."""
    yield
    marker = request.node.get_closest_marker("django_db")
    commits = marker is not None and marker.kwargs.get("transaction")
    if commits or {"transactional_db", "live_server"} & set(request.fixturenames):
        blocker = request.getfixturevalue("django_db_blocker")
        with blocker.unblock():
            for renew in _renewals:
                renew()


@pytest.fixture(autouse=True)
def _memory_leaves_nothing() -> Iterator[None]:
    """A page leaves its language in force, and figures that a slow machine took long for are kept: not for others."""
    from django.utils import translation

    from anlan.kernel.cases import queue
    from anlan.kernel.figures import computing

    yield
    translation.deactivate()
    computing.forget()
    queue.forget()


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: object) -> Iterator[None]:
    from django.apps import apps
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections
    from django.db.backends.postgresql.operations import DatabaseOperations

    from anlan.site import postgres

    server = postgres.Server(settings.HOME)
    server.start()
    # Each run has its own database, so its own chain and its own heads of it.
    settings.AUDIT_HEADS = settings.HOME / f"audit-heads-test-{os.getpid()}.log"
    digest = hashlib.sha256()
    for config in sorted(apps.get_app_configs(), key=lambda c: c.name):
        if config.name.startswith("anlan."):
            patterns = (
                "apps.py", "migrations/*.py", "**/*models*.py", "models/*.py", "**/reference.py", "data/**/*",
                "rules.yaml",
            )  # fmt: skip
            for file in sorted(f for pattern in patterns for f in Path(config.path).glob(pattern) if f.is_file()):
                digest.update(file.read_bytes())
    for name in ("apps.py", "audit.py", "policies.py", "scope.py", "cases/rescoping.py"):
        digest.update((settings.ROOT / "anlan/kernel" / name).read_bytes())
    template = f"template_{digest.hexdigest()[:16]}"
    run = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}_{os.getpid()}"

    def point(name: str) -> None:
        for alias in connections:
            connections[alias].close()
            connections[alias].close_pool()  # type: ignore[attr-defined]
            connections[alias].settings_dict["NAME"] = name
            connections[alias].settings_dict["OPTIONS"].pop("pool", None)

    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        with postgres.psycopg_superuser(server) as root:
            root.execute("SELECT pg_advisory_lock(81927)")
            exists = root.execute("SELECT 1 FROM pg_database WHERE datname = %s", [template]).fetchone()
            if not exists:
                for (old,) in root.execute(
                    "SELECT datname FROM pg_database WHERE datname LIKE 'template\\_%'"
                ).fetchall():
                    root.execute(f'DROP DATABASE IF EXISTS "{old}"')
                half = f"half_{os.getpid()}"
                postgres.ensure_database(server, half)
                point(half)
                call_command("migrate", database="owner", verbosity=0)
                point("postgres")
                root.execute(f'ALTER DATABASE "{half}" RENAME TO "{template}"')
            root.execute(f'CREATE DATABASE "{run}" TEMPLATE "{template}" OWNER anlan_owner')
            root.execute("SELECT pg_advisory_unlock(81927)")
        point(run)

    def renew() -> None:
        """The run's database as it was before its first test."""
        point("postgres")
        with postgres.psycopg_superuser(server) as root:
            root.execute(f'DROP DATABASE IF EXISTS "{run}" WITH (FORCE)')
            root.execute(f'CREATE DATABASE "{run}" TEMPLATE "{template}" OWNER anlan_owner')
        # What was noted outside of the chain that is gone would accuse the new one.
        settings.AUDIT_HEADS.unlink(missing_ok=True)
        point(run)

    _renewals.append(renew)
    # Django would empty the tables that the application's connection may migrate: none, and so it emptied none.
    DatabaseOperations.sql_flush = lambda *_, **__: []  # type: ignore[method-assign]
    yield
    _renewals.clear()
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        point("postgres")
        with postgres.psycopg_superuser(server) as root:
            root.execute(f'DROP DATABASE IF EXISTS "{run}" WITH (FORCE)')
