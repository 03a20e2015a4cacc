"""The replay of the ledger: batches in order, every transfer by the rules, nothing left out.

A replay that stopped at the first wrong transfer would hide the second. So what a rule refuses
becomes a finding and is entered all the same: balances then are what the hub says they are, and
later transfers are judged by them. Only a transfer whose id was used before is not entered twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from typing_extensions import override

from fedcarbon.audit.books import Books, MoneyLeaf, decoded
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import Account, AccountKind
from fedcarbon.ledger.batch import CHAIN_START, LedgerBatch, batch_hash
from fedcarbon.ledger.errors import InsufficientBalanceError, TransferIdReusedError
from fedcarbon.ledger.rules import LedgerView, changes_of
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import MassUnit, Unit
from fedcarbon.units import Seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """A transfer in its place."""

    transfer: Transfer
    batch_leaf: int
    """Index of the leaf of its batch."""
    number: int
    """Position among all transfers that were entered, from 0."""
    recorded_s: Seconds
    """Protocol time at which the hub says it took it."""
    left: int
    """What the debit account holds after it: fen, or grams of the programme over all vintages."""


@dataclass(slots=True)
class ReplayedLedger(LedgerView):
    """What follows from the batches."""

    booked: dict[bytes, Booked] = field(default_factory=dict)
    """By transfer id, in order."""
    batches: dict[bytes, tuple[int, int | None]] = field(default_factory=dict)
    """Batch hash to leaf index and day; no day if the batch cannot be read."""
    last_leaf: int = -1
    """Leaf of the last batch: everything before it must be booked."""
    _balances: defaultdict[tuple[Account, Unit], int] = field(
        default_factory=lambda: defaultdict(int)
    )
    _pooled_ug: defaultdict[tuple[Account, ProgrammeId], int] = field(
        default_factory=lambda: defaultdict(int)
    )
    _resolutions: dict[bytes, bytes] = field(default_factory=dict)

    def enter(self, transfer: Transfer, recorded_s: Seconds, batch_leaf: int) -> None:
        """Enter a transfer whatever the rules say of it, and then say what they say.

        Raises:
            TransferIdReusedError: its id stands before; it was not entered again.
            FedcarbonError: a rule of the ledger refuses it; it was entered.
        """
        if transfer.transfer_id in self.booked:
            raise TransferIdReusedError(f"transfer {transfer.transfer_id.hex()} stands twice")
        refusal: FedcarbonError | None = None
        try:
            changes_of(transfer, self, recorded_s)
        except FedcarbonError as error:
            refusal = error
        for account, amount in (
            (transfer.debit, -transfer.amount),
            (transfer.credit, transfer.amount),
        ):
            self._balances[account, transfer.unit] += amount
            if isinstance(transfer.unit, MassUnit):
                self._pooled_ug[account, transfer.unit.programme] += amount
        left = self._balances[transfer.debit, transfer.unit]
        if isinstance(transfer.unit, MassUnit):
            left = self._pooled_ug[transfer.debit, transfer.unit.programme]
        self.booked[transfer.transfer_id] = Booked(
            transfer=transfer,
            batch_leaf=batch_leaf,
            number=len(self.booked),
            recorded_s=recorded_s,
            left=left,
        )
        if transfer.resolves is not None:
            self._resolutions.setdefault(transfer.resolves, transfer.transfer_id)
        if refusal is not None:
            raise refusal

    @override
    def balance(self, account: Account, unit: Unit) -> int:
        """Return the balance of `account` in `unit`."""
        return self._balances.get((account, unit), 0)

    @override
    def transfer(self, transfer_id: bytes) -> Transfer | None:
        """Return the transfer with this id, if there is one."""
        found = self.booked.get(transfer_id)
        return None if found is None else found.transfer

    @override
    def resolution_of(self, reservation_id: bytes) -> bytes | None:
        """Return the id of the first transfer that posted or voided the reservation."""
        return self._resolutions.get(reservation_id)

    def items(self) -> Iterator[tuple[Account, Unit, int]]:
        """Yield every account, unit and balance."""
        for (account, unit), balance in self._balances.items():
            yield account, unit, balance


def replayed(books: Books, credits_: frozenset[bytes], findings: list[Finding]) -> ReplayedLedger:
    """Return what follows from the ledger batches, with a finding for everything that is wrong.

    Args:
        books: the record's books.
        credits_: ids of the transfers that credit openings.
        findings: where findings go.
    """
    ledger = ReplayedLedger()
    previous, sequence, day = CHAIN_START, 1, -1
    for leaf in books.ledger_batches:
        ledger.last_leaf = leaf.index
        batch = decoded(LedgerBatch, leaf, books, CheckId.LEDGER, findings)
        own_hash = batch_hash(leaf.payload)
        if batch is None:
            # The next batch still names this one, but nobody knows how many lines it had.
            previous, sequence = own_hash, 0
            ledger.batches[own_hash] = (leaf.index, None)
            continue
        expected = (previous, sequence or batch.first_sequence)
        if (batch.previous_batch, batch.first_sequence) != expected or batch.day <= day:
            findings.append(_broken_chain(leaf, batch, sequence, day))
        ledger.batches[own_hash] = (leaf.index, batch.day)
        _enter_lines(ledger, leaf, batch, credits_, findings)
        previous, day = own_hash, batch.day
        sequence = batch.first_sequence + len(batch.lines)
    return ledger


def _broken_chain(leaf: MoneyLeaf, batch: LedgerBatch, sequence: int, day: int) -> Finding:
    return Finding(
        check=CheckId.LEDGER,
        code="BATCH_CHAIN_BROKEN",
        subject=f"ledger day {batch.day}",
        text=(
            f"the batch begins with transfer {batch.first_sequence} after batch "
            f"{batch.previous_batch.hex()[:16]}; the batch before it ends before transfer "
            f"{sequence} on day {day}: a batch was removed, added or changed; the hub must explain"
        ),
        leaf=leaf.index,
    )


def _enter_lines(
    ledger: ReplayedLedger,
    leaf: MoneyLeaf,
    batch: LedgerBatch,
    credits_: frozenset[bytes],
    findings: list[Finding],
) -> None:
    for number, line in enumerate(batch.lines, start=batch.first_sequence):

        def found(error: FedcarbonError, code: str, check: CheckId, number: int = number) -> None:
            findings.append(
                Finding(
                    check=check,
                    code=code,
                    subject=f"transfer {number}",
                    text=f"{error}; the hub must explain",
                    leaf=leaf.index,
                )
            )

        try:
            transfer = line.transfer()
        except MalformedError as error:
            found(error, "TRANSFER_MALFORMED", CheckId.LEDGER)
            continue
        try:
            ledger.enter(transfer, Seconds(line.recorded_s), leaf.index)
        except InsufficientBalanceError as error:
            reserved = transfer.phase is Phase.RESERVE
            overspent = reserved and transfer.debit.kind is AccountKind.SPENDABLE
            check = CheckId.REDEMPTIONS if overspent else CheckId.LEDGER
            found(error, "REDEMPTION_ABOVE_OPENED" if overspent else error.code, check)
        except TransferIdReusedError as error:
            again = transfer.transfer_id in credits_
            found(error, "OPENING_CREDITED_TWICE" if again else error.code, CheckId.LEDGER)
        except FedcarbonError as error:
            found(error, error.code, CheckId.LEDGER)
