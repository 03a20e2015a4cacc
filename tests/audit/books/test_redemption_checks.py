"""The checks of redemptions and payouts: who ordered, and who was paid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

import pytest

from fedcarbon.audit.books import Books
from fedcarbon.audit.ledger_checks import check_books
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.ledger.account import AccountKind, holder_account, programme_account
from fedcarbon.ledger.batch import LedgerLine
from fedcarbon.ledger.transfer import Phase
from fedcarbon.ledger.unit import FEN, Unit
from fedcarbon.opening.logged import Logged
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.postings import REVERSE, posting_id
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import Fen
from tests.audit.books.drafts import METRO, Draft
from tests.audit.books.tampering import (
    ALL,
    IDLE,
    LATE,
    OPEN,
    REDEEMED,
    REFUSED,
    RETURNED,
    REVERSED,
    UG_2026,
    Attack,
    adding,
    both,
    changing_lines,
    codes,
    dropping_lines,
    is_money,
    of_order,
    paying,
    redemption_id,
    reserve_money,
    return_money,
    tampered,
)
from tests.hub.clearing.conftest import GRAM, SHANGHAI


def ordering(number: int, **changes: object) -> Attack:
    return lambda draft: draft.change_order(number, **changes)


def without_order(number: int) -> Attack:
    def attack(draft: Draft) -> None:
        del draft.orders[number]

    return attack


def _ordered_twice(draft: Draft) -> None:
    draft.orders.append((draft.orders[-1][0] + 1, draft.orders[ALL][1]))


def _ordered_afterwards(draft: Draft) -> None:
    draft.orders.append((1_000, draft.orders.pop(OPEN)[1]))


def _unsigned_order(draft: Draft) -> None:
    draft.unsigned.add(draft.orders[ALL][0])


def _unreadable_order(draft: Draft) -> Books:
    books = draft.sealed()
    bad = replace(books.orders[LATE], payload=b"[]")
    return replace(books, orders=[*books.orders[:LATE], bad])


def _unknown_programme(draft: Draft) -> None:
    other = ProgrammeId("another")
    half = draft.bindings[3].operator_half
    draft.change_order(LATE, programme_id=other, binding_leaf=bytes([9]) * 34)
    draft.bindings[9] = replace(
        draft.bindings[3],
        operator_half=Logged(
            index=half.index,
            leaf=bytes([9]) * 34,
            statement=replace(half.statement, programme_id=other),
        ),
    )


def _class_4(draft: Draft) -> None:
    half = draft.bindings[1].operator_half
    anonymous = replace(half.statement, wallet_class=4)
    draft.bindings[1].operator_half = Logged(index=half.index, leaf=half.leaf, statement=anonymous)
    draft.change_order(ALL, wallet_class=WalletClass.CLASS_4)


def _unbound(draft: Draft) -> None:
    draft.bindings[1].ended_at = draft.orders[ALL][0] - 1


def _frozen(draft: Draft) -> None:
    draft.bindings[1].objections[METRO] = draft.orders[ALL][0] - 1


def _by_operator_alone(draft: Draft) -> None:
    draft.bindings[1].partner_halves.clear()


def _bound_afterwards(draft: Draft) -> None:
    half = draft.bindings[1].operator_half
    draft.bindings[1].operator_half = Logged(index=1_000, leaf=half.leaf, statement=half.statement)


def _half_given_back(draft: Draft) -> None:
    """Use up the grams and keep the money in the float."""
    flight, purse = (
        programme_account(kind, SHANGHAI).name
        for kind in (AccountKind.PAYOUT_IN_FLIGHT, AccountKind.FLOAT)
    )
    changing_lines(
        REDEEMED,
        lambda line: of_order(ALL)(line) and line.debit == flight,
        phase=Phase.VOID,
        credit=purse,
    )(draft)


def _cheap_redemption(draft: Draft) -> None:
    """Take the grams of 4 units and pay 1 fen."""
    changing_lines(REDEEMED, lambda line: of_order(ALL)(line) and is_money(line), amount="1")(draft)
    paying(REDEEMED, ALL, amount_fen=Fen(1))(draft)


def _waiting_binding(draft: Draft) -> Books:
    refusals = {draft.orders[ALL][0]: "BINDING_WAITS: it waits until 1"}
    return replace(draft.sealed(), binding_refusals=refusals)


def _ended_binding_that_waits(draft: Draft) -> Books:
    _unbound(draft)
    return _waiting_binding(draft)


def _is_reversal_of(unit: Unit) -> Callable[[LedgerLine], bool]:
    wanted = posting_id(redemption_id(REVERSED), REVERSE, unit)
    return lambda line: line.transfer_id == wanted


def _given_back_before_the_post(draft: Draft) -> None:
    """The reversal stands before everything else in the batch of the post."""
    moved = [line for line in draft.batches[RETURNED][1].lines if _reverses(line)]
    dropping_lines(RETURNED, _reverses)(draft)
    draft.change_lines(
        REDEEMED,
        lambda lines: [
            *(line for line in lines if not _posts(line)),
            *moved,
            *filter(_posts, lines),
        ],
    )


def _reverses(line: LedgerLine) -> bool:
    return any(_is_reversal_of(unit)(line) for unit in (FEN, UG_2026))


def _posts(line: LedgerLine) -> bool:
    ids = {posting_id(redemption_id(REVERSED), "post", unit) for unit in (FEN, UG_2026)}
    return line.transfer_id in ids


REDEMPTIONS: Final[dict[str, tuple[Attack, set[str]]]] = {
    "nobody ordered a redemption": (
        without_order(OPEN),
        {"V20 REDEMPTION_WITHOUT_ORDER"},
    ),
    "money is set aside for nobody": (
        adding(reserve_money(1, 5)),
        {"V20 REDEMPTION_WITHOUT_ORDER", "V22 RESERVED_NOT_IN_FLIGHT"},
    ),
    "an order is not carried out": (
        dropping_lines(RETURNED, of_order(OPEN)),
        {"V20 REDEMPTION_NOT_RESERVED"},
    ),
    "an order was signed after its redemption": (
        _ordered_afterwards,
        {"V20 REDEMPTION_BEFORE_ORDER"},
    ),
    "an order id is used twice": (_ordered_twice, {"V20 REDEMPTION_ID_REUSED"}),
    "an order is not signed by its operator": (_unsigned_order, {"V20 REDEMPTION_ORDER_UNSIGNED"}),
    "an order cannot be read": (_unreadable_order, {"V20 REDEMPTION_ORDER_MALFORMED"}),
    "an order binds other parameters": (
        ordering(ALL, parameter_id=bytes([1]) * 32),
        {"V20 PARAMETERS_DIFFER"},
    ),
    "an order is for an unknown programme": (_unknown_programme, {"V20 UNKNOWN_PROGRAMME"}),
    "an anonymous wallet redeems": (_class_4, {"V20 WALLET_CLASS_REFUSED"}),
    "an order names no binding": (
        ordering(ALL, binding_leaf=bytes([8]) * 34),
        {"V20 BINDING_UNKNOWN"},
    ),
    "an order names a binding of a later leaf": (_bound_afterwards, {"V20 BINDING_UNKNOWN"}),
    "an order is of another operator": (
        ordering(ALL, operator_id=PartyId("other-purse")),
        {"V20 BINDING_UNKNOWN"},
    ),
    "an order is for another wallet": (
        ordering(LATE, wallet_id=sandbox_wallet_id(666)),
        {"V20 WALLET_SWAPPED"},
    ),
    "the binding was ended before": (_unbound, {"V20 BINDING_ENDED"}),
    "the binding was frozen before": (_frozen, {"V20 BINDING_FROZEN"}),
    "no partner confirmed the binding": (_by_operator_alone, {"V20 BINDING_BY_OPERATOR_ALONE"}),
    "the binding was still waiting": (_waiting_binding, {"V20 BINDING_NOT_IN_FORCE"}),
    "the binding was ended and was still waiting": (
        _ended_binding_that_waits,
        {"V20 BINDING_ENDED"},
    ),
    "a settled redemption is given back to somebody else": (
        changing_lines(
            RETURNED,
            _is_reversal_of(UG_2026),
            credit=holder_account(AccountKind.SPENDABLE, bytes([2]) * 32).name,
        ),
        {"V20 REVERSAL_DIFFERS"},
    ),
    "less comes back than was redeemed": (
        changing_lines(RETURNED, _is_reversal_of(UG_2026), amount=str(1_250 * GRAM)),
        {"V20 REVERSAL_DIFFERS", "V22 REDEEMED_NOT_PAID"},
    ),
    "a redemption is given back before it was posted": (
        _given_back_before_the_post,
        {
            "V19 INSUFFICIENT_BALANCE",
            "V20 REVERSAL_DIFFERS",
            "V21 PAYOUT_NOT_BOOKED",
            "V21 PAYOUT_NOT_REPORTED",
        },
    ),
    "another account gives the grams": (
        changing_lines(
            RETURNED,
            lambda line: of_order(OPEN)(line) and not is_money(line),
            debit=holder_account(AccountKind.SPENDABLE, bytes([2]) * 32).name,
            credit=holder_account(AccountKind.RESERVED, bytes([2]) * 32).name,
        ),
        {"V20 REDEMPTION_ACCOUNT_DIFFERS", "V20 REDEMPTION_ABOVE_OPENED"},
    ),
    "more is redeemed than was opened": (
        both(
            ordering(OPEN, units=10),
            changing_lines(
                RETURNED,
                lambda line: of_order(OPEN)(line) and not is_money(line),
                amount=str(12_500 * GRAM),
            ),
            changing_lines(
                RETURNED, lambda line: of_order(OPEN)(line) and is_money(line), amount="10"
            ),
        ),
        {"V20 REDEMPTION_ABOVE_OPENED", "V22 SPENT_ABOVE_ISSUED"},
    ),
    "fewer fen are paid than the grams are worth": (
        _cheap_redemption,
        {"V20 REDEMPTION_RATE_DIFFERS", "V22 REDEEMED_NOT_PAID"},
    ),
    "another number of units is redeemed": (
        ordering(OPEN, units=2),
        {"V20 REDEMPTION_UNITS_DIFFER"},
    ),
    "less than everything is redeemed": (
        ordering(OPEN, units=None),
        {"V20 REDEMPTION_UNITS_DIFFER"},
    ),
    "grams are used up and the money kept": (
        _half_given_back,
        {
            "V20 REDEMPTION_HALF_POSTED",
            "V21 PAYOUT_NOT_BOOKED",
            "V21 PAYOUT_NOT_REPORTED",
            "V22 REDEEMED_NOT_PAID",
            "V22 PAID_NOT_ANSWERED",
        },
    ),
    "money comes back that nobody returned": (
        adding(return_money(2)),
        {"V20 REVERSAL_WITHOUT_REDEMPTION", "V22 REDEEMED_NOT_PAID", "V22 PAID_NOT_ANSWERED"},
    ),
}


def saying(batch: int, order: int, **changes: object) -> Attack:
    """Add an answer of the rail: that to an order once more, with changes."""

    def attack(draft: Draft) -> None:
        answered = next(
            line
            for _, payouts in draft.payouts
            for line in payouts.lines
            if line.redemption_id == redemption_id(order)
        )
        added = replace(answered, **changes)  # type: ignore[arg-type]
        draft.change_payouts(batch, lambda lines: [*lines, added])

    return attack


def silent_about(order: int, batch: int = REDEEMED) -> Attack:
    """Leave out what the rail has answered to an order."""
    return lambda draft: draft.change_payouts(
        batch, lambda lines: [line for line in lines if line.redemption_id != redemption_id(order)]
    )


def _no_payout_batch(draft: Draft) -> None:
    del draft.payouts[IDLE]


def _second_payout_batch(draft: Draft) -> None:
    leaf, batch = draft.payouts[IDLE]
    draft.payouts.append((leaf + 1, batch))


def _payout_batch_of_no_ledger_batch(draft: Draft) -> None:
    leaf, batch = draft.payouts[IDLE]
    draft.payouts.append((leaf + 1, replace(batch, ledger_batch=bytes([1]) * 32)))


def _payout_batch_of_another_day(draft: Draft) -> None:
    leaf, batch = draft.payouts[IDLE]
    draft.payouts[IDLE] = (leaf, replace(batch, day=batch.day + 1))


def _unsigned_payouts(draft: Draft) -> None:
    draft.unsigned.add(draft.payouts[REDEEMED][0])


def _unreadable_payouts(draft: Draft) -> Books:
    books = draft.sealed()
    bad = replace(books.payout_batches[IDLE], payload=b"\xff")
    return replace(books, payout_batches=[*books.payout_batches[:IDLE], bad])


def _payouts_of_other_parameters(draft: Draft) -> None:
    leaf, batch = draft.payouts[IDLE]
    draft.payouts[IDLE] = (leaf, replace(batch, parameter_id=bytes([1]) * 32))


PAYOUTS: Final[dict[str, tuple[Attack, set[str]]]] = {
    "a payout without a redemption": (
        saying(REDEEMED, ALL, redemption_id=bytes([9]) * 16),
        {"V21 PAYOUT_WITHOUT_REDEMPTION"},
    ),
    "one redemption is paid twice": (
        saying(IDLE, ALL),
        {"V21 PAYOUT_TWICE", "V22 PAID_NOT_ANSWERED"},
    ),
    "a redemption is used up and never paid": (
        silent_about(ALL),
        {"V21 REDEMPTION_NOT_PAID", "V22 PAID_NOT_ANSWERED"},
    ),
    "a refused payout is kept quiet": (silent_about(REFUSED), {"V21 PAYOUT_NOT_REPORTED"}),
    "a returned payout is kept quiet": (
        silent_about(REVERSED, RETURNED),
        {"V21 PAYOUT_NOT_REPORTED", "V22 PAID_NOT_ANSWERED"},
    ),
    "a payout that was refused is booked as paid": (
        paying(REDEEMED, ALL, outcome=PayoutOutcome.REJECTED, reason="no"),
        {"V21 REDEMPTION_NOT_PAID", "V21 PAYOUT_NOT_BOOKED", "V22 PAID_NOT_ANSWERED"},
    ),
    "a payout that arrived is not booked": (
        saying(RETURNED, ALL, redemption_id=redemption_id(OPEN), amount_fen=Fen(1)),
        # It is about another payout id and wallet, too.
        {
            "V21 PAYOUT_ID_DIFFERS",
            "V21 PAYOUT_WALLET_DIFFERS",
            "V21 PAYOUT_NOT_BOOKED",
            "V22 PAID_NOT_ANSWERED",
        },
    ),
    "an answer stands in the batch of another day": (
        both(saying(IDLE, REFUSED), silent_about(REFUSED)),
        {"V21 PAYOUT_NOT_REPORTED", "V21 PAYOUT_NOT_BOOKED"},
    ),
    "another wallet is paid": (
        paying(REDEEMED, ALL, wallet_id=sandbox_wallet_id(666)),
        {"V21 PAYOUT_WALLET_DIFFERS"},
    ),
    "a payout goes by another id": (
        paying(REDEEMED, ALL, payout_id=bytes([3]) * 16),
        {"V21 PAYOUT_ID_DIFFERS"},
    ),
    "another amount is paid": (
        paying(REDEEMED, ALL, amount_fen=Fen(3)),
        {"V21 PAYOUT_AMOUNT_DIFFERS", "V22 PAID_NOT_ANSWERED"},
    ),
    "a ledger batch has no payout batch": (_no_payout_batch, {"V21 PAYOUTS_NOT_REPORTED"}),
    "a ledger batch has two payout batches": (_second_payout_batch, {"V21 PAYOUTS_OUT_OF_STEP"}),
    "a payout batch goes with no ledger batch": (
        _payout_batch_of_no_ledger_batch,
        {"V21 PAYOUTS_OUT_OF_STEP"},
    ),
    "a payout batch names another day": (
        _payout_batch_of_another_day,
        {"V21 PAYOUTS_OUT_OF_STEP"},
    ),
    "a payout batch is not signed by the hub": (_unsigned_payouts, {"V21 PAYOUT_BATCH_UNSIGNED"}),
    "a payout batch cannot be read": (_unreadable_payouts, {"V21 PAYOUT_BATCH_MALFORMED"}),
    "a payout batch binds other parameters": (
        _payouts_of_other_parameters,
        {"V21 PARAMETERS_DIFFER"},
    ),
}
ATTACKS: Final = REDEMPTIONS | PAYOUTS


@pytest.mark.parametrize("what", ATTACKS)
def test_a_bent_redemption_or_payout_gives_exactly_these_findings(draft: Draft, what: str) -> None:
    attack, expected = ATTACKS[what]

    assert codes(check_books(tampered(draft, attack))) == expected
