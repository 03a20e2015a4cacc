"""What a party may see of the epochs of a programme."""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from fedcarbon.canonical import statement as statements
from fedcarbon.epoch.statements import Seal
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.transparency.envelope import Envelope
from hub.context import Hub
from hub.registry.programmes import require_programme
from hub.storage.epoch_store import EpochStore, StoredEpoch
from hub.storage.submission_store import SubmissionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenEpoch:
    """One epoch as one party sees it."""

    stored: StoredEpoch
    committed: bool
    revealed: bool
    chunks_received: tuple[int, ...]
    missing: tuple[PartyId, ...]


def list_epochs(
    session: Session, hub: Hub, caller: PartyId, programme_id: ProgrammeId
) -> list[SeenEpoch]:
    """Return the epochs of a programme that are not PLANNED, oldest first.

    Raises:
        UnknownProgrammeError: no such programme.
    """
    require_programme(session, programme_id)
    return [
        _seen(session, hub, caller, stored) for stored in EpochStore(session).begun(programme_id)
    ]


def _seen(session: Session, hub: Hub, caller: PartyId, stored: StoredEpoch) -> SeenEpoch:
    store = EpochStore(session)
    submissions = SubmissionStore(session, stored.programme_id, stored.epoch)
    missing: tuple[PartyId, ...] = ()
    if stored.seal_leaf is not None:
        body = hub.record.body(session, stored.seal_leaf)
        seal = statements.decode(Seal, Envelope.from_bytes(body).payload)
        missing = tuple(part.partner_id for part in seal.parts if part.missing)
    return SeenEpoch(
        stored=stored,
        committed=caller in store.commitments(stored.programme_id, stored.epoch),
        revealed=caller in store.lists(stored.programme_id, stored.epoch),
        chunks_received=tuple(submissions.chunks_of(caller)),
        missing=missing,
    )
