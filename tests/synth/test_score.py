"""Precision and recall, against figures that were worked out by hand."""

from __future__ import annotations

import pyarrow as pa

from fedcarbon.synth.platforms import SIGHTINGS
from fedcarbon.synth.score import OUTCOMES, DedupScore, score


def sightings(*rows: tuple[str, str, int, str]) -> pa.Table:
    """Return rows of activity, partner, ride and fate, all of one person."""
    columns = [[row[i] for row in rows] for i in range(4)]
    names, partners, rides, fates = columns
    return pa.table([names, partners, rides, [7] * len(rows), fates], schema=SIGHTINGS)


def outcomes(*rows: tuple[str, str, int, int]) -> pa.Table:
    """Return rows of partner, activity, claimed and lost micrograms."""
    return pa.table([[row[i] for row in rows] for i in range(4)], schema=OUTCOMES)


def test_what_was_claimed_twice_and_removed_counts_for_both() -> None:
    """Ride 1 twice and found, ride 2 twice and missed, ride 3 once and taken away by mistake."""
    seen = sightings(
        ("a1", "metro", 1, "seen"),
        ("b1", "journey", 1, "seen"),
        ("a2", "metro", 2, "seen"),
        ("b2", "journey", 2, "seen"),
        ("b3", "journey", 3, "seen"),
    )
    became = outcomes(
        ("metro", "a1", 1_000, 0),
        ("journey", "b1", 900, 900),
        ("metro", "a2", 500, 0),
        ("journey", "b2", 300, 0),
        ("journey", "b3", 200, 100),
    )

    found = score(seen, became)

    assert found == DedupScore(
        rides=3,
        rides_twice=2,
        claimed_ug=2_900,
        twice_ug=1_200,
        removed_ug=1_000,
        rightly_ug=900,
        unfounded_ug=0,
    )
    assert (found.recall_ppm, found.precision_ppm) == (750_000, 900_000)


def test_more_than_the_copy_taken_away_is_a_mistake_too() -> None:
    seen = sightings(("a1", "metro", 1, "seen"), ("b1", "journey", 1, "seen"))
    became = outcomes(("metro", "a1", 1_000, 250), ("journey", "b1", 1_000, 1_000))

    found = score(seen, became)

    assert (found.recall_ppm, found.precision_ppm) == (1_000_000, 800_000)


def test_what_no_ride_explains_is_named_and_a_repeated_row_counts_once() -> None:
    seen = sightings(
        ("a1", "metro", 1, "seen"),
        ("a1", "metro", 1, "repeated"),
        ("a1-again", "metro", 1, "again"),
    )
    became = outcomes(("metro", "a1", 1_000, 0), ("metro", "a1-again", 400, 0))

    found = score(seen, became)

    assert (found.rides_twice, found.twice_ug, found.unfounded_ug) == (0, 0, 400)
    assert (found.recall_ppm, found.precision_ppm) == (1_000_000, 1_000_000)
