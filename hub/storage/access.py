"""What a transaction is for; each database makes of it what it has."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from sqlalchemy import Connection, Engine

_OPTION: Final = "fedcarbon_access"


class Access(StrEnum):
    """What a transaction is for."""

    WRITING = "writing"
    """It is the only writer, and what it has read stays true until it commits. The default."""
    CLAIMING = "claiming"
    """It takes tasks beside the writer; rows that it changes must be locked one by one."""
    READING = "reading"
    """It sees one snapshot, waits for nobody and cannot write."""
    SCHEMA = "schema"
    """It makes or changes tables."""


def for_access(engine: Engine, access: Access) -> Engine:
    """Return `engine` with transactions for `access`."""
    if access is Access.WRITING:
        return engine
    return engine.execution_options(**{_OPTION: access})


def access_of(connection: Connection) -> Access:
    """Return what the transactions of a connection are for."""
    access: Access = connection.get_execution_options().get(_OPTION, Access.WRITING)
    return access
