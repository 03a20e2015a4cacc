"""Transfers: only moves of the chart, of the right unit, between accounts that belong together."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import (
    CAMPAIGN_KINDS,
    HOLDER_KINDS,
    LOT_KINDS,
    MASS_KINDS,
    SOURCE_KINDS,
    Account,
    AccountKind,
    campaign_account,
    holder_account,
    lot_account,
    programme_account,
)
from fedcarbon.ledger.transfer import (
    AMOUNT_MAX,
    MOVES,
    RESOLVING,
    Phase,
    Transfer,
    derived_transfer_id,
)
from fedcarbon.ledger.unit import FEN, MassUnit, Vintage

if TYPE_CHECKING:
    from tests.ledger.conftest import Moves

SHANGHAI = ProgrammeId("ecny-shanghai")
BEIJING = ProgrammeId("ecny-beijing")


def _account(kind: AccountKind) -> Account:
    if kind in HOLDER_KINDS:
        return holder_account(kind, bytes(32))
    if kind in LOT_KINDS:
        return lot_account(kind, bytes(16))
    if kind in CAMPAIGN_KINDS:
        return campaign_account(SHANGHAI, "spring")
    return programme_account(kind, SHANGHAI)


def _transfer(phase: Phase, debit: AccountKind, credit: AccountKind) -> Transfer:
    unit = MassUnit(programme=SHANGHAI, vintage=Vintage(2026)) if debit in MASS_KINDS else FEN
    return Transfer(
        transfer_id=bytes(16),
        debit=_account(debit),
        credit=_account(credit),
        unit=unit,
        amount=1,
        phase=phase,
        resolves=bytes(16) if phase in RESOLVING else None,
    )


def test_exactly_the_moves_of_the_chart_can_be_made() -> None:
    made = set()

    for phase in Phase:
        for debit in AccountKind:
            for credit in AccountKind:
                try:
                    _transfer(phase, debit, credit)
                except MalformedError:
                    continue
                made.add((phase, debit, credit))

    assert made == MOVES


def test_holding_accounts_are_filled_by_reservations_and_emptied_by_their_resolution() -> None:
    holding = {AccountKind.RESERVED, AccountKind.PAYOUT_IN_FLIGHT}

    assert {phase for phase, _, credit in MOVES if credit in holding} == {Phase.RESERVE}
    assert {phase for phase, debit, _ in MOVES if debit in holding} == RESOLVING
    # Into a source goes only what suspense gives back to it: money that never came.
    back = (Phase.SINGLE, AccountKind.SUSPENSE, AccountKind.FUNDING)
    assert [move for move in MOVES if move[2] in SOURCE_KINDS] == [back]


@pytest.mark.parametrize(
    "change",
    {
        "an amount of zero": {"amount": 0},
        "a negative amount": {"amount": -1},
        "an amount beyond an opened sum": {"amount": AMOUNT_MAX + 1},
        "a short id": {"transfer_id": bytes(15)},
        "a long id": {"transfer_id": bytes(17)},
        "a single that resolves": {"resolves": bytes(16)},
        "a post that resolves nothing": {"phase": Phase.POST},
        "fen from grams": {"unit": FEN},
        "another programme's grams": {
            "unit": MassUnit(programme=BEIJING, vintage=Vintage(2026)),
        },
        "another programme's issuance": {
            "debit": programme_account(AccountKind.ISSUANCE, BEIJING),
        },
    }.items(),
    ids=lambda item: item[0],
)
def test_a_transfer_that_cannot_be_meant_cannot_be_made(
    moves: Moves, change: tuple[str, dict[str, Any]]
) -> None:
    transfer = moves.issue(1, 1, 5)

    with pytest.raises(MalformedError):
        replace(transfer, **change[1])


def test_a_short_reservation_id_cannot_be_resolved(moves: Moves) -> None:
    with pytest.raises(MalformedError):
        replace(moves.post(2, 1, 5, 1), resolves=bytes(15))


def test_grams_never_go_from_one_holder_to_another(moves: Moves) -> None:
    with pytest.raises(MalformedError, match="one holder"):
        replace(moves.reserve(1, 1, 5), credit=moves.reserved(2))


def test_money_never_goes_from_one_programme_to_another(moves: Moves) -> None:
    with pytest.raises(MalformedError, match="one programme"):
        replace(moves.fund(1, 5), credit=programme_account(AccountKind.FLOAT, BEIJING))


def test_derived_ids_differ_where_their_names_differ() -> None:
    ids = {
        derived_transfer_id(b"a", b"b", b"c"),
        derived_transfer_id(b"a", b"bc"),
        derived_transfer_id(b"ab", b"c"),
        derived_transfer_id(b"a", b"c", b"b"),
    }

    assert len(ids) == 4
    assert {len(item) for item in ids} == {16}
