"""Credits of openings: by difference, in order, once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.credit import OpeningCredit, check_follows, transfer_of
from fedcarbon.ledger.errors import (
    OpenedSumDecreasedError,
    OpeningIdReusedError,
    OpeningOutOfOrderError,
)
from fedcarbon.ledger.unit import Vintage
from fedcarbon.units import MASS_UG_MAX, MicrogramsCO2e

FIRST = OpeningCredit(
    programme=ProgrammeId("ecny-shanghai"),
    vintage=Vintage(2026),
    account_token=bytes(range(32)),
    opening_id=bytes([1]) * 32,
    previous_opened_ug=MicrogramsCO2e(0),
    opened_ug=MicrogramsCO2e(1_000),
)
SECOND = replace(
    FIRST,
    opening_id=bytes([2]) * 32,
    previous_opened_ug=MicrogramsCO2e(1_000),
    opened_ug=MicrogramsCO2e(1_300),
)


def test_a_credit_is_the_difference_of_two_opened_sums() -> None:
    transfer = transfer_of(SECOND)

    assert transfer is not None
    assert transfer.amount == 300
    assert transfer.debit.kind is AccountKind.ISSUANCE
    assert transfer.credit.owner == FIRST.account_token.hex()
    assert transfer.unit.text == "ug:ecny-shanghai:2026"


def test_an_opening_that_adds_nothing_moves_nothing() -> None:
    assert transfer_of(replace(SECOND, opened_ug=MicrogramsCO2e(1_000))) is None


def test_credits_of_other_accounts_or_openings_are_other_transfers() -> None:
    credits_ = [FIRST, SECOND, replace(FIRST, account_token=bytes(32))]

    assert len({transfer_of(item).transfer_id for item in credits_}) == 3


def test_credits_follow_each_other() -> None:
    assert check_follows(FIRST, same_opening=None, last=None)
    assert check_follows(SECOND, same_opening=None, last=FIRST)


def test_the_same_credit_again_is_not_new() -> None:
    assert not check_follows(FIRST, same_opening=FIRST, last=SECOND)


def test_an_opening_with_other_figures_is_refused() -> None:
    other = replace(FIRST, opened_ug=MicrogramsCO2e(1_001))

    with pytest.raises(OpeningIdReusedError):
        check_follows(other, same_opening=FIRST, last=FIRST)


@pytest.mark.parametrize("last", [None, SECOND])
def test_a_credit_that_does_not_start_where_the_last_ended_is_refused(
    last: OpeningCredit | None,
) -> None:
    with pytest.raises(OpeningOutOfOrderError):
        check_follows(SECOND, same_opening=None, last=last)


def test_a_sum_that_shrinks_is_refused() -> None:
    with pytest.raises(OpenedSumDecreasedError):
        replace(SECOND, opened_ug=MicrogramsCO2e(999))


@pytest.mark.parametrize(
    "change",
    [
        {"opening_id": bytes(31)},
        {"account_token": bytes(31)},
        {"previous_opened_ug": -1},
        {"opened_ug": MASS_UG_MAX + 1},
        {"vintage": 26},
        {"programme": "Shanghai"},
    ],
)
def test_a_credit_that_cannot_be_meant_cannot_be_made(change: dict[str, Any]) -> None:
    with pytest.raises(MalformedError):
        replace(FIRST, **change)
