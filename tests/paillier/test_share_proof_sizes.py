"""How long the numbers of a share proof are, and how its error travels."""

from __future__ import annotations

import dataclasses
import pickle

import pytest

from fedcarbon.paillier.keys import PublicKey
from fedcarbon.paillier.share_proof import ShareProofInvalidError, mask_bits
from tests.keys.primes import load_primes
from tests.paillier.conftest import Dealt


@pytest.mark.parametrize(("bits", "mask"), [("2048", 4304), ("3072", 6352)])
def test_the_mask_has_the_length_of_the_parameter_table(bits: str, mask: int, dealt: Dealt) -> None:
    key = dataclasses.replace(dealt.key)
    object.__setattr__(key, "public_key", PublicKey(n=load_primes(bits).n))

    assert mask_bits(key) == mask + (120).bit_length()


def test_the_error_survives_a_process_pool() -> None:
    error = ShareProofInvalidError(4, "(3) not the exponent of its verification key")

    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes

    assert (copy.trustee, str(copy)) == (4, str(error))
    assert "trustee 4" in str(error)
