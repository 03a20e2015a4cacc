"""The hub's books in a real database of either kind, and the few acts that tests repeat."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from fedcarbon.clock import SteppedClock
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.credit import OpeningCredit
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.order import Redemption, RedemptionOrder, Source
from fedcarbon.redemption.rail import Rail
from fedcarbon.redemption.settlement import ECNY_RULE
from fedcarbon.redemption.states import RedemptionEvent, RedemptionState
from fedcarbon.redemption.wallet import WalletClass, WalletId, sandbox_wallet_id
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from fedcarbon.uses.campaign import Campaign, campaign_for
from hub.clearing.credits import credit_opening, top_up_float
from hub.clearing.outbox import LEASE_S, StepTaken, process_outbox
from hub.clearing.positions import (
    AccountStatement,
    account_statement,
    checked_trial_balance,
    grams_in_books,
)
from hub.clearing.redemptions import create_redemption, find_redemption
from hub.clearing.storage.redemption_store import RedemptionStore
from hub.sandbox.faults import RailFault
from hub.sandbox.rail import SandboxRail
from hub.storage.engine import open_engine, reading, writing
from hub.uses.storage.publication_store import PublicationStore
from tests.databases import NewStore
from tests.unlimited import unlimited

SHANGHAI = ProgrammeId("ecny-shanghai")
START_S = Seconds(1_775_000_000)
GRAM = 1_000_000


class Books:
    """The hub's books and the sandbox's, with a clock that stands still until told to move."""

    programme = SHANGHAI

    def __init__(self, folder: Path, new_store: NewStore) -> None:
        """Keep the hub's books in a new database, and the sandbox's in `folder`."""
        self.folder = folder
        self.new_store = new_store
        self.url = new_store(folder)
        self.clock = SteppedClock(START_S)
        self.opened_ug: dict[int, int] = {}
        self.openings = 0
        self.rails: list[SandboxRail] = []
        self.limits = unlimited(SHANGHAI)
        self.engine: Engine = open_engine(self.url)

    def beside(self, folder: Path) -> Books:
        """Return empty books in another database of the same kind."""
        return Books(folder, self.new_store)

    def restart(self) -> None:
        """Forget everything that is not on the disk."""
        self.engine.dispose()
        self.engine = open_engine(self.url)

    def close(self) -> None:
        for rail in self.rails:
            rail.close()
        self.engine.dispose()

    def rail(
        self, faults: Iterable[RailFault] = (), rejected: frozenset[WalletId] = frozenset()
    ) -> SandboxRail:
        """Return the sandbox, which keeps its book over every call of this."""
        rail = SandboxRail(
            self.folder / "sandbox.db",
            wait=lambda: self.wait(2 * LEASE_S),
            faults=faults,
            rejected_wallets=rejected,
        )
        self.rails.append(rail)
        return rail

    def wait(self, seconds: int) -> None:
        self.clock.at_s = Seconds(self.clock.at_s + seconds)

    def token(self, holder: int) -> bytes:
        return bytes([holder]) * 32

    def opening(self, holder: int, mass_ug: int, vintage: int = 2026) -> OpeningCredit:
        """Return the next opening of a holder, by `mass_ug` more than the last one."""
        self.openings += 1
        before_ug = self.opened_ug.get(holder, 0)
        self.opened_ug[holder] = before_ug + mass_ug
        return OpeningCredit(
            programme=SHANGHAI,
            vintage=Vintage(vintage),
            account_token=self.token(holder),
            opening_id=self.openings.to_bytes(32, "big"),
            previous_opened_ug=MicrogramsCO2e(before_ug),
            opened_ug=MicrogramsCO2e(before_ug + mass_ug),
        )

    def credit(self, holder: int, mass_ug: int, vintage: int = 2026) -> None:
        self.enter_credits([self.opening(holder, mass_ug, vintage)])

    def enter_credits(self, credits_: Iterable[OpeningCredit]) -> None:
        """Credit what was opened, all or nothing."""
        with writing(self.engine) as session:
            for credit in credits_:
                assert credit_opening(session, credit, self.clock.now_s())

    def top_up(self, amount_fen: int, number: int = 1) -> bool:
        with writing(self.engine) as session:
            return top_up_float(
                session,
                SHANGHAI,
                Fen(amount_fen),
                number.to_bytes(16, "big"),
                self.clock.now_s(),
            )

    def order(
        self,
        number: int,
        holder: int = 1,
        units: int | None = None,
        wallet_class: WalletClass = WalletClass.CLASS_2,
        source: Source = Source.GRAMS,
    ) -> RedemptionOrder:
        return RedemptionOrder(
            parameter_id=bytes(32),
            programme_id=SHANGHAI,
            redemption_id=number.to_bytes(16, "big"),
            account_token=self.token(holder),
            wallet_id=sandbox_wallet_id(holder),
            wallet_class=wallet_class,
            binding_leaf=bytes(34),
            operator_id=PartyId("wallet-operator"),
            units=units,
            source=source,
        )

    def redeem(self, order: RedemptionOrder) -> Redemption:
        now_s = self.clock.now_s()
        with writing(self.engine) as session:
            campaigns = [item.statement for item in PublicationStore(session).all(Campaign)]
            campaign = campaign_for(campaigns, order.programme_id, None, now_s)
            return create_redemption(
                session, order, ECNY_RULE, now_s, limits=self.limits, campaign=campaign
            )

    def run(self, rail: Rail) -> tuple[StepTaken, ...]:
        return process_outbox(self.engine, rail, self.clock)

    def run_to_the_end(self, rail: Rail) -> None:
        """Let time pass until nothing is left in the outbox."""
        for _ in range(20):
            self.run(rail)
            self.wait(3_600)
        assert not self.run(rail)

    def state(self, number: int) -> RedemptionState:
        return self.redemption(number).state

    def redemption(self, number: int) -> Redemption:
        with reading(self.engine) as session:
            return find_redemption(session, number.to_bytes(16, "big"))

    def history(self, number: int) -> list[RedemptionEvent]:
        with reading(self.engine) as session:
            history = RedemptionStore(session).history(number.to_bytes(16, "big"))
        return [event for event, _ in history]

    def statement(self, holder: int) -> AccountStatement:
        with reading(self.engine) as session:
            return account_statement(session, SHANGHAI, self.token(holder))

    def totals(self) -> dict[str, int]:
        """Return the balances by kind of account, after checking the books."""
        with reading(self.engine) as session:
            items = checked_trial_balance(session)
            grams_in_books(session)
        sums: dict[AccountKind, int] = {}
        for (account, _), balance in items.items():
            sums[account.kind] = sums.get(account.kind, 0) + balance
        return {kind.value: total for kind, total in sums.items() if total}


@pytest.fixture
def books(tmp_path: Path, new_store: NewStore) -> Iterator[Books]:
    """Return empty books."""
    books = Books(tmp_path, new_store)
    yield books
    books.close()


@pytest.fixture
def funded(books: Books) -> Books:
    """Return books in which holder 1 has 3000 g and the programme has 1000 fen."""
    books.credit(1, 3_000 * GRAM)
    books.top_up(1_000)
    return books
