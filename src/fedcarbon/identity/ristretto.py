"""The group ristretto255 over libsodium, with the checks that libsodium leaves to its caller.

An `Element` is the canonical encoding of a group element other than the identity. Bytes from
outside become one through `element` only. Three habits of the library make that necessary: it
takes the identity for valid, it ignores the top bit of an encoding (so that one element has two),
and its addition answers an invalid input with zeros instead of an error.

Scalars are integers modulo `ORDER`. Python integers are not constant-time; multiplication by a
secret scalar itself happens inside libsodium, which is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import ClassVar, Final, NewType

import rbcl

from fedcarbon.errors import MalformedError

Element = NewType("Element", bytes)
"""32 bytes: the canonical encoding of a group element that is not the identity (RFC 9496)."""

Scalar = NewType("Scalar", int)
"""An integer in [0, ORDER)."""

Point = NewType("Point", bytes)
"""32 bytes: the canonical encoding of any group element, the identity included."""

RandomBelow = Callable[[int], int]
"""Returns a uniform integer in [0, bound), as `secrets.randbelow` does."""

# RFC 9496 section 4: the order of the group.
ORDER: Final = (1 << 252) + 27742317777372353535851937790883648493
ELEMENT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
WIDE_BYTES: Final = 64
"""Uniform bytes that are worth one scalar."""

IDENTITY: Final = Point(bytes(ELEMENT_BYTES))
_TOP_BIT: Final = 0x80

# RFC 9380 section 5.3.1 with SHA-512: output and block size in bytes, and the length limits.
_DIGEST_BYTES: Final = 64
_BLOCK_BYTES: Final = 128
_DST_BYTES_MAX: Final = 255


class ElementInvalidError(MalformedError):
    """Bytes that are no canonical group element, or a result that is the identity."""

    code: ClassVar[str] = "ELEMENT_INVALID"


class ScalarInvalidError(MalformedError):
    """Bytes that are not the one encoding of a scalar."""

    code: ClassVar[str] = "SCALAR_INVALID"


def element(data: bytes) -> Element:
    """Return `data` as a group element.

    Raises:
        ElementInvalidError: not 32 bytes, not canonical, or the identity.
    """
    if len(data) != ELEMENT_BYTES:
        raise ElementInvalidError(f"a group element has {ELEMENT_BYTES} bytes, got {len(data)}")
    if data == IDENTITY:
        raise ElementInvalidError("the identity of the group is not accepted")
    if data[-1] & _TOP_BIT or not rbcl.crypto_core_ristretto255_is_valid_point(data):
        raise ElementInvalidError("not the canonical encoding of a ristretto255 element")
    return Element(data)


def scalar_from_bytes(data: bytes) -> Scalar:
    """Return the scalar that 32 little-endian bytes encode.

    Raises:
        ScalarInvalidError: another length, or not below `ORDER`.
    """
    value = int.from_bytes(data, "little")
    if len(data) != SCALAR_BYTES or value >= ORDER:
        raise ScalarInvalidError("not the canonical encoding of a scalar")
    return Scalar(value)


def scalar_to_bytes(value: int) -> bytes:
    """Return `value` modulo `ORDER` as 32 little-endian bytes."""
    return (value % ORDER).to_bytes(SCALAR_BYTES, "little")


def random_scalar(random_below: RandomBelow) -> Scalar:
    """Return a uniform scalar in [1, ORDER)."""
    return Scalar(1 + random_below(ORDER - 1))


def scalar_of_wide(data: bytes) -> Scalar:
    """Return the scalar in [1, ORDER) that 64 uniform bytes stand for: uniform within 2^-259.

    It is `random_scalar` for randomness that was drawn elsewhere.
    """
    assert len(data) == WIDE_BYTES
    return Scalar(1 + int.from_bytes(data, "little") % (ORDER - 1))


def multiply(scalar: int, point: Element) -> Element:
    """Return scalar * point.

    Raises:
        ElementInvalidError: the scalar is zero, so that the product is the identity.
    """
    try:
        product: bytes = rbcl.crypto_scalarmult_ristretto255(scalar_to_bytes(scalar), point)
    except RuntimeError as error:
        raise ElementInvalidError("a product is the identity of the group") from error
    return Element(product)


def multiply_base(scalar: int) -> Element:
    """Return scalar * G for the generator G of RFC 9496.

    Raises:
        ElementInvalidError: the scalar is zero.
    """
    try:
        product: bytes = rbcl.crypto_scalarmult_ristretto255_base(scalar_to_bytes(scalar))
    except RuntimeError as error:
        raise ElementInvalidError("a product is the identity of the group") from error
    return Element(product)


def add(left: Element, right: Element) -> Element:
    """Return left + right.

    Raises:
        ElementInvalidError: the sum is the identity.
    """
    return _sum((left, right))


def sum_of_products(scalars: Iterable[int], points: Iterable[Element]) -> Element:
    """Return the sum of scalar * point over both sequences, which have the same length.

    Raises:
        ElementInvalidError: the sum, or one product, is the identity.
    """
    return _sum([multiply(value, point) for value, point in zip(scalars, points, strict=True)])


def _sum(points: Sequence[Element]) -> Element:
    # Partial sums may be the identity, which libsodium adds correctly; only the end is judged.
    total: bytes = points[0]
    for point in points[1:]:
        total = rbcl.crypto_core_ristretto255_add(total, point)
    if total == IDENTITY:
        raise ElementInvalidError("a sum is the identity of the group")
    return Element(total)


def pedersen(value: int, blinding: int, generator: Element) -> Point:
    """Return blinding * G + value * generator: a commitment to `value` modulo `ORDER`.

    The blinding is as long as the order, and G is the one base that the library has tables for.

    Args:
        value: any integer.
        blinding: any integer; uniform in [0, ORDER) it hides the value perfectly.
        generator: G', of which nobody may know the logarithm to G.
    """
    return sum_of((scaled_base(blinding), scaled(value, Point(generator))))


def scaled_base(scalar: int) -> Point:
    """Return scalar * G for the generator G of RFC 9496, which may be the identity."""
    # Zero is an ordinary value here, so this is the library's variant that answers it.
    data = scalar_to_bytes(scalar)
    return Point(rbcl.crypto_scalarmult_ristretto255_base_allow_scalar_zero(data))


def scaled(scalar: int, point: Point) -> Point:
    """Return scalar * point, which may be the identity."""
    data = scalar_to_bytes(scalar)
    return Point(rbcl.crypto_scalarmult_ristretto255_allow_scalar_zero(data, point))


def sum_of(points: Iterable[Point]) -> Point:
    """Return the sum of canonical encodings; the identity if there are none."""
    left = iter(points)
    total: bytes = next(left, IDENTITY)
    for point in left:
        total = rbcl.crypto_core_ristretto255_add(total, point)
    return Point(total)


def difference(left: Point, right: Point) -> Point:
    """Return left - right, which may be the identity."""
    return Point(rbcl.crypto_core_ristretto255_sub(left, right))


def sum_of_elements(encodings: Sequence[bytes]) -> tuple[Point, int | None]:
    """Return the sum of what should be elements, at little more than the cost of adding.

    Args:
        encodings: 32 bytes each, from outside.

    Returns:
        The sum, and None; or, with whatever was added before, the position of the first that is no
        element.
    """
    total: bytes = IDENTITY
    for position, data in enumerate(encodings):
        total = rbcl.crypto_core_ristretto255_add(total, data)
        # The library does not see these two; what it does see makes the sum zero, as an element may
        # do rightly.
        if data[-1] & _TOP_BIT or IDENTITY in (data, total):
            try:
                element(data)
            except ElementInvalidError:
                return Point(total), position
    return Point(total), None


def hash_to_group(message: bytes, dst: bytes) -> Element:
    """Return the element that `message` hashes to (RFC 9380 appendix B)."""
    uniform = expand_message_xmd(message, dst)
    point: bytes = rbcl.crypto_core_ristretto255_from_hash(uniform)
    return element(point)


def hash_to_scalar(message: bytes, dst: bytes) -> Scalar:
    """Return the scalar that `message` hashes to (RFC 9497 section 4.1)."""
    return Scalar(int.from_bytes(expand_message_xmd(message, dst), "little") % ORDER)


def expand_message_xmd(message: bytes, dst: bytes) -> bytes:
    """Return 64 bytes of expand_message_xmd with SHA-512 (RFC 9380 section 5.3.1).

    Args:
        message: what is hashed.
        dst: domain separation tag, 1 to 255 bytes.
    """
    # 64 bytes are one block (ell = 1), so that the output is b_1 alone.
    dst_prime = _dst_prime(dst)
    first = _PADDED.copy()
    first.update(message + _DIGEST_BYTES.to_bytes(2, "big") + b"\x00" + dst_prime)
    return hashlib.sha512(first.digest() + b"\x01" + dst_prime).digest()


@cache
def _dst_prime(dst: bytes) -> bytes:
    assert 1 <= len(dst) <= _DST_BYTES_MAX
    return dst + len(dst).to_bytes(1, "big")


_PADDED: Final = hashlib.sha512(bytes(_BLOCK_BYTES))
"""SHA-512 after Z_pad, copied for every message."""
