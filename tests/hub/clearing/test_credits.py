"""Grams and money enter the books once, in order, or not at all."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlmodel import Session

from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.ledger.errors import (
    OpeningIdReusedError,
    OpeningOutOfOrderError,
    TransferIdReusedError,
)
from fedcarbon.units import Fen, MicrogramsCO2e
from hub.clearing.credits import credit_opening, top_up_float
from hub.storage.engine import writing

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books


def test_cumulative_openings_are_credited_by_their_differences(books: Books) -> None:
    for mass_ug in (1, 10, 100, 1_000):
        books.credit(1, mass_ug)

    assert books.statement(1).opened_ug == 1_111
    assert books.totals() == {"issuance": -1_111, "spendable": 1_111}


def test_an_opening_that_adds_nothing_is_remembered_and_moves_nothing(books: Books) -> None:
    books.credit(1, 100)
    books.credit(1, 0)
    books.credit(1, 10)

    assert books.totals() == {"issuance": -110, "spendable": 110}


def test_an_opening_that_comes_again_is_credited_once(books: Books) -> None:
    first, second = books.opening(1, 100), books.opening(1, 10)

    with writing(books.engine) as session:
        answers = [
            credit_opening(session, credit, books.clock.now_s())
            for credit in (first, first, second, first, second)
        ]

    assert answers == [True, False, True, False, False]
    assert books.totals() == {"issuance": -110, "spendable": 110}


def test_one_opening_credits_several_accounts_once_each(books: Books) -> None:
    one = books.opening(1, 100)
    other = replace(one, account_token=books.token(2), opened_ug=MicrogramsCO2e(10))

    with writing(books.engine) as session:
        assert credit_opening(session, one, books.clock.now_s())
        assert credit_opening(session, other, books.clock.now_s())

    assert books.statement(1).opened_ug == 100
    assert books.statement(2).opened_ug == 10


@pytest.mark.parametrize(
    ("attack", "expected"),
    [
        ({"opened_ug": 101}, OpeningIdReusedError),
        ({"vintage": 2025}, OpeningIdReusedError),
        ({"opening_id": bytes(32)}, OpeningOutOfOrderError),
        (
            {"opening_id": bytes(32), "previous_opened_ug": 99, "opened_ug": 200},
            OpeningOutOfOrderError,
        ),
        (
            {"opening_id": bytes(32), "previous_opened_ug": 101, "opened_ug": 200},
            OpeningOutOfOrderError,
        ),
    ],
)
def test_an_opening_that_would_credit_a_gram_twice_is_refused(
    books: Books, attack: dict[str, object], expected: type[FedcarbonError]
) -> None:
    first = books.opening(1, 100)
    with writing(books.engine) as session:
        credit_opening(session, first, books.clock.now_s())

    with pytest.raises(expected), writing(books.engine) as session:
        credit_opening(session, replace(first, **attack), books.clock.now_s())

    assert books.totals() == {"issuance": -100, "spendable": 100}


def test_what_the_caller_does_not_commit_did_not_happen(books: Books) -> None:
    credit = books.opening(1, 100)

    with Session(books.engine) as session:
        assert credit_opening(session, credit, books.clock.now_s())

    assert books.totals() == {}
    with writing(books.engine) as session:
        assert credit_opening(session, credit, books.clock.now_s())


def test_a_top_up_that_comes_again_is_entered_once(books: Books) -> None:
    answers = [books.top_up(100), books.top_up(100), books.top_up(10, number=2)]

    assert answers == [True, False, True]
    assert books.totals() == {"funding": -110, "float": 110}


def test_a_top_up_id_with_another_amount_is_refused(books: Books) -> None:
    books.top_up(100)

    with pytest.raises(TransferIdReusedError):
        books.top_up(101)


@pytest.mark.parametrize(("amount_fen", "top_up_id"), [(0, bytes(16)), (1, bytes(15))])
def test_a_top_up_that_cannot_be_meant_is_refused(
    books: Books, amount_fen: int, top_up_id: bytes
) -> None:
    with pytest.raises(MalformedError), writing(books.engine) as session:
        top_up_float(session, books.programme, Fen(amount_fen), top_up_id, books.clock.now_s())
