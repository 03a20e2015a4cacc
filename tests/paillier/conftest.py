from __future__ import annotations

from dataclasses import dataclass

import pytest

from fedcarbon.paillier.cipher import Encryptor
from fedcarbon.paillier.combine import ShareBatch
from fedcarbon.paillier.dealing import deal, threshold_key_of
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.paillier.shares import KeyShare, share_batch
from fedcarbon.paillier.threshold_key import ThresholdKey
from tests.keys.primes import Primes
from tests.vectors.stream import SeededStream

PARAMETER_ID = bytes(range(32))
CONTEXT = b"opening 7, attempt 1, trustees 1 2 4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Dealt:
    """A dealt key with all its secrets, and what a test does with it."""

    primes: Primes
    key: ThresholdKey
    shares: tuple[KeyShare, ...]
    encryptor: Encryptor
    stream: SeededStream

    def encrypt(self, message: int) -> int:
        """A fresh ciphertext of `message`."""
        bound = 1 << self.key.public_key.randomiser_bits
        return self.encryptor.encrypt(message, self.stream.randbelow(bound))

    def answer(
        self, trustee: int, ciphertexts: list[int], *, context: bytes = CONTEXT
    ) -> ShareBatch:
        """What the honest trustee of that index answers."""
        return share_batch(
            self.key,
            self.shares[trustee - 1],
            ciphertexts,
            parameter_id=PARAMETER_ID,
            context=context,
            randbelow=self.stream.randbelow,
        )

    def answers(self, trustees: list[int], ciphertexts: list[int]) -> list[ShareBatch]:
        """What several honest trustees answer."""
        return [self.answer(trustee, ciphertexts) for trustee in trustees]


def dealt_with(primes: Primes, *, trustees: int, threshold: int) -> Dealt:
    stream = SeededStream(f"dealt {trustees} {threshold}")
    shares = deal(
        primes.p, primes.q, trustees=trustees, threshold=threshold, randbelow=stream.randbelow
    )
    return Dealt(
        primes=primes,
        key=threshold_key_of(primes.n, shares, threshold),
        shares=shares,
        encryptor=Encryptor(PublicKey(n=primes.n), window_bits=5),
        stream=stream,
    )


@pytest.fixture(scope="session")
def dealt(tiny_primes: Primes) -> Dealt:
    """Three of five, over the tiny primes."""
    return dealt_with(tiny_primes, trustees=5, threshold=3)
