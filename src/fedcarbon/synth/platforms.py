"""What platforms record of the rides: their own, others' copies with other clocks, and mistakes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

import numpy as np
import pyarrow as pa

from fedcarbon.synth.commuters import BIKE, EV_RIDE, MODES, RAIL, People, Rides
from fedcarbon.synth.draws import Draws, Integers, Truths

SKEW_S_MAX: Final = 180
"""How far the clocks of platforms are apart at most."""
ACTIVITIES: Final = pa.schema(
    {
        "activity_id": pa.string(),
        "person_ref": pa.string(),
        "mode": pa.string(),
        "started_at": pa.timestamp("s", tz="UTC"),
        "ended_at": pa.timestamp("s", tz="UTC"),
        "distance_m": pa.int64(),
        "evidence": pa.int64(),
    }
)
SIGHTINGS: Final = pa.schema(
    {
        "activity_id": pa.string(),
        "partner": pa.string(),
        "ride_id": pa.int64(),
        "person": pa.int64(),
        "fate": pa.string(),
    }
)
_REPEATED_PER_MILLE: Final = 5
_AGAIN_PER_MILLE: Final = 10
_WRONG_PER_MILLE: Final = 10
_UNKNOWN_PERSON: Final = 10**9
_LONG_AGO_S: Final = 400 * 86_400


class Kind(StrEnum):
    """What a platform is."""

    METRO = "metro-app"
    BIKE = "bike-share"
    JOURNEY = "journey-app"
    """Sells metro codes of its own, tracks rides by GPS, hails electric taxis."""


class Fate(StrEnum):
    """What a recorded row is in truth."""

    SEEN = "seen"
    REPEATED = "repeated"
    """The same row, a second time in the file."""
    AGAIN = "again"
    """The same ride under another id, some seconds off: a near-duplicate at one platform."""
    WRONG = "wrong"
    """A row that no ride explains; it must be rejected."""


class Mistake(IntEnum):
    """What is wrong with a wrong row."""

    ENDS_BEFORE_START = 0
    NO_TIME = 1
    NEGATIVE_DISTANCE = 2
    TOO_FAST = 3
    UNKNOWN_MODE = 4
    UNKNOWN_PERSON = 5
    LONG_AGO = 6
    NO_SUCH_EVIDENCE = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Platform:
    """A partner of the city."""

    number: int
    kind: Kind

    @property
    def name(self) -> str:
        """Party id: the first of a kind has the kind's name."""
        return (
            f"{self.kind}-{self.number // len(Kind) + 1}"
            if self.number >= len(Kind)
            else (str(self.kind))
        )

    @property
    def member_percent(self) -> int:
        """How many of a hundred people are members."""
        shares = {Kind.METRO: 85, Kind.BIKE: 60, Kind.JOURNEY: 50}
        return shares[self.kind] if self.number < len(Kind) else shares[self.kind] // 2

    def refs(self, person: Integers) -> pa.Array:
        """Return the platform's own names of people."""
        return _texts(f"{self.kind[0]}{self.number}-", person)


def platforms(count: int) -> tuple[Platform, ...]:
    """Return so many platforms: a metro, a bike share, a journey app, and again."""
    kinds = tuple(Kind)
    return tuple(Platform(number=i, kind=kinds[i % len(kinds)]) for i in range(count))


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """Which of some people are members of a platform, and which of them consent."""

    member: Truths
    consents: Truths

    @classmethod
    def of(cls, platform: Platform, people: People, seed: int) -> Membership:
        """Return the members among `people`; the same on every day."""
        draws = Draws(len(people), seed, "members", platform.number, people.first)
        # One in twenty never agreed that the platform claims for them.
        return cls(member=draws.happens(platform.member_percent), consents=~draws.happens(5))


def recorded(
    platform: Platform, people: People, rides: Rides, seed: int, day: int
) -> tuple[pa.Table, pa.Table]:
    """Return what a platform records of `rides`, and what that is in truth.

    Args:
        platform: which.
        people: whose rides they are.
        rides: all of them on one day.
        seed: of the city.
        day: number of the day.

    Returns:
        Tables of the schemas `ACTIVITIES` and `SIGHTINGS`, row by row about the same.
    """
    labels = (seed, "recorded", platform.number, day, people.first)
    draws, index = Draws(len(rides), *labels), rides.person - people.first
    # A phone's clock is off by as much in the evening as in the morning.
    skew_s = (Draws(len(people), *labels, "clock").below(2 * SKEW_S_MAX + 1) - SKEW_S_MAX)[index]
    seen_at_all, stretch_m = draws.happens(20), draws.below(41) - 20
    own = {
        Kind.METRO: rides.mode == RAIL,
        Kind.BIKE: rides.mode == BIKE,
        Kind.JOURNEY: (rides.mode == EV_RIDE) | seen_at_all,
    }[platform.kind]
    chosen = np.flatnonzero(own & Membership.of(platform, people, seed).member[index])
    of_thousand = draws.below(1_000)[chosen]
    mistakes, later_s = draws.below(len(Mistake))[chosen], 1 + draws.below(20)[chosen]
    seen = rides.only(chosen)
    if platform.kind is Kind.JOURNEY:
        seen = dataclasses.replace(
            seen,
            start_s=seen.start_s + skew_s[chosen],
            distance_m=seen.distance_m + stretch_m[chosen],
        )
    fates = _fates(of_thousand)
    parts = [_rows(platform, seen, Fate.SEEN)]
    for fate, positions in fates.items():
        some = seen.only(positions)
        if fate is Fate.AGAIN:
            some = dataclasses.replace(some, start_s=some.start_s + later_s[positions])
        parts.append(_rows(platform, some, fate, mistakes[positions]))
    activities, sightings = zip(*parts, strict=True)
    return pa.concat_tables(activities), pa.concat_tables(sightings)


def _fates(of_thousand: Integers) -> dict[Fate, Integers]:
    """Return which recorded rides have a second row, and of which kind."""
    shares = {
        Fate.REPEATED: _REPEATED_PER_MILLE,
        Fate.AGAIN: _AGAIN_PER_MILLE,
        Fate.WRONG: _WRONG_PER_MILLE,
    }
    found, first = {}, 0
    for fate, share in shares.items():
        found[fate] = np.flatnonzero((of_thousand >= first) & (of_thousand < first + share))
        first += share
    return found


def _rows(
    platform: Platform, rides: Rides, fate: Fate, mistakes: Integers | None = None
) -> tuple[pa.Table, pa.Table]:
    """Return rows of one fate; wrong ones each with its mistake."""
    person, start_s, distance_m = rides.person, rides.start_s, rides.distance_m
    end_s = start_s + rides.duration_s
    # Gate pairs, locks and the journey app's own metro codes are validated; the rest is GPS.
    validated = np.full(len(rides), platform.kind is not Kind.JOURNEY) | (rides.mode == RAIL)
    evidence = np.where(validated, 0, 1)
    modes = pa.array(MODES).take(pa.array(rides.mode))
    started_at, prefix = pa.array(start_s), f"{platform.name}-"
    if fate is Fate.WRONG:
        assert mistakes is not None
        distance_m = np.where(mistakes == Mistake.NEGATIVE_DISTANCE, -distance_m, distance_m)
        distance_m = np.where(mistakes == Mistake.TOO_FAST, 100 * distance_m, distance_m)
        start_s = np.where(mistakes == Mistake.LONG_AGO, start_s - _LONG_AGO_S, start_s)
        end_s = np.where(mistakes == Mistake.LONG_AGO, end_s - _LONG_AGO_S, end_s)
        end_s = np.where(mistakes == Mistake.ENDS_BEFORE_START, start_s - 1, end_s)
        person = np.where(mistakes == Mistake.UNKNOWN_PERSON, person + _UNKNOWN_PERSON, person)
        evidence = np.where(mistakes == Mistake.NO_SUCH_EVIDENCE, 7, evidence)
        wrong_mode = pa.array(mistakes == Mistake.UNKNOWN_MODE)
        modes = pa.compute.if_else(wrong_mode, "hovercraft", modes)
        started_at = pa.array(start_s, mask=mistakes == Mistake.NO_TIME)
    suffixes = {Fate.AGAIN: "-again", Fate.WRONG: "-wrong"}
    names = _texts(prefix, rides.ride_id, suffixes.get(fate, ""))
    activities: Sequence[pa.Array] = [
        names,
        platform.refs(person),
        modes,
        started_at.cast(ACTIVITIES.field("started_at").type),
        pa.array(end_s).cast(ACTIVITIES.field("ended_at").type),
        pa.array(distance_m),
        pa.array(evidence),
    ]
    sightings: Sequence[pa.Array] = [
        names,
        pa.repeat(platform.name, len(rides)),
        pa.array(rides.ride_id),
        pa.array(rides.person),
        pa.repeat(str(fate), len(rides)),
    ]
    return (
        pa.Table.from_arrays(activities, schema=ACTIVITIES),
        pa.Table.from_arrays(sightings, schema=SIGHTINGS),
    )


def _texts(prefix: str, numbers: Integers, suffix: str = "") -> pa.Array:
    digits = pa.array(numbers).cast(pa.string())
    return pa.compute.binary_join_element_wise(prefix, digits, suffix, "")
