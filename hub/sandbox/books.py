"""SANDBOX: the books of a payout rail that moves no money.

They are a SQLite file of their own, because a rail is another organisation: a crash of the hub does
not take back what the rail has done. Every reference begins with `sandbox-`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Final

from sqlalchemy import delete, func, insert, update
from sqlmodel import Session, col, select

from fedcarbon.canonical.hashing import digest
from fedcarbon.errors import CallerError
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.payouts import PayoutOutcome
from fedcarbon.redemption.rail import Payout, RailAnswer, RailStatus
from fedcarbon.redemption.rail_day import FloatMovement, FloatStatement, RailLine
from fedcarbon.redemption.value_day import ValueDay, value_day
from fedcarbon.units import Fen, Seconds
from hub.sandbox.faults import IN_FILES, NO_FAULT, Fault, RailFault
from hub.sandbox.rows import (
    SandboxAccountRow,
    SandboxLetterRow,
    SandboxMovementRow,
    SandboxNoticeRow,
    SandboxPayoutRow,
    SandboxResultRow,
    SandboxTable,
)
from hub.storage.engine import create_tables, reading, sqlite_engine, writing

REFERENCE_PREFIX: Final = "sandbox-"
REJECTED_REASON: Final = "the sandbox was told to reject this payout"
EMPTY_REASON: Final = "the float has not enough money"
RETURNED_REASON: Final = "the sandbox was told that the wallet's operator sends this back"
WRONG_BY_FEN: Final = 1
_OUTCOMES: Final = {
    RailStatus.SETTLED: PayoutOutcome.SETTLED,
    RailStatus.REJECTED: PayoutOutcome.REJECTED,
    RailStatus.RETURNED: PayoutOutcome.REVERSED,
}


class PayoutIdReusedError(CallerError):
    """A payout id came to the rail again with another programme, wallet or amount."""

    code: ClassVar[str] = "PAYOUT_ID_REUSED"


class SandboxAccountUnknownError(CallerError):
    """The rail keeps no account for this programme, or it is another hub's."""

    code: ClassVar[str] = "SANDBOX_ACCOUNT_UNKNOWN"


class SandboxOrderReplayedError(CallerError):
    """An order to the sandbox came again; it was carried out once."""

    code: ClassVar[str] = "SANDBOX_ORDER_REPLAYED"


class SandboxOverdrawnError(CallerError):
    """The float's account has not that much money."""

    code: ClassVar[str] = "SANDBOX_OVERDRAWN"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxDelays:
    """How long the sandbox takes."""

    settle_s: int = 0
    """From ACCEPTED to settled."""
    return_s: int = 0
    """From settled to returned, for LATE_FAILURE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Booked:
    """What the books hold of a payout."""

    programme: ProgrammeId
    amount_fen: Fen
    answer: RailAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice that is to be sent."""

    payout_id: bytes
    programme: ProgrammeId
    amount_fen: Fen
    answer: RailAnswer
    copies: int


class SandboxBooks:
    """The books. Every method is one transaction; threads and processes may share them."""

    def __init__(
        self,
        path: Path,
        *,
        delays: SandboxDelays | None = None,
        noticed: frozenset[ProgrammeId] = frozenset(),
    ) -> None:
        """Open the books, which are made if the file is missing.

        Args:
            path: the SQLite file.
            delays: how long results take.
            noticed: the programmes whose hubs want notices.
        """
        self._engine = sqlite_engine(path)
        self._delays = delays or SandboxDelays()
        self._noticed = noticed
        create_tables(self._engine, SandboxTable.metadata)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def open_account(
        self, programme: ProgrammeId, now_s: Seconds, *, opening_fen: int, is_overdrawable: bool
    ) -> None:
        """Open the account of a programme's float; nothing if there is one."""
        with writing(self._engine) as session:
            if session.get(SandboxAccountRow, programme) is not None:
                return
            session.exec(
                insert(SandboxAccountRow).values(
                    programme=programme,
                    balance_fen=0,
                    held_fen=0,
                    is_overdrawable=int(is_overdrawable),
                )
            )
            if opening_fen:
                _top_up(session, programme, opening_fen, "opening balance", now_s)

    def top_up(self, programme: ProgrammeId, amount_fen: Fen, label: str, now_s: Seconds) -> bool:
        """Enter money that was paid in; the same label again is the same payment.

        Raises:
            SandboxAccountUnknownError: the programme has no account.
        """
        with writing(self._engine) as session:
            return _top_up(session, programme, amount_fen, label, now_s)

    def move(
        self, programme: ProgrammeId, signed_fen: int, letter_id: bytes, now_s: Seconds
    ) -> None:
        """Move money that belongs to no payout, as the fault UNKNOWN_MOVEMENT.

        Raises:
            SandboxAccountUnknownError: the programme has no account.
            SandboxOverdrawnError: the account has not that much.
        """
        with writing(self._engine) as session:
            reference = f"{REFERENCE_PREFIX}fee-{letter_id.hex()}"
            _move(session, programme, signed_fen, reference, "service fee", now_s)

    def take_order(self, letter_id: bytes) -> None:
        """Note that an order is carried out.

        Raises:
            SandboxOrderReplayedError: it was before.
        """
        with writing(self._engine) as session:
            if session.get(SandboxLetterRow, letter_id) is not None:
                raise SandboxOrderReplayedError("this order was carried out before")
            session.exec(insert(SandboxLetterRow).values(letter_id=letter_id))

    def pay(self, payout: Payout, now_s: Seconds, fault: Fault = NO_FAULT) -> RailAnswer:
        """Pay once per payout id, however often and after whatever crash it comes.

        Raises:
            PayoutIdReusedError: the id came before with another content.
            SandboxAccountUnknownError: the programme has no account.
        """
        with writing(self._engine) as session:
            stored = session.get(SandboxPayoutRow, payout.payout_id)
            if stored is None:
                stored = self._taken_in(session, payout, now_s, fault.kind)
            elif (stored.programme, stored.wallet_id, stored.amount_fen) != (
                payout.programme,
                payout.wallet_id,
                payout.amount_fen,
            ):
                raise PayoutIdReusedError(
                    f"payout {payout.payout_id.hex()} exists with another wallet or amount"
                )
            return _answer(stored)

    def query(self, payout_id: bytes, now_s: Seconds) -> Booked | None:
        """Return what became of a payout, or None if it never came; what is due happens first."""
        with writing(self._engine) as session:
            stored = session.get(SandboxPayoutRow, payout_id)
            if stored is None:
                return None
            self._moved_on(session, stored, now_s)
            return Booked(
                programme=ProgrammeId(stored.programme),
                amount_fen=Fen(stored.amount_fen),
                answer=_answer(stored),
            )

    def pass_time(self, now_s: Seconds) -> int:
        """Settle and send back what is due; return how much that was."""
        with writing(self._engine) as session:
            due = session.exec(
                select(SandboxPayoutRow).where(col(SandboxPayoutRow.due_s) <= now_s)
            ).all()
            for stored in due:
                self._moved_on(session, stored, now_s)
            return len(due)

    def lines(self, programme: ProgrammeId, day: ValueDay) -> tuple[RailLine, ...]:
        """Return the settlement file of a day as it will be sent, with its faults."""
        with reading(self._engine) as session:
            found = session.exec(
                select(SandboxResultRow, SandboxPayoutRow.fault)
                .join(
                    SandboxPayoutRow,
                    col(SandboxPayoutRow.payout_id) == col(SandboxResultRow.payout_id),
                )
                .where(SandboxResultRow.programme == programme, SandboxResultRow.value_day == day)
                .order_by(col(SandboxResultRow.reference))
            ).all()
        return tuple(line for row, fault in found for line in _lines_of(row, RailFault(fault)))

    def statement(self, programme: ProgrammeId, day: ValueDay) -> FloatStatement:
        """Return what the account of a programme's float did on a day."""
        with reading(self._engine) as session:
            opening = session.exec(
                select(func.coalesce(func.sum(SandboxMovementRow.amount_fen), 0)).where(
                    SandboxMovementRow.programme == programme,
                    col(SandboxMovementRow.value_day) < day,
                )
            ).one()
            found = session.exec(
                select(SandboxMovementRow)
                .where(
                    SandboxMovementRow.programme == programme,
                    SandboxMovementRow.value_day == day,
                )
                .order_by(col(SandboxMovementRow.reference))
            ).all()
            movements = tuple(
                FloatMovement(
                    reference=row.reference,
                    amount_fen=row.amount_fen,
                    payout_id=row.payout_id,
                    text=row.text,
                )
                for row in found
            )
        closing = opening + sum(movement.amount_fen for movement in movements)
        return FloatStatement(opening_fen=opening, closing_fen=closing, movements=movements)

    def payouts_fen(self) -> dict[bytes, Fen]:
        """Return what was paid and not returned: payout id to amount."""
        with reading(self._engine) as session:
            rows = session.exec(
                select(SandboxPayoutRow.payout_id, SandboxPayoutRow.amount_fen).where(
                    SandboxPayoutRow.status == RailStatus.SETTLED.value
                )
            ).all()
        return {payout_id: Fen(amount_fen) for payout_id, amount_fen in rows}

    def balances_fen(self) -> dict[ProgrammeId, int]:
        """Return the balance of every account."""
        with reading(self._engine) as session:
            rows = session.exec(
                select(SandboxAccountRow.programme, SandboxAccountRow.balance_fen)
            ).all()
        return {ProgrammeId(programme): balance_fen for programme, balance_fen in rows}

    def notices(self, limit: int) -> tuple[Notice, ...]:
        """Return notices that are still to be sent."""
        with reading(self._engine) as session:
            found = select(SandboxNoticeRow, SandboxPayoutRow.amount_fen).where(
                SandboxNoticeRow.payout_id == SandboxPayoutRow.payout_id
            )
            rows = session.exec(found.limit(limit)).all()
            return tuple(
                Notice(
                    payout_id=row.payout_id,
                    programme=ProgrammeId(row.programme),
                    amount_fen=Fen(amount_fen),
                    answer=_answer(row),
                    copies=row.copies,
                )
                for row, amount_fen in rows
            )

    def acknowledged(self, notice: Notice) -> None:
        """Strike one copy of a notice off the list."""
        is_it = (
            col(SandboxNoticeRow.payout_id) == notice.payout_id,
            col(SandboxNoticeRow.status) == notice.answer.status.value,
        )
        with writing(self._engine) as session:
            if notice.copies == 1:
                session.exec(delete(SandboxNoticeRow).where(*is_it))
            else:
                session.exec(
                    update(SandboxNoticeRow).where(*is_it).values(copies=notice.copies - 1)
                )

    def _taken_in(
        self, session: Session, payout: Payout, now_s: Seconds, fault: RailFault
    ) -> SandboxPayoutRow:
        account = _account(session, payout.programme)
        stored = SandboxPayoutRow(
            payout_id=payout.payout_id,
            programme=payout.programme,
            wallet_id=payout.wallet_id,
            amount_fen=payout.amount_fen,
            status=RailStatus.ACCEPTED.value,
            reason="",
            reference=f"{REFERENCE_PREFIX}{payout.payout_id.hex()}",
            fault=fault.value,
        )
        session.add(stored)
        if fault is RailFault.REJECT:
            self._enter(session, stored, RailStatus.REJECTED, REJECTED_REASON, now_s)
        elif not _may_leave(account, payout.amount_fen):
            self._enter(session, stored, RailStatus.REJECTED, EMPTY_REASON, now_s)
        else:
            account.held_fen += payout.amount_fen
            if fault is RailFault.ACCEPT:
                stored.due_s = now_s + self._delays.settle_s
            else:
                self._settle(session, stored, now_s)
        session.flush()
        return stored

    def _settle(self, session: Session, stored: SandboxPayoutRow, now_s: Seconds) -> None:
        programme = ProgrammeId(stored.programme)
        _account(session, programme).held_fen -= stored.amount_fen
        _move(
            session, programme, -stored.amount_fen, stored.reference, "payout", now_s,
            stored.payout_id,
        )  # fmt: skip
        self._enter(session, stored, RailStatus.SETTLED, "", now_s)
        if stored.fault == RailFault.LATE_FAILURE:
            stored.due_s = now_s + self._delays.return_s

    def _moved_on(self, session: Session, stored: SandboxPayoutRow, now_s: Seconds) -> None:
        if stored.due_s is None or stored.due_s > now_s:
            return
        stored.due_s = None
        if stored.status == RailStatus.ACCEPTED:
            self._settle(session, stored, now_s)
        else:
            stored.reference = f"{REFERENCE_PREFIX}return-{stored.payout_id.hex()}"
            _move(
                session, ProgrammeId(stored.programme), stored.amount_fen, stored.reference,
                "return", now_s, stored.payout_id,
            )  # fmt: skip
            self._enter(session, stored, RailStatus.RETURNED, RETURNED_REASON, now_s)
        session.flush()

    def _enter(
        self,
        session: Session,
        stored: SandboxPayoutRow,
        status: RailStatus,
        reason: str,
        now_s: Seconds,
    ) -> None:
        """Enter a final result: what the file of its day and a notice will say."""
        day = value_day(now_s)
        stored.status, stored.reason, stored.value_day = status.value, reason, day
        session.add(
            SandboxResultRow(
                payout_id=stored.payout_id,
                outcome=_OUTCOMES[status].value,
                programme=stored.programme,
                value_day=day,
                amount_fen=stored.amount_fen,
                reference=stored.reference,
                reason=reason,
            )
        )
        if stored.programme in self._noticed:
            session.add(
                SandboxNoticeRow(
                    payout_id=stored.payout_id,
                    status=status.value,
                    programme=stored.programme,
                    reason=reason,
                    reference=stored.reference,
                    value_day=day,
                    copies=2 if stored.fault == RailFault.DUPLICATE_NOTIFICATION else 1,
                )
            )


def _account(session: Session, programme: ProgrammeId) -> SandboxAccountRow:
    account = session.get(SandboxAccountRow, programme)
    if account is None:
        raise SandboxAccountUnknownError(f"the sandbox keeps no account for {programme}")
    return account


def _may_leave(account: SandboxAccountRow, amount_fen: int) -> bool:
    return bool(account.is_overdrawable) or account.balance_fen - account.held_fen >= amount_fen


def _top_up(
    session: Session, programme: ProgrammeId, amount_fen: int, label: str, now_s: Seconds
) -> bool:
    named = digest(b"fedcarbon/v1/sandbox-top-up", programme.encode(), label.encode())
    reference = f"{REFERENCE_PREFIX}top-up-{named.hex()[:32]}"
    if session.get(SandboxMovementRow, reference) is not None:
        return False
    _move(session, programme, amount_fen, reference, "paid in", now_s)
    return True


def _move(
    session: Session,
    programme: ProgrammeId,
    signed_fen: int,
    reference: str,
    text: str,
    now_s: Seconds,
    payout_id: bytes | None = None,
) -> None:
    account = _account(session, programme)
    if not _may_leave(account, -signed_fen):
        raise SandboxOverdrawnError(f"the float of {programme} has not that much money")
    account.balance_fen += signed_fen
    session.add(
        SandboxMovementRow(
            reference=reference,
            programme=programme,
            value_day=value_day(now_s),
            amount_fen=signed_fen,
            payout_id=payout_id,
            text=text,
        )
    )


def _answer(row: SandboxPayoutRow | SandboxNoticeRow) -> RailAnswer:
    return RailAnswer(
        status=RailStatus(row.status),
        reason=row.reason,
        reference=row.reference,
        value_day=None if row.value_day is None else ValueDay(row.value_day),
    )


def _lines_of(row: SandboxResultRow, fault: RailFault) -> list[RailLine]:
    settled = row.outcome == PayoutOutcome.SETTLED
    wrong = fault if fault in IN_FILES and settled else RailFault.NONE
    if wrong is RailFault.MISSING_IN_FILE:
        return []
    line = RailLine(
        payout_id=row.payout_id,
        amount_fen=Fen(
            row.amount_fen + (WRONG_BY_FEN if wrong is RailFault.WRONG_AMOUNT_IN_FILE else 0)
        ),
        outcome=PayoutOutcome(row.outcome),
        reference=row.reference,
        reason=row.reason,
    )
    if wrong is RailFault.TWICE_IN_FILE:
        return [line, replace(line, reference=f"{row.reference}-again")]
    return [line]
