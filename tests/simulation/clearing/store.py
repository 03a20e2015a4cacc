"""The store of the simulation: a real SQLite file, and what can happen at a commit."""

from __future__ import annotations

import functools
import shutil
import sqlite3
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import OperationalError
from typing_extensions import override

from hub.storage.engine import create_tables, sqlite_engine
from tests.simulation.clearing.rail import Died


_COMPILED: Final[dict[Any, Any]] = {}


class Store(Protocol):
    """A database that can be opened again and again."""

    def open(self) -> Engine:
        """Return a new engine on what is stored."""
        ...


class SqliteStore(Store):
    """A SQLite file in a folder; what a machine would lose in a power cut is not looked at."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "hub.db"
        shutil.copyfile(_empty_database(), self._path)

    @override
    def open(self) -> Engine:
        engine = sqlite_engine(self._path)
        # Real crashes of real files are for the soak; here nothing ends but memory.
        event.listen(engine, "connect", _do_not_wait_for_the_disk)
        # Each restart is a new engine; compiling the same statements again is most of its time.
        engine.update_execution_options(compiled_cache=_COMPILED)
        return engine


def _do_not_wait_for_the_disk(connection: sqlite3.Connection, _entry: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")


@functools.cache
def _empty_database() -> Path:
    """Make the tables once; a copy of the file is much faster than making them again."""
    path = Path(tempfile.mkdtemp(prefix="fedcarbon-simulation-")) / "empty.db"
    engine = sqlite_engine(path)
    create_tables(engine)
    engine.dispose()
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return path


class CommitTrap:
    """What happens at one commit; later ones go through."""

    def __init__(self, commit: int, *, persisted: bool, dies: bool) -> None:
        self._left = commit
        self.persisted = persisted
        self._dies = dies
        self.sprung = False

    def at_commit(self, connection: Connection) -> None:
        """Count the commit; at the one, raise with or without effect."""
        self._left -= 1
        if self._left != -1:
            return
        self.sprung = True
        if self.persisted:
            connection.connection.commit()
        if self._dies:
            raise Died
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("disk I/O error"))


@contextmanager
def trapped(engine: Engine, trap: CommitTrap) -> Generator[CommitTrap]:
    """Set `trap` at the commits of `engine`."""
    event.listen(engine, "commit", trap.at_commit)
    try:
        yield trap
    finally:
        event.remove(engine, "commit", trap.at_commit)
