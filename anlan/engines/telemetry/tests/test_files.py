"""The file drop: what is taken in and put away, which lines are refused, and nobody reached through a link."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from anlan.engines.telemetry.gateways import drop as drop_module
from anlan.engines.telemetry.gateways.door import Limits
from anlan.engines.telemetry.gateways.drop import Drop
from anlan.engines.telemetry.protocols.payload import Columns

from .test_ways_in import MS, NOW, Rows


class Folder:
    """A sender's folder and what landed of it."""

    def __init__(self, folder: Path) -> None:
        self.own, self.rows, self.full = folder / "9150", Rows(), False
        self.own.mkdir()
        self.drop = Drop(
            folder, lambda sender: {"k1", "k2"} if sender == "9150" else set(), self._land, now=lambda: NOW
        )

    def _land(self, columns: Columns) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.rows += list(zip(columns.device.to_pylist(), columns.metric.to_pylist(), columns.ts.tolist(),
                              columns.value.tolist(), strict=True))  # fmt: skip

    def put(self, name: str, content: bytes | str, age: float = 10) -> Path:
        import os

        path = self.own / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (time.time() - age, time.time() - age))
        return path

    def words(self, where: str) -> str:
        return "".join(path.read_text() for path in sorted((self.own / where).glob("*.why.txt")))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_a_mine_s_file_is_taken_in_and_put_away(folder: Folder) -> None:
    folder.put("a.csv", f"device,metric,ts,value\nk1,ch4,{MS},0.5\nk2,co,2013-06-14 12:00:00,7\n")
    folder.put("b.txt", "\ufeff测点编号\t参数\t时间\t数值\r\nk1\tch4\t2013/06/14 12:00:01\t0.6\r\n".encode())
    folder.put("c.csv", "时间;数值;设备编号;参数\n2013-06-14T04:00:02+00:00;0.7;k1;ch4\n".encode("gb18030"))
    assert folder.drop.step() == 3
    wanted = [
        ("k1", "ch4", MS, 0.5),
        ("k2", "co", MS, 7.0),
        ("k1", "ch4", MS + 1000, 0.6),
        ("k1", "ch4", MS + 2000, 0.7),
    ]
    assert folder.rows == wanted
    assert len(list((folder.own / "taken").iterdir())) == 3
    assert folder.drop.step() == 0


def test_wrong_lines_are_named_and_the_others_taken(folder: Folder) -> None:
    folder.put(
        "a.csv",
        f"device,metric,ts,value\nk1,ch4,{MS},x\nk9,ch4,{MS},1\nk1,ch4,5,1\nk1,ch4,soon,1\n,ch4,{MS},1\nk1,ch4,{MS},2\nk1\n",
    )
    folder.drop.step()
    assert folder.rows == [("k1", "ch4", MS, 2.0)]
    told = folder.words("taken").splitlines()
    assert [line.partition("：")[0] for line in told] == [f"第{n}行" for n in (2, 3, 4, 5, 6, 8)]
    assert "registered" in told[1]
    assert "ninety days" in told[2]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\0\1\2", "bytes of zero"),
        (b"\xff\xfe\xfa\x80\xff", "neither UTF-8"),
        (b"a,b\n1,2\n", "line 1: one column is called device"),
        (b"device,metric,ts,value\n", "no line follows"),
        (b"device,metric,ts,value\nk9,a,1,1\n", "no line holds a reading"),
        (b"", "line 1"),
    ],
)
def test_a_file_of_another_kind_is_refused(folder: Folder, content: bytes, words: str) -> None:
    folder.put("a.csv", content)
    folder.drop.step()
    assert words in folder.words("refused")
    assert not folder.rows


def test_what_is_not_whole_or_a_link_is_left(folder: Folder, tmp_path: Path) -> None:
    folder.put("young.csv", "device,metric,ts,value\n", age=0)
    folder.put(".hidden.csv", "x")
    folder.put("a.csv.part", "x")
    secret = tmp_path / "secret"
    secret.write_text("root:x\n")
    (folder.own / "link.csv").symlink_to(secret)
    assert folder.drop.step() == 0


def test_a_link_in_a_senders_folder_leads_nowhere(folder: Folder, tmp_path: Path) -> None:
    """What is forged by it would count as another sender's."""
    other = tmp_path / "other"
    other.mkdir()
    (folder.own / "taken").symlink_to(other)
    (tmp_path / "linked").symlink_to(folder.own)
    folder.put("a.csv", f"device,metric,ts,value\nk1,ch4,{MS},1\nk9,ch4,{MS},1\n")
    assert folder.drop.step() == 0
    assert (folder.rows, list(other.iterdir())) == ([], [])
    assert folder.drop.tally.counts["refused: folder"] >= 1


@pytest.mark.parametrize("fault", ["a file named refused", "a long name", "a name that is no text"])
def test_one_senders_fault_is_his_own(folder: Folder, tmp_path: Path, fault: str) -> None:
    import os

    from anlan.engines.telemetry.gateways import drop

    first = tmp_path / "0001"
    first.mkdir()
    names = {"a long name": "x" * 250 + ".csv", "a name that is no text": os.fsdecode(b"\xff.csv")}
    bad = first / names.get(fault, "bad.csv")
    bad.write_text("nothing\n" if fault != "a long name" else f"device,metric,ts,value\nk1,ch4,{MS},5\n")
    os.utime(bad, (time.time() - 10,) * 2)
    if fault == "a file named refused":
        (first / "refused").write_text("")
    folder.put("a.csv", f"device,metric,ts,value\nk1,ch4,{MS},1\n")
    for _ in range(3):
        folder.drop.step()
    assert folder.rows == [("k1", "ch4", MS, 1.0)]
    json.dumps(list(folder.drop.tally.refused), ensure_ascii=False).encode()
    assert bad.exists() == (fault == "a file named refused")
    assert drop.AGAIN_S > 1


def test_what_landed_lands_once_even_where_it_cannot_be_put_away(
    folder: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    from anlan.engines.telemetry.gateways import drop

    monkeypatch.setattr(drop, "AGAIN_S", 0.0)
    folder.put("a.csv", f"device,metric,ts,value\nk1,ch4,{MS},1\n")
    with monkeypatch.context() as broken:
        broken.setattr("os.rename", lambda *_a, **_k: (_ for _ in ()).throw(PermissionError(1, "not permitted")))
        for _ in range(3):
            folder.drop.step()
    assert folder.rows == [("k1", "ch4", MS, 1.0)]
    folder.drop.step()
    assert not (folder.own / "a.csv").exists()
    assert len(folder.rows) == 1


def test_a_full_disk_leaves_the_file_where_it_is(folder: Folder) -> None:
    path, folder.full = folder.put("a.csv", f"device,metric,ts,value\nk1,ch4,{MS},1\n"), True
    with pytest.raises(OSError, match="No space"):
        folder.drop.step()
    assert path.exists()
    folder.full = False
    folder.drop.step()
    assert len(folder.rows) == 1


def test_a_sender_of_too_much_waits_with_his_files(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.drop = Drop(folder.own.parent, lambda _sender: {"k1", "k2"}, folder._land, Limits(readings=0.1, kept=3),
                       now=lambda: NOW)  # fmt: skip
    lines = "".join(f"k1,ch4,{MS + n},1\n" for n in range(30))
    paths = [folder.put(name, f"device,metric,ts,value\n{lines}") for name in ("a.csv", "b.csv")]
    assert folder.drop.step() == 1
    assert [path.exists() for path in paths] == [False, True]
    assert folder.drop.tally.counts["refused: too much"] == 1
    at = time.monotonic()
    monkeypatch.setattr(drop_module.time, "monotonic", lambda: at + 3_600)
    assert folder.drop.step() == 1
    assert len(folder.rows) == 60
