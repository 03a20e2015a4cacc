"""The sandbox operator as a process: real HTTPS, real certificates, every fault."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import RailStatus
from fedcarbon.redemption.rail_day import RailDay
from fedcarbon.redemption.value_day import ValueDay, first_second
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.units import Fen, Seconds
from hub.rails.letter_post import LetterPost, PostLimits, RailRefusedError, RailUnreachableError
from hub.rails.letters import RailLetterMalformedError
from hub.rails.messages import Acknowledgement, Letterhead
from hub.sandbox.books import EMPTY_REASON, REJECTED_REASON, RETURNED_REASON
from hub.sandbox.faults import RailFault
from hub.sandbox.orders import FaultOrder
from hub.sandbox.service import FAULTS_PATH
from tests.hub.sandbox.conftest import Street
from tests.hub.sandbox.operator_process import (
    BAD_WALLET,
    DAY,
    NOON_S,
    OPENING_FEN,
    SHANGHAI,
    OperatorProcess,
    Town,
    fault_order,
    payout,
)

NEXT_NOON_S = Seconds(NOON_S + 86_400)
HASTY = PostLimits(answer_ms=150)


def test_a_payout_is_paid_once_and_the_answer_says_on_which_day(street: Street) -> None:
    order = street.payout()

    answers = [street.rail.pay(order) for _ in range(3)]

    assert answers[0].status is RailStatus.SETTLED
    assert answers[0].value_day == DAY
    assert answers == [answers[0]] * 3
    assert street.rail.query(order.payout_id) == answers[0]
    assert street.books.payouts_fen()[order.payout_id] == order.amount_fen


@pytest.mark.parametrize(
    "changes",
    [{"amount_fen": Fen(26)}, {"wallet_id": sandbox_wallet_id(999_999)}],
    ids=["another amount", "another wallet"],
)
def test_the_same_id_with_another_content_is_a_signed_refusal(
    street: Street, changes: dict[str, object]
) -> None:
    order = street.payout()
    street.rail.pay(order)

    with pytest.raises(RailRefusedError, match="PAYOUT_ID_REUSED"):
        street.rail.pay(replace(order, **changes))  # type: ignore[arg-type]

    assert street.books.payouts_fen()[order.payout_id] == order.amount_fen


def test_a_payout_that_never_came_is_not_found(street: Street) -> None:
    assert street.rail.query(street.payout().payout_id).status is RailStatus.NOT_FOUND


def test_a_programme_without_an_account_is_refused(street: Street) -> None:
    with pytest.raises(RailRefusedError, match="SANDBOX_ACCOUNT_UNKNOWN"):
        street.rail.pay(replace(street.payout(), programme=ProgrammeId("ecny-nowhere")))


def test_a_float_without_money_rejects(street: Street) -> None:
    answer = street.rail.pay(street.payout(fen=10 * OPENING_FEN))

    assert (answer.status, answer.reason) == (RailStatus.REJECTED, EMPTY_REASON)


# --- faults of a call -------------------------------------------------------------------------


def test_a_lost_request_is_unknown_and_was_never_seen(street: Street) -> None:
    order = street.payout()
    street.town.inject(street.operator.port, RailFault.LOST_REQUEST)

    assert street.rail.pay(order).status is RailStatus.UNKNOWN
    assert street.rail.query(order.payout_id).status is RailStatus.NOT_FOUND


def test_a_lost_answer_is_unknown_and_was_paid(street: Street) -> None:
    order = street.payout()
    street.town.inject(street.operator.port, RailFault.LOST_ANSWER)

    assert street.rail.pay(order).status is RailStatus.UNKNOWN
    assert street.rail.query(order.payout_id).status is RailStatus.SETTLED


def test_an_answer_that_is_too_slow_is_unknown_and_was_paid(street: Street) -> None:
    order = street.payout()
    street.town.inject(street.operator.port, RailFault.SLOW, delay_ms=1_000)
    rail = street.town.rail(street.operator.port, HASTY)

    with contextlib.closing(rail):
        assert rail.pay(order).status is RailStatus.UNKNOWN

    assert street.rail.query(order.payout_id).status is RailStatus.SETTLED


def test_a_rejected_payout_stays_rejected_and_says_why(street: Street) -> None:
    order = street.payout()
    street.town.inject(street.operator.port, RailFault.REJECT)

    answers = [street.rail.pay(order), street.rail.pay(order), street.rail.query(order.payout_id)]

    assert {(answer.status, answer.reason) for answer in answers} == {
        (RailStatus.REJECTED, REJECTED_REASON)
    }


def test_a_wallets_own_rule_comes_first_and_can_be_ended(street: Street) -> None:
    wallet, other = sandbox_wallet_id(31_337), replace(street.payout(), wallet_id=BAD_WALLET)
    assert street.rail.pay(other).status is RailStatus.REJECTED
    orders = [replace(street.payout(), wallet_id=wallet) for _ in range(3)]
    street.town.inject(street.operator.port, RailFault.REJECT, wallet_id=wallet)
    refused = [street.rail.pay(order).status for order in orders[:2]]

    street.town.inject(street.operator.port, RailFault.NONE, wallet_id=wallet)

    assert refused == [RailStatus.REJECTED] * 2
    assert street.rail.pay(orders[2]).status is RailStatus.SETTLED


def test_an_accepted_payout_settles_when_it_is_asked_for(street: Street) -> None:
    order = street.payout()
    street.town.inject(street.operator.port, RailFault.ACCEPT)

    assert street.rail.pay(order).status is RailStatus.ACCEPTED
    assert street.rail.query(order.payout_id).status is RailStatus.SETTLED


def test_an_order_that_comes_again_is_carried_out_once(street: Street) -> None:
    post = street.town.post(street.operator.port, street.town.operator)
    with contextlib.closing(post), pytest.raises(RailRefusedError, match="SANDBOX_ORDER_REPLAYED"):
        replay_an_order(post)


def test_only_the_operator_itself_may_order_faults(street: Street) -> None:
    post = street.town.post(street.operator.port)
    with contextlib.closing(post), pytest.raises(RailLetterMalformedError):
        post.ask(FAULTS_PATH, lambda head: fault_order(head, RailFault.REJECT), Acknowledgement)


def replay_an_order(post: LetterPost) -> None:
    first: list[Letterhead] = []

    def again(head: Letterhead) -> FaultOrder:
        first.append(head)
        return fault_order(first[0], RailFault.NONE, wallet_id=sandbox_wallet_id(31_338))

    post.ask(FAULTS_PATH, again, Acknowledgement)
    post.ask(FAULTS_PATH, again, Acknowledgement)


# --- the files of a day -----------------------------------------------------------------------


def day_after(town: Town, operator: OperatorProcess) -> RailDay:
    """Let the day end and return its files."""
    town.clock.set_s(NEXT_NOON_S)
    with contextlib.closing(town.rail(operator.port)) as rail:
        found = rail.of_day(SHANGHAI, DAY)
    assert found is not None
    return found


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_a_day_has_no_files_before_it_is_over_and_the_same_ones_ever_after(town: Town) -> None:
    operator = OperatorProcess.start(town.write_config())
    rail = town.rail(operator.port)
    orders = [payout(number, 100 * number) for number in range(1, 4)]
    references = {rail.pay(order).reference for order in orders}

    early = rail.of_day(SHANGHAI, DAY)
    first = day_after(town, operator)
    rail.pay(payout(9))
    second = day_after(town, operator)
    following = rail.of_day(SHANGHAI, ValueDay(DAY + 1))
    rail.close()
    operator.stop()

    assert early is None
    assert following is None
    assert first == second
    assert {line.reference for line in first.lines} == references
    assert {line.outcome for line in first.lines} == {PayoutOutcome.SETTLED}
    assert first.statement is not None
    assert (first.statement.opening_fen, first.statement.closing_fen) == (0, OPENING_FEN - 600)
    moved = sorted(movement.amount_fen for movement in first.statement.movements)
    assert moved == [-300, -200, -100, OPENING_FEN]


def test_every_fault_of_a_file_is_in_the_file(town: Town) -> None:
    operator = OperatorProcess.start(town.write_config())
    rail = town.rail(operator.port)
    faults = [RailFault.WRONG_AMOUNT_IN_FILE, RailFault.MISSING_IN_FILE, RailFault.TWICE_IN_FILE]
    orders = [payout(number) for number in range(3)]
    for fault, order in zip(faults, orders, strict=True):
        town.inject(operator.port, fault)
        assert rail.pay(order).status is RailStatus.SETTLED
    town.inject(
        operator.port, RailFault.UNKNOWN_MOVEMENT, programme=SHANGHAI, amount_fen=7, comes_in=True
    )

    found = day_after(town, operator)
    rail.close()
    operator.stop()

    amounts = [
        [line.amount_fen for line in found.lines if line.payout_id == order.payout_id]
        for order in orders
    ]
    assert amounts == [[26], [], [25, 25]]
    assert len({line.reference for line in found.lines}) == 3
    assert found.statement is not None
    strange = [item for item in found.statement.movements if item.amount_fen == 7]
    assert [item.payout_id for item in strange] == [None]
    assert found.statement.closing_fen == OPENING_FEN - 75 + 7


def test_a_late_failure_settles_and_comes_back_on_its_own_day(town: Town) -> None:
    operator = OperatorProcess.start(town.write_config(more="return_s = 86400"))
    rail = town.rail(operator.port)
    town.inject(operator.port, RailFault.LATE_FAILURE)
    order = payout()

    paid = rail.pay(order)
    before = day_after(town, operator)
    returned = rail.query(order.payout_id)
    town.clock.set_s(Seconds(first_second(ValueDay(DAY + 2))))
    after = rail.of_day(SHANGHAI, ValueDay(DAY + 1))
    rail.close()
    operator.stop()

    assert (paid.status, returned.status) == (RailStatus.SETTLED, RailStatus.RETURNED)
    assert returned.reason == RETURNED_REASON
    assert returned.value_day == DAY + 1
    assert [line.outcome for line in before.lines] == [PayoutOutcome.SETTLED]
    assert after is not None
    assert [(line.outcome, line.reference) for line in after.lines] == [
        (PayoutOutcome.REVERSED, returned.reference)
    ]
    assert after.statement is not None
    assert after.statement.closing_fen == OPENING_FEN


def test_the_books_survive_the_death_of_the_operator(town: Town) -> None:
    config = town.write_config()
    operator = OperatorProcess.start(config)
    with contextlib.closing(town.rail(operator.port)) as rail:
        first = rail.pay(payout())
        operator.kill()
        assert rail.pay(payout()).status is RailStatus.UNKNOWN
        with pytest.raises(RailUnreachableError):
            rail.of_day(SHANGHAI, DAY)

    operator = OperatorProcess.start(config)
    with contextlib.closing(town.rail(operator.port)) as rail:
        assert rail.query(payout().payout_id) == first
        assert rail.pay(payout()) == first
    operator.stop()

    with contextlib.closing(town.books()) as books:
        assert books.balances_fen() == {SHANGHAI: OPENING_FEN - 25}


def test_no_wallet_and_no_payout_id_is_ever_logged(town: Town) -> None:
    operator = OperatorProcess.start(town.write_config())
    with contextlib.closing(town.rail(operator.port)) as rail:
        order = payout()
        rail.pay(order)
        with pytest.raises(RailRefusedError):
            rail.pay(replace(order, amount_fen=Fen(1)))

    logged = operator.stop()

    assert "PAYOUT_ID_REUSED" in logged
    assert order.wallet_id not in logged
    assert order.payout_id.hex() not in logged


def test_without_a_certificate_nobody_is_heard(street: Street) -> None:
    with (
        httpx.Client(verify=False, trust_env=False) as client,  # noqa: S501 - the server must not care
        pytest.raises(httpx.HTTPError),
    ):
        client.post(f"https://127.0.0.1:{street.operator.port}/v1/pay", content=b"{}")
