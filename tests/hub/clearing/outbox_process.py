"""A worker in a process of its own, which stands still at a given instant to be killed there.

Usage: outbox_process.py URL NOW_S INSTANT FOLDER; says `here` at the instant, `done` at the end.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from sqlalchemy import event
from sqlalchemy.orm import Session as OrmSession
from typing_extensions import override

from fedcarbon.clock import SteppedClock
from fedcarbon.redemption.rail import Payout, Rail, RailAnswer
from fedcarbon.units import Seconds
from hub.clearing.outbox import process_outbox
from hub.clearing.sandbox_rail import SandboxRail
from hub.storage.engine import open_engine


class Instants:
    """Counts instants and stands still at one."""

    def __init__(self, stop_at: int) -> None:
        self.left = stop_at

    def pass_(self) -> None:
        self.left -= 1
        if self.left < 0:
            sys.stdout.write("here\n")
            sys.stdout.flush()
            time.sleep(600)


class StoppingRail(Rail):
    """An instant before the rail does anything, and one after it has done it."""

    def __init__(self, inner: Rail, instants: Instants) -> None:
        self.inner = inner
        self.instants = instants

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        self.instants.pass_()
        answer = self.inner.pay(payout)
        self.instants.pass_()
        return answer

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        return self.inner.query(payout_id)


def main() -> None:
    """Work until there is nothing to do, or until the instant."""
    url, now_s, stop_at = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    folder = Path(sys.argv[4])
    instants = Instants(stop_at)
    engine = open_engine(url)
    sandbox = SandboxRail(folder / "sandbox.db", wait=lambda: None)

    def at_commit(session: OrmSession) -> None:
        if session.get_bind() is engine:
            instants.pass_()

    event.listen(OrmSession, "before_commit", at_commit)
    event.listen(OrmSession, "after_commit", at_commit)
    process_outbox(engine, StoppingRail(sandbox, instants), SteppedClock(Seconds(now_s)))
    sys.stdout.write("done\n")


if __name__ == "__main__":
    main()
