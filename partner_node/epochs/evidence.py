"""Evidence: salted leaves that an auditor on site can recompute, under one root in phase 1a.

There is a leaf per claim, pads included, in the order of the list, and then a leaf per person-day.
The salts stay with the node, so that the root tells nobody anything; with them it shows which
activities and which pieces stand behind a claim, and what a day was worth before verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from fedcarbon.canonical.hashing import digest, length_prefixed, u32, u64
from fedcarbon.identity.tokens import AccountToken
from fedcarbon.methodology.person_day import Piece
from fedcarbon.transparency import merkle
from partner_node.storage.activities import StoredActivity
from partner_node.storage.epochs import ClaimRow, PersonDay

EVIDENCE_SALT_BYTES = 32


def claim_evidence(
    claim: ClaimRow,
    pieces: Sequence[Piece],
    activities: Mapping[str, StoredActivity],
    methodology: bytes,
) -> bytes:
    """Return the evidence leaf of one claim; a pad has no pieces.

    Args:
        claim: token, rank and salt.
        pieces: what the claim is made of.
        activities: by id; holds every activity of `pieces`.
        methodology: content hash of the methodology that computed them, 32 bytes.
    """
    return digest(
        b"fedcarbon/v1/evidence-claim",
        claim.evidence_salt,
        claim.token,
        u32(claim.rank),
        methodology,
        *(_piece_bytes(piece, activities[piece.activity_id]) for piece in pieces),
    )


def person_day_evidence(
    day: PersonDay, account_token: AccountToken, pieces: Sequence[Piece], methodology: bytes
) -> bytes:
    """Return the evidence leaf of one person and day.

    Args:
        day: the local day, its sum before verdicts, and the salt.
        account_token: the person's account.
        pieces: all pieces of the day, in the order in which they are stored.
        methodology: see `claim_evidence`.
    """
    return digest(
        b"fedcarbon/v1/evidence-person-day",
        day.evidence_salt,
        account_token,
        day.day.isoformat().encode(),
        u64(day.reduction_ug),
        methodology,
        *(
            length_prefixed(
                piece.activity_id.encode(), u64(piece.slot_start_s), u64(piece.piece_ug)
            )
            for piece in pieces
        ),
    )


def evidence_root(claims: Sequence[bytes], person_days: Sequence[bytes]) -> bytes:
    """Return the root over the leaves of all claims and then of all person-days: 32 bytes."""
    return merkle.root_of([*claims, *person_days])


def _piece_bytes(piece: Piece, activity: StoredActivity) -> bytes:
    return length_prefixed(
        activity.activity_id.encode(),
        activity.mode.encode(),
        u64(activity.started_at_s),
        u64(activity.ended_at_s),
        u64(activity.distance_m),
        u32(activity.evidence),
        u64(piece.slot_start_s),
        u64(piece.piece_ug),
    )
