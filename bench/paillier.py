"""Speed of encryption, of the hub's products and of threshold openings, at 2048 and 3072 bits.

`run()` measures processor time in one process; times are the best of several rounds. Ratios, each
against something measured in the same run:

* `encrypt_gain`: one `phe` encryption per person against ours, where one packed ciphertext serves
  k persons (packing, drawing s and encoding included). Aim at 3072 bits: 500.
* `encrypt_over_products`: ours against the bare modular products that H^s needs. Aim: 1.15.
* `product_over_bare`: the product from stored bytes, checks included, against a loop over ready
  `mpz`. Aim: 1.2.
* `share_over_power`: a decryption share against one plain power of the same length.

Keys are the published ones of `tests/keys`.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from itertools import pairwise

import gmpy2
from gmpy2 import mpz
from phe import paillier as phe

from bench.effort import Effort
from fedcarbon.packing.layout import PERSON_DAY_CAP_UG, Layout, pack
from fedcarbon.paillier.cipher import (
    Encryptor,
    ciphertext_to_bytes,
    encryption_shape,
    product,
)
from fedcarbon.paillier.combine import combine, verify_shares
from fedcarbon.paillier.dealing import deal, threshold_key_of
from fedcarbon.paillier.keys import PublicKey
from fedcarbon.paillier.shares import decryption_share, share_batch
from tests.keys.primes import BITS_2048, BITS_3072, load_primes

TRUSTEES = 5
THRESHOLD = 3
BLOCKS = 256
CIPHERTEXTS = 2_000
BATCH_CIPHERTEXTS = 32
ROUNDS = 5

_PARAMETER_ID = bytes(32)
_CONTEXT = b"bench"


def run(effort: Effort) -> dict[str, float]:
    """Return times in milliseconds or microseconds, as the names say, and the ratios above."""
    figures: dict[str, float] = {}
    for bits in (BITS_2048, BITS_3072):
        parts = _encryption(bits, effort) | _products(bits, effort) | _openings(bits, effort)
        figures |= {f"{name}_{bits}": round(value, 4) for name, value in parts.items()}
    return figures


def _encryption(bits: str, effort: Effort) -> dict[str, float]:
    key = _public_key(bits)
    layout = Layout.for_modulus(key.bits)
    reference = phe.PaillierPublicKey(key.n)
    started = time.process_time()
    encryptor = Encryptor(key)
    table_s = time.process_time() - started
    blocks = effort.of(BLOCKS, least=64)
    rows = [
        [secrets.randbelow(PERSON_DAY_CAP_UG) for _ in range(layout.slots)] for _ in range(blocks)
    ]

    def packed() -> None:
        powers = encryptor.powers([secrets.randbits(key.randomiser_bits) for _ in rows])
        for row, power in zip(rows, powers, strict=True):
            ciphertext_to_bytes(key, encryptor.hidden(pack(layout, row), power))

    modulus = mpz(key.n_squared)
    operands = [mpz(secrets.randbelow(key.n_squared)) for _ in range(64)]
    products = encryption_shape(key).products + 1

    def bare() -> None:
        for _ in rows:
            result = operands[0]
            for index in range(products):
                result = result * operands[index & 63] % modulus

    ours, floor, theirs = _best(
        effort, packed, bare, lambda: [reference.raw_encrypt(value) for value in rows[0][:4]]
    )
    person_s, phe_s = ours / len(rows) / layout.slots, theirs / 4
    return {
        "table_build_ms": table_s * 1e3,
        "encrypt_block_ms": ours / len(rows) * 1e3,
        "encrypt_person_us": person_s * 1e6,
        "phe_encrypt_person_ms": phe_s * 1e3,
        "encrypt_gain": phe_s / person_s,
        "encrypt_over_products": ours / floor,
    }


def _products(bits: str, effort: Effort) -> dict[str, float]:
    key = _public_key(bits)
    seeds = [secrets.randbelow(key.n_squared) for _ in range(CIPHERTEXTS)]
    stored = [seed.to_bytes(key.ciphertext_bytes, "big") for seed in seeds]
    ready = [mpz(seed) for seed in seeds]
    modulus = mpz(key.n_squared)

    def bare() -> None:
        result = mpz(1)
        for ciphertext in ready:
            result = result * ciphertext % modulus

    ours, floor = _best(effort, lambda: product(key, stored), bare)
    return {
        "product_per_ciphertext_us": ours / CIPHERTEXTS * 1e6,
        "bare_per_ciphertext_us": floor / CIPHERTEXTS * 1e6,
        "product_over_bare": ours / floor,
    }


def _openings(bits: str, effort: Effort) -> dict[str, float]:
    primes = load_primes(bits)
    shares = deal(
        primes.p,
        primes.q,
        trustees=TRUSTEES,
        threshold=THRESHOLD,
        randbelow=secrets.randbelow,
    )
    key = threshold_key_of(primes.n, shares, THRESHOLD)
    encryptor = Encryptor(key.public_key, window_bits=4)
    ciphertexts = [
        encryptor.encrypt(number, secrets.randbits(key.public_key.randomiser_bits))
        for number in range(effort.of(BATCH_CIPHERTEXTS))
    ]
    modulus, exponent = key.public_key.n_squared, 2 * key.delta * shares[0].value
    figures: dict[str, float] = {}
    share_s, power_s = _best(
        effort,
        lambda: decryption_share(key, shares[0], ciphertexts[0]),
        lambda: gmpy2.powmod(ciphertexts[0], exponent, modulus),
    )
    figures["share_ms"] = share_s * 1e3
    figures["share_over_power"] = share_s / power_s
    for name, batch in (("alone", ciphertexts[:1]), ("batched", ciphertexts)):
        marks = [time.process_time()]
        answers = [
            share_batch(
                key,
                share,
                batch,
                parameter_id=_PARAMETER_ID,
                context=_CONTEXT,
                randbelow=secrets.randbelow,
            )
            for share in shares[:THRESHOLD]
        ]
        marks.append(time.process_time())
        for answer in answers:
            verify_shares(key, batch, answer, parameter_id=_PARAMETER_ID, context=_CONTEXT)
        marks.append(time.process_time())
        for position in range(len(batch)):
            combine(key, {answer.trustee: answer.shares[position] for answer in answers})
        marks.append(time.process_time())
        steps = [(later - earlier) / len(batch) * 1e3 for earlier, later in pairwise(marks)]
        figures[f"share_and_proof_per_trustee_ms_{name}"] = steps[0] / THRESHOLD
        figures[f"verify_per_trustee_ms_{name}"] = steps[1] / THRESHOLD
        figures[f"combine_ms_{name}"] = steps[2]
    return figures


def _public_key(bits: str) -> PublicKey:
    return PublicKey(n=load_primes(bits).n)


def _best(effort: Effort, *functions: Callable[[], object]) -> list[float]:
    """Return the shortest time of each in seconds; they take turns, so noise meets all alike."""
    best = [float("inf")] * len(functions)
    for _ in range(effort.of(ROUNDS)):
        for index, function in enumerate(functions):
            started = time.process_time()
            function()
            best[index] = min(best[index], time.process_time() - started)
    return best
