"""A crash at every instant: each commit and each call to the rail fails, with and without effect.

The instants are counted, not listed: a run is repeated with the crash one instant later until it
gets through, so that a step which is added tomorrow is covered too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.orm import Session as OrmSession
from typing_extensions import override

from fedcarbon.redemption.rail import Payout, Rail, RailAnswer
from fedcarbon.redemption.states import RedemptionState
from fedcarbon.redemption.wallet import WalletId, sandbox_wallet_id
from hub.clearing.sandbox_rail import RailFault

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

GRAM = 1_000_000
INSTANTS_MAX = 60


class Crash(BaseException):
    """The process is gone; nothing may catch this."""


class Countdown:
    """Crashes at one instant."""

    def __init__(self, instant: int) -> None:
        self.left = instant

    def pass_(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Crash


class CrashingRail(Rail):
    """An instant before the rail does anything, and one after it has done it."""

    def __init__(self, inner: Rail, countdown: Countdown) -> None:
        self.inner = inner
        self.countdown = countdown

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        self.countdown.pass_()
        answer = self.inner.pay(payout)
        self.countdown.pass_()
        return answer

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        self.countdown.pass_()
        answer = self.inner.query(payout_id)
        self.countdown.pass_()
        return answer


@contextmanager
def _crashing_commits(books: Books, countdown: Countdown) -> Iterator[None]:
    """An instant before each commit of the hub ("failed"), and one after ("but persisted")."""

    def at_commit(session: OrmSession) -> None:
        if session.get_bind() is books.engine:
            countdown.pass_()

    event.listen(OrmSession, "before_commit", at_commit)
    event.listen(OrmSession, "after_commit", at_commit)
    try:
        yield
    finally:
        event.remove(OrmSession, "before_commit", at_commit)
        event.remove(OrmSession, "after_commit", at_commit)


PAID = {"redeemed": 2_500 * GRAM, "spendable": 500 * GRAM, "float": 8, "paid_out": 2}
WALLET = frozenset({sandbox_wallet_id(1)})
STORIES = {
    "settled": ([], frozenset(), PAID),
    "rejected": ([], WALLET, {"spendable": 3_000 * GRAM, "float": 10}),
    "accepted first": ([RailFault.ACCEPT], frozenset(), PAID),
    "request lost first": ([RailFault.LOST_REQUEST], frozenset(), PAID),
    "answer lost first": ([RailFault.LOST_ANSWER], frozenset(), PAID),
}


@pytest.mark.parametrize(("faults", "rejected", "end"), STORIES.values(), ids=STORIES)
def test_a_crash_at_any_instant_pays_once_and_loses_nothing(
    books: Books,
    tmp_path: Path,
    faults: list[RailFault],
    rejected: frozenset[WalletId],
    end: dict[str, int],
) -> None:
    instants = 0
    for instant in range(INSTANTS_MAX):
        world = _fresh(books, tmp_path / f"instant-{instant}")
        crashed = _crashed_at(world, instant, world.rail(faults, rejected))
        rail = world.rail((), rejected)

        world.run_to_the_end(rail)

        assert world.totals() == {"issuance": -3_000 * GRAM, "funding": -10} | end
        assert sum(rail.payouts_fen().values()) == end.get("paid_out", 0)
        world.close()
        if not crashed:
            break
        instants += 1
    assert 8 <= instants < INSTANTS_MAX


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    crashes=st.lists(st.integers(min_value=0, max_value=30), max_size=8),
    faults=st.lists(st.sampled_from(RailFault), max_size=8),
)
def test_crash_after_crash_pays_each_redemption_at_most_once(
    books: Books, crashes: list[int], faults: list[RailFault]
) -> None:
    with TemporaryDirectory() as folder:
        world = books.beside(Path(folder))
        world.top_up(1_111)
        for holder, fen in enumerate((1, 10, 100, 1_000), start=1):
            world.credit(holder, fen * 1_250 * GRAM)
            world.redeem(world.order(holder, holder=holder))
        for instant in crashes:
            rail = CrashingRail(world.rail(faults), Countdown(instant))
            with suppress(Crash), _crashing_commits(world, rail.countdown):
                world.run(rail)
            world.restart()
            world.wait(60)

        sandbox = world.rail()
        world.run_to_the_end(sandbox)

        totals = world.totals()
        paid = {payout_id: int(fen) for payout_id, fen in sandbox.payouts_fen().items()}
        expected = {
            world.order(holder).payout_id: fen
            for holder, fen in enumerate((1, 10, 100, 1_000), start=1)
            if world.state(holder) is RedemptionState.SETTLED
        }
        world.close()
    assert paid == expected
    assert RailFault.REJECT in faults or len(paid) == 4
    assert totals.get("paid_out", 0) == sum(paid.values())
    assert totals["float"] if sum(paid.values()) < 1_111 else "float" not in totals
    assert "payout_in_flight" not in totals
    assert "reserved" not in totals


def _fresh(books: Books, folder: Path) -> Books:
    folder.mkdir()
    world = books.beside(folder)
    world.credit(1, 3_000 * GRAM)
    world.top_up(10)
    return world


def _crashed_at(world: Books, instant: int, sandbox: Rail) -> bool:
    countdown = Countdown(instant)
    try:
        with _crashing_commits(world, countdown):
            world.redeem(world.order(1))
            world.run(CrashingRail(sandbox, countdown))
    except Crash:
        # The client never got its answer and asks again, as it may.
        world.restart()
        world.redeem(world.order(1))
        return True
    return False
