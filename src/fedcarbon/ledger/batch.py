"""Ledger batches: a day's transfers as a statement, chained by hash to the batch before.

The hub logs each batch as a leaf. Whoever has all batches replays them through the same rules and
gets the same balances, from nothing but the files (`replay`). A ledger day is a UTC day.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Final, NewType

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.hashing import DIGEST_BYTES, digest
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.ledger.account import Account
from fedcarbon.ledger.balances import Balances
from fedcarbon.ledger.errors import LedgerBatchInvalidError
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import unit_from_text
from fedcarbon.units import SECONDS_PER_DAY, Seconds

LedgerDay = NewType("LedgerDay", int)
"""UTC days since 1970-01-01."""

CHAIN_START: Final = bytes(DIGEST_BYTES)
"""Stands where the first batch names the batch before it."""
_LABEL: Final = b"fedcarbon/v1/ledger-batch"
_DIGITS_MAX: Final = 40
"""More than any sum of micrograms or fen will ever have."""
_AMOUNT: Final = re.compile(rf"[0-9]{{1,{_DIGITS_MAX}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerLine:
    """One transfer as it stands in a batch."""

    transfer_id: bytes
    debit: str
    """Name of the account."""
    credit: str
    unit: str
    amount: str
    """Decimal digits, in ug or fen."""
    phase: Phase
    resolves: bytes | None
    expires_s: int | None
    """For a reservation that has an end: protocol time from which it can only be voided."""
    recorded_s: int
    """Protocol time at which the hub took it."""

    def transfer(self) -> Transfer:
        """Return the transfer of this line.

        Raises:
            MalformedError: the line is not a valid transfer.
        """
        if _AMOUNT.fullmatch(self.amount) is None:
            raise MalformedError(f"an amount is 1 to {_DIGITS_MAX} decimal digits")
        transfer = Transfer(
            transfer_id=self.transfer_id,
            debit=Account.from_name(self.debit),
            credit=Account.from_name(self.credit),
            unit=unit_from_text(self.unit),
            amount=int(self.amount),
            phase=self.phase,
            resolves=self.resolves,
            expires_s=None if self.expires_s is None else Seconds(self.expires_s),
        )
        if str(transfer.amount) != self.amount:
            raise MalformedError("the amount of a ledger line has no leading zeros")
        return transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerBatch(Statement):
    """The transfers of one ledger day, in the order in which they were taken."""

    KIND: ClassVar[str] = "ledger_batch"

    parameter_id: bytes
    day: int
    """A `LedgerDay`."""
    previous_batch: bytes
    """`batch_hash` of the batch before, `CHAIN_START` for the first."""
    first_sequence: int
    """Sequence number of the first line; transfers count from 1 without a gap."""
    lines: tuple[LedgerLine, ...]

    def __post_init__(self) -> None:
        """Check sizes and ranges."""
        if {len(self.parameter_id), len(self.previous_batch)} != {DIGEST_BYTES}:
            raise MalformedError(f"parameter id and batch hash have {DIGEST_BYTES} bytes")
        if self.day < 0 or self.first_sequence < 1:
            raise MalformedError("days count from 0 and transfers from 1")


def line_of(transfer: Transfer, recorded_s: Seconds) -> LedgerLine:
    """Return `transfer` as a line."""
    return LedgerLine(
        transfer_id=transfer.transfer_id,
        debit=transfer.debit.name,
        credit=transfer.credit.name,
        unit=transfer.unit.text,
        amount=str(transfer.amount),
        phase=transfer.phase,
        resolves=transfer.resolves,
        expires_s=transfer.expires_s,
        recorded_s=recorded_s,
    )


def ledger_day(instant_s: Seconds) -> LedgerDay:
    """Return the UTC day that holds the instant."""
    return LedgerDay(instant_s // SECONDS_PER_DAY)


def batch_hash(batch_bytes: bytes) -> bytes:
    """Return the hash by which the next batch names this one: 32 bytes."""
    return digest(_LABEL, batch_bytes)


def replay(batches: Iterable[bytes], parameter_id: bytes) -> Balances:
    """Return the balances that follow from the batches alone.

    Args:
        batches: canonical bytes of every batch, the first one first.
        parameter_id: the parameter set that each of them must bind.

    Raises:
        LedgerBatchInvalidError: a batch is malformed, does not continue the chain, or holds a
            transfer that a rule of the ledger refuses.
    """
    balances = Balances()
    previous, sequence, day = CHAIN_START, 1, -1
    for data in batches:
        try:
            batch = statements.decode(LedgerBatch, data)
            if batch.parameter_id != parameter_id:
                raise MalformedError("it binds another parameter set")
            if (batch.previous_batch, batch.first_sequence) != (previous, sequence):
                raise MalformedError("it does not continue the batch before it")
            if batch.day <= day:
                raise MalformedError("its day does not follow the day before it")
            for line in batch.lines:
                if not balances.apply(line.transfer(), Seconds(line.recorded_s)):
                    raise MalformedError(f"transfer {line.transfer_id.hex()} stands twice")
        except FedcarbonError as error:
            raise LedgerBatchInvalidError(
                f"the ledger batch from sequence {sequence} is not valid: {error}"
            ) from error
        previous, day = batch_hash(data), batch.day
        sequence += len(batch.lines)
    return balances
