"""Work for all cores: the same function over many batches, in processes that are kept.

It is here because the core itself starts no process; hub, trustees, nodes and the auditor share it.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from types import TracebackType
from typing import Final, Self, TypeVar

T = TypeVar("T")
R = TypeVar("R")

_WAITING_PER_WORKER: Final = 2
"""Batches on their way: one that is worked on, and one that is there when it is done."""


class ProcessMap:
    """Maps over batches; starts its processes when there is more than one batch for the first time.

    Functions and batches must be picklable. Not fork: the threads of gRPC and of databases do not
    survive it.
    """

    __slots__ = ("_pool", "_starting", "_workers")

    def __init__(self, workers: int | None = None) -> None:
        """Take how many processes may work; by default one per core, with 1 none is started."""
        self._workers = workers or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None
        self._starting = threading.Lock()

    def stream(self, function: Callable[[T], R], batches: Iterable[T]) -> Iterator[R]:
        """Yield the results in the order of the batches, which may be more than fit in memory.

        So many batches are on their way as keep every process busy while the caller takes the next
        result. An error of one ends all, and what was not begun is not done. A single batch is
        worked on in the caller's own process, and so is everything with one worker.

        Raises:
            BrokenProcessPool: a process was killed, for example for want of memory; the next call
                starts others.
        """
        rest = iter(batches)
        first = list(itertools.islice(rest, 1 if self._workers == 1 else 2))
        if len(first) <= 1:
            yield from map(function, itertools.chain(first, rest))
            return
        pool, waiting = self._started(), deque[Future[R]]()
        try:
            for batch in itertools.chain(first, rest):
                if len(waiting) >= _WAITING_PER_WORKER * self._workers:
                    yield waiting.popleft().result()
                waiting.append(pool.submit(function, batch))
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            self._forget(pool)
            raise
        finally:
            for future in waiting:
                future.cancel()

    def map(self, function: Callable[[T], R], batches: Sequence[T]) -> Iterator[R]:
        """Return the results in the order of the batches."""
        if self._workers == 1 or len(batches) <= 1:
            return map(function, batches)
        return self._started().map(function, batches)

    def _started(self) -> ProcessPoolExecutor:
        with self._starting:
            if self._pool is None:
                self._pool = ProcessPoolExecutor(
                    self._workers, mp_context=multiprocessing.get_context("spawn")
                )
            return self._pool

    def _forget(self, broken: ProcessPoolExecutor) -> None:
        """Have others started the next time: a pool of which one was killed works no more."""
        with self._starting:
            if self._pool is broken:
                self._pool = None
        broken.shutdown(wait=False)

    def close(self) -> None:
        """Let the processes go."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the processes go."""
        self.close()
