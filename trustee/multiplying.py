"""Products per block: proofs checked and ciphertexts multiplied once per epoch, then kept."""

from __future__ import annotations

from typing import Final

from fedcarbon.ids import EpochIndex
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.products import sealed_products
from fedcarbon.submission.block_proofs import CheckBlocks
from trustee.reading import RecordReader
from trustee.storage.database import Database
from trustee.storage.product_store import ProductStore


class Multiplier:
    """Verifies seals and multiplies, from the last stored epoch on."""

    __slots__ = ("_check", "_database", "_reader", "_store")

    def __init__(
        self,
        reader: RecordReader,
        database: Database,
        check: CheckBlocks,
    ) -> None:
        """Take where to read and where to keep, and how range proofs are checked."""
        self._check: Final = check
        self._reader = reader
        self._database = database
        self._store = ProductStore(database)

    def product_of(self, ref: EpochRef, block: int) -> bytes | None:
        """Return the verified cumulative ciphertext of a block up to an epoch.

        Raises:
            EpochNotSealedError, PlanTooEarlyError, IncompleteSealError, ChunkFileDiffersError,
                RangeProofInvalidError, ProductsDifferError, NotWitnessedError: see
                `sealed_products`.
            StateError: the hub cannot be reached for a file.
        """
        last = self._store.last_epoch(ref.programme_id, ref.epoch)
        products = (
            self._store.products(EpochRef(ref.programme_id, last)) if last < ref.epoch else {}
        )
        for number in range(last + 1, ref.epoch + 1):
            current = EpochRef(ref.programme_id, EpochIndex(number))
            products = sealed_products(
                self._reader.view, current, products, self._reader.file, self._check
            )
            with self._database.transaction():
                self._store.keep(current, products)
        return self._store.product(ref, block)
