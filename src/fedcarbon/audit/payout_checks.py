"""Payouts: what the rail answered against what was ordered and booked (V21)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from fedcarbon.audit.books import Books, decoded
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.ledger_replay import ReplayedLedger
from fedcarbon.audit.redemption_checks import BookedRedemption, Fate, LoggedOrder
from fedcarbon.redemption.payouts import PayoutBatch, PayoutLine, PayoutOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A line of a payout batch and where it stands."""

    line: PayoutLine
    leaf: int
    """Of the payout batch."""
    ledger_leaf: int
    """Of the ledger batch that it goes with."""


def answers(
    books: Books, ledger: ReplayedLedger, findings: list[Finding]
) -> tuple[list[Answer], set[int]]:
    """Return every answer, and the leaves of the ledger batches that have a payout batch.

    Args:
        books: the record's books.
        ledger: what follows from its ledger batches.
        findings: where findings go.
    """
    said: list[Answer] = []
    reported: set[int] = set()
    unreadable = False
    for leaf in books.payout_batches:
        batch = decoded(PayoutBatch, leaf, books, CheckId.PAYOUTS, findings)
        if batch is None:
            unreadable = True
            continue
        ledger_leaf, day = ledger.batches.get(batch.ledger_batch, (leaf.index, None))
        in_step = ledger_leaf < leaf.index and day in {None, batch.day}
        if not in_step or ledger_leaf in reported:
            text = "it goes with no ledger batch before it, or with one that has another already"
            findings.append(
                _finding("PAYOUTS_OUT_OF_STEP", f"ledger day {batch.day}", text, leaf.index)
            )
        reported.add(ledger_leaf)
        said += [
            Answer(line=line, leaf=leaf.index, ledger_leaf=ledger_leaf) for line in batch.lines
        ]
    for ledger_leaf, day in ledger.batches.values():
        if ledger_leaf not in reported and not unreadable:
            text = "no payout batch goes with the ledger batch; the hub must log what the rail said"
            findings.append(
                _finding("PAYOUTS_NOT_REPORTED", f"ledger batch of day {day}", text, ledger_leaf)
            )
    return said, reported


def check_answers(
    said: list[Answer],
    reported: set[int],
    orders: Mapping[bytes, LoggedOrder],
    redemptions: Mapping[bytes, BookedRedemption],
    findings: list[Finding],
) -> None:
    """Hold answers, orders and the ledger against each other.

    Args:
        said: what the rail answered.
        reported: leaves of ledger batches that have a payout batch.
        orders: the record's orders.
        redemptions: what the ledger has booked for them.
        findings: where findings go.
    """
    by_redemption: defaultdict[bytes, list[Answer]] = defaultdict(list)
    for answer in said:
        line = answer.line
        logged = orders.get(line.redemption_id)
        if logged is None:
            text = f"{line.amount_fen} fen are {line.outcome}, and nobody has ordered them"
            findings.append(_finding("PAYOUT_WITHOUT_REDEMPTION", _payout(line), text, answer.leaf))
            continue
        by_redemption[line.redemption_id].append(answer)
        _check_line(answer, logged, redemptions.get(line.redemption_id), findings)
    for redemption_id, logged in orders.items():
        redemption = redemptions.get(redemption_id)
        _check_fate(logged, redemption, by_redemption[redemption_id], reported, findings)


def _check_line(
    answer: Answer,
    logged: LoggedOrder,
    redemption: BookedRedemption | None,
    findings: list[Finding],
) -> None:
    """Check that an answer is about the payout that was ordered."""
    line, order = answer.line, logged.order

    def found(code: str, text: str) -> None:
        findings.append(_finding(code, _payout(line), text, answer.leaf))

    if line.payout_id != order.payout_id:
        found("PAYOUT_ID_DIFFERS", f"the order is paid under {order.payout_id.hex()}")
    if line.wallet_id != order.wallet_id:
        found("PAYOUT_WALLET_DIFFERS", "the wallet is another one than the order names")
    if redemption is not None and line.amount_fen != redemption.reserved_fen:
        text = f"{line.amount_fen} fen are {line.outcome}, {redemption.reserved_fen} were reserved"
        found("PAYOUT_AMOUNT_DIFFERS", text)


def _check_fate(
    logged: LoggedOrder,
    redemption: BookedRedemption | None,
    answered: list[Answer],
    reported: set[int],
    findings: list[Finding],
) -> None:
    """Check that the ledger has booked exactly what the rail has answered, batch by batch."""
    said = Counter((answer.line.outcome, answer.ledger_leaf) for answer in answered)
    settled = [answer for answer in answered if answer.line.outcome is PayoutOutcome.SETTLED]
    if len(settled) > 1:
        text = f"{len(settled)} payouts were settled for one order; the hub must call them back"
        findings.append(logged.finding("PAYOUT_TWICE", text, CheckId.PAYOUTS))
        for extra in settled[1:]:
            said[extra.line.outcome, extra.ledger_leaf] -= 1
    booked = _expected(redemption)
    for outcome, ledger_leaf in (booked - said).elements():
        if ledger_leaf in reported:
            paid = outcome is PayoutOutcome.SETTLED
            code = "REDEMPTION_NOT_PAID" if paid else "PAYOUT_NOT_REPORTED"
            text = f"the ledger batch in leaf {ledger_leaf} books it as {outcome}, the rail did not"
            findings.append(logged.finding(code, text, CheckId.PAYOUTS))
    for outcome, ledger_leaf in (said - booked).elements():
        text = f"the rail's answer is {outcome}; the ledger batch in leaf {ledger_leaf} lacks it"
        findings.append(logged.finding("PAYOUT_NOT_BOOKED", text, CheckId.PAYOUTS))


def _expected(redemption: BookedRedemption | None) -> Counter[tuple[PayoutOutcome, int]]:
    """Return the answers that the ledger has booked, with the leaves of their ledger batches."""
    expected: Counter[tuple[PayoutOutcome, int]] = Counter()
    if redemption is None or redemption.settled_leaf is None:
        return expected
    void = redemption.fate is Fate.VOID
    outcome = PayoutOutcome.REJECTED if void else PayoutOutcome.SETTLED
    expected[outcome, redemption.settled_leaf] = 1
    if redemption.reversed_leaf is not None:
        expected[PayoutOutcome.REVERSED, redemption.reversed_leaf] = 1
    return expected


def _payout(line: PayoutLine) -> str:
    return f"payout {line.payout_id.hex()}"


def _finding(code: str, subject: str, text: str, leaf: int) -> Finding:
    return Finding(check=CheckId.PAYOUTS, code=code, subject=subject, text=text, leaf=leaf)
