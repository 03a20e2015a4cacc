"""Commitment files: what trustees read of a claim list."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedcarbon.identity.commitment_list import (
    FILE_MAGIC,
    RECORD_BYTES,
    CommitmentInvalidError,
    CommitmentList,
    MalformedCommitmentsError,
    piece_commitment,
)
from fedcarbon.identity.ristretto import (
    IDENTITY,
    ORDER,
    Point,
    add,
    element,
    hash_to_group,
    multiply,
    multiply_base,
    pedersen,
    scaled,
    sum_of,
)
from fedcarbon.units import MicrogramsCO2e

GENERATOR = hash_to_group(b"test", b"test")


def list_of(*pieces: int) -> CommitmentList:
    return CommitmentList.of(
        [bytes([number]) * 32 for number in range(len(pieces))],
        [piece_commitment(MicrogramsCO2e(piece), 10 + piece, GENERATOR) for piece in pieces],
    )


@pytest.mark.parametrize("piece", [1, 5, (1 << 14) - 1, 1 << 14, (1 << 14) + 1, (1 << 40) + 3])
def test_a_commitment_is_a_sum_of_two_products(piece: int) -> None:
    expected = add(multiply_base(7), multiply(piece, GENERATOR))

    assert piece_commitment(MicrogramsCO2e(piece), 7, GENERATOR) == expected


def test_a_pad_commits_to_nothing() -> None:
    assert piece_commitment(MicrogramsCO2e(0), 7, GENERATOR) == multiply_base(7)


def test_commitments_add_up_and_zero_is_an_ordinary_value() -> None:
    total = sum_of([pedersen(3, 4, GENERATOR), pedersen(-1, 5, GENERATOR)])

    assert total == pedersen(2, 9, GENERATOR)
    assert pedersen(0, 0, GENERATOR) == IDENTITY == sum_of([])
    assert scaled(ORDER, Point(GENERATOR)) == IDENTITY == scaled(3, IDENTITY)


def test_the_sum_leaves_lost_claims_out() -> None:
    listed = list_of(1, 2, 3)

    assert listed.sum_without([1]) == pedersen(4, 24, GENERATOR)
    assert listed.sum_without([0, 1, 2]) == IDENTITY


def test_a_list_survives_its_file() -> None:
    listed = list_of(1, 2)

    assert CommitmentList.from_bytes(listed.to_bytes()) == listed
    assert len(listed.to_bytes()) == len(FILE_MAGIC) + 2 * RECORD_BYTES
    listed.check_elements()


@pytest.mark.parametrize("data", [b"", b"no list", FILE_MAGIC[:-1], FILE_MAGIC + bytes(63)])
def test_bytes_that_are_no_commitment_file_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedCommitmentsError):
        CommitmentList.from_bytes(data)


@pytest.mark.parametrize("encoding", [bytes(32), b"\x01" + bytes(31), b"\xff" * 32])
def test_a_bad_encoding_is_named_by_its_position(encoding: bytes) -> None:
    listed = CommitmentList(records=list_of(1, 2).records + bytes(32) + encoding)

    with pytest.raises(CommitmentInvalidError, match="at 2"):
        listed.check_elements()


@settings(deadline=None)
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_are_a_list_or_a_known_error(data: bytes) -> None:
    try:
        listed = CommitmentList.from_bytes(FILE_MAGIC + data)
        listed.check_elements()
    except (MalformedCommitmentsError, CommitmentInvalidError):
        return
    for commitment in listed.commitments():
        assert element(commitment) == commitment
