"""Files that are on the disk when a call returns, and whole or not there at any instant."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

PART_SUFFIX: Final = ".part"
"""Of files that are being written; nobody reads them."""


class Disk:
    """The few acts of a rail on its folder; each may fail before or after it has had its effect."""

    def make(self, folder: Path) -> None:
        """Make a folder, which may be there."""
        folder.mkdir(parents=True, exist_ok=True)
        _settle(folder.parent)

    def write(self, path: Path, data: bytes) -> None:
        """Write a file under its name only once all of it is on the disk."""
        part = path.with_name(path.name + PART_SUFFIX)
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
        _settle(path.parent)

    def move(self, source: Path, target: Path) -> None:
        """Give a file or folder another name in one step."""
        source.rename(target)
        _settle(target.parent)
        _settle(source.parent)

    def settle(self, folder: Path) -> None:
        """Bring what names a folder holds to the disk."""
        _settle(folder)


def _settle(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
