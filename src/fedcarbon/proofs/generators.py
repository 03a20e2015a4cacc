"""Generators of the commitment group, which nobody could choose and whose roots nobody knows.

The group is SQR(N), the signed quadratic residues of Hofheinz and Kiltz 2009: x with
0 < x <= (N - 1) / 2 and Jacobi symbol (x | N) = +1; the product of x and y is the smaller of
x y mod N and N - x y mod N. For N a product of two safe primes it is cyclic of odd order, and
membership is decidable by anyone.

**A hash output is never squared here.** Everyone would know the square root of such a generator,
and a range proof over it would accept half-integer slots: v_j + 1/2 puts 2^(W-1) into the
neighbour. The counter goes up until the Jacobi symbol is +1 instead (twice on average).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

import gmpy2

from fedcarbon.canonical.hashing import expand_integer, natural_bytes, u32
from fedcarbon.errors import CallerError
from fedcarbon.paillier.keys import HASH_EXCESS_BITS

_LABEL: Final = b"fedcarbon/v1/generator"


class GroupElementInvalidError(CallerError):
    """A number that is not the canonical representative of a signed quadratic residue."""

    code: ClassVar[str] = "GROUP_ELEMENT_INVALID"


class GeneratorKind(StrEnum):
    """What a generator is for (DESIGN section 9.2)."""

    VALUE = "v"
    """g_{v,j}: the value of slot j."""
    SQUARE_X = "x"
    """g_{x,j}: the first of the three squares of slot j."""
    SQUARE_Y = "y"
    SQUARE_Z = "z"
    CONSTANT = "0"
    """g_0: the coefficients of the range equation; index 0 only."""
    BLINDING = "h"
    """h: the randomness; index 0 only."""
    DELTA_VALUE = "dv"
    """g_dv: the difference of a link proof (DESIGN section 9.4); index 0 only, as its roots."""
    DELTA_X = "dx"
    DELTA_Y = "dy"
    DELTA_Z = "dz"


SLOT_KINDS: Final = (
    GeneratorKind.VALUE,
    GeneratorKind.SQUARE_X,
    GeneratorKind.SQUARE_Y,
    GeneratorKind.SQUARE_Z,
)
SINGLE_KINDS: Final = (GeneratorKind.CONSTANT, GeneratorKind.BLINDING)
LINK_KINDS: Final = (
    GeneratorKind.DELTA_VALUE,
    GeneratorKind.DELTA_X,
    GeneratorKind.DELTA_Y,
    GeneratorKind.DELTA_Z,
)
"""Of link proofs: everyone derives them, and no parameter set lists their counters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """One generator and how it was found."""

    kind: GeneratorKind
    index: int
    """The slot j; 0 for a kind that has a single generator."""
    element: int
    """The canonical representative in SQR(N)."""
    counter: int
    """The first counter whose hash has Jacobi symbol +1; published beside the element."""


def derive_generator(
    kind: GeneratorKind, index: int, *, commitment_modulus: int, paillier_modulus: int
) -> Generator:
    """Return the generator of that kind and index.

    Hash (label, kind, index, N, n, counter) to |N| + 128 bits, reduce mod N to x, take
    min(x, N - x), raise the counter until (x | N) = +1.

    Args:
        kind: what it is for.
        index: the slot, from 0.
        commitment_modulus: N, odd and not a square.
        paillier_modulus: n, so that another key has other generators.
    """
    big_n = commitment_modulus
    bits = big_n.bit_length() + HASH_EXCESS_BITS
    counter = 0
    while True:
        x = expand_integer(
            _LABEL,
            kind.value.encode(),
            u32(index),
            natural_bytes(big_n),
            natural_bytes(paillier_modulus),
            u32(counter),
            bits=bits,
        )
        x %= big_n
        if gmpy2.jacobi(x, big_n) == 1:
            return Generator(kind=kind, index=index, element=min(x, big_n - x), counter=counter)
        counter += 1


def derive_generators(
    *, commitment_modulus: int, paillier_modulus: int, slots: int
) -> tuple[Generator, ...]:
    """Return all 4 k + 2 generators: v, x, y, z for every slot, then g_0 and h.

    Args:
        commitment_modulus: N.
        paillier_modulus: n.
        slots: k, the slots of a plaintext.
    """
    wanted = [(kind, index) for kind in SLOT_KINDS for index in range(slots)]
    wanted += [(kind, 0) for kind in SINGLE_KINDS]
    return tuple(
        derive_generator(
            kind, index, commitment_modulus=commitment_modulus, paillier_modulus=paillier_modulus
        )
        for kind, index in wanted
    )


def check_element(commitment_modulus: int, element: int) -> None:
    """Accept the one canonical representative of a member of SQR(N).

    Raises:
        GroupElementInvalidError: not in (0, (N - 1) / 2], or its Jacobi symbol is not +1.
    """
    if not 0 < element <= commitment_modulus // 2:
        raise GroupElementInvalidError("a group element must be above 0 and at most (N - 1) / 2")
    if gmpy2.jacobi(element, commitment_modulus) != 1:
        raise GroupElementInvalidError("a group element must have Jacobi symbol +1")
