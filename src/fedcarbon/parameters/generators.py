"""What follows from the two moduli by hashing; counters are published, everyone checks them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fedcarbon.canonical.hashing import length_prefixed, natural_bytes
from fedcarbon.identity.ristretto import Element, hash_to_group
from fedcarbon.packing.layout import slots_of
from fedcarbon.paillier.keys import derive_y
from fedcarbon.paillier.threshold_key import derive_verification_base
from fedcarbon.proofs.generators import derive_generators

_RISTRETTO_TAG: Final = b"fedcarbon/v1/ristretto-generator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Counters at which the hashes of the moduli gave y, v and the generators, and G' itself."""

    blinding_counter: int
    verification_counter: int
    generator_counters: tuple[int, ...]
    """g_v, g_x, g_y, g_z for every slot, then g_0 and h."""
    ristretto_generator: Element
    """G' in ristretto255, for commitments to pieces."""


def derive_all(modulus: int, commitment_modulus: int) -> Derived:
    """Return everything that follows from n and N alone."""
    generators = derive_generators(
        commitment_modulus=commitment_modulus,
        paillier_modulus=modulus,
        slots=slots_of(modulus.bit_length()),
    )
    moduli = length_prefixed(natural_bytes(modulus), natural_bytes(commitment_modulus))
    return Derived(
        blinding_counter=derive_y(modulus)[1],
        verification_counter=derive_verification_base(modulus)[1],
        generator_counters=tuple(generator.counter for generator in generators),
        ristretto_generator=hash_to_group(moduli, _RISTRETTO_TAG),
    )
