"""A file of the record that cannot be written: the order or the day is done or undone, once."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fedcarbon.ledger.batch import LedgerBatch
from fedcarbon.transparency.leaf import LeafType
from hub.clearing.closing import request_close
from hub.record.content_store import ContentStore
from hub.record.export import Export
from hub.storage.record_store import RecordStore
from tests.hub.federation import opened
from tests.hub.openings.world import World


class Died(BaseException):
    """The process ends here."""


WRITES = {
    "the body, not written": (ContentStore, "put_many", False),
    "the body, written": (ContentStore, "put_many", True),
    "the exported copy, not written": (Export, "committed", False),
    "the exported copy, written": (Export, "committed", True),
}
every_write = pytest.mark.parametrize(("owner", "name", "persisted"), WRITES.values(), ids=WRITES)
every_end = pytest.mark.parametrize("error", [Died, OSError], ids=["dies", "fails"])


@pytest.fixture
def world(opened_world: World) -> World:
    opened_world.top_up(100)
    return opened_world


def _breaking(
    monkeypatch: pytest.MonkeyPatch,
    act: Callable[[], object],
    write: tuple[type, str, bool],
    error: type[BaseException],
) -> None:
    """Do `act` with a write that fails, with or without effect."""
    owner, name, persisted = write
    original = getattr(owner, name)

    def failing(*arguments: object) -> None:
        if persisted:
            original(*arguments)
        raise error("the disk does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(owner, name, failing)
        if owner is Export and error is OSError:
            act()  # it is committed: the copy is made good later, and nobody is told otherwise
            return
        with pytest.raises(error):
            act()


@every_end
@every_write
def test_an_order_whose_leaf_cannot_be_written_is_taken_once(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    persisted: bool,  # noqa: FBT001 - a column of the table
    error: type[BaseException],
) -> None:
    order = world.order(world.bound(1), units=1)

    _breaking(monkeypatch, lambda: world.take_order(order), (owner, name, persisted), error)
    if error is Died:
        world.restart()
    receipts = {world.take_order(order).receipt for _ in range(2)}

    assert len(receipts) == 1
    assert len(world.statement(1).redemptions) == 1
    _check_record(world, LeafType.REDEMPTION_ORDER, 1)


@every_end
@every_write
def test_a_day_whose_leaves_cannot_be_written_is_closed_once(
    world: World,
    monkeypatch: pytest.MonkeyPatch,
    owner: type,
    name: str,
    persisted: bool,  # noqa: FBT001 - a column of the table
    error: type[BaseException],
) -> None:
    world.take_order(world.order(world.bound(1), units=1))
    world.hub.write_now(lambda session: request_close(session, world.clock.now_s()))

    _breaking(monkeypatch, world.close_day, (owner, name, persisted), error)
    if error is Died:
        world.restart()
    world.close_day()

    assert world.close_day() is None
    (body,) = _check_record(world, LeafType.LEDGER_BATCH, 1)
    assert len(opened(LedgerBatch, body).lines) == len(world.statement(1).lines) + 2


def _check_record(world: World, of_type: LeafType, count: int) -> list[bytes]:
    """Check that the record holds so many leaves and its exported copy all; return their bodies."""
    world.restart()
    hub = world.hub
    leaves = hub.read_now(lambda session: RecordStore(session).leaves(0, 10_000))
    exported = (world.folder / "record" / "leaves.txt").read_text().splitlines()
    assert [line.split()[1] for line in exported] == [leaf.leaf.hex() for leaf in leaves]
    found = [leaf.index for leaf in leaves if leaf.type is of_type]
    assert len(found) == count
    return [hub.read_now(lambda session, i=index: hub.record.body(session, i)) for index in found]
