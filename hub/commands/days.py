"""`fedcarbon-hub close-day`."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar, Final

from fedcarbon.errors import StateError
from fedcarbon.redemption.value_day import ValueDay, day_text
from hub.clearing.closing import CloseOutcome, closed_day, closed_sequence, request_close
from hub.clearing.programme_positions import positions
from hub.commands.beside import beside
from hub.commands.positions import positions_tree, print_positions
from hub.commands.printing import print_json

CLOSE_POLL_S: Final = 0.2

_SAID: Final[Mapping[CloseOutcome, str]] = MappingProxyType(
    {
        CloseOutcome.REQUESTED: "ledger day {day} is closed: {count} transfers are in the record",
        CloseOutcome.AWAITED: (
            "ledger day {day} is closed, as another run had asked: "
            "{count} transfers are in the record"
        ),
        CloseOutcome.CLOSED_BEFORE: (
            "ledger day {day} is closed already, with {count} transfers; nothing changed, "
            "and what is booked since then belongs to the next day"
        ),
        CloseOutcome.NOTHING_BOOKED: (
            "nothing was booked since the last closed day; nothing changed"
        ),
    }
)


class DayNotClosedError(StateError):
    """No hub has closed the ledger day: start it, or look into its log."""

    code: ClassVar[str] = "DAY_NOT_CLOSED"


def close_day(*, config: Path, wait_s: int = 60, json: bool = False) -> None:
    """Close the running ledger day now, log its transfers and payouts, and show the positions.

    A day is closed by itself when it is over (UTC). This is for those who want the books in the
    record earlier; what comes later is booked on the next day. The running hub does it, and its
    trustees sign the next checkpoint over it; if no hub runs, the next one that starts does it.

    A day is closed once: a second run says that it is closed and changes nothing; of two runs at
    once one asks the hub and the other says so.

    Args:
        config: the configuration file (TOML).
        wait_s: give up waiting after this many seconds; the day is then closed later.
        json: print one JSON document; money in fen, mass in ug.
    """
    with beside(config) as hub:
        asked = hub.write(lambda session: request_close(session, hub.now_s()))
        deadline = time.monotonic() + wait_s
        while hub.read(closed_sequence) < asked.through_sequence:
            if time.monotonic() > deadline:
                raise DayNotClosedError(
                    f"no hub has closed the ledger day within {wait_s} s; "
                    "it is closed when one runs"
                )
            time.sleep(CLOSE_POLL_S)
        closed = hub.read(lambda session: closed_day(session, asked.day))
        through = asked.through_sequence if closed is None else closed.last_sequence
        found = hub.read(lambda session: positions(session, through_sequence=through))
    day, count = day_text(ValueDay(asked.day)), 0 if closed is None else closed.transfer_count
    if json:
        print_json(
            {
                "day": day,
                "outcome": asked.outcome.value,
                "transfers": count,
                "through_sequence": through,
                "programmes": positions_tree(found),
            }
        )
        return
    sys.stdout.write(_SAID[asked.outcome].format(day=day, count=count) + "\n")
    print_positions(found, f"after ledger day {day}")
