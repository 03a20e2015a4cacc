"""Make the prime sets of this folder; run by hand, with the sizes that are wanted.

    python tests/keys/generate.py tiny-INSECURE 2048 3072

The files hold private keys in the clear. They are for tests and must never protect anything.
"""

from __future__ import annotations

import json
import secrets
import sys
import warnings
from pathlib import Path

import gmpy2
from cryptography.hazmat.primitives.asymmetric import dh

TINY_NAME = "tiny-INSECURE"
TINY_BITS = 512
# The library makes no shorter Diffie-Hellman group than this.
LIBRARY_BITS_MIN = 512
NOTE = "Published private keys: for tests only, they protect nothing."
TINY_NOTE = "INSECURE: a modulus of 512 bits can be factored. " + NOTE


def safe_prime(bits: int) -> int:
    """Return a random safe prime of exactly `bits` bits."""
    if bits >= LIBRARY_BITS_MIN:
        with warnings.catch_warnings():
            # The library retires Diffie-Hellman; its safe primes are what is wanted here.
            warnings.simplefilter("ignore")
            return dh.generate_parameters(generator=2, key_size=bits).parameter_numbers().p
    while True:
        half = secrets.randbits(bits - 1) | 1 << (bits - 2) | 1
        if gmpy2.is_prime(half) and gmpy2.is_prime(2 * half + 1):
            return 2 * half + 1


def safe_prime_pair(modulus_bits: int) -> tuple[int, int]:
    """Return two safe primes whose product has exactly `modulus_bits` bits."""
    while True:
        p, q = safe_prime(modulus_bits // 2), safe_prime(modulus_bits // 2)
        if p != q and (p * q).bit_length() == modulus_bits:
            return p, q


def main(names: list[str]) -> None:
    """Write one file per name."""
    for name in names:
        bits = TINY_BITS if name == TINY_NAME else int(name)
        (p, q), (big_p, big_q) = safe_prime_pair(bits), safe_prime_pair(bits)
        tree = {
            "note": TINY_NOTE if name == TINY_NAME else NOTE,
            "bits": bits,
            "p": f"{p:x}",
            "q": f"{q:x}",
            "big_p": f"{big_p:x}",
            "big_q": f"{big_q:x}",
        }
        path = Path(__file__).with_name(f"{name}.json")
        path.write_text(json.dumps(tree, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
