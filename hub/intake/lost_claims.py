"""Use case of phase 2: a partner fetches the claims it lost, without the winners' names."""

from __future__ import annotations

from typing import ClassVar, Final, NamedTuple

from sqlmodel import Session

from fedcarbon.epoch.lifecycle import EpochState, EpochStateError
from fedcarbon.epoch.lost_positions import lost_positions
from fedcarbon.epoch.verdict_file import lost_tokens
from fedcarbon.errors import StateError
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from hub.context import Hub
from hub.epochs.lookup import require_epoch
from hub.registry.parties import require_party
from hub.storage.epoch_store import EpochStore

PAGE_TOKENS_MAX: Final = 50_000
_DECIDED: Final = frozenset({EpochState.SUBMITTING, EpochState.SEALED})


class ClaimsForfeitedError(StateError):
    """The partner committed or revealed nothing, so every claim it might have had is lost."""

    code: ClassVar[str] = "CLAIMS_FORFEITED"


class LostClaim(NamedTuple):
    """One lost claim."""

    token: ClaimToken
    position: int
    """In the partner's own list."""


def lost_claims(
    session: Session, hub: Hub, caller: PartyId, programme_id: ProgrammeId, epoch: EpochIndex
) -> list[LostClaim]:
    """Return all claims that the caller lost in an epoch, ascending.

    Raises:
        NotAdmittedError: the caller is no admitted partner.
        WrongEpochError: no such epoch has begun.
        EpochStateError: its verdicts are not logged yet.
        ClaimsForfeitedError: the caller has no list in it.
    """
    require_party(session, caller, Role.PARTNER)
    found = require_epoch(session, programme_id, epoch)
    if found.stored.state not in _DECIDED:
        raise EpochStateError(f"epoch {epoch} is {found.stored.state}; its verdicts are not logged")
    store = EpochStore(session)
    verdicts = store.verdicts(programme_id, epoch)
    own = next((verdict for verdict in verdicts if verdict.partner_id == caller), None)
    if own is None:
        raise ClaimsForfeitedError(
            f"{caller} revealed no list for epoch {epoch}: it claims nothing"
        )
    files = hub.record.files
    count = store.commitments(programme_id, epoch)[caller].claim_count
    positions = lost_positions(files.get(own.positions_sha256), count)
    tokens = lost_tokens(files.get(own.file_sha256))
    return [LostClaim(*pair) for pair in zip(tokens, positions, strict=True)]
