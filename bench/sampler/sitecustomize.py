"""A sampling profiler that programs need not know of: Python imports a module of this name first.

It works where FEDCARBON_BENCH_SAMPLES names a folder and this folder is in PYTHONPATH, so in pools'
workers too. A thread of its own wakes every `PERIOD_S`; if the process has worked since, it asks
the kernel how long every thread has run (`/proc/self/task/*/schedstat`), and books that time to
what the thread is doing now. So the sum is the CPU time itself, and only its distribution is
sampled: what a thread did between two looks and finished is booked to its waiting. Threads that
Python does not know (gRPC, DuckDB) are booked by the kernel's name of the thread.

`<pid>.folded` has a line per stack, outermost function first, and nanoseconds: what flame graph
tools read. It imports nothing of the project, which is not importable yet.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Final

FOLDER: Final = "FEDCARBON_BENCH_SAMPLES"
PERIOD_S: Final = 0.02
WORKED_S: Final = 0.005
"""A process that has worked less since the last look is left alone."""
WRITE_EVERY_S: Final = 3.0
DEPTH_MAX: Final = 60


class Sampler:
    """Samples this process until it ends."""

    def __init__(self, folder: Path) -> None:
        """Write into `folder`, under the process id."""
        self._path = folder / f"{os.getpid()}.folded"
        self._stacks: Counter[str] = Counter()
        self._ran_ns: dict[str, int] = {}
        self._names: dict[object, str] = {}
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def start(self) -> None:
        """Begin; at its end the process waits for the last sample."""
        atexit.register(self._end)
        self._thread.start()

    def _run(self) -> None:
        looked_s, written_s = 0.0, 0.0
        while not self._ending.wait(PERIOD_S):
            worked_s = time.process_time()
            if worked_s - looked_s < WORKED_S:
                continue
            self._sample()
            looked_s = time.process_time()
            if time.monotonic() - written_s > WRITE_EVERY_S:
                self._write()
                written_s = time.monotonic()

    def _end(self) -> None:
        # No thread may look at frames while the interpreter goes down.
        self._ending.set()
        self._thread.join()
        self._write()

    def _sample(self) -> None:
        frames = sys._current_frames()  # noqa: SLF001 - what it is for
        threads = {
            str(thread.native_id): frames.get(thread.ident or 0) for thread in threading.enumerate()
        }
        for name in os.listdir("/proc/self/task"):  # noqa: PTH208 - twenty times a second
            try:
                with open(f"/proc/self/task/{name}/schedstat", "rb") as file:  # noqa: PTH123
                    ran_ns = int(file.read().split()[0])
            except OSError:
                continue
            before_ns = self._ran_ns.get(name, 0)
            self._ran_ns[name] = ran_ns
            if ran_ns == before_ns:
                continue
            frame = threads.get(name)
            stack = self._native(name) if frame is None else self._stack(frame)
            self._stacks[stack] += ran_ns - before_ns

    def _native(self, name: str) -> str:
        try:
            with open(f"/proc/self/task/{name}/comm", encoding="utf-8") as file:  # noqa: PTH123
                return f"[thread {file.read().strip()}]"
        except OSError:
            return "[thread]"

    def _stack(self, frame: FrameType | None) -> str:
        functions: list[str] = []
        while frame is not None and len(functions) < DEPTH_MAX:
            functions.append(self._function(frame))
            frame = frame.f_back
        return ";".join(reversed(functions))

    def _function(self, frame: FrameType) -> str:
        code = frame.f_code
        name = self._names.get(code)
        if name is None:
            module = frame.f_globals.get("__name__", "?")
            spec = frame.f_globals.get("__spec__")
            if module == "__main__" and spec is not None:
                module = spec.name
            name = f"{module}:{code.co_qualname}".replace(" ", "_").replace(";", "_")
            self._names[code] = name
        return name

    def _write(self) -> None:
        partial = self._path.with_suffix(".partial")
        lines = [f"{stack} {spent_ns}" for stack, spent_ns in self._stacks.items()]
        # The run may be over and its folder gone, and a profiler never disturbs a program.
        with contextlib.suppress(OSError):
            partial.write_text("\n".join(lines) + "\n", encoding="utf-8")
            partial.rename(self._path)


if folder := os.environ.get(FOLDER):
    Sampler(Path(folder)).start()
