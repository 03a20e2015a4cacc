"""A directory of immutable contents, each under the SHA-256 of its bytes.

A content is on the disk before anything that names it is committed, and never changes afterwards.
One that nothing names (a crash came in between) does no harm: the same bytes sent again find it.
"""

from __future__ import annotations

import hashlib
import itertools
import mmap
import os
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import ClassVar, Final, Self

from typing_extensions import override

from fedcarbon.errors import ConfigurationError

_DIRECTORY_MODE: Final = 0o700
_TEMPORARY: Final = ".part"
_SMALL_SLICES: Final = 512
"""So many may bring pages into memory, some tens of KiB each, before all are let go."""


class ContentMissingError(ConfigurationError):
    """The record names bytes that are not on the disk; the operator must restore them."""

    code: ClassVar[str] = "CONTENT_MISSING"


class ContentStore:
    """Contents by hash in one directory."""

    def __init__(self, directory: Path, suffix: str = "") -> None:
        """Make the directory if it is missing, and throw half-written contents away."""
        directory.mkdir(parents=True, exist_ok=True, mode=_DIRECTORY_MODE)
        self._directory = directory
        self._suffix = suffix
        self._numbers = itertools.count()  # next() is atomic; threads share the store
        for leftover in directory.glob(f"*{_TEMPORARY}"):
            leftover.unlink()

    def put(self, data: bytes) -> bytes:
        """Keep `data` and return its SHA-256; it is on the disk when this returns."""
        (sha256,) = self.put_many([data])
        return sha256

    def put_many(self, contents: Sequence[bytes]) -> list[bytes]:
        """Keep every content and return the hashes; all are on the disk when this returns."""
        hashes = [hashlib.sha256(data).digest() for data in contents]
        for sha256, data in zip(hashes, contents, strict=True):
            # Its bytes are durable if it is there; its name may not be, if whoever gave it died
            # right afterwards, so the directory is synced in any case.
            if not self.path(sha256).exists():
                with self.incoming() as content:
                    content.write(data)
                    content.rename()
        if contents:
            _sync_directory(self._directory)
        return hashes

    def get(self, sha256: bytes) -> bytes:
        """Return the content of this hash.

        Raises:
            ContentMissingError: it is not there, or not what it was.
        """
        try:
            data = self.path(sha256).read_bytes()
        except FileNotFoundError as error:
            raise ContentMissingError(f"content {sha256.hex()} is missing") from error
        if hashlib.sha256(data).digest() != sha256:
            raise ContentMissingError(f"content {sha256.hex()} was changed on the disk")
        return data

    def part(self, sha256: bytes, start: int, length: int) -> tuple[bytes, int]:
        """Return up to `length` bytes of a content from `start` on, and the size of the whole.

        Only a content that is read whole is held against its hash here; whoever joins parts does
        that.

        Raises:
            ContentMissingError: it is not there, or not what it was.
        """
        try:
            with self.path(sha256).open("rb") as content:
                size = os.fstat(content.fileno()).st_size
                content.seek(min(start, size))
                data = content.read(length)
        except FileNotFoundError as error:
            raise ContentMissingError(f"content {sha256.hex()} is missing") from error
        if len(data) == size and hashlib.sha256(data).digest() != sha256:
            raise ContentMissingError(f"content {sha256.hex()} was changed on the disk")
        return data, size

    def reader(self, sha256: bytes, skip: int = 0) -> FileSlices:
        """Return a content to be read by the slice; it is held against its hash beforehand.

        Args:
            sha256: of the whole content.
            skip: so many bytes at its beginning are not shown.

        Raises:
            ContentMissingError: it is not there, or not what it was.
        """
        try:
            with self.path(sha256).open("rb") as content:
                if hashlib.file_digest(content, "sha256").digest() != sha256:
                    raise ContentMissingError(f"content {sha256.hex()} was changed on the disk")
        except FileNotFoundError as error:
            raise ContentMissingError(f"content {sha256.hex()} is missing") from error
        return FileSlices(self.path(sha256), skip)

    def path(self, sha256: bytes) -> Path:
        """Return where a content of this hash lies or would lie."""
        return self._directory / f"{sha256.hex()}{self._suffix}"

    def hashes(self) -> set[bytes]:
        """Return the hashes of all contents."""
        names = (path.name.removesuffix(self._suffix) for path in self._directory.iterdir())
        return {bytes.fromhex(name) for name in names if not name.endswith(_TEMPORARY)}

    def incoming(self) -> Incoming:
        """Return a content that arrives in pieces; it is thrown away unless it is kept."""
        name = f"{os.getpid()}-{next(self._numbers)}{_TEMPORARY}"
        return Incoming(self, self._directory / name)


class FileSlices(AbstractContextManager["FileSlices"]):
    """A file that is read by the slice, as `bytes` are; what was read does not stay in memory.

    Inside of the context it is open, so that many small slices cost little. Outside it is opened
    for each of them: there may be thousands of files, and a process may not have them all open.
    """

    def __init__(self, path: Path, skip: int = 0) -> None:
        """Take a file that does not change, without its first `skip` bytes."""
        size = path.stat().st_size
        self._path: Final = path
        self._skip: Final = min(skip, size)
        self._size: Final = size - self._skip
        self._map: mmap.mmap | None = None
        self._small = 0

    def __len__(self) -> int:
        """Return how many bytes there are."""
        return self._size

    def __getitem__(self, part: slice) -> bytes:
        """Return a slice of the bytes, whose step is 1."""
        start, stop, _ = part.indices(self._size)
        if start >= stop:
            return b""
        if self._map is None:
            with self._path.open("rb", buffering=0) as content:
                return os.pread(content.fileno(), stop - start, self._skip + start)
        data = self._map[self._skip + start : self._skip + stop]
        # The system has the pages; this process need not be counted for them.
        if stop - start > mmap.PAGESIZE:
            first = (self._skip + start) // mmap.PAGESIZE * mmap.PAGESIZE
            self._map.madvise(mmap.MADV_DONTNEED, first, self._skip + stop - first)
        else:
            # For each alone that would cost more than reading it.
            self._small += 1
            if self._small % _SMALL_SLICES == 0:
                self._map.madvise(mmap.MADV_DONTNEED)
        return data

    @override
    def __enter__(self) -> Self:
        """Open the file."""
        if self._size:
            with self._path.open("rb") as content:
                self._map = mmap.mmap(content.fileno(), 0, access=mmap.ACCESS_READ)
        return self

    @override
    def __exit__(self, *_: object) -> None:
        """Let the file go."""
        if self._map is not None:
            self._map.close()
            self._map = None


class Incoming(AbstractContextManager["Incoming"]):
    """A content that is being written."""

    def __init__(self, store: ContentStore, temporary: Path) -> None:
        """Used by `ContentStore.incoming`."""
        self._store = store
        self._temporary = temporary
        self._hash = hashlib.sha256()
        self.size = 0
        """Bytes written so far."""

    @override
    def __enter__(self) -> Self:
        """Open the temporary file."""
        self._file = self._temporary.open("wb")
        return self

    def write(self, piece: bytes) -> None:
        """Add a piece."""
        self._file.write(piece)
        self._hash.update(piece)
        self.size += len(piece)

    def sha256(self) -> bytes:
        """Return the hash of what was written so far."""
        return self._hash.digest()

    def reader(self) -> FileSlices:
        """Return what was written so far, to be read by the slice."""
        self._file.flush()
        return FileSlices(self._temporary)

    def keep(self) -> bytes:
        """Put the content under its hash, durably, and return the hash."""
        sha256 = self.rename()
        _sync_directory(self._temporary.parent)
        return sha256

    def rename(self) -> bytes:
        """Put the content under its hash and return the hash; its name is not yet durable."""
        sha256 = self._hash.digest()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._temporary.replace(self._store.path(sha256))
        return sha256

    @override
    def __exit__(self, *_: object) -> None:
        """Throw the content away if it was not kept."""
        self._file.close()
        self._temporary.unlink(missing_ok=True)


def _sync_directory(directory: Path) -> None:
    """Make a rename in `directory` durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
