"""Use case of reconciliation: a day's files against the books, differences into suspense.

One transaction does it all, in this order: items that the file explains go back, answers of the
file are entered, new differences go into suspense, the run is written down. Every transfer and item
has an id that follows from what it says, so that a run over the same files and books does nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session

from fedcarbon.canonical.hashing import digest, u64
from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.errors import InsufficientBalanceError, LedgerCorruptedError
from fedcarbon.ledger.unit import FEN
from fedcarbon.redemption.day_report import (
    DayReport,
    missing_report,
    report_hash,
    report_of,
)
from fedcarbon.redemption.differences import (
    Difference,
    Explainer,
    Reason,
    SuspenseItem,
    release,
    suspension,
)
from fedcarbon.redemption.payout_matching import DatedLine, distinct
from fedcarbon.redemption.rail_day import RailDay
from fedcarbon.redemption.reconciliation import (
    BookedDay,
    PayoutAnswer,
    reconcile,
)
from fedcarbon.redemption.statement_matching import BookedReceipt
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.units import Fen, Seconds
from fedcarbon.uses.postings import selling
from hub.clearing.outbox import enter_answer
from hub.clearing.storage.ledger_store import LedgerStore
from hub.clearing.storage.reconciliation_rows import DecisionStep
from hub.clearing.storage.reconciliation_store import Receipt, ReconciliationStore, Run
from hub.clearing.storage.suspense_store import Decision, SuspenseStore
from hub.uses.storage.lot_store import LotStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ReconciledDay:
    """What a run says, and whether it changed anything."""

    report: DayReport
    report_hash: bytes
    run: int
    """The run that counts, from 1; 0 if there is none because the files are missing."""
    changed: bool

    @property
    def is_closed(self) -> bool:
        """Whether the day is reconciled and explained."""
        return not self.report.unexplained


def reconcile_day(
    session: Session, programme: ProgrammeId, rail_day: RailDay, now_s: Seconds
) -> ReconciledDay:
    """Reconcile a programme's day with the rail's files.

    The same files again change nothing, and files that say more are reconciled by what they add.

    Args:
        session: a writing session; the caller commits.
        programme: whose day.
        rail_day: the files of the day, whole; they replace what was read for it before.
        now_s: protocol time.

    Returns:
        The report, as the books stand after it.

    Raises:
        MalformedError: the files are another programme's.
    """
    if rail_day.programme != programme:
        raise MalformedError(f"the files are of programme {rail_day.programme}")
    store = ReconciliationStore(session, programme)
    found = reconcile(_booked_day(session, store, rail_day), rail_day)
    for item in found.explained:
        explaining = Decision(
            item_id=item.item.item_id,
            step=DecisionStep.EXPLAIN,
            destination=item.item.source,
            operator="",
            reason=item.text,
            envelope=None,
            day=found.day,
        )
        transfer = release(programme, item.item, item.item.source)
        LedgerStore(session).post(transfer, now_s)
        SuspenseStore(session).decide(explaining, now_s)
    refused = [_entered(session, found.day, answer, now_s) for answer in found.answers]
    booked = [_suspended(session, programme, item, now_s) for item in found.new]
    not_taken = [difference for difference in refused if difference is not None]
    report = report_of(
        found,
        [*found.differences, *not_taken],
        SuspenseStore(session).of_programme(programme),
        suspense_fen=_held(session, programme, AccountKind.SUSPENSE),
        written_off_fen=_held(session, programme, AccountKind.WRITTEN_OFF),
    )
    moved = bool(found.explained) or any(booked) or len(not_taken) < len(found.answers)
    return _written(store, rail_day, report, now_s, moved=moved)


def missing_day(session: Session, programme: ProgrammeId, day: ValueDay) -> ReconciledDay:
    """Return the report of a day whose files have not come; it changes nothing."""
    report = missing_report(
        programme,
        day,
        suspense_fen=_held(session, programme, AccountKind.SUSPENSE),
        written_off_fen=_held(session, programme, AccountKind.WRITTEN_OFF),
    )
    return ReconciledDay(report=report, report_hash=report_hash(report), run=0, changed=False)


def files_hash(rail_day: RailDay) -> bytes:
    """Return a hash over what the files say, whatever their order and repeats: 32 bytes."""
    lines = sorted(
        {
            (item.payout_id, item.outcome.value, item.reference, item.amount_fen, item.reason)
            for item in rail_day.lines
        }
    )
    said = [repr(line).encode() for line in lines]
    statement = rail_day.statement
    if statement is not None:
        ends = (statement.opening_fen, statement.closing_fen)
        movements = sorted(
            {
                (item.reference, item.amount_fen, item.payout_id or b"", item.text)
                for item in statement.movements
            }
        )
        said += [repr(ends).encode(), *(repr(item).encode() for item in movements)]
    scope = (rail_day.programme.encode(), u64(rail_day.day))
    return digest(b"fedcarbon/v1/rail-files", *scope, u64(len(lines)), *said)


def _booked_day(session: Session, store: ReconciliationStore, rail_day: RailDay) -> BookedDay:
    programme, day = rail_day.programme, rail_day.day
    items = SuspenseStore(session).of_programme(programme)
    speaking = {item.difference.payout_id for item in items if _concerns(item, day)} - {None}
    payout_ids = {line.payout_id for line in rail_day.lines} | store.booked_since(day)
    payout_ids |= {payout_id for payout_id in speaking if payout_id is not None}
    receipts = store.receipts_since(day)
    return BookedDay(
        payouts=store.payouts(payout_ids),
        receipts=_receipts_of(session, programme, receipts, day),
        earlier_lines=store.lines_before(day, payout_ids),
        items=[
            item
            for item in items
            if item.difference.payout_id in payout_ids or _concerns(item, day)
        ],
        at_rail_fen=_at_rail_fen(session, programme, items, receipts, day),
        previous_closing_fen=_previous_closing(store, day),
    )


def _concerns(item: SuspenseItem, day: ValueDay) -> bool:
    """Tell whether an item can still mean something to `day`: old ones that ended well do not."""
    difference = item.difference
    ended = item.explainer is Explainer.FILE or item.released_to is item.source
    late = item.released_day is not None and item.released_day >= day
    return not ended or late or difference.day >= day


def _previous_closing(store: ReconciliationStore, day: ValueDay) -> int | None:
    """Return what the day before closed with; after a gap nobody can say what it should be."""
    last = store.last_run(ValueDay(day - 1))
    return None if last is None else last.closing_fen


def _receipts_of(
    session: Session, programme: ProgrammeId, receipts: Iterable[Receipt], day: ValueDay
) -> list[BookedReceipt]:
    """Return the top-ups of a day and the lots that were sold on it, one by one.

    A buyer pays once, and the books share it out: its price is what the statement must have.

    Raises:
        LedgerCorruptedError: what the books took from buyers is not what lots were sold for.
    """
    own = [receipt for receipt in receipts if receipt.day == day]
    found = [
        BookedReceipt(amount_fen=item.amount_fen, reference=item.transfer_id.hex())
        for item in own
        if item.source is AccountKind.FUNDING
    ]
    shares = {item.transfer_id: item.amount_fen for item in own if item.source is AccountKind.SALES}
    for item in LotStore(session).of_programme(programme) if shares else ():
        if item.sale is None:
            continue
        moved = [shares.pop(share.transfer_id, 0) for share in selling(item.lot, item.sale)]
        if any(moved):
            reference = item.lot.lot_id.hex()
            found.append(BookedReceipt(amount_fen=Fen(sum(moved)), reference=reference))
    if shares:
        raise LedgerCorruptedError("buyers have paid for lots that nobody has sold")
    return found


def _at_rail_fen(
    session: Session,
    programme: ProgrammeId,
    items: Iterable[SuspenseItem],
    receipts: Iterable[Receipt],
    day: ValueDay,
) -> int:
    """Return E1 of `fedcarbon.redemption.reconciliation`, without what belongs to later days."""
    outside = (
        AccountKind.FUNDING,
        AccountKind.SALES,
        AccountKind.PAID_OUT,
        AccountKind.WRITTEN_OFF,
    )
    at_rail_fen: int = -sum(_held(session, programme, kind) for kind in outside)
    at_rail_fen -= sum(item.amount_fen for item in receipts if item.day > day)
    for item in items:
        difference = item.difference
        gone = item.source is AccountKind.FLOAT and item.is_open
        at_rail_fen -= difference.amount_fen if gone else 0
        if difference.day > day:
            at_rail_fen -= difference.effect_fen
        if item.released_to is item.source and (item.released_day or 0) > day:
            at_rail_fen += difference.effect_fen
    return at_rail_fen


def _entered(
    session: Session, day: ValueDay, item: PayoutAnswer, now_s: Seconds
) -> Difference | None:
    """Enter an answer of the file; return a difference if the books cannot take it."""
    try:
        with session.begin_nested():
            enter_answer(session, item.payout_id, item.answer, now_s)
    except FedcarbonError as error:
        return Difference(
            reason=Reason.ANSWER_REFUSED,
            day=day,
            amount_fen=Fen(0),
            source=None,
            payout_id=item.payout_id,
            reference=item.answer.reference,
            text=f"the file says {item.answer.status}: {error.code}",
        )
    return None


def _suspended(
    session: Session, programme: ProgrammeId, item: SuspenseItem, now_s: Seconds
) -> bool:
    """Book an item; return False if its source holds too little, which the report then says."""
    try:
        with session.begin_nested():
            LedgerStore(session).post(suspension(programme, item), now_s)
            SuspenseStore(session).add(programme, item, now_s)
    except InsufficientBalanceError:
        return False
    return True


def _held(session: Session, programme: ProgrammeId, kind: AccountKind) -> Fen:
    return Fen(LedgerStore(session).balance(programme_account(kind, programme), FEN))


def _written(
    store: ReconciliationStore,
    rail_day: RailDay,
    report: DayReport,
    now_s: Seconds,
    *,
    moved: bool,
) -> ReconciledDay:
    own_hash, files = report_hash(report), files_hash(rail_day)
    last = store.last_run(rail_day.day)
    if last is not None and not moved and last.files_hash == files:
        return ReconciledDay(report=report, report_hash=own_hash, run=last.number, changed=False)
    number = 1 if last is None else last.number + 1
    dated = [DatedLine(day=rail_day.day, line=line) for line in rail_day.lines]
    store.add_lines(rail_day.day, files, [item.line for item in distinct(dated)])
    store.add_run(
        Run(
            day=rail_day.day,
            number=number,
            files_hash=files,
            report_hash=own_hash,
            opening_fen=report.opening_fen,
            closing_fen=report.closing_fen,
            differences=len(report.lines),
        ),
        now_s,
    )
    return ReconciledDay(report=report, report_hash=own_hash, run=number, changed=True)
