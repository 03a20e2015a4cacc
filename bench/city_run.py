"""`python -m bench.city_run`: one whole day of an invented city, end to end, measured.

Hub, trustees, partners' nodes, rail and wallet operator are the real programs, each a process of
its own over mTLS, all proofs on. Only the first enrolment's blind evaluations are dealt
(`bench.city.dealing`); their cost is measured beside it. The run ends with openings, and opened
sums are compared with a recomputation from the files: it exits with 1 if they differ.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any, Final

from cyclopts import App
from rich.console import Console
from rich.table import Table

from bench.city import day, truth
from bench.city import profile as profiles
from bench.city.figures import FILE, figures
from bench.city.files import invent, some_accounts, write_wallets
from bench.city.observer import Observer
from demo.federation import Federation
from demo.own_folder import begin
from demo.processes import ProcessGroup
from fedcarbon.errors import FedcarbonError
from fedcarbon.wire.processes import ProcessMap

MARKER: Final = ".fedcarbon-bench"
_NODE_WORKERS: Final = "FEDCARBON_ENGINE__WORKERS"
_HUB_WORKERS: Final = "FEDCARBON_HUB_ENGINE__WORKERS"
_TRUSTEE_WORKERS: Final = "FEDCARBON_TRUSTEE_WORKERS"
_UNHURRIED: Final = {"FEDCARBON_POLL_S": "1", "FEDCARBON_HUB_TICK_MS": "500"}
"""Not the demo's haste, which costs all processes time while they wait."""

app = App(name="city_run", help="Measure one day of an invented city with the real programs.")


@app.default
def run(  # noqa: PLR0913 - each has its default
    *,
    people: int = 1_000,
    partners: int = 3,
    bits: int = 2048,
    seed: int = 1,
    out: Path | None = None,
    keys: Path | None = None,
    workers: int = 2,
    node_workers: int = 2,
    opened: int = 12,
    profile: bool = False,
    keep: bool = False,
) -> None:
    """Run a day of a city to the opened sums; the figures go to OUT/city.json.

    Args:
        people: how many live in the city; about 96 in 100 are enrolled.
        partners: how many platforms see them.
        bits: length of the keys.
        seed: of everything invented.
        out: folder of the run; what an earlier run left in it is deleted first.
        keys: folder of a ceremony to use, or to keep one in.
        workers: processes of the hub.
        node_workers: processes of each node.
        opened: how many accounts are opened and checked.
        profile: sample all processes: where their time goes is added to the figures, and
            OUT/profile.folded is for a flame graph.
        keep: leave stores and record where they are; otherwise only figures and logs stay.
    """
    out = (out or Path(f"build/city-{people}")).resolve()
    keys = (keys or Path(f"build/bench-keys-{bits}")).resolve()
    begin(out, MARKER)
    os.environ |= _UNHURRIED | {
        _NODE_WORKERS: str(node_workers),
        _HUB_WORKERS: str(workers),
        _TRUSTEE_WORKERS: "1",
    }
    samples = out / "samples"
    if profile:
        samples.mkdir()
        paths = [str(profiles.SAMPLER), *filter(None, [os.environ.get("PYTHONPATH")])]
        os.environ |= {profiles.FOLDER_VARIABLE: str(samples), "PYTHONPATH": os.pathsep.join(paths)}
    console = Console()
    began = time.monotonic()
    processes = ProcessGroup(out / day.LOGS)
    with Observer(lambda pid, command: _name_of(processes, pid, command)) as observer:
        with observer.phase("invent the city"):
            files = invent(out / "city", people, partners, seed)
            chosen = some_accounts(files, opened, seed)
            wallets = out / "city" / "wallets.csv"
            write_wallets(wallets, chosen)
        scenario = day.scenario_of(files, wallets, bits=bits)
        console.print(
            f"{files.activities:,} activities; {files.enrolled:,} people will be enrolled"
        )
        step = day.Run(
            files=files,
            scenario=scenario,
            opened=chosen,
            out=out,
            observer=observer,
            console=console,
            processes=processes,
        )
        try:
            findings = _live_through(step, keys, workers)
        except FedcarbonError as error:
            # What was measured until then took hours: it is kept, and is no whole run.
            findings = [f"the run broke off: {error} [{error.code}]"]
        step.seconds = round(time.monotonic() - began, 1)
    asked = {"people": people, "bits": bits, "seed": seed, "opened": opened}
    tree = figures(step, asked | {"workers": workers, "node_workers": node_workers})
    if profile:
        tree["profile"] = profiles.table(samples, observer.names)
        profiles.write_folded(samples, observer.names, out / "profile.folded")
    (out / FILE).write_text(json.dumps(tree, indent=2) + "\n", encoding="utf-8")
    _show(tree, console)
    console.print(f"all figures are in {out / 'city.json'}")
    if not keep:
        _tidy(out)
    if findings:
        for finding in findings:
            console.print(f"[red]{finding}")
        sys.exit(1)


def _live_through(step: day.Run, keys: Path, workers: int) -> list[str]:
    """Go from the ceremony to the auditor; return what the opened sums do not agree with."""
    groundwork = step.keys(keys)
    dealt = keys / f"dealt-{step.files.people}.parquet"
    with (
        Federation(step.scenario, groundwork, step.processes) as federation,
        ProcessMap(workers) as pool,
    ):
        auditor = step.start(federation)
        channels = step.enrol(federation, auditor, dealt, pool)
        step.bind(federation, auditor, channels)
        channels = step.trips(federation)
        step.epoch(federation, auditor, channels)
        step.multiply(federation)
        step.open(federation, auditor)
        with step.phase("check"):
            findings = truth.opened_and_true(step, federation)
            truth.verdicts_and_truth(step)
        with step.phase("audit the record"):
            truth.audited(step, federation)
    return findings


def _show(tree: dict[str, Any], console: Console) -> None:
    table = Table("phase", "wall s", "CPU s", "cores", "largest MiB", "together MiB")
    for row in tree["phases"]:
        largest = max(row["peak_mib_by_process"].items(), key=lambda item: item[1])
        table.add_row(
            row["name"],
            f"{row['wall_s']:,.1f}",
            f"{row['cpu_s']:,.1f}",
            f"{row['cores_busy']:.2f}",
            f"{largest[1]:,} {largest[0]}",
            f"{row['together_mib']:,}",
        )
    console.print(table)
    for row in tree.get("profile", {}).get("components", []):
        console.print(f"{row['percent']:>6.1f} %  {row['component']}")
    for name in ("day", "memory", "constants", "opened", "dedup", "record_verification"):
        console.print(name, tree.get(name, "not reached"))


def _name_of(processes: ProcessGroup, pid: int, command: list[str]) -> str:
    """Return the seat of a child of this process, with the command if it runs one and ends."""
    for name, process in processes.running.items():
        if process.pid == pid:
            return name
    if "--config" in command:
        seat = Path(command[command.index("--config") + 1]).parent.name
        return f"{seat} {command[3]}"
    if "-m" in command:
        return " ".join(command[2:4])
    return "bench/worker"


def _tidy(out: Path) -> None:
    for path in out.iterdir():
        if path.name in {MARKER, FILE, "profile.folded", "logs"}:
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def main() -> None:
    """Run the command line; a promised error is told in words and ends with exit code 1."""
    try:
        app()
    except FedcarbonError as error:
        sys.stderr.write(f"city_run: {error} [{error.code}]\n")
        sys.exit(1)


if __name__ == "__main__":
    main()
