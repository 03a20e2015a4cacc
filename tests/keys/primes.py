"""Pre-made primes for tests: making safe primes takes longer than most tests."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

KEYS = Path(__file__).parent
TINY, BITS_2048, BITS_3072 = "tiny-INSECURE", "2048", "3072"


@dataclass(frozen=True, slots=True, kw_only=True)
class Primes:
    """Four safe primes: two for each modulus. They are published, so they protect nothing."""

    p: int
    q: int
    big_p: int
    big_q: int

    @property
    def n(self) -> int:
        """The Paillier modulus."""
        return self.p * self.q

    @property
    def big_n(self) -> int:
        """The commitment modulus."""
        return self.big_p * self.big_q


def load_primes(name: str) -> Primes:
    """Return the set in `<name>.json`."""
    tree = json.loads((KEYS / f"{name}.json").read_text(encoding="utf-8"))
    return Primes(**{field: int(tree[field], 16) for field in ("p", "q", "big_p", "big_q")})
