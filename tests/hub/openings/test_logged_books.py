"""The books in the record: orders as they were signed, ledger days, and what the rail said."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session

from fedcarbon.audit.books import Books, MoneyLeaf
from fedcarbon.audit.ledger_checks import check_books
from fedcarbon.canonical.statement import decode
from fedcarbon.ids import PartyId, Role
from fedcarbon.ledger.batch import LedgerBatch, batch_hash, ledger_day, replay
from fedcarbon.redemption.payouts import PayoutBatch, PayoutOutcome
from fedcarbon.redemption.wallet import masked
from fedcarbon.transparency.envelope import Envelope, open_signed
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.receipt import Receipt
from hub.clearing.closing import CloseOutcome, CloseRequest, closed_sequence, request_close
from hub.clearing.positions import checked_trial_balance
from hub.clearing.redemptions import FloatExhaustedError, reverse_redemption
from hub.clearing.sandbox_rail import RailFault, SandboxRail
from hub.clearing.storage.batch_store import BatchStore
from hub.clearing_component import close_regularly
from hub.record.reading import Reader, list_leaves
from tests.hub.federation import AUDITOR, METRO, PROGRAMME, signed
from tests.hub.openings.test_crashes import death_at
from tests.hub.openings.world import DAY_S, OTHER_PURSE, PURSE, TRUSTEES, World, until


@pytest.fixture
def funded(opened_world: World) -> World:
    """A world whose first account is opened, with money to pay it out."""
    opened_world.top_up(1_000)
    return opened_world


@pytest.fixture
def rail(funded: World) -> Iterator[SandboxRail]:
    rail = SandboxRail(funded.folder / "rail.db", wait=lambda: None)
    yield rail
    rail.close()


def bodies(world: World, leaf_type: LeafType) -> list[tuple[int, bytes]]:
    return world.hub.read_now(lambda session: world.hub.record.bodies_of_type(session, leaf_type))


def payloads(world: World, leaf_type: LeafType) -> list[bytes]:
    return [Envelope.from_bytes(body).payload for _, body in bodies(world, leaf_type)]


def last_payouts(world: World) -> PayoutBatch:
    return decode(PayoutBatch, payloads(world, LeafType.PAYOUT_BATCH)[-1])


def ask_to_close(world: World) -> CloseRequest:
    return world.hub.write_now(lambda session: request_close(session, world.clock.now_s()))


def readable(world: World, party: PartyId, role: Role) -> set[LeafType]:
    """Return the types of which a party reads at least one body."""
    hub = world.hub
    leaves, _ = hub.read_now(
        lambda session: list_leaves(
            session, hub.record, Reader(party_id=party, role=role), start=0, limit=1_000
        )
    )
    return {leaf.stored.type for leaf in leaves if leaf.body is not None}


def test_an_order_is_a_leaf_of_the_exact_bytes_and_a_retry_gets_the_same_receipt(
    funded: World,
) -> None:
    order = funded.order(funded.bound(1), 1)
    message = signed(order, PURSE)

    first = funded.take_order(order)
    again = funded.take_order(order)

    ((index, body),) = bodies(funded, LeafType.REDEMPTION_ORDER)
    receipt = open_signed(
        Receipt,
        first.receipt,
        {funded.hub.signer.party_id: funded.hub.signer.key.public},
        signers={funded.hub.signer.party_id},
    )
    assert body == message
    assert again == first
    assert (receipt.leaf_index, receipt.message_sha256) == (
        index,
        hashlib.sha256(message).digest(),
    )


def test_an_order_that_cannot_be_paid_leaves_no_leaf(opened_world: World) -> None:
    with pytest.raises(FloatExhaustedError):
        opened_world.take_order(opened_world.order(opened_world.bound(1), 1))

    assert bodies(opened_world, LeafType.REDEMPTION_ORDER) == []


MONEY = {LeafType.REDEMPTION_ORDER, LeafType.LEDGER_BATCH, LeafType.PAYOUT_BATCH}
READERS = {
    "an auditor": (AUDITOR, Role.AUDITOR, MONEY),
    "the operator that ordered": (PURSE, Role.WALLET_OPERATOR, {LeafType.REDEMPTION_ORDER}),
    "another operator": (OTHER_PURSE, Role.WALLET_OPERATOR, set()),
    "a partner": (METRO, Role.PARTNER, set()),
    "a trustee": (TRUSTEES[0], Role.TRUSTEE, set()),
}


def test_the_books_are_read_by_auditors_and_an_order_by_its_operator(
    funded: World, rail: SandboxRail
) -> None:
    funded.take_order(funded.order(funded.bound(1), 1))
    funded.pay(rail)
    funded.wait(DAY_S)
    funded.close_day()

    seen = {
        name: readable(funded, party, role) & MONEY for name, (party, role, _) in READERS.items()
    }

    assert seen == {name: types for name, (_, _, types) in READERS.items()}


def test_a_day_is_logged_when_it_is_over_and_not_before(funded: World, rail: SandboxRail) -> None:
    funded.take_order(funded.order(funded.bound(1), 1))
    funded.pay(rail)

    assert funded.close_day() is None
    day = ledger_day(funded.clock.now_s())
    funded.wait(DAY_S)
    logged = funded.close_day()

    assert logged is not None
    assert (logged.day, logged.payouts) == (day, 1)
    assert funded.close_day() is None
    ((batch_leaf, _),) = bodies(funded, LeafType.LEDGER_BATCH)
    ((payout_leaf, _),) = bodies(funded, LeafType.PAYOUT_BATCH)
    assert (logged.batch_leaf, payout_leaf) == (batch_leaf, batch_leaf + 1)


def test_the_logged_days_replay_to_the_books(funded: World, rail: SandboxRail) -> None:
    funded.wait(DAY_S)
    funded.close_day()
    funded.take_order(funded.order(funded.bound(1), 1))
    funded.pay(rail)
    funded.wait(DAY_S)
    funded.close_day()

    batches = payloads(funded, LeafType.LEDGER_BATCH)
    replayed = replay(batches, funded.hub.parameters.parameter_id)

    stored = funded.hub.read_now(checked_trial_balance)
    assert {(account, unit): balance for account, unit, balance in replayed.items()} == stored
    assert len(batches) == 2


def test_everything_before_a_batch_is_in_it_however_late_the_day_is_closed(
    funded: World, rail: SandboxRail
) -> None:
    funded.wait(3 * DAY_S)
    funded.take_order(funded.order(funded.bound(1), 1))
    funded.pay(rail)

    funded.close_day()

    (data,) = payloads(funded, LeafType.LEDGER_BATCH)
    stored = funded.hub.read_now(checked_trial_balance)
    replayed = replay([data], funded.hub.parameters.parameter_id)
    assert {(account, unit): balance for account, unit, balance in replayed.items()} == stored


def test_a_payout_batch_names_its_ledger_batch_and_tells_what_the_rail_said(
    funded: World, rail: SandboxRail
) -> None:
    order = funded.order(funded.bound(1), 2)
    funded.take_order(order)
    funded.pay(rail)
    funded.wait(DAY_S)
    funded.close_day()

    payouts = last_payouts(funded)

    (batch,) = payloads(funded, LeafType.LEDGER_BATCH)
    (line,) = payouts.lines
    assert (payouts.ledger_batch, payouts.day) == (
        batch_hash(batch),
        decode(LedgerBatch, batch).day,
    )
    assert (line.payout_id, line.redemption_id) == (order.payout_id, order.redemption_id)
    assert (line.wallet_id, line.amount_fen) == (order.wallet_id, 2)
    assert (line.outcome, line.reason) == (PayoutOutcome.SETTLED, "")
    assert line.reference == f"sandbox-{order.payout_id.hex()}"
    assert masked(line.wallet_id) not in line.reference


def test_rejected_and_returned_payouts_say_why_in_the_batch_that_books_them(
    funded: World,
) -> None:
    rail = SandboxRail(funded.folder / "rail.db", wait=lambda: None, faults=[RailFault.REJECT])
    rejected, returned = (funded.order(funded.bound(1), 1) for _ in range(2))
    for order in (rejected, returned):
        funded.take_order(order)
        funded.pay(rail)
    rail.close()
    funded.wait(DAY_S)
    funded.close_day()
    first = last_payouts(funded)
    long_reason = "account closed " * 40
    funded.hub.write_now(
        lambda session: reverse_redemption(
            session, returned.redemption_id, long_reason, funded.clock.now_s()
        )
    )
    funded.wait(DAY_S)
    funded.close_day()
    second = last_payouts(funded)

    assert [line.outcome for line in first.lines] == ["rejected", "settled"]
    assert "reject" in first.lines[0].reason
    assert [(line.redemption_id, line.outcome) for line in second.lines] == [
        (returned.redemption_id, "reversed")
    ]
    assert long_reason.startswith(second.lines[0].reason)


def test_a_payout_without_an_answer_is_in_no_batch(funded: World) -> None:
    funded.take_order(funded.order(funded.bound(1), 1))
    funded.wait(DAY_S)
    funded.close_day()

    assert last_payouts(funded).lines == ()


def test_the_running_day_is_closed_when_it_is_asked_for(funded: World) -> None:
    asked = ask_to_close(funded)
    again = ask_to_close(funded)

    logged = funded.close_day()

    assert (asked.outcome, again.outcome) == (CloseOutcome.REQUESTED, CloseOutcome.AWAITED)
    assert logged is not None
    assert logged.day == asked.day == again.day == ledger_day(funded.clock.now_s())
    assert funded.hub.read_now(closed_sequence) == asked.through_sequence


def test_a_day_is_closed_once_and_what_comes_later_waits_for_the_next(funded: World) -> None:
    asked = ask_to_close(funded)
    funded.close_day()
    idle = ask_to_close(funded)
    funded.top_up(5, number=2)

    again = ask_to_close(funded)

    for later in (idle, again):
        assert later.outcome is CloseOutcome.CLOSED_BEFORE
        assert (later.day, later.through_sequence) == (asked.day, asked.through_sequence)
    assert funded.close_day() is None
    funded.wait(DAY_S)
    assert ask_to_close(funded).outcome is CloseOutcome.REQUESTED
    logged = funded.close_day()
    assert logged is not None
    assert (logged.day, logged.transfers) == (asked.day + 1, 1)


def test_the_database_refuses_to_close_a_day_twice(funded: World) -> None:
    ask_to_close(funded)
    logged = funded.close_day()
    assert logged is not None

    def again(session: Session) -> None:
        closed = BatchStore(session).find(logged.day)
        assert closed is not None
        BatchStore(session).add(replace(closed, previous_batch=bytes(32)))

    with pytest.raises(IntegrityError):
        funded.hub.write_now(again)


def test_a_day_without_transfers_is_not_logged(world: World) -> None:
    world.wait(5 * DAY_S)

    assert world.close_day() is None
    asked = ask_to_close(world)
    assert (asked.outcome, asked.through_sequence) == (CloseOutcome.NOTHING_BOOKED, 0)
    assert world.close_day() is None


@pytest.mark.parametrize("when", ["unbegun", "uncommitted", "committed"])
def test_a_day_is_logged_once_if_the_hub_dies_while_it_closes_it(
    funded: World, rail: SandboxRail, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    funded.take_order(funded.order(funded.bound(1), 1))
    funded.pay(rail)
    funded.wait(DAY_S)

    with death_at(funded, (when, 1), monkeypatch):
        funded.close_day()
    funded.close_day()

    _require_logged_once(funded)


@pytest.mark.parametrize("when", ["unbegun", "uncommitted", "committed"])
def test_an_order_is_logged_once_if_the_hub_dies_while_it_takes_it(
    funded: World, rail: SandboxRail, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = funded.order(funded.bound(1), 1)

    with death_at(funded, (when, 1), monkeypatch):
        funded.take_order(order)
    funded.take_order(order)
    funded.pay(rail)
    funded.wait(DAY_S)
    funded.close_day()

    assert rail.payouts_fen() == {order.payout_id: 1}
    _require_logged_once(funded)


def _require_logged_once(world: World) -> None:
    assert [len(bodies(world, leaf_type)) for leaf_type in sorted(MONEY)] == [1, 1, 1]
    lines = (world.folder / "record" / "leaves.txt").read_text().splitlines()
    size, _ = world.hub.read_now(world.hub.record.head)
    assert len(lines) == size
    for line in lines:
        assert (world.folder / "record" / "bodies" / f"{line.split()[3]}.json").is_file()


def test_the_component_closes_what_is_due_and_survives_an_error(
    funded: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    funded.wait(DAY_S)
    failures = iter([RuntimeError("a full disk")])
    write = funded.hub.write

    async def failing_once(use_case: object) -> object:
        for failure in failures:
            raise failure
        return await write(use_case)  # type: ignore[arg-type]

    monkeypatch.setattr(type(funded.hub), "write", lambda _, use_case: failing_once(use_case))

    async def until_closed() -> None:
        task = asyncio.ensure_future(close_regularly(funded.hub, 0.001))
        await until(lambda: bool(bodies(funded, LeafType.LEDGER_BATCH)))
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(until_closed())

    assert len(bodies(funded, LeafType.PAYOUT_BATCH)) == 1


def books_of(world: World) -> Books:
    """Return the books as the record tells them; every signature in it was checked on its way."""

    def money(leaf_type: LeafType) -> list[MoneyLeaf]:
        return [
            MoneyLeaf(index=index, payload=Envelope.from_bytes(body).payload, is_signed=True)
            for index, body in bodies(world, leaf_type)
        ]

    def read(session: Session) -> Books:
        with world.folded.at(session) as view:
            return Books(
                parameter_id=world.hub.parameters.parameter_id,
                programmes={PROGRAMME: view.parties.programme(PROGRAMME)},
                starts=dict(view.starts.starts),
                results=list(view.starts.results.values()),
                bindings=list(view.bindings.all()),
                orders=money(LeafType.REDEMPTION_ORDER),
                ledger_batches=money(LeafType.LEDGER_BATCH),
                payout_batches=money(LeafType.PAYOUT_BATCH),
            )

    return world.hub.read_now(read)


def test_an_auditor_finds_nothing_in_the_books_of_an_honest_hub(
    funded: World, rail: SandboxRail
) -> None:
    funded.take_order(funded.order(funded.bound(1), 1))
    funded.pay(rail)
    funded.wait(DAY_S)
    funded.close_day()
    funded.take_order(funded.order(funded.bound(1)))
    funded.wait(DAY_S)
    funded.close_day()
    funded.pay(rail)

    books = books_of(funded)

    assert check_books(books) == []
    assert (len(books.orders), len(books.ledger_batches)) == (2, 2)


def test_an_auditor_finds_what_the_hub_has_left_out(funded: World, rail: SandboxRail) -> None:
    funded.take_order(funded.order(funded.bound(1), 1))
    funded.pay(rail)
    funded.wait(DAY_S)
    funded.close_day()

    books = replace(books_of(funded), orders=())

    assert {finding.code for finding in check_books(books)} == {
        "REDEMPTION_WITHOUT_ORDER",
        "PAYOUT_WITHOUT_REDEMPTION",
        "PAID_NOT_ANSWERED",
    }
