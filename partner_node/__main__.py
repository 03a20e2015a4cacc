"""`fedcarbon-partner-node`: run a partner's node, import files, look at its state."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import App, Parameter
from rich.console import Console

from fedcarbon import __version__
from fedcarbon.errors import FedcarbonError
from fedcarbon.wire.logs import configure
from partner_node.bootstrap import opened_node
from partner_node.commands import (
    comparing_checkpoints,
    importing_files,
    making_challenges,
    opening_evidence,
    showing_persons,
    showing_status,
    showing_tables,
)
from partner_node.config import load_settings
from partner_node.node import Node
from partner_node.persons.summary import Asked
from partner_node.persons.words import Language
from partner_node.record.foundation import FoundationMissingError
from partner_node.serving import serve as serve_node

PROGRAM: Final = "partner-node"
EXIT_REFUSED: Final = 1
"""The command was understood and refused; 2 is the shell's word for a wrong command line."""
EXIT_BROKEN: Final = 3
"""A bug ended the runner; the log shows where."""
EXIT_ALARM: Final = 4
"""The monitor of the record has raised an alarm; `status` shows it."""

PRIVATE_UMASK: Final = 0o077
"""Store and rejects files hold people's data: nobody else on the machine reads them."""

HELP: Final = """Run a partner's node of a fedcarbon federation.

A node keeps the platform's activities in-house, computes amounts, and sends the hub nothing but
tokens and ciphertexts. The usual order:

1. write `node.toml` (below) next to the identity file and `roots.toml`
2. `fedcarbon-partner-node import-identities identities.csv` links people and consents
3. `fedcarbon-partner-node import-activities activities.csv` records what people did
4. `fedcarbon-partner-node serve` enrols, claims and submits, and answers the platform's back end

The store belongs to one process at a time: stop the node before importing a file, or send rows to
its in-house service.

Settings (TOML; each also as FEDCARBON_ and its name in capitals):

    party = "party.toml"
    roots = "roots.toml"
    programme = "ecny-shanghai"
    methodologies = ["cn-ecny-shanghai"]
    store = "node.duckdb"
    hub_address = "hub.example:7443"
    address = "127.0.0.1:7410"
"""

Config = Annotated[Path, Parameter(name=["--config", "-c"], help="The node's settings file.")]
DEFAULT_CONFIG: Final = Path("node.toml")

app = App(name="fedcarbon-partner-node", version=__version__, help=HELP, help_format="markdown")


@app.command
def serve(*, config: Config = DEFAULT_CONFIG) -> int:
    """Run the node until it is told to stop (SIGTERM or Ctrl-C); log lines go to stderr."""
    settings = load_settings(config)
    configure(PROGRAM)
    with opened_node(settings) as opened:
        in_order = asyncio.run(
            serve_node(opened.node, opened.party, settings.address, settings.poll_s)
        )
    return 0 if in_order else EXIT_BROKEN


@app.command
def import_activities(
    file: Path,
    *,
    config: Config = DEFAULT_CONFIG,
    rejects: Path | None = None,
    summary: Path | None = None,
) -> None:
    """Record the activities of a CSV or Parquet file.

    Columns: activity_id, person_ref, started_at, ended_at, evidence, one per field that a
    methodology declares (for trips mode and distance_m), object_ref where a meter or receipt owns
    the activity, and methodology if the node counts by several. Importing a file again changes
    nothing: activities are known by their ids.

    Parameters
    ----------
    file
        The canonical activity file.
    config
        The node's settings file.
    rejects
        Where rejected rows are listed; beside the store by default.
    summary
        Where counts are written as JSON, for other programs.
    """
    settings = load_settings(config)
    console = Console()
    rejects = rejects or settings.store.with_name("rejected-activities.csv")
    with opened_node(settings) as opened:
        know_programme(opened.node)
        counts = importing_files.import_activities(opened.node, file, rejects, console)
    _report(counts, console, rejects, summary)


@app.command
def import_identities(
    file: Path,
    *,
    config: Config = DEFAULT_CONFIG,
    rejects: Path | None = None,
    summary: Path | None = None,
) -> None:
    """Link the people of a CSV or Parquet file, with their two consents.

    Columns: person_ref, id_type, id_number, consent_data, consent_claim, and optionally
    issuing_country. A consent is an ISO 8601 time, `true` (since ever), or empty.

    Parameters
    ----------
    file
        The identity file; it never leaves this machine.
    config
        The node's settings file.
    rejects
        Where rejected rows are listed, without identity numbers; beside the store by default.
    summary
        Where counts are written as JSON, for other programs.
    """
    settings = load_settings(config)
    console = Console()
    rejects = rejects or settings.store.with_name("rejected-identities.csv")
    with opened_node(settings) as opened:
        know_programme(opened.node)
        counts = importing_files.import_identities(opened.node, file, rejects, console)
    _report(counts, console, rejects, summary)


@app.command
def evaluate(
    *,
    from_: Annotated[str, Parameter(name="--from")],
    out: Path,
    methodology: str = "",
    config: Config = DEFAULT_CONFIG,
    summary: Path | None = None,
) -> None:
    """Run a methodology on a table of your own warehouse, where it is; nothing is recorded.

    The file has one row per row of the table: activity_id, amount (ug, or millionths of a point or
    of money) and refusal. The table has the canonical columns; times are timestamps with a zone,
    or whole seconds since 1970.

    Parameters
    ----------
    from_
        duckdb:FILE?table=NAME, parquet:FILE, sc://HOST:PORT?table=NAME (Spark Connect), or
        spark:?table=NAME for the cluster of the settings.
    out
        A Parquet file if it ends in .parquet, else CSV.
    methodology
        One of the node's; may be left out if it counts by one only.
    config
        The node's settings file.
    summary
        Where counts are written as JSON, for other programs.
    """
    from partner_node.commands import asking_warehouses  # noqa: PLC0415 - Ibis takes its time
    from partner_node.warehouse.engines import at_own_cluster  # noqa: PLC0415

    console, settings = Console(), load_settings(config)
    address = at_own_cluster(from_, settings.engine)
    with opened_node(settings) as opened:
        know_programme(opened.node)
        counts = asking_warehouses.evaluate(opened.node, address, methodology, out)
    asking_warehouses.show(counts, console)
    if summary is not None:
        summary.write_text(asking_warehouses.to_json(counts) + "\n", encoding="utf-8")


@app.command
def import_warehouse(
    *,
    from_: Annotated[str, Parameter(name="--from")],
    methodology: str = "",
    config: Config = DEFAULT_CONFIG,
    rejects: Path | None = None,
    summary: Path | None = None,
) -> None:
    """Record the rows of a warehouse's table that a methodology counts.

    Eligibility and amounts are computed in the warehouse; only rows that count come over, and the
    node computes each again. It stops with WAREHOUSE_DIFFERS at the first that is not equal.

    Parameters
    ----------
    from_
        duckdb:FILE?table=NAME, parquet:FILE, sc://HOST:PORT?table=NAME (Spark Connect), or
        spark:?table=NAME for the cluster of the settings.
    methodology
        One of the node's; may be left out if it counts by one only.
    config
        The node's settings file.
    rejects
        Where rows are listed that the node itself rejects; beside the store by default.
    summary
        Where counts are written as JSON, for other programs.
    """
    from partner_node.commands import asking_warehouses  # noqa: PLC0415 - Ibis takes its time
    from partner_node.warehouse.engines import at_own_cluster  # noqa: PLC0415

    settings = load_settings(config)
    console = Console()
    rejects = rejects or settings.store.with_name("rejected-activities.csv")
    address = at_own_cluster(from_, settings.engine)
    with opened_node(settings) as opened:
        know_programme(opened.node)
        counts = asking_warehouses.import_warehouse(
            opened.node, address, methodology, rejects, console
        )
    _report(counts, console, rejects, summary)


@app.command
def audit(*, sample: Path, out: Path, config: Config = DEFAULT_CONFIG) -> None:
    """Open drawn evidence to an auditor on site; nothing is sent anywhere.

    The node recomputes the sample from the beacon in the record, and opens nothing else. The file
    holds activities: it stays with the auditor.

    Parameters
    ----------
    sample
        The file that the auditor's `fedcarbon audit sample` wrote.
    out
        Where the signed evidence goes; readable by this user only.
    config
        The node's settings file.
    """
    with opened_node(load_settings(config)) as opened:
        opening_evidence.open_evidence(opened.node, sample, out, Console())


@app.command
def status(*, config: Config = DEFAULT_CONFIG, json: bool = False) -> int:
    """Show enrolment and epochs: of the store, or of the node that is running on it.

    Exits with 4 if the monitor of the record has found a broken promise or a second record.

    Parameters
    ----------
    config
        The node's settings file.
    json
        Print JSON for other programs instead of tables.
    """
    quiet = showing_status.show(load_settings(config), Console(), as_json=json)
    return 0 if quiet else EXIT_ALARM


@app.command
def statistics(
    *, table: str, period: int, config: Config = DEFAULT_CONFIG, json: bool = False
) -> None:
    """Show what this node has in a period of a table, as counted and as bounded per person.

    These are exact numbers, for the platform's own eyes: they are never sent. Only cells that are
    not zero are shown.

    Parameters
    ----------
    table
        Id of the table's shell.
    period
        From 1; all its epochs must be over.
    config
        The node's settings file.
    json
        Print JSON for other programs instead of a table.
    """
    with opened_node(load_settings(config)) as opened:
        know_programme(opened.node)
        showing_tables.show(opened.node, table, period, Console(), as_json=json)


@app.command
def person(
    *,
    person: str,
    config: Config = DEFAULT_CONFIG,
    language: Language = Language.ZH,
    from_day: str = "",
    until_day: str = "",
) -> None:
    """Print a person's own view as JSON, for apps; docs/PERSON.md describes it.

    It holds this person's activities and nothing of anybody else: hand it to nobody but them.

    Parameters
    ----------
    person
        The platform's own reference of the person.
    config
        The node's settings file.
    language
        Of the texts.
    from_day
        The first local day shown, YYYY-MM-DD; all days by default.
    until_day
        The last one.
    """
    asked = Asked(person_ref=person, language=language, from_day=from_day, until_day=until_day)
    tree = showing_persons.view(load_settings(config), asked)
    sys.stdout.write(json.dumps(tree, ensure_ascii=False, indent=2, sort_keys=True) + "\n")


@app.command
def compare_checkpoint(file: Path, *, config: Config = DEFAULT_CONFIG) -> None:
    """Compare a checkpoint that another party was shown with this node's copy of the record.

    Exits with 1 and FORKED_RECORD if the hub has shown the two of you different records: keep the
    file and show it to the trustees.

    Parameters
    ----------
    file
        The signed note, for example `checkpoint` of an auditor's copy of the record.
    config
        The node's settings file.
    """
    size = comparing_checkpoints.compare(load_settings(config), file)
    Console().print(f"consistent: the record of this node begins with the same {size} leaves")


@app.command
def challenge(*, values: Path, out: Path, config: Config = DEFAULT_CONFIG) -> None:
    """Encrypt and prove known values as blocks are, and publish them with all randomness.

    Nothing is sent and nothing counts. Whoever doubts this build checks the file with
    `fedcarbon audit challenge`. Real values do not belong in here: everything is opened.

    Parameters
    ----------
    values
        One line per block: micrograms per slot with commas between; slots left out hold 0.
    out
        Where the challenge is written.
    config
        The node's settings file.
    """
    settings = load_settings(config)
    blocks = making_challenges.read_values(values)
    with opened_node(settings) as opened:
        know_programme(opened.node)
        made = opened.node.challenge(blocks)
    making_challenges.write_challenge(out, made)
    Console().print(f"{len(made.blocks)} blocks of challenge {made.challenge_id.hex()}")


def know_programme(node: Node) -> None:
    """Read the record from the hub if this store has never seen the programme.

    Raises:
        FedcarbonError: the hub cannot be reached, or the record cannot be believed.
    """
    try:
        _ = node.programme
    except FoundationMissingError:
        node.read_record()


def _report(
    counts: importing_files.ImportSummary, console: Console, rejects: Path, summary: Path | None
) -> None:
    importing_files.show(counts, console, rejects)
    if summary is not None:
        summary.write_text(counts.to_json() + "\n", encoding="utf-8")


def main() -> None:
    """Run the command in `sys.argv`; a promised error becomes one line and exit code 1."""
    os.umask(PRIVATE_UMASK)
    try:
        app(sys.argv[1:])
    except FedcarbonError as error:
        sys.stderr.write(f"fedcarbon-partner-node: {error} [{error.code}]\n")
        sys.exit(EXIT_REFUSED)


if __name__ == "__main__":
    main()
