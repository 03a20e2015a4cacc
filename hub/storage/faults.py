"""What can go wrong with a database that no rule has forbidden, in the project's own words.

A database refuses a row because a constraint says so: that stays what it is. Everything here is
about the store itself: it is busy, full, or away.
"""

from __future__ import annotations

import errno
from collections.abc import Generator
from contextlib import contextmanager
from sqlite3 import SQLITE_BUSY, SQLITE_CANTOPEN, SQLITE_FULL, SQLITE_IOERR, SQLITE_LOCKED
from typing import ClassVar, Final

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from fedcarbon.errors import ConfigurationError, FedcarbonError, StateError

# https://www.postgresql.org/docs/current/errcodes-appendix.html
CONFLICTS: Final = frozenset({"40001", "40P01"})
"""Another transaction came first: nothing took effect, and the same again may succeed."""
_BUSY: Final = CONFLICTS | {"53300", "55P03", "57014"}
"""Too many connections, lock timeout, statement timeout."""
_FULL: Final = frozenset({"53100"})
_AWAY: Final = frozenset({"25P03", "25P04", "57P01", "57P02", "57P03", "57P05"})
"""Shut down, crashed, starting, or it has closed a connection that was idle for too long."""
_CONNECTION: Final = "08"
_NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
_PRIMARY_CODE: Final = 0xFF
"""SQLite's extended codes hold the plain one in their low byte."""


class StoreBusyError(StateError):
    """Others held the database for too long; nothing took effect, and asking again is safe."""

    code: ClassVar[str] = "STORE_BUSY"


class StoreUnavailableError(StateError):
    """The database is away; whether the last transaction took effect is unknown."""

    code: ClassVar[str] = "STORE_UNAVAILABLE"


class DiskFullError(ConfigurationError):
    """There is no room for what is to be written: the operator must make some."""

    code: ClassVar[str] = "DISK_FULL"


@contextmanager
def translated() -> Generator[None]:
    """Turn faults of the store that are raised inside into errors of this module.

    Raises:
        StoreBusyError: others held the database for too long.
        StoreUnavailableError: the database is away.
        DiskFullError: a disk is full.
    """
    try:
        yield
    except (DBAPIError, PoolTimeoutError, OSError) as error:
        fault = _deepest_fault(error)
        if fault is None:
            raise
        raise fault from error


def fault_of(error: Exception) -> FedcarbonError | None:
    """Return what an error says about the store, or None if it says nothing about it."""
    if isinstance(error, PoolTimeoutError):
        return _busy()
    if isinstance(error, OSError):
        return _full() if error.errno in _NO_SPACE else None
    if not isinstance(error, DBAPIError):
        return None
    sqlite_code = getattr(error.orig, "sqlite_errorcode", None)
    if sqlite_code is not None:
        return _sqlite_fault(sqlite_code & _PRIMARY_CODE)
    return _postgresql_fault(error)


def _deepest_fault(error: BaseException) -> FedcarbonError | None:
    """Return what an error, or what it was raised on top of, says about the store.

    When its disk is full SQLite rolls the whole transaction back by itself; rolling back to a
    savepoint then fails too, and that is what is seen first.
    """
    seen: BaseException | None = error
    while isinstance(seen, Exception):
        fault = fault_of(seen)
        if fault is not None:
            return fault
        seen = seen.__context__
    return None


def is_conflict(error: BaseException | None) -> bool:
    """Say whether the database gave a transaction up in favour of another one."""
    return isinstance(error, DBAPIError) and _sqlstate(error) in CONFLICTS


def _sqlite_fault(code: int) -> FedcarbonError | None:
    if code in {SQLITE_BUSY, SQLITE_LOCKED}:
        return _busy()
    if code == SQLITE_FULL:
        return _full()
    return _away() if code in {SQLITE_IOERR, SQLITE_CANTOPEN} else None


def _postgresql_fault(error: DBAPIError) -> FedcarbonError | None:
    state = _sqlstate(error)
    if state in _BUSY:
        return _busy()
    if state in _FULL:
        return _full()
    lost = state is None and isinstance(error, OperationalError)
    if lost or error.connection_invalidated or state in _AWAY:
        return _away()
    return _away() if state is not None and state.startswith(_CONNECTION) else None


def _sqlstate(error: DBAPIError) -> str | None:
    state: str | None = getattr(error.orig, "sqlstate", None)
    return state


def _busy() -> StoreBusyError:
    return StoreBusyError("the database is busy and nothing was written; ask again")


def _full() -> DiskFullError:
    return DiskFullError(
        "the disk of the database or of the record is full and nothing was written; the operator "
        "must make room"
    )


def _away() -> StoreUnavailableError:
    return StoreUnavailableError(
        "the database is away, and whether the last transaction took effect is unknown; ask again "
        "with the same id, which changes nothing twice"
    )
