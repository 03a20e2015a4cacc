"""Files of encrypted tables: a partner's contribution, or a trustee's noise.

Format: the magic line `fedcarbon/v1/table-blocks` with its line feed (26 bytes), then one entry per
block, in order: the ciphertext (2 |n| / 8 bytes, big-endian) and its slot range proof, as wide as a
full slot makes it. The vector of a table (`TableShell.values` numbers) fills the slots of the
blocks one after the other; slots behind its end hold 0, with bound 0.

A proof binds who encrypted, shell, period and block, so that nobody can hand in another's blocks,
their inverse, or those of another period; and who made it knows what they hold.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, NamedTuple

from fedcarbon.errors import MalformedError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.packing.layout import FULL_SLOT_MAX, Layout, split_digits
from fedcarbon.paillier.cipher import ciphertext_to_bytes, product
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.proofs.commitments import ProofKey, ProverTables, RandomBelow
from fedcarbon.proofs.range_proof import (
    RangeContext,
    RangeProofInvalidError,
    RangeProofShape,
    RangePurpose,
    RangeStatement,
)
from fedcarbon.proofs.range_prover import RangeJob, encrypt_and_prove_all
from fedcarbon.proofs.range_verifier import Claim, invalid_proofs

FILE_MAGIC: Final = b"fedcarbon/v1/table-blocks\n"
FILE_BYTES_MAX: Final = 4 * 1024 * 1024


class TableBlocksMalformedError(MalformedError):
    """Bytes that are no file of a table's blocks."""

    code: ClassVar[str] = "TABLE_BLOCKS_MALFORMED"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRef:
    """Whose blocks of which table and period."""

    purpose: RangePurpose
    """`TABLE` for a partner's contribution, `NOISE` for a trustee's noise."""
    programme_id: ProgrammeId
    shell_leaf: bytes
    """The 34 bytes of the shell's leaf."""
    period: int
    party_id: PartyId

    def context(self, block: int) -> RangeContext:
        """Return what the proof of a block is bound to."""
        return RangeContext(
            purpose=self.purpose,
            programme_id=self.programme_id,
            party_id=self.party_id,
            epoch=EpochIndex(self.period),
            block=block,
            subject=self.shell_leaf,
        )


class TableEntry(NamedTuple):
    """One block."""

    ciphertext: bytes
    proof: bytes


def table_tables(key: ProofKey, window_bits: int | None = None) -> ProverTables:
    """Return the tables with which blocks of tables are proved; see `ProverTables`."""
    return ProverTables(key, bound_max=FULL_SLOT_MAX, window_bits=window_bits)


def rows_of(layout: Layout, vector: Sequence[int]) -> list[tuple[int, ...]]:
    """Return the slots of every block that a vector fills; 0 behind its end."""
    width = layout.slots
    padded = [*vector, *[0] * (-len(vector) % width)]
    return [tuple(padded[at : at + width]) for at in range(0, len(padded), width)]


def proved_file(
    tables: ProverTables,
    ref: TableRef,
    values: Sequence[int],
    bounds: Sequence[int],
    randbelow: RandomBelow,
) -> bytes:
    """Return the file of a vector, encrypted and proved; its randomness ends here.

    Args:
        tables: see `table_tables`.
        ref: whose it is.
        values: the vector.
        bounds: the most that each value may be.
        randbelow: uniform in [0, bound), from a cryptographic source.

    Raises:
        ValueOutOfRangeError: a value is negative or above its bound.
    """
    key = tables.key
    rows = zip(rows_of(key.layout, values), rows_of(key.layout, bounds), strict=True)
    jobs = [
        RangeJob(ref.context(block), row, limits, randbelow)
        for block, (row, limits) in enumerate(rows)
    ]
    shape = RangeProofShape.of(key, FULL_SLOT_MAX)
    return FILE_MAGIC + b"".join(
        ciphertext_to_bytes(key.public_key, proved.ciphertext) + shape.encode(proved.proof)
        for proved in encrypt_and_prove_all(tables, jobs)
    )


def file_bytes(key: ProofKey, values: int) -> int:
    """Return how long the file of a vector of so many values is."""
    return len(FILE_MAGIC) + -(-values // key.layout.slots) * _entry_bytes(key)


def entries_of(key: ProofKey, data: bytes, values: int) -> list[TableEntry]:
    """Return the blocks of a file.

    Args:
        key: of the parameter set.
        data: the file.
        values: length of the vector.

    Raises:
        TableBlocksMalformedError: not that many blocks, or no such file.
    """
    if len(data) != file_bytes(key, values) or not data.startswith(FILE_MAGIC):
        raise TableBlocksMalformedError(
            f"a file of {values} values has {file_bytes(key, values)} bytes and its magic line"
        )
    width, cut = _entry_bytes(key), key.public_key.ciphertext_bytes
    return [
        TableEntry(data[at : at + cut], data[at + cut : at + width])
        for at in range(len(FILE_MAGIC), len(data), width)
    ]


def claims_of(
    key: ProofKey, ref: TableRef, entries: Sequence[TableEntry], bounds: Sequence[int]
) -> list[Claim]:
    """Return what the proofs of a file must show, and the proofs; see `entries_of`."""
    limits = rows_of(key.layout, bounds)
    return [claim_of(key, ref, block, entry, limits[block]) for block, entry in enumerate(entries)]


def claim_of(
    key: ProofKey, ref: TableRef, block: int, entry: TableEntry, limits: tuple[int, ...]
) -> Claim:
    """Return what the proof of one block must show, and the proof.

    Args:
        key: of the parameter set.
        ref: whose it is.
        block: its number in the file.
        entry: the block, as long as `entries_of` gives it.
        limits: the most that each of its slots may hold.
    """
    statement = RangeStatement(
        context=ref.context(block),
        bounds=limits,
        ciphertext=int.from_bytes(entry.ciphertext, "big"),
    )
    return statement, RangeProofShape.of(key, FULL_SLOT_MAX).decode(entry.proof)


def invalid_blocks(
    key: ProofKey,
    files: Iterable[tuple[TableRef, Sequence[TableEntry], Sequence[int]]],
    randbelow: RandomBelow,
) -> list[RangeProofInvalidError]:
    """Return why every block fails whose proof does, over many files at once.

    Args:
        key: of the parameter set.
        files: whose, the blocks, and the bounds of the vector.
        randbelow: the verifier's own source of chance.
    """
    claims = [
        claim for ref, entries, bounds in files for claim in claims_of(key, ref, entries, bounds)
    ]
    return invalid_proofs(key, claims, randbelow)


def product_of(public_key: PublicKey, files: Sequence[Sequence[TableEntry]]) -> tuple[bytes, ...]:
    """Return, block by block, the ciphertext of the sum of all files.

    Raises:
        CiphertextRangeError, CiphertextNotUnitError: a ciphertext is none.
    """
    return tuple(
        ciphertext_to_bytes(public_key, product(public_key, [entry.ciphertext for entry in of_all]))
        for of_all in zip(*files, strict=True)
    )


def noised_sha256(ciphertexts: Iterable[bytes]) -> bytes:
    """Return the hash by which a start names what is opened."""
    return hashlib.sha256(b"".join(ciphertexts)).digest()


def vector_of(layout: Layout, plaintexts: Sequence[int], values: int) -> list[int]:
    """Return the vector that opened blocks hold.

    Raises:
        PlaintextAboveLayoutError: a plaintext has bits above the last slot.
        TableBlocksMalformedError: a slot behind the end of the vector holds something.
    """
    digits = [digit for plaintext in plaintexts for digit in split_digits(layout, plaintext)]
    if any(digits[values:]):
        raise TableBlocksMalformedError("a slot behind the end of the table is not empty")
    return digits[:values]


def _entry_bytes(key: ProofKey) -> int:
    return key.public_key.ciphertext_bytes + RangeProofShape.of(key, FULL_SLOT_MAX).proof_bytes
