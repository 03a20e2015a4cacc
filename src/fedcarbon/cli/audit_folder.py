"""The folder of a record as an auditor's source; see `hub.record.export` for who writes it.

leaves.txt                one line per leaf
bodies/<sha256>.json      signed envelopes
files/<sha256>            chunk files, claim lists, verdicts and share files
checkpoints/<size>.txt    witnessed heads
checkpoint                a copy of the largest of them
tile/                     the tree as tiles
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from typing_extensions import override

from fedcarbon.audit.source import FileShortenedError, RecordSource
from fedcarbon.canonical.slices import Slices
from fedcarbon.errors import ConfigurationError

LEAVES: Final = "leaves.txt"
_BODY_SUFFIX: Final = ".json"
_HEAD_SUFFIX: Final = ".txt"
BODY_BYTES_MAX: Final = 64 << 20
FILE_BYTES_MAX: Final = 2 << 30
HEAD_BYTES_MAX: Final = 1 << 20
"""Of a head or a tile."""
_OPENING: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""A link is not followed, and a pipe that somebody has put there does not make the audit wait."""


class NoRecordError(ConfigurationError):
    """The folder that was named holds no record; name another one."""

    code: ClassVar[str] = "NO_RECORD"


@dataclass(frozen=True, slots=True)
class _FileSlices(Slices):
    """A regular file; it is opened for each slice."""

    path: Path
    size: int
    skip: int

    @override
    def __len__(self) -> int:
        return max(self.size - self.skip, 0)

    @override
    def __getitem__(self, part: slice, /) -> bytes:
        start, stop, _ = part.indices(len(self))
        wanted = max(stop - start, 0)
        try:
            with os.fdopen(os.open(self.path, _OPENING), "rb", buffering=0) as file:
                data = os.pread(file.fileno(), wanted, self.skip + start)
        except OSError:
            data = b""
        if len(data) != wanted:
            # What is left of it could pass for a file with less in it.
            raise FileShortenedError(
                f"file {self.path.name} lost bytes while it was read: audit a copy of the record "
                "that nobody writes to"
            )
        return data


@dataclass(frozen=True, slots=True)
class RecordFolder(RecordSource):
    """A record in a folder; holds its path only."""

    path: Path

    @override
    def leaf_lines(self) -> Iterator[bytes]:
        with (self.path / LEAVES).open("rb") as file:
            for line in file:
                yield line.removesuffix(b"\n")

    @override
    def body_names(self) -> list[str]:
        return self._names("bodies", _BODY_SUFFIX)

    @override
    def file_names(self) -> list[str]:
        return self._names("files", "")

    @override
    def checkpoint_names(self) -> list[str]:
        return self._names("checkpoints", _HEAD_SUFFIX)

    @override
    def body(self, name: str) -> bytes | None:
        return self._bytes("bodies", name + _BODY_SUFFIX, BODY_BYTES_MAX)

    @override
    def file(self, name: str) -> bytes | None:
        return self._bytes("files", name, FILE_BYTES_MAX)

    @override
    def slices(self, name: str, skip: int = 0) -> Slices | None:
        path = self.path / "files" / name
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                return None  # first: a folder that is opened as a file is never closed
            with os.fdopen(os.open(path, _OPENING), "rb") as file:  # it can be read
                size = os.fstat(file.fileno()).st_size
        except OSError:
            return None
        return _FileSlices(path, size, skip) if size <= FILE_BYTES_MAX else None

    @override
    def checkpoint(self, name: str) -> bytes | None:
        return self._bytes("checkpoints", name + _HEAD_SUFFIX, HEAD_BYTES_MAX)

    @override
    def newest(self) -> bytes | None:
        return self._bytes("", "checkpoint", HEAD_BYTES_MAX)

    @override
    def tile_paths(self) -> list[str]:
        return sorted(
            (Path(folder) / name).relative_to(self.path).as_posix()
            for folder, _, names in os.walk(self.path / "tile")
            for name in names
        )

    @override
    def tile(self, path: str) -> bytes | None:
        return self._bytes("", path, HEAD_BYTES_MAX)

    def _names(self, folder: str, suffix: str) -> list[str]:
        directory = self.path / folder
        try:
            return sorted(path.name.removesuffix(suffix) for path in directory.iterdir())
        except OSError:
            return []

    def _bytes(self, folder: str, name: str, bytes_max: int) -> bytes | None:
        """Return a regular file of at most so many bytes; None if there is none to be read."""
        path = self.path / folder / name
        try:
            if not stat.S_ISREG(path.lstat().st_mode):
                return None
            with os.fdopen(os.open(path, _OPENING), "rb") as file:
                if os.fstat(file.fileno()).st_size > bytes_max:
                    return None
                data = file.read(bytes_max + 1)
        except OSError:
            return None
        return data if len(data) <= bytes_max else None


def open_folder(path: Path) -> RecordFolder:
    """Return the record in a folder.

    Raises:
        NoRecordError: there is no list of leaves in it, or none that can be read.
    """
    leaves = path / LEAVES
    try:
        status = leaves.lstat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > FILE_BYTES_MAX:
            raise NoRecordError(f"{path} is no record: its {LEAVES} is no file of a sane size")
        with leaves.open("rb"):
            pass
    except OSError as error:
        raise NoRecordError(f"{path} is no record: {LEAVES}: {error.strerror}") from error
    return RecordFolder(path)
