"""The evidence store."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from anlan.kernel import files

from .conftest import png


@pytest.fixture(autouse=True)
def store(settings: SimpleNamespace, tmp_path: Path) -> Path:
    settings.HOME = tmp_path
    return tmp_path / "evidence"


def office(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "x")
    return out.getvalue()


def test_a_file_that_is_not_taken_is_told_which_are() -> None:
    with pytest.raises(files.Refused) as nothing:
        files.put(b"<html></html>", types={"application/pdf", "image/png"})
    with pytest.raises(files.Refused) as other:
        files.put(png(), types={"application/pdf"})
    assert (nothing.value.code, other.value.code) == ("unknown_type", "wrong_type")
    assert nothing.value.message == "不支持该文件类型，请上传以下类型的文件：PNG、PDF。"
    assert other.value.message == "不支持该文件类型，请上传以下类型的文件：PDF。"
    assert set(files._NAMES) == files.ALLOWED, "each type has a name"


def test_bytes_are_kept_once_under_their_digest_and_nothing_is_left_over(store: Path) -> None:
    first, second = files.put(png()), files.put(io.BytesIO(png()))
    assert first == second
    assert [p.name for p in store.rglob("*") if p.is_file()] == [first.sha256]
    assert files.whole(first.sha256)


def test_bytes_changed_on_disk_are_noticed(store: Path) -> None:
    kept = files.put(png())
    path = files.path_of(kept.sha256)
    path.chmod(0o640)
    path.write_bytes(b"other")
    assert not files.whole(kept.sha256)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty"),
        (b"<html><script>alert(1)</script></html>", "unknown_type"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "unknown_type"),
        (b"MZ\x90\x00" + b"\0" * 200, "unknown_type"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 64, "broken_image"),
        (office("evil.html"), "unknown_type"),
        (office("[Content_Types].xml", "word/document.xml").replace(b"PK\1\2", b"PK\1\3"), "unknown_type"),
        (b"%PDF-1.4\n" + b"PK\5\6" + b"\0" * 8 + b"\xff\0\0\0\xff\0\0\0\0\0", "unknown_type"),
        (office("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), "unknown_type"),
    ],
)
def test_what_is_not_on_the_list_is_refused_whatever_its_name_says(store: Path, content: bytes, code: str) -> None:
    with pytest.raises(files.Refused) as caught:
        files.put(content)
    assert caught.value.code == code
    assert not [p for p in store.rglob("*") if p.is_file()]


def test_office_files_are_told_from_other_archives() -> None:
    kept = files.put(office("[Content_Types].xml", "word/document.xml"))
    assert kept.media_type.endswith("wordprocessingml.document")


def test_size_is_bounded_while_reading() -> None:
    with pytest.raises(files.Refused, match="too_large"):
        files.put(io.BytesIO(b"x" * 11), limit=10)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded() -> None:
    out = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(out, "PNG")
    with pytest.raises(files.Refused, match="too_many_pixels"):
        files.put(out.getvalue())


@given(st.text(max_size=300))
def test_a_shown_name_holds_no_path_and_no_tricks(name: str) -> None:
    safe = files.safe_name(name)
    assert 0 < len(safe) <= 120
    assert not set(safe) & set("/\\\x00\n\r\u202e")
