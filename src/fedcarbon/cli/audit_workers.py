"""Many processes for an audit, and what a terminal shows of it meanwhile."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import AbstractContextManager
from typing import Final, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from typing_extensions import override

Job = TypeVar("Job")
Done = TypeVar("Done")

JOBS_ALONE_MAX: Final = 4
"""Jobs up to which starting processes costs more than it saves."""
WAITING_PER_WORKER: Final = 2
"""Jobs that are handed over before the first of them is done; more would only cost memory."""


class Workers(AbstractContextManager["Workers"]):
    """A pool of processes that starts when there is much to do for the first time."""

    def __init__(self, workers: int | None = None) -> None:
        """Take the number of processes, by default one per core."""
        self._workers: Final = workers or os.cpu_count() or 1
        self._pool: ProcessPoolExecutor | None = None

    def map(self, work: Callable[[Job], Done], jobs: Sequence[Job], /) -> Iterator[Done]:
        """Return `work(job)` of every job, in order; see `fedcarbon.audit.examination.Mapper`."""
        if self._workers == 1 or len(jobs) <= JOBS_ALONE_MAX:
            yield from map(work, jobs)
            return
        if self._pool is None:
            # Not fork: a child of a process with threads may hang.
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self._workers, mp_context=context)
        waiting: deque[Future[Done]] = deque()
        for job in jobs:
            waiting.append(self._pool.submit(work, job))
            if len(waiting) > WAITING_PER_WORKER * self._workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    @override
    def __exit__(self, *_: object) -> None:
        """Let the processes go."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


class Bar(AbstractContextManager["Bar"]):
    """Shows how far an audit has come: a bar on a terminal, one line per stage elsewhere."""

    def __init__(self, console: Console) -> None:
        """Show on `console`."""
        self._console: Final = console
        self._stage = ""
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        self._progress: Final = Progress(*columns, console=console, transient=True)
        self._task: Final = self._progress.add_task("reading", total=None)

    @override
    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._progress.start()
        return self

    def watch(self, stage: str, done: int, total: int) -> None:
        """Take note of a step; see `fedcarbon.audit.examination.Watcher`."""
        if self._console.is_terminal:
            self._progress.update(self._task, description=stage, completed=done, total=total)
        elif stage != self._stage and done == total:
            self._console.print(f"{stage}: {total}", highlight=False)
            self._stage = stage

    @override
    def __exit__(self, *_: object) -> None:
        if self._console.is_terminal:
            self._progress.stop()
