"""What the books say: an account's statement, the trial balance, where the grams are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import Account, AccountKind, holder_account
from fedcarbon.ledger.balances import Conservation, conservation, trial_balance
from fedcarbon.ledger.errors import LedgerCorruptedError
from fedcarbon.ledger.unit import FEN, Unit, Vintage
from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.units import Fen, MicrogramsCO2e
from hub.clearing.storage.credit_store import CreditStore
from hub.clearing.storage.ledger_store import HELD_KINDS, LedgerStore, RecordedTransfer
from hub.clearing.storage.redemption_store import RedemptionStore

STATEMENT_LINES_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatement:
    """What one account has, had and got."""

    programme: ProgrammeId
    account_token: bytes
    opened_ug: MicrogramsCO2e
    """The opened sum that was credited last: everything ever credited."""
    spendable_ug: Mapping[Vintage, MicrogramsCO2e]
    reserved_ug: Mapping[Vintage, MicrogramsCO2e]
    pledged_ug: Mapping[Vintage, MicrogramsCO2e]
    redeemed_ug: MicrogramsCO2e
    """Mass of settled redemptions."""
    used_ug: Mapping[AccountKind, MicrogramsCO2e]
    """Mass of every other use: given, exchanged, expired, or in lots (`POOLED`) for ever."""
    paid_fen: Fen
    """Money of settled redemptions, for grams or proceeds."""
    proceeds_fen: Fen
    """Its share of sold credit lots, free to pay out."""
    redemptions: tuple[Redemption, ...]
    """All of them, oldest first."""
    lines: tuple[RecordedTransfer, ...]
    """The latest transfers, oldest first, at most `STATEMENT_LINES_MAX`."""

    def __post_init__(self) -> None:
        """Check that everything credited is spendable, reserved, pledged or used."""
        held = (self.spendable_ug, self.reserved_ug, self.pledged_ug, self.used_ug)
        if self.opened_ug != sum(sum(part.values()) for part in held) + self.redeemed_ug:
            raise LedgerCorruptedError(
                "an account's credited grams differ from those held and used; "
                "the operator must stop and investigate"
            )


def account_statement(
    session: Session, programme: ProgrammeId, account_token: bytes
) -> AccountStatement:
    """Return the statement of an account; an unknown account has an empty one.

    Raises:
        LedgerCorruptedError: its credits, balances and redemptions contradict each other.
    """
    ledger = LedgerStore(session)
    own = tuple(holder_account(kind, account_token) for kind in HELD_KINDS)
    last = CreditStore(session).last(programme, account_token)
    redemptions = RedemptionStore(session).of_account(programme, account_token)
    settled = [item for item in redemptions if item.state is RedemptionState.SETTLED]
    return AccountStatement(
        programme=programme,
        account_token=account_token,
        opened_ug=MicrogramsCO2e(0) if last is None else last.opened_ug,
        spendable_ug=ledger.grams(AccountKind.SPENDABLE, account_token, programme),
        reserved_ug=ledger.grams(AccountKind.RESERVED, account_token, programme),
        pledged_ug=ledger.grams(AccountKind.PLEDGED, account_token, programme),
        redeemed_ug=MicrogramsCO2e(sum(item.mass_ug for item in settled)),
        used_ug={
            kind: MicrogramsCO2e(used)
            for kind, used in ledger.used(account_token, programme).items()
            if kind is not AccountKind.REDEEMED
        },
        paid_fen=Fen(sum(item.amount_fen for item in settled)),
        proceeds_fen=Fen(ledger.balance(holder_account(AccountKind.PROCEEDS, account_token), FEN)),
        redemptions=tuple(redemptions),
        lines=tuple(ledger.transfers_of(own, STATEMENT_LINES_MAX)),
    )


def checked_trial_balance(session: Session) -> dict[tuple[Account, Unit], int]:
    """Return every balance, after checking the books against themselves.

    The balances are summed again from the transfers alone, must equal the stored ones, and must
    sum to zero in every unit.

    Raises:
        LedgerCorruptedError: they do not.
    """
    ledger = LedgerStore(session)
    stored = {(account, unit): balance for account, unit, balance in ledger.balances()}
    summed = {(account, unit): balance for account, unit, balance in ledger.summed_transfers()}
    if stored != summed:
        differing = {key for key in stored | summed if stored.get(key) != summed.get(key)}
        raise LedgerCorruptedError(
            f"{len(differing)} stored balances differ from the sum of their transfers; "
            "the operator must stop and investigate"
        )
    trial_balance((account, unit, balance) for (account, unit), balance in stored.items())
    return stored


def grams_in_books(session: Session) -> tuple[Conservation, ...]:
    """Return, per programme and vintage, issued = spendable + reserved + pledged + used.

    Raises:
        LedgerCorruptedError: the equation does not hold.
    """
    return conservation(LedgerStore(session).balances())
