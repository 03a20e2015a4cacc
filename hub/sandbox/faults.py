"""SANDBOX: what goes wrong on request, as data.

A fault is told for the next calls, in order, or for every payout to a wallet. Some are about the
call, some about the payout, some about the files of the day.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fedcarbon.errors import MalformedError
from fedcarbon.redemption.wallet import WalletId


class RailFault(StrEnum):
    """What goes wrong with one call or one payout."""

    NONE = "none"
    LOST_REQUEST = "lost_request"
    """The rail never sees the call; the caller learns nothing."""
    LOST_ANSWER = "lost_answer"
    """The rail does it; the caller learns nothing."""
    SLOW = "slow"
    """The rail does it; the answer comes late."""
    REJECT = "reject"
    """The rail refuses the payout, for ever."""
    ACCEPT = "accept"
    """The rail takes the payout in and settles it later, or when it is asked."""
    LATE_FAILURE = "late_failure"
    """The rail pays, and the money comes back later."""
    DUPLICATE_NOTIFICATION = "duplicate_notification"
    """The rail tells the hub twice."""
    WRONG_AMOUNT_IN_FILE = "wrong_amount_in_file"
    """The settlement file says one fen more than was paid."""
    MISSING_IN_FILE = "missing_in_file"
    """The settlement file leaves the payout out."""
    TWICE_IN_FILE = "twice_in_file"
    """The settlement file has the payout twice, under two references."""
    UNKNOWN_MOVEMENT = "unknown_movement"
    """Money moves on the float and belongs to no payout: happens at once, not with a call."""


OF_CALLS: Final = (
    RailFault.NONE,
    RailFault.LOST_REQUEST,
    RailFault.LOST_ANSWER,
    RailFault.SLOW,
    RailFault.REJECT,
    RailFault.ACCEPT,
)
"""Are over with the call, or with the query that follows it."""
OF_PAYOUTS: Final = frozenset({
    RailFault.LATE_FAILURE,
    RailFault.DUPLICATE_NOTIFICATION,
    RailFault.WRONG_AMOUNT_IN_FILE,
    RailFault.MISSING_IN_FILE,
    RailFault.TWICE_IN_FILE,
})  # fmt: skip
"""Wait for the next payout; a query does not use them up."""
IN_FILES: Final = frozenset({
    RailFault.WRONG_AMOUNT_IN_FILE, RailFault.MISSING_IN_FILE, RailFault.TWICE_IN_FILE,
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A fault and, for SLOW, how slow."""

    kind: RailFault
    delay_ms: int = 0

    def __post_init__(self) -> None:
        """Check that it can happen with a call."""
        if self.kind is RailFault.UNKNOWN_MOVEMENT:
            raise MalformedError("an unknown movement happens at once, not with a call")


NO_FAULT: Final = Fault(kind=RailFault.NONE)


class Faults:
    """The faults that are still to come. Threads may share it."""

    def __init__(
        self, next_calls: Iterable[Fault] = (), wallets: Mapping[WalletId, Fault] | None = None
    ) -> None:
        """Take faults for the next calls, one each, and for payouts to wallets, always."""
        self._next = deque(next_calls)
        self._wallets = dict(wallets or {})
        self._lock = threading.Lock()

    def add(self, faults: Iterable[Fault]) -> None:
        """Let these happen to the calls after those that are spoken for."""
        with self._lock:
            self._next.extend(faults)

    def set_wallet(self, wallet: WalletId, fault: Fault) -> None:
        """Let this happen to every payout to `wallet`; `NO_FAULT` ends it."""
        with self._lock:
            self._wallets[wallet] = fault

    def of_pay(self, wallet: WalletId) -> Fault:
        """Return what happens to this payout; a wallet's own fault comes first."""
        with self._lock:
            of_wallet = self._wallets.get(wallet, NO_FAULT)
            if of_wallet.kind is not RailFault.NONE or not self._next:
                return of_wallet
            return self._next.popleft()

    def of_query(self) -> Fault:
        """Return what happens to this query."""
        with self._lock:
            if not self._next or self._next[0].kind in OF_PAYOUTS:
                return NO_FAULT
            return self._next.popleft()
