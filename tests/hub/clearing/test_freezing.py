"""Frozen accounts: they give nothing out, are still credited, and payouts that were sent go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.states import RedemptionState
from hub.clearing.freezing import (
    AccountFrozenError,
    ReasonInvalidError,
    check_not_frozen,
    freeze,
    frozen_accounts,
    frozen_among,
    unfreeze,
)
from hub.clearing.sandbox_rail import RailFault
from hub.storage.engine import reading, writing
from tests.hub.clearing.conftest import GRAM, SHANGHAI

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books


def act(books: Books, what: str, holder: int = 1, reason: str = "court order 7") -> bool:
    use_case = freeze if what == "freeze" else unfreeze
    with writing(books.engine) as session:
        return use_case(
            session,
            SHANGHAI,
            books.token(holder),
            reason=reason,
            operator="li.na",
            now_s=books.clock.now_s(),
        )


def test_a_frozen_account_is_refused_without_the_reason_and_free_again_later(
    funded: Books,
) -> None:
    assert act(funded, "freeze")

    with pytest.raises(AccountFrozenError) as caught:
        funded.redeem(funded.order(1))
    assert "court" not in str(caught.value)
    assert "li.na" not in str(caught.value)
    assert act(funded, "unfreeze")

    assert funded.redeem(funded.order(1)).state is RedemptionState.RESERVED


def test_a_frozen_account_is_still_credited(funded: Books) -> None:
    act(funded, "freeze")

    funded.credit(1, 500 * GRAM)

    assert funded.statement(1).spendable_ug == {2026: 3_500 * GRAM}


def test_a_payout_that_was_sent_goes_on_and_its_order_is_still_answered(funded: Books) -> None:
    order = funded.order(1)
    funded.redeem(order)
    funded.run(funded.rail([RailFault.LOST_ANSWER] * 2))

    act(funded, "freeze")
    funded.run_to_the_end(funded.rail())

    assert funded.redeem(order).state is RedemptionState.SETTLED


def test_an_act_that_changes_nothing_is_not_written(funded: Books) -> None:
    assert not act(funded, "unfreeze")
    assert act(funded, "freeze")
    assert not act(funded, "freeze", reason="another reason")

    with reading(funded.engine) as session:
        (frozen,) = frozen_accounts(session)
    assert (frozen.reason, frozen.operator, frozen.ordinal) == ("court order 7", "li.na", 1)


def test_a_freeze_is_of_one_account_of_one_programme(funded: Books) -> None:
    act(funded, "freeze")
    other = ProgrammeId("other")
    accounts = [(SHANGHAI, funded.token(1)), (SHANGHAI, funded.token(2)), (other, funded.token(1))]

    with reading(funded.engine) as session:
        assert frozen_among(session, accounts) == {accounts[0]}
        check_not_frozen(session, other, funded.token(1))
        check_not_frozen(session, SHANGHAI, funded.token(2))


@pytest.mark.parametrize("reason", ["", "  ", "two\nlines", "x" * 201])
def test_an_act_without_a_reason_that_can_be_read_is_refused(funded: Books, reason: str) -> None:
    with pytest.raises(ReasonInvalidError):
        act(funded, "freeze", reason=reason)


ATTACKS = {
    "deleting a freeze": "DELETE FROM account_freezes",
    "changing a freeze": "UPDATE account_freezes SET action = 'unfreeze'",
    "freezing twice": (
        "INSERT INTO account_freezes (programme_id, account_token, ordinal, action, reason, "
        "operator, recorded_s) SELECT programme_id, account_token, 2, 'freeze', reason, operator, "
        "recorded_s FROM account_freezes"
    ),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_the_database_keeps_freezes_as_they_were_written(funded: Books, what: str) -> None:
    act(funded, "freeze")

    with pytest.raises(IntegrityError), writing(funded.engine) as session:
        session.execute(text(ATTACKS[what]))
