"""SQLite: one file in WAL mode, what is committed is on the disk (synchronous=FULL).

A writing transaction takes the write lock when it begins (BEGIN IMMEDIATE), so that what it reads
stays true until it commits. A reading one sees one snapshot, waits for nobody and cannot write.
Writers of one process go in the order of `hub.storage.turns`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import create_engine

from hub.storage.access import Access, access_of
from hub.storage.faults import StoreBusyError
from hub.storage.turns import Turns

NAME: Final = "sqlite"
BUSY_TIMEOUT_MS: Final = 30_000
"""How long a writer waits for the lock before it fails; far above any transaction of the hub."""


_TURNS: Final = WeakKeyDictionary[Engine, Turns]()
"""Of the writers of this process, by engine."""


@contextmanager
def turn_of(engine: Engine, *, is_urgent: bool) -> Generator[None]:
    """Be the writer inside of the context, in the order of this process's `Turns`.

    Raises:
        StoreBusyError: they took too long.
    """
    turns = _TURNS.get(engine)
    if turns is None:  # not SQLite: there the database itself keeps the order
        yield
        return
    if not turns.take(is_urgent=is_urgent, timeout_s=BUSY_TIMEOUT_MS / 1000):
        raise StoreBusyError("other writers of this process held the database for too long")
    try:
        yield
    finally:
        turns.give()


def engine_of(url: URL) -> Engine:
    """Return an engine on a SQLite file, which is made if it is missing."""
    engine = create_engine(url)
    _TURNS[engine] = Turns()
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def _configure(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # The driver would begin transactions by itself, deferred and too late.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout = {BUSY_TIMEOUT_MS}",
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        # Else INSERT OR REPLACE deletes rows without firing the triggers that forbid it.
        "recursive_triggers = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    read_only = access_of(connection) is Access.READING
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
    connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")
