"""Payouts of proceeds: both auditors find what a hub does to a holder's share of sold lots."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from fedcarbon.audit.ledger_checks import check_books
from fedcarbon.ledger.account import AccountKind, holder_account, programme_account
from fedcarbon.ledger.batch import LedgerLine
from fedcarbon.ledger.unit import FEN
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.postings import posting_id
from tests.audit.books.minimal import minimal_codes
from tests.audit.books.tampering import codes
from tests.audit.books.use_drafts import UseDraft, honest_proceeds
from tests.hub.clearing.conftest import SHANGHAI

SHARED, PAID, RETURNED = range(3)
"""The batches, by what happens in them."""
ONE, TWO = (holder_account(AccountKind.PROCEEDS, bytes([number]) * 32).name for number in (1, 2))
FLOAT = programme_account(AccountKind.FLOAT, SHANGHAI).name

Attack = Callable[[UseDraft], None]


@pytest.fixture(scope="session")
def honest_proceeds_draft(tmp_path_factory: pytest.TempPathFactory) -> UseDraft:
    return honest_proceeds(tmp_path_factory.mktemp("proceeds"))


@pytest.fixture
def draft(honest_proceeds_draft: UseDraft) -> UseDraft:
    return copy.deepcopy(honest_proceeds_draft)


def test_neither_auditor_finds_anything_in_honest_payouts_of_proceeds(draft: UseDraft) -> None:
    outcomes = [line.outcome for _, batch in draft.draft.payouts for line in batch.lines]
    assert set(outcomes) == set(PayoutOutcome)

    assert check_books(draft.sealed()) == []
    assert minimal_codes(draft.sealed()) == set()


def money(batch: int, number: int, step: str, **changes: str) -> Attack:
    """Change the line of money that a step of an order has made."""
    wanted = posting_id(number.to_bytes(16, "big"), step, FEN)

    def change(found: list[LedgerLine]) -> list[LedgerLine]:
        assert any(line.transfer_id == wanted for line in found)
        return [
            replace(line, **changes) if line.transfer_id == wanted else line  # type: ignore[arg-type]
            for line in found
        ]

    return lambda draft: draft.draft.change_lines(batch, change)


def _more_than_shared(draft: UseDraft) -> None:
    money(RETURNED, 4, "reserve", amount="2701")(draft)
    at = [order.units for _, order in draft.draft.orders].index(200)
    draft.draft.change_order(at, units=2_701)


def _nobody_ordered(draft: UseDraft) -> None:
    at = [order.units for _, order in draft.draft.orders].index(200)
    del draft.draft.orders[at]


ATTACKS: Final[dict[str, tuple[Attack, set[str]]]] = {
    "proceeds of another holder": (
        money(RETURNED, 4, "reserve", debit=ONE),
        {
            "V19 INSUFFICIENT_BALANCE",
            "V20 REDEMPTION_ACCOUNT_DIFFERS",
            "V20 REDEMPTION_UNITS_DIFFER",
        },
    ),
    "more than the lot was shared": (_more_than_shared, {"V19 INSUFFICIENT_BALANCE"}),
    "more than was ordered": (
        money(RETURNED, 4, "reserve", amount="201"),
        {"V20 REDEMPTION_UNITS_DIFFER"},
    ),
    "less than everything": (
        money(RETURNED, 5, "reserve", amount="300"),
        {"V20 REDEMPTION_UNITS_DIFFER"},
    ),
    "proceeds that the float pays": (
        money(RETURNED, 4, "reserve", debit=FLOAT),
        {"V20 REDEMPTION_ACCOUNT_DIFFERS", "V22 RESERVED_NOT_IN_FLIGHT"},
    ),
    "grams that proceeds pay": (
        money(RETURNED, 6, "reserve", debit=TWO),
        {"V20 REDEMPTION_ACCOUNT_DIFFERS", "V22 RESERVED_NOT_IN_FLIGHT"},
    ),
    "proceeds that come back into the float": (
        money(RETURNED, 2, "reverse", credit=FLOAT),
        {"V20 REVERSAL_DIFFERS", "V22 REDEEMED_NOT_PAID"},
    ),
    "refused proceeds that the float keeps": (
        money(PAID, 3, "void", credit=FLOAT),
        {"V19 RESERVATION_MISMATCH", "V22 RESERVED_NOT_IN_FLIGHT"},
    ),
    "proceeds that nobody ordered": (_nobody_ordered, {"V20 REDEMPTION_WITHOUT_ORDER"}),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_what_is_done_to_proceeds_is_found_by_both_auditors(draft: UseDraft, what: str) -> None:
    attack, expected = ATTACKS[what]
    attack(draft)

    assert codes(check_books(draft.sealed())) == expected
    assert minimal_codes(draft.sealed()) == expected
