"""Many at once, and a store that goes away or fills up in the middle: nothing is lost or twice."""

from __future__ import annotations

import sqlite3
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import event

from fedcarbon.errors import FedcarbonError
from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.settlement import ECNY_RULE
from hub.clearing.redemptions import RedemptionRequest, create_redemption, create_redemptions
from hub.clearing.storage.batch_store import BatchStore
from hub.storage.engine import reading, transact
from hub.storage.faults import DiskFullError, StoreUnavailableError
from tests.postgresql import Cluster

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

GRAM = 1_000_000
UNIT_G = 1_250
CLIENTS = 16
ACCOUNTS = 3
UNITS_EACH = 20
ORDERS_EACH = 5
DUPLICATES = 10_000
TOGETHER = 25
ATTEMPTS_MAX = 200


def at_once(clients: Sequence[Callable[[], None]]) -> None:
    """Run every client in a thread of its own; raise what the first broken one raised."""
    gate, broken = threading.Barrier(len(clients)), list[BaseException]()

    def run(client: Callable[[], None]) -> None:
        gate.wait()
        try:
            client()
        except BaseException as error:  # noqa: BLE001 - raised again below
            broken.append(error)

    threads = [threading.Thread(target=run, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if broken:
        raise broken[0]


def ordered(books: Books, number: int, holder: int) -> Redemption:
    order, now_s = books.order(number, holder=holder, units=1), books.clock.now_s()
    return transact(
        books.engine,
        lambda s: create_redemption(s, order, ECNY_RULE, now_s, limits=books.limits),
    )


def test_sixteen_clients_on_three_accounts_spend_every_unit_once(books: Books) -> None:
    books.top_up(1_000)
    for holder in range(1, ACCOUNTS + 1):
        books.credit(holder, UNITS_EACH * UNIT_G * GRAM)
    answers: list[str] = []

    def client(number: int) -> None:
        for turn in range(ORDERS_EACH):
            holder = 1 + (number + turn) % ACCOUNTS
            try:
                ordered(books, 1 + number * ORDERS_EACH + turn, holder)
                answers.append("taken")
            except FedcarbonError as error:
                answers.append(error.code)

    at_once([lambda number=number: client(number) for number in range(CLIENTS)])
    sandbox = books.rail()
    books.run_to_the_end(sandbox)

    asked, held = CLIENTS * ORDERS_EACH, ACCOUNTS * UNITS_EACH
    assert Counter(answers) == {"taken": held, "INSUFFICIENT_BALANCE": asked - held}
    assert sum(sandbox.payouts_fen().values()) == held
    grams = held * UNIT_G * GRAM
    assert books.totals() == {
        "issuance": -grams,
        "redeemed": grams,
        "funding": -1_000,
        "float": 1_000 - held,
        "paid_out": held,
    }


def test_ten_thousand_duplicates_of_one_order_are_one_redemption(funded: Books) -> None:
    order = funded.order(1)
    request, now_s = RedemptionRequest(order=order, rule=ECNY_RULE), funded.clock.now_s()
    answers: list[object] = []

    def client() -> None:
        for _ in range(DUPLICATES // (CLIENTS * TOGETHER)):
            answers.extend(
                transact(
                    funded.engine,
                    lambda s: create_redemptions(
                        s, [request] * TOGETHER, now_s, limits=funded.limits
                    ),
                )
            )

    at_once([client] * CLIENTS)

    assert len(answers) == DUPLICATES
    assert answers == [answers[0]] * DUPLICATES
    assert isinstance(answers[0], Redemption)
    with reading(funded.engine) as session:
        sequences = BatchStore(session).last_sequence()
    # the credit and the top-up, and one reservation each of grams and money
    assert sequences == 4
    assert funded.totals()["payout_in_flight"] == 2
    assert len(funded.statement(1).redemptions) == 1


def test_a_duplicate_among_many_with_other_content_is_the_only_one_refused(funded: Books) -> None:
    rule, now_s = ECNY_RULE, funded.clock.now_s()
    same, other = funded.order(1, units=1), funded.order(1, units=2)
    requests = [
        RedemptionRequest(order=order, rule=rule) for order in (*[same] * 50, other, *[same] * 50)
    ]

    answers = transact(
        funded.engine, lambda s: create_redemptions(s, requests, now_s, limits=funded.limits)
    )

    codes = [answer.code if isinstance(answer, FedcarbonError) else "" for answer in answers]
    assert codes == [*[""] * 50, "REDEMPTION_ID_REUSED", *[""] * 50]
    assert funded.totals()["payout_in_flight"] == 1


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_a_database_that_goes_away_under_load_loses_nothing(
    books: Books, request: pytest.FixtureRequest, how: str
) -> None:
    if books.engine.dialect.name == "sqlite":
        pytest.skip("a SQLite database is a file and does not go away by itself")
    cluster: Cluster = request.getfixturevalue("postgresql")
    books.top_up(1_000)
    for holder in range(1, ACCOUNTS + 1):
        books.credit(holder, 100 * UNIT_G * GRAM)
    acknowledged: set[int] = set()
    some, failed = threading.Event(), list[str]()

    def client(number: int) -> None:
        for turn in range(ORDERS_EACH):
            name = 1 + number * ORDERS_EACH + turn
            for _ in range(ATTEMPTS_MAX):
                try:
                    ordered(books, name, 1 + name % ACCOUNTS)
                    acknowledged.add(name)
                    break
                except StoreUnavailableError as error:
                    failed.append(error.code)
                    threading.Event().wait(0.05)
            if len(acknowledged) > CLIENTS:
                some.set()

    def breaking() -> None:
        some.wait(60)
        if how == "kill":
            cluster.kill()
            cluster.start()
        else:
            cluster.restart()

    at_once([breaking, *(lambda number=number: client(number) for number in range(CLIENTS))])
    books.restart()
    sandbox = books.rail()
    books.run_to_the_end(sandbox)

    assert acknowledged == set(range(1, CLIENTS * ORDERS_EACH + 1))
    assert failed
    assert set(sandbox.payouts_fen()) == {books.order(n).payout_id for n in acknowledged}
    assert books.totals()["paid_out"] == len(acknowledged)


@contextmanager
def no_room(books: Books) -> Iterator[None]:
    """Let the database file not grow any more."""

    def limited(connection: sqlite3.Connection, _entry: object) -> None:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")

    books.engine.dispose()
    event.listen(books.engine, "connect", limited)
    try:
        yield
    finally:
        event.remove(books.engine, "connect", limited)
        books.engine.dispose()


def test_a_full_disk_gives_a_clear_error_and_orders_go_on_when_there_is_room(books: Books) -> None:
    if books.engine.dialect.name != "sqlite":
        pytest.skip("a disk of PostgreSQL is filled where its store is tested")
    books.top_up(100_000)
    books.credit(1, 10_000 * UNIT_G * GRAM)
    taken: set[int] = set()

    def order_until_full() -> None:
        for number in range(1, 10_000):
            ordered(books, number, 1)
            taken.add(number)

    with no_room(books), pytest.raises(DiskFullError, match="operator must make room"):
        order_until_full()
    number = len(taken) + 1
    assert books.totals().get("payout_in_flight", 0) == len(taken)

    # The same order is taken now, and none of those that were taken is gone.
    ordered(books, number, 1)
    sandbox = books.rail()
    books.run_to_the_end(sandbox)

    assert set(sandbox.payouts_fen()) == {books.order(n).payout_id for n in {*taken, number}}
    assert books.totals()["paid_out"] == number


def test_a_disk_that_is_full_when_the_rail_has_paid_is_no_second_payment(books: Books) -> None:
    if books.engine.dialect.name != "sqlite":
        pytest.skip("a disk of PostgreSQL is filled where its store is tested")
    books.top_up(100_000)
    books.credit(1, 10_000 * UNIT_G * GRAM)
    for number in range(1, 61):
        ordered(books, number, 1)
    sandbox = books.rail()

    with no_room(books), pytest.raises(DiskFullError):
        books.run(sandbox)
    paid_before = len(sandbox.payouts_fen())
    books.run_to_the_end(sandbox)

    assert 0 < paid_before < 60
    assert len(sandbox.payouts_fen()) == books.totals()["paid_out"] == 60
