"""Large leaves opened ahead of the replay, in whatever process has time.

Enrolments and places are most of what a record's leaves weigh, and most of the work on them needs
nothing of the record before: hash, envelope, signature by a key that is known by then, canonical
statement. Where anything of it does not hold, or the signer has another key when its leaf comes,
nothing is said here: the replay opens the leaf itself, and finds what there is to find.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from fedcarbon.audit.examination import Mapper
from fedcarbon.audit.opened_bodies import OpenedBody
from fedcarbon.audit.source import LeafLine, RecordSource
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import FedcarbonError
from fedcarbon.registry.enrolment import EnrolmentBatch, PlaceBatch
from fedcarbon.transparency.envelope import Envelope, open_signed
from fedcarbon.transparency.leaf import Leaf, LeafType

AHEAD: Final[Mapping[LeafType, type[Statement]]] = MappingProxyType(
    {LeafType.ENROLMENT_BATCH: EnrolmentBatch, LeafType.PLACE_BATCH: PlaceBatch}
)
"""What is opened ahead."""
LEAVES_AT_ONCE: Final = 16
"""A leaf is a megabyte; so many are asked for while as many are taken."""
LEAVES_MIN: Final = 64
"""Fewer are read sooner than processes start: a record of ten thousand people has twenty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyJob:
    """A body to be opened."""

    source: RecordSource
    name: str
    kind: type[Statement]
    keyring: Mapping[str, bytes]


def open_body(job: BodyJob) -> OpenedBody | None:
    """Return what is in a body, None if there is anything about it to be found."""
    data = job.source.body(job.name)
    if data is None or hashlib.sha256(data).hexdigest() != job.name:
        return None
    try:
        envelope = Envelope.from_bytes(data)
        (signature,) = envelope.signatures
        key = job.keyring[signature.keyid]
        statement = open_signed(job.kind, data, {signature.keyid: key}, signers={signature.keyid})
    except (FedcarbonError, ValueError, KeyError):
        return None
    return OpenedBody(
        name=job.name, envelope=envelope, signer=signature.keyid, key=key, statement=statement
    )


class ReadingAhead:
    """Has the large leaves of a record opened, some of them ahead of the one that is taken."""

    def __init__(
        self,
        source: RecordSource,
        mapper: Mapper,
        lines: Mapping[int, LeafLine],
        keyring: Mapping[str, bytes],
    ) -> None:
        """Take the list of leaves.

        Args:
            source: the record.
            mapper: who opens.
            lines: by index.
            keyring: the keys of the parties, which grows while leaves are taken.
        """
        self._source: Final = source
        self._mapper: Final = mapper
        self._keyring: Final = keyring
        kinds = ((line, _kind_of(line)) for _, line in sorted(lines.items()))
        large = [(line, kind) for line, kind in kinds if kind is not None]
        self._rest: Final = deque(large if len(large) >= LEAVES_MIN else ())
        self._asked: Final[deque[tuple[LeafLine, Iterator[OpenedBody | None]]]] = deque()

    def opened(self, index: int) -> OpenedBody | None:
        """Return what is in the body of a leaf, if it was opened; leaves are asked for in order."""
        found = None
        while self._holds_up_to(index):
            if len(self._asked) <= LEAVES_AT_ONCE:
                self._ask()
            line, done = self._asked.popleft()
            opened = next(done)
            found = opened if line.index == index else None
        return found

    def _holds_up_to(self, index: int) -> bool:
        """Tell whether a large leaf that was not taken yet stands at or before `index`."""
        line = self._asked[0][0] if self._asked else self._rest[0][0] if self._rest else None
        return line is not None and line.index <= index

    def _ask(self) -> None:
        """Ask for some more leaves."""
        some = [self._rest.popleft() for _ in range(min(LEAVES_AT_ONCE, len(self._rest)))]
        keyring = dict(self._keyring)
        jobs: Sequence[BodyJob] = [
            BodyJob(source=self._source, name=line.body_sha256.hex(), kind=kind, keyring=keyring)
            for line, kind in some
        ]
        done = self._mapper(open_body, jobs)
        self._asked.extend((line, done) for line, _ in some)


def _kind_of(line: LeafLine) -> type[Statement] | None:
    try:
        return AHEAD.get(Leaf.from_bytes(line.leaf).type)
    except FedcarbonError:
        return None  # found when it is taken
