"""The people of a synthetic city and how they move on a day.

A commuter rides a bike to the station, the metro, and perhaps a bike again, and back in the
evening; sometimes an electric taxi at night. The rides of one person never overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from fedcarbon.synth.draws import Draws, Integers, Truths
from fedcarbon.units import SECONDS_PER_DAY

MODES: Final = ("rail", "bike", "ev_ride")
RAIL, BIKE, EV_RIDE = range(len(MODES))
LEGS_MAX: Final = 8
"""Rides of a person and day have numbers below this."""

_SPEED_M_S: Final = {RAIL: 9, BIKE: 4, EV_RIDE: 8}
_DEPARTURES_S: Final = (7 * 3600, 17 * 3600)
_DEPARTURE_SPREAD_S: Final = 5400
_NIGHT_S: Final = 21 * 3600
_STAYS_HOME_PERCENT: Final = 8
_TAXI_PERCENT: Final = 15
_GAP_S: Final = 60
_GAP_SPREAD_S: Final = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Some people with consecutive numbers; one entry each."""

    first: int
    rail_m: Integers
    """From station to station."""
    home_bike_m: Integers
    """From home to the station; 0 for those who walk."""
    work_bike_m: Integers
    """From the station to work; likewise."""

    @classmethod
    def of(cls, seed: int, first: int, count: int) -> People:
        """Return the people with the numbers `first` to `first + count - 1`."""
        draws = Draws(count, seed, "people", first)
        return cls(
            first=first,
            rail_m=3_000 + draws.below(22_000),
            home_bike_m=np.where(draws.happens(60), 600 + draws.below(1_800), 0),
            work_bike_m=np.where(draws.happens(40), 500 + draws.below(1_200), 0),
        )

    def __len__(self) -> int:
        """Return how many they are."""
        return len(self.rail_m)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rides:
    """What really happened; one entry per ride, by person and time."""

    ride_id: Integers
    person: Integers
    mode: Integers
    """Index into `MODES`."""
    start_s: Integers
    """Instant, seconds since 1970."""
    duration_s: Integers
    distance_m: Integers

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.ride_id)

    def only(self, chosen: Truths | Integers) -> Rides:
        """Return the rides that are chosen, by truth or by position."""
        return Rides(
            ride_id=self.ride_id[chosen],
            person=self.person[chosen],
            mode=self.mode[chosen],
            start_s=self.start_s[chosen],
            duration_s=self.duration_s[chosen],
            distance_m=self.distance_m[chosen],
        )


def rides_of(people: People, seed: int, day: int, midnight_s: int) -> Rides:
    """Return every ride of some people on a day.

    Args:
        people: consecutive people.
        seed: of the city.
        day: number of the day, from 0.
        midnight_s: the instant at which it begins.
    """
    draws = Draws(len(people), seed, "rides", day, people.first)
    legs: list[tuple[int, Truths, Integers, Integers, Integers]] = []
    for departure_s in _DEPARTURES_S:
        at_s = midnight_s + departure_s + draws.below(_DEPARTURE_SPREAD_S)
        goes = ~draws.happens(_STAYS_HOME_PERCENT)
        ways = [(BIKE, people.home_bike_m), (RAIL, people.rail_m), (BIKE, people.work_bike_m)]
        for mode, way_m in ways if departure_s == _DEPARTURES_S[0] else reversed(ways):
            distance_m = np.where(way_m > 0, way_m + draws.below(200), 0)
            duration_s = distance_m // _SPEED_M_S[mode] + draws.below(60)
            taken = goes & (distance_m > 0)
            legs.append((mode, taken, at_s, duration_s, distance_m))
            at_s = at_s + np.where(taken, duration_s + _GAP_S + draws.below(_GAP_SPREAD_S), 0)
    taxi_m = 4_000 + draws.below(9_000)
    at_s = midnight_s + _NIGHT_S + draws.below(3_600)
    legs.append((EV_RIDE, draws.happens(_TAXI_PERCENT), at_s, taxi_m // 8, taxi_m))
    return _rides(people, day, legs)


def _rides(
    people: People, day: int, legs: list[tuple[int, Truths, Integers, Integers, Integers]]
) -> Rides:
    """Return the legs that were taken, by person and then in their order."""
    taken = np.stack([leg[1] for leg in legs], axis=1)
    person, leg = np.nonzero(taken)
    starts, durations, distances = (
        np.stack([part[column] for part in legs], axis=1) for column in (2, 3, 4)
    )
    modes = np.array([part[0] for part in legs])
    number = people.first + person
    return Rides(
        ride_id=(number * 366 + day) * LEGS_MAX + leg,
        person=number,
        mode=modes[leg],
        start_s=starts[person, leg],
        duration_s=durations[person, leg],
        distance_m=distances[person, leg],
    )


assert _NIGHT_S + 3_600 + 13_000 // 8 < SECONDS_PER_DAY, "a day's rides end on it"
