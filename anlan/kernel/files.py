"""The evidence store: files by the SHA-256 of their bytes, under `var/evidence`.

A file is written whole, flushed to disk and only then given its name, so a name always stands for
whole, right bytes; the same bytes are kept once. What a file *is* is read from its bytes, never from its name
or from what the browser says, and must be on the list below. Nothing here is ever served as HTML or SVG.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import unicodedata
import zipfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import puremagic
from django.conf import settings
from django.http import FileResponse, HttpResponseBase
from django.utils.translation import gettext as _
from PIL import Image

MAX_BYTES = 50 * 1024 * 1024
MAX_PIXELS = 60_000_000
_CHUNK = 1 << 20

IMAGES = frozenset({"image/jpeg", "image/png", "image/webp"})
_OFFICE = {
    "word/": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt/": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
}
ALLOWED = (
    IMAGES | frozenset(_OFFICE.values()) | {"application/pdf", "video/mp4", "audio/mpeg", "audio/x-wav", "audio/mp4"}
)
_NAMES = {
    "image/jpeg": "JPG", "image/png": "PNG", "image/webp": "WebP", "application/pdf": "PDF", "video/mp4": "MP4",
    "audio/mpeg": "MP3", "audio/x-wav": "WAV", "audio/mp4": "M4A", _OFFICE["word/"]: "DOCX", _OFFICE["xl/"]: "XLSX",
    _OFFICE["ppt/"]: "PPTX",
}  # fmt: skip
"""What people call each type, in the order in which they are told."""
_ALIASES = {
    "audio/wav": "audio/x-wav",
    "audio/wave": "audio/x-wav",
    "audio/mp3": "audio/mpeg",
    "video/x-m4v": "video/mp4",
}


class Refused(ValueError):
    """The file is not taken: `code` is stable, `message` says why in the reader's language."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


BROKEN = (zipfile.BadZipFile, RuntimeError, ValueError, EOFError)
"""What `zipfile` raises for an archive that is none, is encrypted, or packed in a way that it does not know."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A file in the store."""

    sha256: str
    size: int
    media_type: str


def put(upload: Any, types: Collection[str] | None = None, limit: int = MAX_BYTES) -> Kept:
    """Keeps the bytes of `upload` (a Django upload, a binary file or bytes); `Refused` if too large,
    empty, of no allowed type, or an image that cannot be decoded."""
    folder = store()
    handle, temporary = tempfile.mkstemp(dir=folder, prefix="incoming-")
    try:
        digest, size = hashlib.sha256(), 0
        with os.fdopen(handle, "wb") as out:
            for chunk in _chunks(upload):
                size += len(chunk)
                if size > limit:
                    raise Refused("too_large", _("The file is larger than %(n)s MB.") % {"n": limit // 1024 // 1024})
                digest.update(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if size == 0:
            raise Refused("empty", _("The file is empty."))
        media_type = sniff(Path(temporary), types)
        of_type(media_type, types)
        target = path_of(digest.hexdigest())
        target.parent.mkdir(exist_ok=True)
        os.chmod(temporary, 0o440)
        os.replace(temporary, target)
        for directory in (target.parent, folder):
            _sync(directory)
        return Kept(digest.hexdigest(), size, media_type)
    finally:
        Path(temporary).unlink(missing_ok=True)


def of_type(media_type: str, types: Collection[str] | None) -> None:
    """`Refused` unless a file of this type shows what is asked for; None asks for any allowed type."""
    if types is not None and media_type not in types:
        raise _not_taken("wrong_type", types)


def _not_taken(code: str, types: Collection[str] | None) -> Refused:
    names = [name for media_type, name in _NAMES.items() if types is None or media_type in types]
    return Refused(code, _("Files of this type are not taken here. Send one of these: %(types)s.")
                   % {"types": _(", ").join(names)})  # fmt: skip


def sniff(path: Path, types: Collection[str] | None = None) -> str:
    """The media type of a file, from its bytes; `Refused` unless it is allowed and holds together.

    `types` are those that are asked for, to be told where the file's own is none at all.
    """
    try:
        found = puremagic.from_file(str(path), mime=True)
    except (puremagic.PureError, ValueError) as error:
        raise _not_taken("unknown_type", types) from error
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                names = archive.namelist()
        except BROKEN as error:
            raise _not_taken("unknown_type", types) from error
        found = next((t for part, t in _OFFICE.items() if any(n.startswith(part) for n in names)), "application/zip")
        if "[Content_Types].xml" not in names or any(n.endswith("vbaProject.bin") for n in names):
            found = "application/zip"
    found = _ALIASES.get(found, found)
    if found not in ALLOWED:
        raise _not_taken("unknown_type", types)
    if found in IMAGES:
        with path.open("rb") as file:
            _decode(file)
    return found


def path_of(sha256: str) -> Path:
    """Where the bytes with this digest stand."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ValueError("not a SHA-256 digest")
    return store() / sha256[:2] / sha256


def store() -> Path:
    """The folder of the store."""
    folder = Path(settings.HOME) / "evidence"
    folder.mkdir(parents=True, exist_ok=True, mode=0o750)
    return folder


def names_files(model: Any) -> bool:
    """Whether the rows of a model name kept files in their column `sha256`.

    Each model with such a column says so itself (`names_files`): a digest may as well be that of a text in the row.
    """
    return any(f.column == "sha256" for f in model._meta.concrete_fields) and bool(model.names_files)


def whole(sha256: str) -> bool:
    """Whether the stored bytes are there and still have this digest."""
    path = path_of(sha256)
    if not path.exists():
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def response(sha256: str, name: str, media_type: str) -> HttpResponseBase:
    """The file as an answer: photographs may be shown in place, everything else is only downloaded."""
    shown = media_type in IMAGES
    answer = FileResponse(
        path_of(sha256).open("rb"), content_type=media_type if media_type in ALLOWED else "application/octet-stream"
    )
    answer.headers["Content-Disposition"] = (
        f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quote(safe_name(name))}"
    )
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    answer.headers["Cache-Control"] = "no-store"
    return answer


def safe_name(name: str) -> str:
    """A file's name for showing: no folders, no control or direction-changing characters, 120 at most."""
    name = unicodedata.normalize("NFC", name.replace("\\", "/").rsplit("/", 1)[-1])
    name = "".join(c for c in name if unicodedata.category(c)[0] != "C").strip(". ")
    stem, dot, ending = name.rpartition(".")
    return (name if len(name) <= 120 else f"{stem[: 119 - len(ending)]}{dot}{ending}"[:120]) or "file"


def _decode(file: IO[bytes]) -> None:
    """Raises `Refused` for an image that cannot be read whole or is too large."""
    try:
        image = Image.open(file, formats=("JPEG", "PNG", "WEBP"))
        if image.width * image.height > MAX_PIXELS:
            raise Refused("too_many_pixels", _("The image is too large in pixels."))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("broken_image", _("The image cannot be read.")) from error


def _chunks(upload: Any) -> Iterator[bytes]:
    if isinstance(upload, bytes):
        yield upload
    elif hasattr(upload, "chunks"):
        yield from upload.chunks(_CHUNK)
    else:
        while chunk := upload.read(_CHUNK):
            yield chunk


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
