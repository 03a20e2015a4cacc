"""A whole day with real processes: it ends well, and the opened sums are those of the files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_small_city_is_measured_and_its_opened_sums_are_true(tmp_path: Path) -> None:
    out = tmp_path / "city"
    command = [sys.executable, "-m", "bench.city_run", "--people", "30", "--bits", "1024"]
    command += [
        "--partners",
        "2",
        "--opened",
        "2",
        "--profile",
        "--out",
        str(out),
        "--keys",
        str(tmp_path / "keys"),
    ]

    done = subprocess.run(  # noqa: S603 - our own program
        command, cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    tree = json.loads((out / "city.json").read_text(encoding="utf-8"))
    assert tree["opened"]["accounts"] == 2
    assert tree["opened"]["sum_ug"] > 0
    assert tree["opened"]["findings"] == []
    assert tree["day"]["cpu_s"] > 0
    assert min(tree["constants"].values()) >= 0
    assert tree["constants"]["to_hub_bytes_per_person_day"] > 0
    assert tree["memory"]["peak_mib"]["hub"] > 0
    names = [row["name"] for row in tree["phases"]]
    assert {"epoch: submitting", "trustees multiply"} <= set(names)
    assert tree["products"]["cpu_ms_per_person"] > 0
    assert tree["profile"]["components"]
    assert (out / "profile.folded").is_file()
    assert not (out / "record").exists(), "only figures stay"
