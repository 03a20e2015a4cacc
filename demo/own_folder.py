"""Folders that a program fills anew each time: it deletes what it has made, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

from fedcarbon.errors import ConfigurationError


class OutFolderError(ConfigurationError):
    """The folder for results may not be emptied."""

    code: ClassVar[str] = "OUT_FOLDER"


def begin(folder: Path, marker: str) -> None:
    """Make an empty folder, deleting what an earlier run of the same program left in it.

    Args:
        folder: where the files will be.
        marker: name of the file that says whose folder it is.

    Raises:
        OutFolderError: the folder holds files and no such marker.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / marker).exists():
        raise OutFolderError(
            f"{folder} holds files that no earlier run has written: choose another folder"
        )
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    (folder / marker).write_text(
        "what is in this folder is deleted by the next run\n", encoding="utf-8"
    )
