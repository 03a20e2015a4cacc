"""Foreign values that Python would choke on: each is refused with the one promised error."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

import pytest

from fedcarbon.canonical.hashing import u32, u64
from fedcarbon.canonical.statement import MESSAGE_LENGTH_MAX, Statement, decode, encode
from fedcarbon.errors import MalformedError

SURROGATE = "\ud800"
"""Half of a character: JSON can name it, UTF-8 cannot hold it."""


class Colour(StrEnum):
    RED = "red"


@dataclass(frozen=True, slots=True, kw_only=True)
class Remark(Statement):
    KIND: ClassVar[str] = "remark"

    colour: Colour
    text: str


def test_a_lone_surrogate_in_a_text_is_malformed_and_crashes_nobody() -> None:
    """Signed by a party of bad will, it would otherwise end every process that reads it."""
    data = encode(Remark(colour=Colour.RED, text="here")).replace(b"here", b"\\ud800")

    with pytest.raises(MalformedError):
        decode(Remark, data)


def test_a_lone_surrogate_cannot_be_encoded() -> None:
    with pytest.raises(MalformedError):
        encode(Remark(colour=Colour.RED, text=SURROGATE))


@pytest.mark.parametrize("field", ["statement", "fedcarbon"])
def test_a_message_about_foreign_text_can_be_written_down(field: str) -> None:
    """Messages go into logs, answers and signed refusals, none of which holds a surrogate."""
    fields = {"colour": "red", "text": "x", "fedcarbon": "1", "statement": "remark"}
    parts = {name: f'"{value}"' for name, value in fields.items()} | {"fedcarbon": "1"}
    parts[field] = '"\\ud800"'
    data = ",".join(f'"{name}":{parts[name]}' for name in sorted(parts))

    with pytest.raises(MalformedError) as caught:
        decode(Remark, b"{" + data.encode() + b"}")

    assert str(caught.value).encode().isascii()


def test_a_message_does_not_repeat_a_long_foreign_value() -> None:
    huge = b"b" * 100_000
    data = encode(Remark(colour=Colour.RED, text="x")).replace(b'"red"', b'"' + huge + b'"')

    with pytest.raises(MalformedError) as caught:
        decode(Remark, data)

    assert len(str(caught.value)) < 2 * MESSAGE_LENGTH_MAX


@pytest.mark.parametrize("value", [-1, 1 << 64])
def test_a_number_that_does_not_fit_its_bytes_is_malformed(value: int) -> None:
    with pytest.raises(MalformedError):
        u32(value)
    with pytest.raises(MalformedError):
        u64(value)


def test_the_largest_numbers_still_fit_their_bytes() -> None:
    assert (u32((1 << 32) - 1), u64((1 << 64) - 1)) == (b"\xff" * 4, b"\xff" * 8)
    with pytest.raises(MalformedError):
        u32(1 << 32)
