"""`fedcarbon audit`: replay a record offline, compare two copies of it, explain a leaf."""

from __future__ import annotations

import json
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, ClassVar, Final, NoReturn

from cyclopts import App, Parameter
from rich.console import Console
from rich.text import Text

from fedcarbon.audit.checklist import WORDINGS, LineState
from fedcarbon.audit.diff import Difference, compare
from fedcarbon.audit.findings import Finding
from fedcarbon.audit.html_report import html_of
from fedcarbon.audit.receipts import KeptReceipt
from fedcarbon.audit.report import Report
from fedcarbon.audit.show import explain
from fedcarbon.audit.source import printable
from fedcarbon.audit.verify import Tools, verify
from fedcarbon.cli.audit_challenge import challenge
from fedcarbon.cli.audit_folder import open_folder
from fedcarbon.cli.audit_progress import Bar
from fedcarbon.errors import ConfigurationError, FedcarbonError
from fedcarbon.parameters.roots import TrustRoots, parse_roots
from fedcarbon.wire.processes import ProcessMap

EXIT_FOUND: Final = 1
EXIT_UNUSABLE: Final = 2
EXIT_BROKEN: Final = 3
SHOWN_MAX: Final = 10
"""Things of a kind that are listed by name when two records are compared."""

_STYLES: Final = {
    LineState.PASSED: "green",
    LineState.FAILED: "bold red",
    LineState.INCOMPLETE: "yellow",
    LineState.NOT_CHECKED: "yellow",
    LineState.NOT_PRESENT: "dim",
}

app = App(
    name="audit",
    help="""Check a record from nothing but its files and the trust roots.

Nobody is asked and nothing is sent: get the folder of the record from the hub, the roots from the
trustee organisations, and go offline. Exit code 0 says that nothing was found, 1 that something
was, 2 that the input was not usable, 3 that this program failed: then nothing was judged.

  fedcarbon audit verify record --roots roots.toml --html report.html

  fedcarbon audit diff record-of-monday record

  fedcarbon audit show record 54

A node's build is checked by what it makes of known values:

  fedcarbon audit challenge challenge.json --parameters parameters.dsse.json
""",
)
app.command(challenge)


class AuditInputError(ConfigurationError):
    """A file that an audit needs cannot be read; the auditor must name another one."""

    code: ClassVar[str] = "AUDIT_INPUT"


@app.command(name="verify")
def verify_record(
    record: Path,
    /,
    *,
    roots: Path,
    json_out: Annotated[Path | None, Parameter(name="--json")] = None,
    html: Path | None = None,
    receipts: Path | None = None,
    workers: int | None = None,
) -> None:
    """Replay RECORD and go through the numbered checklist; all findings are collected.

    A line that was not checked is printed as "not checked" and never as passed; docs/AUDIT.md says
    what each line catches. Read the finding of the lowest leaf first: others may follow from it.

    Args:
        record: the folder of the record, with leaves.txt in it.
        roots: roots.toml, which you have by a way that you trust.
        json_out: write the report as JSON to this file.
        html: write the report as one page to this file.
        receipts: a folder of receipts, one envelope per file, that must be kept by the record.
        workers: processes, by default one per core.
    """
    console = Console(stderr=True)
    try:
        source = open_folder(record)
        trusted = _roots(roots)
        kept = None if receipts is None else _receipts(receipts)
    except FedcarbonError as error:
        _give_up(console, error)
    with _breakdown(), ProcessMap(workers) as processes, Bar(console) as bar:
        tools = Tools(
            mapper=processes.map,
            watcher=bar.watch,
            randbelow=secrets.randbelow,
            stopwatch_ns=time.monotonic_ns,
        )
        report = verify(source, trusted, tools, kept)
    with _breakdown():
        print_report(Console(), report)
        tree = report.to_tree()
        if json_out is not None:
            text = json.dumps(tree, indent=2, ensure_ascii=False) + "\n"
            json_out.write_text(text, encoding="utf-8")
        if html is not None:
            html.write_text(html_of(report, tree["report_sha256"]), encoding="utf-8")
    sys.exit(0 if report.passed else EXIT_FOUND)


@app.command(name="diff")
def diff_records(old: Path, new: Path, /) -> None:
    """Show that NEW extends OLD: nothing was removed or changed; and say what was added.

    Two copies of one record that pass `audit verify` and this agree on all they share.

    Args:
        old: the folder of the earlier copy.
        new: the folder of the later copy.
    """
    console = Console()
    with _breakdown():
        difference = compare(open_folder(old), open_folder(new))
        _print_difference(console, difference)
    sys.exit(EXIT_FOUND if difference.broken else 0)


@app.command
def show(record: Path, leaf: int, /) -> None:
    """Explain one leaf of RECORD in words: what it is, who signed it, what it refers to.

    Nothing is verified here; the last line says which lines of the checklist judge such a leaf.

    Args:
        record: the folder of the record.
        leaf: index of the leaf, from 0.
    """
    console = Console(highlight=False)
    with _breakdown():
        for line in explain(open_folder(record), leaf):
            console.print(Text(line), soft_wrap=True)


def print_report(console: Console, report: Report) -> None:
    """Print the checklist and the findings."""
    for line in report.lines:
        wording = WORDINGS[line.check]
        counts = [f"{line.checked:,} {wording.unit}"] if line.checked else []
        counts += [f"{line.left_out:,} left out"] if line.left_out else []
        counts += [f"{line.findings:,} findings"] if line.findings else []
        counts += [line.remark] if line.remark else []
        state = (f"{line.state.value:<11}", _STYLES[line.state])
        text = f"  {wording.title}" + (f": {', '.join(counts)}" if counts else "")
        console.print(Text.assemble(f"{line.check.value}  ", state, text), soft_wrap=True)
    for found in report.findings:
        _print_finding(console, found)
    for note in report.notes:
        console.print(Text(f"note: {note}", style="dim"), soft_wrap=True)
    record = report.record
    console.print(
        f"{record.leaves:,} leaves, {record.witnessed_leaves:,} of them witnessed; "
        f"root {record.root}",
        highlight=False,
        soft_wrap=True,
    )
    undone = ", ".join(line.check.value for line in report.undone)
    if report.passed:
        rest = f"; not checked: {undone}" if undone else ""
        rest += f"; incomplete: {report.unwitnessed}" if report.unwitnessed else ""
        console.print(Text(f"nothing was found{rest}", style="bold green"), soft_wrap=True)
    else:
        console.print(Text(f"{len(report.findings)} findings", style="bold red"))


def _print_finding(console: Console, found: Finding) -> None:
    where = "" if found.leaf is None else f" (leaf {found.leaf})"
    console.print(
        Text.assemble(
            (f"{found.check.value} {found.code}", "bold red"),
            f" {found.subject}{where}: {found.text}",
        ),
        soft_wrap=True,
    )


def _print_difference(console: Console, difference: Difference) -> None:
    for text in difference.broken[:SHOWN_MAX]:
        console.print(Text(text, style="red"), soft_wrap=True)
    if len(difference.broken) > SHOWN_MAX:
        console.print(f"and {len(difference.broken) - SHOWN_MAX} more", highlight=False)
    for text in difference.added:
        console.print(Text(text), soft_wrap=True)
    if difference.broken:
        console.print(Text("the new record does not extend the old one", style="bold red"))
    else:
        console.print(Text("the new record extends the old one", style="bold green"))


def _roots(path: Path) -> TrustRoots:
    try:
        return parse_roots(path.read_bytes())
    except OSError as error:
        raise AuditInputError(f"{path}: {error.strerror}") from error


def _receipts(folder: Path) -> list[KeptReceipt]:
    if not folder.is_dir():
        raise AuditInputError(f"{folder} is no folder of receipts")
    try:
        return [
            KeptReceipt(path.name, path.read_bytes())
            for path in sorted(folder.iterdir())
            if path.is_file()
        ]
    except OSError as error:
        raise AuditInputError(f"{folder}: {error.strerror}") from error


@contextmanager
def _breakdown() -> Iterator[None]:
    """Turn unusable input and faults of this program into a line and their exit codes."""
    try:
        yield
    except ConfigurationError as error:
        _give_up(Console(stderr=True), error)
    except Exception as error:  # noqa: BLE001 - exit code 1 would read as a finding
        text = printable(f"fedcarbon: internal error, nothing was judged: {error!r}")
        Console(stderr=True).print(Text(text), soft_wrap=True)
        sys.exit(EXIT_BROKEN)


def _give_up(console: Console, error: FedcarbonError) -> NoReturn:
    console.print(Text(f"fedcarbon: {error} [{error.code}]"), soft_wrap=True)
    sys.exit(EXIT_UNUSABLE)
