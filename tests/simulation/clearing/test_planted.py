"""The simulation itself: planted mistakes are found and shrunk, and what it draws covers much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest
from typing_extensions import override

from fedcarbon.redemption.rail import Payout, Rail, RailAnswer, RailStatus
from fedcarbon.redemption.reconciliation import Reconciliation
from hub.clearing import reconciling
from hub.storage.faults import StoreUnavailableError
from tests.simulation.clearing import operations as ops
from tests.simulation.clearing import tested
from tests.simulation.clearing import world as worlds
from tests.simulation.clearing.operations import Fault, Operation, Redeem, RunOutbox, drawn
from tests.simulation.clearing.shrinking import failure_of, shrunk

SEEDS_MAX = 60


class Misreading(Rail):
    """An adapter that takes one status for another."""

    def __init__(self, inner: Rail, said: RailStatus, taken: RailStatus) -> None:
        self._inner = inner
        self._said = said
        self._taken = taken

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        return self._misread(self._inner.pay(payout))

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        return self._misread(self._inner.query(payout_id))

    def _misread(self, answer: RailAnswer) -> RailAnswer:
        return RailAnswer(status=self._taken, reason="x") if answer.status is self._said else answer


MISREADINGS = {
    "silence is taken for never seen": (RailStatus.UNKNOWN, RailStatus.NOT_FOUND, 51),
    "silence is taken for a refusal": (RailStatus.UNKNOWN, RailStatus.REJECTED, 38),
    "accepted is taken for settled": (RailStatus.ACCEPTED, RailStatus.SETTLED, 13),
}


def first_failing(
    play: Callable[[Sequence[Operation]], Exception | None], first: int = 0
) -> list[Operation]:
    """Return the shrunk list of the first seed that fails, from one on that is known to be near."""
    for seed in range(first, first + SEEDS_MAX):
        operations = drawn(seed, 12, threads=False)
        if play(operations) is not None:
            return shrunk(operations, play)
    raise AssertionError(f"{SEEDS_MAX} seeds found nothing")


@pytest.mark.parametrize(("said", "taken", "first"), MISREADINGS.values(), ids=MISREADINGS)
def test_an_adapter_that_misreads_the_rail_is_found_and_shrunk(
    said: RailStatus, taken: RailStatus, first: int
) -> None:
    def play(operations: Sequence[Operation]) -> Exception | None:
        return failure_of(operations, over_rail=lambda rail: Misreading(rail, said, taken))

    least = first_failing(play, first)

    assert isinstance(play(least), worlds.WrongError)
    assert len(least) <= 6


def test_a_worker_that_does_not_survive_a_refused_commit_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process_outbox = tested.process_outbox

    def giving_up(*arguments: object) -> object:
        try:
            return process_outbox(*arguments)  # type: ignore[arg-type]
        except StoreUnavailableError:
            monkeypatch.setattr(tested, "process_outbox", lambda *_: ())
            raise

    def play(operations: Sequence[Operation]) -> Exception | None:
        monkeypatch.setattr(tested, "process_outbox", giving_up)
        return failure_of(operations)

    least = first_failing(play, 34)

    assert any(isinstance(item, ops.Fails) for item in least)
    assert len(least) <= 6


def test_an_order_that_is_answered_before_it_is_stored_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answered_anyway(act: Callable[[], str]) -> str:
        answer = tested.answered(act)
        return "units 1" if answer == tested.FAILED else answer

    monkeypatch.setattr(worlds, "answered", answered_anyway)

    assert len(first_failing(failure_of, 5)) <= 6


def test_a_difference_that_no_file_ever_explains_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def never_explaining(*arguments: Any) -> Reconciliation:
        return replace(reconcile(*arguments), explained=())

    reconcile = reconciling.reconcile
    monkeypatch.setattr(reconciling, "reconcile", never_explaining)

    assert len(first_failing(failure_of, 12)) <= 6


def test_the_same_seed_draws_the_same_operations() -> None:
    assert drawn(7, 20) == drawn(7, 20) != drawn(8, 20)


def test_a_list_prints_as_the_expression_that_makes_it() -> None:
    for seed in range(20):
        operations = drawn(seed, 30)
        assert eval(repr(operations), vars(ops)) == operations  # noqa: S307 - our own text


def test_the_seeds_draw_every_operation_and_every_fault_often() -> None:
    operations = [item for seed in range(160) for item in drawn(seed, 16)]
    acts = [item.act if isinstance(item, ops.Dies | ops.Fails) else item for item in operations]
    kinds = Counter(type(item).__name__ for item in (*operations, *acts))
    files = Counter(act.fault for act in acts if isinstance(act, ops.Reconcile))
    faults = Counter(fault for act in acts if isinstance(act, RunOutbox) for fault in act.faults)
    orders = Counter(act.number for act in acts if isinstance(act, Redeem))

    assert min(kinds.values()) >= 20, kinds
    assert len(kinds) == 19
    assert set(faults) == set(Fault)
    assert min(faults.values()) >= 20, faults
    assert set(files) == set(ops.FileFault)
    assert max(orders.values()) > 1
