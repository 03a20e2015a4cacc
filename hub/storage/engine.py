"""The hub's database, SQLite or PostgreSQL, and what a transaction is on either.

A writing transaction is the only writer from its beginning, so that what it reads stays true until
it commits, and it is on the disk when it has committed. A reading transaction sees one snapshot,
waits for nobody and cannot write. What each database does for that is said in its own module.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Engine, MetaData
from sqlalchemy.engine import URL, make_url
from sqlmodel import Session

from hub.storage import sqlite
from hub.storage.access import Access, for_access
from hub.storage.faults import StoreBusyError, is_conflict, translated
from hub.storage.tables import HubTable

T = TypeVar("T")

ATTEMPTS_MAX: Final = 8
"""How often a use case is begun before the caller is told that the database is busy."""
PAUSE_MIN_S: Final = 0.002
"""Before the second attempt; it doubles before each further one."""


def open_engine(database: str | Path | URL) -> Engine:
    """Return an engine on `database`: the path of a SQLite file, or a URL of either database.

    Call it once per process and database; threads share it. Nothing is asked of the database yet.
    """
    if isinstance(database, Path):
        return sqlite_engine(database)
    url = make_url(database)
    if url.get_backend_name() == sqlite.NAME:
        return sqlite.engine_of(url)
    # Only now: its driver takes a tenth of a second to load, and most hubs have no use for it.
    from hub.storage import postgresql  # noqa: PLC0415

    return postgresql.engine_of(url)


def sqlite_engine(path: Path) -> Engine:
    """Return an engine on the SQLite file `path`, which is made if it is missing."""
    return sqlite.engine_of(URL.create(sqlite.NAME, database=str(path)))


def require_suitable(engine: Engine) -> None:
    """Check that a database was made as the hub needs it; every SQLite file was.

    Raises:
        DatabaseUnsuitableError: version, encoding or the order of text are not.
        StoreUnavailableError: the database is away.
    """
    if engine.dialect.name != sqlite.NAME:
        from hub.storage import postgresql  # noqa: PLC0415 - as above

        with translated():
            postgresql.require_suitable(engine)


def create_tables(engine: Engine, metadata: MetaData = HubTable.metadata) -> None:
    """Make the tables and triggers that are missing; only of modules that have been imported."""
    metadata.create_all(for_access(engine, Access.SCHEMA))


@contextmanager
def writing(engine: Engine, *, is_urgent: bool = False) -> Generator[Session]:
    """Give a session whose transaction commits at the end and rolls back on any error.

    Args:
        engine: of the database.
        is_urgent: whether to go before other writers of this process, see `hub.storage.turns`.

    Raises:
        StoreBusyError: others held the database for too long, or came first.
        StoreUnavailableError: the database is away.
        DiskFullError: a disk is full.
    """
    with _transaction(engine, Access.WRITING, is_urgent=is_urgent) as session:
        yield session


@contextmanager
def claiming(engine: Engine) -> Generator[Session]:
    """Give a session that takes tasks beside the writer, and commits as `writing` does.

    On PostgreSQL it holds no lock but those of the rows that it takes (`FOR UPDATE SKIP LOCKED`),
    and each of its statements sees what was committed before; on SQLite it is a writer.

    Raises:
        StoreBusyError: as `writing`.
        StoreUnavailableError: as `writing`.
        DiskFullError: as `writing`.
    """
    with _transaction(engine, Access.CLAIMING) as session:
        yield session


@contextmanager
def reading(engine: Engine) -> Generator[Session]:
    """Give a session that sees one snapshot and is refused every write.

    Raises:
        StoreBusyError: as `writing`.
        StoreUnavailableError: the database is away.
    """
    with translated(), Session(for_access(engine, Access.READING)) as session:
        yield session


def transact(engine: Engine, use_case: Callable[[Session], T], *, is_urgent: bool = False) -> T:
    """Run `use_case` in a writing transaction; what it did is on the disk when this returns.

    Where the database gives the transaction up in favour of another one, it is run again from its
    beginning, so it must have no effect outside its session that may not happen twice.

    Args:
        engine: of the database.
        use_case: what is done.
        is_urgent: as for `writing`.

    Raises:
        StoreBusyError: that happened `ATTEMPTS_MAX` times, or others held the database for too
            long; nothing took effect.
        StoreUnavailableError: the database is away; whether the transaction took effect is unknown.
        DiskFullError: a disk is full; nothing took effect.
    """
    for attempt in range(1, ATTEMPTS_MAX):
        try:
            with writing(engine, is_urgent=is_urgent) as session:
                return use_case(session)
        except StoreBusyError as busy:
            if not is_conflict(busy.__cause__):
                raise
        time.sleep(PAUSE_MIN_S * 2 ** (attempt - 1))
    with writing(engine, is_urgent=is_urgent) as session:
        return use_case(session)


@contextmanager
def _transaction(engine: Engine, access: Access, *, is_urgent: bool = False) -> Generator[Session]:
    with (
        sqlite.turn_of(engine, is_urgent=is_urgent),
        translated(),
        Session(for_access(engine, access)) as session,
        session.begin(),
    ):
        yield session
