"""What a command needs that works beside a running hub: its configuration, database and clock.

Commands call the same use cases as the services, in transactions of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Engine
from sqlmodel import Session

from fedcarbon.clock import Clock
from fedcarbon.units import Seconds
from fedcarbon.wire.clocks import clock_named
from hub.config import HubConfig, load_config
from hub.database import database_of
from hub.storage.engine import reading, transact

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """A hub as a command sees it, whether it serves or not."""

    config: HubConfig
    engine: Engine
    clock: Clock

    def now_s(self) -> Seconds:
        """Return protocol time."""
        return self.clock.now_s()

    def read(self, use_case: Callable[[Session], T]) -> T:
        """Run `use_case` on a snapshot of the database; it cannot write."""
        with reading(self.engine) as session:
            return use_case(session)

    def write(self, use_case: Callable[[Session], T]) -> T:
        """Run `use_case` in a transaction; what it did is durable when this returns."""
        return transact(self.engine, use_case)


@contextmanager
def beside(path: Path) -> Generator[Beside]:
    """Give the hub that the configuration file `path` describes.

    Raises:
        HubConfigError: the file is missing, or a value is missing or wrong.
        SchemaOutdatedError: the database is older than this program, or no hub has used it yet.
        SchemaTooNewError: it is newer.
        StoreUnavailableError: it is away.
    """
    config = load_config(path)
    engine = database_of(config)
    try:
        yield Beside(config=config, engine=engine, clock=clock_named(config.clock))
    finally:
        engine.dispose()
