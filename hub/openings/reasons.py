"""Why a request waits or is refused: which codes are final, and what its operator is told.

A wallet operator must not learn where its customers are enrolled, so the sentences of errors that
name partners are replaced; the code stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fedcarbon.errors import FedcarbonError
from fedcarbon.opening import refusals
from fedcarbon.transparency.checkpoint import QuorumMissingError

QUORUM_MISSING: Final = QuorumMissingError.code
TRUSTEES_MISSING: Final = "TRUSTEES_MISSING"
"""A quorum is connected, but too few of those can take part in this opening."""

FINAL_CODES: Final = frozenset(
    error.code
    for error in (
        refusals.TargetWithoutRequestError,
        refusals.RequestExpiredError,
        refusals.PlaceNotOfTokenError,
        refusals.BindingUnknownError,
        refusals.WalletSwappedError,
        refusals.AnonymousWalletError,
        refusals.BindingEndedError,
        refusals.BindingFrozenError,
        refusals.BindingByOperatorAloneError,
        refusals.WalletShownDiffersError,
        refusals.BindingPartnerTooNewError,
        refusals.PastEpochAfterLaterError,
        refusals.EpochNotIncreasingError,
        refusals.PreviousEpochDiffersError,
        refusals.StartsExhaustedError,
        refusals.OpeningTooSoonError,
        refusals.VintagesMixedError,
    )
)
"""Nothing that can still happen makes the same request good; every other reason may pass."""

TIMED_CODES: Final = frozenset(
    {refusals.BindingWaitsError.code, refusals.MissingPartnerWaitsError.code}
)
"""Reasons that pass with protocol time alone."""

_WITHOUT_PARTNERS: Final[Mapping[str, str]] = {
    refusals.BindingFrozenError.code: "an objection froze the binding; the holder must bind again",
    refusals.BindingPartnerTooNewError.code: (
        "the account was enrolled too shortly before the binding was confirmed"
    ),
    refusals.BindingWaitsError.code: "the wait after both halves of the binding is not over",
    refusals.EarlierGramsUnconfirmedError.code: (
        "the binding must be confirmed once more before earlier grams are opened"
    ),
    refusals.MissingPartnerWaitsError.code: (
        "a submission is missing in one of the epochs, and its wait is not over"
    ),
    refusals.IncompleteSealError.code: "a seal is incomplete; the hub's operator must look",
    refusals.PlacesDifferError.code: "a partner has other places; the hub's operator must look",
    refusals.ProductsPendingError.code: "the trustees are still checking an epoch of the request",
    refusals.ChunkFileDiffersError.code: "a chunk is damaged; the hub's operator must look",
}


def detail_of(error: FedcarbonError) -> str:
    """Return a sentence for the wallet operator that names no partner."""
    return _WITHOUT_PARTNERS.get(error.code, str(error))


def without_partners(error: FedcarbonError) -> FedcarbonError:
    """Return the same error with a message that names no partner."""
    return type(error)(detail_of(error))
