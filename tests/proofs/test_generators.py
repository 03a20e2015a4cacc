from __future__ import annotations

import gmpy2
import pytest

from fedcarbon.proofs.generators import (
    GeneratorKind,
    GroupElementInvalidError,
    check_element,
    derive_generator,
    derive_generators,
)
from tests.keys.primes import Primes


def test_there_are_four_generators_per_slot_and_two_more(tiny_primes: Primes) -> None:
    generators = derive_generators(
        commitment_modulus=tiny_primes.big_n, paillier_modulus=tiny_primes.n, slots=4
    )

    names = [f"{generator.kind}{generator.index}" for generator in generators]
    assert names == [
        *("v0", "v1", "v2", "v3", "x0", "x1", "x2", "x3"),
        *("y0", "y1", "y2", "y3", "z0", "z1", "z2", "z3"),
        *("00", "h0"),
    ]
    assert len({generator.element for generator in generators}) == 18


def test_a_generator_is_the_first_hash_with_jacobi_symbol_one(tiny_primes: Primes) -> None:
    big_n = tiny_primes.big_n
    generators = derive_generators(
        commitment_modulus=big_n, paillier_modulus=tiny_primes.n, slots=27
    )

    for generator in generators:
        check_element(big_n, generator.element)
    # Half of all hashes have symbol -1: counters above 0 must occur, or nothing was tested.
    assert {0, 1} <= {generator.counter for generator in generators}


def test_a_generator_is_no_known_square(tiny_primes: Primes) -> None:
    # Squaring gives residues only; unsquared hashes are residues mod big_p half of the time
    # (before the sign is dropped: -1 is a non-residue mod both primes).
    generators = derive_generators(
        commitment_modulus=tiny_primes.big_n, paillier_modulus=tiny_primes.n, slots=27
    )

    symbols = {gmpy2.legendre(generator.element, tiny_primes.big_p) for generator in generators}

    assert symbols == {1, -1}


def test_every_input_changes_the_generator(tiny_primes: Primes) -> None:
    big_n, n = tiny_primes.big_n, tiny_primes.n
    derived = {
        derive_generator(kind, index, commitment_modulus=modulus, paillier_modulus=other).element
        for kind, index, modulus, other in (
            (GeneratorKind.VALUE, 0, big_n, n),
            (GeneratorKind.VALUE, 1, big_n, n),
            (GeneratorKind.SQUARE_X, 0, big_n, n),
            (GeneratorKind.VALUE, 0, n, n),
            (GeneratorKind.VALUE, 0, big_n, big_n),
        )
    }

    assert len(derived) == 5


def not_in_the_group(primes: Primes) -> dict[str, int]:
    big_n = primes.big_n
    element = derive_generator(
        GeneratorKind.VALUE, 0, commitment_modulus=big_n, paillier_modulus=primes.n
    ).element
    minus_one = next(x for x in range(2, 1000) if gmpy2.jacobi(x, big_n) == -1)
    return {
        "commitment_jacobi_minus_one": minus_one,
        "commitment_not_canonical_sign": big_n - element,
        "commitment_zero": 0,
        "negative": -element,
        "not reduced": element + big_n,
        "a multiple of a prime": primes.big_p,
    }


@pytest.mark.parametrize(
    "attack",
    [
        "commitment_jacobi_minus_one",
        "commitment_not_canonical_sign",
        "commitment_zero",
        "negative",
        "not reduced",
        "a multiple of a prime",
    ],
)
def test_a_number_that_is_no_canonical_element_is_refused(tiny_primes: Primes, attack: str) -> None:
    with pytest.raises(GroupElementInvalidError):
        check_element(tiny_primes.big_n, not_in_the_group(tiny_primes)[attack])
