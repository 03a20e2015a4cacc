"""Use case of enrolling accounts and withdrawing them.

 (1) the caller is an admitted partner                                NOT_ADMITTED
 (2) its admitted key signed the exact bytes                          SIGNATURE_INVALID
 (3) the batch names the caller                                       SENDER_DIFFERS
 (4) and this parameter set                                           PARAMETERS_DIFFER
 (5) a batch of this id came with the same bytes, or never            BATCH_DIFFERS
 (6) the programme exists                                             UNKNOWN_PROGRAMME
 (7) every entry begins with an epoch of the programme                EPOCH_OUTSIDE_PROGRAMME
 (8) only what this partner has enrolled is withdrawn                 NOT_ENROLLED
 (9) the programme has room for one more partner, if it is a new one  PARTNERS_MAX_REACHED

A token gets its place once, for all partners and for ever. A leaf of places follows every batch,
also when it is empty: the list of leaves is public, and a batch without one would tell that its
accounts were known before, so enrolled elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sqlmodel import Session

from fedcarbon.epoch.snapshot import Place
from fedcarbon.errors import CallerError, StateError
from fedcarbon.ids import PartyId, Role
from fedcarbon.registry.enrolment import (
    EnrolmentAction,
    EnrolmentBatch,
    PlaceBatch,
    PlaceEntry,
    PlacesAnswer,
)
from fedcarbon.registry.programme import Programme
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.registry.parties import signing_keys
from hub.registry.place_pool import PlacePool
from hub.registry.programmes import require_programme
from hub.storage.enrolment_store import EnrolmentStore


class BatchDiffersError(CallerError):
    """The batch id was used for other bytes."""

    code: ClassVar[str] = "BATCH_DIFFERS"


class EpochOutsideProgrammeError(CallerError):
    """An entry begins with an epoch that the programme does not have."""

    code: ClassVar[str] = "EPOCH_OUTSIDE_PROGRAMME"


class NotEnrolledError(CallerError):
    """A withdrawal of an account that this partner has not enrolled."""

    code: ClassVar[str] = "NOT_ENROLLED"


class PartnersMaxReachedError(StateError):
    """The programme's headroom is for fewer partners; its operator must plan a new programme."""

    code: ClassVar[str] = "PARTNERS_MAX_REACHED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolled:
    """The answer to a batch."""

    receipt: bytes
    places: tuple[tuple[bytes, Place], ...]
    """Account token and place of every entry, in its order."""
    signed_places: bytes
    """The same as an envelope of the hub; always the same bytes."""


def enrol(session: Session, hub: Hub, caller: PartyId, message: bytes) -> Enrolled:
    """Log a batch, place its new accounts, and return receipt and places.

    Args:
        session: a writing session.
        hub: where to.
        caller: the party that sent it, by its certificate.
        message: the exact bytes of the signed batch.

    Raises:
        MalformedError: not the envelope of a batch.
        NotAdmittedError, SignatureInvalidError, SenderDiffersError, ParametersDifferError,
        BatchDiffersError, UnknownProgrammeError, EpochOutsideProgrammeError, NotEnrolledError,
        PartnersMaxReachedError: the first rule that fails.
    """
    # (1) to (4)
    batch = open_message(
        EnrolmentBatch,
        message,
        sender=caller,
        keys=signing_keys(session, Role.PARTNER),
        named_in=lambda statement: statement.partner_id,
        parameter_id=hub.parameters.parameter_id,
    )
    store = EnrolmentStore(session)
    # (5) a batch of this id came with the same bytes, or never
    if store.batch_leaf(caller, batch.batch_id) is not None:
        given = hub.record.receipt_of_message(session, LeafType.ENROLMENT_BATCH, message)
        if given is None:
            raise BatchDiffersError(f"batch {batch.batch_id.hex()} is in the record otherwise")
        return _answer(store, hub, batch, given)
    # (6) the programme exists
    programme = require_programme(session, batch.programme_id)
    _check_entries(store, programme, batch)
    logged, receipt = hub.record.accept(session, LeafType.ENROLMENT_BATCH, message, owners=[caller])
    store.add_batch(batch, logged.index)
    _place_new_accounts(session, hub, batch, logged.index)
    return _answer(store, hub, batch, receipt)


def _check_entries(store: EnrolmentStore, programme: Programme, batch: EnrolmentBatch) -> None:
    # (7) every entry begins with an epoch of the programme
    latest = max(entry.from_epoch for entry in batch.entries)
    if latest > programme.epochs:
        raise EpochOutsideProgrammeError(f"{programme.programme_id} ends with {programme.epochs}")
    # (8) only what this partner has enrolled is withdrawn
    withdrawn = {
        entry.account_token for entry in batch.entries if entry.action is EnrolmentAction.WITHDRAW
    }
    known = store.enrolled_tokens(batch.programme_id, batch.partner_id, withdrawn)
    if withdrawn - known:
        raise NotEnrolledError(
            f"{len(withdrawn - known)} of the withdrawn accounts are not enrolled at "
            f"{batch.partner_id}"
        )
    # (9) the programme has room for one more partner, if it is a new one
    if store.has_enrolled(batch.programme_id, batch.partner_id):
        return
    if len(store.partners(batch.programme_id)) >= programme.partners_max:
        raise PartnersMaxReachedError(
            f"{programme.programme_id} has headroom for {programme.partners_max} partners"
        )


def _place_new_accounts(
    session: Session, hub: Hub, batch: EnrolmentBatch, enrolment_leaf: int
) -> None:
    """Give a place to every token of the batch that has none, and log the places."""
    store = EnrolmentStore(session)
    tokens = [entry.account_token for entry in batch.entries]
    known = store.places_of(batch.programme_id, tokens)
    pool = PlacePool(
        store.open_blocks(batch.programme_id),
        slots=hub.parameters.layout.slots,
        size=hub.settings.place_pool_blocks,
    )
    new = [(token, pool.draw(hub.randbelow)) for token in tokens if token not in known]
    logged = hub.record.append_own(
        session,
        PlaceBatch(
            parameter_id=hub.parameters.parameter_id,
            programme_id=batch.programme_id,
            enrolment_leaf=enrolment_leaf,
            entries=tuple(
                PlaceEntry(account_token=token, block=place.block, slot=place.slot)
                for token, place in new
            ),
        ),
    )
    store.add_places(batch.programme_id, new, logged.index)
    store.set_open_blocks(batch.programme_id, pool.blocks)


def _answer(store: EnrolmentStore, hub: Hub, batch: EnrolmentBatch, receipt: bytes) -> Enrolled:
    tokens = [entry.account_token for entry in batch.entries]
    found = store.places_of(batch.programme_id, tokens)
    answer = PlacesAnswer(
        parameter_id=hub.parameters.parameter_id,
        programme_id=batch.programme_id,
        partner_id=batch.partner_id,
        batch_id=batch.batch_id,
        places=tuple(
            PlaceEntry(account_token=token, block=found[token].block, slot=found[token].slot)
            for token in tokens
        ),
    )
    return Enrolled(
        receipt=receipt,
        places=tuple((token, found[token]) for token in tokens),
        signed_places=hub.signer.sign(answer),
    )
