from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.identity import ristretto
from fedcarbon.identity.ristretto import ORDER, Element, ElementInvalidError, ScalarInvalidError

# RFC 9496 appendix A.1: the generator and its double.
GENERATOR = "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76"
TWICE = "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919"

FIELD_PRIME = (1 << 255) - 19

scalars = st.integers(min_value=1, max_value=ORDER - 1)


def high_bit_set(point: bytes) -> bytes:
    return point[:-1] + bytes([point[-1] | 0x80])


def test_small_multiples_of_the_generator_match_rfc_9496() -> None:
    assert ristretto.multiply_base(1).hex() == GENERATOR
    assert ristretto.multiply_base(2).hex() == TWICE
    assert ristretto.add(ristretto.multiply_base(1), ristretto.multiply_base(1)).hex() == TWICE


@settings(max_examples=30, deadline=None)
@given(left=scalars, right=scalars)
def test_products_and_sums_follow_the_scalars(left: int, right: int) -> None:
    point = ristretto.multiply_base(left)

    assert ristretto.multiply(right, point) == ristretto.multiply_base(left * right)
    if (left + right) % ORDER:
        expected = ristretto.multiply_base(left + right)
        assert ristretto.add(point, ristretto.multiply_base(right)) == expected
        assert ristretto.sum_of_products(
            (1, right), (point, Element(bytes.fromhex(GENERATOR)))
        ) == (expected)


@settings(max_examples=30, deadline=None)
@given(value=st.integers(min_value=0, max_value=ORDER - 1))
def test_a_scalar_survives_its_encoding(value: int) -> None:
    assert ristretto.scalar_from_bytes(ristretto.scalar_to_bytes(value)) == value


def test_a_sum_may_pass_through_the_identity() -> None:
    one = ristretto.multiply_base(1)

    assert ristretto.sum_of_products((1, -1, 1), (one, one, one)) == one


BAD_ENCODINGS = {
    "identity": bytes(32),
    "31 bytes": bytes.fromhex(GENERATOR)[:31],
    "33 bytes": bytes.fromhex(GENERATOR) + b"\x00",
    "no bytes": b"",
    "top bit set": high_bit_set(bytes.fromhex(GENERATOR)),
    "identity with the top bit set": high_bit_set(bytes(32)),
    "field prime for zero": FIELD_PRIME.to_bytes(32, "little"),
    "field prime plus four": (FIELD_PRIME + 4).to_bytes(32, "little"),
    "all ones": b"\xff" * 32,
    "negative field element": (1).to_bytes(32, "little"),
    # RFC 9496 appendix A.2: the square root does not exist.
    "not on the curve": bytes.fromhex(
        "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371"
    ),
}


@pytest.mark.parametrize("name", BAD_ENCODINGS)
def test_a_non_canonical_element_or_the_identity_point_is_refused(name: str) -> None:
    with pytest.raises(ElementInvalidError):
        ristretto.element(BAD_ENCODINGS[name])


def test_libsodium_alone_would_take_both_encodings_of_one_element() -> None:
    # Why `element` looks at the top bit itself: without that, one answer has two spellings.
    point = ristretto.multiply_base(7)

    assert ristretto.multiply(3, Element(high_bit_set(point))) == ristretto.multiply(3, point)


@pytest.mark.parametrize("value", [0, ORDER, -ORDER])
def test_a_product_with_zero_is_refused(value: int) -> None:
    with pytest.raises(ElementInvalidError):
        ristretto.multiply(value, ristretto.multiply_base(1))
    with pytest.raises(ElementInvalidError):
        ristretto.multiply_base(value)


def test_a_sum_that_is_the_identity_is_refused() -> None:
    with pytest.raises(ElementInvalidError):
        ristretto.add(ristretto.multiply_base(5), ristretto.multiply_base(-5))


@pytest.mark.parametrize(
    "data",
    [
        ORDER.to_bytes(32, "little"),
        (ORDER + 1).to_bytes(32, "little"),
        b"\xff" * 32,
        bytes(31),
        bytes(33),
    ],
)
def test_a_scalar_that_is_not_reduced_is_refused(data: bytes) -> None:
    with pytest.raises(ScalarInvalidError):
        ristretto.scalar_from_bytes(data)


def test_random_scalars_are_never_zero() -> None:
    assert ristretto.random_scalar(lambda _bound: 0) == 1
    assert ristretto.random_scalar(lambda bound: bound - 1) == ORDER - 1


def test_message_expansion_matches_rfc_9380() -> None:
    # RFC 9380 section 5.3.1 written out with whole buffers.
    message, dst = b"abc", b"QUUX-V01-CS02-with-expander-SHA512-256"
    dst_prime = dst + bytes([len(dst)])
    first = hashlib.sha512(bytes(128) + message + b"\x00\x40\x00" + dst_prime).digest()
    expected = hashlib.sha512(first + b"\x01" + dst_prime).digest()

    assert ristretto.expand_message_xmd(message, dst) == expected
