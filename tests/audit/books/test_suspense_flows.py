"""Money that goes through suspense stays in sight of an auditor."""

from __future__ import annotations

import pytest

from fedcarbon.audit.ledger_checks import check_books, judge_books
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.batch import LedgerLine, line_of
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import FEN
from fedcarbon.units import Seconds
from tests.audit.books.drafts import Draft
from tests.audit.books.tampering import IDLE, adding, codes, return_money, tampered
from tests.hub.clearing.conftest import SHANGHAI

FLOAT, PAID_OUT, FUNDING = AccountKind.FLOAT, AccountKind.PAID_OUT, AccountKind.FUNDING
SUSPENSE, WRITTEN_OFF = AccountKind.SUSPENSE, AccountKind.WRITTEN_OFF


def moved(number: int, debit: AccountKind, credit: AccountKind, fen: int) -> LedgerLine:
    return line_of(
        Transfer(
            transfer_id=number.to_bytes(16, "big"),
            debit=programme_account(debit, SHANGHAI),
            credit=programme_account(credit, SHANGHAI),
            unit=FEN,
            amount=fen,
            phase=Phase.SINGLE,
            resolves=None,
        ),
        Seconds(1),
    )


NOTES = {
    "it waits there": (
        [moved(1, PAID_OUT, SUSPENSE, 1)],
        "0.01 yuan in suspense, 0.00 yuan written off; 0.01 yuan that the rail answered as paid",
    ),
    "it came and went back": (
        [moved(1, PAID_OUT, SUSPENSE, 1), moved(2, SUSPENSE, PAID_OUT, 1)],
        "0.00 yuan in suspense, 0.00 yuan written off",
    ),
    "it came from nowhere and went back": (
        [moved(1, FUNDING, SUSPENSE, 7), moved(2, SUSPENSE, FUNDING, 7)],
        "0.00 yuan in suspense, 0.00 yuan written off",
    ),
    "it was lost": (
        [moved(1, FLOAT, SUSPENSE, 5), moved(2, SUSPENSE, WRITTEN_OFF, 5)],
        "0.00 yuan in suspense, 0.05 yuan written off",
    ),
    "it was paid after all": (
        [moved(1, FLOAT, SUSPENSE, 5), moved(2, SUSPENSE, PAID_OUT, 5)],
        "0.05 yuan count as paid that no answer has",
    ),
}


@pytest.mark.parametrize(("lines", "text"), NOTES.values(), ids=NOTES)
def test_suspense_is_no_finding_and_is_named(
    draft: Draft, lines: list[LedgerLine], text: str
) -> None:
    judged = judge_books(tampered(draft, adding(*lines)))

    assert judged.findings == []
    (note,) = judged.notes
    assert text in note


def test_books_without_suspense_have_no_note(draft: Draft) -> None:
    assert judge_books(draft.sealed()).notes == ()


def test_paid_money_that_returns_to_the_float_through_suspense_is_named(draft: Draft) -> None:
    """Without a reversal nobody has the grams back: the report says how much it is."""
    lines = [moved(1, PAID_OUT, SUSPENSE, 2), moved(2, SUSPENSE, FLOAT, 2)]

    judged = judge_books(tampered(draft, adding(*lines)))

    (note,) = judged.notes
    assert "0.02 yuan that the rail answered as paid were taken out of paid_out" in note
    assert "signed releases" in note


def test_suspense_hides_no_return_without_a_redemption(draft: Draft) -> None:
    lines = [moved(1, PAID_OUT, SUSPENSE, 1), moved(2, SUSPENSE, FLOAT, 1), return_money(1)]

    found = codes(check_books(tampered(draft, adding(*lines, batch=IDLE))))

    assert found == {
        "V20 REVERSAL_WITHOUT_REDEMPTION",
        "V22 PAID_NOT_ANSWERED",
        "V22 REDEEMED_NOT_PAID",
    }


def test_the_report_names_every_flow(draft: Draft) -> None:
    lines = [moved(1, FUNDING, SUSPENSE, 7), moved(2, SUSPENSE, FUNDING, 7)]

    (note,) = judge_books(tampered(draft, adding(*lines))).notes

    assert note.endswith("; moved: 0.07 yuan funding to suspense, 0.07 yuan suspense to funding")


@pytest.mark.parametrize(("came", "went"), [(0, 5), (4, 5)])
def test_money_that_was_paid_in_does_not_vanish_through_suspense(
    draft: Draft, came: int, went: int
) -> None:
    lines = [moved(1, FLOAT, SUSPENSE, 5), moved(2, SUSPENSE, FUNDING, went)]
    if came:
        lines.insert(0, moved(3, FUNDING, SUSPENSE, came))

    found = codes(check_books(tampered(draft, adding(*lines))))

    assert found == {"V22 SUSPENSE_OVER_RETURNED"}


def test_more_leaves_suspense_than_came(draft: Draft) -> None:
    found = codes(check_books(tampered(draft, adding(moved(1, SUSPENSE, FLOAT, 5)))))

    assert found == {"V19 INSUFFICIENT_BALANCE"}
