"""`make tampered`: every tampered record as a folder, and what two verifiers say of each.

The first is `fedcarbon audit verify`; the second is `tools/verify_minimal.py`, which shares no line
with it. Beside the folders lies `index.json`: what was done to each, and what must be found.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import structlog

from tests.audit.good_record import GoodRecord, make_good_record
from tests.audit.kit import Kit
from tests.audit.tampering import TAMPERINGS, Tampering

MINIMAL: Final = Path(__file__).resolve().parents[2] / "tools" / "verify_minimal.py"
GOOD: Final = "good"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one verifier says of one record."""

    exit_code: int
    findings: frozenset[tuple[str, str]]
    """Check id and code."""

    @property
    def lines(self) -> set[str]:
        """The lines of the checklist that fail."""
        return {check for check, _ in self.findings}


def minimal(record: Path, roots: Path, report: Path) -> Verdict:
    """Run the second verifier in a Python that sees nothing but its own library."""
    program = [sys.executable, "-I", "-S", str(MINIMAL)]
    tree = _run([*program, str(record), "--roots", str(roots), "--json", str(report)], report)
    return Verdict(tree.exit_code, _pairs(tree.content["findings"]))


def full(record: Path, roots: Path, report: Path) -> Verdict:
    """Run the auditor's command."""
    program = [sys.executable, "-m", "fedcarbon.cli", "audit", "verify"]
    tree = _run([*program, str(record), "--roots", str(roots), "--json", str(report)], report)
    return Verdict(tree.exit_code, _pairs(tree.content["report"]["findings"]))


@dataclass(frozen=True, slots=True)
class _Answer:
    exit_code: int
    content: dict[str, dict[str, list[dict[str, str]]]]


def _run(command: list[str], report: Path) -> _Answer:
    report.unlink(missing_ok=True)
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    assert done.returncode in {0, 1}, done.stderr
    return _Answer(done.returncode, json.loads(report.read_text(encoding="utf-8")))


def _pairs(findings: object) -> frozenset[tuple[str, str]]:
    assert isinstance(findings, list)
    return frozenset((item["check"], item["code"]) for item in findings)


def write(out: Path, good: GoodRecord, only: Sequence[str] = ()) -> dict[str, Tampering | None]:
    """Write all folders, or `only` these, the roots and the index; return what was done by name."""
    shutil.copytree(good.folder, out / GOOD)
    (out / "roots.toml").write_text(good.roots.to_toml(), encoding="utf-8")
    done: dict[str, Tampering | None] = {GOOD: None}
    for tampering in TAMPERINGS:
        if only and tampering.name not in only:
            continue
        shutil.copytree(good.folder, out / tampering.name)
        tampering.spoil(Kit(out / tampering.name, good))
        done[tampering.name] = tampering
    index = [
        {"name": name, "findings": [] if item is None else sorted(map(list, item.findings))}
        for name, item in done.items()
    ]
    (out / "index.json").write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    return done


def compare(out: Path, done: dict[str, Tampering | None], say: Callable[[str], None]) -> bool:
    """Run both verifiers on everything, print a table, and return whether they agree."""
    agreed, roots, report = True, out / "roots.toml", out / "report.json"
    width = max(map(len, done))
    for name, tampering in done.items():
        promised = frozenset() if tampering is None else tampering.findings
        with ThreadPoolExecutor(2) as pool:
            verdicts = [
                item.result()
                for item in [
                    pool.submit(program, out / name, roots, report.with_stem(program.__name__))
                    for program in (full, minimal)
                ]
            ]
        seen = set() if tampering is None else tampering.minimal_lines
        same = verdicts[0].exit_code == int(tampering is not None)
        same = same and (verdicts[1].exit_code, verdicts[1].lines) == (int(bool(seen)), seen)
        agreed = agreed and same and verdicts[0].findings == promised
        lines = [" ".join(sorted(verdict.lines)) or "-" for verdict in verdicts]
        say(f"{name:{width}}  {lines[0]:16}{lines[1]:16}{'agree' if same else 'DIFFER'}")
        for verdict in () if same else verdicts:
            say(f"{'':{width}}  {sorted(verdict.findings)}")
    for program in (full, minimal):
        report.with_stem(program.__name__).unlink()
    return agreed


def main() -> int:
    """Make the folders and compare; exit code 1 if the verifiers differ."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--out", type=Path, default=Path("build/tampered"))
    parser.add_argument("--only", nargs="*", default=[], help="names of tamperings; all without")
    asked = parser.parse_args()
    out: Path = asked.out
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    with TemporaryDirectory() as federation:
        done = write(out, make_good_record(Path(federation)), asked.only)
    say = lambda line: print(line, flush=True)  # noqa: E731, T201 - a command that prints
    say(f"{'record':{max(map(len, done))}}  {'fedcarbon':16}{'verify_minimal':16}")
    return 0 if compare(out, done, say) else 1


if __name__ == "__main__":
    sys.exit(main())
