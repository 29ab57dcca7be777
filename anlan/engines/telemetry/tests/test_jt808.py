"""JT/T 808 against frames of public code bases, each with its source, and against whatever else comes."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.engines.telemetry.protocols import Malformed, jt808
from anlan.engines.telemetry.protocols.jt808 import BEIJING, Cutter, Frame, Joiner, Location
from anlan.engines.telemetry.protocols.told import decoded

FRAMES = json.loads((Path(__file__).parent / "jt808_frames.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("frame", FRAMES, ids=[f"{n}-{f['source'].split('@')[0]}" for n, f in enumerate(FRAMES)])
def test_frames_of_public_code_bases(frame: dict) -> None:
    (told,) = decoded("jt808", [frame["hex"]])
    for name, wanted in frame["expect"].items():
        if name == "positions":
            for one, said in zip(told["positions"], wanted, strict=True):
                assert {k: one[k] for k in said if k in one} == {k: v for k, v in said.items() if k in one}
        else:
            assert told[name] == wanted, name


NO_PLACE = {"acc", "alarm", "emergency", "overspeed", "fatigue"}
SWAPPED = "7E0200001C0123456789010000000004000000080007203B7D0202633DF70138000300632410012359591C7E"
"""A capture in which latitude and longitude are swapped."""


def test_a_place_beyond_ninety_degrees_is_decoded_and_is_none() -> None:
    (told,) = decoded("jt808", [SWAPPED])
    assert (told["lat"], told["lng"], told["valid"]) == (119.552894, 40.058359, False)
    frame = jt808.unframed(bytes.fromhex(SWAPPED))
    assert {r.metric for r in jt808.readings(frame)} == NO_PLACE


def test_not_located_or_encrypted_is_no_place() -> None:
    noon = datetime(2013, 6, 14, 12, tzinfo=BEIJING)

    def seen(status: int) -> set[str]:
        body = jt808.located(Location(0, status, 29.7, 106.6, 300, 62.5, 90, noon, True))
        return {r.metric for r in jt808.readings(Frame(jt808.LOCATION, "13900000001", 1, body))}

    assert seen(0b11) >= {"lat", "lon", "speed", "direction", "acc"}
    assert seen(0b01) == NO_PLACE  # bit 1: located
    assert seen(0b100011) == NO_PLACE  # bit 5: coordinates encrypted


def test_alarms_on_which_rules_go_are_readings_of_their_own() -> None:
    body = jt808.located(Location(0b110, 0b11, 29.7, 106.6, 0, 0, 0, datetime(2013, 6, 14, tzinfo=BEIJING), True))
    found = {r.metric: r.value for r in jt808.readings(Frame(jt808.LOCATION, "1", 1, body))}
    assert (found["emergency"], found["overspeed"], found["fatigue"], found["alarm"]) == (0, 1, 1, 6)


def test_south_and_west_are_negative() -> None:
    body = jt808.located(Location(0, 0b1110, -29.7, -106.6, 0, 0, 0, datetime(2013, 6, 14, tzinfo=BEIJING), True))
    one = jt808.location(body)
    assert (one.lat, one.lon) == (-29.7, -106.6)


@pytest.mark.parametrize(
    ("hexed", "kind"),
    [
        ("7E00020000012345678900000A807E", "checksum"),
        ("7E0002000001234567890000", "length"),
        ("7E00020000013D7D0345678900000A817E", "escape"),
        ("7E00020001012345678900000A807E", "length"),
        ("zz", "hex"),
    ],
)
def test_what_is_wrong_is_named(hexed: str, kind: str) -> None:
    (told,) = decoded("jt808", [hexed])
    assert told["error"] == kind


def _frames() -> st.SearchStrategy[Frame]:
    return st.builds(
        lambda id_, phone, serial, body, v2019, part: Frame(
            id_, str(phone), serial, body, v2019, int(v2019), *((part[0] + part[1], part[0]) if part else (1, 1))
        ),
        st.integers(0, 0xFFFF), st.integers(1, 10**12 - 1), st.integers(0, 0xFFFF),
        st.binary(max_size=jt808.LONGEST_BODY), st.booleans(),
        st.none() | st.tuples(st.integers(1, 50), st.integers(1, 50)),
    )  # fmt: skip


@given(_frames())
def test_what_is_framed_comes_back(frame: Frame) -> None:
    raw = jt808.framed(frame)
    assert raw[1:-1].count(b"\x7e") == 0
    assert jt808.unframed(raw) == frame


@given(st.lists(_frames(), max_size=5), st.lists(st.integers(1, 40), max_size=60))
def test_a_stream_is_cut_the_same_however_it_arrives(frames: list[Frame], pieces: list[int]) -> None:
    raw = b"".join(jt808.framed(frame) for frame in frames)
    cutter, found, at = Cutter(), [], 0
    for piece in [*pieces, len(raw) + 1]:
        found += cutter.feed(raw[at : at + piece])
        at += piece
    assert [jt808.unframed(one) for one in found] == frames


def test_who_never_ends_a_frame_is_refused() -> None:
    cutter = Cutter()
    cutter.feed(b"\x00" * jt808.LONGEST_FRAME)
    with pytest.raises(Malformed):
        cutter.feed(b"\x00")


@given(st.permutations(range(1, 6)))
def test_parts_in_any_order_are_one_message(order: list[int]) -> None:
    joiner, whole = Joiner(), []
    for part in order:
        one = joiner.take(Frame(0x0801, "1", 100 + part, bytes([part]), parts=5, part=part))
        whole += [one] if one else []
    assert [w.body for w in whole] == [bytes(range(1, 6))]


@given(st.binary(max_size=80) | st.binary(min_size=10, max_size=60).map(lambda b: b"\x7e" + b + b"\x7e"))
def test_no_bytes_crash_it(raw: bytes) -> None:
    with suppress(Malformed):
        frame = jt808.unframed(raw)
        jt808.message(frame)
        list(jt808.readings(frame))


@given(
    st.sampled_from([0x0001, 0x0002, 0x0100, 0x0102, 0x0200, 0x0704, 0x8100]), st.binary(max_size=120), st.booleans()
)
def test_no_body_crashes_it(id_: int, body: bytes, v2019: bool) -> None:
    frame = Frame(id_, "1", 1, body, v2019)
    with suppress(Malformed):
        jt808.message(frame)
        assert all(abs(r.value) <= 90 for r in jt808.readings(frame) if r.metric == "lat")
