"""Use cases of opening requests: take one, and tell how it stands.

(1) the caller is an admitted wallet operator                   NOT_ADMITTED
(2) its admitted key signed the exact bytes                     SIGNATURE_INVALID
(3) the request names the caller, (4) and this parameter set    SENDER_DIFFERS, PARAMETERS_DIFFER
(5) a request of this id came with the same bytes, or never     OPENING_REQUEST_DIFFERS
(6) the programme has the epoch                                 UNKNOWN_PROGRAMME, WRONG_EPOCH
(7) it is in time                                               REQUEST_EXPIRED
(8) its checkpoint is witnessed and holds the epoch's seal      CHECKPOINT_UNKNOWN, EPOCH_NOT_SEALED
(9) what trustees check in their steps 2 and 3                  see `fedcarbon.opening.refusals`

A request that only has to wait (for the end of a binding's wait, for one more confirmation) is
taken, and says what it waits for.
"""

from __future__ import annotations

from typing import ClassVar

from sqlmodel import Session

from fedcarbon.errors import CallerError, FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.binding_checks import check_request
from fedcarbon.opening.epoch_checks import check_epoch, history_of
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.refusals import (
    BindingWaitsError,
    EarlierGramsUnconfirmedError,
    EpochNotSealedError,
    MissingPartnerWaitsError,
    RequestExpiredError,
)
from fedcarbon.opening.statements import OpeningRequest
from fedcarbon.opening.view import RecordView
from fedcarbon.opening.violations import NotWitnessedError
from fedcarbon.submission.intake import WrongEpochError
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.openings.reasons import detail_of, without_partners
from hub.openings.storage.request_store import RequestStore, StoredRequest
from hub.record.folded_record import FoldedRecord
from hub.registry.parties import require_party, signing_keys
from hub.registry.programmes import require_programme
from hub.storage.record_store import RecordStore

_PASSING = (
    BindingWaitsError,
    EarlierGramsUnconfirmedError,
    MissingPartnerWaitsError,
    NotWitnessedError,
)


class OpeningRequestDiffersError(CallerError):
    """The request id was used for other bytes; the operator must make a new one."""

    code: ClassVar[str] = "OPENING_REQUEST_DIFFERS"


class CheckpointUnknownError(CallerError):
    """The request names a head that no quorum has signed; take the hub's newest one."""

    code: ClassVar[str] = "CHECKPOINT_UNKNOWN"


class OpeningUnknownError(CallerError):
    """The caller has made no request of this id."""

    code: ClassVar[str] = "OPENING_UNKNOWN"


def request_opening(
    session: Session, hub: Hub, folded: FoldedRecord, caller: PartyId, message: bytes
) -> bytes:
    """Log a request and return its receipt; the same bytes get the same receipt.

    Args:
        session: a writing session.
        hub: where to.
        folded: the record as trustees see it.
        caller: the party that sent it, by its certificate.
        message: the exact bytes of the signed request.

    Raises:
        MalformedError: not the envelope of a request.
        NotAdmittedError, SignatureInvalidError, SenderDiffersError, ParametersDifferError,
        OpeningRequestDiffersError, UnknownProgrammeError, WrongEpochError, RequestExpiredError,
        CheckpointUnknownError, EpochNotSealedError: the first rule that fails.
        FedcarbonError: any final refusal of `fedcarbon.opening.refusals`.
    """
    request = open_message(  # (1) to (4)
        OpeningRequest,
        message,
        sender=caller,
        keys=signing_keys(session, Role.WALLET_OPERATOR),
        named_in=lambda statement: statement.operator_id,
        parameter_id=hub.parameters.parameter_id,
    )
    store = RequestStore(session)
    # (5) a request of this id came with the same bytes, or never
    if store.find(caller, request.request_id) is not None:
        given = hub.record.receipt_of_message(session, LeafType.OPENING_REQUEST, message)
        if given is None:
            raise OpeningRequestDiffersError(
                f"request {request.request_id.hex()} is in the record otherwise"
            )
        return given
    # (6) the programme has the epoch
    if request.epoch > require_programme(session, request.programme_id).epochs:
        raise WrongEpochError(f"{request.programme_id} has no epoch {request.epoch}")
    # (7) it is in time
    if hub.clock.now_s() > request.not_after_s:
        raise RequestExpiredError(f"the request was good until {request.not_after_s}")
    with folded.at(session) as view:
        _check_checkpoint(session, view, request)
        reason = _waits_for(view, request)
    logged, receipt = hub.record.accept(session, LeafType.OPENING_REQUEST, message, owners=[caller])
    code, detail = ("", "") if reason is None else (reason.code, detail_of(reason))
    store.add(request, logged.index, code=code, detail=detail)
    return receipt


def opening_of(session: Session, caller: PartyId, request_id: bytes) -> StoredRequest:
    """Return a request of the caller's as it stands.

    Raises:
        NotAdmittedError: the caller is no admitted wallet operator.
        OpeningUnknownError: it has made no request of this id.
    """
    require_party(session, caller, Role.WALLET_OPERATOR)
    stored = RequestStore(session).find(caller, request_id)
    if stored is None:
        raise OpeningUnknownError(f"you have made no request {request_id.hex()[:64]}")
    return stored


def _check_checkpoint(session: Session, view: RecordView, request: OpeningRequest) -> None:
    """Check that the request's checkpoint is witnessed and holds the seals that it needs (8)."""
    head = RecordStore(session).checkpoint(request.checkpoint_size)
    if head is None or head.root != request.checkpoint_root:
        raise CheckpointUnknownError(
            f"no witnessed head of {request.checkpoint_size} leaves has the root that is named"
        )
    seal = view.epochs.seals.get(EpochRef(request.programme_id, request.epoch))
    if seal is None or seal.index >= request.checkpoint_size:
        raise EpochNotSealedError(f"the checkpoint does not hold the seal of {request.epoch}")


def _waits_for(view: RecordView, request: OpeningRequest) -> FedcarbonError | None:
    """Return what a request has to wait for, or None; raise what can never pass (9)."""
    account = AccountRef(request.programme_id, request.account_token)
    try:
        check_request(view, request)
        check_epoch(view, request, history_of(view, account, view.size))
    except _PASSING as reason:
        return reason
    except FedcarbonError as refusal:
        raise without_partners(refusal) from refusal
    return None
