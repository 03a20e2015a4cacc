"""What the checks of one audit share: the source, the view, the checklist, and who computes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from fedcarbon.audit.checklist import Checklist
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.source import RecordSource
from fedcarbon.audit.view import AuditView
from fedcarbon.proofs.commitments import RandomBelow

Job = TypeVar("Job")
Done = TypeVar("Done")


class Mapper(Protocol):
    """Does pieces of work, perhaps in many processes, and returns what came out in their order."""

    def __call__(self, work: Callable[[Job], Done], jobs: Sequence[Job], /) -> Iterator[Done]:
        """Return `work(job)` of every job, in order; `work` and jobs must be picklable."""
        ...


class Watcher(Protocol):
    """Is told how far an audit has come."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Take note that `done` of `total` steps of a stage are done."""
        ...


@dataclass(slots=True, kw_only=True)
class Examination:
    """One audit."""

    source: RecordSource
    checklist: Checklist
    view: AuditView
    mapper: Mapper
    watcher: Watcher
    randbelow: RandomBelow
    """The auditor's own source of chance, for the weights of batches; picklable."""
    good_files: frozenset[str] = frozenset()
    """Names of files whose bytes have the hash that they are named by."""
    referenced_files: dict[str, int] = field(default_factory=dict)
    """Name to the first leaf that names it."""
    referenced_bodies: set[str] = field(default_factory=set)

    def refer(self, sha256: bytes, leaf: int) -> bool:
        """Note that a leaf names a file, and tell whether the file can be used."""
        name = sha256.hex()
        self.referenced_files.setdefault(name, leaf)
        return name in self.good_files

    def mapped(
        self, check: CheckId, stage: str, work: Callable[[Job], Done], jobs: Iterable[Job]
    ) -> Iterator[Done]:
        """Do pieces of work for a line of the checklist, telling how far it has come."""
        waiting = list(jobs)
        done = self.mapper(work, waiting)
        for number in range(1, len(waiting) + 1):
            with self.checklist.timed(check):
                result = next(done)
            self.watcher(stage, number, len(waiting))
            yield result
