"""A file is whole or not there: written beside its place, on disk, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any


def keep(path: Path, content: bytes | Callable[[Any], None], *, once: bool = False) -> None:
    """Puts `content`, or what it writes into the file that it gets, at `path`, on disk when this returns; what stood
    there stands until then. Raises `OSError`.

    `once`: what stands there already stays, and `FileExistsError` is raised.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            if isinstance(content, bytes):
                file.write(content)
            else:
                content(file)
            file.flush()
            os.fsync(file.fileno())
        if once:
            os.link(name, path)
            os.unlink(name)
        else:
            Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
