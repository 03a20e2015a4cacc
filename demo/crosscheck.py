"""The cross-check: opened sums recomputed from the input files by separate, simple code.

Nothing here comes from the programs: files are read with `csv`, days and slots are worked out
anew, and factors and limits are read from the methodology's JSON. Only ties between equal ranks
need something that the federation made, the beacon; each of them is checked by its SHA-256 rule.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
import zoneinfo
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pyarrow import parquet

import fedcarbon
from demo.scenario import PartnerEntry, ProgrammeEntry, Scenario

METHODOLOGIES: Final = Path(fedcarbon.__file__).parent / "methodology/catalogue"
SLOT_S: Final = 300
CAP_UG: Final = 50_000_000_000
ALWAYS: Final = "true"
NEVER: Final = frozenset({"", "false"})
REAL_NAME_CLASSES: Final = frozenset({"1", "2", "3", "WL01", "WL02", "WL03"})
UNIT_UG: Final = 1_250_000_000
SECONDS_PER_HOUR: Final = 3_600
TIERS: Final = ("0", "1", "2")
Slot = tuple[str, int]
"""A person and the start of a slot."""


@dataclass(slots=True)
class Trip:
    """One row that counts."""

    activity: str
    person: str
    """The id number."""
    start_s: int
    end_s: int
    reduction_ug: int
    tier: int


@dataclass(slots=True)
class Recomputed:
    """What the input files say by themselves."""

    reduction_ug: dict[str, int] = field(default_factory=dict)
    """Per partner, before claims."""
    claims: dict[str, int] = field(default_factory=dict)
    """Per partner, before padding."""
    lost: dict[str, int] = field(default_factory=dict)
    submitted_ug: dict[str, int] = field(default_factory=dict)
    opened_ug: dict[tuple[str, str], int] = field(default_factory=dict)
    """Per programme and id number, over all partners."""
    bound: set[tuple[str, str]] = field(default_factory=set)
    """Programmes and id numbers that must be opened: a real-name wallet and both consents."""
    findings: list[str] = field(default_factory=list)
    """What does not hold; empty if all is well."""


def recompute(scenario: Scenario, verdicts: Iterable[Mapping[str, str]]) -> Recomputed:
    """Return what every partner and account must have, given the verdicts of ties.

    Args:
        scenario: names the input files.
        verdicts: rows of verdicts.csv.
    """
    result = Recomputed()
    rows = list(verdicts)
    result.bound = bound_people(scenario)
    domains: dict[str, list[PartnerEntry]] = defaultdict(list)
    for partner in scenario.partners:
        domains[domain_of(scenario.entry(partner.programme))].append(partner)
    for domain, partners in domains.items():
        own = [row for row in rows if row["domain"] == domain]
        _recompute_domain(scenario, partners, own, result)
    strange = [row for row in rows if row["domain"] not in domains]
    result.findings += [f"a verdict of {row['domain']}, which is no domain" for row in strange]
    return result


def domain_of(entry: ProgrammeEntry) -> str:
    """Return the domain of a programme: its own name if the scenario says nothing."""
    return str(entry.rest.get("exclusivity_domain", entry.id))


def _recompute_domain(
    scenario: Scenario,
    partners: Sequence[PartnerEntry],
    verdicts: Iterable[Mapping[str, str]],
    result: Recomputed,
) -> None:
    """Recompute the partners of one domain: they share one claim round per epoch."""
    ranks: dict[Slot, dict[str, int]] = defaultdict(dict)
    pieces: dict[str, list[tuple[Trip, int, int]]] = {}
    for partner in partners:
        entry = scenario.entry(partner.programme)
        zone = zoneinfo.ZoneInfo(entry.time_zone)
        trips = list(_trips(entry, partner))
        result.reduction_ug[partner.seat] = sum(trip.reduction_ug for trip in trips)
        pieces[partner.seat] = []
        for trip in trips:
            slots, short = _slots(trip.start_s, trip.end_s, zone)
            for i, slot in enumerate(slots):
                whole, count = trip.reduction_ug, len(slots)
                piece = whole * (i + 1) // count - whole * i // count
                pieces[partner.seat].append((trip, slot, piece))
                of_slot = ranks[trip.person, slot]
                rank = 2 * trip.tier + short
                of_slot[partner.seat] = min(rank, of_slot.get(partner.seat, rank))
        result.claims[partner.seat] = len(
            {(trip.person, slot) for trip, slot, _ in pieces[partner.seat]}
        )
    winners = _winners(ranks, verdicts, result)
    for partner in partners:
        seat = partner.seat
        entry = scenario.entry(partner.programme)
        lost = {key for key, claimants in ranks.items() if seat in claimants} - {
            key for key, winner in winners.items() if winner == seat
        }
        result.lost[seat] = len(lost)
        result.submitted_ug[seat] = 0
        zone = zoneinfo.ZoneInfo(entry.time_zone)
        cap_ug = int(entry.rest.get("cap_ug", CAP_UG))
        for person, kept_ug in _settled(pieces[seat], lost, zone, cap_ug):
            result.submitted_ug[seat] += kept_ug
            account = (partner.programme, person)
            result.opened_ug[account] = result.opened_ug.get(account, 0) + kept_ug


def bound_people(scenario: Scenario) -> set[tuple[str, str]]:
    """Return programmes and id numbers with a real-name wallet and both consents at a partner."""
    consented = {
        (str(partner.programme), number)
        for partner in scenario.partners
        for number, _ in _people(partner, _zone(scenario, partner)).values()
    }
    return consented & _wallet_owners(scenario)


def _zone(scenario: Scenario, partner: PartnerEntry) -> zoneinfo.ZoneInfo:
    return zoneinfo.ZoneInfo(scenario.entry(partner.programme).time_zone)


def _wallet_owners(scenario: Scenario) -> set[tuple[str, str]]:
    """Return programmes and id numbers that have a real-name wallet."""
    return {
        (operator.programme, str(row["id_number"]).strip().upper())
        for operator in scenario.wallet_operators
        for row in read_rows(operator.wallets)
        if str(row["wallet_class"]) in REAL_NAME_CLASSES
    }


def redemption_findings(scenario: Scenario, row: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with an account's redemption: 1250 g a fen, floored once.

    Args:
        scenario: says who redeems how much.
        row: one account with `opened_ug`, `redeemed_fen` and `remaining_ug`.
    """
    entries = [
        entry for entry in scenario.redemptions if entry.id_number in {None, row["id_number"]}
    ]
    opened_ug, redeemed_fen = int(row["opened_ug"]), int(row["redeemed_fen"])
    wanted = opened_ug // UNIT_UG
    if not any(entry.units is None for entry in entries):
        wanted = sum(entry.units or 0 for entry in entries)
    findings = []
    if redeemed_fen != wanted:
        findings.append(f"an account redeemed {redeemed_fen} fen, the scenario gives {wanted}")
    if opened_ug != UNIT_UG * redeemed_fen + int(row["remaining_ug"]):
        findings.append("an account's opened mass is not what it redeemed and what is left")
    return findings


def _winners(
    ranks: Mapping[Slot, Mapping[str, int]],
    verdicts: Iterable[Mapping[str, str]],
    result: Recomputed,
) -> dict[Slot, str]:
    """Return the winner of every slot, and note every verdict that does not hold."""
    said = {(row["id_number"], int(row["slot_start"])): row for row in verdicts}
    winners = {}
    for key, claimants in ranks.items():
        best = min(claimants.values())
        leaders = sorted(name for name, rank in claimants.items() if rank == best)
        winners[key] = leaders[0]
        row = said.pop(key, None)
        if len(claimants) == 1:
            if row is not None:
                result.findings.append(f"slot {key[1]}: a verdict without a contest")
            continue
        if row is None:
            result.findings.append(f"slot {key[1]}: contested, but without a verdict")
            continue
        if sorted(row["claimants"].split(" ")) != sorted(claimants):
            result.findings.append(f"slot {key[1]}: the verdict names other claimants")
        if len(leaders) > 1:
            winners[key] = min(leaders, key=lambda name: _tie_hash(row, name))
        if row["winner"] != winners[key]:
            result.findings.append(f"slot {key[1]}: the verdict names the wrong winner")
    result.findings += [f"slot {key[1]}: a verdict about nothing that was claimed" for key in said]
    return winners


def _tie_hash(row: Mapping[str, str], partner_id: str) -> bytes:
    """Return SHA-256 over the length-prefixed label, beacon, token and partner id."""
    items = (
        b"fedcarbon/v1/tie",
        bytes.fromhex(row["beacon"]),
        bytes.fromhex(row["claim_token"]),
        partner_id.encode(),
    )
    joined = b"".join(len(item).to_bytes(8, "big") + item for item in items)
    return hashlib.sha256(joined).digest()


def _settled(
    pieces: Iterable[tuple[Trip, int, int]],
    lost: set[Slot],
    zone: zoneinfo.ZoneInfo,
    cap_ug: int,
) -> Iterable[tuple[str, int]]:
    """Yield (person, mass) per person and day: losses, then the half-lost rule, then the cap."""
    slots: dict[tuple[str, dt.date, str], list[tuple[int, int]]] = defaultdict(list)
    for trip, slot, piece in pieces:
        day = dt.datetime.fromtimestamp(slot, tz=zone).date()
        slots[trip.person, day, trip.activity].append((slot, piece))
    days: dict[tuple[str, dt.date], int] = defaultdict(int)
    for (person, day, _), parts in slots.items():
        kept = [piece for slot, piece in parts if (person, slot) not in lost]
        if 2 * (len(parts) - len(kept)) < len(parts):
            days[person, day] += sum(kept)
    for (person, _), mass in days.items():
        yield person, min(cap_ug, mass)


def _slots(start_s: int, end_s: int, zone: zoneinfo.ZoneInfo) -> tuple[list[int], int]:
    """Return the slots covered by more than half, else the one at the midpoint; and `short`."""
    covered = []
    slot = _slot_start(start_s, zone)
    while slot < end_s:
        if 2 * (min(slot + SLOT_S, end_s) - max(slot, start_s)) > SLOT_S:
            covered.append(slot)
        slot = _slot_start(slot + SLOT_S, zone)
    if covered:
        return covered, 0
    return [_slot_start((start_s + end_s) // 2, zone)], 1


def _slot_start(instant_s: int, zone: zoneinfo.ZoneInfo) -> int:
    day = dt.datetime.fromtimestamp(instant_s, tz=zone).date()
    midnight = int(dt.datetime.combine(day, dt.time(), tzinfo=zone).timestamp())
    return instant_s - (instant_s - midnight) % SLOT_S


def _trips(entry: ProgrammeEntry, partner: PartnerEntry) -> Iterable[Trip]:
    """Yield the rows that count, in the order of the file."""
    zone = zoneinfo.ZoneInfo(entry.time_zone)
    first, last = entry.first_day, entry.last_day
    begin_s = int(dt.datetime.combine(first, dt.time(), tzinfo=zone).timestamp())
    after = last + dt.timedelta(days=1)
    until_s = int(dt.datetime.combine(after, dt.time(), tzinfo=zone).timestamp())
    rules = json.loads((METHODOLOGIES / f"{partner.methodologies[0]}.json").read_text())["modes"]
    people = _people(partner, zone)
    seen: set[str] = set()
    taken: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for row in read_rows(partner.activities):
        trip = _trip(row, rules, people, zone)
        if trip is None or not begin_s <= trip.start_s < trip.end_s <= until_s:
            continue
        if trip.activity in seen:
            continue
        own = taken[trip.person]
        if any(start < trip.end_s and trip.start_s < end for start, end in own):
            continue
        seen.add(trip.activity)
        own.append((trip.start_s, trip.end_s))
        yield trip


def _trip(
    row: Mapping[str, Any],
    rules: Mapping[str, Any],
    people: Mapping[str, tuple[str, int]],
    zone: zoneinfo.ZoneInfo,
) -> Trip | None:
    """Return the row as a trip if it can count at all."""
    row = {key: value.strip() if isinstance(value, str) else value for key, value in row.items()}
    rule, person = rules.get(row["mode"]), people.get(row["person_ref"] or "")
    if rule is None or person is None or str(row["evidence"]) not in TIERS:
        return None
    start_s, end_s = _instant(row["started_at"], zone), _instant(row["ended_at"], zone)
    distance_m = _whole_number(row["distance_m"])
    if start_s is None or end_s is None or distance_m is None:
        return None
    limits, duration_s = rule["limits"], end_s - start_s
    fits = (
        limits["distance_min_m"] <= distance_m <= limits["distance_max_m"]
        and limits["duration_min_s"] <= duration_s <= limits["duration_max_s"]
        and distance_m * SECONDS_PER_HOUR <= limits["speed_max_m_per_h"] * duration_s
        and start_s >= person[1]
    )
    numerator, denominator = rule["factor"]["value"]
    return (
        Trip(
            activity=row["activity_id"],
            person=person[0],
            start_s=start_s,
            end_s=end_s,
            reduction_ug=numerator * distance_m // denominator,
            tier=int(row["evidence"]),
        )
        if fits
        else None
    )


def _people(partner: PartnerEntry, zone: zoneinfo.ZoneInfo) -> dict[str, tuple[str, int]]:
    """Return person_ref -> (id number, instant from which both consents are there)."""
    people = {}
    for row in read_rows(partner.identities):
        since = [_consent(row[name], zone) for name in ("consent_data", "consent_claim")]
        number = str(row["id_number"] or "").strip().upper()
        given = [instant for instant in since if instant is not None]
        if len(given) == len(since) and _id_holds(str(row["id_type"]).strip(), number):
            people[str(row["person_ref"]).strip()] = (number, max(given))
    return people


def _consent(value: object, zone: zoneinfo.ZoneInfo) -> int | None:
    """Return the instant from which a consent counts, 0 for ever, None for never."""
    text = str(value or "").strip().lower()
    if text in NEVER:
        return None
    return 0 if text == ALWAYS else _instant(value, zone)


def _id_holds(id_type: str, number: str) -> bool:
    return id_type == "PASSPORT" or _check_digit_holds(number)


def _check_digit_holds(number: str) -> bool:
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    if len(number) != len(weights) + 1 or not number[:-1].isdigit():
        return False
    total = sum(weight * int(digit) for weight, digit in zip(weights, number, strict=False))
    return number[-1] == "10X98765432"[total % 11]


def _instant(value: object, zone: zoneinfo.ZoneInfo) -> int | None:
    """Return the instant that a cell holds, or None if it holds none."""
    try:
        read = value if isinstance(value, dt.datetime) else dt.datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return int((read if read.tzinfo else read.replace(tzinfo=zone)).timestamp())


def _whole_number(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.removeprefix("-").isdigit() else None


def read_rows(path: Path) -> Iterable[dict[str, Any]]:
    """Yield the rows of a CSV or Parquet file; bytes that are not UTF-8 show as U+FFFD."""
    if path.suffix == ".parquet":
        yield from parquet.read_table(path).to_pylist()
        return
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        for row in csv.DictReader(file):
            whole = None not in row and None not in row.values()
            if whole and not any("\ufffd" in value for value in row.values()):
                yield row
