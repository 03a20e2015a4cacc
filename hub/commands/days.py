"""`fedcarbon-hub close-day`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import ClassVar, Final

from fedcarbon.errors import StateError
from hub.clearing.closing import closed_sequence, request_close
from hub.commands.beside import beside

CLOSE_POLL_S: Final = 0.2


class DayNotClosedError(StateError):
    """No hub has closed the ledger day: start it, or look into its log."""

    code: ClassVar[str] = "DAY_NOT_CLOSED"


def close_day(*, config: Path, wait_s: int = 60) -> None:
    """Close the running ledger day now, and log its transfers and payouts.

    A day is closed by itself when it is over (UTC). This is for those who want the books in the
    record earlier; what comes later is booked on the next day. The running hub does it, and its
    trustees sign the next checkpoint over it; if no hub runs, the next one that starts does it.

    Args:
        config: the configuration file (TOML).
        wait_s: give up waiting after this many seconds; the day is then closed later.
    """
    with beside(config) as hub:
        through = hub.write(lambda session: request_close(session, hub.now_s()))
        deadline = time.monotonic() + wait_s
        while hub.read(closed_sequence) < through:
            if time.monotonic() > deadline:
                raise DayNotClosedError(
                    f"no hub has closed the ledger day within {wait_s} s; "
                    "it is closed when one runs"
                )
            time.sleep(CLOSE_POLL_S)
    sys.stdout.write(f"all {through} transfers are in the record\n")
