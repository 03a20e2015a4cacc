"""The cross-check: opened sums recomputed from the input files by separate, simple code.

Nothing here comes from the programs but the reference evaluator of methodologies, which has tests
of its own: files are read with `csv`, and days, slots, contests and caps are worked out anew
(`demo.counted`). Only ties between equal ranks need something that the federation made, the beacon;
each of them is checked by its SHA-256 rule.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import zoneinfo
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from demo.counted import Claimant, Piece, Slot, counted_rows, people_of, read_rows
from demo.scenario import PartnerEntry, ProgrammeEntry, Scenario

CAP_UG: Final = 50_000_000_000
REAL_NAME_CLASSES: Final = frozenset({"1", "2", "3", "WL01", "WL02", "WL03"})
UNIT_UG: Final = 1_250_000_000


@dataclass(slots=True)
class Recomputed:
    """What the input files say by themselves."""

    reduction_ug: dict[str, int] = field(default_factory=dict)
    """Per partner, before claims."""
    claims: dict[str, int] = field(default_factory=dict)
    """Per partner, before padding."""
    lost: dict[str, int] = field(default_factory=dict)
    submitted_ug: dict[str, int] = field(default_factory=dict)
    kept: dict[str, dict[tuple[str, dt.date, str], int]] = field(default_factory=dict)
    """Per partner, what is left by person, day and activity, before the cap."""
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
    ranks: dict[Slot, dict[Claimant, int]] = defaultdict(dict)
    pieces: dict[Claimant, list[Piece]] = {}
    for partner in partners:
        claimant = Claimant(partner.programme, partner.id)
        counted = counted_rows(scenario.entry(partner.programme), partner)
        result.reduction_ug[partner.seat] = sum(row.amount for row in counted)
        pieces[claimant] = [piece for row in counted for piece in row.pieces()]
        for piece in pieces[claimant]:
            of_slot = ranks[piece.slot]
            of_slot[claimant] = min(piece.rank, of_slot.get(claimant, piece.rank))
        result.claims[partner.seat] = len({piece.slot for piece in pieces[claimant]})
    winners = _winners(ranks, verdicts, result)
    for partner in partners:
        claimant = Claimant(partner.programme, partner.id)
        claimed = {slot for slot, claimants in ranks.items() if claimant in claimants}
        lost = {slot for slot in claimed if winners[slot] != claimant}
        result.lost[partner.seat] = len(lost)
        cap = int(scenario.entry(partner.programme).rest.get("cap_ug", CAP_UG))
        result.submitted_ug[partner.seat] = 0
        result.kept[partner.seat] = kept = _kept(pieces[claimant], lost)
        for person, kept_ug in _settled(kept, cap):
            result.submitted_ug[partner.seat] += kept_ug
            account = (str(partner.programme), person)
            result.opened_ug[account] = result.opened_ug.get(account, 0) + kept_ug


def bound_people(scenario: Scenario) -> set[tuple[str, str]]:
    """Return programmes and id numbers with a real-name wallet and both consents at a partner."""
    consented = {
        (str(partner.programme), number)
        for partner in scenario.partners
        for number, _ in people_of(partner, _zone(scenario, partner)).values()
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
    ranks: Mapping[Slot, Mapping[Claimant, int]],
    verdicts: Iterable[Mapping[str, str]],
    result: Recomputed,
) -> dict[Slot, Claimant]:
    """Return the winner of every slot, and note every verdict that does not hold."""
    said = {Slot(row["owner"], row["group"], int(row["slot_start"])): row for row in verdicts}
    winners = {}
    for slot, claimants in ranks.items():
        best = min(claimants.values())
        leaders = sorted(name for name, rank in claimants.items() if rank == best)
        winners[slot] = leaders[0]
        row = said.pop(slot, None)
        if len(claimants) == 1:
            if row is not None:
                result.findings.append(f"slot {slot.start_s}: a verdict without a contest")
            continue
        if row is None:
            result.findings.append(f"slot {slot.start_s}: contested, but without a verdict")
            continue
        if sorted(row["claimants"].split(" ")) != sorted(map(str, claimants)):
            result.findings.append(f"slot {slot.start_s}: the verdict names other claimants")
        if len(leaders) > 1:
            winners[slot] = min(leaders, key=lambda name: _tie_hash(row, name))
        if row["winner"] != str(winners[slot]):
            result.findings.append(f"slot {slot.start_s}: the verdict names the wrong winner")
    result.findings += [
        f"slot {slot.start_s}: a verdict about nothing that was claimed" for slot in said
    ]
    return winners


def _tie_hash(row: Mapping[str, str], claimant: Claimant) -> bytes:
    """Return SHA-256 over the length-prefixed label, beacon, token, programme and partner."""
    items = (
        b"fedcarbon/v1/tie",
        bytes.fromhex(row["beacon"]),
        bytes.fromhex(row["claim_token"]),
        *(name.encode() for name in claimant),
    )
    joined = b"".join(len(item).to_bytes(8, "big") + item for item in items)
    return hashlib.sha256(joined).digest()


def _kept(pieces: Iterable[Piece], lost: set[Slot]) -> dict[tuple[str, dt.date, str], int]:
    """Return what is left per person, day and activity: losses, then the half-lost rule."""
    parts: dict[tuple[str, dt.date, str], list[Piece]] = defaultdict(list)
    for piece in pieces:
        parts[piece.person, piece.day, piece.activity].append(piece)
    left = {}
    for where, own in parts.items():
        amounts = [piece.amount for piece in own if piece.slot not in lost]
        if 2 * (len(own) - len(amounts)) < len(own):
            left[where] = sum(amounts)
    return left


def _settled(
    kept: Mapping[tuple[str, dt.date, str], int], cap_ug: int
) -> Iterable[tuple[str, int]]:
    """Yield (person, mass) per person and day, cut by the cap."""
    days: dict[tuple[str, dt.date], int] = defaultdict(int)
    for (person, day, _), amount in kept.items():
        days[person, day] += amount
    for (person, _), mass in days.items():
        yield person, min(cap_ug, mass)
