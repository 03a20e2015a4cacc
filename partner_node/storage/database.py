"""The DuckDB file: one connection, one lock, transactions that nest.

DuckDB gives a file to one process at a time. Inside the process the servicers and the epoch runner
share one connection under a re-entrant lock: work on the store is short, and everything slow
(network, cryptography) happens outside transactions.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

import duckdb
import pyarrow as pa

from fedcarbon.errors import ConfigurationError
from partner_node.storage.schema import SCHEMA_VERSION, TABLES

Row = tuple[Any, ...]

MEMORY_MIB: Final = 384
"""What DuckDB may hold in memory; sorting and joining more goes to files beside the store."""


class StoreLockedError(ConfigurationError):
    """Another process has the store open; stop it, or talk to it instead."""

    code: ClassVar[str] = "STORE_LOCKED"


class StoreUnusableError(ConfigurationError):
    """The file is no store of this node: another version, another party, or not DuckDB."""

    code: ClassVar[str] = "STORE_UNUSABLE"


class Database:
    """An open store. Close it, or the next process may have to replay the write-ahead log."""

    def __init__(self, path: Path) -> None:
        """Open or create the file at `path`.

        Raises:
            StoreLockedError: a running node has it open.
            StoreUnusableError: the file is something else, or of another schema version.
        """
        self._path: Final = path
        self._lock: Final = threading.RLock()
        self._depth = 0
        try:
            self._connection = duckdb.connect(
                str(path), config={"memory_limit": f"{MEMORY_MIB}MiB"}
            )
        except duckdb.IOException as error:
            if "lock" in str(error):
                raise StoreLockedError(
                    f"{path.name} is open in another process: stop the running node first, or "
                    "send this to its in-house service"
                ) from error
            raise StoreUnusableError(f"{path.name} cannot be opened as a node's store") from error
        except duckdb.Error as error:
            raise StoreUnusableError(f"{path.name} cannot be opened as a node's store") from error
        self._prepare()

    def close(self) -> None:
        """Close the file; everything committed stays."""
        with self._lock:
            self._connection.close()

    def bind(self, identity: Mapping[str, str]) -> None:
        """Remember whose store this is, or check that it is still the same.

        Raises:
            StoreUnusableError: the store belongs to another party, programme or parameter set.
        """
        stored: dict[str, str] = dict(self.rows("SELECT key, value FROM node"))
        for key, value in identity.items():
            if stored.get(key, value) != value:
                raise StoreUnusableError(
                    f"{self._path.name} belongs to {key} {stored[key]}, the configuration "
                    f"says {value}: use the store of this node, or a new file"
                )
        fresh = [(key, value) for key, value in identity.items() if key not in stored]
        if fresh:
            keys, values = zip(*fresh, strict=True)
            self.insert("node", {"key": keys, "value": values})

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside one durable change; inner transactions join the outermost."""
        with self._lock:
            outermost = self._depth == 0
            if outermost:
                self._connection.execute("BEGIN TRANSACTION")
            self._depth += 1
            try:
                yield
            except BaseException:
                if outermost:
                    self._connection.execute("ROLLBACK")
                raise
            else:
                if outermost:
                    self._connection.execute("COMMIT")
            finally:
                self._depth -= 1

    def run(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """Execute one statement."""
        self.rows(sql, parameters)

    def run_named(self, sql: str, parameters: Mapping[str, object]) -> None:
        """Execute one statement whose parameters have names: in a transaction, or temporary."""
        with self._lock:
            self._connection.execute(sql, dict(parameters))

    def rows(
        self,
        sql: str,
        parameters: Sequence[object] = (),
        *,
        given: Mapping[str, Sequence[object]] | None = None,
    ) -> list[Row]:
        """Return all rows of a query.

        Args:
            sql: the query; it may join the table `given`.
            parameters: values for its question marks.
            given: columns of a temporary table of that name, for lookups of thousands of keys.
        """
        # Results are always fetched whole: DuckDB refuses other work on the connection before.
        with self._with_given(given):
            return self._connection.execute(sql, list(parameters)).fetchall()

    def table(self, sql: str, parameters: Sequence[object] = ()) -> pa.Table:
        """Return all rows of a query as columns."""
        with self._lock:
            return self._connection.sql(sql, params=list(parameters)).to_arrow_table()

    @contextmanager
    def temporary(self, name: str, sql: str, parameters: Sequence[object] = ()) -> Iterator[None]:
        """Have the rows of a query as the table `name` for a while; nothing of it is durable."""
        with self._lock:
            self._connection.execute(
                f"CREATE OR REPLACE TEMPORARY TABLE {name} AS {sql}", list(parameters)
            )
        try:
            yield
        finally:
            with self._lock:
                self._connection.execute(f"DROP TABLE {name}")

    @contextmanager
    def _with_given(self, given: Mapping[str, Sequence[object]] | None) -> Iterator[None]:
        with self._lock:
            if given is None:
                yield
                return
            self._connection.register("given", pa.table(dict(given)))
            try:
                yield
            finally:
                self._connection.unregister("given")

    def row(self, sql: str, parameters: Sequence[object] = ()) -> Row | None:
        """Return the first row of a query, or None."""
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def number(self, sql: str, parameters: Sequence[object] = ()) -> int:
        """Return the integer that a query answers with, NULL counting as 0."""
        row = self.row(sql, parameters)
        assert row is not None  # noqa: S101 - an aggregate always has one row
        return int(row[0] or 0)

    def insert(self, table: str, columns: Mapping[str, Sequence[object]]) -> None:
        """Append rows, given as columns, through Arrow: tens of thousands cost milliseconds."""
        count = len(next(iter(columns.values())))
        if not count:
            return
        names = ", ".join(columns)
        with self._lock:
            self._connection.register("appended", pa.table(dict(columns)))
            try:
                # The names are constants of this package, never input.
                self.run(f"INSERT INTO {table} ({names}) SELECT {names} FROM appended")  # noqa: S608
            finally:
                self._connection.unregister("appended")

    def _prepare(self) -> None:
        with self.transaction():
            tables = {row[0] for row in self.rows("SELECT table_name FROM duckdb_tables()")}
            if not tables:
                for statement in TABLES:
                    self.run(statement)
                self.run("INSERT INTO node VALUES ('schema', ?)", [str(SCHEMA_VERSION)])
            elif "node" not in tables:
                raise StoreUnusableError(f"{self._path.name} is not a node's store")
        row = self.row("SELECT value FROM node WHERE key = 'schema'")
        if row is None or row[0] != str(SCHEMA_VERSION):
            self.close()
            raise StoreUnusableError(f"{self._path.name} has another schema version: migrate it")
