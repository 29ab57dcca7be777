"""The rival: Django's own admin over the same tables, as a team would have it in an afternoon.

The same columns, filters, search fields and page size as the registers; no jurisdiction, no audit, nobody signs in.
It is served beside the product while `anlan bench` measures it, and never otherwise.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_S = 60


@contextmanager
def served() -> Iterator[int]:
    """The rival, with as many processes as the product has, on a free port."""
    from ..http import Browser

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory", "--no-log", "--port", str(port),
         "--workers", str(min(4, os.cpu_count() or 1)), "django.core.wsgi:get_wsgi_application"],
        stdin=subprocess.DEVNULL, env=os.environ | {"DJANGO_SETTINGS_MODULE": f"{__name__}.settings"},
    )  # fmt: skip
    try:
        deadline = time.monotonic() + PATIENCE_S
        while (said := Browser(port).get("/enterprises/").status) != 200:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the rival does not serve (status {said})")
            time.sleep(0.5)
        yield port
    finally:
        process.terminate()
        process.wait(20)
