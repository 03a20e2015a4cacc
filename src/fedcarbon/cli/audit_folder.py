"""The folder of a record as an auditor's source; see `hub.record.export` for who writes it.

leaves.txt                one line per leaf
bodies/<sha256>.json      signed envelopes
files/<sha256>            chunk files, claim lists, verdicts and share files
checkpoints/<size>.txt    witnessed heads
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from typing_extensions import override

from fedcarbon.audit.source import RecordSource
from fedcarbon.errors import ConfigurationError

LEAVES: Final = "leaves.txt"
_BODY_SUFFIX: Final = ".json"
_HEAD_SUFFIX: Final = ".txt"


class NoRecordError(ConfigurationError):
    """The folder that was named holds no record; name another one."""

    code: ClassVar[str] = "NO_RECORD"


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
        return self._bytes("bodies", name + _BODY_SUFFIX)

    @override
    def file(self, name: str) -> bytes | None:
        return self._bytes("files", name)

    @override
    def checkpoint(self, name: str) -> bytes | None:
        return self._bytes("checkpoints", name + _HEAD_SUFFIX)

    def _names(self, folder: str, suffix: str) -> list[str]:
        directory = self.path / folder
        if not directory.is_dir():
            return []
        return sorted(path.name.removesuffix(suffix) for path in directory.iterdir())

    def _bytes(self, folder: str, name: str) -> bytes | None:
        try:
            return (self.path / folder / name).read_bytes()
        except FileNotFoundError:
            return None


def open_folder(path: Path) -> RecordFolder:
    """Return the record in a folder.

    Raises:
        NoRecordError: there is no list of leaves in it.
    """
    if not (path / LEAVES).is_file():
        raise NoRecordError(f"{path} is no record: it has no {LEAVES}")
    return RecordFolder(path)
