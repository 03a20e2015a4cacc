"""The checks of the books: follow the money from nothing but the record (V19 to V22, V26).

    V19  batches chain and replay; every credit is the difference of logged openings, once
    V20  every redemption rests on a signed order, at the programme's rate, within what was opened
    V21  every answer of the rail is booked, and everything booked was answered
    V26  every other use rests on an order, a published price, a lot or a notice
    V22  issued = opened, spent <= issued, paid = redeemed + proceeds, in flight too, float >= 0

A wrong transfer breaks V19 or V20 and, where it moves a total, V22 as well: the first says which
one, the second how much is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fedcarbon.audit.books import Books
from fedcarbon.audit.campaign_checks import check_campaigns
from fedcarbon.audit.credit_checks import DueCredit, check_credits, due_credits
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.ledger_replay import ReplayedLedger, replayed
from fedcarbon.audit.lot_checks import check_lots
from fedcarbon.audit.market_checks import Markets
from fedcarbon.audit.payout_checks import Answer, answers, check_answers
from fedcarbon.audit.proceeds_flows import proceeds_flows
from fedcarbon.audit.ranking_checks import check_rankings
from fedcarbon.audit.recorded_times import check_times
from fedcarbon.audit.redemption_checks import LoggedOrder, booked_redemptions, logged_orders
from fedcarbon.audit.suspense_flows import suspense_flows
from fedcarbon.audit.use_checks import (
    UseTerms,
    check_expiry,
    check_orders,
    check_unexplained,
    notices_of,
)
from fedcarbon.audit.use_findings import JudgedUses
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import USED_KINDS, Account, AccountKind
from fedcarbon.ledger.unit import MassUnit, Unit
from fedcarbon.redemption.payouts import PayoutOutcome

_PAIRS: Final = (
    ("REDEEMED_NOT_PAID", AccountKind.REDEEMED, AccountKind.PAID_OUT),
    ("RESERVED_NOT_IN_FLIGHT", AccountKind.RESERVED, AccountKind.PAYOUT_IN_FLIGHT),
)
"""Grams and money that move together, at the programme's rate; not proceeds and red packets."""

_SPENT_KINDS: Final = USED_KINDS | {AccountKind.RESERVED, AccountKind.PLEDGED}

_SIGNS: Final = {
    PayoutOutcome.SETTLED: 1,
    PayoutOutcome.REJECTED: 0,
    PayoutOutcome.REVERSED: -1,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBooks:
    """What is to be said of the books of a record."""

    findings: list[Finding]
    """Everything that does not hold; empty if all is well."""
    programmes: frozenset[ProgrammeId]
    """Programmes that the ledger has entries of: those whose totals were compared."""
    notes: tuple[str, ...] = ()
    """What is no finding and must be seen: money in suspense, per programme."""


def check_books(books: Books) -> list[Finding]:
    """Return everything that does not hold in the books of a record; empty if all is well."""
    return judge_books(books).findings


def judge_books(books: Books) -> JudgedBooks:
    """Return what is to be said of the books of a record.

    It never stops at the first finding: what can be read is checked as far as it makes sense.

    Args:
        books: what the replay of a record has found about grams and money.
    """
    findings: list[Finding] = []
    due = due_credits(books, findings)
    ledger = replayed(books, frozenset(due), findings)
    check_credits(ledger, due, books.overdue_before, findings)
    orders = logged_orders(books, findings)
    uses = JudgedUses()
    terms = UseTerms(
        campaigns=check_campaigns(books, ledger, uses, findings),
        markets=Markets(books, findings),
        notices=notices_of(books, findings),
    )
    terms.markets.check_money(ledger, uses)
    check_orders(books, ledger, uses, terms, findings)
    check_lots(books, ledger, uses, findings)
    check_rankings(books, ledger, findings)
    check_expiry(books, ledger, uses, terms.notices, findings)
    check_unexplained(ledger, uses, findings)
    redemptions = booked_redemptions(books, ledger, orders, uses, terms.campaigns, findings)
    check_times(books, ledger, uses, findings)
    said, reported = answers(books, ledger, findings)
    check_answers(said, reported, orders, redemptions, findings)
    _check_grams(ledger, due.values(), findings)
    _check_money(books, ledger, _answered_fen(said, orders), uses.held_ug, findings)
    entered = {_programme_of(account, unit) for account, unit, _ in ledger.items()}
    return JudgedBooks(
        findings=findings,
        programmes=frozenset(entered & set(books.programmes)),
        notes=tuple(flows.text for flows in suspense_flows(ledger).values()),
    )


def _check_grams(ledger: ReplayedLedger, due: Iterable[DueCredit], findings: list[Finding]) -> None:
    """Check per programme and vintage: issued = opened, and spent <= issued."""
    opened_ug: Counter[Unit] = Counter()
    for credit in due:
        if credit.result_leaf < ledger.last_leaf:
            opened_ug[credit.transfer.unit] += credit.transfer.amount
    totals = _totals(ledger)
    units = {unit for unit, _ in totals if isinstance(unit, MassUnit)} | set(opened_ug)
    for unit in sorted(units, key=lambda item: item.text):
        issued_ug = -totals[unit, AccountKind.ISSUANCE]
        spent_ug = sum(totals[unit, kind] for kind in _SPENT_KINDS)
        if issued_ug != opened_ug[unit]:
            text = f"{issued_ug} ug are issued, {opened_ug[unit]} ug were opened"
            findings.append(_finding("ISSUED_NOT_OPENED", unit.text, text))
        if spent_ug > issued_ug:
            text = f"{spent_ug} ug are used, pledged or reserved, {issued_ug} ug were issued"
            findings.append(_finding("SPENT_ABOVE_ISSUED", unit.text, text))


def _check_money(
    books: Books,
    ledger: ReplayedLedger,
    answered_fen: Mapping[ProgrammeId, int],
    goods_ug: Mapping[ProgrammeId, int],
    findings: list[Finding],
) -> None:
    """Check per programme, proceeds apart: paid = redeemed, reserved = in flight; the float too.

    What the rail has answered is held against all that is paid out, proceeds among it.
    """
    held: Counter[tuple[ProgrammeId, AccountKind]] = Counter()
    for account, unit, balance in ledger.items():
        held[_programme_of(account, unit), account.kind] += balance
    for flows in suspense_flows(ledger).values():  # it changes no answer and no redemption
        held[flows.programme, AccountKind.PAID_OUT] += flows.taken_back_fen
        if flows.over_returned_fen > 0:
            text = f"{flows.over_returned_fen} fen went out through suspense that never came in so"
            subject = f"programme {flows.programme}"
            findings.append(_finding("SUSPENSE_OVER_RETURNED", subject, text))
    for programme_id, mass_ug in goods_ug.items():  # no money waits beside these
        held[programme_id, AccountKind.RESERVED] -= mass_ug
    proceeds = proceeds_flows(ledger)
    for programme_id, rules in sorted(books.programmes.items()):
        subject = f"programme {programme_id}"
        for code, grams, money in _PAIRS:
            mass_ug = held[programme_id, grams]
            amount_fen = held[programme_id, money] - proceeds[programme_id, money]
            if mass_ug * rules.unit_fen != amount_fen * rules.unit_ug:
                text = (
                    f"{mass_ug} ug are {grams}, {amount_fen} fen for them {money}; the "
                    f"programme pays {rules.unit_fen} fen for {rules.unit_ug} ug"
                )
                findings.append(_finding(code, subject, text))
        paid_fen = held[programme_id, AccountKind.PAID_OUT]
        said_fen = answered_fen.get(programme_id, 0)
        if paid_fen != said_fen:
            text = f"{paid_fen} fen are paid out in the books, {said_fen} fen by the rail's answers"
            findings.append(_finding("PAID_NOT_ANSWERED", subject, text))
        float_fen = held[programme_id, AccountKind.FLOAT]
        if float_fen < 0:
            findings.append(_finding("FLOAT_OVERDRAWN", subject, f"it holds {float_fen} fen"))


def _programme_of(account: Account, unit: Unit) -> ProgrammeId:
    return unit.programme if isinstance(unit, MassUnit) else ProgrammeId(account.owner)


def _answered_fen(
    said: Iterable[Answer], orders: Mapping[bytes, LoggedOrder]
) -> Counter[ProgrammeId]:
    """Return per programme what has arrived in wallets and stayed there, by the rail's answers."""
    answered: Counter[ProgrammeId] = Counter()
    for answer in said:
        logged = orders.get(answer.line.redemption_id)
        if logged is not None:
            sign = _SIGNS[answer.line.outcome]
            answered[logged.order.programme_id] += sign * answer.line.amount_fen
    return answered


def _totals(ledger: ReplayedLedger) -> Counter[tuple[Unit, AccountKind]]:
    totals: Counter[tuple[Unit, AccountKind]] = Counter()
    for account, unit, balance in ledger.items():
        totals[unit, account.kind] += balance
    return totals


def _finding(code: str, subject: str, text: str) -> Finding:
    return Finding(
        check=CheckId.CONSERVATION,
        code=code,
        subject=subject,
        text=f"{text}; the hub must explain the difference",
    )
