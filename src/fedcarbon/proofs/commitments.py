"""Integer commitments in SQR(N) to everything that a packed block holds (Damgard-Fujisaki 2002).

    A = prod_j g_{v,j}^{v_j} g_{x,j}^{x_j} g_{y,j}^{y_j} g_{z,j}^{z_j} h^rho

`ProofKey` is what all proofs of one parameter set share: both moduli, the layout and the
generators, and the parameter id that binds them. Elements are represented by the smaller of x and
N - x; whoever computes works mod N and takes the canonical one at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate
from typing import Any, Final, NamedTuple

import gmpy2
from typing_extensions import override

from fedcarbon.packing.layout import SLOT_WIDTH_BITS, Layout, LayoutDoesNotFitError
from fedcarbon.paillier.cipher import Encryptor, encryption_shape
from fedcarbon.paillier.fixed_base import Comb, CombShape, Slices, window_bits_for
from fedcarbon.paillier.keys import PublicKey, blinding_base
from fedcarbon.proofs import sizes
from fedcarbon.proofs.generators import SINGLE_KINDS, SLOT_KINDS, derive_generators

RandomBelow = Callable[[int], int]
"""Uniform in [0, bound), from a cryptographic source of whoever proves or checks."""

VALUE_WINDOW_BITS: Final = 9
"""Digits of values: four columns, as with 10 and 11, at a half and a quarter of the memory."""

CONSTANT_WINDOW_BITS: Final = 10
"""Digits of the coefficients of g_0, whose powers are a fiftieth of the work."""


@dataclass(frozen=True, kw_only=True)
class ProofKey:
    """What prover and verifier of one parameter set have in common. All of it is public."""

    parameter_id: bytes
    public_key: PublicKey
    commitment_modulus: int = field(repr=False)
    """N."""
    layout: Layout

    def __post_init__(self) -> None:
        """Tie the layout to this modulus: check (1a) of a proof rests on it.

        Raises:
            LayoutDoesNotFitError: the layout was made for a modulus of another length.
        """
        if self.layout.modulus_bits != self.public_key.bits:
            raise LayoutDoesNotFitError(
                f"a layout for {self.layout.modulus_bits} bits does not go with a modulus of "
                f"{self.public_key.bits} bits"
            )

    @cached_property
    def generators(self) -> tuple[int, ...]:
        """g_v of every slot, then g_x, g_y, g_z, then g_0 and h: 4 k + 2 elements of SQR(N)."""
        derived = derive_generators(
            commitment_modulus=self.commitment_modulus,
            paillier_modulus=self.public_key.n,
            slots=self.layout.slots,
        )
        return tuple(generator.element for generator in derived)

    @property
    def slot_generators(self) -> tuple[int, ...]:
        """The 4 k generators of values and roots, in the order of `SlotNumbers.flat`."""
        return self.generators[: -len(SINGLE_KINDS)]

    @property
    def constant_generator(self) -> int:
        """The generator g_0."""
        return self.generators[-2]

    @property
    def blinding_generator(self) -> int:
        """The generator h."""
        return self.generators[-1]

    @cached_property
    def blinding_base(self) -> int:
        """H, the base of Paillier randomisers."""
        return blinding_base(self.public_key.n)

    @property
    def warmed(self) -> ProofKey:
        """This key with everything derived: what travels to other processes derives it no more."""
        _ = self.generators, self.blinding_base
        return self

    @property
    def element_bytes(self) -> int:
        """Width of an encoded group element: |N| / 8, rounded up."""
        return (self.commitment_modulus.bit_length() + 7) // 8

    def canonical(self, value: Any) -> int:  # noqa: ANN401 - mpz has no type stubs
        """Return the representative in SQR(N) of a product that was computed mod N."""
        reduced = int(value) % self.commitment_modulus
        return min(reduced, self.commitment_modulus - reduced)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotNumbers:
    """One number per slot and kind: values with their roots, or masks, or responses."""

    v: tuple[int, ...]
    x: tuple[int, ...]
    y: tuple[int, ...]
    z: tuple[int, ...]

    @property
    def flat(self) -> tuple[int, ...]:
        """All of them in the order of the generators."""
        return self.v + self.x + self.y + self.z

    @classmethod
    def of_flat(cls, numbers: Sequence[int]) -> SlotNumbers:
        """Return the inverse of `flat`; there are 4 k numbers."""
        slots = len(numbers) // len(SLOT_KINDS)
        parts = [tuple(numbers[i * slots : (i + 1) * slots]) for i in range(len(SLOT_KINDS))]
        return cls(v=parts[0], x=parts[1], y=parts[2], z=parts[3])

    @override
    def __repr__(self) -> str:
        """Return no number: values and masks are secret."""
        return "SlotNumbers(<redacted>)"


def joined(values: Sequence[int]) -> int:
    """Return sum of values_j 2^(W j) as an integer: the numbers may be longer than a slot."""
    total = 0
    for value in reversed(values):
        total = (total << SLOT_WIDTH_BITS) + value
    return total


class ProverShape(NamedTuple):
    """The tables of a prover, in the order in which they are stored; see `prover_shape`."""

    values: CombShape
    """Of the slots' generators, for values and roots."""
    masks: CombShape
    """Of the same, for masks, which are much longer: the short ones are a seventh of the work."""
    blinding: CombShape
    """Of h."""
    constant: CombShape
    """Of g_0."""
    encryption: CombShape
    """Of H."""

    @property
    def data_bytes(self) -> int:
        """Size of all tables."""
        return sum(shape.data_bytes for shape in self)

    def built(self) -> Iterator[bytes]:
        """Yield all tables, one after the other."""
        return (table for shape in self for table in shape.built())


def prover_shape(key: ProofKey, *, bound_max: int, window_bits: int | None = None) -> ProverShape:
    """Return the sizes of the tables of a prover.

    Args:
        key: of everything that is proved.
        bound_max: largest bound of a slot; longer values and masks are refused.
        window_bits: length of a digit; by default what `window_bits_for` says. A process that
            proves a few masks only, as a trustee does, saves memory with 6.
    """
    modulus, generators = key.commitment_modulus, key.slot_generators
    blinding_bits = sizes.blinding_mask_bits(modulus)
    window = window_bits_for(key.public_key.randomiser_bits) if window_bits is None else window_bits
    value_bits = (bound_max + 1).bit_length()
    return ProverShape(
        values=CombShape.of_many(
            generators,
            modulus,
            exponent_bits=value_bits,
            window_bits=min(window, VALUE_WINDOW_BITS),
        ),
        masks=CombShape.of_many(
            generators,
            modulus,
            exponent_bits=sizes.value_mask_bits(bound_max),
            window_bits=window,
        ),
        blinding=CombShape.of_one(
            key.blinding_generator, modulus, exponent_bits=blinding_bits, window_bits=window
        ),
        constant=CombShape.of_one(
            key.constant_generator,
            modulus,
            exponent_bits=sizes.coefficient_bits(bound_max, key.layout.slots),
            window_bits=min(window, CONSTANT_WINDOW_BITS),
        ),
        encryption=encryption_shape(
            key.public_key, window, sizes.randomiser_mask_bits(key.public_key.randomiser_bits)
        ),
    )


class ProverTables:
    """Powers of the fixed bases, for whoever proves; 3072 bits: 0.3 GB, which may be shared."""

    __slots__ = ("_blinding", "_constant", "_masks", "_values", "encryptor", "key")

    def __init__(
        self,
        key: ProofKey,
        *,
        bound_max: int,
        window_bits: int | None = None,
        data: Slices | None = None,
    ) -> None:
        """Build the tables, or take them.

        Args:
            key: see `prover_shape`.
            bound_max: see `prover_shape`.
            window_bits: see `prover_shape`.
            data: what `ProverShape.built` has made; by default the tables are built.
        """
        shape = prover_shape(key, bound_max=bound_max, window_bits=window_bits)
        starts = accumulate((part.data_bytes for part in shape[:-1]), initial=0)
        combs = [
            Comb(part) if data is None else Comb(part, data, start)
            for part, start in zip(shape, starts, strict=True)
        ]
        self.key: Final = key
        self._values, self._masks, self._blinding, self._constant, encryption = combs
        self.encryptor: Final = Encryptor(key.public_key, comb=encryption)

    def of_values(self, rows: Sequence[SlotNumbers]) -> list[Any]:
        """Return prod g^numbers for every row of values and their roots."""
        return self._values.powers([numbers.flat for numbers in rows])

    def of_masks(self, rows: Sequence[SlotNumbers]) -> list[Any]:
        """Return prod g^numbers for every row of masks."""
        return self._masks.powers([numbers.flat for numbers in rows])

    def of_blindings(self, blindings: Sequence[int]) -> list[Any]:
        """Return h^blinding for every blinding."""
        return self._blinding.powers([(blinding,) for blinding in blindings])

    def of_constants(self, coefficients: Sequence[int]) -> list[Any]:
        """Return g_0^coefficient for every coefficient, which may be negative."""
        powers = self._constant.powers([(abs(coefficient),) for coefficient in coefficients])
        return [
            gmpy2.invert(power, self.key.commitment_modulus) if coefficient < 0 else power
            for coefficient, power in zip(coefficients, powers, strict=True)
        ]
