"""Orders, and the transfers of a redemption."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.balances import Balances
from fedcarbon.ledger.credit import OpeningCredit, transfer_of
from fedcarbon.ledger.transfer import Phase
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.order import Redemption, RedemptionOrder
from fedcarbon.redemption.postings import posts, reservations, reversals, voids
from fedcarbon.redemption.settlement import Draw, RedemptionUnitsError
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.wallet import WalletClass, WalletIdInvalidError, sandbox_wallet_id
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds

ORDER = RedemptionOrder(
    parameter_id=bytes([1]) * 32,
    programme_id=ProgrammeId("ecny-shanghai"),
    redemption_id=bytes([2]) * 16,
    account_token=bytes([3]) * 32,
    wallet_id=sandbox_wallet_id(4),
    wallet_class=WalletClass.CLASS_2,
    binding_leaf=bytes([5]) * 34,
    operator_id=PartyId("wallet-operator"),
    units=2,
)
REDEMPTION = Redemption(
    order=ORDER,
    state=RedemptionState.CREATED,
    units=2,
    mass_ug=MicrogramsCO2e(2_500_000_000),
    amount_fen=Fen(2),
    draws=(
        Draw(vintage=Vintage(2025), mass_ug=MicrogramsCO2e(1_000_000_000)),
        Draw(vintage=Vintage(2026), mass_ug=MicrogramsCO2e(1_500_000_000)),
    ),
    reason="",
    rail_reference="",
    created_s=Seconds(0),
)


@pytest.mark.parametrize("units", [1, 2, None])
def test_an_order_is_found_again_in_its_bytes(units: int | None) -> None:
    order = replace(ORDER, units=units)

    assert statements.decode(RedemptionOrder, statements.encode(order)) == order


def test_a_decoded_order_knows_its_wallet_class() -> None:
    decoded = statements.decode(RedemptionOrder, statements.encode(ORDER))

    assert decoded.wallet_class is WalletClass.CLASS_2


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"units": 0}, RedemptionUnitsError),
        ({"units": -1}, RedemptionUnitsError),
        ({"wallet_id": ""}, WalletIdInvalidError),
        ({"redemption_id": bytes(15)}, MalformedError),
        ({"account_token": bytes(31)}, MalformedError),
        ({"parameter_id": bytes(31)}, MalformedError),
        ({"binding_leaf": bytes(33)}, MalformedError),
        ({"programme_id": "Shanghai"}, MalformedError),
        ({"operator_id": ""}, MalformedError),
    ],
)
def test_an_order_that_cannot_be_meant_cannot_be_made(
    change: dict[str, Any], expected: type[Exception]
) -> None:
    with pytest.raises(expected):
        replace(ORDER, **change)


@pytest.mark.parametrize("number", [b"0", b"5", b"true", b'"2"'])
def test_a_class_that_does_not_exist_cannot_be_decoded(number: bytes) -> None:
    data = statements.encode(ORDER).replace(b'"wallet_class":2', b'"wallet_class":' + number)

    with pytest.raises(MalformedError):
        statements.decode(RedemptionOrder, data)


def test_the_payout_id_depends_on_programme_and_redemption_alone() -> None:
    assert replace(ORDER, units=None, account_token=bytes(32)).payout_id == ORDER.payout_id
    assert replace(ORDER, redemption_id=bytes(16)).payout_id != ORDER.payout_id
    assert replace(ORDER, programme_id=ProgrammeId("b")).payout_id != ORDER.payout_id
    assert len(ORDER.payout_id) == 16
    assert ORDER.payout_id != ORDER.redemption_id


def test_a_redemption_whose_draws_are_not_its_mass_cannot_be_made() -> None:
    with pytest.raises(MalformedError):
        replace(REDEMPTION, draws=REDEMPTION.draws[:1])
    with pytest.raises(MalformedError):
        replace(REDEMPTION, amount_fen=Fen(0))


def _books() -> Balances:
    balances = Balances()
    for vintage, previous_ug, opened_ug in ((2025, 0, 10**9), (2026, 10**9, 3 * 10**9)):
        credit = OpeningCredit(
            programme=ORDER.programme_id,
            vintage=Vintage(vintage),
            account_token=ORDER.account_token,
            opening_id=bytes([vintage % 256]) * 32,
            previous_opened_ug=MicrogramsCO2e(previous_ug),
            opened_ug=MicrogramsCO2e(opened_ug),
        )
        balances.apply(transfer_of(credit))
    money = reservations(REDEMPTION)[-1]
    funding = replace(money.debit, kind=AccountKind.FUNDING)
    balances.apply(
        replace(
            money,
            transfer_id=bytes(16),
            debit=funding,
            credit=money.debit,
            amount=10,
            phase=Phase.SINGLE,
        )
    )
    return balances


def _by_kind(balances: Balances) -> dict[str, int]:
    sums: dict[str, int] = {}
    for account, _, balance in balances.items():
        sums[account.kind] = sums.get(account.kind, 0) + balance
    return {kind: total for kind, total in sums.items() if total}


SOURCES = {"issuance": -3_000_000_000, "funding": -10}


def test_reserved_and_posted_grams_are_redeemed_and_the_money_is_paid_out() -> None:
    balances = _books()

    for transfer in (*reservations(REDEMPTION), *posts(REDEMPTION)):
        assert balances.apply(transfer)

    assert _by_kind(balances) == SOURCES | {
        "spendable": 500_000_000,
        "redeemed": 2_500_000_000,
        "float": 8,
        "paid_out": 2,
    }


def test_reserved_grams_and_money_are_nobodys_to_spend() -> None:
    balances = _books()

    for transfer in reservations(REDEMPTION):
        assert balances.apply(transfer)

    assert _by_kind(balances) == SOURCES | {
        "spendable": 500_000_000,
        "reserved": 2_500_000_000,
        "float": 8,
        "payout_in_flight": 2,
    }


def test_voided_and_reversed_redemptions_leave_the_books_as_they_were() -> None:
    voided, reversed_ = _books(), _books()
    before = _by_kind(voided)

    for transfer in (*reservations(REDEMPTION), *voids(REDEMPTION)):
        assert voided.apply(transfer)
    for transfer in (
        *reservations(REDEMPTION),
        *posts(REDEMPTION),
        *reversals(REDEMPTION),
    ):
        assert reversed_.apply(transfer)

    assert _by_kind(voided) == before
    assert _by_kind(reversed_) == before


def test_every_step_done_twice_meets_its_own_transfers() -> None:
    balances = _books()
    steps = (*reservations(REDEMPTION), *posts(REDEMPTION), *reversals(REDEMPTION))
    for transfer in steps:
        balances.apply(transfer)

    assert [balances.apply(transfer) for transfer in steps] == [False] * len(steps)
