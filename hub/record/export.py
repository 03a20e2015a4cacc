"""The folder `record/`: the record as plain files, for auditors and for people.

    record/leaves.txt             one line per leaf, in order
    record/bodies/<sha256>.json   the exact bytes of every signed envelope
    record/files/<sha256>         chunk files, claim lists, verdicts and share files
    record/checkpoints/<size>.txt every witnessed head, as a signed note
    record/checkpoint             the largest of them
    record/tile/<L>/<N>           the tree as tiles (`fedcarbon.transparency.tiles`), up to that one
    record/tile/entries/<N>       the leaves as entry bundles, likewise

A line of `leaves.txt` is `index leaf salt body_sha256` with a decimal index and lower-case
hexadecimal values, separated by single spaces. Bodies and files are the hub's own storage and
always complete; everything else is a copy of the database, written after a commit and repaired at
start, so that a crash in between leaves no gap. Tiles and heads appear whole or not at all; the
tiles of a head are there before the head is, and partial ones go when the full one has come. The
folder holds everything: it is for auditors only.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from sqlmodel import Session

from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.transparency.tiles import Tile
from hub.record.leaf_log import LeafLog
from hub.record.tile_files import tile_files
from hub.storage.record_store import RecordStore, StoredLeaf

_DIRECTORY_MODE: Final = 0o700
_LEAVES: Final = "fedcarbon-exported-leaves"
_FILES: Final = "fedcarbon-exported-files"
_TEMPORARY: Final = "exporting.part"
_NEWEST: Final = "checkpoint"
_PAGE: Final = 10_000


class _Prefix(NamedTuple):
    """How much of a file is good."""

    leaves: int
    size_bytes: int


class _File(NamedTuple):
    """A file to be written."""

    path: str
    """Below the folder."""
    content: bytes


class Export:
    """Copies leaves, tiles and witnessed heads of committed transactions into the folder."""

    def __init__(self, directory: Path) -> None:
        """Make the folder if it is missing, and throw a half-written file away."""
        self._directory = directory
        self._temporary = directory / _TEMPORARY  # one is enough: there is one writer
        self._leaves = directory / "leaves.txt"
        directory.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
        for part in ("checkpoints", "tile"):
            (directory / part).mkdir(exist_ok=True, mode=_DIRECTORY_MODE)
        self._temporary.unlink(missing_ok=True)

    def note(self, session: Session, leaf: StoredLeaf) -> None:
        """Remember a leaf that is to be copied if the transaction of `session` commits."""
        session.info.setdefault(_LEAVES, []).append(_line(leaf))

    def note_checkpoint(
        self,
        session: Session,
        head: WitnessedCheckpoint,
        tiles: Iterable[tuple[Tile, bytes]] = (),
        *,
        newest: bool,
    ) -> None:
        """Remember a head that is to be copied if the transaction of `session` commits.

        Args:
            session: a writing session.
            head: the head.
            tiles: the tiles that it adds; they are written before it.
            newest: whether no larger one is there.
        """
        files: list[_File] = session.info.setdefault(_FILES, [])
        files += [_File(tile.path, content) for tile, content in tiles]
        files += _notes_of(head, newest=newest)

    def committed(self, session: Session) -> None:
        """Copy what the committed transaction of `session` has appended."""
        lines: list[str] = session.info.pop(_LEAVES, [])
        if lines:
            with self._leaves.open("a", encoding="ascii") as file:
                file.write("".join(lines))
        for wanted in session.info.pop(_FILES, []):
            self._write(wanted)

    def repair(self, session: Session, log: LeafLog) -> None:
        """Make the folder equal to the database, whatever a crash has left."""
        store = RecordStore(session)
        good = self._good_bytes(_lines(store))
        with self._leaves.open("a+b") as file:
            file.truncate(good.size_bytes)
        with self._leaves.open("a", encoding="ascii") as file:
            file.writelines(_lines(store, good.leaves))
        heads = store.checkpoints()
        if heads:
            for tile, content in tile_files(log, session, heads[-1].size):
                self._write(_File(tile.path, content))
        for head in heads:
            for wanted in _notes_of(head, newest=head is heads[-1]):
                self._write(wanted)

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

    def _write(self, wanted: _File) -> None:
        """Write a file so that no reader ever sees half of it; a full tile ends its partial ones.

        It is not synced: what a power cut takes away is repaired at the next start.
        """
        path = self._directory / wanted.path
        if not path.exists() or path.read_bytes() != wanted.content:
            path.parent.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
            self._temporary.write_bytes(wanted.content)
            self._temporary.replace(path)
        shutil.rmtree(path.with_name(f"{path.name}.p"), ignore_errors=True)


def _notes_of(head: WitnessedCheckpoint, *, newest: bool) -> list[_File]:
    files = [_File(f"checkpoints/{head.size}.txt", head.note)]
    return [*files, _File(_NEWEST, head.note)] if newest else files


def _lines(store: RecordStore, start: int = 0) -> Iterator[str]:
    """Return the lines of all leaves from `start` on."""
    while page := store.leaves(start, _PAGE):
        yield from map(_line, page)
        start += len(page)


def _line(leaf: StoredLeaf) -> str:
    return f"{leaf.index} {leaf.leaf.hex()} {leaf.salt.hex()} {leaf.body_sha256.hex()}\n"
