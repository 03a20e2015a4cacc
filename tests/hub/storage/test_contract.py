"""What a transaction promises on either database, however many want one at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, pairwise

import pytest
from sqlalchemy import Engine, func, insert, text, update
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from hub.storage.bulk import COPY_FROM, bulk_insert
from hub.storage.engine import ATTEMPTS_MAX, claiming, open_engine, reading, transact, writing
from hub.storage.faults import StoreBusyError
from hub.storage.postgresql import DatabaseUnsuitableError, require_suitable
from hub.storage.record_rows import LeafOwnerRow
from hub.storage.registry_rows import OpenBlockRow
from tests.postgresql import Cluster

THREADS = 8
EACH = 25


def together(work: Callable[[int], None], threads: int = THREADS) -> None:
    """Run `work` in threads that begin at once; raise what one of them raised."""
    failed: list[BaseException] = []
    start = threading.Barrier(threads)

    def run(number: int) -> None:
        try:
            start.wait()
            work(number)
        except BaseException as error:  # noqa: BLE001 - raised again in the test's own thread
            failed.append(error)

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    if failed:
        raise failed[0]


def blocks(session: Session) -> list[int]:
    return list(session.exec(select(OpenBlockRow.block).order_by(col(OpenBlockRow.block))))


def append(session: Session) -> int:
    """Add the block after the last one: what a chain does, and what two writers would break."""
    last = session.exec(select(func.max(OpenBlockRow.block))).one()
    number = 0 if last is None else last + 1
    session.exec(insert(OpenBlockRow).values(block=number, programme_id="p"))
    return number


def test_writers_side_by_side_lose_nothing_and_make_one_chain(store: Engine) -> None:
    given: list[list[int]] = [[] for _ in range(THREADS)]

    def work(number: int) -> None:
        for _ in range(EACH):
            given[number].append(transact(store, append))

    together(work)

    with reading(store) as session:
        assert blocks(session) == list(range(THREADS * EACH))
    assert sorted(chain.from_iterable(given)) == list(range(THREADS * EACH))
    assert all(before < after for mine in given for before, after in pairwise(mine))


def test_a_reader_sees_one_moment_and_no_reader_goes_back_in_time(store: Engine) -> None:
    done = threading.Event()

    def work(number: int) -> None:
        if number == 0:
            for _ in range(EACH * 2):
                transact(store, append)
            done.set()
            return
        last = 0
        while not done.is_set():
            with reading(store) as session:
                first, second = len(blocks(session)), len(blocks(session))
            assert first == second >= last
            last = second

    together(work, threads=3)


def test_a_use_case_that_fails_leaves_nothing(store: Engine) -> None:
    def fails(session: Session) -> None:
        append(session)
        raise LookupError

    with pytest.raises(LookupError):
        transact(store, fails)

    with reading(store) as session:
        assert blocks(session) == []


def test_what_a_constraint_refuses_is_not_tried_again(store: Engine) -> None:
    calls = []

    def breaks(session: Session) -> None:
        calls.append(1)
        session.exec(insert(LeafOwnerRow).values(party_id="p", leaf_index=99))

    with pytest.raises(IntegrityError):
        transact(store, breaks)

    assert calls == [1]


@dataclass
class InTheWay:
    """Changes the row that a use case has read, from outside, the first few times."""

    other: Engine
    times: int
    calls: int = 0

    def __call__(self, session: Session) -> int:
        self.calls += 1
        seen = session.exec(select(func.count()).select_from(OpenBlockRow)).one()
        if self.calls <= self.times:
            with claiming(self.other) as beside:
                beside.exec(update(OpenBlockRow).values(programme_id=f"p{self.calls}"))
        session.exec(update(OpenBlockRow).values(programme_id="mine"))
        return seen


def test_a_transaction_that_was_given_up_is_run_again(postgresql_url: str) -> None:
    engine, other = open_engine(postgresql_url), open_engine(postgresql_url)
    transact(engine, append)
    use_case = InTheWay(other, times=3)

    assert transact(engine, use_case) == 1

    assert use_case.calls == 4
    engine.dispose()
    other.dispose()


def test_it_is_run_again_so_often_and_no_more(postgresql_url: str) -> None:
    engine, other = open_engine(postgresql_url), open_engine(postgresql_url)
    transact(engine, append)
    use_case = InTheWay(other, times=10**6)

    with pytest.raises(StoreBusyError):
        transact(engine, use_case)

    assert use_case.calls == ATTEMPTS_MAX
    with reading(engine) as session:
        assert session.exec(select(OpenBlockRow.programme_id)).one() == f"p{ATTEMPTS_MAX}"
    engine.dispose()
    other.dispose()


def test_every_task_goes_to_one_worker(store: Engine) -> None:
    tasks = THREADS * EACH
    with writing(store) as session:
        bulk_insert(
            session, OpenBlockRow, [{"block": n, "programme_id": "due"} for n in range(tasks)]
        )
    taken: list[list[int]] = [[] for _ in range(THREADS)]

    def worker(number: int) -> None:
        while True:
            with claiming(store) as session:
                block = session.exec(
                    select(OpenBlockRow.block)
                    .where(OpenBlockRow.programme_id == "due")
                    .order_by(col(OpenBlockRow.block))
                    .limit(1)
                    .with_for_update(skip_locked=True)
                ).first()
                if block is None:
                    return
                session.exec(
                    update(OpenBlockRow)
                    .where(col(OpenBlockRow.block) == block)
                    .values(programme_id="taken")
                )
            taken[number].append(block)

    together(worker)

    assert sorted(chain.from_iterable(taken)) == list(range(tasks))


def test_workers_do_not_wait_for_the_writer_on_postgresql(postgresql_url: str) -> None:
    engine = open_engine(postgresql_url)
    transact(engine, append)

    with writing(engine) as session:
        session.connection()
        with claiming(engine) as beside:
            beside.exec(update(OpenBlockRow).values(programme_id="taken"))

    engine.dispose()


@pytest.mark.parametrize("count", [0, 1, COPY_FROM - 1, COPY_FROM, COPY_FROM + 1, 1_000])
def test_many_rows_at_once_arrive_with_what_they_hold(store: Engine, count: int) -> None:
    rows = [
        {"block": 2**40 + number, "programme_id": f"p\t\\N{number}\n'"} for number in range(count)
    ]

    with writing(store) as session:
        assert bulk_insert(session, OpenBlockRow, iter(rows)) == count

    with reading(store) as session:
        found = session.exec(select(OpenBlockRow).order_by(col(OpenBlockRow.block))).all()
        assert [{"block": row.block, "programme_id": row.programme_id} for row in found] == rows


def test_many_rows_at_once_are_refused_whole(store: Engine) -> None:
    rows = [{"block": number, "programme_id": "p"} for number in range(100)]

    def twice(session: Session) -> None:
        bulk_insert(session, OpenBlockRow, [*rows, rows[0]])

    with pytest.raises(IntegrityError):
        transact(store, twice)

    with reading(store) as session:
        found = session.connection().execute(text("SELECT count(*) FROM open_blocks"))
        assert found.scalar_one() == 0


def test_a_database_that_sorts_text_by_a_language_is_refused(postgresql: Cluster) -> None:
    with postgresql.connect() as connection:
        connection.execute("CREATE DATABASE latin_1 TEMPLATE template0 ENCODING 'LATIN1'")
    engine = open_engine(postgresql.url("latin_1"))

    with pytest.raises(DatabaseUnsuitableError, match="LOCALE 'C'"):
        require_suitable(engine)

    engine.dispose()
    postgresql.drop(postgresql.url("latin_1"))
