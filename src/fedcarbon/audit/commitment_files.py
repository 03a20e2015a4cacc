"""Commitment files, each checked once: for its link proof (V13) and for its list (V12).

The sums and roots of hundreds of megabytes are most of what both lines cost. A job reads and checks
one range of claims, so that every process has work whatever the lists are.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.source import RecordSource, whole
from fedcarbon.identity import commitment_list
from fedcarbon.identity.commitment_list import (
    RECORD_BYTES,
    CommitmentInvalidError,
    MalformedCommitmentsError,
    elements_in,
)
from fedcarbon.identity.list_check import (
    CheckedPieces,
    bounds_of_ranges,
    checked_pieces,
    list_range,
)
from fedcarbon.identity.ristretto import IDENTITY, Point, difference, sum_of
from fedcarbon.opening.links import WonPart


@dataclass(frozen=True, slots=True, kw_only=True)
class PiecesJob:
    """A range of a commitment file to be checked."""

    source: RecordSource
    name: str
    start: int
    stop: int
    lost: tuple[int, ...]
    """Positions of those of its claims that were lost, from its own first."""


class JudgedPieces(NamedTuple):
    """What came of a range."""

    pieces: CheckedPieces
    won: Point
    """The sum of the commitments of its claims that won, if all are elements."""


def judge_pieces(job: PiecesJob) -> JudgedPieces:
    """Check a range of a file that had it.

    Raises:
        FileShortenedError: it has not any more.
    """
    part = list_range(b"", job.source.slices(job.name) or b"", job.start, job.stop)
    whole(part.commitments, (job.stop - job.start) * RECORD_BYTES)
    pieces = checked_pieces(job.start, part.commitments)
    if pieces.invalid >= 0:
        return JudgedPieces(pieces, IDENTITY)
    elements = elements_in(part.commitments)
    lost = sum_of(Point(elements[position]) for position in job.lost)
    return JudgedPieces(pieces, difference(Point(pieces.total), lost))


class CommitmentFiles:
    """The commitment files of a record."""

    def __init__(self, exam: Examination) -> None:
        """Take the audit."""
        self._exam: Final = exam
        self._checked: Final[dict[tuple[str, int], tuple[CheckedPieces, ...]]] = {}

    def checked(self, name: str, count: int) -> Sequence[CheckedPieces] | None:
        """Return what is left of every range of a file of so many claims.

        None if it has not been checked whole, as one of so many.
        """
        return self._checked.get((name, count))

    def parts(self, sha256: bytes, count: int, lost: Sequence[int]) -> Iterator[WonPart]:
        """Yield what is left of every range of a file: see `fedcarbon.opening.links.Parts`."""
        exam, name = self._exam, sha256.hex()
        data = exam.source.slices(name) or b""
        if name not in exam.good_files or data[: len(commitment_list.FILE_MAGIC)] != (
            commitment_list.FILE_MAGIC
        ):
            raise MalformedCommitmentsError("the record has no commitment file of its name")
        if len(data) != len(commitment_list.FILE_MAGIC) + count * RECORD_BYTES:
            raise MalformedCommitmentsError(f"it has not the {count} claims that were committed to")
        jobs = [
            PiecesJob(
                source=exam.source,
                name=name,
                start=start,
                stop=stop,
                lost=tuple(at - start for at in lost[_from(lost, start) : _from(lost, stop)]),
            )
            for start, stop in bounds_of_ranges(count)
        ]
        checked = []
        for judged in exam.mapped(CheckId.LINKS, "piece commitments", judge_pieces, jobs):
            if judged.pieces.invalid >= 0:
                raise CommitmentInvalidError(
                    f"the commitment at {judged.pieces.invalid} is no canonical group element"
                )
            checked.append(judged.pieces)
            yield WonPart(judged.pieces.root, judged.won)
        self._checked[name, count] = tuple(checked)


def _from(lost: Sequence[int], position: int) -> int:
    """Return the place of the first lost claim that is not before a position."""
    return bisect_left(lost, position)
