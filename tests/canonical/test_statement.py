"""The canonical encoding: one text per value, nothing else accepted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.canonical.hashing import digest, expand_integer, length_prefixed, natural_bytes
from fedcarbon.canonical.statement import INTEGER_MAX, Statement, decode, encode, kind_of
from fedcarbon.errors import MalformedError
from fedcarbon.units import MASS_UG_MAX, Amount, MicrogramsCO2e, Natural


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner:
    token: bytes
    mass_ug: MicrogramsCO2e


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Statement):
    KIND: ClassVar[str] = "sample"

    count: int
    flag: bool
    modulus: Natural
    colour: Colour
    note: str | None
    parts: tuple[Inner, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance(Statement):
    KIND: ClassVar[str] = "balance"

    amount: Amount


def sample(**changes: object) -> Sample:
    fields: dict[str, object] = {
        "count": 7,
        "flag": True,
        "modulus": Natural(1 << 4000),
        "colour": Colour.RED,
        "note": "碳",
        "parts": (Inner(token=b"\x01\xff", mass_ug=MicrogramsCO2e(MASS_UG_MAX)),),
    }
    return Sample(**{**fields, **changes})  # type: ignore[arg-type]


def test_the_worked_example_of_the_protocol_page() -> None:
    value = sample(modulus=Natural(255), note=None)

    data = encode(value)

    assert data == (
        b'{"colour":"red","count":7,"fedcarbon":4,"flag":true,"modulus":"ff","note":null,'
        b'"parts":[{"mass_ug":"72057594037927935","token":"01ff"}],"statement":"sample"}'
    )
    assert kind_of(data) == "sample"


@given(
    count=st.integers(0, INTEGER_MAX),
    modulus=st.integers(0, 1 << 600),
    note=st.none() | st.text(st.characters(codec="utf-8")),
    tokens=st.lists(st.tuples(st.binary(max_size=40), st.integers(0, MASS_UG_MAX)), max_size=4),
)
def test_what_is_encoded_decodes_to_the_same_value(
    count: int, modulus: int, note: str | None, tokens: list[tuple[bytes, int]]
) -> None:
    parts = tuple(Inner(token=token, mass_ug=MicrogramsCO2e(mass)) for token, mass in tokens)
    value = sample(count=count, modulus=Natural(modulus), note=note, parts=parts)

    data = encode(value)

    assert decode(Sample, data) == value


MUTATIONS = {
    "a space is added": lambda text: text.replace(":", ": ", 1),
    "keys are reordered": lambda text: json.dumps(dict(reversed(json.loads(text).items()))),
    "a key is added": lambda text: text[:-1] + ',"zz":1}',
    "a key is missing": lambda text: text.replace('"count":7,', ""),
    "a key stands twice": lambda text: text.replace('"count":7,', '"count":7,"count":7,'),
    "a number is a float": lambda text: text.replace('"count":7', '"count":7.0'),
    "a number is negative": lambda text: text.replace('"count":7', '"count":-7'),
    "a number is true": lambda text: text.replace('"count":7', '"count":true'),
    "a number is too large": lambda text: text.replace('"count":7', f'"count":{INTEGER_MAX + 1}'),
    "hexadecimal is upper case": lambda text: text.replace("01ff", "01FF"),
    "a mass has a leading zero": lambda text: text.replace('"720', '"0720'),
    "a mass is signed": lambda text: text.replace('"720', '"+720'),
    "another statement": lambda text: text.replace('"statement":"sample"', '"statement":"simple"'),
    "another version": lambda text: text.replace('"fedcarbon":4', '"fedcarbon":3'),
    "an unknown enum value": lambda text: text.replace('"red"', '"blue"'),
    "no object": lambda _: "[]",
    "no JSON": lambda _: "{",
    "deeply nested": lambda _: "[" * 100_000,
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_any_other_text_is_refused(mutation: object) -> None:
    text = encode(sample()).decode()

    mutated = mutation(text)  # type: ignore[operator]

    with pytest.raises(MalformedError):
        decode(Sample, mutated.encode())


@given(st.binary(max_size=300))
def test_foreign_bytes_raise_only_the_promised_error(data: bytes) -> None:
    with pytest.raises(MalformedError):
        decode(Sample, data)


@given(st.integers(-(1 << 80), 1 << 80))
def test_an_amount_of_either_sign_and_any_size_is_a_decimal_string(number: int) -> None:
    value = Balance(amount=Amount(number))

    data = encode(value)

    assert data == b'{"amount":"%d","fedcarbon":4,"statement":"balance"}' % number
    assert decode(Balance, data) == value


@pytest.mark.parametrize(
    "text", ["", "-", "--7", "-0", "+7", "07", "-07", " 7", "7.0", "1_0", "\u0667"]
)
def test_an_amount_has_one_text(text: str) -> None:
    data = f'{{"amount":"{text}","fedcarbon":4,"statement":"balance"}}'.encode()

    with pytest.raises(MalformedError):
        decode(Balance, data)


def test_an_amount_is_no_number_of_json() -> None:
    with pytest.raises(MalformedError):
        decode(Balance, b'{"amount":7,"fedcarbon":4,"statement":"balance"}')


def test_a_negative_or_huge_integer_cannot_be_encoded() -> None:
    for count in (-1, INTEGER_MAX + 1):
        with pytest.raises(MalformedError):
            encode(sample(count=count))


def test_joined_items_cannot_be_cut_elsewhere() -> None:
    assert length_prefixed(b"ab", b"c") != length_prefixed(b"a", b"bc")
    assert digest(b"label", b"ab", b"c") != digest(b"label", b"a", b"bc")
    assert digest(b"label", b"") != digest(b"label")


@given(st.integers(1, 600))
def test_an_expanded_integer_has_at_most_the_bits_asked_for(bits: int) -> None:
    assert expand_integer(b"label", b"item", bits=bits).bit_length() <= bits


def test_natural_bytes_are_the_shortest() -> None:
    assert natural_bytes(0) == b""
    assert natural_bytes(256) == b"\x01\x00"
