"""Child processes of a demo: started with a log file each, watched, and ended in order."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Final

from fedcarbon.errors import StateError

STOP_S: Final = 20
POLL_S: Final = 0.2
LOG_TAIL_LINES: Final = 15


class ProcessEndedError(StateError):
    """A process of the federation ended by itself; its log says why."""

    code: ClassVar[str] = "PROCESS_ENDED"


class StepTimeoutError(StateError):
    """A step of the demo did not finish in its time; the logs say where it hangs."""

    code: ClassVar[str] = "STEP_TIMEOUT"


@dataclass(slots=True)
class ProcessGroup:
    """All processes of one federation, in the order in which they were started."""

    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, arguments: Sequence[str]) -> None:
        """Start `python -m arguments...` in the background; it writes to `logs/name.jsonl`."""
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{name}.jsonl").open("ab") as log:
            self.running[name] = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, "-m", *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def run(self, name: str, arguments: Sequence[str]) -> None:
        """Run `python -m arguments...` to its end; its output also goes to `logs/name.log`.

        Raises:
            ProcessEndedError: it ended with another exit code than 0.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        path = self.logs / f"{name}.log"
        with path.open("ab") as log:
            done = subprocess.run(  # noqa: S603 - our own programs
                [sys.executable, "-m", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
            )
        if done.returncode:
            raise ProcessEndedError(f"{name} ended with {done.returncode}:\n{_tail(path)}")

    def check(self) -> None:
        """Raise `ProcessEndedError` if one has ended by itself."""
        for name, process in self.running.items():
            if process.poll() is not None:
                path = self.logs / f"{name}.jsonl"
                raise ProcessEndedError(f"{name} ended with {process.returncode}:\n{_tail(path)}")

    def wait_until(self, what: str, ready: Callable[[], bool], timeout_s: float) -> None:
        """Poll `ready` until it is true, watching the processes meanwhile.

        Raises:
            StepTimeoutError: it stayed false for `timeout_s`.
            ProcessEndedError: see `check`.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise StepTimeoutError(
                    f"{what} took longer than {timeout_s:.0f} s; see {self.logs}"
                )
            time.sleep(POLL_S)

    def stop(self, name: str) -> None:
        """Ask a process to end, and insist after a while."""
        process = self.running.pop(name)
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stop_all(self) -> None:
        """End everything, the last started first."""
        for process in self.running.values():
            process.terminate()
        for name in reversed(list(self.running)):
            self.stop(name)


def free_port() -> int:
    """Return a loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts_connections(port: int) -> bool:
    """Tell whether something listens on the loopback `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == os.EX_OK


def _tail(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(lines[-LOG_TAIL_LINES:])
