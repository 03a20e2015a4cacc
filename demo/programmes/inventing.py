"""Invented activities: what the people of a programme file do, as their partners record it.

Everything here is invented from the file's name and nothing else: the same file gives the same
rows on every machine. People hold TEST identities, which nobody can own.
"""

from __future__ import annotations

import csv
import datetime as dt
import random  # noqa: TID251 - a simulation with a seed
import zoneinfo
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from demo.programmes.document import Drawn, Event, Partner, ProgrammeFile, Rules, Sighting, Value
from fedcarbon.identity.person_id import make_test_id
from fedcarbon.redemption.wallet import sandbox_wallet_id

IDENTITY_COLUMNS: Final = ("person_ref", "id_type", "id_number", "consent_data", "consent_claim")
WALLET_COLUMNS: Final = ("id_type", "id_number", "wallet_id", "wallet_class")
FIXED_COLUMNS: Final = ("activity_id", "person_ref", "started_at", "ended_at", "evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One event of one person, before anybody has recorded it."""

    event: str
    number: int
    person: int
    start: dt.datetime
    lasts_s: int
    values: Mapping[str, Value]


def happenings(file: ProgrammeFile, rules: Rules) -> list[Happening]:
    """Return everything that happens in the days of a programme."""
    chance = random.Random(f"{file.name} {rules.id}")  # noqa: S311 - a simulation, not a secret
    zone = zoneinfo.ZoneInfo(rules.time_zone)
    found: list[Happening] = []
    for event in file.events:
        first = rules.first_day - dt.timedelta(days=event.since_days)
        days = (rules.last_day - first).days + 1
        found += [
            _happening(chance, event, person, dt.datetime.combine(day, at, tzinfo=zone), number)
            for number, (day, at, person) in enumerate(
                (first + dt.timedelta(days=offset), at, person)
                for offset in range(0, days, event.every)
                for at in event.at
                for person in range(*event.who)
            )
        ]
    return found


def _happening(
    chance: random.Random, event: Event, person: int, start: dt.datetime, number: int
) -> Happening:
    later_s = chance.randrange(60 * event.spread_min) if event.spread_min else 0
    values = {name: _draw(chance, drawn) for name, drawn in event.values.items()}
    lasts_s = event.lasts_s
    if event.speed_m_s is not None:
        lasts_s = max(60, int(values["distance_m"]) // event.speed_m_s)
    return Happening(
        event=event.id,
        number=number,
        person=person,
        start=start + dt.timedelta(seconds=later_s),
        lasts_s=lasts_s,
        values=values,
    )


def _draw(chance: random.Random, drawn: Drawn) -> Value:
    return chance.randint(*drawn) if isinstance(drawn, tuple) else drawn


def rows_of(partner: Partner, seen: Sequence[Happening], name: str) -> Iterator[dict[str, Value]]:
    """Yield what a partner records of what happens.

    Args:
        partner: who looks.
        seen: everything that happens in its programme.
        name: of the file; what partners draw for themselves follows from it.
    """
    for sighting in partner.sees:
        chance = random.Random(f"{name} {partner.id} {sighting.event}")  # noqa: S311
        for item in seen:
            if (
                item.event == sighting.event
                and partner.members[0] <= item.person < partner.members[1]
            ):
                own = {key: _draw(chance, drawn) for key, drawn in sighting.values.items()}
                yield _row(partner, sighting, item, own)


def _row(
    partner: Partner, sighting: Sighting, item: Happening, own: Mapping[str, Value]
) -> dict[str, Value]:
    start = item.start + dt.timedelta(seconds=sighting.skew_s)
    # Added in UTC: a period over a change of the clock is as long as it is.
    end = (start.astimezone(dt.UTC) + dt.timedelta(seconds=item.lasts_s)).astimezone(start.tzinfo)
    return {
        "activity_id": f"{partner.id}-{item.event}-{item.number}",
        "person_ref": person_ref(partner, item.person),
        "started_at": start.isoformat(),
        "ended_at": end.isoformat(),
        "evidence": sighting.evidence,
        **item.values,
        **own,
    }


def person_ref(partner: Partner, person: int) -> str:
    """Return the name under which a partner knows a person."""
    return f"{partner.id}-user-{person}"


def write_activities(path: Path, rows: Iterable[Mapping[str, Value]]) -> None:
    """Write a partner's activity file; a column that a row does not have stays empty."""
    held = list(rows)
    more = sorted({column for row in held for column in row} - set(FIXED_COLUMNS))
    _write(path, (*FIXED_COLUMNS, *more), held)


def write_identities(path: Path, partner: Partner) -> None:
    """Write a partner's identity file: every member has given both consents."""
    _write(
        path,
        IDENTITY_COLUMNS,
        [
            {
                "person_ref": person_ref(partner, person),
                "id_type": "TEST",
                "id_number": make_test_id(person),
                "consent_data": "true",
                "consent_claim": "true",
            }
            for person in range(*partner.members)
        ],
    )


def write_wallets(path: Path, holders: tuple[int, int], programme: int) -> None:
    """Write a wallet operator's file of real-name wallets.

    Args:
        path: where to.
        holders: whose wallets.
        programme: number of the programme in its file: a wallet belongs to one of them.
    """
    _write(
        path,
        WALLET_COLUMNS,
        [
            {
                "id_type": "TEST",
                "id_number": make_test_id(person),
                "wallet_id": sandbox_wallet_id(10_000 * programme + person),
                "wallet_class": 1 + person % 3,
            }
            for person in range(*holders)
        ],
    )


def _write(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
