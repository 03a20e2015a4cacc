"""A second, simple model of clearing: whose grams are where, and what every call must answer.

It imports nothing of the ledger and nothing of the hub. What the rail did is taken from the rail's
own book, so the model needs to know neither retries nor leases: it says which states are possible
after what the rail has done and said, and computes every balance from the states.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from itertools import permutations
from typing import Final

GRAM_UG: Final = 1_000_000
UNIT_UG: Final = 1_250 * GRAM_UG
OPEN: Final = frozenset({"reserved", "sent", "unknown"})
LIMIT_CODES: Final = {
    "exchange": "LIMIT_PER_EXCHANGE",
    "day": "LIMIT_PER_DAY",
    "year": "LIMIT_PER_YEAR",
    "account": "LIMIT_PER_ACCOUNT",
}
"""In the order in which they are looked at."""
Balances = dict[tuple[str, str], int]
"""(account, unit) to balance, without zeros."""


class WrongError(AssertionError):
    """The hub differs from the model."""


@dataclass(slots=True)
class Entry:
    """One redemption as the model has it."""

    holder: int
    asked: int | None
    wallet_class: int
    units: int
    draws: dict[int, int]
    state: str
    created_s: int
    cancelled: bool = False

    @property
    def fen(self) -> int:
        """One fen per unit."""
        return self.units


@dataclass(slots=True)
class Model:
    """Everything that must be true of the books."""

    spendable: dict[int, dict[int, int]] = field(default_factory=dict)
    """Holder to vintage to ug."""
    issued: dict[int, int] = field(default_factory=dict)
    """Vintage to ug."""
    opened: dict[int, int] = field(default_factory=dict)
    """Holder to all ug ever opened."""
    top_ups: dict[int, int] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)
    frozen: set[int] = field(default_factory=set)
    limits: dict[str, int | None] = field(default_factory=dict)
    """Of fen, per "exchange", "day", "year" and "account" (a day)."""
    donations: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Number to holder and pieces."""
    donated: dict[int, int] = field(default_factory=dict)
    """Vintage to ug."""
    suspended: dict[str, int] = field(default_factory=dict)
    """What reconciliation has set aside, by the account that it came from."""

    # --- what use cases must answer -----------------------------------------------------------

    def credit(self, holder: int, ug: int, vintage: int) -> str:
        """Enter opened grams."""
        held = self.spendable.setdefault(holder, {})
        held[vintage] = held.get(vintage, 0) + ug
        self.issued[vintage] = self.issued.get(vintage, 0) + ug
        self.opened[holder] = self.opened.get(holder, 0) + ug
        return "new"

    def top_up(self, number: int, fen: int) -> str:
        """Enter money, once per number."""
        stored = self.top_ups.setdefault(number, -fen)
        if stored < 0:
            self.top_ups[number] = fen
            return "new"
        return "same" if stored == fen else "TRANSFER_ID_REUSED"

    def redeem(
        self, number: int, holder: int, asked: int | None, wallet_class: int, now_s: int
    ) -> str:
        """Reserve, or say why not."""
        stored = self.entries.get(number)
        if stored is not None:
            same = (stored.holder, stored.asked, stored.wallet_class) == (
                holder,
                asked,
                wallet_class,
            )
            return f"units {stored.units}" if same else "REDEMPTION_ID_REUSED"
        held = self.spendable.setdefault(holder, {})
        units = sum(held.values()) // UNIT_UG if asked is None else asked
        refusals = (
            (wallet_class == 4, "WALLET_CLASS_REFUSED"),
            (holder in self.frozen, "ACCOUNT_FROZEN"),
            (units == 0, "REDEMPTION_TOO_SMALL"),
            (units * UNIT_UG > sum(held.values()), "INSUFFICIENT_BALANCE"),
            *self._limits_broken(holder, units, now_s),
            (units > self.float_fen(), "FLOAT_EXHAUSTED"),
        )
        for refused, code in refusals:
            if refused:
                return code
        draws = _taken(held, units * UNIT_UG)
        self.entries[number] = Entry(holder, asked, wallet_class, units, draws, "reserved", now_s)
        return f"units {units}"

    def _limits_broken(self, holder: int, fen: int, now_s: int) -> Iterator[tuple[bool, str]]:
        """Yield whether `fen` more would break each limit."""
        had = {"exchange": 0, "day": 0, "year": 0, "account": 0}
        now = _shanghai(now_s)
        for entry in self.entries.values():
            at = _shanghai(entry.created_s)
            if entry.holder == holder and entry.state not in {"rejected", "reversed"}:
                had["year"] += entry.fen if at.year == now.year else 0
                had["day"] += entry.fen if at.date() == now.date() else 0
        had["account"] = had["day"]
        for name, code in LIMIT_CODES.items():
            limit = self.limits.get(name)
            yield limit is not None and had[name] + fen > limit, code

    def cancel(self, number: int) -> str:
        """Take back what was never sent, or say why not."""
        entry = self.entries.get(number)
        if entry is None:
            return "REDEMPTION_UNKNOWN"
        if entry.state == "reserved":
            entry.state, entry.cancelled = "rejected", True
            self._give_back(entry)
        return "rejected" if entry.cancelled else "REDEMPTION_STATE"

    def notify(self, number: int, status: str) -> str:
        """Take in what the rail says by itself; of what is final only a return says more."""
        entry = self.entries.get(number)
        if entry is None:
            return "REDEMPTION_UNKNOWN"
        if entry.state in OPEN and status == "settled":
            entry.state = "settled"
        elif entry.state in OPEN and status in {"rejected", "returned"}:
            entry.state = "rejected"
            self._give_back(entry)
        elif entry.state == "settled" and status == "returned":
            return self.reverse(number)
        return entry.state

    def freeze(self, holder: int, *, frozen: bool) -> str:
        """Freeze an account, or let it again."""
        if (holder in self.frozen) is frozen:
            return "same"
        self.frozen ^= {holder}
        return "new"

    def donate(self, number: int, holder: int, pieces: int, price_ug: int) -> str:
        """Give grams away, once per number."""
        wish, asked_ug = (holder, pieces), pieces * price_ug
        stored = self.donations.get(number)
        held = self.spendable.setdefault(holder, {})
        if stored is None and holder in self.frozen:
            return "ACCOUNT_FROZEN"
        if stored is None and asked_ug > sum(held.values()):
            return "INSUFFICIENT_BALANCE"
        if stored is None:
            self.donations[number] = wish
            for vintage, ug in _taken(held, asked_ug).items():
                self.donated[vintage] = self.donated.get(vintage, 0) + ug
        same = stored in {None, wish}
        return f"done {asked_ug // GRAM_UG}" if same else "USE_ID_REUSED"

    def reverse(self, number: int) -> str:
        """Give back what was paid, or say why not."""
        entry = self.entries.get(number)
        if entry is None:
            return "REDEMPTION_UNKNOWN"
        if entry.state == "settled":
            if self._paid_fen() < entry.fen:
                # What lies in suspense cannot be given back before it is explained.
                return "INSUFFICIENT_BALANCE"
            entry.state = "reversed"
            self._give_back(entry)
            return "reversed"
        return "reversed" if entry.state == "reversed" else "REDEMPTION_STATE"

    # --- what the rail's answers may do -------------------------------------------------------

    def adopt(
        self,
        states: Mapping[int, str],
        booked: Mapping[int, str],
        told: Mapping[int, str],
        *,
        whole: bool,
        now_s: int,
    ) -> None:
        """Take over the states of the hub if they can follow from what the rail did.

        Args:
            states: what the hub says, by number.
            booked: what the rail's book says.
            told: the final answers that reached the hub in this operation.
            whole: nothing broke the work of the hub off.
            now_s: protocol time at its end.
        """
        _must(set(states) == set(self.entries), f"redemptions {states} and not {self.entries}")
        for number, state in states.items():
            entry = self.entries[number]
            rail = booked.get(number, "nothing")
            what = f"redemption {number} went from {entry.state} to {state}; rail: {rail}"
            if entry.state == "settled" and state == "reversed":
                _must(rail == "returned", what)
                self._give_back(entry)
                entry.state = state
            if entry.state not in OPEN:
                _must(state == entry.state, what)
                continue
            if state == "settled":
                _must(rail in {"settled", "returned"}, what)
            elif state == "rejected":
                _must(rail in {"rejected", "returned"}, what)
            else:
                _must(state in OPEN, what)
                _must(not (whole and number in told), f"{what}, which said {told.get(number)}")
                overdue = whole and state == "reserved" and entry.created_s <= now_s
                _must(not overdue, f"{what}, and was not sent")
                _must(state != "reserved" or entry.state == "reserved", what)
            if state == "rejected":
                self._give_back(entry)
            entry.state = state

    def _give_back(self, entry: Entry) -> None:
        held = self.spendable.setdefault(entry.holder, {})
        for vintage, ug in entry.draws.items():
            held[vintage] = held.get(vintage, 0) + ug

    # --- what the books must hold -------------------------------------------------------------

    def float_fen(self) -> int:
        """Return what can still be paid out."""
        used = sum(e.fen for e in self.entries.values() if e.state not in {"rejected", "reversed"})
        return sum(self.top_ups.values()) - used - self.suspended.get("float", 0)

    def _paid_fen(self) -> int:
        paid = sum(entry.fen for entry in self.entries.values() if entry.state == "settled")
        return paid - self.suspended.get("paid_out", 0)

    def balances(self, programme: str) -> Balances:
        """Return every balance that is not zero."""
        grams: dict[tuple[str, int], int] = defaultdict(int)
        for vintage, ug in self.issued.items():
            grams[f"programme:{programme}:issuance", vintage] -= ug
        for holder, held in self.spendable.items():
            for vintage, ug in held.items():
                grams[f"holder:{token(holder).hex()}:spendable", vintage] += ug
        for entry in self.entries.values():
            place = {
                "settled": f"programme:{programme}:redeemed",
            } | dict.fromkeys(OPEN, f"holder:{token(entry.holder).hex()}:reserved")
            for vintage, ug in entry.draws.items():
                if entry.state in place:
                    grams[place[entry.state], vintage] += ug
        in_flight = sum(e.fen for e in self.entries.values() if e.state in OPEN)
        for vintage, ug in self.donated.items():
            grams[f"programme:{programme}:donated", vintage] += ug
        money = {
            "funding": -sum(self.top_ups.values()) - self.suspended.get("funding", 0),
            "float": self.float_fen(),
            "payout_in_flight": in_flight,
            "paid_out": self._paid_fen(),
            "suspense": sum(self.suspended.values()),
        }
        found = {
            (name, f"ug:{programme}:{vintage}"): ug for (name, vintage), ug in grams.items() if ug
        }
        found |= {
            (f"programme:{programme}:{kind}", "fen"): fen for kind, fen in money.items() if fen
        }
        return found


def token(holder: int) -> bytes:
    """Return the account token of a holder."""
    return bytes([holder]) * 32


def _taken(held: dict[int, int], ug: int) -> dict[int, int]:
    """Take grams out of `held`, oldest vintage first; return them."""
    draws: dict[int, int] = {}
    for vintage in sorted(held):
        taken = min(ug - sum(draws.values()), held[vintage])
        if taken:
            draws[vintage] = taken
            held[vintage] -= taken
    return draws


def _shanghai(instant_s: int) -> datetime:
    return datetime.fromtimestamp(instant_s, timezone(timedelta(hours=8)))


Event = Callable[[Model], bool]
"""Something that happened at once with others: it changes a model, or says that it cannot be."""


def came_back(number: int, state: str) -> Event:
    """Return that a redemption's grams came back by what the rail had said."""

    def happens(model: Model) -> bool:
        entry = model.entries.get(number)
        if entry is None or entry.state not in {*OPEN, "settled"}:
            return False
        entry.state = state
        model._give_back(entry)
        return True

    return happens


def explanations(model: Model, events: Sequence[Event]) -> Iterator[Model]:
    """Yield the models after each order of `events` in which all of them can be."""
    for order in permutations(events):
        trial = copy.deepcopy(model)
        if all(event(trial) for event in order):
            yield trial


def _must(holds: bool, what: str) -> None:  # noqa: FBT001 - an assertion
    if not holds:
        raise WrongError(what)
