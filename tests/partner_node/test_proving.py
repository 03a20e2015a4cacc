"""Encrypting and proving blocks: checked before they are sent, the same bytes from a seed."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import phe
import pytest

from fedcarbon.engine.local import LocalEngine
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.packing.layout import split_digits
from fedcarbon.proofs import range_prover
from fedcarbon.proofs.commitments import ProofKey, ProverShape, ProverTables, prover_shape
from fedcarbon.proofs.range_proof import RangeProofInvalidError
from fedcarbon.proofs.range_prover import (
    ProvedBlock,
    RangeJob,
    RangeWitness,
    ValueOutOfRangeError,
    encrypt_and_prove_all,
)
from fedcarbon.submission.block_proofs import ProvedBlocks, block_context, verify_blocks
from fedcarbon.submission.chunk_file import ChunkEntry
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.wire.power_tables import SUFFIX, prover_tables
from fedcarbon.wire.processes import ProcessMap
from partner_node.epochs.proving import BlockJob, BlockProver, ProveBlocks
from tests.keys.ceremonies import dealt
from tests.keys.primes import Primes

CAP_UG = MicrogramsCO2e(50_000_000_000)
ZERO = MicrogramsCO2e(0)
SEED = bytes(range(32))


@pytest.fixture
def key() -> ProofKey:
    return dealt().parameters.proof_key


def job(key: ProofKey, block: int, value: int, party: str = "metro") -> BlockJob:
    context = block_context(ProgrammeId("city"), PartyId(party), EpochIndex(1), block)
    rest = (ZERO,) * (key.layout.slots - 1)
    return BlockJob(context, (MicrogramsCO2e(value), *rest), (CAP_UG, *rest))


def prover(key: ProofKey, workers: int = 1) -> BlockProver:
    return BlockProver(LocalEngine(ProcessMap(workers)), key, CAP_UG, secrets.token_bytes)


def checked(key: ProofKey, entries: list[ChunkEntry]) -> None:
    rest = (ZERO,) * (key.layout.slots - 1)
    blocks = ProvedBlocks(
        programme_id=ProgrammeId("city"),
        partner_id=PartyId("metro"),
        epoch=EpochIndex(1),
        cap_ug=CAP_UG,
        entries=tuple(entries),
        bounds_ug=((CAP_UG, *rest),) * len(entries),
    )
    verify_blocks(key, blocks, secrets.randbelow)


def values(key: ProofKey, primes: Primes, entries: list[ChunkEntry]) -> list[int]:
    private = phe.PaillierPrivateKey(phe.PaillierPublicKey(primes.n), primes.p, primes.q)
    plaintexts = [private.raw_decrypt(int.from_bytes(entry.ciphertext, "big")) for entry in entries]
    return [split_digits(key.layout, plaintext)[0] for plaintext in plaintexts]


@pytest.mark.parametrize("workers", [1, 2])
def test_blocks_are_proved_in_order_wherever_it_is_done(
    key: ProofKey, tiny_primes: Primes, workers: int
) -> None:
    wanted = [block * 1_000 for block in range(300)]
    engine = LocalEngine(ProcessMap(workers))

    with engine:
        proved = BlockProver(engine, key, CAP_UG, secrets.token_bytes).prove(
            job(key, block, value) for block, value in enumerate(wanted)
        )

    entries = [item.entry for item in proved]
    assert values(key, tiny_primes, entries) == wanted
    assert len({entry.ciphertext for entry in entries}) == len(wanted)
    checked(key, entries)


def test_jobs_are_taken_as_they_are_needed(key: ProofKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("partner_node.epochs.proving.BATCH_BLOCKS", 2)
    taken: list[int] = []

    def jobs() -> Iterator[BlockJob]:
        for block in range(100):
            taken.append(block)
            yield job(key, block, block)

    proved = prover(key).stream(jobs())
    first = next(proved)

    assert first.entry.block == 0
    assert len(taken) <= 4


def test_the_same_seed_gives_the_same_bytes_for_the_same_block_alone(key: ProofKey) -> None:
    pair = list(prover(key).stream([job(key, 1, 5), job(key, 2, 5)], SEED))
    again = list(prover(key).stream([job(key, 2, 5)], SEED))

    assert pair[1] == again[0]
    assert pair[1].witness == again[0].witness


def test_one_seed_never_gives_two_different_blocks_the_same_masks(key: ProofKey) -> None:
    """With the masks of one proof and the responses of two, anybody computes the values."""
    made = [
        next(prover(key).stream([item], SEED))
        for item in (job(key, 1, 5), job(key, 1, 6), job(key, 2, 5), job(key, 1, 5, "bikes"))
    ]
    witnesses = [RangeWitness.from_bytes(key, CAP_UG, item.witness) for item in made]

    assert len({item.randomiser for item in witnesses}) == len(made)
    assert len({item.blinding for item in witnesses}) == len(made)


def test_without_a_seed_no_run_repeats_another(key: ProofKey) -> None:
    one, other = (prover(key).prove([job(key, 1, 5)])[0] for _ in range(2))

    assert one.entry.ciphertext != other.entry.ciphertext


def test_the_witness_opens_what_was_sent(key: ProofKey) -> None:
    proved = prover(key).prove([job(key, 4, 77)])

    witness = RangeWitness.from_bytes(key, CAP_UG, proved[0].witness)

    assert witness.numbers.v[0] == 77
    assert witness.to_bytes(key, CAP_UG) == proved[0].witness
    assert "77" not in repr(witness)


def test_a_seed_is_not_shown(key: ProofKey) -> None:
    context = block_context(ProgrammeId("city"), PartyId("metro"), EpochIndex(1), 0)

    assert "seed" not in repr(ProveBlocks(key=key, cap_ug=CAP_UG, context=context, seed=SEED))


def test_nothing_that_is_proved_or_drawn_shows_itself(
    key: ProofKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job, a mask and a randomiser end up in no message and no trace of variables."""
    shown: list[str] = []

    def seen(tables: ProverTables, jobs: Sequence[RangeJob]) -> list[ProvedBlock]:
        shown.extend(map(repr, jobs))
        return encrypt_and_prove_all(tables, jobs)

    def prepared(tables: ProverTables, chances: Sequence[object]) -> list[range_prover._Prepared]:
        made: list[range_prover._Prepared] = prepare(tables, chances)
        shown.extend(map(repr, [*chances, *made, *(item.chance.masks for item in made)]))
        return made

    prepare: Any = range_prover._prepared
    monkeypatch.setattr(range_prover, "_prepared", prepared)
    monkeypatch.setattr("partner_node.epochs.proving.encrypt_and_prove_all", seen)
    given = job(key, 1, 77_777_777)
    proved = prover(key).prove([given])
    witness = RangeWitness.from_bytes(key, CAP_UG, proved[0].witness)

    assert len(shown) == 4
    for text in (*shown, repr(given)):
        assert not any(
            str(secret) in text for secret in (77_777_777, witness.randomiser, witness.blinding)
        )
        assert "mpz" not in text


def test_a_value_above_its_cap_is_never_encrypted(key: ProofKey) -> None:
    with pytest.raises(ValueOutOfRangeError):
        prover(key).prove([job(key, 1, CAP_UG + 1)])


def test_a_proof_of_our_own_that_does_not_hold_is_not_sent(
    key: ProofKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken machine: challenges come out differently for the prover."""
    monkeypatch.setattr("fedcarbon.proofs.range_prover.range_challenge", lambda *_, **__: 1)

    with pytest.raises(RangeProofInvalidError):
        prover(key).prove([job(key, 1, 5)])


@pytest.mark.parametrize("part", ProverShape._fields)
def test_tables_that_hide_nothing_make_nothing_that_is_sent(
    key: ProofKey, tmp_path: Path, part: str
) -> None:
    """Whoever can write the file can name it right: ones for powers would show a plaintext."""
    prover_tables.cache_clear()
    prover_tables(key, CAP_UG, tmp_path)
    prover_tables.cache_clear()
    (path,) = tmp_path.glob(f"*{SUFFIX}")
    shape, content = prover_shape(key, bound_max=CAP_UG), b""
    for name, of_part in zip(ProverShape._fields, shape, strict=True):
        ones = (1).to_bytes(of_part.entry_bytes, "little")
        count = of_part.data_bytes // of_part.entry_bytes
        content += ones * count if name == part else b"".join(of_part.built())
    path.unlink()
    named = f"{path.stem.rpartition('-')[0]}-{hashlib.sha256(content).hexdigest()}{SUFFIX}"
    (tmp_path / named).write_bytes(content)
    (tmp_path / named).chmod(0o600)
    engine = LocalEngine(ProcessMap(1))

    with pytest.raises(RangeProofInvalidError):
        BlockProver(engine, key, CAP_UG, secrets.token_bytes, tmp_path).prove([job(key, 1, 5)])

    assert [one.name for one in tmp_path.glob(f"*{SUFFIX}")] == [named]
    prover_tables.cache_clear()


def test_nothing_to_prove_is_nothing(key: ProofKey) -> None:
    assert prover(key).prove([]) == []
