"""Use case of phase 2: a partner fetches the claims it lost, without the winners' names."""

from __future__ import annotations

import struct
from typing import ClassVar, Final, NamedTuple

from sqlmodel import Session

from fedcarbon.epoch import lost_positions, verdict_file
from fedcarbon.epoch.lifecycle import EpochState, EpochStateError
from fedcarbon.epoch.lost_positions import POSITION_BYTES
from fedcarbon.epoch.statements import PartnerVerdict
from fedcarbon.errors import StateError
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES, ClaimToken
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId, Role
from hub.context import Hub
from hub.epochs.lookup import require_epoch
from hub.registry.parties import require_party
from hub.storage.epoch_store import EpochStore

PAGE_TOKENS_MAX: Final = 50_000
_DECIDED: Final = frozenset({EpochState.SUBMITTING, EpochState.SEALED})
_TOKEN: Final = struct.Struct(f"{CLAIM_TOKEN_BYTES}s")
_POSITION: Final = struct.Struct(">I")


class ClaimsForfeitedError(StateError):
    """The partner committed or revealed nothing, so every claim it might have had is lost."""

    code: ClassVar[str] = "CLAIMS_FORFEITED"


class LostClaim(NamedTuple):
    """One lost claim."""

    token: ClaimToken
    position: int
    """In the partner's own list."""


class LostPage(NamedTuple):
    """Some lost claims in a row."""

    claims: list[LostClaim]
    total: int
    """All that were lost."""


def lost_claims(
    session: Session,
    hub: Hub,
    caller: PartyId,
    programme_id: ProgrammeId,
    epoch: EpochIndex,
    *,
    first: int = 0,
    limit: int = PAGE_TOKENS_MAX,
) -> LostPage:
    """Return some of the claims that the caller lost in an epoch, ascending.

    Args:
        session: any session.
        hub: whose record.
        caller: the party that asks, by its certificate.
        programme_id: the programme.
        epoch: the epoch.
        first: so many are left out before.
        limit: and so many are returned at most.

    Raises:
        NotAdmittedError: the caller is no admitted partner.
        WrongEpochError: no such epoch has begun.
        EpochStateError: its verdicts are not logged yet.
        ClaimsForfeitedError: the caller has no list in it.
    """
    own = own_verdict(session, caller, programme_id, epoch)
    files, stop = hub.record.files, min(first + limit, own.lost)
    tokens, _ = files.part(
        own.file_sha256,
        len(verdict_file.FILE_MAGIC) + first * CLAIM_TOKEN_BYTES,
        max(stop - first, 0) * CLAIM_TOKEN_BYTES,
    )
    positions, _ = files.part(
        own.positions_sha256,
        len(lost_positions.FILE_MAGIC) + first * POSITION_BYTES,
        max(stop - first, 0) * POSITION_BYTES,
    )
    pairs = zip(_TOKEN.iter_unpack(tokens), _POSITION.iter_unpack(positions), strict=True)
    return LostPage(
        claims=[LostClaim(ClaimToken(token), position) for (token,), (position,) in pairs],
        total=own.lost,
    )


def own_verdict(
    session: Session, caller: PartyId, programme_id: ProgrammeId, epoch: EpochIndex
) -> PartnerVerdict:
    """Return what the verdict list says of the caller.

    Raises:
        NotAdmittedError, WrongEpochError, EpochStateError, ClaimsForfeitedError: see `lost_claims`.
    """
    require_party(session, caller, Role.PARTNER)
    found = require_epoch(session, programme_id, epoch)
    if found.stored.state not in _DECIDED:
        raise EpochStateError(f"epoch {epoch} is {found.stored.state}; its verdicts are not logged")
    verdicts = EpochStore(session).verdicts(programme_id, epoch)
    own = next((verdict for verdict in verdicts if verdict.partner_id == caller), None)
    if own is None:
        raise ClaimsForfeitedError(
            f"{caller} revealed no list for epoch {epoch}: it claims nothing"
        )
    return own
