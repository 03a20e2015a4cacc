"""The demo as a user runs it: real processes, real mTLS, and the files that others rely on."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_small_city_is_cleared_and_leaves_the_promised_files(tmp_path: Path) -> None:
    out = tmp_path / "demo"
    command = [sys.executable, "-m", "demo", "--out", str(out)]
    command += ["--people", "14", "--days", "1", "--bits", "1024"]

    done = subprocess.run(  # noqa: S603 - our own program
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "the life of a gram" in done.stdout
    assert "stay in the account" in done.stdout
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    assert summary["findings"] == []
    for partner in summary["partners"].values():
        assert {
            "activities_read",
            "rejected",
            "reduction_ug",
            "claims_sent",
            "claims_lost",
            "submitted_ug",
        } <= partner.keys()
    assert header(out / "accounts.csv") == [
        "programme",
        "id_number",
        "opened_ug",
        "redeemed_fen",
        "remaining_ug",
    ]
    assert {"redemption_id", "state", "payout_fen"} <= set(header(out / "redemptions.csv"))
    assert {"slot_start", "claimants", "winner", "rule"} <= set(header(out / "verdicts.csv"))
    assert (out / "hub.db").is_file()
    assert list((out / "record").iterdir())
    assert {path.name for path in out.iterdir()} >= {"metro-app", "bike-share", "journey-app"}
    accounts = rows(out / "accounts.csv")
    assert accounts
    for row in accounts:
        # Grams are conserved: what was redeemed at 1250 g a fen, and what is left.
        redeemed_ug = 1_250_000_000 * int(row["redeemed_fen"])
        assert int(row["opened_ug"]) == redeemed_ug + int(row["remaining_ug"])
    leaked = [path.name for path in (out / "logs").iterdir() if "99000018" in path.read_text()]
    assert leaked == []


def header(path: Path) -> list[str]:
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
