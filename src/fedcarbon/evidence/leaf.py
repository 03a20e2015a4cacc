"""Evidence leaves: what a partner commits to in phase 1a and opens to an auditor on site.

The tree of an epoch has one leaf per claim, pads included, in the order of the claim list, and then
one leaf per account of the partner's enrolment snapshot and local day of the epoch: accounts by
block and slot, the days of each in order, days without any activity too. So the record alone says
which leaf is whose, no account can be left out of an audit, and the number of leaves does not tell
who was active.

    leaf of a claim        H("fedcarbon/v1/evidence-claim", salt, token, u32 rank, K, methodology,
                             then per piece: LP(activity, u64 slot start, u64 piece in ug))
    leaf of a person-day   H("fedcarbon/v1/evidence-person-day", salt, account token, day,
                             methodology, u64 reduction in ug, u32 number of activities,
                             activities, then per slot: LP(u64 slot start, u64 claim, u64 ug))
    activity               LP(id, person reference, mode, u64 start, u64 end, u64 metres, u32 tier)

H and LP are `digest` and `length_prefixed`; `day` is ISO 8601; `claim` is the number of the claim's
leaf. Salts are HMAC-SHA256 of one secret per epoch, so that opening a leaf opens no other.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import Final

from fedcarbon.canonical.hashing import DIGEST_BYTES, digest, length_prefixed, u32, u64
from fedcarbon.errors import MalformedError
from fedcarbon.identity.tokens import ACCOUNT_TOKEN_BYTES, CLAIM_TOKEN_BYTES
from fedcarbon.methodology.activity import Activity
from fedcarbon.units import MicrogramsCO2e, Seconds

EVIDENCE_KEY_BYTES: Final = 32
SALT_BYTES: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePiece:
    """The part of one activity's reduction that lies in the slot of a claim."""

    activity: Activity
    """With the tier that it was claimed with: the admission may allow only a worse one than the
    platform recorded."""
    slot_start_s: Seconds
    piece_ug: MicrogramsCO2e


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimEvidence:
    """What stands behind one claim; a pad has no pieces."""

    token: bytes
    rank: int
    commitment: bytes
    """K of the claim, as in its leaf of the claim list."""
    methodology: bytes
    """Content hash of the methodology that computed the pieces, 32 bytes."""
    pieces: tuple[EvidencePiece, ...]
    """By activity id."""

    def __post_init__(self) -> None:
        """Check sizes and the order of the pieces."""
        if len(self.token) != CLAIM_TOKEN_BYTES or len(self.methodology) != DIGEST_BYTES:
            raise MalformedError("a claim's token has 16 bytes, a methodology hash 32")
        names = [piece.activity.activity_id for piece in self.pieces]
        if names != sorted(set(names)):
            raise MalformedError("the pieces of a claim are sorted by activity, each once")

    @property
    def reduction_ug(self) -> MicrogramsCO2e:
        """The sum of the pieces: what K commits to."""
        return MicrogramsCO2e(sum(piece.piece_ug for piece in self.pieces))

    def leaf(self, salt: bytes) -> bytes:
        """Return the leaf under `salt`: 32 bytes."""
        return digest(
            b"fedcarbon/v1/evidence-claim",
            salt,
            self.token,
            u32(self.rank),
            self.commitment,
            self.methodology,
            *(
                length_prefixed(
                    _activity_bytes(piece.activity), u64(piece.slot_start_s), u64(piece.piece_ug)
                )
                for piece in self.pieces
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotEvidence:
    """One slot of a person's day: the claim for it, and what it is worth if the claim is kept."""

    slot_start_s: Seconds
    claim: int
    """Number of the claim's leaf."""
    reduction_ug: MicrogramsCO2e


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDayEvidence:
    """What stands behind one account on one local day, before verdicts, half-lost rule and cap."""

    account_token: bytes
    day: str
    """ISO 8601."""
    methodology: bytes
    reduction_ug: MicrogramsCO2e
    """Sum over the slots."""
    activities: tuple[Activity, ...]
    """Every activity with a slot on this day, by id; tiers as in `EvidencePiece`."""
    slots: tuple[SlotEvidence, ...]
    """In order of time."""

    def __post_init__(self) -> None:
        """Check sizes and orders."""
        sizes = (len(self.account_token), len(self.methodology))
        if sizes != (ACCOUNT_TOKEN_BYTES, DIGEST_BYTES):
            raise MalformedError("an account token and a methodology hash have 32 bytes")
        names = [activity.activity_id for activity in self.activities]
        starts = [slot.slot_start_s for slot in self.slots]
        if names != sorted(set(names)) or starts != sorted(set(starts)):
            raise MalformedError("activities and slots of a day are sorted and stand once")

    def leaf(self, salt: bytes) -> bytes:
        """Return the leaf under `salt`: 32 bytes."""
        return digest(
            b"fedcarbon/v1/evidence-person-day",
            salt,
            self.account_token,
            self.day.encode(),
            self.methodology,
            u64(self.reduction_ug),
            u32(len(self.activities)),
            *map(_activity_bytes, self.activities),
            *(
                length_prefixed(u64(slot.slot_start_s), u64(slot.claim), u64(slot.reduction_ug))
                for slot in self.slots
            ),
        )


def leaf_salt(evidence_key: bytes, number: int) -> bytes:
    """Return the salt of the leaf `number` of an epoch, 32 bytes.

    Args:
        evidence_key: the partner's secret of this epoch, `EVIDENCE_KEY_BYTES`.
        number: position of the leaf in the tree.
    """
    message = length_prefixed(b"fedcarbon/v1/evidence-salt", u64(number))
    return hmac.digest(evidence_key, message, "sha256")


def _activity_bytes(activity: Activity) -> bytes:
    return length_prefixed(
        activity.activity_id.encode(),
        activity.person_ref.encode(),
        activity.mode.value.encode(),
        u64(activity.started_at_s),
        u64(activity.ended_at_s),
        u64(activity.distance_m),
        u32(activity.evidence),
    )
