"""Real processes: a worker that is killed with SIGKILL, and clients that race for one balance."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.redemption.states import RedemptionState
from hub.clearing.outbox import LEASE_S, process_outbox
from hub.storage.engine import open_engine
from tests.nursery import Child

if TYPE_CHECKING:
    from tests.hub.clearing.conftest import Books

GRAM = 1_000_000
HERE = Path(__file__).parent
# Of one payout: before and after the claim's commit, before and after the rail's act, before and
# after the answer's commit. The second payout of a run begins six instants later.
INSTANTS = {
    "before the claim is committed": 0,
    "after the claim is committed": 1,
    "before the rail acts": 2,
    "after the rail has acted": 3,
    "before the answer is committed": 4,
    "after the answer is committed": 5,
    "in the second payout, after the rail has acted": 9,
}


def _start(script: str, books: Books, *arguments: str) -> Child:
    return Child(str(HERE / script), books.url, books.clock.now_s(), *arguments)


def _kill(process: Child) -> None:
    process.kill()
    process.communicate()


@pytest.mark.parametrize("instant", INSTANTS.values(), ids=INSTANTS)
def test_a_killed_worker_leaves_nothing_paid_twice_and_nothing_lost(
    books: Books, instant: int
) -> None:
    books.top_up(11)
    for holder, fen in ((1, 1), (2, 10)):
        books.credit(holder, fen * 1_250 * GRAM)
        books.redeem(books.order(holder, holder=holder))
    worker = _start("outbox_process.py", books, str(instant), str(books.folder))
    assert worker.stdout.readline() == "here\n"
    _kill(worker)

    sandbox = books.rail()
    books.run(sandbox)
    books.wait(LEASE_S)
    books.run_to_the_end(sandbox)

    assert sandbox.payouts_fen() == {
        books.order(1).payout_id: 1,
        books.order(2).payout_id: 10,
    }
    assert books.totals() == {
        "issuance": -11 * 1_250 * GRAM,
        "redeemed": 11 * 1_250 * GRAM,
        "funding": -11,
        "paid_out": 11,
    }
    assert {books.state(1), books.state(2)} == {RedemptionState.SETTLED}


def test_a_worker_that_is_not_killed_finishes(books: Books) -> None:
    books.top_up(1)
    books.credit(1, 1_250 * GRAM)
    books.redeem(books.order(1))
    worker = _start("outbox_process.py", books, "1000", str(books.folder))

    out, _ = worker.communicate()

    assert out == "done\n"
    assert books.state(1) is RedemptionState.SETTLED


def test_processes_that_race_for_one_balance_spend_it_once(funded: Books) -> None:
    clients = [_start("redeem_process.py", funded, str(number)) for number in (1, 2, 2)]
    for client in clients:
        assert client.stdout.readline() == "ready\n"

    for client in clients:
        client.stdin.write("go\n")
        client.stdin.flush()
    answers = [client.communicate()[0].strip() for client in clients]

    assert answers in (["2", *["REDEMPTION_TOO_SMALL"] * 2], ["REDEMPTION_TOO_SMALL", "2", "2"])
    assert funded.totals()["payout_in_flight"] == 2


def test_threads_that_race_for_one_balance_spend_it_once(funded: Books) -> None:
    gate = threading.Barrier(8)
    answers: list[str] = []

    def client(number: int) -> None:
        gate.wait()
        try:
            answers.append(funded.redeem(funded.order(number, units=1)).state.value)
        except FedcarbonError as error:
            answers.append(error.code)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # 3000 g are two units, whoever comes first
    assert sorted(answers) == ["INSUFFICIENT_BALANCE"] * 6 + ["reserved"] * 2
    assert funded.totals()["reserved"] == 2_500 * GRAM


def test_threads_that_send_one_order_reserve_it_once(funded: Books) -> None:
    answers: list[tuple[RedemptionState, int]] = []

    def client() -> None:
        for _ in range(10):
            redemption = funded.redeem(funded.order(1))
            answers.append((redemption.state, redemption.amount_fen))

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers == [(RedemptionState.RESERVED, 2)] * 40
    assert funded.totals()["payout_in_flight"] == 2


def test_workers_side_by_side_pay_each_redemption_once(books: Books) -> None:
    books.top_up(1_000)
    for holder in range(1, 13):
        books.credit(holder, 1_250 * GRAM * holder)
        books.redeem(books.order(holder, holder=holder))
    sandbox = books.rail()

    def worker() -> None:
        engine = open_engine(books.url)
        process_outbox(engine, sandbox, books.clock)
        engine.dispose()

    threads = [threading.Thread(target=worker) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sandbox.payouts_fen() == {
        books.order(holder).payout_id: holder for holder in range(1, 13)
    }
    assert books.totals()["paid_out"] == sum(range(1, 13))
