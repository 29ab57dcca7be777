from __future__ import annotations

import json
from contextlib import suppress

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.engines.telemetry.protocols import Malformed, ais, payload
from anlan.engines.telemetry.protocols.told import decoded

# As receivers wrote them, in the tests of pyais (MIT).
POSITION = "!AIVDM,1,1,,B,15M67FC000G?ufbE`FepT@3n00Sa,0*5C"
STATIC = (
    "!AIVDM,2,1,9,B,53nFBv01SJ<thHp6220H4heHTf2222222222221?50:454o<`9QSlUDp,0*09",
    "!AIVDM,2,2,9,B,888888888888880,2*2E",
)
NOON = 1_371_182_400_000


def test_a_ship_s_position_and_its_second() -> None:
    said = ais.message([POSITION.encode()])
    found = {r.metric: r for r in ais.readings(said, NOON + 5_000)}
    assert (found["lat"].value, found["lon"].value, found["lat"].device) == (37.802118, -122.341618, "366053209")
    assert found["lat"].ts == NOON - 1_000  # second 59, received five seconds after the minute
    assert found["nav_status"].value == 3


def test_a_message_in_two_sentences() -> None:
    (told,) = decoded("ais", STATIC)
    assert (told["msg_type"], told["shipname"]) == (5, "FALKVIK")
    assert [t.get("error") for t in decoded("ais", STATIC[:1])] == ["parts"]
    joiner = ais.Joiner()
    assert joiner.take(STATIC[1].encode()) is None, "whichever comes first"
    whole = joiner.take(STATIC[0].encode())
    assert whole is not None
    (draught,) = ais.readings(ais.message(whole), NOON)
    assert tuple(draught) == (f"{told['mmsi']:09d}", "draught", NOON, told["draught"])
    assert not list(ais.readings(told | {"draught": 0.0}, NOON)), "not available"


def test_not_available_is_no_value() -> None:
    said = {"msg_type": 1, "mmsi": 413000000, "lat": 29.5, "lon": 106.5, "speed": 102.3, "course": 360.0,
            "heading": 511, "second": 60, "status": 15}  # fmt: skip
    assert {r.metric for r in ais.readings(said, NOON)} == {"lat", "lon"}
    assert not list(ais.readings(said | {"lat": 91.0}, NOON))


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        (POSITION[:-1] + "D", "checksum"),
        ("$GPGGA,1", "sentence"),
        (
            "!AIVDM,1,2,,B,x,0*"
            + format(__import__("functools").reduce(lambda a, b: a ^ b, b"AIVDM,1,2,,B,x,0"), "02X"),
            "parts",
        ),
        ("x" * 500, "length"),
    ],
)
def test_wrong_sentences_are_named(line: str, kind: str) -> None:
    assert [t.get("error") for t in decoded("ais", [line])] == [kind]


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=90))
def test_no_line_crashes_ais(text: str) -> None:
    total = 0
    for byte in text.encode():
        total ^= byte
    list(decoded("ais", [text, f"!{text}*{total:02X}", f"!AIVDM,1,1,,A,{text},0*00"]))


def test_json_in_its_three_forms() -> None:
    one = {"metric": "ch4", "ts": NOON, "value": 0.42}
    wanted = (["k1"], ["ch4"], [NOON], [0.42])
    for said in (one, [one], {"metric": ["ch4"], "ts": [NOON], "value": [0.42]}):
        found = payload.from_json(json.dumps(said).encode(), "k1")
        assert (found[0], found[1], found[2].tolist(), found[3].tolist()) == wanted
    told = one | {"ts": "2013-06-14T12:00:00+08:00", "device": "k1"}
    assert payload.from_json(json.dumps(told).encode())[2].tolist() == [NOON]


def test_arrow_says_the_same() -> None:
    table = pa.table({"device": ["a", "b"], "metric": ["x", "y"], "ts": [NOON, NOON + 1], "value": [1.0, 2.0]})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    found = payload.from_arrow(sink.getvalue().to_pybytes())
    assert (found[0].to_pylist(), found[2].tolist(), found[3].tolist()) == (["a", "b"], [NOON, NOON + 1], [1.0, 2.0])
    with pytest.raises(Malformed, match="for itself alone"):
        payload.from_arrow(sink.getvalue().to_pybytes(), "a")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ('{"metric": "ch4", "ts": 1}', "value is missing|value is a number"),
        ('{"metric": "ch4", "ts": 1, "value": NaN}', "no JSON"),
        ('{"metric": "ch4", "ts": 1, "value": 1e999}', "reading 1: value"),
        ('{"metric": "ch4", "ts": 1, "value": 1%s}' % ("0" * 400), "reading 1: value"),
        ('{"metric": "ch4", "ts": 1.5, "value": 1}', "reading 1: ts"),
        ('{"metric": "ch4", "ts": "2013-06-14T12:00:00", "value": 1}', "reading 1: .* offset"),
        ('{"metric": 5, "ts": 1, "value": 1}', "reading 1: metric"),
        ('{"metric": "a\\u001b[31m", "ts": 1, "value": 1}', "control signs"),
        ('{"metric": "a\\u2028", "ts": 1, "value": 1}', "control signs"),
        ('[{"metric": "a", "ts": 1, "value": 1}, 7]', "a reading is an object"),
        ('{"device": "other", "metric": "a", "ts": 1, "value": 1}', "for itself alone"),
        ('{"metric": ["a", "b"], "ts": [1], "value": [1]}', "same length"),
        ("[]", "0 readings"),
        ("{", "no JSON"),
        ("[" * 100_000, "a reading is an object"),
    ],
)
def test_a_wrong_payload_is_refused_whole(said: str, words: str) -> None:
    with pytest.raises(Malformed, match=words):
        payload.from_json(said.encode(), "k1")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(st.sampled_from(["device", "metric", "ts", "value"]), inner, max_size=4)
        ),
    )
)
def test_no_json_crashes_it(said: object) -> None:
    with suppress(Malformed):
        payload.from_json(json.dumps(said).encode(), "k1")


@given(st.binary(max_size=300))
def test_no_bytes_crash_arrow(raw: bytes) -> None:
    with pytest.raises(Malformed):
        payload.from_arrow(raw, "k1")


def test_topics() -> None:
    assert payload.of_topic("anlan/v1/渝北-7/readings") == "渝北-7"
    for topic in ("anlan/v1/a/b/readings", "anlan/v1/+/readings", "anlan/v2/a/readings", "anlan/v1//readings"):
        with pytest.raises(Malformed):
            payload.of_topic(topic)
