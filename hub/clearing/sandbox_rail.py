"""SANDBOX: a payout rail that moves no money, with a book of its own and faults on request.

It stands in for a wallet operator's interface, which nobody publishes. Its book is its own SQLite
file, because a rail is another organisation: a crash of the hub does not take back what the rail
has done. Every reference it gives begins with `sandbox-`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import ClassVar, Final

from sqlalchemy import BigInteger, CheckConstraint, MetaData, insert, update
from sqlalchemy.orm import registry
from sqlmodel import Field, Session, SQLModel, col, select
from typing_extensions import override

from fedcarbon.errors import CallerError
from fedcarbon.redemption.rail import Payout, Rail, RailAnswer, RailStatus
from fedcarbon.redemption.wallet import WalletId
from fedcarbon.units import Fen
from hub.storage.columns import created_at_column
from hub.storage.engine import create_tables, reading, sqlite_engine, writing

REFERENCE_PREFIX: Final = "sandbox-"
REJECTED_REASON: Final = "the sandbox was told to reject this payout"


class PayoutIdReusedError(CallerError):
    """A payout id came to the rail again with another wallet or amount."""

    code: ClassVar[str] = "PAYOUT_ID_REUSED"


class RailFault(StrEnum):
    """What goes wrong with one call."""

    NONE = "none"
    LOST_REQUEST = "lost_request"
    """The rail never sees the call; the caller learns nothing."""
    LOST_ANSWER = "lost_answer"
    """The rail does it; the caller learns nothing."""
    SLOW = "slow"
    """The rail does it; the answer comes late."""
    REJECT = "reject"
    """The rail refuses the payout, for ever."""
    ACCEPT = "accept"
    """The rail takes the payout in and settles it when it is asked."""


class SandboxTable(SQLModel, registry=registry(metadata=MetaData())):
    """Base of the sandbox's tables: never made in the hub's database."""


class SandboxPayoutRow(SandboxTable, table=True):
    """One payout in the sandbox's book."""

    __tablename__ = "sandbox_payouts"
    __table_args__ = (
        CheckConstraint("amount_fen >= 1", name="pays_something"),
        CheckConstraint("length(payout_id) = 16", name="payout_id_size"),
    )

    payout_id: bytes = Field(primary_key=True)
    wallet_id: str
    amount_fen: int = Field(sa_type=BigInteger)
    status: str
    created_at: datetime | None = created_at_column()


class SandboxRail(Rail):
    """The sandbox. It pays a payout id once, however often and after whatever crash it comes."""

    def __init__(
        self,
        book: Path,
        *,
        wait: Callable[[], None],
        faults: Iterable[RailFault] = (),
        rejected_wallets: frozenset[WalletId] = frozenset(),
    ) -> None:
        """Open the book and set what will go wrong.

        Args:
            book: the sandbox's own SQLite file, made if it is missing.
            wait: what a SLOW answer waits for, for example a sleep.
            faults: one per call, in order; after the last one nothing goes wrong.
            rejected_wallets: wallets that are always refused.
        """
        self._engine = sqlite_engine(book)
        self._wait = wait
        self._faults = iter(tuple(faults))
        self._rejected_wallets = rejected_wallets
        create_tables(self._engine, SandboxTable.metadata)

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        """Pay once per `payout_id`, as far as the next fault lets it.

        Raises:
            PayoutIdReusedError: the id came before with another wallet or amount.
        """
        payout_id, wallet_id = payout.payout_id, payout.wallet_id
        fault = next(self._faults, RailFault.NONE)
        if fault is RailFault.LOST_REQUEST:
            return RailAnswer(status=RailStatus.UNKNOWN)
        refused = fault is RailFault.REJECT or wallet_id in self._rejected_wallets
        if refused:
            status = RailStatus.REJECTED
        elif fault is RailFault.ACCEPT:
            status = RailStatus.ACCEPTED
        else:
            status = RailStatus.SETTLED
        with writing(self._engine) as session:
            stored = _find(session, payout_id)
            if stored is None:
                session.exec(
                    insert(SandboxPayoutRow).values(
                        payout_id=payout_id,
                        wallet_id=wallet_id,
                        amount_fen=payout.amount_fen,
                        status=status.value,
                    )
                )
            elif (stored.wallet_id, stored.amount_fen) != (wallet_id, payout.amount_fen):
                raise PayoutIdReusedError(
                    f"payout {payout_id.hex()} exists with another wallet or amount"
                )
            else:
                status = RailStatus(stored.status)
        return self._answered(payout_id, status, fault)

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        """Return what became of the payout; one that was only accepted settles now."""
        fault = next(self._faults, RailFault.NONE)
        if fault is RailFault.LOST_REQUEST:
            return RailAnswer(status=RailStatus.UNKNOWN)
        with writing(self._engine) as session:
            stored = _find(session, payout_id)
            if stored is None:
                status = RailStatus.NOT_FOUND
            elif stored.status == RailStatus.ACCEPTED:
                status = RailStatus.SETTLED
                session.exec(
                    update(SandboxPayoutRow)
                    .where(col(SandboxPayoutRow.payout_id) == payout_id)
                    .values(status=status.value)
                    .execution_options(synchronize_session=False)
                )
            else:
                status = RailStatus(stored.status)
        return self._answered(payout_id, status, fault)

    def payouts_fen(self) -> dict[bytes, Fen]:
        """Return what the book says was paid: payout id to amount."""
        with reading(self._engine) as session:
            rows = session.exec(
                select(SandboxPayoutRow.payout_id, SandboxPayoutRow.amount_fen).where(
                    SandboxPayoutRow.status == RailStatus.SETTLED.value
                )
            ).all()
        return {payout_id: Fen(amount_fen) for payout_id, amount_fen in rows}

    def close(self) -> None:
        """Close the book's connections."""
        self._engine.dispose()

    def _answered(self, payout_id: bytes, status: RailStatus, fault: RailFault) -> RailAnswer:
        if fault is RailFault.LOST_ANSWER:
            return RailAnswer(status=RailStatus.UNKNOWN)
        if fault is RailFault.SLOW:
            self._wait()
        return RailAnswer(
            status=status,
            reason=REJECTED_REASON if status is RailStatus.REJECTED else "",
            reference=f"{REFERENCE_PREFIX}{payout_id.hex()}",
        )


def _find(session: Session, payout_id: bytes) -> SandboxPayoutRow | None:
    return session.exec(
        select(SandboxPayoutRow).where(SandboxPayoutRow.payout_id == payout_id)
    ).first()
