"""A second, simple model of clearing: whose grams are where, and what every call must answer.

It imports nothing of the ledger and nothing of the hub. What the rail did is taken from the rail's
own book, so the model needs to know neither retries nor leases: it says which states are possible
after what the rail has done and said, and computes every balance from the states.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import permutations
from typing import Final

GRAM_UG: Final = 1_000_000
UNIT_UG: Final = 1_250 * GRAM_UG
OPEN: Final = frozenset({"reserved", "sent", "unknown"})
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
        if wallet_class == 4:
            return "WALLET_CLASS_REFUSED"
        held = self.spendable.setdefault(holder, {})
        units = sum(held.values()) // UNIT_UG if asked is None else asked
        if asked is None and units == 0:
            return "REDEMPTION_TOO_SMALL"
        if units * UNIT_UG > sum(held.values()):
            return "INSUFFICIENT_BALANCE"
        if units > self.float_fen():
            return "FLOAT_EXHAUSTED"
        left, draws = units * UNIT_UG, {}
        for vintage in sorted(held):
            taken = min(left, held[vintage])
            if taken:
                draws[vintage] = taken
                held[vintage] -= taken
                left -= taken
        self.entries[number] = Entry(holder, asked, wallet_class, units, draws, "reserved", now_s)
        return f"units {units}"

    def reverse(self, number: int) -> str:
        """Give back what was paid, or say why not."""
        entry = self.entries.get(number)
        if entry is None:
            return "REDEMPTION_UNKNOWN"
        if entry.state == "settled":
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
        return sum(self.top_ups.values()) - used

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
        paid = sum(e.fen for e in self.entries.values() if e.state == "settled")
        money = {
            "funding": -sum(self.top_ups.values()),
            "float": self.float_fen(),
            "payout_in_flight": in_flight,
            "paid_out": paid,
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


Wish = tuple[int, int, int | None, int]
"""Of a redemption: number, holder, units, wallet class."""


def explanations(
    model: Model, wishes: list[tuple[Wish, str]], came_back: Iterable[int], now_s: int
) -> Iterator[Model]:
    """Yield the models after each order of `wishes` that gives the answers which they got.

    Args:
        model: before all of them; it is not changed.
        wishes: what was asked at once, and the answers.
        came_back: redemptions whose grams came back meanwhile.
        now_s: protocol time at the end.
    """
    events: list[tuple[Wish, str] | int] = [*wishes, *came_back]
    for order in permutations(events):
        trial = copy.deepcopy(model)
        if all(_happens(trial, event, now_s) for event in order):
            for number in came_back:
                trial.entries[number].state = "rejected"
            yield trial


def _happens(trial: Model, event: tuple[Wish, str] | int, now_s: int) -> bool:
    if isinstance(event, int):
        entry = trial.entries.get(event)
        if entry is None or entry.state not in OPEN:
            return False
        entry.state = "rejected"
        trial._give_back(entry)
        return True
    (number, holder, units, wallet_class), answer = event
    return trial.redeem(number, holder, units, wallet_class, now_s) == answer


def _must(holds: bool, what: str) -> None:  # noqa: FBT001 - an assertion
    if not holds:
        raise WrongError(what)
