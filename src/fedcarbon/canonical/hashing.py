"""Hashes over unambiguous bytes.

Every item is preceded by its length as eight big-endian bytes, and the first item is a domain
label, so that no two lists of items share their bytes (PROTOCOL "Canonical bytes").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from struct import Struct
from typing import Final

from fedcarbon.errors import MalformedError

DIGEST_BYTES: Final = 32

_length: Final = Struct(">Q").pack


def length_prefixed(*items: bytes) -> bytes:
    """Return the items joined, each after its length in eight big-endian bytes."""
    # Everything that is hashed passes here, so this loop is the quickest of several measured.
    parts = []
    for item in items:
        parts.append(_length(len(item)))
        parts.append(item)
    return b"".join(parts)


def digest(label: bytes, *items: bytes) -> bytes:
    """Return SHA-256 over the length-prefixed `label` and `items`: 32 bytes."""
    return hashlib.sha256(length_prefixed(label, *items)).digest()


def streamed_digest(label: bytes, length: int, parts: Iterable[bytes]) -> bytes:
    """Return `digest` of a label and one item that comes in parts.

    Args:
        label: of the domain.
        length: of all parts together, in bytes.
        parts: of the item, in order.
    """
    state, rest = hashlib.sha256(length_prefixed(label) + length.to_bytes(8, "big")), length
    for part in parts:
        state.update(part)
        rest -= len(part)
    assert rest == 0
    return state.digest()


def expand(label: bytes, *items: bytes, length: int) -> bytes:
    """Return `length` bytes of SHAKE-256 over the length-prefixed `label` and `items`."""
    return hashlib.shake_256(length_prefixed(label, *items)).digest(length)


def expand_integer(label: bytes, *items: bytes, bits: int) -> int:
    """Return an integer in [0, 2^bits) from SHAKE-256 over `label` and `items`."""
    length = (bits + 7) // 8
    return int.from_bytes(expand(label, *items, length=length), "big") >> (8 * length - bits)


def u32(value: int) -> bytes:
    """Return `value` as four big-endian bytes.

    Raises:
        MalformedError: it is negative or has more than 32 bits; foreign numbers get here.
    """
    try:
        return value.to_bytes(4, "big")
    except OverflowError as error:
        raise MalformedError("a number does not fit 32 bits") from error


def u64(value: int) -> bytes:
    """Return `value` as eight big-endian bytes.

    Raises:
        MalformedError: it is negative or has more than 64 bits.
    """
    try:
        return value.to_bytes(8, "big")
    except OverflowError as error:
        raise MalformedError("a number does not fit 64 bits") from error


def natural_bytes(value: int) -> bytes:
    """Return a non-negative integer as its shortest big-endian bytes (zero is empty)."""
    return value.to_bytes((value.bit_length() + 7) // 8, "big")
