"""The rail of the soak: a process of its own, which nobody kills, with faults by chance.

Its book lists every movement of money, so that one which happens twice is seen. Messages are
pickled tuples over a local socket; a connection that is closed without an answer is a lost one.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from random import Random  # noqa: TID251 - only the type; seeds come from tests.chance
from typing import Any, Final

from typing_extensions import override

from fedcarbon.redemption.rail import Payout, Rail, RailAnswer, RailStatus
from tests.chance import seeded

FAULTS: Final = (
    ("none", 68), ("lost_request", 8), ("lost_answer", 8), ("twice", 4), ("slow", 4), ("accept", 8),
)  # fmt: skip
SLOW_S: Final = 0.1
REJECTED_OF_100: Final = 6


class RemoteRail(Rail):
    """The hub's end."""

    def __init__(self, address: Path) -> None:
        self._address = str(address)

    @override
    def pay(self, payout: Payout) -> RailAnswer:
        answer: RailAnswer = self.ask("pay", payout)
        return answer

    @override
    def query(self, payout_id: bytes) -> RailAnswer:
        answer: RailAnswer = self.ask("query", payout_id)
        return answer

    def movements(self) -> Counter[bytes]:
        """Return how often the money of each payout has moved."""
        found: Counter[bytes] = self.ask("movements", None)
        return found

    def be_good(self) -> None:
        """Let nothing go wrong any more."""
        self.ask("be_good", None)

    def ask(self, what: str, content: Any) -> Any:
        """Ask the rail; an `EOFError` or `OSError` means that there is no answer."""
        try:
            with Client(self._address) as connection:
                connection.send((what, content))
                return connection.recv()
        except EOFError as error:
            raise ConnectionResetError("the rail gave no answer") from error


class _Operator:
    """The rail's own books."""

    def __init__(self, seed: int) -> None:
        self._chance: Random = seeded(seed)
        self._lock = threading.Lock()
        self._statuses: dict[bytes, tuple[Payout, RailStatus]] = {}
        self._movements: Counter[bytes] = Counter()
        self._good = False

    def serve(self, connection: Connection) -> None:
        with connection:
            try:
                what, content = connection.recv()
                self._answer(connection, what, content)
            except (EOFError, OSError):
                return  # the hub was killed in the middle

    def _answer(self, connection: Connection, what: str, content: Any) -> None:
        if what == "movements":
            connection.send(self._movements)
            return
        if what == "be_good":
            self._good = True
            connection.send(None)
            return
        with self._lock:
            names, weights = zip(*FAULTS, strict=True)
            fault = "none" if self._good else self._chance.choices(names, weights)[0]
            rejects = self._chance.randrange(100) < REJECTED_OF_100
            if fault == "lost_request":
                return
            for _ in range(2 if fault == "twice" else 1):
                if what == "pay":
                    answer = self._paid(content, accepts=fault == "accept", rejects=rejects)
                else:
                    answer = self._asked(content)
        if fault == "slow":
            time.sleep(SLOW_S)
        if fault != "lost_answer":
            connection.send(answer)

    def _paid(self, payout: Payout, *, accepts: bool, rejects: bool) -> RailAnswer:
        stored = self._statuses.get(payout.payout_id)
        if stored is None:
            status = RailStatus.ACCEPTED if accepts else RailStatus.SETTLED
            self._enter(payout, RailStatus.REJECTED if rejects else status)
        elif stored[0] != payout:
            # As if it were another payout: the checker then sees money that moved twice.
            self._movements[payout.payout_id] += 1
        return self._said(payout.payout_id)

    def _asked(self, payout_id: bytes) -> RailAnswer:
        if payout_id not in self._statuses:
            return RailAnswer(status=RailStatus.NOT_FOUND)
        payout, status = self._statuses[payout_id]
        if status is RailStatus.ACCEPTED:
            self._enter(payout, RailStatus.SETTLED)
        return self._said(payout_id)

    def _enter(self, payout: Payout, status: RailStatus) -> None:
        self._statuses[payout.payout_id] = (payout, status)
        if status is RailStatus.SETTLED:
            self._movements[payout.payout_id] += 1

    def _said(self, payout_id: bytes) -> RailAnswer:
        _, status = self._statuses[payout_id]
        reason = "refused by chance" if status is RailStatus.REJECTED else ""
        return RailAnswer(status=status, reason=reason, reference=f"soak-{payout_id.hex()}")


def serve_rail(address: Path, seed: int) -> None:
    """Serve for ever; the body of the process."""
    operator = _Operator(seed)
    with Listener(str(address), backlog=64) as listener:
        while True:
            connection = listener.accept()
            threading.Thread(target=operator.serve, args=(connection,), daemon=True).start()
