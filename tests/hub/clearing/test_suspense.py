"""Two persons release an item: whatever one of them tries alone fails with its own code."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.errors import FedcarbonError
from fedcarbon.ledger.account import AccountKind
from fedcarbon.redemption.differences import Explainer, Reason, SuspenseItem
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import RailAnswer, RailStatus
from fedcarbon.redemption.suspense import Destination, Operators, SuspenseRelease
from fedcarbon.transparency.envelope import Envelope, SigningKey, sign
from hub.clearing.outbox import enter_notice
from hub.clearing.reconciling import ReconciledDay
from hub.clearing.suspense import approve_release, list_items, propose_release
from hub.storage.engine import reading, writing
from tests.hub.clearing.desk import Desk, reasons

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

KEYS = {
    name: SigningKey(bytes([number]) * 32)
    for number, name in enumerate(("desk-1", "desk-2", "desk-3"))
}
PARAMETER_ID = bytes(32)
OPERATORS = Operators(
    parameter_id=PARAMETER_ID,
    keys={
        "desk-1": KEYS["desk-1"].public,
        "desk-2": KEYS["desk-2"].public,
        "desk-1-again": KEYS["desk-1"].public,
    },
)


@dataclass(slots=True)
class Case:
    """A day with one item in suspense."""

    desk: Desk
    item: SuspenseItem

    def signed(
        self,
        operator: str,
        destination: Destination = Destination.WRITTEN_OFF,
        item_id: bytes | None = None,
        key: SigningKey | None = None,
    ) -> bytes:
        release = SuspenseRelease(
            parameter_id=PARAMETER_ID,
            item_id=self.item.item_id if item_id is None else item_id,
            destination=destination,
            reason="the rail gives it back by the end of the month",
            operator=operator,
        )
        signer = KEYS[operator.removesuffix("-again")] if key is None else key
        return sign(release, {operator: signer}).to_bytes()

    def propose(self, envelope: bytes, operators: Operators | None = None) -> None:
        with writing(self.desk.books.engine) as session:
            known = OPERATORS if operators is None else operators
            propose_release(session, envelope, known, self.desk.books.clock.now_s())

    def approve(self, envelope: bytes, operators: Operators | None = None) -> SuspenseItem:
        with writing(self.desk.books.engine) as session:
            known = OPERATORS if operators is None else operators
            return approve_release(session, envelope, known, self.desk.books.clock.now_s()).item


@pytest.fixture
def case(books: Books) -> Case:
    """Return a payout that was paid twice: its second amount is in suspense."""
    desk = Desk(books)
    payout = desk.redeem(100)
    desk.rail.write(payout, 100, suffix="-again")
    desk.settle()
    with reading(books.engine) as session:
        (listed,) = list_items(session, books.programme)
    return Case(desk, listed.item)


def test_two_persons_release_an_item(case: Case) -> None:
    case.propose(case.signed("desk-1"))
    assert case.desk.held(AccountKind.SUSPENSE) == 100

    item = case.approve(case.signed("desk-2"))

    assert (item.explainer, item.released_to) == (Explainer.PERSONS, AccountKind.WRITTEN_OFF)
    assert item.explanation.endswith("(desk-1 and desk-2)")
    assert case.desk.held(AccountKind.SUSPENSE) == 0
    assert case.desk.held(AccountKind.WRITTEN_OFF) == 100
    result = case.desk.settle()
    assert (result.is_closed, result.changed) == (True, False)
    assert result.report.written_off_fen == 100


def test_a_newer_proposal_replaces_an_older_one(case: Case) -> None:
    case.propose(case.signed("desk-1", Destination.FLOAT))
    case.propose(case.signed("desk-2", Destination.PAID_OUT))

    assert case.approve(case.signed("desk-1", Destination.PAID_OUT)).released_to == "paid_out"


def test_the_same_proposal_again_is_noted_once(case: Case) -> None:
    case.propose(case.signed("desk-1"))
    rows = case.desk.rows()

    case.propose(case.signed("desk-1"))

    assert case.desk.rows() == rows


def _altered(case: Case) -> bytes:
    envelope = Envelope.from_bytes(case.signed("desk-2", Destination.PAID_OUT))
    release = statements.decode(SuspenseRelease, envelope.payload)
    payload = statements.encode(replace(release, destination=Destination.WRITTEN_OFF))
    return replace(envelope, payload=payload).to_bytes()


def _elsewhere(case: Case) -> bytes:
    payload = Envelope.from_bytes(case.signed("desk-2")).payload
    release = statements.decode(SuspenseRelease, payload)
    other = replace(release, parameter_id=bytes([1]) * 32)
    return sign(other, {"desk-2": KEYS["desk-2"]}).to_bytes()


ATTACKS: dict[str, tuple[str, Callable[[Case], bytes]]] = {
    "the proposer approves": (
        "SECOND_PERSON_MISSING",
        lambda case: case.signed("desk-1"),
    ),
    "the proposer approves under another name": (
        "SECOND_PERSON_MISSING",
        lambda case: case.signed("desk-1-again"),
    ),
    "somebody unknown approves": (
        "OPERATOR_UNKNOWN",
        lambda case: case.signed("desk-3"),
    ),
    "the proposer signs in the name of another": (
        "SIGNATURE_INVALID",
        lambda case: case.signed("desk-2", key=KEYS["desk-1"]),
    ),
    "the approval is for another destination": (
        "RELEASE_DIFFERS",
        lambda case: case.signed("desk-2", Destination.FLOAT),
    ),
    "the approval is for an item that is none": (
        "ITEM_UNKNOWN",
        lambda case: case.signed("desk-2", item_id=bytes(16)),
    ),
    "the approval was signed for another federation": ("PARAMETERS_DIFFER", _elsewhere),
    "the approval was altered after it was signed": ("SIGNATURE_INVALID", _altered),
    "the approval is cut off": (
        "MALFORMED",
        lambda case: case.signed("desk-2")[:-1],
    ),
    "nobody has signed": (
        "SIGNATURE_INVALID",
        lambda case: replace(Envelope.from_bytes(case.signed("desk-2")), signatures=()).to_bytes(),
    ),
}


@pytest.mark.parametrize(("code", "attack"), ATTACKS.values(), ids=ATTACKS)
def test_an_attack_moves_nothing(case: Case, code: str, attack: Callable[[Case], bytes]) -> None:
    case.propose(case.signed("desk-1"))

    with pytest.raises(FedcarbonError) as caught:
        case.approve(attack(case))

    assert caught.value.code == code
    assert case.desk.held(AccountKind.SUSPENSE) == 100


def test_an_item_is_released_once(case: Case) -> None:
    case.propose(case.signed("desk-1"))
    case.approve(case.signed("desk-2"))

    for act in (case.propose, case.approve):
        with pytest.raises(FedcarbonError) as caught:
            act(case.signed("desk-2", Destination.FLOAT))
        assert caught.value.code == "ITEM_RELEASED"
    assert case.desk.held(AccountKind.WRITTEN_OFF) == 100


def test_an_approval_without_a_proposal_is_refused(case: Case) -> None:
    with pytest.raises(FedcarbonError) as caught:
        case.approve(case.signed("desk-2"))

    assert caught.value.code == "RELEASE_NOT_PROPOSED"


def test_who_has_left_proposes_nothing_any_more(case: Case) -> None:
    case.propose(case.signed("desk-1"))

    with pytest.raises(FedcarbonError) as caught:
        case.approve(
            case.signed("desk-2"), replace(OPERATORS, keys={"desk-2": KEYS["desk-2"].public})
        )

    assert caught.value.code == "OPERATOR_UNKNOWN"


def test_money_that_lies_at_the_rail_is_not_written_off(books: Books) -> None:
    desk = Desk(books)
    desk.redeem(100, silent=True)
    desk.settle()
    with reading(books.engine) as session:
        (listed,) = list_items(session, books.programme)
    case = Case(desk, listed.item)

    with pytest.raises(FedcarbonError) as caught:
        case.propose(case.signed("desk-1"))

    assert caught.value.code == "DESTINATION_REFUSED"


def test_a_file_that_explains_a_decision_is_a_difference_again(case: Case) -> None:
    """The money was written off, and comes back after all."""
    case.propose(case.signed("desk-1"))
    case.approve(case.signed("desk-2"))
    desk = case.desk
    desk.next_day()
    payout = case.item.difference.payout_id
    assert payout is not None
    desk.rail.write(payout, 100, PayoutOutcome.REVERSED, "-back")

    result = desk.settle()

    assert reasons(result) == [Reason.DECISION_OVERTAKEN]
    assert desk.held(AccountKind.SUSPENSE) == 100
    assert not desk.settle().changed
    with reading(desk.books.engine) as session:
        (listed,) = list_items(session, desk.books.programme)
    overtaken = Case(desk, listed.item)
    overtaken.propose(overtaken.signed("desk-2", Destination.FLOAT))
    overtaken.approve(overtaken.signed("desk-1", Destination.FLOAT))
    assert desk.settle().is_closed
    assert desk.held(AccountKind.FLOAT) == desk.settle().report.closing_fen


def test_what_persons_claim_to_be_back_must_be_in_the_float(case: Case) -> None:
    case.propose(case.signed("desk-1", Destination.FLOAT))
    case.approve(case.signed("desk-2", Destination.FLOAT))
    desk = case.desk
    desk.next_day()

    claimed: ReconciledDay = desk.settle()

    assert Reason.FLOAT_DIFFERS in reasons(claimed)
    assert not claimed.is_closed


def test_a_proposal_that_its_signer_has_replaced_cannot_be_brought_back(case: Case) -> None:
    first = case.signed("desk-1", Destination.WRITTEN_OFF)
    case.propose(first)
    case.propose(case.signed("desk-1", Destination.PAID_OUT))

    with pytest.raises(FedcarbonError) as caught:
        case.propose(first)

    assert caught.value.code == "PROPOSAL_REPLACED"
    assert case.approve(case.signed("desk-2", Destination.PAID_OUT)).released_to == "paid_out"


def test_a_notice_of_a_return_waits_while_money_of_the_payout_is_in_suspense(case: Case) -> None:
    payout_id = case.item.difference.payout_id
    assert payout_id is not None
    returned = RailAnswer(status=RailStatus.RETURNED, reason="wallet closed")

    with writing(case.desk.books.engine) as session, pytest.raises(FedcarbonError) as caught:
        enter_notice(session, payout_id, returned, case.desk.books.clock.now_s())

    assert caught.value.code == "PAYOUT_IN_SUSPENSE"
