"""The numbers of papers, however they are typed."""

from __future__ import annotations

from time import process_time

import pytest

from anlan.kernel.numbers import beginnings, endings

WHOLE = "渝北安隐〔2013〕113号"


@pytest.mark.parametrize(
    "typed",
    [
        "渝北安隐〔2013〕113号", "渝北安隐[2013]113号", "渝北安隐(2013)113号", "渝北安隐（2013）113号",
        "渝北安隐［2013］113号", "渝北安隐【2013】113号", "渝北安隐2013113号",
        "渝北安隐 2013 113号", "渝北安隐〔２０１３〕１１３号",
        "渝北安隐(2013)第113号", "渝北安隐(2013)0113号",
    ],
)  # fmt: skip
def test_a_number_is_read_with_whatever_brackets_or_none(typed: str) -> None:
    assert beginnings(typed) == [WHOLE]
    assert endings(typed) == [WHOLE]


@pytest.mark.parametrize(
    ("typed", "begins"),
    [
        ("渝北安隐2013", "渝北安隐〔2013"), ("渝北安隐(2013", "渝北安隐〔2013"), ("渝北安隐(2013)", "渝北安隐〔2013〕"),
        ("渝北安隐（20", "渝北安隐〔20"), ("渝北安隐[", "渝北安隐〔"), ("渝北安隐2013 11", "渝北安隐〔2013〕11"),
    ],
)  # fmt: skip
def test_a_number_that_is_still_being_typed_is_a_beginning(typed: str, begins: str) -> None:
    assert beginnings(typed) == [begins]


@pytest.mark.parametrize(
    ("typed", "ends"),
    [
        ("113号", "〕113号"), ("第113号", "〕113号"), ("113", "〕113号"), ("2013", "〕2013号"),
        ("(2013)113", "〔2013〕113号"), ("（2013）113号", "〔2013〕113号"), ("2013〕113号", "〔2013〕113号"),
        ("2013年113号", "〔2013〕113号"),
        ("安隐2013 113号", "安隐〔2013〕113号"),
    ],
)  # fmt: skip
def test_of_a_number_the_end_is_enough(typed: str, ends: str) -> None:
    assert endings(typed) == [ends]


@pytest.mark.parametrize("typed", ["", "机械", "渝北", "91500112MA5U3X4Y7B", "500112001001", "᧚", "%", "〔", "\ud800"])
def test_what_is_no_number_is_none(typed: str) -> None:
    assert (beginnings(typed), endings(typed)) == ([], [])


@pytest.mark.parametrize("filling", [" ", "0", "a", "〔", " 0", "\u3000", "a ", "第"])
def test_however_long_and_odd_what_was_typed_it_is_read_at_once(filling: str) -> None:
    began = process_time()
    for many in (25, 55, 5_000):
        for typed in (f"安{filling * many}x", f"安(2013{filling * many}x", f"安{filling * many}(2013{filling * many}x"):
            beginnings(typed), endings(typed)
    assert process_time() - began < 1


def test_what_is_longer_than_any_number_is_none() -> None:
    assert beginnings("渝" * 50 + "(2013)1号") == ["渝" * 50 + "〔2013〕1号"]
    assert beginnings("渝" * 61 + "(2013)1号") == []
    assert endings(" " * 70 + "113号") == []
