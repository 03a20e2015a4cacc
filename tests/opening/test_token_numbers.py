"""Tokens and their numbers: the same answers as a dict gives, in a third of its room."""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.opening.token_numbers import TokenNumbers
from tests.chance import seeded

chance = seeded(7)
TOKENS = [chance.randbytes(32) for _ in range(200)]
"""More than the table has places for at first."""


@given(st.lists(st.sampled_from(TOKENS), max_size=400))
def test_numbers_are_those_of_a_dict(asked: list[bytes]) -> None:
    numbers, expected = TokenNumbers(), dict[bytes, int]()

    for token in asked:
        assert numbers.number(token) == expected.get(token)
        assert numbers.add(token) == expected.setdefault(token, len(expected))

    assert len(numbers) == len(expected)
    assert [numbers.number(token) for token in TOKENS] == list(map(expected.get, TOKENS))
    assert [numbers.token(number) for number in expected.values()] == list(expected)
    assert list(numbers.ascending()) == sorted(expected)


def test_what_is_no_token_has_no_number() -> None:
    numbers = TokenNumbers()
    for token in TOKENS:
        numbers.add(token)

    for token in TOKENS:
        for length in (0, 1, 31):
            assert numbers.number(token[:length]) is None
        assert numbers.number(token + b"x") is None


def test_a_token_costs_little_more_than_its_bytes() -> None:
    count = 20_000
    tracemalloc.start()
    numbers = TokenNumbers()
    for _ in range(count):
        numbers.add(chance.randbytes(32))
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert len(numbers) == count
    assert held < 60 * count
