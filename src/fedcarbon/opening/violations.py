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


class ShellTooLateError(LeafInvalidError):
    """A table shell was logged when an epoch that it counts was planned already."""

    code: ClassVar[str] = "SHELL_TOO_LATE"


class ShellsOverlapError(LeafInvalidError):
    """Two table shells of a programme count the same epoch."""

    code: ClassVar[str] = "SHELLS_OVERLAP"


class ShellBeyondProgrammeError(LeafInvalidError):
    """A table shell counts epochs that its programme does not have."""

    code: ClassVar[str] = "SHELL_BEYOND_PROGRAMME"


class ShellUnknownError(LeafInvalidError):
    """A leaf about statistics names a leaf that is no table shell of its programme."""

    code: ClassVar[str] = "SHELL_UNKNOWN"


class PeriodNotSealedError(LeafInvalidError):
    """An epoch of the period that a leaf about statistics is of has no seal."""

    code: ClassVar[str] = "PERIOD_NOT_SEALED"


class ContributionTooLateError(LeafInvalidError):
    """A contribution was logged after the start of its period."""

    code: ClassVar[str] = "CONTRIBUTION_TOO_LATE"


class NoiseSignersDifferError(LeafInvalidError):
    """The start of a release is not signed by exactly the trustees whose noise it names."""

    code: ClassVar[str] = "NOISE_SIGNERS_DIFFER"


class ReleaseWithoutStartError(LeafInvalidError):
    """A release answers no start that stands before it."""

    code: ClassVar[str] = "RELEASE_WITHOUT_START"


class HeadAheadError(StateError):
    """A head covers leaves that are not replayed yet: read on first."""

    code: ClassVar[str] = "HEAD_AHEAD"


class NotWitnessedError(StateError):
    """No head that a quorum signed covers the leaf yet; have the head witnessed first."""

    code: ClassVar[str] = "NOT_WITNESSED"
