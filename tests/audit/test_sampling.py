"""Samples: drawn from the beacon alone, without repetition, evenly, and the same for everyone."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.audit.sampling import (
    SAMPLE_SIZE_MAX,
    DrawSource,
    SampleKind,
    SampleSizeError,
    detection,
    draw,
    draw_positions,
    percent_text,
)
from fedcarbon.epoch.snapshot import Place
from fedcarbon.evidence.numbering import Numbering
from fedcarbon.ids import PartyId, ProgrammeId

SOURCE = DrawSource(
    beacon=bytes(range(64)), programme_id=ProgrammeId("city"), partner_id=PartyId("metro")
)
NUMBERING = Numbering(
    claims=24,
    places=tuple(Place(block, slot) for block in range(3) for slot in range(4)),
    days=(dt.date(2026, 3, 2), dt.date(2026, 3, 3)),
)
LOST = (3, 4, 17)
KNOWN = {
    "person-day": [715, 720, 724, 192, 17, 746],
    "kept-claim": [380, 752, 540, 383, 78, 312],
    "lost-claim": [147, 169, 610, 681, 971, 512],
}


@given(population=st.integers(0, 200), size=st.integers(1, 220), kind=st.sampled_from(SampleKind))
def test_a_draw_repeats_nothing_and_takes_all_if_it_can(
    population: int, size: int, kind: SampleKind
) -> None:
    drawn = draw_positions(SOURCE, kind, population, size)

    assert len(drawn) == len(set(drawn)) == min(size, population)
    assert all(0 <= position < population for position in drawn)


@given(small=st.integers(1, 50), large=st.integers(1, 50))
def test_a_larger_sample_begins_with_the_smaller_one(small: int, large: int) -> None:
    small, large = sorted((small, large))
    first = draw_positions(SOURCE, SampleKind.PERSON_DAY, 60, small)

    assert draw_positions(SOURCE, SampleKind.PERSON_DAY, 60, large)[:small] == first


def test_known_draws() -> None:
    """Vectors: what is drawn must never change for a beacon that is in a record."""
    drawn = {kind.value: draw_positions(SOURCE, kind, 1_000, 6) for kind in SampleKind}

    assert drawn == KNOWN


def test_every_position_is_drawn_about_as_often() -> None:
    counts: Counter[int] = Counter()
    for number in range(2_000):
        source = DrawSource(
            beacon=number.to_bytes(64, "big"),
            programme_id=SOURCE.programme_id,
            partner_id=SOURCE.partner_id,
        )
        counts.update(draw_positions(source, SampleKind.KEPT_CLAIM, 10, 3))

    assert sum(counts.values()) == 6_000
    assert all(500 < counts[position] < 700 for position in range(10))


@pytest.mark.parametrize(
    "other",
    [
        {"beacon": bytes(64)},
        {"programme_id": ProgrammeId("village")},
        {"partner_id": PartyId("bike")},
    ],
    ids=["beacon", "programme", "partner"],
)
def test_what_a_draw_depends_on(other: dict[str, object]) -> None:
    source = DrawSource(
        **{
            "beacon": SOURCE.beacon,
            "programme_id": SOURCE.programme_id,
            "partner_id": SOURCE.partner_id,
            **other,
        }  # type: ignore[arg-type]
    )
    kind = SampleKind.PERSON_DAY

    assert draw_positions(source, kind, 1_000, 6) != draw_positions(SOURCE, kind, 1_000, 6)


def test_kept_and_lost_claims_are_drawn_in_equal_number() -> None:
    drawn = draw(SOURCE, NUMBERING, LOST, 3)

    assert set(drawn.lost_claims) == set(LOST)
    assert len(drawn.kept_claims) == 3
    assert not set(drawn.kept_claims) & set(LOST)
    assert all(24 <= number < 48 for number in drawn.person_days)


@pytest.mark.parametrize("size", [0, -1, SAMPLE_SIZE_MAX + 1])
def test_a_sample_that_is_no_sample_is_refused(size: int) -> None:
    with pytest.raises(SampleSizeError):
        draw(SOURCE, NUMBERING, LOST, size)


def test_the_chance_to_find_a_lie_is_exact() -> None:
    assert detection(Fraction(1, 2), 2) == Fraction(3, 4)
    assert detection(Fraction(1), 1) == 1
    assert detection(Fraction(0), 100) == 0
    assert percent_text(detection(Fraction(1, 100), 100)) == "63.39 %"
    assert percent_text(Fraction(1)) == "100.00 %"


def test_the_record_says_whose_leaf_is_whose() -> None:
    assert (NUMBERING.leaves, NUMBERING.person_days) == (48, 24)
    assert NUMBERING.person_day(24) == (Place(0, 0), dt.date(2026, 3, 2))
    assert NUMBERING.person_day(47) == (Place(2, 3), dt.date(2026, 3, 3))
    assert NUMBERING.days_of_account(27) == (26, 27)
    for number in (23, 48, -1):
        with pytest.raises(IndexError):
            NUMBERING.person_day(number)


def test_places_are_numbered_by_block_and_slot() -> None:
    slots_of = {7: frozenset({2, 0}), 3: frozenset({5})}
    numbering = Numbering.of(4, slots_of, (dt.date(2026, 3, 2),))

    assert numbering.places == (Place(3, 5), Place(7, 0), Place(7, 2))
    assert numbering.leaves == 7
