"""The wallet operator's own small store: what it must remember to repeat nothing and lose nothing.

One SQLite file. Every client-made id is written down before it is first sent, so that a command
that was interrupted goes on with the same ids.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fedcarbon.identity.person_id import CHINA
from fedcarbon.ids import EpochIndex
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES

PRIVATE: Final = 0o600

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS customers (
  id_type TEXT NOT NULL, issuing_country TEXT NOT NULL, id_number TEXT NOT NULL,
  wallet_id TEXT NOT NULL, wallet_class INTEGER NOT NULL, account_token BLOB,
  binding_id BLOB NOT NULL UNIQUE,
  PRIMARY KEY (id_type, issuing_country, id_number, wallet_id)
) STRICT;
CREATE TABLE IF NOT EXISTS requests (
  account_token BLOB NOT NULL, epoch INTEGER NOT NULL, request_id BLOB NOT NULL UNIQUE,
  signed BLOB, PRIMARY KEY (account_token, epoch)
) STRICT;
CREATE TABLE IF NOT EXISTS redemptions (
  redemption_id BLOB PRIMARY KEY, account_token BLOB NOT NULL, wallet_id TEXT NOT NULL,
  run_label TEXT NOT NULL, signed BLOB, UNIQUE (account_token, wallet_id, run_label)
) STRICT;
CREATE TABLE IF NOT EXISTS uses (
  use_id BLOB PRIMARY KEY, account_token BLOB NOT NULL, wallet_id TEXT NOT NULL,
  run_label TEXT NOT NULL, signed BLOB, UNIQUE (account_token, wallet_id, run_label)
) STRICT;
"""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Customer:
    """One wallet of one customer; never logged."""

    id_type: str
    issuing_country: str
    id_number: str
    wallet_id: str
    wallet_class: int
    account_token: bytes | None
    binding_id: bytes


class WalletStore:
    """The store; every method commits before it returns."""

    def __init__(self, path: Path, random_bytes: Callable[[int], bytes]) -> None:
        """Open or create the file; it names people, so only its owner may read it."""
        path.touch(mode=PRIVATE, exist_ok=True)
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.executescript(_SCHEMA)
        self._random_bytes = random_bytes

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def add_customer(
        self,
        *,
        id_type: str,
        id_number: str,
        wallet_id: str,
        wallet_class: int,
        issuing_country: str = CHINA,
    ) -> None:
        """Remember a customer's wallet and draw its binding id, once."""
        binding_id = self._random_bytes(MESSAGE_ID_BYTES)
        self._database.execute(
            "INSERT OR IGNORE INTO customers VALUES (?, ?, ?, ?, ?, NULL, ?)",
            (id_type, issuing_country, id_number, wallet_id, wallet_class, binding_id),
        )

    def customers(self) -> list[Customer]:
        """Return all customers in the order of their numbers."""
        rows = self._database.execute(
            "SELECT id_type, issuing_country, id_number, wallet_id, wallet_class, account_token,"
            " binding_id FROM customers ORDER BY id_number, wallet_id, id_type, issuing_country"
        )
        return [
            Customer(
                id_type=row[0],
                issuing_country=row[1],
                id_number=row[2],
                wallet_id=row[3],
                wallet_class=row[4],
                account_token=row[5],
                binding_id=row[6],
            )
            for row in rows
        ]

    def set_tokens(self, tokens: Sequence[tuple[bytes, bytes]]) -> None:
        """Remember account tokens, given as (binding id, token).

        Not by id number: a passport of another country may have the same.
        """
        with self._database:
            self._database.executemany(
                "UPDATE customers SET account_token = ? WHERE binding_id = ?",
                [(token, binding_id) for binding_id, token in tokens],
            )

    def request(self, account_token: bytes, epoch: EpochIndex) -> tuple[bytes, bytes | None]:
        """Return the id of the request for (account, epoch), and its signed bytes if any."""
        self._database.execute(
            "INSERT OR IGNORE INTO requests VALUES (?, ?, ?, NULL)",
            (account_token, epoch, self._random_bytes(MESSAGE_ID_BYTES)),
        )
        row = self._database.execute(
            "SELECT request_id, signed FROM requests WHERE account_token = ? AND epoch = ?",
            (account_token, epoch),
        ).fetchone()
        return row[0], row[1]

    def drop_request(self, request_id: bytes) -> None:
        """Forget a request that can no longer be answered; the next one gets another id."""
        self._database.execute("DELETE FROM requests WHERE request_id = ?", (request_id,))

    def set_request(self, request_id: bytes, signed: bytes) -> None:
        """Remember the signed bytes of a request before they are sent."""
        self._database.execute(
            "UPDATE requests SET signed = ? WHERE request_id = ?", (signed, request_id)
        )

    def redemption(
        self, account_token: bytes, wallet_id: str, run_label: str
    ) -> tuple[bytes, bytes | None]:
        """Return the id of the redemption in the run named, and its signed bytes if any."""
        self._database.execute(
            "INSERT OR IGNORE INTO redemptions VALUES (?, ?, ?, ?, NULL)",
            (self._random_bytes(MESSAGE_ID_BYTES), account_token, wallet_id, run_label),
        )
        row = self._database.execute(
            "SELECT redemption_id, signed FROM redemptions"
            " WHERE account_token = ? AND wallet_id = ? AND run_label = ?",
            (account_token, wallet_id, run_label),
        ).fetchone()
        return row[0], row[1]

    def is_new_redemption(self, account_token: bytes, wallet_id: str, run_label: str) -> bool:
        """Tell whether nothing has been signed yet under this label."""
        row = self._database.execute(
            "SELECT signed FROM redemptions"
            " WHERE account_token = ? AND wallet_id = ? AND run_label = ?",
            (account_token, wallet_id, run_label),
        ).fetchone()
        return row is None or row[0] is None

    def set_redemption(self, redemption_id: bytes, signed: bytes) -> None:
        """Remember the signed bytes of an order before they are sent."""
        self._database.execute(
            "UPDATE redemptions SET signed = ? WHERE redemption_id = ?", (signed, redemption_id)
        )

    def use(
        self, account_token: bytes, wallet_id: str, run_label: str
    ) -> tuple[bytes, bytes | None]:
        """Return the id of the use in the run named, and its signed bytes if any."""
        self._database.execute(
            "INSERT OR IGNORE INTO uses VALUES (?, ?, ?, ?, NULL)",
            (self._random_bytes(MESSAGE_ID_BYTES), account_token, wallet_id, run_label),
        )
        row = self._database.execute(
            "SELECT use_id, signed FROM uses"
            " WHERE account_token = ? AND wallet_id = ? AND run_label = ?",
            (account_token, wallet_id, run_label),
        ).fetchone()
        return row[0], row[1]

    def signed_use(self, customer: Customer, run_label: str) -> bytes | None:
        """Return the signed bytes of a use that was ordered, if one was."""
        row = self._database.execute(
            "SELECT signed FROM uses WHERE account_token = ? AND wallet_id = ? AND run_label = ?",
            (customer.account_token, customer.wallet_id, run_label),
        ).fetchone()
        return None if row is None else row[0]

    def set_use(self, use_id: bytes, signed: bytes) -> None:
        """Remember the signed bytes of an order before they are sent."""
        self._database.execute("UPDATE uses SET signed = ? WHERE use_id = ?", (signed, use_id))
