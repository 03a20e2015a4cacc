"""The interval between openings of an account, and the two ends of time that are exempt from it."""

from __future__ import annotations

import pytest

from fedcarbon.registry.programme import Policy
from tests.trustee.city import City, built
from tests.trustee.founded import ALICE, refused
from tests.trustee.opening_steps import asked, opened


def at_the_turn_of_the_year(interval_days: int) -> City:
    """Epochs of two days over the turn of the year; the third ends on 31 December 2025."""
    return built(
        first_day="2025-12-26",
        last_day="2026-01-08",
        epochs=5,
        policy=Policy(opening_interval_days=interval_days, starts_max=3),
    )


def test_no_opening_spans_a_year_end() -> None:
    city = at_the_turn_of_the_year(4)
    opening = asked(city, city.federation.request(ALICE, 4, city.alice))

    assert refused(city.federation.ask("trustee-1", mask=opening.mask_order())) == "VINTAGES_MIXED"


def test_the_last_epoch_of_a_year_is_exempt_from_the_interval_as_end_and_as_beginning() -> None:
    city = at_the_turn_of_the_year(4)
    opened(city, 2)

    opened(city, 3, previous=2)
    opened(city, 4, previous=3)

    opening = asked(city, city.federation.request(ALICE, 5, city.alice, previous=4))
    answer = city.federation.ask("trustee-1", mask=opening.mask_order())
    assert refused(answer) == "OPENING_TOO_SOON"


@pytest.mark.parametrize(("last_day", "code"), [("2026-03-11", ""), ("2026-03-13", "TOO_SOON")])
def test_the_last_epoch_of_a_programme_is_exempt_from_the_interval_as_end(
    last_day: str, code: str
) -> None:
    """Nothing comes after it, so its grams could never be opened otherwise."""
    city = built(epochs=5, last_day=last_day)
    opened(city, 4)

    opening = asked(city, city.federation.request(ALICE, 5, city.alice, previous=4))
    answer = city.federation.ask("trustee-1", mask=opening.mask_order())

    assert answer.refused.code == (f"OPENING_{code}" if code else "")
