"""Books of a record that the real clearing code has made, open to be tampered with.

A draft is what a cheating hub has in its hands: it can change any statement of its own, and signs
and chains everything anew when the draft is sealed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from fedcarbon.audit.books import Books, MoneyLeaf
from fedcarbon.canonical import statement as statements
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.ledger.batch import CHAIN_START, LedgerBatch, LedgerLine, batch_hash, ledger_day
from fedcarbon.opening.bindings import Binding
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.statements import (
    OpenedValue,
    OpeningResult,
    OpeningStart,
    OperatorBinding,
    PartnerBinding,
    Target,
    wallet_hint,
)
from fedcarbon.redemption.order import RedemptionOrder, Source
from fedcarbon.redemption.payouts import PayoutBatch, PayoutLine
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.programme import Policy, Programme
from fedcarbon.units import SECONDS_PER_DAY, Fen, MicrogramsCO2e
from hub.clearing.batches import daily_batch
from hub.clearing.closing import closed_sequence
from hub.clearing.payout_batches import payout_batch
from hub.clearing.redemptions import reverse_redemption
from hub.clearing.storage.batch_store import BatchStore
from hub.storage.engine import writing
from tests.databases import new_sqlite
from tests.hub.clearing.conftest import GRAM, SHANGHAI
from tests.hub.clearing.conftest import Books as HubBooks

PARAMETER_ID = bytes(32)
OPERATOR, METRO = PartyId("wallet-operator"), PartyId("metro")
PROGRAMME = Programme(
    parameter_id=PARAMETER_ID,
    programme_id=SHANGHAI,
    exclusivity_domain="cn",
    exclusivity_group="movement",
    measure=Measure.GRAMS,
    token_epoch=1,
    time_zone="Asia/Shanghai",
    first_day="2025-12-31",
    last_day="2026-01-29",
    epoch_days=1,
    slot_s=300,
    cap_ug=MicrogramsCO2e(50_000_000_000),
    partners_max=3,
    days_max=30,
    unit_ug=MicrogramsCO2e(1_250 * GRAM),
    unit_fen=Fen(1),
    test_identities=True,
    policy=Policy(),
)
LAST_OF_2025, FIRST_OF_2026 = EpochIndex(1), EpochIndex(2)


@dataclass(slots=True)
class Draft:
    """The books before they are sealed; leaf indices stand beside every statement."""

    programmes: dict[ProgrammeId, Programme] = field(default_factory=lambda: {SHANGHAI: PROGRAMME})
    starts: dict[int, Logged[OpeningStart]] = field(default_factory=dict)
    results: list[Logged[OpeningResult]] = field(default_factory=list)
    bindings: dict[int, Binding] = field(default_factory=dict)
    """By holder."""
    orders: list[tuple[int, RedemptionOrder]] = field(default_factory=list)
    batches: list[tuple[int, LedgerBatch]] = field(default_factory=list)
    payouts: list[tuple[int, PayoutBatch]] = field(default_factory=list)
    unsigned: set[int] = field(default_factory=set)

    def sealed(self) -> Books:
        """Return the books with hashes and numbers made anew, as the hub would log them."""
        previous, sequence = CHAIN_START, 1
        hashes: dict[bytes, bytes] = {}
        batches = []
        for leaf, batch in self.batches:
            linked = replace(batch, previous_batch=previous, first_sequence=sequence)
            payload = statements.encode(linked)
            hashes[batch_hash(statements.encode(batch))] = previous = batch_hash(payload)
            sequence += len(batch.lines)
            batches.append(self._leaf(leaf, payload))
        return Books(
            parameter_id=PARAMETER_ID,
            programmes=self.programmes,
            starts=self.starts,
            results=self.results,
            bindings=list(self.bindings.values()),
            orders=[self._leaf(leaf, statements.encode(order)) for leaf, order in self.orders],
            ledger_batches=batches,
            payout_batches=[
                self._leaf(
                    leaf,
                    statements.encode(
                        replace(batch, ledger_batch=hashes.get(batch.ledger_batch, bytes(32)))
                    ),
                )
                for leaf, batch in self.payouts
            ],
        )

    def _leaf(self, index: int, payload: bytes) -> MoneyLeaf:
        return MoneyLeaf(index=index, payload=payload, is_signed=index not in self.unsigned)

    # --- what a cheating hub changes ----------------------------------------------------------

    def change_lines(
        self, number: int, change: Callable[[list[LedgerLine]], list[LedgerLine]]
    ) -> None:
        """Change the lines of a ledger batch; the payout batch beside it goes on naming it."""
        leaf, batch = self.batches[number]
        changed = replace(batch, lines=tuple(change(list(batch.lines))))
        self.batches[number] = (leaf, changed)
        paid_leaf, payouts = self.payouts[number]
        hash_ = batch_hash(statements.encode(changed))
        self.payouts[number] = (paid_leaf, replace(payouts, ledger_batch=hash_))

    def change_payouts(
        self, number: int, change: Callable[[list[PayoutLine]], list[PayoutLine]]
    ) -> None:
        """Change the lines of a payout batch."""
        leaf, batch = self.payouts[number]
        self.payouts[number] = (leaf, replace(batch, lines=tuple(change(list(batch.lines)))))

    def change_order(self, number: int, **changes: object) -> None:
        """Change an order; its operator would have had to sign it."""
        leaf, order = self.orders[number]
        self.orders[number] = (leaf, replace(order, **changes))  # type: ignore[arg-type]


class Honest:
    """Writes a draft while the real use cases run."""

    def __init__(self, folder: Path) -> None:
        self.hub = HubBooks(folder, new_sqlite)
        self.draft = Draft()
        self.leaf = 100

    def next_leaf(self) -> int:
        self.leaf += 1
        return self.leaf

    def bind(self, holder: int) -> None:
        leaf = bytes([holder]) * 34
        self.draft.bindings[holder] = Binding(
            operator_half=Logged(
                index=self.next_leaf(),
                leaf=leaf,
                statement=OperatorBinding(
                    parameter_id=PARAMETER_ID,
                    programme_id=SHANGHAI,
                    binding_id=bytes([holder]) * 16,
                    account_token=self.hub.token(holder),
                    wallet_id=sandbox_wallet_id(holder),
                    wallet_class=2,
                    operator_id=OPERATOR,
                ),
            ),
            partner_halves={
                METRO: Logged(
                    index=self.next_leaf(),
                    leaf=bytes(34),
                    statement=PartnerBinding(
                        parameter_id=PARAMETER_ID,
                        programme_id=SHANGHAI,
                        binding_id=bytes([holder]) * 16,
                        account_token=self.hub.token(holder),
                        operator_leaf=leaf,
                        operator_id=OPERATOR,
                        wallet_hint=wallet_hint(sandbox_wallet_id(holder)),
                        partner_id=METRO,
                    ),
                )
            },
        )

    def open(self, epoch: EpochIndex, grams: dict[int, int], *, credited: bool = True) -> None:
        """Open accounts, and credit them as the hub does: together with the result."""
        hub, start_leaf = self.hub, self.next_leaf()
        credits_ = [
            hub.opening(holder, mass * GRAM, PROGRAMME.days_of(epoch)[0].year)
            for holder, mass in grams.items()
        ]
        hub.openings += 1
        opening_id = hub.openings.to_bytes(32, "big")
        self.draft.starts[start_leaf] = Logged(
            index=start_leaf,
            leaf=bytes(34),
            statement=OpeningStart(
                parameter_id=PARAMETER_ID,
                programme_id=SHANGHAI,
                opening_id=opening_id,
                attempt=1,
                block=0,
                epoch=epoch,
                targets=tuple(
                    Target(slot=slot, account_token=item.account_token, request_leaf=1)
                    for slot, item in enumerate(credits_)
                ),
                subset=(PartyId("trustee-1"),),
                product_sha256=bytes(32),
                mask_hashes=(bytes(32),),
            ),
        )
        self.draft.results.append(
            Logged(
                index=self.next_leaf(),
                leaf=bytes(34),
                statement=OpeningResult(
                    parameter_id=PARAMETER_ID,
                    programme_id=SHANGHAI,
                    opening_id=opening_id,
                    attempt=1,
                    start_leaf=start_leaf,
                    values=tuple(
                        OpenedValue(
                            slot=slot,
                            account_token=item.account_token,
                            opened_ug=item.opened_ug,
                        )
                        for slot, item in enumerate(credits_)
                    ),
                    shares=(),
                ),
            )
        )
        if credited:
            hub.enter_credits([replace(item, opening_id=opening_id) for item in credits_])

    def order(
        self, number: int, holder: int, units: int | None, source: Source = Source.GRAMS
    ) -> None:
        order = replace(
            self.hub.order(number, holder=holder, units=units, source=source),
            binding_leaf=bytes([holder]) * 34,
        )
        self.hub.redeem(order)
        self.draft.orders.append((self.next_leaf(), order))

    def close_day(self) -> None:
        with writing(self.hub.engine) as session:
            open_day = BatchStore(session).first_open_day(closed_sequence(session) + 1)
            day = ledger_day(self.hub.clock.now_s()) if open_day is None else open_day
            batch = statements.decode(LedgerBatch, daily_batch(session, PARAMETER_ID, day))
            payouts = payout_batch(session, batch)
        self.draft.batches.append((self.next_leaf(), batch))
        self.draft.payouts.append((self.next_leaf(), payouts))
        self.hub.wait(SECONDS_PER_DAY)


def honest_draft(folder: Path) -> Draft:
    """Return four days of honest books.

    Holder 1 redeems everything out of two vintages; holder 2's rail refuses; holder 3 redeems 2
    units, which come back, and 1 unit that is still on its way when the last batch is logged;
    holder 4 spends nothing. What comes after that batch (an opening, an order) is in no batch yet.
    """
    honest = Honest(folder)
    hub = honest.hub
    for holder in (1, 2, 3):
        honest.bind(holder)
    honest.open(LAST_OF_2025, {1: 3_000, 2: 10_000})
    hub.top_up(1_000)
    honest.close_day()

    honest.open(FIRST_OF_2026, {1: 2_000, 2: 0})
    honest.open(FIRST_OF_2026, {3: 7_000})
    honest.open(FIRST_OF_2026, {4: 60})
    honest.order(1, holder=1, units=None)
    honest.order(2, holder=2, units=3)
    honest.order(3, holder=3, units=2)
    hub.run_to_the_end(hub.rail(rejected=frozenset({sandbox_wallet_id(2)})))
    honest.close_day()

    with writing(hub.engine) as session:
        reverse_redemption(session, (3).to_bytes(16, "big"), "closed", hub.clock.now_s())
    honest.order(4, holder=3, units=1)
    honest.close_day()
    honest.close_day()

    honest.open(EpochIndex(9), {3: 5}, credited=False)
    honest.order(5, holder=3, units=1)
    hub.close()
    return honest.draft
