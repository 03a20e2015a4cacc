"""Judging pending requests before any trustee is asked: the checks are the trustees' own.

Every request is tried as a start of its own, so that the reason belongs to it alone. What passes
here passes with an honest trustee, unless that one knows more (a start that it signed and that a
crash of the hub lost).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session

from fedcarbon.errors import FedcarbonError
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.checks import Reader, check_start
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.refusals import ProductsDifferError
from fedcarbon.opening.view import RecordView
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from hub.context import Hub
from hub.openings.planning import Candidate, PlannedOpening
from hub.openings.storage.request_store import RequestStore
from hub.record.folded_record import FoldedRecord
from hub.storage.submission_store import ProductStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """Which pending requests may be opened, and why the others may not."""

    candidates: tuple[Candidate, ...]
    """Oldest first."""
    reasons: Mapping[int, FedcarbonError]
    """By the leaf of the request."""


def judged_requests(
    session: Session, hub: Hub, folded: FoldedRecord, head: WitnessedCheckpoint
) -> Judged:
    """Judge all pending requests.

    Args:
        session: a reading session.
        hub: whose requests.
        folded: the record as trustees see it.
        head: the newest witnessed head; its time is protocol time.
    """
    candidates: list[Candidate] = []
    reasons: dict[int, FedcarbonError] = {}
    pending = [request.leaf_index for request in RequestStore(session).pending()]
    with folded.at(session) as view:
        view.heads.witness(head)
        for leaf_index in pending:
            try:
                candidates.append(_checked(session, hub, view, leaf_index))
            except FedcarbonError as error:
                reasons[leaf_index] = error
    return Judged(candidates=tuple(candidates), reasons=reasons)


def _checked(session: Session, hub: Hub, view: RecordView, leaf_index: int) -> Candidate:
    """Return a request that passes all checks as a start of its own."""
    request = view.starts.requests[leaf_index]
    item = request.statement
    product = ProductStore(session, item.programme_id).of_block(item.block, item.epoch)
    if product is None:
        raise ProductsDifferError(f"block {item.block} has no ciphertext up to epoch {item.epoch}")
    alone = PlannedOpening(
        programme_id=item.programme_id,
        block=item.block,
        epoch=item.epoch,
        product=product,
        requests=(request,),
    )
    subset = hub.parameters.trustee_ids[: hub.parameters.threshold]
    attempt = view.starts.last_attempt(alone.opening_id) + 1

    def product_of(_ref: EpochRef, _block: int) -> bytes:
        return product

    check_start(
        view,
        alone.draft(hub.parameters.parameter_id, subset, attempt),
        Reader(trustee_id=subset[0], product_of=product_of),
    )
    account = AccountRef(item.programme_id, item.account_token)
    for start in view.starts.started(account, view.size):
        # Starts are counted: none is spent while no partner signs what the last one needs.
        view.heads.require_partner_witness(start.leaf_index)
    return Candidate(request=request, product=product)
