"""Work in threads that a call waits for to its end, even when nobody waits for the call any more.

A call whose caller has gone is cancelled, a running thread is not. If the call ended first, its
place (`fedcarbon.wire.admission`) would be given away while its thread still works, and whoever
sends and hangs up again and again would have more at work than there are places.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

T = TypeVar("T")


async def to_its_end(executor: Executor, work: Callable[[], T]) -> T:
    """Run `work` in a thread of `executor` and return its result.

    When the caller is cancelled, work that has not begun is dropped, and work that has begun is
    waited for.
    """
    job = executor.submit(work)
    result = asyncio.wrap_future(job)
    try:
        return await asyncio.shield(result)
    except asyncio.CancelledError:
        if not job.cancel():
            await asyncio.wait([result])
            if not result.cancelled():
                result.exception()  # nobody is left to hear it
        raise
