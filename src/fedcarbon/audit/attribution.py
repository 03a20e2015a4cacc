"""Which line of the checklist an error belongs to.

The rules raise; the auditor catches, and goes on. Most errors belong to the line that is being
worked on; those below belong to one line wherever they come up.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.source import FileShortenedError
from fedcarbon.errors import FedcarbonError, SignatureInvalidError
from fedcarbon.opening.refusals import (
    ChunkFileDiffersError,
    IncompleteSealError,
    PlacesDifferError,
    PlanTooEarlyError,
    ProductsDifferError,
    RequestNotWitnessedError,
)
from fedcarbon.opening.violations import (
    BodyMissingError,
    CommitmentDiffersError,
    LeafInvalidError,
    NotWitnessedError,
    SignerRefusedError,
    SlotTakenError,
    TokenPlacedTwiceError,
    TypeInBodyDiffersError,
)
from fedcarbon.paillier.cipher import (
    CiphertextLengthError,
    CiphertextNotUnitError,
    CiphertextRangeError,
)
from fedcarbon.submission.intake import (
    BlockMissingError,
    BlockNotExpectedError,
    HeaderPlacesDifferError,
    MethodologyBundleDiffersError,
)
from fedcarbon.transparency.checkpoint import (
    ForkedRecordError,
    PartnerWitnessMissingError,
    QuorumMissingError,
)
from fedcarbon.transparency.leaf import USE_TYPES, LeafType

CHECK_OF_ERROR: Final[Mapping[type[FedcarbonError], CheckId]] = MappingProxyType(
    {
        BodyMissingError: CheckId.FILES,
        FileShortenedError: CheckId.FILES,
        SignerRefusedError: CheckId.PARTIES,
        CommitmentDiffersError: CheckId.TREE,
        ForkedRecordError: CheckId.TREE,
        QuorumMissingError: CheckId.WITNESSES,
        NotWitnessedError: CheckId.WITNESSES,
        PartnerWitnessMissingError: CheckId.WITNESSES,
        RequestNotWitnessedError: CheckId.WITNESSES,
        SignatureInvalidError: CheckId.SIGNATURES,
        TypeInBodyDiffersError: CheckId.SIGNATURES,
        SlotTakenError: CheckId.ENROLMENTS,
        TokenPlacedTwiceError: CheckId.ENROLMENTS,
        PlacesDifferError: CheckId.ENROLMENTS,
        HeaderPlacesDifferError: CheckId.ENROLMENTS,
        MethodologyBundleDiffersError: CheckId.METHODOLOGIES,
        ChunkFileDiffersError: CheckId.CHUNKS,
        CiphertextLengthError: CheckId.RANGE_PROOFS,
        CiphertextNotUnitError: CheckId.RANGE_PROOFS,
        CiphertextRangeError: CheckId.RANGE_PROOFS,
        BlockMissingError: CheckId.DENSITY,
        BlockNotExpectedError: CheckId.DENSITY,
        IncompleteSealError: CheckId.DENSITY,
        PlanTooEarlyError: CheckId.DENSITY,
        ProductsDifferError: CheckId.PRODUCTS,
    }
)

CHECK_OF_LEAF: Final[Mapping[LeafType, CheckId]] = MappingProxyType(
    {
        LeafType.PARAMETERS: CheckId.PARAMETERS,
        LeafType.SELF_TEST: CheckId.CEREMONY,
        LeafType.PARTY_ADMISSION: CheckId.PARTIES,
        LeafType.PROGRAMME: CheckId.PARTIES,
        LeafType.METHODOLOGY_ADMISSION: CheckId.METHODOLOGIES,
        LeafType.ENROLMENT_BATCH: CheckId.ENROLMENTS,
        LeafType.PLACE_BATCH: CheckId.ENROLMENTS,
        LeafType.EVALUATION_REQUEST: CheckId.PARTIES,
        LeafType.EPOCH_PLAN: CheckId.DENSITY,
        LeafType.CLAIM_COMMITMENT: CheckId.CLAIMS,
        LeafType.COMMIT_CLOSED: CheckId.CLAIMS,
        LeafType.BEACON_VALUE: CheckId.CLAIMS,
        LeafType.CLAIM_LIST: CheckId.CLAIMS,
        LeafType.VERDICT_LIST: CheckId.CLAIMS,
        LeafType.DISPUTE: CheckId.CLAIMS,
        LeafType.LINK_PROOF: CheckId.LINKS,
        LeafType.CHUNK_HEADER: CheckId.CHUNKS,
        LeafType.SEAL: CheckId.DENSITY,
        LeafType.OPERATOR_BINDING: CheckId.REQUESTS,
        LeafType.PARTNER_BINDING: CheckId.REQUESTS,
        LeafType.BINDING_OBJECTION: CheckId.REQUESTS,
        LeafType.UNBINDING: CheckId.REQUESTS,
        LeafType.OPENING_REQUEST: CheckId.REQUESTS,
        LeafType.OPENING_START: CheckId.REQUESTS,
        LeafType.OPENING_RESULT: CheckId.SHARES,
        LeafType.REFUSAL: CheckId.REQUESTS,
        LeafType.LEDGER_BATCH: CheckId.LEDGER,
        LeafType.REDEMPTION_ORDER: CheckId.REDEMPTIONS,
        LeafType.PAYOUT_BATCH: CheckId.PAYOUTS,
        **dict.fromkeys(USE_TYPES, CheckId.USES),
        LeafType.TABLE_SHELL: CheckId.STATISTICS,
        LeafType.TABLE_CONTRIBUTION: CheckId.STATISTICS,
        LeafType.RELEASE_START: CheckId.STATISTICS,
        LeafType.TABLE_RELEASE: CheckId.STATISTICS,
    }
)
"""The line for a leaf whose statement breaks a rule that has no line of its own."""


def cause_of(error: FedcarbonError) -> FedcarbonError:
    """Return what really happened: a reader of the record wraps what it did not expect."""
    inner = error.__cause__
    return inner if type(error) is LeafInvalidError and isinstance(inner, FedcarbonError) else error


def check_of(error: FedcarbonError, default: CheckId) -> CheckId:
    """Return the line that an error belongs to."""
    return next(
        (CHECK_OF_ERROR[cls] for cls in type(error).__mro__ if cls in CHECK_OF_ERROR), default
    )
