"""Why a trustee refuses an order, beyond the checks of `fedcarbon.opening.refusals`.

| order | code | what it means |
|---|---|---|
| any | ORDER_MALFORMED | no order, or an id that has not 16 bytes |
| any | ORDER_ID_REUSED | the id was used for another order |
| any | RECORD_SHORT | the hub did not send the leaves that it asked to be replayed |
| any | FILE_ENDLESS | the parts of a file do not add up to the size that the hub says |
| any | HEAD_FROM_FUTURE | the witnessed head is ahead of this trustee's clock |
| any | OWN_KEYS_DIFFER | this trustee's keys are not those of the record's parameter set |
| cosign | HEAD_GOES_BACK | a larger head was signed before |
| evaluate | ASKER_NOT_ADMITTED | the signer is no partner and no wallet operator of the record |
| evaluate | EVALUATION_DIFFERS | count or hash of the request are not those of the elements |
| evaluate | OPERATOR_CANNOT_GET_CLAIM_KEY | wallet operators get the account key only |
| evaluate | SAME_ID_OTHER_CONTENT | the request id was used for another request |
| evaluate | QUOTA_EXCEEDED | the asker has used up its evaluations under this key |
| mask, sign release | DRAFT_INVALID | no draft of a start, or one with mask hashes |
| mask, sign | SAME_ID_OTHER_CONTENT | opening id and attempt were used for another start |
| mask, reveal | MASK_ERASED | a share exists: the attempt is spent |
| sign, reveal | MASK_UNKNOWN | this trustee has no mask for the attempt |
| reveal, share, release share | START_MISSING | the leaf is no such start of the record |
| reveal, share, release share | START_NOT_WITNESSED | the start is not under a witnessed head |
| reveal | START_DIFFERS | the start in the record is not the one that was signed |

These three also refuse with PARTNER_WITNESS_MISSING while no partner has signed a head over the
start. What else a release of statistics is refused for is in `fedcarbon.opening.table_refusals`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Final, TypeVar

from fedcarbon.errors import (
    CallerError,
    ConfigurationError,
    FedcarbonError,
    MalformedError,
    PeerError,
    StateError,
)

T = TypeVar("T")
A = TypeVar("A")


class OrderMalformedError(MalformedError):
    """No order, or an id that has not 16 bytes."""

    code: ClassVar[str] = "ORDER_MALFORMED"


class OrderIdReusedError(PeerError):
    """The order id was used for another order."""

    code: ClassVar[str] = "ORDER_ID_REUSED"


class RecordShortError(PeerError):
    """The hub did not send the leaves that it asked to be replayed."""

    code: ClassVar[str] = "RECORD_SHORT"


class FileEndlessError(PeerError):
    """The hub gives a file in parts that do not add up to the size that it says."""

    code: ClassVar[str] = "FILE_ENDLESS"


class HeadFromFutureError(StateError):
    """The witnessed head is ahead of this trustee's clock; one of the clocks is wrong."""

    code: ClassVar[str] = "HEAD_FROM_FUTURE"


class OwnKeysDifferError(ConfigurationError):
    """This trustee's keys are not those of the record's parameter set; its operator must act."""

    code: ClassVar[str] = "OWN_KEYS_DIFFER"


class HeadGoesBackError(PeerError):
    """A larger head was signed before."""

    code: ClassVar[str] = "HEAD_GOES_BACK"


class AskerNotAdmittedError(PeerError):
    """The signer of a request is no partner and no wallet operator of the record."""

    code: ClassVar[str] = "ASKER_NOT_ADMITTED"


class EvaluationDiffersError(PeerError):
    """Count or hash of a signed request are not those of the elements beside it."""

    code: ClassVar[str] = "EVALUATION_DIFFERS"


class OperatorCannotGetClaimKeyError(CallerError):
    """A wallet operator asked for another key than the account key."""

    code: ClassVar[str] = "OPERATOR_CANNOT_GET_CLAIM_KEY"


class QuotaExceededError(StateError):
    """The asker has used up its evaluations under this key; enrolling accounts raises the limit."""

    code: ClassVar[str] = "QUOTA_EXCEEDED"


class SameIdOtherContentError(PeerError):
    """An id that was used once names something else now."""

    code: ClassVar[str] = "SAME_ID_OTHER_CONTENT"


class DraftInvalidError(CallerError):
    """Bytes that are no draft of a start, or a draft with mask hashes."""

    code: ClassVar[str] = "DRAFT_INVALID"


class MaskErasedError(StateError):
    """A share exists, so the mask is erased; start a new attempt."""

    code: ClassVar[str] = "MASK_ERASED"


class MaskUnknownError(StateError):
    """This trustee has no mask for the attempt; start a new attempt."""

    code: ClassVar[str] = "MASK_UNKNOWN"


class StartMissingError(PeerError):
    """The leaf is no start of the record: without one there is no attempt."""

    code: ClassVar[str] = "START_MISSING"


class StartNotWitnessedError(StateError):
    """The start is not under a head that a quorum has signed; witness the head first."""

    code: ClassVar[str] = "START_NOT_WITNESSED"


class StartDiffersError(PeerError):
    """The start in the record is not the one that this trustee signed."""

    code: ClassVar[str] = "START_DIFFERS"


class BatchRefusedError(StateError):
    """Some positions of a batch are refused for one reason; the others wait for the next order."""

    code: ClassVar[str] = "BATCH_REFUSED"

    def __init__(self, reason: FedcarbonError, positions: Sequence[int]) -> None:
        """Take the reason and the 0-based positions that it is about."""
        super().__init__(str(reason))
        self.reason: Final = reason
        self.positions: Final = tuple(positions)


def for_each(batch: Sequence[T], answer: Callable[[T], A]) -> list[A]:
    """Return the answer to every item of a batch, or refuse the batch.

    Raises:
        BatchRefusedError: with the first refusal, and all positions that have the same code.
    """
    answers: list[A] = []
    refusals: list[tuple[int, FedcarbonError]] = []
    for position, item in enumerate(batch):
        try:
            answers.append(answer(item))
        except FedcarbonError as error:
            refusals.append((position, error))
    if refusals:
        first = refusals[0][1]
        raise BatchRefusedError(
            first, [position for position, error in refusals if error.code == first.code]
        )
    return answers
