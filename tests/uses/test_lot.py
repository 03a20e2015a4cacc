"""What a lot takes of pledges, and how its proceeds are shared."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedcarbon.canonical import statement as statements
from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.unit import Vintage
from fedcarbon.units import Fen, MicrogramsCO2e
from fedcarbon.uses.errors import LotShortError
from fedcarbon.uses.lot import (
    TONNE_UG,
    Contribution,
    CreditLot,
    Pledge,
    bundled,
    contributions_of,
    shares_fen,
)

MASSES = st.dictionaries(
    st.binary(min_size=32, max_size=32), st.integers(min_value=1, max_value=10**16), min_size=1
)
PROCEEDS = st.integers(min_value=0, max_value=10**12).map(Fen)


def pledge(number: int, holder: int, left_ug: int) -> Pledge:
    return Pledge(
        use_id=bytes([number]) * 16,
        account_token=bytes([holder]) * 32,
        left_ug=MicrogramsCO2e(left_ug),
    )


@given(PROCEEDS, MASSES)
def test_shares_are_the_proceeds_to_the_fen(proceeds: Fen, masses: dict[bytes, int]) -> None:
    shares = shares_fen(proceeds, masses)

    assert sum(shares.values()) == proceeds
    assert shares.keys() == masses.keys()


@given(PROCEEDS, MASSES)
def test_no_share_is_off_by_a_fen(proceeds: Fen, masses: dict[bytes, int]) -> None:
    total = sum(masses.values())

    for token, share in shares_fen(proceeds, masses).items():
        assert abs(share - Fraction(proceeds * masses[token], total)) < 1


@given(PROCEEDS, MASSES, st.randoms(use_true_random=False))
def test_the_order_of_contributors_changes_nothing(
    proceeds: Fen, masses: dict[bytes, int], chance: object
) -> None:
    items = list(masses.items())
    chance.shuffle(items)  # type: ignore[attr-defined]

    assert shares_fen(proceeds, dict(items)) == shares_fen(proceeds, masses)


def test_equal_remainders_go_to_the_lower_tokens() -> None:
    tokens = [bytes([number]) * 32 for number in (3, 1, 2)]

    assert shares_fen(Fen(5), dict.fromkeys(tokens, 7)) == {
        tokens[1]: 2,
        tokens[2]: 2,
        tokens[0]: 1,
    }


def test_a_lot_takes_the_oldest_pledges_and_the_last_one_in_part() -> None:
    queue = [pledge(1, 9, 5), pledge(2, 8, 7), pledge(3, 9, 4), pledge(4, 7, 1)]

    taken = bundled(queue, MicrogramsCO2e(14))

    assert [part.left_ug for part in taken] == [5, 7, 2]
    assert [(item.account_token[0], item.mass_ug) for item in contributions_of(taken)] == [
        (8, 7),
        (9, 7),
    ]


def test_a_lot_is_whole_or_not_at_all() -> None:
    with pytest.raises(LotShortError):
        bundled([pledge(1, 1, TONNE_UG - 1)], TONNE_UG)


def lot(*contributions: Contribution) -> CreditLot:
    return CreditLot(
        parameter_id=bytes(32),
        programme_id=ProgrammeId("carbon"),
        lot_id=bytes(16),
        vintage=Vintage(2026),
        tonnes=1,
        rules_leaf=7,
        excluded_regimes=("ccer", "cea"),
        contributions=contributions,
    )


def test_a_lot_is_written_and_read() -> None:
    part = Contribution(account_token=bytes(32), mass_ug=TONNE_UG)

    assert statements.decode(CreditLot, statements.encode(lot(part))) == lot(part)


def test_an_account_stands_once_in_a_lot() -> None:
    part = Contribution(account_token=bytes(32), mass_ug=TONNE_UG)

    with pytest.raises(MalformedError):
        lot(part, part)
