"""The histogram against exact percentiles of the same values."""

from __future__ import annotations

import pytest

from bench.histogram import BITS, P50, P99, P999, PARTS, Histogram
from tests.chance import seeded


def filled(values: list[int]) -> Histogram:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    return histogram


def exact(values: list[int], parts: int) -> int:
    return sorted(values)[-(-len(values) * parts // PARTS) - 1]


@pytest.mark.parametrize("seed", range(6))
def test_a_percentile_is_never_too_low_and_less_than_one_part_in_128_too_high(seed: int) -> None:
    chance = seeded(seed)
    values = [int(chance.lognormvariate(9, 2.5)) for _ in range(2_000)]
    histogram = filled(values)

    for parts in (1, 250_000, P50, 900_000, P99, P999, PARTS):
        true = exact(values, parts)
        assert true <= histogram.at(parts) <= true + (true >> BITS)
    assert (histogram.total, histogram.max_us) == (len(values), max(values))
    assert histogram.at(PARTS) == max(values)


def test_small_values_are_exact() -> None:
    values = list(range(2 << BITS))

    assert [filled([value]).at(P50) for value in values] == values
    assert filled(values).at(P99) == exact(values, P99)


@pytest.mark.parametrize("power", range(1, 45))
def test_the_buckets_meet_without_gap_at_every_power_of_two(power: int) -> None:
    edges = [(1 << power) - 1, 1 << power, (1 << power) + 1]
    largest = 1 << 50

    found = [filled([edge, largest]).at(P50) for edge in edges]

    assert found == sorted(found)
    assert all(
        edge <= seen <= edge + (edge >> BITS) for edge, seen in zip(edges, found, strict=True)
    )


def test_merged_histograms_are_the_histogram_of_all_values() -> None:
    first, second = [3, 700, 90_000], [5, 5, 1_000_000]
    merged = filled(first)

    merged.merge(filled(second))

    assert merged == filled(first + second)


def test_no_values_have_no_percentile_and_a_share_that_is_none_is_refused() -> None:
    assert Histogram().at(P99) == 0
    for parts in (0, PARTS + 1):
        with pytest.raises(ValueError, match="not between"):
            filled([1]).at(parts)
