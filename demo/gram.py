"""The life of one gram: a single ride followed through everybody's stores, after the fact."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from demo.scenario import Scenario
from fedcarbon.units import Fen, MicrogramsCO2e, grams_text, yuan_text

_RIDE = """
    SELECT a.activity_id, a.field_values, a.started_at_s, count(*), sum(p.piece_ug),
           min(p.epoch), a.person_id
    FROM activities a JOIN pieces p USING (activity_id) JOIN persons q ON q.person_id = a.person_id
    WHERE q.id_number = ? GROUP BY ALL ORDER BY sum(p.piece_ug) DESC, a.activity_id LIMIT 1
"""
_CLAIM = """
    SELECT c.token, o.token IS NOT NULL FROM claims c
    LEFT JOIN losses o ON o.epoch = c.epoch AND o.token = c.token
    WHERE c.epoch = ? AND c.person_id = ? ORDER BY c.slot_start_s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ride:
    """One ride as its node has it."""

    partner: str
    activity_id: str
    mode: str
    started: datetime
    distance_m: int
    pieces: int
    reduction_ug: int
    epoch: int
    lost: int
    tokens: int
    first_token: bytes
    place: tuple[int, int]
    account_token: bytes
    submitted_ug: int


def life_of_a_gram(
    scenario: Scenario,
    out: Path,
    accounts: Sequence[Mapping[str, Any]],
    redemptions: Sequence[Mapping[str, Any]],
) -> Iterator[str]:
    """Yield sentences about one ride whose holder has redeemed; nothing if nobody has."""
    settled = [row for row in redemptions if row["state"] == "settled"]
    for redemption in sorted(settled, key=lambda row: -int(row["mass_ug"])):
        account = next(row for row in accounts if row["id_number"] == redemption["id_number"])
        for partner in scenario.partners:
            ride = _ride(out / partner.seat, partner.id, account["id_number"], scenario)
            if ride is not None:
                yield from _told(ride, account, redemption, out)
                return


def _ride(home: Path, partner: str, id_number: str, scenario: Scenario) -> _Ride | None:
    with duckdb.connect(str(home / "node.duckdb"), read_only=True) as store:
        found = store.execute(_RIDE, [id_number]).fetchone()
        if found is None:
            return None
        activity_id, values, started_s, pieces, mass, epoch, person_id = found
        ride = json.loads(values)
        claims = store.execute(_CLAIM, [epoch, person_id]).fetchall()
        token, block, slot, submitted = store.execute(
            """SELECT t.account_token, p.block, p.slot,
                      (SELECT coalesce(sum(submitted_ug), 0) FROM person_day_results r
                       WHERE r.epoch = ? AND r.person_id = t.person_id)
               FROM account_tokens t JOIN places p USING (person_id) WHERE t.person_id = ?""",
            [epoch, person_id],
        ).fetchall()[0]
    zone = ZoneInfo(scenario.programmes[0].time_zone)
    return _Ride(
        partner=partner,
        activity_id=activity_id,
        mode=str(ride["mode"]),
        started=datetime.fromtimestamp(started_s, tz=zone),
        distance_m=int(ride["distance_m"]),
        pieces=pieces,
        reduction_ug=int(mass),
        epoch=epoch,
        lost=sum(lost for _, lost in claims),
        tokens=len(claims),
        first_token=bytes(claims[0][0]),
        place=(block, slot),
        account_token=bytes(token),
        submitted_ug=int(submitted),
    )


def _told(
    ride: _Ride, account: Mapping[str, Any], redemption: Mapping[str, Any], out: Path
) -> Iterator[str]:
    block, slot = ride.place
    with sqlite3.connect(f"file:{out / 'hub.db'}?mode=ro", uri=True) as hub:
        headers = hub.execute(
            "SELECT header_leaf FROM chunks WHERE partner_id = ? AND epoch = ?",
            (ride.partner, ride.epoch),
        ).fetchall()
        seal, tie = hub.execute(
            "SELECT seal_leaf, beacon_leaf FROM epochs WHERE epoch = ?", (ride.epoch,)
        ).fetchone()
    leaves = ", ".join(str(row[0]) for row in headers)
    yield (
        f"{ride.partner}: {ride.mode} ride {ride.activity_id[:28]}, "
        f"{ride.started:%Y-%m-%d %H:%M}, {ride.distance_m:,} m"
    )
    yield (
        f"reduction {grams_text(MicrogramsCO2e(ride.reduction_ug))}, exact, "
        f"in {ride.pieces} pieces by five-minute slot"
    )
    yield (
        f"claims of the day: {ride.tokens} tokens, the first {ride.first_token.hex()[:12]}...; "
        f"{ride.lost} lost to another platform (beacon: leaf {tie})"
    )
    total = grams_text(MicrogramsCO2e(ride.submitted_ug))
    yield (
        f"person-day total {total} goes into block {block}, slot {slot}, encrypted; "
        f"chunk header in the record: leaf {leaves}"
    )
    yield f"epoch {ride.epoch} is sealed over all products: leaf {seal}"
    yield (
        f"account {ride.account_token.hex()[:12]}... opens to "
        f"{grams_text(MicrogramsCO2e(int(account['opened_ug'])))} over all platforms"
    )
    yield (
        f"redeemed: {grams_text(MicrogramsCO2e(int(redemption['mass_ug'])))} for "
        f"{yuan_text(Fen(int(redemption['payout_fen'])))}; "
        f"{grams_text(MicrogramsCO2e(int(account['remaining_ug'])))} stay in the account"
    )
