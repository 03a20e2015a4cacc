"""Errors of the ledger; each says who must act."""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.errors import CallerError, ConfigurationError, PeerError, StateError


class TransferIdReusedError(CallerError):
    """A transfer id came again with other content: the caller must make a new id."""

    code: ClassVar[str] = "TRANSFER_ID_REUSED"


class InsufficientBalanceError(CallerError):
    """The account to be debited holds less than the amount."""

    code: ClassVar[str] = "INSUFFICIENT_BALANCE"


class ReservationUnknownError(CallerError):
    """A post or void names a transfer that does not exist or reserves nothing."""

    code: ClassVar[str] = "RESERVATION_UNKNOWN"


class ReservationMismatchError(CallerError):
    """A post or void differs from its reservation in accounts, unit or amount."""

    code: ClassVar[str] = "RESERVATION_MISMATCH"


class ReservationResolvedError(StateError):
    """The reservation was already posted or voided by another transfer."""

    code: ClassVar[str] = "RESERVATION_RESOLVED"


class ReservationTimedOutError(StateError):
    """The reservation had an end and it is over: it can only be voided."""

    code: ClassVar[str] = "RESERVATION_TIMED_OUT"


class BalanceLimitError(StateError):
    """A balance would leave the range of a signed 64-bit integer."""

    code: ClassVar[str] = "BALANCE_LIMIT"


class OpenedSumDecreasedError(CallerError):
    """An opened sum is below the one that it follows; cumulative sums never shrink."""

    code: ClassVar[str] = "OPENED_SUM_DECREASED"


class OpeningIdReusedError(CallerError):
    """An opening came again for the same account with other figures."""

    code: ClassVar[str] = "OPENING_ID_REUSED"


class OpeningOutOfOrderError(StateError):
    """An opening does not start from the sum that was credited last."""

    code: ClassVar[str] = "OPENING_OUT_OF_ORDER"


class LedgerDayOutOfOrderError(StateError):
    """Ledger days are closed in order, each once."""

    code: ClassVar[str] = "LEDGER_DAY_OUT_OF_ORDER"


class LedgerBatchInvalidError(PeerError):
    """A ledger batch breaks the chain or a rule of the ledger: keep it as evidence."""

    code: ClassVar[str] = "LEDGER_BATCH_INVALID"


class LedgerCorruptedError(ConfigurationError):
    """Stored balances and stored transfers disagree: the operator must stop and investigate."""

    code: ClassVar[str] = "LEDGER_CORRUPTED"
