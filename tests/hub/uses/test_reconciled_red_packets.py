"""The rail's files have one sum per payout: its red packet is found again, whatever went wrong."""

from __future__ import annotations

from typing import Final

from typing_extensions import override

from fedcarbon.ledger.account import AccountKind
from fedcarbon.redemption.rail import RailStatus
from fedcarbon.units import SECONDS_PER_DAY
from tests.hub.clearing.conftest import START_S
from tests.hub.clearing.desk import Desk
from tests.hub.clearing.test_reconciled_weeks import FAULTS, Repair
from tests.hub.uses.conftest import UseBooks
from tests.hub.uses.published import campaign

BUDGET_FEN: Final = 5_000
ENDS_S: Final = START_S + 2 * SECONDS_PER_DAY


class TownDesk(Desk):
    """Half of every sum is a red packet, until the campaign is over."""

    def __init__(self, books: UseBooks) -> None:
        super().__init__(books)
        self.town = books
        books.publish(1, campaign(packet_fen=1, budget_fen=BUDGET_FEN, valid_until_s=ENDS_S))

    @override
    def redeem(
        self, fen: int = 100, status: RailStatus = RailStatus.SETTLED, *, silent: bool = False
    ) -> bytes:
        is_over = self.books.clock.now_s() >= ENDS_S
        payout = super().redeem(fen if is_over else fen // 2, status, silent=silent)
        assert self.books.redemption(self.number).amount_fen == fen
        return payout


def test_whatever_went_wrong_is_explained_and_no_red_packet_is_lost(books: UseBooks) -> None:
    """The last day's faults are repaired when the campaign is over and its rest has gone back."""
    desk, fen = TownDesk(books), 100
    repairs: list[Repair | None] = []
    for faults in (FAULTS[:7], FAULTS[7:], ()):
        for repair in filter(None, repairs):
            repair()
        repairs = []
        for fault in faults:
            fen += 14
            repairs.append(fault(desk, fen))
        desk.settle()
        assert not desk.settle().changed
        desk.next_day()
        books.end_money()

    assert desk.held(AccountKind.SUSPENSE) == 0
    totals = books.totals()
    assert "campaign" not in totals
    assert totals["float"] + totals["paid_out"] == -totals["funding"]
