"""Ranges of tokens: sorted lists cut at the same tokens, so that they are read piece by piece.

A list is given by its records as `fedcarbon.identity.claims` writes them, in memory or on a disk
(`canonical.slices`). Where the cuts fall is nobody's business but the reader's: whatever is
computed of whole ranges is the same for all cuts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from fedcarbon.canonical.slices import Slices
from fedcarbon.identity.claims import (
    RECORD_BYTES,
    TOKEN_OF_RECORD,
    MalformedClaimListError,
)
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES, ClaimToken

FEW_CLAIMS: Final = 1 << 12
"""Claims of a range that are joined at once: what fits a core's cache."""


def count_of(records: Slices) -> int:
    """Return the number of claims in a list."""
    return len(records) // RECORD_BYTES


def records_of(records: Slices, part: range) -> bytes:
    """Return the records of some positions in a row."""
    return records[part.start * RECORD_BYTES : part.stop * RECORD_BYTES]


def tokens_in(records: bytes) -> list[ClaimToken]:
    """Return the tokens of some records in a row."""
    return list(chain.from_iterable(TOKEN_OF_RECORD.iter_unpack(records)))


def position_of(records: Slices, token: ClaimToken) -> int | None:
    """Return where a token stands in a list, if it does."""
    at = _first_from(records, token, range(count_of(records)))
    return at if at < count_of(records) and _token_at(records, at) == token else None


def ranges_of(lists: Sequence[Slices], claims_max: int) -> Iterator[list[range]]:
    """Yield, for one range of tokens after the other, its positions in every list.

    Args:
        lists: the records of each, ascending by token.
        claims_max: so many claims, or one per list, make a range at most.

    Raises:
        MalformedClaimListError: a list does not ascend, so that this would never end; not every
            list that does not is found.
    """
    counts = [count_of(records) for records in lists]
    starts = [0] * len(lists)
    while left := sum(map(int.__lt__, starts, counts)):
        step = max(claims_max // left, 1)
        stops = [min(start + step, count) for start, count in zip(starts, counts, strict=True)]
        # Where the first list has no room left the range ends, in every list.
        borders = [
            _token_at(records, stop)
            for records, stop, count in zip(lists, stops, counts, strict=True)
            if stop < count
        ]
        if borders:
            border = min(borders)
            stops = [
                _first_from(records, border, range(start, stop))
                for records, start, stop in zip(lists, starts, stops, strict=True)
            ]
        if stops == starts:
            raise MalformedClaimListError("a claim list must ascend by token")
        yield list(map(range, starts, stops))
        starts = stops


def _token_at(records: Slices, position: int) -> bytes:
    at = position * RECORD_BYTES
    return records[at : at + CLAIM_TOKEN_BYTES]


def _first_from(records: Slices, token: bytes, part: range) -> int:
    """Return the first position of a part whose token is not below `token`, or its end."""
    return part.start + bisect_left(part, token, key=lambda position: _token_at(records, position))
