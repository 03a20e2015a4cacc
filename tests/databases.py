"""The hub's empty tables in a database of either kind."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, text

import hub.serving  # noqa: F401 - declares every table of a hub
from hub.database import DATABASE_FILE
from hub.storage.engine import open_engine
from hub.storage.schema import migrate

NewStore = Callable[[Path], str]
"""Makes a database with the hub's tables, in a folder if it is a file, and returns its URL."""


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{path}"


def make_schema(url: str) -> None:
    """Make the hub's tables in an empty database."""
    engine = open_engine(url)
    migrate(engine)
    engine.dispose()


def new_sqlite(folder: Path) -> str:
    """Make a SQLite file `hub.db` with the hub's empty tables and return its URL."""
    lay_out(folder)
    return sqlite_url(folder / DATABASE_FILE)


def lay_out(folder: Path) -> None:
    """Have the file of a hub in `folder` ready before it is opened for the first time.

    The migrations that make it take a third of a second, and have tests of their own.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / DATABASE_FILE
    if not file.exists():
        file.write_bytes(_empty())


@cache
def _empty() -> bytes:
    with TemporaryDirectory() as folder:
        file = Path(folder) / DATABASE_FILE
        make_schema(sqlite_url(file))
        return file.read_bytes()


def let_change(connection: Connection, table: str) -> None:
    """Let rows of an insert-only table be changed, as whoever owns the database can."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        return
    for action in ("update", "delete"):
        connection.execute(text(f"DROP TRIGGER {table}_no_{action}"))
