"""RFC 9497 for `ristretto255-SHA512` as it stands in the RFC: one key, no threshold, no labels.

The threshold protocol (`fedcarbon.identity.threshold`) gives the same outputs; this module is what
it is compared with, and the home of the hashing that both use. Blinds and keys are handed in.
"""

from __future__ import annotations

import hashlib
from enum import IntEnum
from functools import cache
from typing import Final

import gmpy2

from fedcarbon.errors import MalformedError
from fedcarbon.identity import ristretto
from fedcarbon.identity.ristretto import ORDER, Element, Scalar

OUTPUT_BYTES: Final = 64
INPUT_BYTES_MAX: Final = (1 << 16) - 1

_COUNTERS_MAX: Final = 256


class Mode(IntEnum):
    """The modes of RFC 9497 section 3.1 that are used here."""

    OPRF = 0
    VOPRF = 1


@cache
def context_string(mode: Mode = Mode.VOPRF) -> bytes:
    """Return contextString of RFC 9497 section 3.1."""
    return b"OPRFV1-" + bytes([mode]) + b"-ristretto255-SHA512"


def hash_to_group(oprf_input: bytes, mode: Mode = Mode.VOPRF) -> Element:
    """Return HashToGroup(input).

    Raises:
        MalformedError: the input is longer than `INPUT_BYTES_MAX`.
    """
    if len(oprf_input) > INPUT_BYTES_MAX:
        raise MalformedError(f"an OPRF input has at most {INPUT_BYTES_MAX} bytes")
    return ristretto.hash_to_group(oprf_input, b"HashToGroup-" + context_string(mode))


def hash_to_scalar(message: bytes, mode: Mode = Mode.VOPRF) -> Scalar:
    """Return HashToScalar(message) with the suite's own tag."""
    return ristretto.hash_to_scalar(message, b"HashToScalar-" + context_string(mode))


def blind(oprf_input: bytes, blind_scalar: Scalar, mode: Mode = Mode.VOPRF) -> Element:
    """Return the blinded element of `oprf_input` (RFC 9497 section 3.3.1).

    Args:
        oprf_input: what the output will belong to; secret.
        blind_scalar: uniform in [1, ORDER), used once.
        mode: its tag enters the hash.
    """
    return ristretto.multiply(blind_scalar, hash_to_group(oprf_input, mode))


def blind_evaluate(secret: Scalar, blinded: Element) -> Element:
    """Return the evaluated element secret * blinded."""
    return ristretto.multiply(secret, blinded)


def finalize(oprf_input: bytes, blind_scalar: Scalar, evaluated: Element) -> bytes:
    """Return the 64-byte output for `oprf_input` (RFC 9497 section 3.3.1)."""
    return output_of(oprf_input, ristretto.multiply(inverse(blind_scalar), evaluated))


def output_of(oprf_input: bytes, unblinded: Element) -> bytes:
    """Return the 64-byte output, given secret * HashToGroup(input) without a blind."""
    return hashlib.sha512(
        two_byte_prefixed(oprf_input) + two_byte_prefixed(unblinded) + b"Finalize"
    ).digest()


def inverse(value: Scalar) -> Scalar:
    """Return 1 / value modulo the group order; `value` is not zero."""
    return Scalar(int(gmpy2.invert(value, ORDER)))


def derive_key_pair(seed: bytes, info: bytes, mode: Mode = Mode.VOPRF) -> tuple[Scalar, Element]:
    """Return secret and public key from a 32-byte seed (RFC 9497 section 3.2.1)."""
    derive_input = seed + two_byte_prefixed(info)
    dst = b"DeriveKeyPair" + context_string(mode)
    for counter in range(_COUNTERS_MAX):
        secret = ristretto.hash_to_scalar(derive_input + bytes([counter]), dst)
        if secret:
            return secret, ristretto.multiply_base(secret)
    raise AssertionError("256 hashes in a row are zero")


def two_byte_prefixed(item: bytes) -> bytes:
    """Return `item` after its length in two big-endian bytes, as the RFC joins items."""
    return len(item).to_bytes(2, "big") + item
