"""The hub's one engine: SQLite in WAL mode, and what a transaction is.

A writing transaction takes the write lock when it begins (BEGIN IMMEDIATE), so that what it reads
stays true until it commits, and is on the disk when it has committed (synchronous=FULL). A reading
transaction sees one snapshot, waits for nobody and cannot write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, MetaData, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import Session, create_engine

from hub.storage.tables import HubTable

BUSY_TIMEOUT_MS: Final = 30_000
"""How long a writer waits for the lock before it fails; far above any transaction of the hub."""
_READING: Final = "fedcarbon_reading"


def sqlite_engine(path: Path) -> Engine:
    """Return an engine on the SQLite file `path`, which is made if it is missing.

    Call it once per process and file; threads share it.
    """
    engine = create_engine(URL.create("sqlite", database=str(path)))
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def create_tables(engine: Engine, metadata: MetaData = HubTable.metadata) -> None:
    """Make the tables and triggers that are missing; only of modules that have been imported."""
    metadata.create_all(engine)


@contextmanager
def writing(engine: Engine) -> Generator[Session]:
    """Give a session whose transaction commits at the end and rolls back on any error."""
    with Session(engine) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Generator[Session]:
    """Give a session that sees one snapshot and is refused every write."""
    with Session(engine.execution_options(**{_READING: True})) as session:
        yield session


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
    read_only = connection.get_execution_options().get(_READING, False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if read_only else 'OFF'}")
    connection.exec_driver_sql("BEGIN DEFERRED" if read_only else "BEGIN IMMEDIATE")
