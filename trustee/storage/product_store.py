"""Cumulative ciphertexts per block, as this trustee multiplied and checked them."""

from __future__ import annotations

from typing import Final

from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.products import Products
from trustee.storage.database import Database


class ProductStore:
    """Products of whole epochs."""

    __slots__ = ("_database",)

    def __init__(self, database: Database) -> None:
        """Take the store."""
        self._database: Final = database

    def last_epoch(self, programme_id: ProgrammeId) -> EpochIndex:
        """Return the last multiplied epoch of a programme; 0 for none."""
        last = self._database.value(
            "SELECT max(epoch) FROM multiplied_epochs WHERE programme_id = ?", programme_id
        )
        return EpochIndex(last or 0)

    def product(self, ref: EpochRef, block: int) -> bytes | None:
        """Return a block's cumulative ciphertext up to a multiplied epoch."""
        found: bytes | None = self._database.value(
            "SELECT ciphertext FROM products WHERE programme_id = ? AND epoch = ? AND block = ?",
            *ref,
            block,
        )
        return found

    def products(self, ref: EpochRef) -> dict[int, bytes]:
        """Return all cumulative ciphertexts up to a multiplied epoch."""
        return dict(
            self._database.each(
                "SELECT block, ciphertext FROM products WHERE programme_id = ? AND epoch = ?", *ref
            )
        )

    def is_checked(self, name: bytes) -> bool:
        """Tell whether the range proofs of some blocks, by their hash, were accepted before."""
        found = self._database.value("SELECT 1 FROM checked_blocks WHERE name = ?", name)
        return found is not None

    def keep_checked(self, ref: EpochRef, name: bytes) -> None:
        """Remember accepted blocks of an epoch until it is multiplied."""
        self._database.run("INSERT INTO checked_blocks VALUES (?, ?, ?)", name, *ref)

    def keep(self, ref: EpochRef, products: Products) -> None:
        """Store the products of an epoch; which of its blocks were checked is known by that."""
        self._database.run_many(
            "INSERT INTO products VALUES (?, ?, ?, ?)",
            ((*ref, block, ciphertext) for block, ciphertext in products.items()),
        )
        self._database.run("INSERT INTO multiplied_epochs VALUES (?, ?)", *ref)
        self._database.run("DELETE FROM checked_blocks WHERE programme_id = ? AND epoch = ?", *ref)
