"""The hub's empty tables in a database of either kind."""

from __future__ import annotations

from pathlib import Path

import hub.serving  # noqa: F401 - declares every table of a hub
from hub.storage.engine import create_tables, open_engine


def sqlite_url(path: Path) -> str:
    """Return the URL of a SQLite file."""
    return f"sqlite:///{path}"


def make_schema(url: str) -> None:
    """Make the hub's tables in an empty database."""
    engine = open_engine(url)
    create_tables(engine)
    engine.dispose()
