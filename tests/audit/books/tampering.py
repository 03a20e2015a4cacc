"""What a cheating hub, operator or rail changes in a draft, in small words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fedcarbon.audit.books import Books
from fedcarbon.audit.findings import Finding
from fedcarbon.ledger.account import AccountKind, holder_account, programme_account
from fedcarbon.ledger.batch import LedgerLine, line_of
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import FEN, MassUnit, Vintage
from fedcarbon.redemption.payouts import PayoutLine
from fedcarbon.redemption.postings import posting_id
from fedcarbon.units import Seconds
from tests.audit.books.drafts import Draft
from tests.hub.clearing.conftest import SHANGHAI

UG_2025, UG_2026 = (MassUnit(programme=SHANGHAI, vintage=Vintage(year)) for year in (2025, 2026))
FUNDED, REDEEMED, RETURNED, IDLE = range(4)
"""The batches, by what happens in them."""
ALL, REFUSED, REVERSED, OPEN, LATE = range(5)
"""The orders."""

Attack = Callable[[Draft], Books | None]
"""Changes a draft, or returns books that cannot be sealed from any draft."""


def tampered(draft: Draft, attack: Attack) -> Books:
    """Return the books after an attack."""
    return attack(draft) or draft.sealed()


def codes(findings: list[Finding]) -> set[str]:
    """Return the check and code of every finding: `V19 BATCH_CHAIN_BROKEN`."""
    return {f"{finding.check.value} {finding.code}" for finding in findings}


def issue(number: int, holder: int, mass_ug: int) -> LedgerLine:
    """Return grams out of nothing."""
    return line_of(
        Transfer(
            transfer_id=number.to_bytes(16, "big"),
            debit=programme_account(AccountKind.ISSUANCE, SHANGHAI),
            credit=holder_account(AccountKind.SPENDABLE, bytes([holder]) * 32),
            unit=UG_2026,
            amount=mass_ug,
            phase=Phase.SINGLE,
            resolves=None,
        ),
        Seconds(1),
    )


def reserve_money(number: int, fen: int) -> LedgerLine:
    """Return money set aside for nobody."""
    return line_of(
        Transfer(
            transfer_id=number.to_bytes(16, "big"),
            debit=programme_account(AccountKind.FLOAT, SHANGHAI),
            credit=programme_account(AccountKind.PAYOUT_IN_FLIGHT, SHANGHAI),
            unit=FEN,
            amount=fen,
            phase=Phase.RESERVE,
            resolves=None,
        ),
        Seconds(1),
    )


def return_money(fen: int) -> LedgerLine:
    """Return paid money taken back, without a payout that was returned."""
    return line_of(
        Transfer(
            transfer_id=bytes([7]) * 16,
            debit=programme_account(AccountKind.PAID_OUT, SHANGHAI),
            credit=programme_account(AccountKind.FLOAT, SHANGHAI),
            unit=FEN,
            amount=fen,
            phase=Phase.SINGLE,
            resolves=None,
        ),
        Seconds(1),
    )


def adding(*added: LedgerLine, batch: int = IDLE) -> Attack:
    return lambda draft: draft.change_lines(batch, lambda lines: [*lines, *added])


def changing_lines(batch: int, wanted: Callable[[LedgerLine], bool], **changes: object) -> Attack:
    """Change the lines that are wanted; there is at least one."""

    def change(lines: list[LedgerLine]) -> list[LedgerLine]:
        assert any(map(wanted, lines))
        return [
            replace(line, **changes) if wanted(line) else line  # type: ignore[arg-type]
            for line in lines
        ]

    return lambda draft: draft.change_lines(batch, change)


def dropping_lines(batch: int, wanted: Callable[[LedgerLine], bool]) -> Attack:
    return lambda draft: draft.change_lines(
        batch, lambda lines: [line for line in lines if not wanted(line)]
    )


def is_credit(line: LedgerLine) -> bool:
    return line.debit.endswith(":issuance")


def is_money(line: LedgerLine) -> bool:
    return line.unit == "fen"


def of_order(*numbers: int) -> Callable[[LedgerLine], bool]:
    """Return whether a line belongs to redemptions, by the ids that follow from theirs."""
    ids = {
        posting_id(redemption_id(number), step, unit)
        for number in numbers
        for step in ("reserve", "post", "void", "reverse")
        for unit in (FEN, UG_2025, UG_2026)
    }
    return lambda line: line.transfer_id in ids


def redemption_id(number: int) -> bytes:
    """Return the id of an order."""
    return (number + 1).to_bytes(16, "big")


def paying(batch: int, order: int, **changes: object) -> Attack:
    """Change what the rail is said to have answered to an order."""

    def change(lines: list[PayoutLine]) -> list[PayoutLine]:
        assert any(line.redemption_id == redemption_id(order) for line in lines)
        return [
            replace(line, **changes)  # type: ignore[arg-type]
            if line.redemption_id == redemption_id(order)
            else line
            for line in lines
        ]

    return lambda draft: draft.change_payouts(batch, change)


def both(*attacks: Attack) -> Attack:
    """Do several things to one draft."""

    def attack(draft: Draft) -> None:
        for one in attacks:
            one(draft)

    return attack
