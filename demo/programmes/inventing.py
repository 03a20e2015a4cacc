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

from demo.catalogue import methodology as catalogued
from demo.programmes.document import Drawn, Event, Partner, ProgrammeFile, Rules, Sighting, Value
from fedcarbon.identity.person_id import (
    make_test_id,
    make_test_meter,
    make_test_organisation,
)
from fedcarbon.methodology.definition import ActivityType
from fedcarbon.redemption.wallet import sandbox_wallet_id

IDENTITY_COLUMNS: Final = ("person_ref", "id_type", "id_number", "consent_data", "consent_claim")
WALLET_COLUMNS: Final = ("id_type", "id_number", "wallet_id", "wallet_class")
FIXED_COLUMNS: Final = (
    "activity_id",
    "person_ref",
    "methodology",
    "started_at",
    "ended_at",
    "evidence",
    "object_ref",
)


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
    """Return everything that happens in the days of a programme, and before as history."""
    zone = zoneinfo.ZoneInfo(rules.time_zone)
    found: list[Happening] = []
    for event in file.events:
        # A generator per event: another event in the file leaves this one as it is.
        chance = random.Random(f"{file.name} {event.id}")  # noqa: S311 - a simulation
        found += _over_periods(chance, event, zone)
        found += _at_times(chance, event, rules, zone)
    return found


def _at_times(
    chance: random.Random, event: Event, rules: Rules, zone: zoneinfo.ZoneInfo
) -> Iterator[Happening]:
    days = (rules.last_day - rules.first_day).days + 1
    moments = (
        (dt.datetime.combine(rules.first_day + dt.timedelta(days=offset), at, tzinfo=zone), person)
        for offset in range(0, days, event.every)
        for at in event.at
        for person in range(*event.who)
    )
    for number, (start, person) in enumerate(moments):
        later_s = chance.randrange(60 * event.spread_min) if event.spread_min else 0
        values = {name: _draw(chance, drawn) for name, drawn in event.values.items()}
        lasts_s = event.lasts_s
        if event.speed_m_s is not None:
            lasts_s = max(60, int(values["distance_m"]) // event.speed_m_s)
        yield Happening(
            event=event.id,
            number=number,
            person=person,
            start=start + dt.timedelta(seconds=later_s),
            lasts_s=lasts_s,
            values=values,
        )


def _over_periods(
    chance: random.Random, event: Event, zone: zoneinfo.ZoneInfo
) -> Iterator[Happening]:
    spans = ((period, person) for period in event.period for person in range(*event.who))
    for number, (period, person) in enumerate(spans):
        start, end = (dt.datetime.combine(day, dt.time(), tzinfo=zone) for day in period.days)
        drawn = {**event.values, **period.values}
        yield Happening(
            event=event.id,
            number=number,
            person=person,
            start=start,
            lasts_s=round((end.astimezone(dt.UTC) - start.astimezone(dt.UTC)).total_seconds()),
            values={name: _draw(chance, value) for name, value in drawn.items()},
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
                claimed_after_s = int(_draw(chance, sighting.claimed_after_s))
                if not _is_claimed(sighting.claim_window, claimed_after_s):
                    continue
                yield _row(partner, sighting, item, own)


def _is_claimed(methodology: str, after_s: int) -> bool:
    """Tell whether people claim what they did inside the window, if there is one."""
    if not methodology:
        return True
    expiry = catalogued(methodology).details["expiry"]
    first_s, within_s = (int(str(expiry[key])) for key in ("appears_after_s", "claim_within_s"))
    return first_s <= after_s <= first_s + within_s


def _row(
    partner: Partner, sighting: Sighting, item: Happening, own: Mapping[str, Value]
) -> dict[str, Value]:
    start = item.start + dt.timedelta(seconds=sighting.skew_s)
    # Added in UTC: a period over a change of the clock is as long as it is.
    end = (start.astimezone(dt.UTC) + dt.timedelta(seconds=item.lasts_s)).astimezone(start.tzinfo)
    return {
        "activity_id": f"{partner.id}-{item.event}-{item.number}",
        "person_ref": person_ref(partner.id, item.person),
        "methodology": sighting.methodology,
        "started_at": start.isoformat(),
        "ended_at": end.isoformat(),
        "evidence": sighting.evidence,
        "object_ref": object_of(sighting.methodology, item),
        **item.values,
        **own,
    }


def object_of(methodology: str, item: Happening) -> str:
    """Return what owns the slots of a happening: the same for every partner that records it."""
    kind = catalogued(methodology).activity_type
    if kind is ActivityType.METER_PERIOD:
        return f"METER:DEMO:{item.event.upper()}-{item.person}"
    if kind is ActivityType.STATE_WINDOW:
        return f"VEHICLE:DEMO:{item.event.upper()}-{item.person}"
    if kind in {ActivityType.PURCHASE, ActivityType.COUNT}:
        return f"RECEIPT:DEMO:{item.event.upper()}-{item.number}"
    return ""


def person_ref(partner: str, person: int) -> str:
    """Return the name under which a partner knows a person."""
    return f"{partner}-user-{person}"


def attested_members(file: ProgrammeFile, partner: Partner) -> Iterator[tuple[str, str]]:
    """Yield each household that a partner knows, and the person who lives there."""
    first, end = file.households
    for household in range(max(first, partner.members[0]), min(end, partner.members[1])):
        member = household + end - first
        yield person_ref(partner.id, household), person_ref(partner.id, member)


def write_activities(path: Path, rows: Iterable[Mapping[str, Value]]) -> None:
    """Write a partner's activity file; a column that a row does not have stays empty."""
    held = list(rows)
    more = sorted({column for row in held for column in row} - set(FIXED_COLUMNS))
    _write(path, (*FIXED_COLUMNS, *more), held)


def identity_of(file: ProgrammeFile, person: int) -> dict[str, str]:
    """Return the document of an invented person, organisation or household."""
    if file.households[0] <= person < file.households[1]:
        return {"id_type": "METER", "id_number": make_test_meter(person)}
    if file.organisations[0] <= person < file.organisations[1]:
        return {"id_type": "ORGANISATION", "id_number": make_test_organisation(person)}
    return {"id_type": "TEST", "id_number": make_test_id(person)}


def write_identities(path: Path, file: ProgrammeFile, partner: Partner) -> None:
    """Write a partner's identity file: every member has given both consents."""
    _write(
        path,
        IDENTITY_COLUMNS,
        [
            {
                "person_ref": person_ref(partner.id, person),
                **identity_of(file, person),
                "consent_data": "true",
                "consent_claim": "true",
            }
            for person in range(*partner.members)
        ],
    )


def write_wallets(
    path: Path, file: ProgrammeFile, holders: tuple[int, int], programme: int
) -> None:
    """Write a wallet operator's file of real-name wallets.

    Args:
        path: where to.
        file: whose people they are.
        holders: whose wallets.
        programme: number of the programme in its file: a wallet belongs to one of them.
    """
    _write(
        path,
        WALLET_COLUMNS,
        [
            {
                **identity_of(file, person),
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
