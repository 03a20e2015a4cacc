"""One hub per data folder: a lock that the system takes back when its process dies.

The database would bear two hubs; what lies beside it would not: a hub that starts throws
half-arrived contents away and repairs the exported record, under the hands of one that runs.
"""

from __future__ import annotations

import fcntl
from pathlib import Path
from typing import ClassVar, Final

from fedcarbon.errors import ConfigurationError

LOCK_FILE: Final = "hub.lock"


class FolderInUseError(ConfigurationError):
    """Another process has the hub's data folder open; the operator must stop it first."""

    code: ClassVar[str] = "FOLDER_IN_USE"


class FolderLock:
    """Holds a folder from its making until `release`."""

    def __init__(self, folder: Path) -> None:
        """Take the lock of `folder`, which exists.

        Raises:
            FolderInUseError: somebody has it.
        """
        self._file = (folder / LOCK_FILE).open("ab")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise FolderInUseError(
                f"another hub has the data folder {folder.name} open; stop it first"
            ) from error

    def release(self) -> None:
        """Let the folder go; once more changes nothing."""
        self._file.close()
