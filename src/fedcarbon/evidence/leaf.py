"""Evidence leaves: what a partner commits to in phase 1a and opens to an auditor on site.

The tree of an epoch has one leaf per claim, pads included, in the order of the claim list, and then
one leaf per account of the partner's enrolment snapshot and local day of the epoch: accounts by
block and slot, the days of each in order, days without any activity too. So the record alone says
which leaf is whose, no account can be left out of an audit, and the number of leaves does not tell
who was active.

    leaf of a claim        H("fedcarbon/v1/evidence-claim", salt, token, u32 rank, K,
                             then per piece: LP(activity, slot, u64 piece in ug))
    leaf of a person-day   H("fedcarbon/v1/evidence-person-day", salt, account token, day,
                             u64 reduction in ug, u32 number of activities,
                             activities, then per slot: LP(slot, u64 claim, u64 ug))
    activity               LP(id, person reference, object reference, methodology id, its content
                             hash, type, u64 start, u64 end, u32 tier, values, history,
                             u64 credited in ug)
    slot                   LP(owner, group, u64 start)

H and LP are `digest` and `length_prefixed`; `day` is ISO 8601; `claim` is the number of the claim's
leaf; `values` is the canonical JSON of the typed fields; `history` is LP of the decimal text of
every earlier period that the baseline asks for, empty where it is not known. Salts are HMAC-SHA256
of one secret per epoch, so that opening a leaf opens no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fedcarbon.canonical.hashing import DIGEST_BYTES, digest, length_prefixed, u32, u64
from fedcarbon.errors import MalformedError
from fedcarbon.identity.tokens import ACCOUNT_TOKEN_BYTES, CLAIM_TOKEN_BYTES
from fedcarbon.methodology.activity import (
    VALUE_MAX,
    Activity,
    InvalidActivityError,
    values_of,
    values_text,
)
from fedcarbon.methodology.definition import ActivityType
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.units import MicrogramsCO2e, Seconds

EVIDENCE_KEY_BYTES: Final = 32
SALT_BYTES: Final = 32
_HASH_BLOCK_BYTES: Final = 64
HISTORY_YEARS_MAX: Final = 10
"""Limit of the earlier periods that one activity's baseline can be about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActivityEvidence:
    """One activity with everything that its amount follows from, and that amount."""

    activity_id: str
    person_ref: str
    object_ref: str
    methodology_id: str
    methodology: bytes
    """Content hash of the methodology that counted it, 32 bytes."""
    activity_type: ActivityType
    started_at_s: Seconds
    ended_at_s: Seconds
    evidence: int
    """Tier that was claimed: the admission may allow only a worse one than was recorded."""
    values: str
    """Canonical JSON of the typed fields."""
    history: tuple[str, ...]
    """What the same meter counted 1, 2, ... years before, as decimal text; empty if not known."""
    credited_ug: MicrogramsCO2e
    """The amount after limits, over all of its slots."""

    def __post_init__(self) -> None:
        """Check that it is an activity, in the one form of its values."""
        try:
            self.activity()
        except InvalidActivityError as error:
            raise MalformedError(f"evidence of what is no activity: {error}") from error
        if len(self.methodology) != DIGEST_BYTES:
            raise MalformedError("a methodology hash has 32 bytes")
        if len(self.history) > HISTORY_YEARS_MAX:
            raise MalformedError(f"a baseline has at most {HISTORY_YEARS_MAX} years")
        self.known_history()

    @classmethod
    def of(
        cls,
        activity: Activity,
        kind: ActivityType,
        methodology: bytes,
        history: Sequence[int | None],
        credited_ug: MicrogramsCO2e,
    ) -> ActivityEvidence:
        """Return the evidence of `activity`."""
        return cls(
            activity_id=activity.activity_id,
            person_ref=activity.person_ref,
            object_ref=activity.object_ref,
            methodology_id=activity.methodology_id,
            methodology=methodology,
            activity_type=kind,
            started_at_s=activity.started_at_s,
            ended_at_s=activity.ended_at_s,
            evidence=activity.evidence,
            values=values_text(activity.values),
            history=tuple("" if item is None else str(item) for item in history),
            credited_ug=credited_ug,
        )

    def activity(self) -> Activity:
        """Return the activity itself.

        Raises:
            InvalidActivityError, MalformedError: it is none.
        """
        return Activity(
            activity_id=self.activity_id,
            person_ref=self.person_ref,
            methodology_id=self.methodology_id,
            started_at_s=self.started_at_s,
            ended_at_s=self.ended_at_s,
            evidence=self.evidence,
            object_ref=self.object_ref,
            values=values_of(self.values),
        )

    def known_history(self) -> tuple[int | None, ...]:
        """Return the history as numbers.

        Raises:
            MalformedError: it holds something else.
        """
        return tuple(_year(text) for text in self.history)

    def to_bytes(self) -> bytes:
        """Return what both kinds of leaf hash."""
        return activity_bytes(
            (self.activity_id, self.person_ref, self.object_ref, self.methodology_id),
            self.methodology,
            self.activity_type.value,
            (self.started_at_s, self.ended_at_s),
            self.evidence,
            self.values,
            self.history,
            self.credited_ug,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidencePiece:
    """The part of one activity that lies in the slot of a claim."""

    activity: ActivityEvidence
    owner: str
    """Canonical reference of the object that owns the slot; empty for the person."""
    group: str
    """Exclusivity group."""
    slot_start_s: Seconds
    piece_ug: MicrogramsCO2e

    @property
    def slot(self) -> SlotKey:
        """The slot of the claim."""
        return SlotKey(owner=self.owner, group=self.group, start_s=self.slot_start_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimEvidence:
    """What stands behind one claim; a pad has no pieces."""

    token: bytes
    rank: int
    commitment: bytes
    """K of the claim, as in its leaf of the claim list."""
    pieces: tuple[EvidencePiece, ...]
    """By activity id."""

    def __post_init__(self) -> None:
        """Check the size and the order of the pieces."""
        if len(self.token) != CLAIM_TOKEN_BYTES:
            raise MalformedError("a claim's token has 16 bytes")
        names = [piece.activity.activity_id for piece in self.pieces]
        if names != sorted(set(names)):
            raise MalformedError("the pieces of a claim are sorted by activity, each once")

    @property
    def reduction_ug(self) -> MicrogramsCO2e:
        """The sum of the pieces: what K commits to."""
        return MicrogramsCO2e(sum(piece.piece_ug for piece in self.pieces))

    def leaf(self, salt: bytes) -> bytes:
        """Return the leaf under `salt`: 32 bytes."""
        pieces = [
            piece_bytes(piece.activity.to_bytes(), piece.slot, piece.piece_ug)
            for piece in self.pieces
        ]
        return claim_leaf(salt, self.token, self.rank, self.commitment, pieces)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotEvidence:
    """One slot of an account's day: the claim for it, and what it is worth if the claim is kept."""

    owner: str
    group: str
    slot_start_s: Seconds
    claim: int
    """Number of the claim's leaf."""
    reduction_ug: MicrogramsCO2e

    @property
    def slot(self) -> SlotKey:
        """The slot itself."""
        return SlotKey(owner=self.owner, group=self.group, start_s=self.slot_start_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDayEvidence:
    """What stands behind one account on one local day, before verdicts, half-lost rule and cap."""

    account_token: bytes
    day: str
    """ISO 8601."""
    reduction_ug: MicrogramsCO2e
    """Sum over the slots."""
    activities: tuple[ActivityEvidence, ...]
    """Every activity with a slot on this day, by id."""
    slots: tuple[SlotEvidence, ...]
    """By owner, group and time."""

    def __post_init__(self) -> None:
        """Check sizes and orders."""
        if len(self.account_token) != ACCOUNT_TOKEN_BYTES:
            raise MalformedError("an account token has 32 bytes")
        names = [activity.activity_id for activity in self.activities]
        slots = [slot.slot for slot in self.slots]
        if names != sorted(set(names)) or slots != sorted(set(slots)):
            raise MalformedError("activities and slots of a day are sorted and stand once")

    def leaf(self, salt: bytes) -> bytes:
        """Return the leaf under `salt`: 32 bytes."""
        return person_day_leaf(
            salt,
            self.account_token,
            self.day,
            self.reduction_ug,
            [activity.to_bytes() for activity in self.activities],
            [day_slot_bytes(slot.slot, slot.claim, slot.reduction_ug) for slot in self.slots],
        )


# --- the bytes, for those who have a million of them ----------------------------------------------


def activity_bytes(
    references: tuple[str, str, str, str],
    methodology: bytes,
    activity_type: str,
    span_s: tuple[Seconds, Seconds],
    evidence: int,
    values: str,
    history: Sequence[str],
    credited_ug: int,
) -> bytes:
    """Return what both kinds of leaf hash of an activity.

    Args:
        references: activity id, person, object and methodology id.
        methodology: content hash of the methodology.
        activity_type: see `ActivityEvidence`, as all that follow.
        span_s: start and end.
        evidence: tier.
        values: canonical JSON.
        history: decimal text or empty, per earlier year.
        credited_ug: over all slots.
    """
    return length_prefixed(
        *(text.encode() for text in references),
        methodology,
        activity_type.encode(),
        u64(span_s[0]),
        u64(span_s[1]),
        u32(evidence),
        values.encode(),
        length_prefixed(*(text.encode() for text in history)),
        u64(credited_ug),
    )


def piece_bytes(activity: bytes, slot: SlotKey, piece_ug: int) -> bytes:
    """Return what a claim's leaf hashes of one of its pieces; see `activity_bytes`."""
    return length_prefixed(activity, _slot_bytes(slot), u64(piece_ug))


def claim_leaf(
    salt: bytes, token: bytes, rank: int, commitment: bytes, pieces: Iterable[bytes]
) -> bytes:
    """Return the leaf of a claim, 32 bytes; see `ClaimEvidence` and `piece_bytes`."""
    label = b"fedcarbon/v1/evidence-claim"
    return digest(label, salt, token, u32(rank), commitment, *pieces)


def day_slot_bytes(slot: SlotKey, claim: int, reduction_ug: int) -> bytes:
    """Return what a person-day's leaf hashes of a slot; see `SlotEvidence`."""
    return length_prefixed(_slot_bytes(slot), u64(claim), u64(reduction_ug))


def person_day_leaf(
    salt: bytes,
    account_token: bytes,
    day: str,
    reduction_ug: int,
    activities: Sequence[bytes],
    slots: Iterable[bytes],
) -> bytes:
    """Return the leaf of a person-day, 32 bytes; see `PersonDayEvidence`."""
    return digest(
        b"fedcarbon/v1/evidence-person-day",
        salt,
        account_token,
        day.encode(),
        u64(reduction_ug),
        u32(len(activities)),
        *activities,
        *slots,
    )


def leaf_salt(evidence_key: bytes, number: int) -> bytes:
    """Return the salt of the leaf `number` of an epoch, 32 bytes.

    Args:
        evidence_key: the partner's secret of this epoch, `EVIDENCE_KEY_BYTES`.
        number: position of the leaf in the tree.
    """
    return LeafSalts(evidence_key).salt(number)


class LeafSalts:
    """Salts of millions of leaves under one secret: HMAC goes on from where its key is hashed."""

    def __init__(self, evidence_key: bytes) -> None:
        """Begin both hashes of RFC 2104 with the secret of an epoch, `EVIDENCE_KEY_BYTES`."""
        key = evidence_key.ljust(_HASH_BLOCK_BYTES, b"\0")
        assert len(key) == _HASH_BLOCK_BYTES
        self._inner: Final = hashlib.sha256(bytes(octet ^ 0x36 for octet in key))
        self._outer: Final = hashlib.sha256(bytes(octet ^ 0x5C for octet in key))

    def salt(self, number: int) -> bytes:
        """Return the salt of the leaf `number`, 32 bytes."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(length_prefixed(b"fedcarbon/v1/evidence-salt", u64(number)))
        outer.update(inner.digest())
        return outer.digest()


@lru_cache(maxsize=4_096)
def _slot_bytes(slot: SlotKey) -> bytes:
    return length_prefixed(slot.owner.encode(), slot.group.encode(), u64(slot.start_s))


def _year(text: str) -> int | None:
    if not text:
        return None
    try:
        value = int(text)
    except ValueError as error:
        raise MalformedError("a year of a history is a decimal number or empty") from error
    if str(value) != text or abs(value) > VALUE_MAX:
        raise MalformedError("a year of a history is a decimal number or empty")
    return value
