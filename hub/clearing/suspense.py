"""Use cases of suspense: one person proposes where an item goes, another one approves it.

Signatures are checked when they come and again when the money moves, with the operators that the
configuration has then: somebody who has left the company since proposes nothing any more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sqlmodel import Session

from fedcarbon.errors import CallerError, StateError
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.differences import SuspenseItem, release
from fedcarbon.redemption.suspense import (
    Operators,
    SignedRelease,
    check_approval,
    check_proposal,
    opened_release,
)
from fedcarbon.redemption.value_day import value_day
from fedcarbon.units import Seconds
from hub.clearing.storage.ledger_store import LedgerStore
from hub.clearing.storage.reconciliation_rows import DecisionStep
from hub.clearing.storage.suspense_store import Decision, SuspenseStore


class ItemUnknownError(CallerError):
    """There is no item with this id: `fedcarbon-hub suspense list` shows them."""

    code: ClassVar[str] = "ITEM_UNKNOWN"


class ReleaseNotProposedError(StateError):
    """Nobody has proposed anything for the item yet: propose it, and have a colleague approve."""

    code: ClassVar[str] = "RELEASE_NOT_PROPOSED"


class ProposalReplacedError(StateError):
    """A proposal that its signer has replaced comes again: somebody else may have sent it."""

    code: ClassVar[str] = "PROPOSAL_REPLACED"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedItem:
    """An item and the proposal that stands, if one does."""

    programme: ProgrammeId
    item: SuspenseItem
    proposal: Decision | None


def propose_release(
    session: Session, envelope: bytes, operators: Operators, now_s: Seconds
) -> ListedItem:
    """Note where a person wants an item to go; a newer proposal replaces an older one.

    Args:
        session: a writing session; the caller commits.
        envelope: a signed `SuspenseRelease`.
        operators: whose signatures count.
        now_s: protocol time.

    Raises:
        ItemUnknownError: there is no such item.
        FedcarbonError: see `opened_release` and `check_proposal`.
    """
    proposal = opened_release(envelope, operators)
    programme, item = _found(session, proposal.statement.item_id)
    check_proposal(item, proposal)
    last = _standing_proposal(session, item)
    if last is None or last.envelope != envelope:
        made = SuspenseStore(session).decisions(item.item_id)
        if any(decision.envelope == envelope for decision in made):
            raise ProposalReplacedError(
                "this proposal was replaced by a newer one; who wants it again signs it again, "
                "with a reason of today"
            )
        _decide(session, DecisionStep.PROPOSE, proposal, now_s)
    return ListedItem(programme=programme, item=item, proposal=_standing_proposal(session, item))


def approve_release(
    session: Session, envelope: bytes, operators: Operators, now_s: Seconds
) -> ListedItem:
    """Let an item go where another person has proposed; the money moves with it.

    Args:
        session: a writing session; the caller commits.
        envelope: a signed `SuspenseRelease` of the second person.
        operators: whose signatures count.
        now_s: protocol time.

    Raises:
        ItemUnknownError: there is no such item.
        ReleaseNotProposedError: nothing is proposed for it.
        FedcarbonError: see `opened_release` and `check_approval`.
    """
    approval = opened_release(envelope, operators)
    programme, item = _found(session, approval.statement.item_id)
    check_proposal(item, approval)
    last = _standing_proposal(session, item)
    if last is None or last.envelope is None:
        raise ReleaseNotProposedError(f"nothing is proposed for item {item.item_id.hex()}")
    check_approval(item, opened_release(last.envelope, operators), approval)
    transfer = release(programme, item, approval.statement.destination.kind)
    with session.begin_nested():
        LedgerStore(session).post(transfer, now_s)
        _decide(session, DecisionStep.APPROVE, approval, now_s)
    return ListedItem(programme=programme, item=_found(session, item.item_id)[1], proposal=None)


def list_items(
    session: Session, programme: ProgrammeId, *, all_items: bool = False
) -> list[ListedItem]:
    """Return what is in suspense, oldest first; with `all_items` also what was released."""
    items = SuspenseStore(session).of_programme(programme)
    return [
        ListedItem(programme=programme, item=item, proposal=_standing_proposal(session, item))
        for item in items
        if all_items or item.is_open
    ]


def _found(session: Session, item_id: bytes) -> tuple[ProgrammeId, SuspenseItem]:
    found = SuspenseStore(session).find(item_id)
    if found is None:
        raise ItemUnknownError(f"there is no item {item_id.hex()} in suspense")
    return found


def _standing_proposal(session: Session, item: SuspenseItem) -> Decision | None:
    decisions = SuspenseStore(session).decisions(item.item_id)
    return decisions[-1] if decisions and decisions[-1].step is DecisionStep.PROPOSE else None


def _decide(session: Session, step: DecisionStep, signed: SignedRelease, now_s: Seconds) -> None:
    statement = signed.statement
    decision = Decision(
        item_id=statement.item_id,
        step=step,
        destination=statement.destination.kind,
        operator=statement.operator,
        reason=statement.reason,
        envelope=signed.envelope,
        day=value_day(now_s),
    )
    SuspenseStore(session).decide(decision, now_s)
