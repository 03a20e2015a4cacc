"""The folder `record/`: the record as plain files, for auditors and for people.

    record/leaves.txt             one line per leaf, in order
    record/bodies/<sha256>.json   the exact bytes of every signed envelope
    record/files/<sha256>         chunk files, claim lists, verdicts and share files
    record/checkpoints/<size>.txt DSSE envelopes of one witnessed head, one per line

A line of `leaves.txt` is `index leaf salt body_sha256` with a decimal index and lower-case
hexadecimal values, separated by single spaces. Bodies and files are the hub's own storage and
always complete; leaves and checkpoints are copies of the database, written after a commit and
repaired at start, so that a crash in between leaves no gap. The folder holds everything: it is for
auditors only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from sqlmodel import Session

from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from hub.storage.record_store import RecordStore, StoredLeaf

_DIRECTORY_MODE: Final = 0o700
_LEAVES: Final = "fedcarbon-exported-leaves"
_CHECKPOINTS: Final = "fedcarbon-exported-checkpoints"
_PAGE: Final = 10_000


class _Prefix(NamedTuple):
    """How much of a file is good."""

    leaves: int
    size_bytes: int


class Export:
    """Copies leaves and witnessed heads of committed transactions into the folder."""

    def __init__(self, directory: Path) -> None:
        """Make the folder if it is missing."""
        self._leaves = directory / "leaves.txt"
        self._checkpoints = directory / "checkpoints"
        self._checkpoints.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)

    def note(self, session: Session, leaf: StoredLeaf) -> None:
        """Remember a leaf that is to be copied if the transaction of `session` commits."""
        session.info.setdefault(_LEAVES, []).append(_line(leaf))

    def note_checkpoint(self, session: Session, head: WitnessedCheckpoint) -> None:
        """Remember a head that is to be copied if the transaction of `session` commits."""
        session.info.setdefault(_CHECKPOINTS, []).append(head)

    def committed(self, session: Session) -> None:
        """Copy what the committed transaction of `session` has appended."""
        lines: list[str] = session.info.pop(_LEAVES, [])
        if lines:
            with self._leaves.open("a", encoding="ascii") as file:
                file.write("".join(lines))
        for head in session.info.pop(_CHECKPOINTS, []):
            self._write_checkpoint(head)

    def repair(self, session: Session) -> None:
        """Make the folder equal to the database, whatever a crash has left."""
        store = RecordStore(session)
        good = self._good_bytes(_lines(store))
        with self._leaves.open("a+b") as file:
            file.truncate(good.size_bytes)
        with self._leaves.open("a", encoding="ascii") as file:
            file.writelines(_lines(store, good.leaves))
        for head in store.checkpoints():
            self._write_checkpoint(head)

    def _good_bytes(self, expected: Iterable[str]) -> _Prefix:
        """Return how much of `leaves.txt` is what the database says."""
        leaves = size = 0
        self._leaves.touch()
        with self._leaves.open("rb") as file:
            for line, wanted in zip(file, expected, strict=False):
                if line != wanted.encode():
                    break
                leaves, size = leaves + 1, size + len(line)
        return _Prefix(leaves, size)

    def _write_checkpoint(self, head: WitnessedCheckpoint) -> None:
        text = b"".join(envelope + b"\n" for envelope in head.cosignatures)
        path = self._checkpoints / f"{head.size}.txt"
        if not path.exists() or path.read_bytes() != text:
            path.write_bytes(text)


def _lines(store: RecordStore, start: int = 0) -> Iterator[str]:
    """Return the lines of all leaves from `start` on."""
    while page := store.leaves(start, _PAGE):
        yield from map(_line, page)
        start += len(page)


def _line(leaf: StoredLeaf) -> str:
    return f"{leaf.index} {leaf.leaf.hex()} {leaf.salt.hex()} {leaf.body_sha256.hex()}\n"
