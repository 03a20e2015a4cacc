"""Which schema a database has, and how it gets the one that this program needs.

A schema is made by migrations alone (`hub.storage.migrations`), one transaction for all of them, so
that a crash leaves the old one or the new one. Databases from before there were migrations have no
version; what is in them is revision 0001.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Final

from sqlalchemy import Connection, Engine, inspect, text

from fedcarbon.errors import ConfigurationError
from hub.storage.access import Access, for_access
from hub.storage.faults import translated
from hub.storage.tables import HubTable

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006", "0007")
"""Oldest first; the last one is what this program needs."""
NEWEST: Final = REVISIONS[-1]
BEFORE_MIGRATIONS: Final = REVISIONS[0]
MIGRATIONS: Final = Path(__file__).parent / "migrations"
_VERSION_TABLE: Final = "alembic_version"
_OLD_TABLE: Final = "leaves"
"""Every hub has had it since its first start."""
_LOCK: Final = 0x_FEDC_A7B0
"""Of two that migrate one PostgreSQL database, one waits."""


class SchemaOutdatedError(ConfigurationError):
    """The database is older than this program; the operator must migrate it."""

    code: ClassVar[str] = "SCHEMA_OUTDATED"


class SchemaTooNewError(ConfigurationError):
    """The database is newer than this program; the operator must run a newer program."""

    code: ClassVar[str] = "SCHEMA_TOO_NEW"


def revision_of(engine: Engine) -> str | None:
    """Return the revision of a database's schema, or None if it is empty.

    Raises:
        StoreUnavailableError: the database is away.
    """
    with translated(), for_access(engine, Access.READING).connect() as connection:
        return _revision(connection)


def require_newest(engine: Engine) -> None:
    """Check that a database has the schema that this program needs.

    Raises:
        SchemaOutdatedError: it is older, or empty.
        SchemaTooNewError: it is newer.
        StoreUnavailableError: the database is away.
    """
    revision = revision_of(engine)
    _require_known(revision)
    if revision != NEWEST:
        found = "is empty" if revision is None else f"has schema {revision}"
        raise SchemaOutdatedError(
            f"the database {found} and this hub needs {NEWEST}: make a copy of it, then run "
            "`fedcarbon-hub migrate --config ...`"
        )


def prepare(engine: Engine) -> None:
    """Make the tables of an empty database; check those of another one.

    Raises:
        SchemaOutdatedError: it is older than this program.
        SchemaTooNewError: it is newer.
        StoreUnavailableError: the database is away.
    """
    if revision_of(engine) is None:
        migrate(engine)
    else:
        require_newest(engine)


def migrate(engine: Engine, revision: str = NEWEST) -> str | None:
    """Bring a database to `revision`; return the one that it had, None if it was empty.

    Raises:
        SchemaTooNewError: it is newer than this program.
        StoreBusyError: a hub that runs has it for too long.
        StoreUnavailableError: the database is away.
        DiskFullError: a disk is full; the database is as it was.
    """
    with translated(), _exclusively(engine) as connection:
        found = _revision(connection)
        _require_known(found)
        _upgrade(connection, revision)
        return found


@contextmanager
def _exclusively(engine: Engine) -> Generator[Connection]:
    """Give a connection whose transaction nobody writes beside, with references checked at last."""
    with for_access(engine, Access.SCHEMA).connect() as connection:
        if engine.dialect.name == "postgresql":
            with connection.begin():
                connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
                if inspect(connection).has_table("hub_writer"):
                    connection.execute(text("LOCK TABLE hub_writer IN EXCLUSIVE MODE"))
                yield connection
            return
        # Tables that others refer to are dropped and made again.
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101 - it has just been opened
        driver.execute("PRAGMA foreign_keys = OFF")
        try:
            with connection.begin():
                yield connection
                dangling = connection.execute(text("PRAGMA foreign_key_check")).all()
                assert not dangling, dangling  # noqa: S101 - a migration of ours is wrong
        finally:
            driver.execute("PRAGMA foreign_keys = ON")


def _upgrade(connection: Connection, revision: str) -> None:
    # Only now: most starts find nothing to do, and need none of it.
    from alembic.config import Config  # noqa: PLC0415
    from alembic.migration import MigrationContext  # noqa: PLC0415
    from alembic.runtime.environment import EnvironmentContext  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory(MIGRATIONS)
    if _revision(connection) == BEFORE_MIGRATIONS:
        MigrationContext.configure(connection).stamp(scripts, BEFORE_MIGRATIONS)
    environment = EnvironmentContext(
        Config(),
        scripts,
        fn=lambda found, _context: scripts._upgrade_revs(revision, found),  # noqa: SLF001 - as Alembic's documentation does
    )
    with environment:
        environment.configure(connection=connection, target_metadata=HubTable.metadata)
        environment.run_migrations()


def _revision(connection: Connection) -> str | None:
    inspector = inspect(connection)
    if inspector.has_table(_VERSION_TABLE):
        version = connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}"))  # noqa: S608
        return version.scalar_one_or_none()
    return BEFORE_MIGRATIONS if inspector.has_table(_OLD_TABLE) else None


def _require_known(revision: str | None) -> None:
    if revision is not None and revision not in REVISIONS:
        raise SchemaTooNewError(
            f"the database has schema {revision}, which this program does not know: run the newer "
            "program that made it"
        )
