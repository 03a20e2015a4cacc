"""Admits chunks and kills itself at one instant of the second: run by `test_killed_hub`.

python intake_process.py FOLDER INSTANT, with INSTANT `put:0`, `put:1`, `commit:0` or `export:0`:
before or after a content is kept, before the commit, before the export.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from sqlalchemy import event
from sqlmodel import Session

from hub.record.content_store import ContentStore
from hub.record.export import Export
from tests.hub.federation import METRO, Federation


def die(*_: object) -> None:
    """End this process at once, as a power cut would."""
    os.kill(os.getpid(), signal.SIGKILL)


def then_die(act: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that dies when it has done `act`."""

    def last_act(*arguments: Any) -> None:
        act(*arguments)
        die()

    return last_act


def arm(instant: str) -> None:
    """Set the trap."""
    if instant == "commit:0":
        event.listen(Session, "before_commit", die)
    owner, name = (Export, "committed") if instant == "export:0" else (ContentStore, "put")
    if instant != "commit:0":
        setattr(owner, name, then_die(getattr(owner, name)) if instant == "put:1" else die)


def main(folder: Path, instant: str) -> None:
    """Admit the first chunk, then die during the second."""
    federation = Federation(folder, seed=9)
    messages = folder.parent / "chunks"
    for number in range(len(list(messages.glob("*.header")))):
        if number == 1:
            arm(instant)
        federation.send_chunk(
            METRO,
            (messages / f"{number}.header").read_bytes(),
            (messages / f"{number}.file").read_bytes(),
        )


main(Path(sys.argv[1]), sys.argv[2])
