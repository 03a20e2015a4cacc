"""What a reader of the record cannot go on after: the record itself breaks its rules.

A trustee that meets one of these stops at that leaf and refuses every order until the leaf becomes
readable (a missing body) or its operator has talked to the other organisations (all the rest). The
leaf and its body are the evidence.
"""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.errors import PeerError, StateError


class RecordViolationError(PeerError):
    """A leaf breaks a rule of the record: keep it as evidence against the hub."""

    code: ClassVar[str] = "RECORD_VIOLATION"


class BodyMissingError(RecordViolationError):
    """A body that this reader must process was not sent; the hub must send it."""

    code: ClassVar[str] = "BODY_MISSING"


class CommitmentDiffersError(RecordViolationError):
    """Salt and body are not what the leaf commits to."""

    code: ClassVar[str] = "COMMITMENT_DIFFERS"


class TypeInBodyDiffersError(RecordViolationError):
    """The statement in the body is of another kind than the leaf's clear type says."""

    code: ClassVar[str] = "TYPE_IN_BODY_DIFFERS"


class LeafInvalidError(RecordViolationError):
    """A body is malformed, falsely signed, or contradicts what stands before it."""

    code: ClassVar[str] = "LEAF_INVALID"


class SignerRefusedError(LeafInvalidError):
    """A body is signed by a party that was not admitted to sign such a statement."""

    code: ClassVar[str] = "SIGNER_REFUSED"


class TokenPlacedTwiceError(RecordViolationError):
    """An account token stands in two places."""

    code: ClassVar[str] = "TOKEN_PLACED_TWICE"


class SlotTakenError(RecordViolationError):
    """Two account tokens stand in one slot of one block."""

    code: ClassVar[str] = "SLOT_TAKEN"


class LoggedTwiceError(RecordViolationError):
    """What may stand in the record once stands there again."""

    code: ClassVar[str] = "LOGGED_TWICE"


class HeadAheadError(StateError):
    """A head covers leaves that are not replayed yet: read on first."""

    code: ClassVar[str] = "HEAD_AHEAD"


class NotWitnessedError(StateError):
    """No head that a quorum signed covers the leaf yet; have the head witnessed first."""

    code: ClassVar[str] = "NOT_WITNESSED"
