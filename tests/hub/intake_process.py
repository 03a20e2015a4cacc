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


def before(act: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that dies instead of doing `act`."""
    return lambda *arguments: (die(), act(*arguments))


def after(act: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that dies when it has done `act`."""
    return lambda *arguments: (act(*arguments), die())


def main(folder: Path, instant: str) -> None:
    """Admit the first chunk, then die during the second."""
    federation = Federation(folder, seed=9)
    messages = folder.parent / "chunks"
    for number in range(len(list(messages.glob("*.header")))):
        if number == 1:
            match instant:
                case "put:0":
                    ContentStore.put = before(ContentStore.put)  # type: ignore[method-assign]
                case "put:1":
                    ContentStore.put = after(ContentStore.put)  # type: ignore[method-assign]
                case "commit:0":
                    event.listen(Session, "before_commit", die)
                case "export:0":
                    Export.committed = before(Export.committed)  # type: ignore[method-assign]
        federation.send_chunk(
            METRO,
            (messages / f"{number}.header").read_bytes(),
            (messages / f"{number}.file").read_bytes(),
        )


main(Path(sys.argv[1]), sys.argv[2])
