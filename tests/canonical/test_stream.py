"""Streams from a seed: uniform, repeatable, and another for every use."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.canonical.stream import SeededStream

LABEL = b"test"
SEED = bytes(range(32))


@given(st.lists(st.integers(0, 9_000), max_size=6))
def test_how_bytes_are_taken_does_not_change_them(lengths: list[int]) -> None:
    whole = SeededStream(LABEL, SEED).octets(sum(lengths))

    stream = SeededStream(LABEL, SEED)

    assert b"".join(stream.octets(length) for length in lengths) == whole


@given(st.integers(1, 1 << 300))
def test_an_integer_is_below_its_bound(bound: int) -> None:
    stream = SeededStream(LABEL, SEED)

    assert all(0 <= stream.below(bound) < bound for _ in range(5))


def test_integers_are_uniform_where_the_bound_is_no_power_of_two() -> None:
    stream = SeededStream(LABEL, SEED)

    counts = Counter(stream.below(6) for _ in range(6_000))

    assert set(counts) == set(range(6))
    assert sum((count - 1_000) ** 2 / 1_000 for count in counts.values()) < 25  # p = 0.0001


def test_another_label_seed_or_item_is_another_stream() -> None:
    streams = [
        SeededStream(LABEL, SEED),
        SeededStream(b"other", SEED),
        SeededStream(LABEL, bytes(32)),
        SeededStream(LABEL, SEED, b""),
        SeededStream(LABEL, SEED, b"a", b"b"),
        SeededStream(LABEL, SEED, b"ab"),
    ]

    assert len({stream.octets(32) for stream in streams}) == len(streams)
