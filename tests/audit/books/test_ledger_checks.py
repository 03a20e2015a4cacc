"""The checks of the ledger: silent about honest books, and exact about every kind of cheating."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from fedcarbon.audit.books import Books
from fedcarbon.audit.ledger_checks import check_books, judge_books
from fedcarbon.canonical import statement as statements
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, holder_account
from fedcarbon.ledger.batch import batch_hash
from fedcarbon.ledger.transfer import Phase
from fedcarbon.opening.logged import Logged
from fedcarbon.units import MicrogramsCO2e
from tests.audit.books.drafts import PROGRAMME, Draft
from tests.audit.books.tampering import (
    FUNDED,
    IDLE,
    REDEEMED,
    RETURNED,
    UG_2025,
    Attack,
    adding,
    both,
    changing_lines,
    codes,
    dropping_lines,
    is_credit,
    issue,
    reserve_money,
    tampered,
)
from tests.hub.clearing.conftest import GRAM, SHANGHAI


def test_honest_books_give_no_finding(draft: Draft) -> None:
    assert check_books(draft.sealed()) == []
    assert [len(batch.lines) for _, batch in draft.payouts] == [0, 3, 1, 0]


def test_an_empty_record_gives_no_finding() -> None:
    assert check_books(Draft().sealed()) == []


def _changed_afterwards(draft: Draft) -> Books:
    books = draft.sealed()
    leaf = books.ledger_batches[FUNDED]
    batch = draft.batches[FUNDED][1]
    lines = tuple(replace(line, recorded_s=line.recorded_s + 1) for line in batch.lines)
    changed = replace(leaf, payload=statements.encode(replace(batch, lines=lines)))
    return replace(books, ledger_batches=[changed, *books.ledger_batches[1:]])


def _same_day_twice(draft: Draft) -> None:
    leaf, batch = draft.batches[IDLE]
    day = draft.batches[RETURNED][1].day
    draft.batches[IDLE] = (leaf, replace(batch, day=day))
    paid_leaf, payouts = draft.payouts[IDLE]
    draft.change_lines(IDLE, list)
    payouts = replace(draft.payouts[IDLE][1], day=day)
    draft.payouts[IDLE] = (paid_leaf, payouts)


def _unreadable_batch(draft: Draft) -> Books:
    books = draft.sealed()
    bad = replace(books.ledger_batches[IDLE], payload=b"{}")
    payouts = replace(draft.payouts[IDLE][1], ledger_batch=batch_hash(b"{}"))
    paid = replace(books.payout_batches[IDLE], payload=statements.encode(payouts))
    return replace(
        books,
        ledger_batches=[*books.ledger_batches[:IDLE], bad],
        payout_batches=[*books.payout_batches[:IDLE], paid],
    )


def _unsigned_batch(draft: Draft) -> None:
    draft.unsigned.add(draft.batches[IDLE][0])


def _batch_of_other_parameters(draft: Draft) -> Books:
    books = replace(draft.sealed(), orders=[], ledger_batches=[], payout_batches=[])
    leaf = draft.sealed().ledger_batches[FUNDED]
    batch = replace(draft.batches[FUNDED][1], parameter_id=bytes([1]) * 32, lines=())
    return replace(
        books, results=[], ledger_batches=[replace(leaf, payload=statements.encode(batch))]
    )


def _credited_again(draft: Draft) -> None:
    credit = next(line for line in draft.batches[FUNDED][1].lines if is_credit(line))
    adding(replace(credit, transfer_id=bytes([9]) * 16))(draft)


def _logged_again(draft: Draft) -> None:
    credit = next(line for line in draft.batches[FUNDED][1].lines if is_credit(line))
    adding(credit)(draft)


def _top_up_again(draft: Draft) -> None:
    top_up = next(line for line in draft.batches[FUNDED][1].lines if ":funding" in line.debit)
    adding(top_up)(draft)


def _credited_before_it_was_opened(draft: Draft) -> None:
    token = bytes([4]) * 32
    late = next(item for item in draft.results if item.statement.values[0].account_token == token)
    draft.results.remove(late)
    draft.results.append(Logged(index=1_000, leaf=late.leaf, statement=late.statement))


def _sum_that_shrinks(draft: Draft) -> None:
    last = draft.results[-1]
    values = tuple(
        replace(value, opened_ug=MicrogramsCO2e(value.opened_ug - 6 * GRAM))
        for value in last.statement.values
    )
    draft.results[-1] = Logged(
        index=last.index, leaf=last.leaf, statement=replace(last.statement, values=values)
    )


def _result_without_start(draft: Draft) -> None:
    del draft.starts[draft.results[-1].statement.start_leaf]


LEDGER: Final[dict[str, tuple[Attack, set[str]]]] = {
    "a batch creates grams": (
        adding(issue(1, 2, 5 * GRAM)),
        {"V19 LEDGER_CREATES_GRAMS", "V22 ISSUED_NOT_OPENED"},
    ),
    "an opening is credited again under another id": (
        _credited_again,
        {"V19 OPENING_CREDITED_TWICE", "V22 ISSUED_NOT_OPENED"},
    ),
    "the same credit stands in two batches": (_logged_again, {"V19 OPENING_CREDITED_TWICE"}),
    "another transfer stands in two batches": (_top_up_again, {"V19 TRANSFER_ID_REUSED"}),
    "an opening is not credited": (
        dropping_lines(REDEEMED, lambda line: is_credit(line) and "04" * 32 in line.credit),
        {"V19 OPENING_NOT_CREDITED", "V22 ISSUED_NOT_OPENED"},
    ),
    "less is credited than was opened": (
        changing_lines(
            REDEEMED,
            lambda line: is_credit(line) and "04" * 32 in line.credit,
            amount=str(59 * GRAM),
        ),
        {"V19 CREDIT_DIFFERS", "V22 ISSUED_NOT_OPENED"},
    ),
    "an opening is credited to another account": (
        changing_lines(
            FUNDED,
            lambda line: is_credit(line) and "02" * 32 in line.credit,
            credit=holder_account(AccountKind.SPENDABLE, bytes([4]) * 32).name,
        ),
        {"V19 CREDIT_DIFFERS", "V20 REDEMPTION_ABOVE_OPENED"},
    ),
    "an opening is credited as another vintage": (
        changing_lines(
            REDEEMED,
            lambda line: is_credit(line) and "04" * 32 in line.credit,
            unit=UG_2025.text,
        ),
        {"V19 CREDIT_DIFFERS", "V22 ISSUED_NOT_OPENED"},
    ),
    "an account is credited before it was opened": (
        _credited_before_it_was_opened,
        {"V19 CREDIT_BEFORE_OPENING", "V22 ISSUED_NOT_OPENED"},
    ),
    "an opened sum shrinks": (_sum_that_shrinks, {"V19 OPENED_SUM_DECREASED"}),
    "a result has no start": (_result_without_start, {"V19 OPENING_WITHOUT_START"}),
    "a batch is changed after it was chained": (
        _changed_afterwards,
        {"V19 BATCH_CHAIN_BROKEN", "V21 PAYOUTS_OUT_OF_STEP", "V21 PAYOUTS_NOT_REPORTED"},
    ),
    "a batch is closed for a day twice": (_same_day_twice, {"V19 BATCH_CHAIN_BROKEN"}),
    "a batch cannot be read": (_unreadable_batch, {"V19 LEDGER_BATCH_MALFORMED"}),
    "a batch is not signed by the hub": (_unsigned_batch, {"V19 LEDGER_BATCH_UNSIGNED"}),
    "a batch binds other parameters": (
        _batch_of_other_parameters,
        {"V19 PARAMETERS_DIFFER", "V21 PAYOUTS_NOT_REPORTED"},
    ),
    "a line moves what cannot move": (
        adding(replace(issue(1, 2, 5), phase=Phase.RESERVE)),
        {"V19 TRANSFER_MALFORMED"},
    ),
    "a reservation is resolved that nobody made": (
        adding(
            replace(
                reserve_money(1, 5),
                debit="programme:ecny-shanghai:payout_in_flight",
                credit="programme:ecny-shanghai:float",
                phase=Phase.VOID,
                resolves=bytes([5]) * 16,
            )
        ),
        {"V19 RESERVATION_UNKNOWN", "V22 RESERVED_NOT_IN_FLIGHT"},
    ),
    "the float pays what it does not have": (
        changing_lines(FUNDED, lambda line: ":funding" in line.debit, amount="1"),
        {"V19 INSUFFICIENT_BALANCE", "V22 FLOAT_OVERDRAWN"},
    ),
}


def test_openings_that_no_batch_follows_are_owed_once_they_are_overdue(draft: Draft) -> None:
    """A hub that stops its books, or never begins them, does not get around the credits."""
    last = draft.results[-1].index

    assert check_books(replace(draft.sealed(), overdue_before=last)) == []
    found = check_books(replace(draft.sealed(), overdue_before=last + 1))
    assert codes(found) == {"V19 OPENING_NOT_CREDITED"}
    assert [finding.leaf for finding in found] == [last]


def test_only_programmes_with_entries_count_as_compared(draft: Draft) -> None:
    idle = replace(PROGRAMME, programme_id=ProgrammeId("idle"))
    draft.programmes = {**draft.programmes, idle.programme_id: idle}

    assert judge_books(draft.sealed()).programmes == {SHANGHAI}


@pytest.mark.parametrize("what", LEDGER)
def test_a_bent_ledger_gives_exactly_these_findings(draft: Draft, what: str) -> None:
    attack, expected = LEDGER[what]

    assert codes(check_books(tampered(draft, attack))) == expected


def test_findings_do_not_hide_each_other(draft: Draft) -> None:
    attacks = (_unsigned_batch, adding(issue(1, 2, 5 * GRAM)), _sum_that_shrinks)

    findings = check_books(tampered(draft, both(*attacks)))

    assert codes(findings) == {
        "V19 LEDGER_BATCH_UNSIGNED",
        "V19 LEDGER_CREATES_GRAMS",
        "V19 OPENED_SUM_DECREASED",
        "V22 ISSUED_NOT_OPENED",
    }


def test_what_follows_an_unreadable_batch_is_checked(draft: Draft) -> None:
    adding(issue(1, 2, 5 * GRAM), batch=RETURNED)(draft)

    findings = check_books(_unreadable_batch(draft))

    assert codes(findings) == {
        "V19 LEDGER_BATCH_MALFORMED",
        "V19 LEDGER_CREATES_GRAMS",
        "V22 ISSUED_NOT_OPENED",
    }


def test_a_finding_names_its_leaf_and_says_who_must_act(draft: Draft) -> None:
    findings = check_books(tampered(draft, adding(issue(1, 2, 5 * GRAM))))

    created = next(finding for finding in findings if finding.code == "LEDGER_CREATES_GRAMS")
    assert created.leaf == draft.batches[IDLE][0]
    assert "the hub must explain" in created.text
    assert created.subject == f"account {'02' * 8}"
