"""The trustee's SQLite file: schema and transactions.

What a trustee has promised must outlive a power cut: the write-ahead log is synced at every commit,
and every answer leaves only after the transaction that remembers it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final

from fedcarbon.errors import ConfigurationError

SCHEMA_VERSION: Final = 5

_SCHEMA: Final = """
CREATE TABLE leaves (
    leaf_index INTEGER PRIMARY KEY,
    leaf BLOB NOT NULL,
    salt BLOB,
    body BLOB
) STRICT;
CREATE TABLE heads (
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    timestamp_s INTEGER NOT NULL,
    wait_from_s INTEGER NOT NULL,
    partner_witnessed INTEGER NOT NULL,
    PRIMARY KEY (size, timestamp_s, wait_from_s, partner_witnessed)
) STRICT;
CREATE TABLE signed_heads (
    size INTEGER PRIMARY KEY,
    root BLOB NOT NULL
) STRICT;
CREATE TABLE answers (
    answer_number INTEGER PRIMARY KEY,
    order_id BLOB NOT NULL UNIQUE,
    content_sha256 BLOB NOT NULL,
    answer BLOB NOT NULL
) STRICT;
CREATE INDEX answers_by_content ON answers (content_sha256);
CREATE TABLE evaluations (
    asker_id TEXT NOT NULL,
    request_id BLOB NOT NULL,
    key_label TEXT NOT NULL,
    elements INTEGER NOT NULL CHECK (elements > 0),
    request_sha256 BLOB NOT NULL,
    PRIMARY KEY (asker_id, request_id)
) STRICT;
CREATE TABLE beacons (
    label TEXT NOT NULL,
    scope TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    leaf_index INTEGER NOT NULL,
    element BLOB NOT NULL,
    proof BLOB NOT NULL,
    PRIMARY KEY (label, scope, epoch)
) STRICT;
CREATE TABLE masks (
    opening_id BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    draft BLOB NOT NULL,
    mask_hash BLOB NOT NULL,
    mask BLOB,
    signed_start BLOB,
    PRIMARY KEY (opening_id, attempt)
) STRICT;
CREATE TABLE own_starts (
    programme_id TEXT NOT NULL,
    account_token BLOB NOT NULL,
    epoch INTEGER NOT NULL,
    opening_id BLOB NOT NULL,
    attempt INTEGER NOT NULL,
    PRIMARY KEY (programme_id, account_token, epoch, opening_id, attempt)
) STRICT;
CREATE TABLE noise (
    shell_leaf INTEGER NOT NULL,
    period INTEGER NOT NULL,
    file BLOB NOT NULL,
    PRIMARY KEY (shell_leaf, period)
) STRICT;
CREATE TABLE products (
    programme_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    block INTEGER NOT NULL,
    ciphertext BLOB NOT NULL,
    PRIMARY KEY (programme_id, epoch, block)
) STRICT, WITHOUT ROWID;
CREATE TABLE multiplied_epochs (
    programme_id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    PRIMARY KEY (programme_id, epoch)
) STRICT;
CREATE TABLE checked_blocks (
    name BLOB PRIMARY KEY,
    programme_id TEXT NOT NULL,
    epoch INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE refusals (
    refusal_number INTEGER PRIMARY KEY,
    order_sha256 BLOB NOT NULL,
    kind TEXT NOT NULL,
    code TEXT NOT NULL,
    detail TEXT NOT NULL,
    at_s INTEGER NOT NULL
) STRICT;
"""


class TrusteeStoreError(ConfigurationError):
    """The store's file is of another version; its operator must migrate or replace it."""

    code: ClassVar[str] = "TRUSTEE_STORE"


class Database:
    """One connection to the store; used by one thread at a time."""

    __slots__ = ("_connection",)

    def __init__(self, path: Path | str) -> None:
        """Open or create the store.

        Args:
            path: the file; `:memory:` keeps nothing.

        Raises:
            TrusteeStoreError: the file has another schema version.
        """
        self._connection: Final = sqlite3.connect(
            path, isolation_level=None, check_same_thread=False
        )
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        # An erased mask must not survive in a free page.
        self._connection.execute("PRAGMA secure_delete = ON")
        version = self.value("PRAGMA user_version")
        if version == 0:
            self._connection.executescript(
                f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version = {SCHEMA_VERSION};COMMIT;"
            )
        elif version != SCHEMA_VERSION:
            self.close()
            raise TrusteeStoreError(f"the store has version {version}, not {SCHEMA_VERSION}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make what happens inside one durable step, or none; nests into an open transaction."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def run(self, statement: str, *values: object) -> None:
        """Execute a statement that writes."""
        self._connection.execute(statement, values)

    def run_many(self, statement: str, rows: Iterator[tuple[object, ...]]) -> None:
        """Execute a statement once per row."""
        self._connection.executemany(statement, rows)

    def one(self, query: str, *values: object) -> tuple[Any, ...] | None:
        """Return the first row of a query, or None."""
        row: tuple[Any, ...] | None = self._connection.execute(query, values).fetchone()
        return row

    def value(self, query: str, *values: object) -> Any:  # noqa: ANN401 - what the column holds
        """Return the first column of the first row of a query, or None."""
        row = self.one(query, *values)
        return None if row is None else row[0]

    def each(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        """Return the rows of a query."""
        return iter(self._connection.execute(query, values))

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
