"""Which leaf of an evidence tree is whose: claims first, then accounts by place and their days.

Everybody computes it from the record: the length of the claim list, the partner's places in the
enrolment snapshot, and the days of the epoch.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from fedcarbon.epoch.snapshot import Place
from fedcarbon.epoch.statements import evidence_leaves


class PlaceDay(NamedTuple):
    """One account, by its place, on one local day."""

    place: Place
    day: dt.date


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbering:
    """The leaves of one partner's evidence in one epoch."""

    claims: int
    """Length of the claim list, pads included: leaves 0 to `claims` - 1."""
    places: tuple[Place, ...]
    """Of the partner's accounts in the snapshot, ascending."""
    days: tuple[dt.date, ...]
    """Of the epoch, in order."""

    @classmethod
    def of(
        cls, claims: int, slots_of: Mapping[int, frozenset[int]], days: tuple[dt.date, ...]
    ) -> Numbering:
        """Return the numbering for `PartnerSnapshot.slots_of`."""
        places = sorted(Place(block, slot) for block, slots in slots_of.items() for slot in slots)
        return cls(claims=claims, places=tuple(places), days=days)

    @property
    def leaves(self) -> int:
        """How many leaves the tree has."""
        return evidence_leaves(self.claims, len(self.places), len(self.days))

    @property
    def person_days(self) -> int:
        """How many of them are person-days."""
        return self.leaves - self.claims

    def person_day(self, number: int) -> PlaceDay:
        """Return whose person-day the leaf `number` is.

        Raises:
            IndexError: it is a claim, or there is no such leaf.
        """
        if not self.claims <= number < self.leaves:
            raise IndexError(f"leaf {number} is no person-day")
        place, day = divmod(number - self.claims, len(self.days))
        return PlaceDay(self.places[place], self.days[day])

    def days_of_account(self, number: int) -> tuple[int, ...]:
        """Return the leaves of all days of the account to which the person-day `number` belongs."""
        first = number - (number - self.claims) % len(self.days)
        return tuple(range(first, first + len(self.days)))
