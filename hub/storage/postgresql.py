"""PostgreSQL 15 or later: the same transactions as on SQLite, over the network.

The record is one chain, so there is one writer at a time: a writing transaction locks the empty
table `hub_writer` before it does anything else. LOCK TABLE takes no snapshot, so that what is read
after it is current; a query for an advisory lock would have taken the snapshot before it waits.
Readers take no part in it. Isolation is serialisable: where a worker beside the writer (`CLAIMING`)
gets in its way, the database gives one of the two up, and `transact` runs it again.
"""

from __future__ import annotations

from typing import ClassVar, Final

import psycopg
from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import URL
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import create_engine

from fedcarbon.errors import ConfigurationError
from hub.storage.access import Access, access_of, for_access
from hub.storage.sqlite import BUSY_TIMEOUT_MS

NAME: Final = "postgresql"
DRIVER: Final = "postgresql+psycopg"
VERSION_MIN: Final = 15
STATEMENT_TIMEOUT_MS: Final = 300_000
"""Above any statement of the hub, a bulk load included."""
IDLE_TIMEOUT_MS: Final = 300_000
"""A hub that hangs inside a transaction loses it, and with it the writers' lock."""
CONNECT_TIMEOUT_S: Final = 10
CONNECTIONS_KEPT: Final = 8
CONNECTIONS_BEYOND: Final = 40
"""Readers run in up to as many threads as the machine's executor has."""
_VERSION_FACTOR: Final = 10_000

_SETTINGS: Final = {
    "timezone": "UTC",
    "synchronous_commit": "on",
    "lock_timeout": BUSY_TIMEOUT_MS,
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": IDLE_TIMEOUT_MS,
}
_BEGIN: Final = {
    Access.WRITING: (
        "BEGIN ISOLATION LEVEL SERIALIZABLE",
        "LOCK TABLE hub_writer IN EXCLUSIVE MODE",
    ),
    Access.CLAIMING: ("BEGIN ISOLATION LEVEL READ COMMITTED",),
    Access.READING: ("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",),
    Access.SCHEMA: ("BEGIN ISOLATION LEVEL READ COMMITTED",),
}


class DatabaseUnsuitableError(ConfigurationError):
    """The PostgreSQL database was not made as the hub needs it; the operator must make another."""

    code: ClassVar[str] = "DATABASE_UNSUITABLE"


def engine_of(url: URL) -> Engine:
    """Return an engine on a PostgreSQL database, which exists."""
    options = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    engine = create_engine(
        url,
        pool_pre_ping=True,
        pool_size=CONNECTIONS_KEPT,
        max_overflow=CONNECTIONS_BEYOND,
        connect_args={
            "options": options,
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "fedcarbon-hub",
            # A server that is gone must be noticed by a connection that waits for it.
            "keepalives_idle": 30,
            "keepalives_interval": 10,
            "keepalives_count": 3,
        },
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    return engine


def require_suitable(engine: Engine) -> None:
    """Check version, encoding and the order of text, on which the hub's lists depend.

    Raises:
        DatabaseUnsuitableError: one of them is not as the hub needs it.
    """
    with for_access(engine, Access.READING).connect() as connection:
        version, encoding, by_bytes = connection.exec_driver_sql(
            "SELECT current_setting('server_version_num')::integer, "
            "current_setting('server_encoding'), "
            "'a' > 'B' AND 'a b' < 'aa' AND 'a-b' < 'aa'"
        ).one()
    if version < VERSION_MIN * _VERSION_FACTOR:
        raise DatabaseUnsuitableError(f"the hub needs PostgreSQL {VERSION_MIN} or later")
    if encoding != "UTF8" or not by_bytes:
        raise DatabaseUnsuitableError(
            "the database must hold UTF-8 text and sort it by its bytes: make it with "
            "CREATE DATABASE ... TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'"
        )


def _configure(connection: psycopg.Connection[object], _entry: ConnectionPoolEntry) -> None:
    # The driver would begin transactions by itself, with no word about what they are for.
    connection.autocommit = True


def _begin(connection: Connection) -> None:
    for statement in _BEGIN[access_of(connection)]:
        connection.exec_driver_sql(statement)
