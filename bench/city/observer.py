"""Watches processes from outside, through /proc: CPU, memory and bytes on the wire by phase.

Nothing is added to what is measured. Everything below this process counts, by the name of its
party; a pool's workers are named after the process that started them. What a process used between
the last look and its end is lost: at most `PERIOD_S` of one core.
"""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Self

from bench.city.sockets import connections

PERIOD_S: Final = 0.5
_SHARED_EVERY: Final = 4
"""So many looks between two sums of proportional memory, which cost the kernel more."""
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_KIB: Final = 1024


@dataclass(slots=True, kw_only=True)
class Phase:
    """What one phase took."""

    name: str
    began: float
    wall_s: float = 0.0
    cpu_s: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """By process."""
    peak_mib: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    """Largest resident memory of one process of the name at a look."""
    together_mib: float = 0.0
    """Largest sum of proportional memory of all processes at a look."""
    wire_began: tuple[int, int] = (0, 0)
    wire_bytes: tuple[int, int] = (0, 0)
    """To the hub and from it."""
    machine_began_s: float = 0.0
    machine_s: float = 0.0
    """CPU time of everything on the machine, whoever's it was."""

    def tree(self) -> dict[str, Any]:
        """Return it as JSON."""
        total = sum(self.cpu_s.values())
        return {
            "name": self.name,
            "wall_s": round(self.wall_s, 2),
            "cpu_s": round(total, 2),
            "cores_busy": cores(total, self.wall_s),
            "cpu_s_by_process": {
                name: round(cpu_s, 2) for name, cpu_s in sorted(self.cpu_s.items()) if cpu_s
            },
            "peak_mib_by_process": {
                name: round(mib) for name, mib in sorted(self.peak_mib.items())
            },
            "together_mib": round(self.together_mib),
            "to_hub_bytes": self.wire_bytes[0],
            "from_hub_bytes": self.wire_bytes[1],
            "others_cpu_s": round(max(0.0, self.machine_s - total), 2),
        }


@dataclass(slots=True, kw_only=True)
class _Process:
    name: str
    cpu_s: float = 0.0


class Observer:
    """Looks at all processes below this one until it is closed."""

    def __init__(self, name_of: Callable[[int, list[str]], str]) -> None:
        """Take how a process is named: by process id and command line."""
        self._name_of = name_of
        self._known: dict[tuple[int, str], _Process] = {}
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._looks = 0
        self._current: Phase | None = None
        self._sockets: dict[tuple[int, int], tuple[int, int]] = {}
        self.phases: list[Phase] = []
        self.peak_mib: dict[str, float] = defaultdict(float)
        """VmHWM by process name: the kernel's own high-water mark."""
        self.together_mib = 0.0
        self.hub_port: int | None = None

    def __enter__(self) -> Self:
        """Begin to look."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Attribute what happens inside to `name`; the same name twice is one more row."""
        self.enter(name)
        try:
            yield
        finally:
            self.enter(None)

    def enter(self, name: str | None) -> None:
        """End the current phase and begin another one, if it has a name."""
        self.look()
        with self._lock:
            now = time.monotonic()
            wire = self._wire()
            if self._current is not None:
                before = self._current.wire_began
                self._current.wall_s = now - self._current.began
                self._current.wire_bytes = (wire[0] - before[0], wire[1] - before[1])
                self._current.machine_s = _machine_s() - self._current.machine_began_s
            self._current = None
            if name is not None:
                self._current = Phase(
                    name=name, began=now, wire_began=wire, machine_began_s=_machine_s()
                )
                self.phases.append(self._current)

    @property
    def names(self) -> dict[int, str]:
        """Name of every process that was seen, by its id."""
        with self._lock:
            return {pid: process.name for (pid, _), process in self._known.items()}

    def look(self) -> None:
        """Read what every process has used so far."""
        with self._lock:
            self._looks += 1
            tree = _descendants(os.getpid())
            together = 0.0
            for pid, (parent, started, cpu_s) in tree.items():
                process = self._known.get((pid, started))
                if process is None:
                    process = _Process(name=self._named(pid, parent, tree))
                    self._known[pid, started] = process
                used = cpu_s - process.cpu_s
                process.cpu_s = cpu_s
                self._note(process.name, pid, used)
                if self._looks % _SHARED_EVERY == 0:
                    together += _proportional_mib(pid)
            self.together_mib = max(self.together_mib, together)
            if self._current is not None:
                self._current.together_mib = max(self._current.together_mib, together)
            if self.hub_port is not None:
                self._count_bytes(self.hub_port)

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            self.look()

    def _note(self, name: str, pid: int, cpu_s: float) -> None:
        now_mib, peak_mib = _resident_mib(pid)
        self.peak_mib[name] = max(self.peak_mib[name], peak_mib)
        phase = self._current
        if phase is not None:
            phase.cpu_s[name] += cpu_s
            phase.peak_mib[name] = max(phase.peak_mib[name], now_mib)

    def _named(self, pid: int, parent: int, tree: dict[int, tuple[int, str, float]]) -> str:
        if pid == os.getpid():
            return "bench"
        if parent == os.getpid():
            return self._name_of(pid, _command(pid))
        above = self._known.get((parent, tree[parent][1])) if parent in tree else None
        if above is None:
            return "other"
        return above.name if above.name.endswith("/worker") else f"{above.name}/worker"

    def _count_bytes(self, port: int) -> None:
        for item in connections():
            if item.port == port:
                self._sockets[item.peer_port, item.inode] = (item.received, item.sent)

    def _wire(self) -> tuple[int, int]:
        """Return all bytes to the hub and from it so far."""
        received, sent = zip(*self._sockets.values(), strict=True) if self._sockets else ((), ())
        return sum(received), sum(sent)


def _descendants(root: int) -> dict[int, tuple[int, str, float]]:
    """Return parent, start and CPU seconds of `root` and every process below it."""
    rows: dict[int, tuple[int, str, float]] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - thousands of names a second
        if entry.isdigit():
            try:
                text = Path(f"/proc/{entry}/stat").read_text(encoding="ascii", errors="replace")
            except OSError:
                continue
            fields = text.rpartition(")")[2].split()
            cpu_s = (int(fields[11]) + int(fields[12])) / _TICKS
            rows[int(entry)] = (int(fields[1]), fields[19], cpu_s)
    inside = {root: rows[root]}
    grew = True
    while grew:
        fresh = {pid: row for pid, row in rows.items() if pid not in inside and row[0] in inside}
        inside |= fresh
        grew = bool(fresh)
    return dict(sorted(inside.items()))


def _machine_s() -> float:
    """Return how long all cores together have worked since the machine was started."""
    with Path("/proc/stat").open(encoding="ascii") as file:
        user, nice, system, _idle, _waiting, interrupts, soft = map(
            int, file.readline().split()[1:8]
        )
    return (user + nice + system + interrupts + soft) / _TICKS


def _resident_mib(pid: int) -> tuple[float, float]:
    """Return the resident memory now, and its high-water mark."""
    sizes = {"VmRSS": 0.0, "VmHWM": 0.0}
    try:
        with Path(f"/proc/{pid}/status").open(encoding="ascii", errors="replace") as file:
            for line in file:
                name, _, rest = line.partition(":")
                if name in sizes:
                    sizes[name] = int(rest.split()[0]) / _KIB
    except OSError:
        pass  # it has ended
    return sizes["VmRSS"], sizes["VmHWM"]


def _proportional_mib(pid: int) -> float:
    """Return memory with what is shared divided among those that share it."""
    try:
        with Path(f"/proc/{pid}/smaps_rollup").open(encoding="ascii") as file:
            for line in file:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) / _KIB
    except OSError:
        pass  # it has ended
    return 0.0


def _command(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return []


def cores(cpu_s: float, wall_s: float) -> float:
    """Return how many cores were busy; none if nothing has been waited for."""
    return round(cpu_s / wall_s, 2) if wall_s else 0.0
