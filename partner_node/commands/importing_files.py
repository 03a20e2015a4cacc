"""`import-activities` and `import-identities`: files into the store, rejects into a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import pyarrow as pa
from pyarrow import parquet as pq
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text
from typing_extensions import override

from fedcarbon.methodology.activity import Activity
from partner_node.importing.activities import read_activities
from partner_node.importing.identities import read_identities
from partner_node.importing.rejects_file import RejectsFile
from partner_node.importing.table_file import PARQUET_SUFFIX, Read, Reject
from partner_node.node import Node
from partner_node.persons.linking import PersonRecord
from partner_node.storage.activities import StoredReject

T = TypeVar("T")

ROWS_PER_BATCH: Final = 20_000
"""Each batch looks once through everything that is stored, to find what it already knows."""
_PIECE_BYTES: Final = 1 << 20


class Source(NamedTuple):
    """Where rows come from, for the progress bar and for rows without an id."""

    name: str
    rows: int | None
    """About how many there are; None if nobody knows."""


@dataclass(slots=True)
class ImportSummary:
    """What became of a file."""

    read: int = 0
    """Rows of the file."""
    accepted: int = 0
    """Rows that count now, those that counted before included."""
    rejected: dict[str, int] = field(default_factory=dict)
    """Reason to rows."""

    def to_json(self) -> str:
        """Return the summary for other programs."""
        return json.dumps(
            {"read": self.read, "accepted": self.accepted, "rejected": self.rejected}, indent=2
        )


def import_activities(
    node: Node, path: Path, rejects_path: Path, console: Console
) -> ImportSummary:
    """Record the activities of a canonical file; every other row goes to the rejects file.

    Raises:
        ImportFileError: the file cannot be read as a table.
    """
    rows = read_activities(path, node.programme.time_zone, node.bundle)
    return record_rows(node, Source(path.name, _rows_of(path)), rows, rejects_path, console)


def record_rows(
    node: Node,
    source: Source,
    rows: Iterable[Read[Activity] | Reject],
    rejects_path: Path,
    console: Console,
) -> ImportSummary:
    """Record activities as they are read; every other row goes to the rejects file."""

    def record(items: Sequence[Read[Activity] | Reject], rejects: Callable[[Reject], None]) -> None:
        unread = [item for item in items if isinstance(item, Reject)]
        read = [item for item in items if isinstance(item, Read)]
        outcome = node.record_activities([item.value for item in read])
        node.note_rejects(_stored(source.name, unread))
        for position, refused in outcome.rejected.items():
            unread.append(
                Reject(
                    row=read[position].row,
                    subject=refused.activity_id,
                    reason=refused.reason,
                    detail=refused.detail,
                )
            )
        for item in sorted(unread, key=lambda reject: reject.row):
            rejects(item)

    return _import(source, rejects_path, rows, record, console)


def import_identities(
    node: Node, path: Path, rejects_path: Path, console: Console
) -> ImportSummary:
    """Link the people of an identity file; every other row goes to the rejects file.

    Raises:
        ImportFileError: the file cannot be read as a table.
    """

    def record(
        items: Sequence[Read[PersonRecord] | Reject], rejects: Callable[[Reject], None]
    ) -> None:
        refused = [item for item in items if isinstance(item, Reject)]
        read = [item for item in items if isinstance(item, Read)]
        row_of = {item.value.person_ref: item.row for item in read}
        outcome = node.link_persons([item.value for item in read])
        refused += [
            Reject(
                row=row_of[link.person_ref],
                subject=link.person_ref,
                reason=link.reason,
                detail=link.detail,
            )
            for link in outcome.rejected
        ]
        for item in sorted(refused, key=lambda reject: reject.row):
            rejects(item)

    source = Source(path.name, _rows_of(path))
    return _import(source, rejects_path, read_identities(path), record, console)


def show(summary: ImportSummary, console: Console, rejects_path: Path) -> None:
    """Print a summary by reason."""
    table = Table(title=f"{summary.read} rows read, {summary.accepted} accepted")
    table.add_column("rejected because")
    table.add_column("rows", justify="right")
    for reason, count in sorted(summary.rejected.items()):
        table.add_row(reason, str(count))
    console.print(table)
    if summary.rejected:
        console.print(f"every rejected row is listed in {rejects_path}")


def _import(
    source: Source,
    rejects_path: Path,
    rows: Iterable[Read[T] | Reject],
    record: Callable[[Sequence[Read[T] | Reject], Callable[[Reject], None]], None],
    console: Console,
) -> ImportSummary:
    summary = ImportSummary()
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with RejectsFile(rejects_path) as rejects, Progress(*columns, console=console) as progress:
        task = progress.add_task(source.name, total=source.rows)
        for batch in _batches(rows):
            record(batch, rejects.add)
            summary.read += len(batch)
            progress.update(task, completed=summary.read)
        progress.update(task, total=summary.read)
        summary.rejected = dict(rejects.counts())
    summary.accepted = summary.read - sum(summary.rejected.values())
    return summary


def _batches(rows: Iterable[T]) -> Iterator[list[T]]:
    iterator = iter(rows)
    while batch := list(islice(iterator, ROWS_PER_BATCH)):
        yield batch


class _Rate(ProgressColumn):
    """Rows per second."""

    @override
    def render(self, task: Task) -> Text:
        """Return the rate, empty before there is one."""
        return Text(f"{task.speed:,.0f} rows/s" if task.speed else "")


def _rows_of(path: Path) -> int | None:
    """Return about how many rows a file has, for the progress bar; None for what is no table."""
    if not path.is_file():
        return None
    if path.suffix.lower() == PARQUET_SUFFIX:
        try:
            return int(pq.read_metadata(path).num_rows)
        except (OSError, pa.ArrowException):
            return None  # whoever reads it says what is wrong
    with path.open("rb") as file:
        lines = sum(piece.count(b"\n") for piece in iter(lambda: file.read(_PIECE_BYTES), b""))
    return max(lines - 1, 0)


def _stored(source: str, rejects: Iterable[Reject]) -> Iterator[StoredReject]:
    """Return rejects as the store keeps them; a row without an id is known by its place."""
    for item in rejects:
        yield StoredReject(
            subject=item.subject or f"{source}:{item.row}",
            reason=str(item.reason),
            detail=item.detail,
        )
