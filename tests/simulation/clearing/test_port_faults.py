"""Every call of every port, failed and failed but persisted: nothing is lost and nothing is twice.

The ports of clearing are the rail (pay, query), the store (the commit of each use case) and the
files of the record, which stand in tests/hub/openings/test_record_faults.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulation.clearing import operations as ops
from tests.simulation.clearing.operations import Dies, Fails, Fault, RunOutbox
from tests.simulation.clearing.store import SqliteStore
from tests.simulation.clearing.world import World

TOP_UP = ops.TopUp(0, 10)
CREDIT = ops.Credit(1, 2_500, 2026)
REDEEM = ops.Redeem(0, 1, 2)
FUNDED = (TOP_UP, CREDIT)
RESERVED = (*FUNDED, REDEEM)
ACCEPTED = (*RESERVED, RunOutbox((Fault.ACCEPT, Fault.LOST_REQUEST)), ops.Jump(10))
SETTLED = (*RESERVED, RunOutbox())

RAIL_FAULTS = [fault for fault in Fault if fault is not Fault.NONE]
COMMITS = {
    "a credit": ((TOP_UP,), CREDIT, 1),
    "a top-up": ((CREDIT,), TOP_UP, 1),
    "an order": (FUNDED, REDEEM, 1),
    "a claim and its answer": (RESERVED, RunOutbox(), 2),
    "a claim of a query and its answer": (ACCEPTED, RunOutbox(), 2),
    "a refusal": (RESERVED, RunOutbox((Fault.REJECT,)), 2),
    "a return": (SETTLED, ops.Return(0), 1),
    "a cancellation": (RESERVED, ops.Cancel(0), 1),
    "a notification": (ACCEPTED, ops.Notify(0), 1),
    "a reconciliation": (SETTLED, ops.Reconcile(0, ops.FileFault.MISSING), 1),
    "a gift": (FUNDED, ops.Donate(0, 1, 1), 1),
    "closing a day": (SETTLED, ops.Close(), 2),
}
COMMIT_TABLE = {
    f"{wrapper.__name__.lower()} at commit {number} of {what}, persisted: {persisted}": (
        before,
        wrapper(act, number, persisted),
        act,
    )
    for what, (before, act, commits) in COMMITS.items()
    for number in range(commits)
    for wrapper in (Dies, Fails)
    for persisted in (False, True)
}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(SqliteStore(tmp_path))
    yield world
    world.close()


@pytest.mark.parametrize("fault", RAIL_FAULTS)
def test_a_payment_that_meets_a_fault_of_the_rail_ends_once(world: World, fault: Fault) -> None:
    world.play([*RESERVED, RunOutbox((fault,))])

    assert world.rail.paid.total() == (fault not in {Fault.REJECT, Fault.LATE_FAILURE})


@pytest.mark.parametrize("fault", RAIL_FAULTS)
def test_a_query_that_meets_a_fault_of_the_rail_ends_once(world: World, fault: Fault) -> None:
    world.play([*ACCEPTED, RunOutbox((fault,))])

    assert world.rail.paid.total() == 1


@pytest.mark.parametrize(("before", "failing", "act"), COMMIT_TABLE.values(), ids=COMMIT_TABLE)
def test_a_commit_that_fails_is_done_or_undone(
    world: World,
    before: tuple[ops.Operation, ...],
    failing: ops.Operation,
    act: ops.Act,
) -> None:
    # Then the caller asks again, as it may: the model says what must be answered.
    again = [] if isinstance(act, ops.Credit) else [act]

    world.play([*before, failing, *again])
