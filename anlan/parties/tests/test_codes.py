"""Codes of organisations, by their standards. Enterprises' codes here are synthetic unless public by law."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anlan.parties import codes


@pytest.mark.parametrize("code", ["914403001922038216", "9144030071526726XG", "91330100799655058B"])
def test_codes_of_listed_companies_pass__gb_32100(code: str) -> None:
    assert codes.check_credit_code(code) == code
    assert codes.organisation_check_character(code[8:16]) == code[16]


def test_lower_case_and_spaces_around_are_forgiven() -> None:
    assert codes.check_credit_code(" 9144030071526726xg ") == "9144030071526726XG"


@pytest.mark.parametrize(
    ("text", "code", "place"),
    [
        ("", "credit_code.length", 1),
        ("91440300192203821", "credit_code.length", 18),
        ("9144030019220382167", "credit_code.length", 18),
        ("91A403001922038216", "credit_code.character", 3),
        ("9144030019220382I6", "credit_code.character", 17),
        ("914403001922038217", "credit_code.check", 18),
        ("\uff19\uff1144030019220382\uff11\uff16", "credit_code.character", 1),
    ],
)
def test_the_first_fault_is_named_with_its_place(text: str, code: str, place: int) -> None:
    with pytest.raises(codes.BadCode) as caught:
        codes.check_credit_code(text)
    assert (caught.value.code, caught.value.place) == (code, place)


@given(st.integers(0, 99_999_999), st.integers(0, 17), st.sampled_from(codes.CREDIT_ALPHABET))
def test_any_one_wrong_character_is_found__gb_32100(serial: int, at: int, other: str) -> None:
    good = codes.make_credit_code("500112", serial)
    assert codes.check_credit_code(good) == good
    bad = good[:at] + other + good[at + 1 :]
    if bad != good:
        with pytest.raises(codes.BadCode):
            codes.check_credit_code(bad)


@given(st.integers(0, 99_999_999), st.integers(0, 14), st.sampled_from("0123456789"))
def test_any_one_wrong_digit_is_found__iso_7064_mod_11_10(serial: int, at: int, other: str) -> None:
    good = codes.make_registration_number("500112", serial)
    assert codes.check_registration_number(good) == good
    bad = good[:at] + other + good[at + 1 :]
    if bad != good:
        with pytest.raises(codes.BadCode):
            codes.check_registration_number(bad)


def test_iso_7064_mod_11_10_published_example() -> None:
    # ISO 7064: 0794 takes the check character 5.
    assert codes.registration_check_digit("0794") == "5"
