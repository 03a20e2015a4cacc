"""What came out: read from the stores of every party, which the demo holds because it plays all.

Nobody in a real federation can write these files: `verdicts.csv` joins what partners keep to
themselves, and `accounts.csv` puts identity numbers beside sums.
"""

from __future__ import annotations

import csv
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import duckdb

from demo.crosscheck import domain_of
from demo.scenario import Scenario
from fedcarbon.canonical.statement import decode
from fedcarbon.ledger.batch import LedgerBatch
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import Leaf, LeafType

VERDICT_COLUMNS: Final = (
    "domain",
    "epoch",
    "owner",
    "group",
    "slot_start",
    "person_refs",
    "claimants",
    "winner",
    "rule",
    "claim_token",
    "beacon",
)
ACCOUNT_COLUMNS: Final = ("programme", "id_number", "opened_ug", "redeemed_fen", "remaining_ug")
REDEMPTION_COLUMNS: Final = (
    "programme",
    "redemption_id",
    "id_number",
    "wallet_id",
    "state",
    "units",
    "mass_ug",
    "payout_fen",
    "reason",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimant:
    """One partner's claim for one token, as its own store has it."""

    name: str
    """The programme and the partner: `city/metro-app`."""
    person_ref: str
    owner: str
    """The object, or the person's id number."""
    group: str
    slot_start_s: int
    rank: int
    lost: bool


def partner_summary(store: Path, *, rejected: Mapping[str, int]) -> dict[str, Any]:
    """Return a node's own figures, read from its store after it has ended.

    Args:
        store: the node's DuckDB file.
        rejected: rows by reason, as the import counted them; later rejections are added.
    """
    with duckdb.connect(str(store), read_only=True) as database:

        def one(query: str) -> int:
            row = database.execute(query).fetchone()
            return int(row[0] or 0) if row else 0

        later = database.execute(
            "SELECT reason, count(DISTINCT subject) FROM rejects WHERE epoch > 0 GROUP BY reason"
        ).fetchall()
        totals = Counter(rejected)
        totals.update({str(reason): int(count) for reason, count in later})
        return {
            "rejected": dict(sorted(totals.items())),
            "reduction_ug": one("SELECT sum(reduction_ug) FROM person_days"),
            "claims_sent": one("SELECT sum(claims) FROM epoch_commitments"),
            "claims_lost": one("SELECT sum(losses) FROM epoch_losses"),
            "submitted_ug": one("SELECT sum(submitted_ug) FROM person_day_results"),
            "enrolled": one("SELECT count(*) FROM places"),
            "missing_epochs": one("SELECT count(*) FROM epoch_outcomes WHERE missing"),
        }


def verdict_rows(
    scenario: Scenario,
    stores: Mapping[str, Path],
    beacons: Mapping[tuple[str, int], bytes],
    numbers: Collection[str] | None = None,
) -> Iterable[dict[str, object]]:
    """Yield one row per contested claim, from what the partners' stores say.

    Args:
        scenario: names the partners.
        stores: seat to the DuckDB file of its node.
        beacons: (domain, epoch) to tie beacon, from the record.
        numbers: only claims of people with these id numbers; everybody's by default.
    """
    claims: dict[tuple[str, int, bytes], list[Claimant]] = defaultdict(list)
    for partner in scenario.partners:
        for epoch, token, claimant in _claims(
            stores[partner.seat], f"{partner.programme}/{partner.id}", numbers
        ):
            domain = domain_of(scenario.entry(partner.programme))
            claims[domain, epoch, token].append(claimant)
    for (domain, epoch, token), claimants in sorted(claims.items()):
        if len(claimants) < 2:  # noqa: PLR2004 - a contest has two sides
            continue
        best = min(item.rank for item in claimants)
        tied = sum(item.rank == best for item in claimants) > 1
        winners = [item.name for item in claimants if not item.lost]
        yield {
            "domain": domain,
            "epoch": epoch,
            "owner": claimants[0].owner,
            "group": claimants[0].group,
            "slot_start": claimants[0].slot_start_s,
            "person_refs": " ".join(f"{item.name}:{item.person_ref}" for item in claimants),
            "claimants": " ".join(sorted(item.name for item in claimants)),
            "winner": " ".join(winners),
            "rule": "beacon" if tied else "rank",
            "claim_token": token.hex(),
            "beacon": beacons.get((domain, epoch), b"").hex(),
        }


def _claims(
    store: Path, name: str, numbers: Collection[str] | None
) -> Iterable[tuple[int, bytes, Claimant]]:
    with duckdb.connect(str(store), read_only=True) as database:
        rows = database.execute(
            """SELECT c.epoch, c.token, c.slot_start_s, c.rank, c.slot_group,
                      CASE c.slot_owner WHEN '' THEN p.id_number ELSE c.slot_owner END,
                      (SELECT min(person_ref) FROM links l WHERE l.person_id = c.person_id),
                      EXISTS (SELECT 1 FROM losses o WHERE o.epoch = c.epoch AND o.token = c.token)
               FROM claims c JOIN persons p USING (person_id)
               WHERE $1 OR p.id_number IN $2""",
            [numbers is None, list(numbers or ())],
        ).fetchall()
    for epoch, token, slot_start_s, rank, group, owner, person_ref, lost in rows:
        yield (
            epoch,
            bytes(token),
            Claimant(
                name=name,
                person_ref=person_ref,
                owner=owner,
                group=group,
                slot_start_s=slot_start_s,
                rank=rank,
                lost=lost,
            ),
        )


def wallet_customers(store: Path) -> list[tuple[str, str, bytes]]:
    """Return (id number, wallet id, account token) of a wallet operator's known customers."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as database:
        return database.execute(
            "SELECT id_number, wallet_id, account_token FROM customers"
            " WHERE account_token IS NOT NULL ORDER BY id_number, wallet_id"
        ).fetchall()


def wallet_redemptions(store: Path) -> list[tuple[bytes, bytes, str]]:
    """Return (redemption id, account token, wallet id) of everything an operator has ordered."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as database:
        return database.execute(
            "SELECT redemption_id, account_token, wallet_id FROM redemptions"
            " WHERE signed IS NOT NULL ORDER BY redemption_id"
        ).fetchall()


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def read_csv(path: Path) -> list[dict[str, str]]:
    """Return the rows of a file that `write_csv` wrote."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_json(path: Path, tree: object) -> None:
    """Write indented JSON."""
    path.write_text(json.dumps(tree, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def unlogged_transfers(out: Path) -> list[str]:
    """Return what is wrong if a transfer is in no ledger batch under a signed checkpoint."""
    with sqlite3.connect(f"file:{out / 'hub.db'}?mode=ro", uri=True) as hub:
        (booked,) = hub.execute("SELECT count(*) FROM transfers").fetchone()
    record = out / "record"
    signed = max(int(path.stem) for path in (record / "checkpoints").glob("*.txt"))
    logged = 0
    for line in (record / "leaves.txt").read_text(encoding="ascii").splitlines()[:signed]:
        _, leaf, _, body_sha256 = line.split(" ")
        if Leaf.from_bytes(bytes.fromhex(leaf)).type is LeafType.LEDGER_BATCH:
            body = (record / "bodies" / f"{body_sha256}.json").read_bytes()
            logged += len(decode(LedgerBatch, Envelope.from_bytes(body).payload).lines)
    if logged == booked:
        return []
    return [f"{booked} transfers are booked, {logged} are in the witnessed record"]


def submitted_blocks(store: Path) -> int:
    """Return how many blocks a running hub has admitted so far."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as database:
        (count,) = database.execute("SELECT count(*) FROM submitted_blocks").fetchone()
    return int(count)
