"""Clocks by name, for configuration files: `system`, or `file:` and a path.

A file clock lets several processes share a protocol time that a demo or a test moves on. It is
read whenever it is asked.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import ClassVar, Final

from fedcarbon.clock import Clock, SystemClock
from fedcarbon.errors import ConfigurationError
from fedcarbon.units import Seconds

SYSTEM: Final = "system"
FILE_PREFIX: Final = "file:"
AT_S_MAX: Final = 1 << 40
"""Far beyond any programme; a clock that says more is broken."""


class ClockError(ConfigurationError):
    """The clock is not named right, or its file holds no instant."""

    code: ClassVar[str] = "CLOCK"


class FileClock:
    """The instant that stands in a file, in whole seconds since 1970-01-01T00:00:00Z."""

    def __init__(self, path: Path) -> None:
        """Take the file; it is first read when the time is asked for."""
        self._path = path

    def now_s(self) -> Seconds:
        """Return the instant in the file.

        Raises:
            ClockError: unreadable, or not a number of seconds.
        """
        try:
            text = self._path.read_text(encoding="ascii").strip()
        except (OSError, ValueError) as error:
            raise ClockError(f"cannot read the clock {self._path.name}") from error
        if not text.isdigit() or int(text) > AT_S_MAX:
            raise ClockError(f"the clock {self._path.name} holds no number of seconds")
        return Seconds(int(text))

    def set_s(self, at_s: Seconds) -> None:
        """Move the clock for all who read it; nobody ever sees a half-written instant."""
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        beside.write_text(f"{at_s}\n", encoding="ascii")
        beside.replace(self._path)


def clock_named(text: str) -> Clock:
    """Return the clock that a configuration names.

    Raises:
        ClockError: neither `system` nor `file:` and a path.
    """
    if text == SYSTEM:
        return SystemClock()
    if text.startswith(FILE_PREFIX) and len(text) > len(FILE_PREFIX):
        return FileClock(Path(text.removeprefix(FILE_PREFIX)))
    raise ClockError(f"{text[:80]!r} is no clock: say {SYSTEM} or {FILE_PREFIX}PATH")
