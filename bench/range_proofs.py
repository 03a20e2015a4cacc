"""Speed of slot range proofs, per person: making them, and checking them alone and in batches.

`run()` measures processor time in one process; times are the best of several rounds. Ratios, each
against one `phe` encryption of one value under the same key, a moment apart:

* `prove_gain`: against a block's encryption with its proof, divided by k. Aim at 3072 bits: 25.
* `verify_batched_gain`: against a check in a batch of 256 blocks, divided by k. Aim: 300.
* `prove_products_share`: of proving, what the modular products of its powers would take alone, with
  operands that are in the processor's cache. Aim at 3072 bits: 0.85.
* `verify_single_gain`: against a check alone; for information.
* `verify_products_share`: likewise of the check in a batch (`bench.floors`). Aim: 0.85.

Keys are the published ones of `tests/keys`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from typing import Final

from gmpy2 import mpz
from phe import paillier as phe

from bench import floors
from bench.effort import Effort
from fedcarbon.canonical.stream import SEED_BYTES, SeededStream
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.packing.layout import PERSON_DAY_CAP_UG, Layout
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.proofs.commitments import ProofKey, ProverTables, prover_shape
from fedcarbon.proofs.range_proof import (
    RangeContext,
    RangeProofShape,
    RangePurpose,
    RangeStatement,
)
from fedcarbon.proofs.range_prover import RangeJob, encrypt_and_prove_all
from fedcarbon.proofs.range_verifier import Claim, verify, verify_all
from fedcarbon.submission.block_proofs import BATCH_BLOCKS
from tests.keys.primes import BITS_2048, BITS_3072, load_primes

DISTINCT_BLOCKS: Final = 256
"""So many proofs are made at once, as an engine's batch has; with less effort a batch that is
checked repeats fewer, which no check profits from."""

ROUNDS: Final = 3


def run(effort: Effort) -> dict[str, float]:
    """Return times in milliseconds or microseconds, as the names say, bytes and the ratios."""
    figures: dict[str, float] = {}
    for bits in (BITS_2048, BITS_3072):
        figures |= {
            f"{name}_{bits}": round(value, 4) for name, value in _figures(bits, effort).items()
        }
    return figures


def _figures(bits: str, effort: Effort) -> dict[str, float]:
    primes = load_primes(bits)
    public_key = PublicKey(n=primes.n)
    key = ProofKey(
        parameter_id=bytes(32),
        public_key=public_key,
        commitment_modulus=primes.big_n,
        layout=Layout.for_modulus(public_key.bits),
    )
    slots, reference = key.layout.slots, phe.PaillierPublicKey(primes.n)
    started = time.process_time()
    tables = ProverTables(key, bound_max=PERSON_DAY_CAP_UG)
    table_s = time.process_time() - started
    blocks = effort.of(DISTINCT_BLOCKS)
    claims = _claims(tables, _jobs(slots, blocks))
    batch = claims * (BATCH_BLOCKS // blocks)
    verify(key, *claims[0])  # builds the verifier's tables

    products = _products(key)
    operands = {modulus: mpz(secrets.randbelow(modulus)) for modulus in products}

    def bare() -> None:
        for modulus, count in products.items():
            result = operand = operands[modulus]
            reduced_by = mpz(modulus)
            for _ in range(count):
                result = result * operand % reduced_by

    def alone() -> None:
        for claim in batch[:4]:
            verify(key, *claim)

    prove_s, single_s, batch_s, phe_s, bare_s = _best_s(
        effort,
        (lambda: encrypt_and_prove_all(tables, _jobs(slots, blocks)), blocks * slots),
        (alone, 4 * slots),
        (lambda: verify_all(key, batch, secrets.randbelow), len(batch) * slots),
        (lambda: [reference.raw_encrypt(value) for value in range(4)], 4),
        (bare, slots),
    )
    verify_floor_s = floors.batch_s(key, PERSON_DAY_CAP_UG, len(batch), effort.of(10 * ROUNDS))
    proof_bytes = RangeProofShape.of(key, PERSON_DAY_CAP_UG).proof_bytes
    return {
        "prover_tables_ms": table_s * 1e3,
        "prove_block_ms": prove_s * slots * 1e3,
        "prove_person_us": prove_s * 1e6,
        "prove_gain": phe_s / prove_s,
        "prove_products_share": bare_s / prove_s,
        "verify_block_ms_single": single_s * slots * 1e3,
        "verify_single_gain": phe_s / single_s,
        "verify_block_ms_batched": batch_s * slots * 1e3,
        "verify_person_us_batched": batch_s * 1e6,
        "verify_batched_gain": phe_s / batch_s,
        "phe_encrypt_ms": phe_s * 1e3,
        "prove_floor_ms": bare_s * slots * 1e3,
        "verify_floor_ms": verify_floor_s / len(batch) * 1e3,
        "verify_products_share": verify_floor_s / (batch_s * slots * len(batch)),
        "proof_bytes_per_block": proof_bytes,
        "proof_bytes_per_person": proof_bytes / slots,
        "batch_blocks": len(batch),
    }


def _products(key: ProofKey) -> dict[int, int]:
    """Return how many products the powers of one block's proof need, by modulus."""
    shape = prover_shape(key, bound_max=PERSON_DAY_CAP_UG)
    commitments = shape.values.products + shape.masks.products
    commitments += 4 * shape.blinding.products + 2 * shape.constant.products
    return {
        key.commitment_modulus: commitments,
        key.public_key.n_squared: 2 * shape.encryption.products,
    }


def _jobs(slots: int, blocks: int) -> list[RangeJob]:
    """Return blocks of random values, as a partner makes them for one day."""
    return [
        RangeJob(
            context=RangeContext(
                purpose=RangePurpose.BLOCK,
                programme_id=ProgrammeId("bench"),
                party_id=PartyId("partner"),
                epoch=EpochIndex(1),
                block=block,
            ),
            values=[secrets.randbelow(PERSON_DAY_CAP_UG + 1) for _ in range(slots)],
            bounds=(PERSON_DAY_CAP_UG,) * slots,
            randbelow=SeededStream(b"bench", secrets.token_bytes(SEED_BYTES)).below,
        )
        for block in range(blocks)
    ]


def _claims(tables: ProverTables, jobs: Sequence[RangeJob]) -> list[Claim]:
    return [
        (
            RangeStatement(
                context=job.context, bounds=tuple(job.bounds), ciphertext=done.ciphertext
            ),
            done.proof,
        )
        for job, done in zip(jobs, encrypt_and_prove_all(tables, jobs), strict=True)
    ]


def _best_s(effort: Effort, *steps: tuple[Callable[[], object], int]) -> list[float]:
    """Return the shortest time of each step per unit in s; they take turns: noise meets all."""
    best = [float("inf")] * len(steps)
    for _ in range(effort.of(ROUNDS)):
        for index, (step, units) in enumerate(steps):
            started = time.process_time()
            step()
            best[index] = min(best[index], (time.process_time() - started) / units)
    return best
