"""Processes that tests start and kill, forked off one that has imported everything already.

A program of ours spends a second of processor time on imports before it does anything. These are
processes like any other, with their own memory, files and signals; that a program also starts out
of nothing is asserted by the demo and by tests of commands.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import IO, Final

END_S: Final = 60.0
_PRELOADED: Final = [
    "hub.commands.serving",
    "hub.sandbox.service",
    "tests.hub.federation",
    "tests.soak.hub_process",
    "tests.soak.rail_process",
]


def nursery() -> ForkServerContext:
    """Return where processes are forked; there is one for everybody, begun with the first."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(_PRELOADED)
    return context


class Child:
    """A started program; what tests need of `subprocess.Popen`, with text on all three pipes."""

    def __init__(self, program: str, *arguments: object) -> None:
        """Start a module by its name, or a script by its path, with arguments."""
        context = nursery()
        stdin, self.stdin = _pipe(context, "w")
        stdout, self.stdout = _pipe(context, "r")
        stderr, self.stderr = _pipe(context, "r")
        theirs = (stdin, stdout, stderr)
        self._process = context.Process(
            target=_live,
            args=(program, list(map(str, arguments)), dict(os.environ), theirs),
            daemon=True,
        )
        self._process.start()
        for end in theirs:
            end.close()

    @property
    def returncode(self) -> int | None:
        """The exit code, less than zero for a signal; None while it runs."""
        return self._process.exitcode

    def communicate(self) -> tuple[str, str]:
        """Wait for the end and return what it has written since."""
        self.stdin.close()
        with ThreadPoolExecutor(1) as pool:  # who waits for one pipe must not let the other fill
            errors = pool.submit(self.stderr.read)
            written = self.stdout.read(), errors.result()
        self._process.join(END_S)
        if self.returncode is None:
            raise subprocess.TimeoutExpired(self._process.name, END_S)
        self.stdout.close()
        self.stderr.close()
        return written

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self._process.pid is not None and self.returncode is None:
            os.kill(self._process.pid, number)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.send_signal(signal.SIGKILL)


def _pipe(context: ForkServerContext, mode: str) -> tuple[Connection, IO[str]]:
    """Return the child's end of a pipe and ours, which we read or write."""
    reader, writer = context.Pipe(duplex=False)
    theirs, ours = (reader, writer) if mode == "w" else (writer, reader)
    file = os.fdopen(os.dup(ours.fileno()), mode, encoding="utf-8")
    ours.close()
    return theirs, file


def _live(
    program: str, arguments: list[str], environment: dict[str, str], ends: tuple[Connection, ...]
) -> None:
    """Be a program: the body of the process."""
    os.environ.clear()
    os.environ.update(environment | {"GRPC_VERBOSITY": "NONE"})  # nobody empties these pipes
    for number, end in enumerate(ends):
        os.dup2(end.fileno(), number)
        end.close()
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8", closefd=False)
        for number, mode in enumerate(("r", "w", "w"))
    )
    sys.argv = [program, *arguments]
    if Path(program).is_file():
        runpy.run_path(program, run_name="__main__")
    else:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
