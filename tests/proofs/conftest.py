"""What the tests of proofs share: a small parameter set and its tables."""

from __future__ import annotations

import pytest

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.range_proof import RangeContext, RangePurpose
from tests.keys.ceremonies import dealt

CAP_UG = 50_000_000_000


@pytest.fixture(scope="session")
def key() -> ProofKey:
    """The proof key of the tiny parameter set."""
    return dealt().parameters.proof_key


@pytest.fixture(scope="session")
def tables(key: ProofKey) -> ProverTables:
    """Tables for bounds up to one person-day."""
    return ProverTables(key, bound_max=CAP_UG)


@pytest.fixture
def context() -> RangeContext:
    """Where the block under test belongs."""
    return RangeContext(
        purpose=RangePurpose.BLOCK,
        programme_id=ProgrammeId("city"),
        party_id=PartyId("metro"),
        epoch=EpochIndex(3),
        block=7,
    )
