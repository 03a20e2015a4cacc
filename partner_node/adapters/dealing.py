"""Deals synthetic people over the users of several platforms: the link that no data set has.

Nobody should try to find out who is who across published data sets, so the project deals: each
platform's users are sorted by SHA-256 over (seed, platform, user), and identities walk these lists
with fixed shares: of every six, three are on one platform, two on two, one on three. Which
platforms an identity takes is whatever lists are fullest in proportion, so that all lists run out
together. Every identity is a TEST id that nobody can own. Same seed and users, same result,
everywhere.

`assignments.csv` is the ground truth for joins, double claims and caps.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fedcarbon.identity.person_id import IdType, make_test_id
from partner_node.adapters.canonical_output import TRIP_COLUMNS
from partner_node.adapters.seeded_draw import sort_key
from partner_node.importing.identities import IDENTITY_COLUMNS
from partner_node.importing.table_file import Columns, Reject, read_table

_TRIPS: Final = Columns(subject="activity_id", required=TRIP_COLUMNS)
ASSIGNMENT_COLUMNS: Final = (
    "platform",
    "platform_user_id",
    "synthetic_identity",
    "time_shift_weeks",
)
PLATFORMS_PER_IDENTITY: Final = (1, 1, 1, 2, 2, 3)
"""How many platforms the identities of one round of six are on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """One platform user and the invented person behind it."""

    platform: str
    platform_user_id: str
    synthetic_identity: str
    """A TEST id."""


def users_of(activities_file: Path) -> list[str]:
    """Return the `person_ref`s of a canonical activity file, each once, in order of appearance.

    Raises:
        ImportFileError: the file cannot be read.
    """
    users: dict[str, None] = {}
    for item in read_table(activities_file, _TRIPS):
        if not isinstance(item, Reject):
            users[item.value["person_ref"]] = None
    return list(users)


def deal(
    users: Mapping[str, Iterable[str]], *, seed: int, first_serial: int = 1
) -> tuple[Assignment, ...]:
    """Return one assignment per user, identities in the order in which they were dealt.

    Args:
        users: platform name to its user ids; repeated ids count once.
        seed: the same seed gives the same people.
        first_serial: serial number of the first TEST id.
    """
    waiting = {
        platform: _shuffled(ids, seed=seed, platform=platform)
        for platform, ids in sorted(users.items())
    }
    sizes = {platform: len(ids) for platform, ids in waiting.items()}
    assignments: list[Assignment] = []
    identity = 0
    while any(waiting.values()):
        count = PLATFORMS_PER_IDENTITY[identity % len(PLATFORMS_PER_IDENTITY)]
        number = make_test_id(first_serial + identity)
        for platform in _fullest(waiting, sizes, count):
            user = waiting[platform].pop()
            assignments.append(
                Assignment(platform=platform, platform_user_id=user, synthetic_identity=number)
            )
        identity += 1
    return tuple(assignments)


def write_assignments(
    path: Path, assignments: Sequence[Assignment], *, time_shift_weeks: Mapping[str, int]
) -> None:
    """Write the ground truth; `time_shift_weeks` says by how much each platform was moved."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(ASSIGNMENT_COLUMNS)
        for item in assignments:
            weeks = time_shift_weeks[item.platform]
            writer.writerow((item.platform, item.platform_user_id, item.synthetic_identity, weeks))


def write_identities(path: Path, assignments: Iterable[Assignment], *, platform: str) -> int:
    """Write the canonical identity file of one platform, both consents given; return its rows."""
    rows = [
        (item.platform_user_id, IdType.TEST.value, item.synthetic_identity, "true", "true")
        for item in assignments
        if item.platform == platform
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(IDENTITY_COLUMNS.required)
        writer.writerows(sorted(rows))
    return len(rows)


def _shuffled(ids: Iterable[str], *, seed: int, platform: str) -> list[str]:
    return sorted(set(ids), key=lambda user: sort_key(seed, platform, user))


def _fullest(
    waiting: Mapping[str, Sequence[str]], sizes: Mapping[str, int], count: int
) -> list[str]:
    """Return the `count` platforms with the largest share of users left, fewer at the end."""
    left = [platform for platform, ids in waiting.items() if ids]
    # A common multiple instead of a quotient keeps this exact; the name breaks ties.
    product = 1
    for platform in left:
        product *= sizes[platform]

    def order(platform: str) -> tuple[int, str]:
        return -len(waiting[platform]) * (product // sizes[platform]), platform

    return sorted(left, key=order)[:count]
