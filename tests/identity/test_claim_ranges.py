"""Cutting sorted lists at the same tokens."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.identity.claim_ranges import position_of, ranges_of, records_of, tokens_in
from fedcarbon.identity.claims import ClaimEntry, TokenList
from fedcarbon.identity.tokens import ClaimToken

token_lists = st.lists(st.sets(st.integers(min_value=0, max_value=60)), max_size=4)


def token_of(number: int) -> ClaimToken:
    return ClaimToken(number.to_bytes(16, "big"))


def records(numbers: set[int]) -> bytes:
    return TokenList.from_entries(
        ClaimEntry(token=token_of(number), rank=0, salt=bytes(16)) for number in numbers
    ).records


@given(numbers=token_lists, claims_max=st.integers(min_value=1, max_value=30))
def test_every_claim_is_in_one_range_and_every_token_too(
    numbers: list[set[int]], claims_max: int
) -> None:
    lists = [records(some) for some in numbers]

    found = list(ranges_of(lists, claims_max))

    for number, data in enumerate(lists):
        parts = [parts[number] for parts in found]
        assert b"".join(records_of(data, part) for part in parts) == data
        assert [part.start for part in parts] == [0, *(part.stop for part in parts)][:-1]
    tokens = [
        sorted(
            token
            for data, part in zip(lists, parts, strict=True)
            for token in tokens_in(records_of(data, part))
        )
        for parts in found
    ]
    assert all(tokens)
    assert all(before[-1] < after[0] for before, after in pairwise(tokens))
    assert all(len(some) <= max(claims_max, len(lists)) for some in tokens)


@given(numbers=st.sets(st.integers(min_value=0, max_value=20)))
def test_a_token_is_found_where_it_stands(numbers: set[int]) -> None:
    places = {number: place for place, number in enumerate(sorted(numbers))}

    for number in range(21):
        assert position_of(records(numbers), token_of(number)) == places.get(number)
