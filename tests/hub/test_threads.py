"""A call that is cancelled does not end before its thread does."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from hub.threads import to_its_end


@pytest.fixture
def one_thread() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(1) as executor:
        yield executor


def test_results_and_errors_come_back(one_thread: ThreadPoolExecutor) -> None:
    assert asyncio.run(to_its_end(one_thread, lambda: 7)) == 7
    with pytest.raises(ZeroDivisionError):
        asyncio.run(to_its_end(one_thread, lambda: 1 // 0))


@pytest.mark.parametrize("fails", [False, True])
def test_work_that_has_begun_is_waited_for(one_thread: ThreadPoolExecutor, *, fails: bool) -> None:
    begun, go_on, steps = threading.Event(), threading.Event(), list[str]()

    def work() -> None:
        begun.set()
        go_on.wait(30)
        steps.append("worked")
        if fails:
            raise ZeroDivisionError

    async def scene() -> None:
        call = asyncio.create_task(to_its_end(one_thread, work))
        await asyncio.to_thread(begun.wait, 30)
        call.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not call.done()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await call
        steps.append("ended")

    asyncio.run(scene())

    assert steps == ["worked", "ended"]


def test_work_that_has_not_begun_is_dropped(one_thread: ThreadPoolExecutor) -> None:
    begun, go_on, steps = threading.Event(), threading.Event(), list[str]()

    def first() -> None:
        begun.set()
        go_on.wait(30)

    async def scene() -> None:
        working = asyncio.create_task(to_its_end(one_thread, first))
        await asyncio.to_thread(begun.wait, 30)
        call = asyncio.create_task(to_its_end(one_thread, lambda: steps.append("worked")))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        go_on.set()
        await working

    asyncio.run(scene())

    assert steps == []
