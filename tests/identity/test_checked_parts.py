"""Commitment files that are checked part by part, against the list taken as a whole."""

from __future__ import annotations

import pytest

from fedcarbon.identity.commitment_list import (
    FILE_MAGIC,
    PART_RECORDS,
    RECORD_BYTES,
    CommitmentInvalidError,
    CommitmentList,
    MalformedCommitmentsError,
    checked_parts,
    total_without,
)
from fedcarbon.identity.ristretto import IDENTITY, Point, scaled_base, sum_of
from fedcarbon.transparency.merkle import root_of_hashes

POINTS = [scaled_base(number) for number in range(1, 8)]


def list_of(length: int) -> CommitmentList:
    """Return a list of so many claims, with few different elements in it."""
    return CommitmentList.of(
        [number.to_bytes(32, "big") for number in range(length)],
        [POINTS[number % len(POINTS)] for number in range(length)],
    )


@pytest.mark.parametrize(
    "length", [0, 1, 3, PART_RECORDS - 1, PART_RECORDS, PART_RECORDS + 1, 2 * PART_RECORDS + 5]
)
def test_parts_have_the_root_and_the_sum_of_the_list(length: int) -> None:
    listed = list_of(length)
    lost = [position for position in (0, 2, PART_RECORDS, 2 * PART_RECORDS) if position < length]

    parts = list(checked_parts(listed.to_bytes()))

    total = sum_of(part.total for part in parts)
    assert sum(part.claims for part in parts) == length
    assert root_of_hashes([part.root for part in parts]) == listed.root()
    assert total == listed.sum_without(())
    assert total_without(total, listed.to_bytes(), lost) == listed.sum_without(lost)
    assert total_without(total, listed.to_bytes(), range(length)) == IDENTITY


@pytest.mark.parametrize("position", [0, PART_RECORDS - 1, PART_RECORDS, PART_RECORDS + 2])
@pytest.mark.parametrize(
    "bad", [IDENTITY, Point(b"\xff" * 32), Point(POINTS[0][:-1] + bytes([POINTS[0][-1] | 0x80]))]
)
def test_the_first_that_is_no_element_is_named(position: int, bad: Point) -> None:
    data = bytearray(list_of(PART_RECORDS + 3).to_bytes())
    at = len(FILE_MAGIC) + position * RECORD_BYTES + 32
    data[at : at + 32] = bad

    with pytest.raises(CommitmentInvalidError, match=f"at {position} "):
        list(checked_parts(bytes(data)))


@pytest.mark.parametrize("data", [b"", b"fedcarbon", list_of(2).to_bytes()[:-1], b"x" * 200])
def test_what_is_no_commitment_file_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedCommitmentsError):
        list(checked_parts(data))
