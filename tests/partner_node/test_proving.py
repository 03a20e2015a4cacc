"""Encrypting and proving blocks: in this process or in several, checked before they are sent."""

from __future__ import annotations

import secrets

import phe
import pytest

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.packing.layout import split_digits
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.proofs.range_proof import RangeProofInvalidError
from fedcarbon.proofs.range_prover import RangeWitness, ValueOutOfRangeError
from fedcarbon.submission.block_proofs import ProvedBlocks, block_context, verify_blocks
from fedcarbon.submission.chunk_file import ChunkEntry
from fedcarbon.units import MicrogramsCO2e
from partner_node.epochs.proving import BlockJob, BlockProver
from tests.keys.ceremonies import dealt
from tests.keys.primes import Primes

CAP_UG = MicrogramsCO2e(50_000_000_000)
ZERO = MicrogramsCO2e(0)


@pytest.fixture
def key() -> ProofKey:
    return dealt().parameters.proof_key


def job(key: ProofKey, block: int, value: int) -> BlockJob:
    context = block_context(ProgrammeId("city"), PartyId("metro"), EpochIndex(1), block)
    rest = (ZERO,) * (key.layout.slots - 1)
    return BlockJob(context, (MicrogramsCO2e(value), *rest), (CAP_UG, *rest))


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


@pytest.mark.parametrize("processes", [1, 2])
def test_blocks_are_proved_in_order_wherever_it_is_done(
    key: ProofKey, tiny_primes: Primes, processes: int
) -> None:
    prover = BlockProver(key, CAP_UG, secrets.randbelow, processes=processes, pool_from_blocks=2)
    wanted = [block * 1_000 for block in range(300)]

    proved = prover.prove([job(key, block, value) for block, value in enumerate(wanted)])

    entries = [item.entry for item in proved]
    assert values(key, tiny_primes, entries) == wanted
    assert len({entry.ciphertext for entry in entries}) == len(wanted)
    checked(key, entries)


def test_the_witness_opens_what_was_sent(key: ProofKey) -> None:
    proved = BlockProver(key, CAP_UG, secrets.randbelow).prove([job(key, 4, 77)])

    witness = RangeWitness.from_bytes(key, CAP_UG, proved[0].witness)

    assert witness.numbers.v[0] == 77
    assert witness.to_bytes(key, CAP_UG) == proved[0].witness
    assert "77" not in repr(witness)


def test_a_value_above_its_cap_is_never_encrypted(key: ProofKey) -> None:
    with pytest.raises(ValueOutOfRangeError):
        BlockProver(key, CAP_UG, secrets.randbelow).prove([job(key, 1, CAP_UG + 1)])


def test_a_proof_of_our_own_that_does_not_hold_is_not_sent(
    key: ProofKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken machine: challenges come out differently for the prover."""
    monkeypatch.setattr("fedcarbon.proofs.range_prover.range_challenge", lambda *_, **__: 1)

    with pytest.raises(RangeProofInvalidError):
        BlockProver(key, CAP_UG, secrets.randbelow).prove([job(key, 1, 5)])


def test_nothing_to_prove_is_nothing(key: ProofKey) -> None:
    assert BlockProver(key, CAP_UG, secrets.randbelow).prove([]) == []
