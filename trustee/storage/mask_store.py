"""Masks by attempt, and the starts that this trustee has signed.

A mask's plaintext and randomness are never stored: they end with the encryption. What is shown of
it, ciphertext and proof, is kept until a share exists, so that it can be shown again; then it is
erased and the attempt is spent.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from fedcarbon.ids import EpochIndex
from fedcarbon.opening.accounts import AccountRef
from trustee.storage.database import Database


class AttemptId(NamedTuple):
    """One attempt at one opening."""

    opening_id: bytes
    attempt: int


class StoredMask(NamedTuple):
    """What is known of the mask of an attempt."""

    draft: bytes
    """The draft of the start that it was drawn for."""
    mask_hash: bytes
    mask: bytes | None
    """Ciphertext and proof; None once a share exists."""
    signed_start: bytes | None
    """The exact start that was signed."""


class MaskStore:
    """One mask per attempt, for ever."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        """Take the store."""
        self._database: Final = database

    def mask(self, attempt: AttemptId) -> StoredMask | None:
        """Return the mask of an attempt."""
        row = self._database.one(
            "SELECT draft, mask_hash, mask, signed_start FROM masks "
            "WHERE opening_id = ? AND attempt = ?",
            *attempt,
        )
        return None if row is None else StoredMask._make(row)

    def keep_mask(self, attempt: AttemptId, *, draft: bytes, mask_hash: bytes, mask: bytes) -> None:
        """Store a fresh mask; a second one for an attempt fails."""
        self._database.run(
            "INSERT INTO masks VALUES (?, ?, ?, ?, ?, NULL)", *attempt, draft, mask_hash, mask
        )

    def keep_signed(
        self, attempt: AttemptId, start: bytes, accounts: Iterable[AccountRef], epoch: EpochIndex
    ) -> None:
        """Remember a start, and for which accounts and epoch it is, before signing it."""
        self._database.run(
            "UPDATE masks SET signed_start = ? WHERE opening_id = ? AND attempt = ?",
            start,
            *attempt,
        )
        for account in accounts:
            self._database.run(
                "INSERT OR IGNORE INTO own_starts VALUES (?, ?, ?, ?, ?)",
                *account,
                epoch,
                *attempt,
            )

    def own_started(self, account: AccountRef) -> frozenset[EpochIndex]:
        """Return the epochs of all starts of an account that this trustee has signed."""
        rows = self._database.each(
            "SELECT DISTINCT epoch FROM own_starts WHERE programme_id = ? AND account_token = ?",
            *account,
        )
        return frozenset(EpochIndex(epoch) for (epoch,) in rows)

    def erase(self, attempt: AttemptId) -> None:
        """Erase a mask: the attempt is spent."""
        self._database.run(
            "UPDATE masks SET mask = NULL WHERE opening_id = ? AND attempt = ?", *attempt
        )
