"""Noise by period of a shell: encrypted, with its proofs, drawn once and never again.

The plaintext and the randomness of the encryption are never stored: they end with the proofs. What
is kept is what the record names anyway.
"""

from __future__ import annotations

from typing import Final

from fedcarbon.opening.tables import PeriodRef
from trustee.storage.database import Database


class NoiseStore:
    """One file of noise per period, for ever: with a second one the two could be compared."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        """Take the store."""
        self._database: Final = database

    def file(self, ref: PeriodRef) -> bytes | None:
        """Return the noise of a period of a shell of the record."""
        found: bytes | None = self._database.value(
            "SELECT file FROM noise WHERE shell_leaf = ? AND period = ?", *ref
        )
        return found

    def keep(self, ref: PeriodRef, file: bytes) -> None:
        """Store fresh noise; a second one for a period fails."""
        self._database.run("INSERT INTO noise VALUES (?, ?, ?)", *ref, file)
