"""Ceremonies over the pre-made primes, with seeded randomness: cheap, the same each time."""

from __future__ import annotations

from functools import cache

from fedcarbon.ceremony.dealer import CeremonyPrimes, Dealt, deal
from fedcarbon.ids import PartyId
from tests.chance import seeded
from tests.keys.primes import TINY, load_primes


@cache
def dealt(name: str = TINY, trustees: int = 5, threshold: int = 3, seed: int = 1) -> Dealt:
    """Return what a ceremony over the primes `name` deals to trustee-1, trustee-2, ..."""
    chance = seeded(seed)
    primes = load_primes(name)
    return deal(
        CeremonyPrimes(
            paillier_p=primes.p,
            paillier_q=primes.q,
            commitment_p=primes.big_p,
            commitment_q=primes.big_q,
        ),
        tuple(PartyId(f"trustee-{index}") for index in range(1, trustees + 1)),
        threshold,
        random_below=chance.randrange,
        random_bytes=chance.randbytes,
    )
