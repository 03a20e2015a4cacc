"""Commitment files that are checked as they come, against the list taken as a whole."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from fedcarbon.identity import commitment_list
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


def cut(data: bytes, size: int) -> Iterator[bytes]:
    """Yield a file in pieces, as a hub gives it."""
    return (data[at : at + size] for at in range(0, len(data), size))


@pytest.mark.parametrize("size", [7, 100_000, 4 << 20])
@pytest.mark.parametrize(
    "length", [0, 1, 3, PART_RECORDS - 1, PART_RECORDS, PART_RECORDS + 1, 2 * PART_RECORDS + 5]
)
def test_parts_have_the_root_and_the_sum_of_the_list(length: int, size: int) -> None:
    listed = list_of(length)
    lost = [position for position in (0, 2, PART_RECORDS, 2 * PART_RECORDS) if position < length]

    parts = list(checked_parts(cut(listed.to_bytes(), size), length))

    total = sum_of(part.total for part in parts)
    assert b"".join(part.records for part in parts) == listed.records
    assert root_of_hashes([part.root for part in parts]) == listed.root()
    assert total == listed.sum_without(())
    for positions in ((), lost, range(length)):
        won = listed.sum_without(positions)
        assert sum_of(part.total_without(positions) for part in parts) == won
        assert total_without(total, listed.to_bytes(), positions) == won
    assert sum_of(part.total_without(range(length)) for part in parts) == IDENTITY


@pytest.mark.parametrize("position", [0, PART_RECORDS - 1, PART_RECORDS, PART_RECORDS + 2])
@pytest.mark.parametrize(
    "bad", [IDENTITY, Point(b"\xff" * 32), Point(POINTS[0][:-1] + bytes([POINTS[0][-1] | 0x80]))]
)
def test_the_first_that_is_no_element_is_named(position: int, bad: Point) -> None:
    data = bytearray(list_of(PART_RECORDS + 3).to_bytes())
    at = len(FILE_MAGIC) + position * RECORD_BYTES + 32
    data[at : at + 32] = bad

    with pytest.raises(CommitmentInvalidError, match=f"at {position} "):
        list(checked_parts([bytes(data)], PART_RECORDS + 3))


TWO = list_of(2).to_bytes()
WRONG = {
    "nothing": b"",
    "a piece of the magic line": FILE_MAGIC[:9],
    "another magic line": b"x" * len(TWO),
    "the magic line alone": FILE_MAGIC,
    "a claim less": TWO[:-RECORD_BYTES],
    "a byte less": TWO[:-1],
    "a byte more": TWO + b"x",
    "a claim more": TWO + TWO[-RECORD_BYTES:],
    "a part more": TWO + TWO[-RECORD_BYTES:] * PART_RECORDS,
}


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("size", [1, 4 << 20])
def test_what_is_no_commitment_file_of_the_list_is_refused(case: str, size: int) -> None:
    with pytest.raises(MalformedCommitmentsError):
        list(checked_parts(cut(WRONG[case], size), 2))


def test_of_a_file_that_does_not_end_no_more_than_a_part_is_asked_for() -> None:
    listed = list_of(PART_RECORDS)
    given = []

    def endless() -> Iterator[bytes]:
        yield listed.to_bytes()
        while True:
            given.append(listed.records)
            yield listed.records

    with pytest.raises(MalformedCommitmentsError):
        list(checked_parts(endless(), PART_RECORDS))

    assert len(given) == 1


def test_a_list_is_checked_in_a_small_part_of_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commitment_list, "PART_RECORDS", 1 << 8)
    part = list_of(1 << 9).records
    length = 64 << 9

    def pieces() -> Iterator[bytes]:
        yield FILE_MAGIC
        for _ in range(64):
            yield bytes(bytearray(part))  # not the same bytes each time

    tracemalloc.start()
    checked = sum(len(part.records) for part in checked_parts(pieces(), length))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert checked == length * RECORD_BYTES
    assert peak < checked // 8
