"""Where a hub's database is, and opening it: the one place for the hub and its commands."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from fedcarbon.errors import FedcarbonError
from hub.config import HubConfig
from hub.storage.engine import open_engine, require_suitable
from hub.storage.schema import migrate, prepare, require_newest

DATABASE_FILE: Final = "hub.db"


def place_of(folder: Path, database: str | None) -> str | Path:
    """Return what `open_engine` takes: the configured URL, or the file in the data folder."""
    return folder / DATABASE_FILE if database is None else database


def opened(place: str | Path) -> Engine:
    """Open a hub's database for serving; an empty one gets its tables.

    Raises:
        SchemaOutdatedError: it is older than this program.
        SchemaTooNewError: it is newer.
        DatabaseUnsuitableError: it was not made as the hub needs it.
        StoreUnavailableError: it is away.
    """
    engine = open_engine(place)
    try:
        require_suitable(engine)
        prepare(engine)
    except FedcarbonError:
        engine.dispose()
        raise
    return engine


def database_of(config: HubConfig) -> Engine:
    """Open the database of a hub for a command beside it; the hub has made its tables.

    Raises:
        SchemaOutdatedError: it is older than this program, or no hub has used it yet.
        SchemaTooNewError: it is newer.
        StoreUnavailableError: it is away.
    """
    config.data.mkdir(parents=True, exist_ok=True)
    engine = open_engine(place_of(config.data, config.database_url))
    try:
        require_newest(engine)
    except FedcarbonError:
        engine.dispose()
        raise
    return engine


def migrate_database(config: HubConfig) -> str | None:
    """Bring the database of a hub to this program's schema; return the revision that it had.

    Raises:
        SchemaTooNewError: it is newer.
        DatabaseUnsuitableError: it was not made as the hub needs it.
        StoreUnavailableError: it is away.
    """
    config.data.mkdir(parents=True, exist_ok=True)
    engine = open_engine(place_of(config.data, config.database_url))
    try:
        require_suitable(engine)
        return migrate(engine)
    finally:
        engine.dispose()
