"""After the day: opened sums against the files, verdicts against what happened, and the auditor."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from bench.city.day import PROGRAMME, Run, scenario_of
from bench.city.files import write_few
from demo import results
from demo.conclusion import accounts_of, beacons_of
from demo.crosscheck import recompute
from demo.federation import Federation
from fedcarbon.audit.findings import CheckId
from fedcarbon.synth.score import OUTCOMES, score

PROOFS: Final = (
    CheckId.CHUNKS,
    CheckId.RANGE_PROOFS,
    CheckId.LINKS,
    CheckId.PRODUCTS,
    CheckId.MASKS,
    CheckId.SHARES,
)
"""What the verification of a record cannot do without; range proofs are timed with their chunks."""

# What verdicts took of every activity; it is lost as a whole with half of its slots.
_OUTCOMES: Final = """
    WITH lost AS (
        SELECT c.person_id, c.slot_owner, c.slot_group, c.slot_start_s
        FROM claims c SEMI JOIN losses l ON l.epoch = c.epoch AND l.token = c.token
        WHERE c.person_id IS NOT NULL
    ), of_activity AS (
        SELECT activity_id, count(*) AS slots, sum(piece_ug) AS claimed_ug,
            count(l.person_id) AS slots_lost,
            coalesce(sum(piece_ug) FILTER (l.person_id IS NOT NULL), 0) AS pieces_lost_ug
        FROM pieces p LEFT JOIN lost l USING (person_id, slot_owner, slot_group, slot_start_s)
        GROUP BY activity_id
    )
    SELECT $1 AS partner, activity_id, claimed_ug::BIGINT AS claimed_ug,
        (CASE WHEN 2 * slots_lost >= slots THEN claimed_ug ELSE pieces_lost_ug END)::BIGINT
        AS lost_ug
    FROM of_activity
"""


def opened_and_true(run: Run, federation: Federation) -> list[str]:
    """Compare opened sums with a recomputation from the files; return what does not hold.

    Call it while the hub runs; it stops the nodes, whose stores say which ties there were.
    """
    accounts, _ = accounts_of(federation)
    beacons = beacons_of(federation.auditor())
    for partner in run.scenario.partners:
        federation.processes.stop(partner.seat)
    verdicts = [
        {name: str(value) for name, value in row.items()}
        for row in results.verdict_rows(run.scenario, _stores(run), beacons, run.opened)
    ]
    few = dataclasses.replace(run.files, folder=run.out / "few")
    write_few(run.files, run.opened, few.folder)
    wallets = run.scenario.wallet_operators[0].wallets
    truth = recompute(scenario_of(few, wallets, bits=run.scenario.keys.bits), verdicts)
    findings = list(truth.findings)
    held = {str(row["id_number"]): int(row["opened_ug"]) for row in accounts}
    for number in run.opened:
        true_ug = truth.opened_ug.get((PROGRAMME, number), 0)
        if held.get(number) != true_ug:
            findings.append(f"an account was opened as {held.get(number)}, the files say {true_ug}")
    run.measured["opened"] = {
        "accounts": len(run.opened),
        "sum_ug": sum(held.values()),
        "contested_slots": len(verdicts),
        "findings": findings,
    }
    return findings


def verdicts_and_truth(run: Run) -> None:
    """Measure how much of what was claimed twice verdicts removed, and how much else.

    Call it when the nodes have ended.
    """
    outcomes = [_outcomes(partner, store) for partner, store in _stores(run).items()]
    sightings = pq.read_table(
        run.files.folder / "truth" / "sightings.parquet",
        columns=["activity_id", "partner", "ride_id", "fate"],
    )
    found = score(sightings, pa.concat_tables(outcomes))
    run.measured["dedup"] = {
        **dataclasses.asdict(found),
        "recall_ppm": found.recall_ppm,
        "precision_ppm": found.precision_ppm,
    }


def audited(run: Run, federation: Federation) -> None:
    """Have the auditor's program verify the whole record, and compare with the sum of its proofs.

    Raises:
        ProcessEndedError: it has found something.
    """
    report = run.out / "audit.json"
    arguments = ["fedcarbon.cli", "audit", "verify", str(run.out / "record")]
    arguments += ["--roots", str(federation.groundwork.keys / "roots.toml")]
    began = time.monotonic()
    federation.processes.run("auditor", [*arguments, "--json", str(report)])
    wall_s = time.monotonic() - began
    spent: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))["milliseconds"]
    proofs_s = sum(spent[check.value] for check in PROOFS) / 1e3
    run.measured["record_verification"] = {
        "wall_s": round(wall_s, 2),
        "checks_s": round(sum(spent.values()) / 1e3, 2),
        "proofs_s": round(proofs_s, 2),
        "checks_over_proofs": round(sum(spent.values()) / 1e3 / proofs_s, 3),
        "seconds_by_check": {name: round(ms / 1e3, 2) for name, ms in spent.items() if ms},
    }


def _stores(run: Run) -> dict[str, Path]:
    return {
        partner.seat: run.out / partner.seat / "node.duckdb" for partner in run.scenario.partners
    }


def _outcomes(partner: str, store: Path) -> pa.Table:
    with duckdb.connect(str(store), read_only=True) as database:
        found = database.sql(_OUTCOMES, params=[partner])
        assert found is not None  # noqa: S101 - a query has a result
        return found.to_arrow_table().cast(OUTCOMES)
