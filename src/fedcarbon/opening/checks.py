"""The checks of a trustee before it has any part in an opening, in the order of DESIGN section 11.

They are pure functions over the view of the record; protocol time is the view's. The same checks
run when masks are committed, when a start is signed, when masks are shown and when shares are
given: the record may have grown in between. `fedcarbon.opening.refusals` lists the codes.

 (1) every target has a request of the record, under a witnessed head of this record that a
     partner has signed too
 (2) the request is in time, names its account's place, and rests on a valid binding
 (3) the account may be opened for this epoch
 (4) the seal is complete and the products are what the reader multiplied itself
 (5) the subset may decrypt, this trustee is in it, and the opening id is what it should be
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.opening import refusals
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.binding_checks import check_request
from fedcarbon.opening.epoch_checks import check_epoch, history_of
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.statements import OpeningRequest, OpeningStart, Target, opening_id_of
from fedcarbon.opening.view import RecordView

ProductOf = Callable[[EpochRef, int], bytes | None]
"""Returns the verified cumulative ciphertext of a block up to an epoch; None if it has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """The trustee that checks, and what it alone knows."""

    trustee_id: PartyId
    product_of: ProductOf
    own_started: Mapping[AccountRef, Collection[EpochIndex]] = field(default_factory=dict)
    """Epochs that it signed starts for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedStart:
    """A start that passed all checks, and the ciphertext that it opens."""

    start: OpeningStart
    product: bytes
    """The cumulative ciphertext, as the reader multiplied it."""


def check_start(
    view: RecordView, start: OpeningStart, reader: Reader, logged_at: int | None = None
) -> CheckedStart:
    """Run all checks on a start or on the draft of one.

    Args:
        view: the record.
        start: the start; its mask hashes are not looked at.
        reader: the trustee.
        logged_at: index of the start's own leaf once it is in the record; the account's history
            then counts up to it.

    Raises:
        MalformedError: the start names another parameter set.
        LeafInvalidError: the start names an unknown programme.
        PartnerWitnessMissingError: no partner has signed a head over a request.
        FedcarbonError: any error of `fedcarbon.opening.refusals`, for the first check that fails.
    """
    view.parties.require_parameters(start)
    view.parties.programme(start.programme_id)
    requests = [_request_of(view, start, target) for target in start.targets]
    for request in requests:
        _check_seal_covered(view, request.statement)  # (1)
        check_request(view, request.statement)  # (2)
        account = AccountRef(start.programme_id, request.statement.account_token)
        before = view.size if logged_at is None else logged_at
        own = reader.own_started.get(account, ()) if logged_at is None else ()
        check_epoch(view, request.statement, history_of(view, account, before, own))  # (3)
    data = reader.product_of(EpochRef(start.programme_id, start.epoch), start.block)
    if data is None or hashlib.sha256(data).digest() != start.product_sha256:  # (4)
        raise refusals.ProductsDifferError(
            f"the start names another ciphertext of block {start.block} up to epoch {start.epoch}"
        )
    _check_subset(view, start, reader.trustee_id)  # (5)
    _check_id(view, start, requests, logged_at)
    return CheckedStart(start=start, product=data)


def _request_of(view: RecordView, start: OpeningStart, target: Target) -> Logged[OpeningRequest]:
    """Return the request behind a target (check 1)."""
    request = view.starts.requests.get(target.request_leaf)
    if request is None:
        raise refusals.TargetWithoutRequestError(
            f"leaf {target.request_leaf} is no opening request"
        )
    item = request.statement
    if (item.programme_id, item.block, item.epoch, item.slot, item.account_token) != (
        start.programme_id,
        start.block,
        start.epoch,
        target.slot,
        target.account_token,
    ):
        raise refusals.TargetWithoutRequestError(
            f"the request in leaf {target.request_leaf} does not ask for slot {target.slot} of "
            f"block {start.block} up to epoch {start.epoch}"
        )
    if not view.heads.is_witnessed(request.index):
        raise refusals.RequestNotWitnessedError(
            f"the request in leaf {request.index} is not under a witnessed head"
        )
    view.heads.require_partner_witness(request.index)
    return request


def _check_seal_covered(view: RecordView, request: OpeningRequest) -> None:
    """Check that the request's checkpoint is one of this record and holds the seal (check 1)."""
    view.heads.require_own(request.checkpoint_size, request.checkpoint_root)
    seal = view.epochs.seals.get(EpochRef(request.programme_id, request.epoch))
    if seal is None or seal.index >= request.checkpoint_size:
        raise refusals.EpochNotSealedError(
            f"the request's checkpoint does not hold the seal of epoch {request.epoch}"
        )


def _check_subset(view: RecordView, start: OpeningStart, trustee_id: PartyId) -> None:
    parameters = view.parties.parameters
    unknown = set(start.subset) - set(parameters.trustee_ids)
    if unknown or len(start.subset) < parameters.threshold or trustee_id not in start.subset:
        raise refusals.SubsetRefusedError(
            f"the subset {list(start.subset)} needs at least {parameters.threshold} of "
            f"{list(parameters.trustee_ids)}, {trustee_id!r} among them"
        )


def _check_id(
    view: RecordView,
    start: OpeningStart,
    requests: Collection[Logged[OpeningRequest]],
    logged_at: int | None,
) -> None:
    expected = opening_id_of(
        request_leaves=[request.leaf for request in requests],
        block=start.block,
        epoch=start.epoch,
        slots=[target.slot for target in start.targets],
        product_sha256=start.product_sha256,
    )
    if start.opening_id != expected:
        raise refusals.OpeningIdDiffersError("the opening id is not that of requests and product")
    if logged_at is None and start.attempt <= view.starts.last_attempt(start.opening_id):
        raise refusals.AttemptUsedError(
            f"attempt {start.attempt} is not above attempt "
            f"{view.starts.last_attempt(start.opening_id)}"
        )
