"""Writers of one process go in the order in which they came, money first."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from hub.storage import sqlite
from hub.storage.engine import sqlite_engine, writing
from hub.storage.faults import StoreBusyError
from hub.storage.turns import Turns


def queued(
    turns: Turns, order: list[int], number: int, *, is_urgent: bool = False
) -> threading.Thread:
    """Return a thread that has asked for its turn, and notes when it comes."""
    line = turns._urgent if is_urgent else turns._waiting
    before = len(line)

    def work() -> None:
        with turns.turn(is_urgent=is_urgent):
            order.append(number)

    thread = threading.Thread(target=work)
    thread.start()
    while len(line) == before:
        threading.Event().wait(0.001)
    return thread


def test_whoever_asked_first_is_next_also_before_the_last_holder() -> None:
    turns, order = Turns(), list[int]()
    with turns.turn():
        threads = [queued(turns, order, number) for number in range(5)]
    with turns.turn():  # asks again at once, and comes after all who waited
        assert order == [0, 1, 2, 3, 4]

    for thread in threads:
        thread.join()


def test_money_goes_first_and_the_rest_goes_on() -> None:
    turns, order = Turns(), list[int]()
    with turns.turn():
        threads = [queued(turns, order, number) for number in (1, 2, 3)]
        threads += [queued(turns, order, number, is_urgent=True) for number in range(10, 20)]
    for thread in threads:
        thread.join()

    assert order == [10, 11, 12, 13, 1, 14, 15, 16, 17, 2, 18, 19, 3]
    assert turns.take(timeout_s=0)


def test_who_does_not_want_to_wait_any_longer_leaves_the_others_in_order() -> None:
    turns, order = Turns(), list[int]()
    with turns.turn():
        first = queued(turns, order, 1)
        assert not turns.take(timeout_s=0.001)
        second = queued(turns, order, 2)
    for thread in (first, second):
        thread.join()

    assert order == [1, 2]
    assert turns.take(timeout_s=0)


def test_an_error_gives_the_turn_back() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.turn():
        raise ZeroDivisionError

    assert turns.take(timeout_s=0)


def test_a_writer_that_waits_too_long_is_told_that_nothing_took_effect(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = sqlite_engine(tmp_path / "some.db")
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_MS", 1)

    with writing(engine), pytest.raises(StoreBusyError), writing(engine):
        raise AssertionError("there are two writers")

    with writing(engine):
        pass
    engine.dispose()
