"""SANDBOX: the sandbox's books behind the port `Rail`, in the caller's own process.

The default of trials and of most tests. Programmes need no account: they are opened as they come
and may be overdrawn, because nobody pays in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from typing_extensions import override

from fedcarbon.clock import Clock, SystemClock
from fedcarbon.ids import ProgrammeId
from fedcarbon.redemption.rail import Payout, Rail, RailAnswer, RailStatus
from fedcarbon.redemption.rail_day import RailDay, RailFiles
from fedcarbon.redemption.value_day import ValueDay, value_day
from fedcarbon.redemption.wallet import WalletId
from fedcarbon.units import Fen
from hub.sandbox.books import SandboxBooks
from hub.sandbox.faults import Fault, Faults, RailFault

UNKNOWN: RailAnswer = RailAnswer(status=RailStatus.UNKNOWN)


class SandboxRail(Rail, RailFiles):
    """The sandbox. It pays a payout id once, however often and after whatever crash it comes."""

    def __init__(
        self,
        book: Path,
        *,
        wait: Callable[[], None],
        faults: Iterable[RailFault] = (),
        rejected_wallets: frozenset[WalletId] = frozenset(),
        clock: Clock | None = None,
    ) -> None:
        """Open the book and set what will go wrong.

        Args:
            book: the sandbox's own SQLite file, made if it is missing.
            wait: what a SLOW answer waits for, for example a sleep.
            faults: one per call, in order; after the last one nothing goes wrong.
            rejected_wallets: wallets that are always refused.
            clock: whose value days count; by default the machine's.
        """
        self.books = SandboxBooks(book)
        self._wait = wait
        self._clock = clock or SystemClock()
        reject = Fault(kind=RailFault.REJECT)
        self._faults = Faults(
            (Fault(kind=kind) for kind in faults), dict.fromkeys(rejected_wallets, reject)
        )

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        """Pay once per `payout_id`, as far as the next fault lets it.

        Raises:
            PayoutIdReusedError: the id came before with another wallet or amount.
        """
        fault = self._faults.of_pay(payout.wallet_id)
        if fault.kind is RailFault.LOST_REQUEST:
            return UNKNOWN
        now_s = self._clock.now_s()
        self.books.open_account(payout.programme, now_s, opening_fen=0, is_overdrawable=True)
        return self._answered(self.books.pay(payout, now_s, fault), fault)

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        """Return what became of the payout; one that was only accepted settles now."""
        fault = self._faults.of_query()
        if fault.kind is RailFault.LOST_REQUEST:
            return UNKNOWN
        booked = self.books.query(payout_id, self._clock.now_s())
        not_found = RailAnswer(status=RailStatus.NOT_FOUND)
        return self._answered(not_found if booked is None else booked.answer, fault)

    @override
    def of_day(self, programme: ProgrammeId, day: ValueDay) -> RailDay | None:
        """Return the files of `day` once it is over."""
        now_s = self._clock.now_s()
        if value_day(now_s) <= day:
            return None
        self.books.pass_time(now_s)
        return RailDay(
            programme=programme,
            day=day,
            lines=self.books.lines(programme, day),
            statement=self.books.statement(programme, day),
        )

    def payouts_fen(self) -> dict[bytes, Fen]:
        """Return what the book says was paid: payout id to amount."""
        return self.books.payouts_fen()

    def close(self) -> None:
        """Close the book's connections."""
        self.books.close()

    def _answered(self, answer: RailAnswer, fault: Fault) -> RailAnswer:
        if fault.kind is RailFault.LOST_ANSWER:
            return UNKNOWN
        if fault.kind is RailFault.SLOW:
            self._wait()
        return answer
