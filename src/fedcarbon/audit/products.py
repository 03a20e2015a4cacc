"""V15: the cumulative product of every block, multiplied again from the chunk files.

A seal's root stands for the products of all blocks up to its epoch. Jobs multiply ranges of blocks
and read the files they need one after the other, so that memory holds one file per process and the
products of one epoch. Of older epochs only the products of blocks that are opened are kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from gmpy2 import mpz

from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.source import RecordSource
from fedcarbon.audit.submissions import SealedFiles
from fedcarbon.epoch.statements import Seal
from fedcarbon.ids import ProgrammeId
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.products import products_root_of
from fedcarbon.paillier.cipher import ciphertext_to_bytes
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.submission.chunk_file import ChunkFile, EntryShape

BLOCKS_PER_JOB: Final = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductJob:
    """A range of blocks to be multiplied."""

    source: RecordSource
    public_key: PublicKey
    shape: EntryShape
    blocks: tuple[int, ...]
    """Ascending."""
    previous: tuple[bytes | None, ...]
    """The cumulative ciphertext of each block before this epoch, if it had one."""
    names: tuple[str, ...]
    """Chunk files of the epoch, each of which has been judged."""


@dataclass(slots=True)
class Cumulative:
    """The recomputed products of a programme, up to its last sealed epoch."""

    epoch: int = 0
    products: dict[int, bytes] | None = field(default_factory=dict)
    """Block to ciphertext; None if something that they need does not hold."""


def multiply(job: ProductJob) -> list[bytes]:
    """Return the cumulative ciphertext of every block of a job."""
    key, modulus = job.public_key, mpz(job.public_key.n_squared)
    position = {block: at for at, block in enumerate(job.blocks)}
    products = [
        mpz(1) if data is None else mpz(int.from_bytes(data, "big")) for data in job.previous
    ]
    for name in job.names:
        data = job.source.file(name) or b""
        for block, ciphertext in ChunkFile.from_bytes(data, job.shape).ciphertexts().items():
            at = position.get(block)
            if at is not None:
                products[at] = products[at] * int.from_bytes(ciphertext, "big") % modulus
    return [ciphertext_to_bytes(key, int(product)) for product in products]


class ProductCheck:
    """Multiplies epoch after epoch, and compares with the seals."""

    def __init__(self, exam: Examination, wanted: frozenset[tuple[EpochRef, int]]) -> None:
        """Take the audit.

        Args:
            exam: the audit.
            wanted: blocks that are opened somewhere in the record, and up to which epoch.
        """
        self._exam: Final = exam
        self._wanted: Final = wanted
        self._cumulative: Final[dict[ProgrammeId, Cumulative]] = {}
        self._kept: Final[dict[tuple[EpochRef, int], bytes]] = {}
        self._known: Final[set[EpochRef]] = set()

    def product_of(self, ref: EpochRef, block: int) -> bytes | None:
        """Return the recomputed cumulative ciphertext of a wanted block, None if it has none."""
        return self._kept.get((ref, block))

    def is_known(self, ref: EpochRef) -> bool:
        """Tell whether the products up to an epoch could be recomputed."""
        return ref in self._known

    def on_seal(self, seal: Logged[Seal], files: SealedFiles | None) -> None:
        """Multiply an epoch and compare with its seal; later epochs build on what came out."""
        item = seal.statement
        ref = EpochRef(item.programme_id, item.epoch)
        cumulative = self._cumulative.setdefault(item.programme_id, Cumulative())
        follows = item.epoch == cumulative.epoch + 1
        cumulative.epoch = item.epoch
        if not follows:
            self._exam.checklist.find(
                CheckId.PRODUCTS,
                "EPOCH_OUT_OF_ORDER",
                f"epoch {item.epoch} of {item.programme_id}",
                "an epoch is sealed after the one before it, because products are cumulative",
                seal.index,
            )
            cumulative.products = None
        if files is None or cumulative.products is None:
            self._exam.checklist.leave_out(CheckId.PRODUCTS)
            cumulative.products = None
            return
        self._multiply(cumulative.products, files, ref)
        self._known.add(ref)
        for block, data in cumulative.products.items():
            if (ref, block) in self._wanted:
                self._kept[ref, block] = data
        self._compare(seal, cumulative.products)

    def _multiply(self, products: dict[int, bytes], files: SealedFiles, ref: EpochRef) -> None:
        """Multiply an epoch's ciphertexts into `products`."""
        exam, blocks = self._exam, sorted(files.blocks)
        parties = exam.view.parties
        cap_ug = parties.programme(ref.programme_id).epoch_cap_ug
        shape = EntryShape.of(parties.parameters.proof_key, cap_ug)
        ranges = [
            tuple(blocks[i : i + BLOCKS_PER_JOB]) for i in range(0, len(blocks), BLOCKS_PER_JOB)
        ]
        jobs = [
            ProductJob(
                source=exam.source,
                public_key=parties.parameters.public_key,
                shape=shape,
                blocks=some,
                previous=tuple(products.get(block) for block in some),
                names=files.names,
            )
            for some in ranges
        ]
        done = exam.mapped(CheckId.PRODUCTS, f"products of epoch {ref.epoch}", multiply, jobs)
        for some, multiplied in zip(ranges, done, strict=True):
            products.update(zip(some, multiplied, strict=True))

    def _compare(self, seal: Logged[Seal], products: dict[int, bytes]) -> None:
        checklist, item = self._exam.checklist, seal.statement
        with checklist.timed(CheckId.PRODUCTS):
            root = products_root_of(products)
        checklist.count(CheckId.PRODUCTS, len(products))
        if (item.blocks, item.products_root) != (len(products), root):
            checklist.find(
                CheckId.PRODUCTS,
                "PRODUCTS_DIFFER",
                f"the seal of epoch {item.epoch} of {item.programme_id}",
                f"it names {item.blocks} blocks under root {item.products_root.hex()}, the "
                f"ciphertexts multiply to {len(products)} under {root.hex()}",
                seal.index,
            )
