"""Why a trustee does not open: one class and one stable code for each reason.

| check | code | what it means |
|---|---|---|
| 1 | TARGET_WITHOUT_REQUEST | a target names no request for its account, place and epoch |
| 1 | REQUEST_NOT_WITNESSED | the request is not under a head that a quorum has signed |
| 2 | REQUEST_EXPIRED | protocol time has passed the request's not-after |
| 2 | PLACE_NOT_OF_TOKEN | the record keeps the account in another block and slot, or nowhere |
| 2 | BINDING_UNKNOWN | the request names no operator half of the record |
| 2 | WALLET_SWAPPED | request and binding differ in wallet, operator or account |
| 2 | WALLET_ANONYMOUS | the wallet is of an anonymous class |
| 2 | BINDING_ENDED | the binding was ended |
| 2 | BINDING_FROZEN | a partner enrolled for the account objected |
| 2 | BINDING_BY_OPERATOR_ALONE | no partner enrolled for the account has signed |
| 2 | WALLET_SHOWN_DIFFERS | the holder confirmed another wallet or operator than is bound |
| 2 | BINDING_PARTNER_TOO_NEW | the signing partner enrolled the account too shortly before |
| 2 | BINDING_WAITS | the wait after the second half is not over |
| 2 | EARLIER_GRAMS_UNCONFIRMED | grams from before the signing partner's enrolment need another |
| 3 | PAST_EPOCH_AFTER_LATER | a later epoch of the account has been started |
| 3 | EPOCH_NOT_INCREASING | the epoch is not above the last finished opening |
| 3 | PREVIOUS_EPOCH_DIFFERS | e0 is not the last finished opening |
| 3 | STARTS_EXHAUSTED | the account and epoch were started as often as the policy allows |
| 3 | OPENING_TOO_SOON | fewer days than the interval since the last opening |
| 3 | VINTAGES_MIXED | the opening would span a year end |
| 3 | MISSING_PARTNER_WAITS | an enrolled partner is sealed missing and its wait is not over |
| 1 | EPOCH_NOT_SEALED | the epoch has no seal under the request's checkpoint |
| 4 | PLAN_TOO_EARLY | the epoch's plan was logged before the epoch was over |
| 4 | INCOMPLETE_SEAL | the seal leaves out a partner, chunk or block, or has one too many |
| 4 | PLACES_DIFFER | a chunk header was made for other accounts or places than the record's |
| 4 | CHUNK_FILE_DIFFERS | a chunk file is not what its header says |
| 4 | VERDICTS_DIFFER | the verdicts do not rest on what was committed and revealed |
| 4 | CLAIM_FILE_DIFFERS | a file of commitments or lost positions is not what its leaf says |
| 4 | LINK_PROOF_MISSING | a partner is counted without a link proof for these verdicts |
| 4 | PRODUCTS_PENDING | this trustee is still multiplying the epoch: ask again |
| 4 | PRODUCTS_DIFFER | the products are not what the seal or the start says |
| 5 | SUBSET_REFUSED | too few trustees, an unknown one, or not this one |
| 5 | OPENING_ID_DIFFERS | the opening id is not the hash of what is opened |
| 5 | ATTEMPT_USED | this or a later attempt was started before |

Check 1 also refuses with PARTNER_WITNESS_MISSING (`fedcarbon.transparency.checkpoint`) what no
partner has witnessed. Codes of steps after the checks (masks and starts) are with the trustee
program.
"""

from __future__ import annotations

from typing import ClassVar, Final

from fedcarbon.errors import CallerError, PeerError, StateError
from fedcarbon.opening.epochs import EpochRef


class TargetWithoutRequestError(PeerError):
    """A target names no request of the record for its account, place and epoch."""

    code: ClassVar[str] = "TARGET_WITHOUT_REQUEST"


class RequestNotWitnessedError(StateError):
    """The request is not under a head that a quorum has signed; witness the head first."""

    code: ClassVar[str] = "REQUEST_NOT_WITNESSED"


class RequestExpiredError(CallerError):
    """Protocol time has passed the request's not-after; the holder must ask again."""

    code: ClassVar[str] = "REQUEST_EXPIRED"


class PlaceNotOfTokenError(PeerError):
    """The record keeps the account in another block and slot, or nowhere."""

    code: ClassVar[str] = "PLACE_NOT_OF_TOKEN"


class BindingUnknownError(CallerError):
    """The request names no operator half of the record."""

    code: ClassVar[str] = "BINDING_UNKNOWN"


class WalletSwappedError(PeerError):
    """Request and binding differ in wallet, operator or account."""

    code: ClassVar[str] = "WALLET_SWAPPED"


class AnonymousWalletError(CallerError):
    """The wallet is of an anonymous class, which cannot be bound."""

    code: ClassVar[str] = "WALLET_ANONYMOUS"


class BindingEndedError(StateError):
    """The binding was ended; the holder must bind again."""

    code: ClassVar[str] = "BINDING_ENDED"


class BindingFrozenError(StateError):
    """A partner enrolled for the account objected; the holder must bind again."""

    code: ClassVar[str] = "BINDING_FROZEN"


class BindingByOperatorAloneError(PeerError):
    """No partner enrolled for the account has signed the binding."""

    code: ClassVar[str] = "BINDING_BY_OPERATOR_ALONE"


class WalletShownDiffersError(PeerError):
    """The holder confirmed another wallet or operator than is bound; who showed it has lied."""

    code: ClassVar[str] = "WALLET_SHOWN_DIFFERS"


class BindingPartnerTooNewError(PeerError):
    """The signing partner enrolled the account too shortly before it signed."""

    code: ClassVar[str] = "BINDING_PARTNER_TOO_NEW"


class BindingWaitsError(StateError):
    """The wait after the binding's second half is not over."""

    code: ClassVar[str] = "BINDING_WAITS"


class EarlierGramsUnconfirmedError(StateError):
    """Grams from before the signing partner's enrolment: another enrolled partner must sign."""

    code: ClassVar[str] = "EARLIER_GRAMS_UNCONFIRMED"


class PastEpochAfterLaterError(PeerError):
    """A later epoch of the account has been started."""

    code: ClassVar[str] = "PAST_EPOCH_AFTER_LATER"


class EpochNotIncreasingError(CallerError):
    """The epoch is not above the last finished opening of the account."""

    code: ClassVar[str] = "EPOCH_NOT_INCREASING"


class PreviousEpochDiffersError(CallerError):
    """e0 of the request is not the epoch of the last finished opening."""

    code: ClassVar[str] = "PREVIOUS_EPOCH_DIFFERS"


class StartsExhaustedError(StateError):
    """The account and epoch were started as often as the policy allows."""

    code: ClassVar[str] = "STARTS_EXHAUSTED"


class OpeningTooSoonError(StateError):
    """Fewer days of activity than the policy's interval since the last opening."""

    code: ClassVar[str] = "OPENING_TOO_SOON"


class VintagesMixedError(CallerError):
    """The opening would span a year end; ask for the last epoch of the year first."""

    code: ClassVar[str] = "VINTAGES_MIXED"


class MissingPartnerWaitsError(StateError):
    """An enrolled partner is sealed missing and the wait for it is not over."""

    code: ClassVar[str] = "MISSING_PARTNER_WAITS"


class EpochNotSealedError(StateError):
    """The epoch has no seal under the request's checkpoint."""

    code: ClassVar[str] = "EPOCH_NOT_SEALED"


class PlanTooEarlyError(PeerError):
    """The epoch's plan was logged before the epoch was over."""

    code: ClassVar[str] = "PLAN_TOO_EARLY"


class IncompleteSealError(PeerError):
    """The seal leaves out a partner, chunk or block, or has one too many."""

    code: ClassVar[str] = "INCOMPLETE_SEAL"


class PlacesDifferError(PeerError):
    """A partner encrypted for other accounts or places than the record's: a hub lied to it."""

    code: ClassVar[str] = "PLACES_DIFFER"


class ChunkFileDiffersError(PeerError):
    """A chunk file is not what its signed header says."""

    code: ClassVar[str] = "CHUNK_FILE_DIFFERS"


class VerdictsDifferError(PeerError):
    """The verdict list does not rest on the lists that were committed and revealed."""

    code: ClassVar[str] = "VERDICTS_DIFFER"


class ClaimFileDiffersError(PeerError):
    """A file of commitments or of lost positions is not what the record says of it."""

    code: ClassVar[str] = "CLAIM_FILE_DIFFERS"


class LinkProofMissingError(PeerError):
    """A seal counts a partner that has logged no link proof for its plan and verdicts."""

    code: ClassVar[str] = "LINK_PROOF_MISSING"


class ProductsPendingError(StateError):
    """The trustee is still multiplying the epoch; ask again: it is no refusal, and no leaf."""

    code: ClassVar[str] = "PRODUCTS_PENDING"

    def __init__(self, ref: EpochRef, message: str) -> None:
        """Take the epoch, and how far it is."""
        super().__init__(message)
        self.ref: Final = ref


class ProductsDifferError(PeerError):
    """The products of the logged ciphertexts are not what the seal or the start says."""

    code: ClassVar[str] = "PRODUCTS_DIFFER"


class SubsetRefusedError(PeerError):
    """The subset has too few trustees, an unknown one, or leaves this one out."""

    code: ClassVar[str] = "SUBSET_REFUSED"


class OpeningIdDiffersError(PeerError):
    """The opening id is not the hash of what is to be opened."""

    code: ClassVar[str] = "OPENING_ID_DIFFERS"


class AttemptUsedError(StateError):
    """This or a later attempt of the opening was started before; count on."""

    code: ClassVar[str] = "ATTEMPT_USED"
