"""What the tests of proofs share: a small parameter set and its tables."""

from __future__ import annotations

import pytest

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import RangeContext, RangePurpose, RangeStatement
from fedcarbon.proofs.range_prover import encrypt_and_prove
from fedcarbon.proofs.range_verifier import Claim, verify
from tests.chance import seeded
from tests.keys.ceremonies import dealt
from tests.keys.primes import Primes
from tests.proofs.dishonest import Attacker

CAP_UG = 50_000_000_000

VALUES = (5, 1_234_567, CAP_UG, 0)
BOUNDS = (CAP_UG, CAP_UG, CAP_UG, 0)


@pytest.fixture(scope="session")
def key() -> ProofKey:
    """The proof key of the tiny parameter set."""
    return dealt().parameters.proof_key


@pytest.fixture(scope="session")
def tables(key: ProofKey) -> ProverTables:
    """Tables for bounds up to one person-day."""
    return ProverTables(key, bound_max=CAP_UG)


def place() -> RangeContext:
    """Return where the block under test belongs."""
    return RangeContext(
        purpose=RangePurpose.BLOCK,
        programme_id=ProgrammeId("city"),
        party_id=PartyId("metro"),
        epoch=EpochIndex(3),
        block=7,
    )


@pytest.fixture(scope="session")
def context() -> RangeContext:
    """Where the block under test belongs."""
    return place()


@pytest.fixture
def attacker(key: ProofKey, context: RangeContext) -> Attacker:
    """A sham partner at that place."""
    return Attacker(key=key, context=context, chance=seeded(5))


@pytest.fixture(scope="session")
def honest(key: ProofKey, tables: ProverTables, context: RangeContext) -> Claim:
    """A proof of `VALUES` within `BOUNDS` that holds, to be changed by attacks."""
    proved = encrypt_and_prove(
        tables, context, values=VALUES, bounds=BOUNDS, randbelow=seeded(1).randrange
    )
    statement = RangeStatement(context=context, bounds=BOUNDS, ciphertext=proved.ciphertext)
    verify(key, statement, proved.proof)
    return statement, proved.proof


@pytest.fixture(scope="session")
def tiny_p(tiny_primes: Primes) -> int:
    """A factor of the Paillier modulus."""
    return tiny_primes.p


@pytest.fixture(scope="session")
def commitment_order(tiny_primes: Primes) -> int:
    """The order of SQR(N), which nobody knows outside tests."""
    return (tiny_primes.big_p - 1) * (tiny_primes.big_q - 1) // 4
