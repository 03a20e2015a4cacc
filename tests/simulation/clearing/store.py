"""The store of the simulation: a real database, and what can happen at a commit."""

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

from hub.storage.engine import open_engine
from tests.databases import make_schema, sqlite_url
from tests.simulation.clearing.rail import Died

_COMPILED: Final[dict[str, dict[Any, Any]]] = {"sqlite": {}, "postgresql": {}}
"""Each restart is a new engine; compiling the same statements again would be most of its time."""


class Store(Protocol):
    """A database that can be opened again and again."""

    def open(self) -> Engine:
        """Return a new engine on what is stored."""
        ...


class UrlStore(Store):
    """A database that is there already, with empty tables."""

    def __init__(self, url: str) -> None:
        self._url = url

    @override
    def open(self) -> Engine:
        engine = open_engine(self._url)
        engine.update_execution_options(compiled_cache=_COMPILED[engine.dialect.name])
        return engine


class SqliteStore(UrlStore):
    """A SQLite file in a folder; what a machine would lose in a power cut is not looked at."""

    def __init__(self, folder: Path) -> None:
        shutil.copyfile(_empty_database(), folder / "hub.db")
        super().__init__(sqlite_url(folder / "hub.db"))

    @override
    def open(self) -> Engine:
        engine = super().open()
        # Real crashes of real files are for the soak; here nothing ends but memory.
        event.listen(engine, "connect", _do_not_wait_for_the_disk)
        return engine


def _do_not_wait_for_the_disk(connection: sqlite3.Connection, _entry: object) -> None:
    connection.execute("PRAGMA synchronous = OFF")


@functools.cache
def _empty_database() -> Path:
    """Make the tables once; a copy of the file is much faster than making them again."""
    path = Path(tempfile.mkdtemp(prefix="fedcarbon-simulation-")) / "empty.db"
    make_schema(sqlite_url(path))
    return path


class CommitTrap:
    """What happens at one commit; the others go through."""

    def __init__(self, commit: int, *, persisted: bool, dies: bool) -> None:
        self._left = commit
        self.passed = commit
        """Commits that go through before it."""
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
        raise OperationalError("COMMIT", {}, sqlite3.OperationalError("the connection is gone"))


@contextmanager
def trapped(engine: Engine, trap: CommitTrap) -> Generator[CommitTrap]:
    """Set `trap` at the commits of `engine`."""
    event.listen(engine, "commit", trap.at_commit)
    try:
        yield trap
    finally:
        event.remove(engine, "commit", trap.at_commit)
