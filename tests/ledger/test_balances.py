"""The rules of the ledger, one attack each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import USED_KINDS, AccountKind
from fedcarbon.ledger.balances import Balances, Conservation, conservation, trial_balance
from fedcarbon.ledger.errors import (
    BalanceLimitError,
    InsufficientBalanceError,
    LedgerCorruptedError,
    ReservationMismatchError,
    ReservationResolvedError,
    ReservationUnknownError,
    TransferIdReusedError,
)
from fedcarbon.ledger.transfer import AMOUNT_MAX, Transfer
from fedcarbon.ledger.unit import FEN, MassUnit, Vintage
from fedcarbon.units import MicrogramsCO2e

if TYPE_CHECKING:
    from tests.ledger.conftest import Moves

OLDER = MassUnit(programme=ProgrammeId("ecny-shanghai"), vintage=Vintage(2025))


def test_an_issued_amount_is_spendable_and_stands_against_its_source(moves: Moves) -> None:
    balances = Balances([moves.issue(1, 1, 100)])

    assert balances.balance(moves.spendable(1), moves.unit) == 100
    assert balances.balance(moves.of_programme(AccountKind.ISSUANCE), moves.unit) == -100
    assert balances.balance(moves.spendable(2), moves.unit) == 0


def test_the_same_transfer_again_changes_nothing(moves: Moves) -> None:
    balances = Balances([moves.issue(1, 1, 100), moves.reserve(2, 1, 100)])

    repeated = [balances.apply(moves.issue(1, 1, 100)), balances.apply(moves.reserve(2, 1, 100))]

    assert repeated == [False, False]
    assert balances.balance(moves.spendable(1), moves.unit) == 0
    assert balances.balance(moves.reserved(1), moves.unit) == 100


def test_a_posted_reservation_is_used_up(moves: Moves) -> None:
    balances = Balances([moves.issue(1, 1, 100), moves.reserve(2, 1, 30), moves.post(3, 1, 30, 2)])

    assert balances.balance(moves.spendable(1), moves.unit) == 70
    assert balances.balance(moves.reserved(1), moves.unit) == 0
    assert balances.balance(moves.of_programme(AccountKind.REDEEMED), moves.unit) == 30
    assert balances.resolution_of((2).to_bytes(16, "big")) == (3).to_bytes(16, "big")


def test_a_voided_reservation_is_back(moves: Moves) -> None:
    balances = Balances([moves.issue(1, 1, 100), moves.reserve(2, 1, 30), moves.void(3, 1, 30, 2)])

    assert balances.balance(moves.spendable(1), moves.unit) == 100
    assert balances.balance(moves.reserved(1), moves.unit) == 0


def test_vintages_of_one_holder_are_two_balances(moves: Moves) -> None:
    balances = Balances([moves.issue(1, 1, 100)])

    with pytest.raises(InsufficientBalanceError):
        balances.apply(replace(moves.reserve(2, 1, 1), unit=OLDER))


def _reused_id(moves: Moves) -> Transfer:
    return moves.issue(1, 1, 101)


def _reused_id_for_another_holder(moves: Moves) -> Transfer:
    return moves.issue(1, 2, 100)


def _one_more_than_there_is(moves: Moves) -> Transfer:
    return moves.reserve(9, 1, 41)


def _another_holder_without_grams(moves: Moves) -> Transfer:
    return moves.reserve(9, 2, 1)


def _post_of_nothing(moves: Moves) -> Transfer:
    return moves.post(9, 1, 30, 8)


def _post_of_an_issue(moves: Moves) -> Transfer:
    return moves.post(9, 1, 100, 1)


def _post_of_more(moves: Moves) -> Transfer:
    return moves.post(9, 1, 31, 2)


def _post_of_less(moves: Moves) -> Transfer:
    return moves.post(9, 1, 29, 2)


def _post_of_anothers_reservation(moves: Moves) -> Transfer:
    return moves.post(9, 2, 30, 2)


def _void_of_another_vintage(moves: Moves) -> Transfer:
    return replace(moves.void(9, 1, 30, 2), unit=OLDER)


def _second_post(moves: Moves) -> Transfer:
    return moves.post(9, 1, 20, 3)


def _void_after_post(moves: Moves) -> Transfer:
    return moves.void(9, 1, 20, 3)


def _post_after_void(moves: Moves) -> Transfer:
    return moves.post(9, 1, 10, 5)


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        (_reused_id, TransferIdReusedError),
        (_reused_id_for_another_holder, TransferIdReusedError),
        (_one_more_than_there_is, InsufficientBalanceError),
        (_another_holder_without_grams, InsufficientBalanceError),
        (_post_of_nothing, ReservationUnknownError),
        (_post_of_an_issue, ReservationUnknownError),
        (_post_of_more, ReservationMismatchError),
        (_post_of_less, ReservationMismatchError),
        (_post_of_anothers_reservation, ReservationMismatchError),
        (_void_of_another_vintage, ReservationMismatchError),
        (_second_post, ReservationResolvedError),
        (_void_after_post, ReservationResolvedError),
        (_post_after_void, ReservationResolvedError),
    ],
)
def test_a_refused_transfer_leaves_no_trace(
    moves: Moves, attack: Callable[[Moves], Transfer], expected: type[FedcarbonError]
) -> None:
    balances = Balances(
        [
            moves.issue(1, 1, 100),
            moves.reserve(2, 1, 30),
            moves.reserve(3, 1, 20),
            moves.post(4, 1, 20, 3),
            moves.reserve(5, 1, 10),
            moves.void(6, 1, 10, 5),
            moves.reserve(7, 1, 10),
        ]
    )
    before = {(a, u): b for a, u, b in balances.items()}

    with pytest.raises(expected):
        balances.apply(attack(moves))

    assert {(a, u): b for a, u, b in balances.items()} == before
    assert balances.transfer((9).to_bytes(16, "big")) is None


def test_a_balance_beyond_64_bits_is_refused(moves: Moves) -> None:
    balances = Balances(moves.issue(i, 1, AMOUNT_MAX) for i in range(128))

    with pytest.raises(BalanceLimitError):
        balances.apply(moves.issue(128, 2, AMOUNT_MAX))

    assert balances.apply(moves.issue(128, 2, 127))


def test_every_unit_sums_to_zero_and_grams_are_somewhere(moves: Moves) -> None:
    balances = Balances(
        [
            moves.issue(1, 1, 1_000),
            moves.fund(2, 7),
            moves.reserve(3, 1, 100),
            moves.post(4, 1, 100, 3),
            moves.reserve(5, 1, 10),
        ]
    )

    assert balances.trial_balance() == {moves.unit: 0, FEN: 0}
    assert balances.conservation() == (
        Conservation(
            unit=moves.unit,
            issued_ug=MicrogramsCO2e(1_000),
            spendable_ug=MicrogramsCO2e(890),
            reserved_ug=MicrogramsCO2e(10),
            pledged_ug=MicrogramsCO2e(0),
            used_ug={kind: MicrogramsCO2e(100 * (kind == "redeemed")) for kind in USED_KINDS},
        ),
    )


def test_a_balance_that_somebody_raised_is_noticed(moves: Moves) -> None:
    items = list(Balances([moves.issue(1, 1, 100)]).items())
    tampered = [(a, u, b + (a == moves.spendable(1))) for a, u, b in items]

    with pytest.raises(LedgerCorruptedError):
        trial_balance(tampered)
    with pytest.raises(LedgerCorruptedError):
        conservation(tampered)
