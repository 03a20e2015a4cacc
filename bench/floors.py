"""How many products modulo the big numbers a batched check needs, and what bare ones cost.

The counts are those of the methods that are used: another method may need fewer.
Only products and squarings count; hashing, drawing, the search for squares, greatest common
divisors and Jacobi symbols do not.
"""

from __future__ import annotations

import random  # noqa: TID251 - digits to count by, no secret
import secrets
import time
from collections.abc import Sequence
from typing import Final

from gmpy2 import mpz

from fedcarbon.paillier.fixed_base import CombShape
from fedcarbon.paillier.share_proof import CHALLENGE_BITS
from fedcarbon.proofs import sizes
from fedcarbon.proofs.commitments import ProofKey

_WINDOWS: Final = range(3, 13)
_POWER_WINDOW_BITS: Final = 6
"""Of gmpy2's own powers: a squaring per bit, and a product per so many."""
_OPERANDS: Final = 64
_VERIFIER_WINDOW_BITS: Final = 4


def batch_s(key: ProofKey, bound: int, blocks: int, rounds: int) -> float:
    """Return what the bare products take that checking `blocks` proofs at once needs.

    Args:
        key: of the proofs.
        bound: of every slot.
        blocks: how many proofs there are.
        rounds: how often a product is timed; the shortest time counts.
    """
    more = blocks.bit_length()
    response = sizes.value_response_bits(bound) + sizes.WEIGHT_BITS + more
    constant = sizes.coefficient_bits(bound, key.layout.slots) + sizes.WEIGHT_BITS + more
    blinding = sizes.blinding_response_bits(key.commitment_modulus) + sizes.FOLDED_BITS
    randomiser = sizes.randomiser_response_bits(key.public_key.randomiser_bits) + sizes.FOLDED_BITS
    weights = [sizes.WEIGHT_BITS, sizes.WEIGHT_BITS + CHALLENGE_BITS]
    commitment = of_buckets([response] * len(key.slot_generators)) + of_buckets(
        weights * 2 * blocks
    )
    commitment += _of_long_power(key.blinding_generator, key.commitment_modulus, blinding)
    encryption = _of_long_power(key.blinding_base, key.public_key.n_squared, randomiser)
    encryption += of_buckets(weights * blocks)
    return (commitment + constant + constant / _POWER_WINDOW_BITS) * bare_product_s(
        key.commitment_modulus, rounds
    ) + encryption * bare_product_s(key.public_key.n_squared, rounds)


def of_buckets(lengths: Sequence[int]) -> int:
    """Return what the bucket method needs for random exponents of these lengths in bits.

    The best width of a window is taken, and empty buckets cost nothing before the first full one.
    """
    return min(_of_buckets(lengths, width) for width in _WINDOWS)


def bare_product_s(modulus: int, rounds: int) -> float:
    """Return the shortest time of one product of random numbers modulo `modulus` in a bare loop."""
    reduced = mpz(modulus)
    operands = [mpz(secrets.randbelow(modulus)) for _ in range(_OPERANDS)]
    best = float("inf")
    for _ in range(rounds):
        result = operands[0]
        began = time.process_time()
        for _ in range(10):
            for operand in operands:
                result = result * operand % reduced
        best = min(best, (time.process_time() - began) / (10 * _OPERANDS))
    return best


def _of_long_power(base: int, modulus: int, bits: int) -> int:
    return CombShape.of_one(
        base, modulus, exponent_bits=bits, window_bits=_VERIFIER_WINDOW_BITS
    ).products


def _of_buckets(lengths: Sequence[int], width: int) -> int:
    chance = random.Random(width)  # noqa: S311 - see above
    count, positions = 0, -(-max(lengths) // width)
    for position in range(positions):
        digits = [
            chance.randrange(1, 1 << width) for length in lengths if position * width < length
        ]
        held = len(set(digits))
        # into buckets, down the running product, and its sum from the highest bucket to the first
        count += len(digits) - held + held + max(digits)
    return count + width * (positions - 1)
