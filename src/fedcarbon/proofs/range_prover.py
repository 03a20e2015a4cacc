"""Making slot range proofs (DESIGN section 9.2, "Prove"; steps are numbered as there).

The prover shows that 4 v_j (B_j - v_j) + 1 is a sum of three squares for every slot, so that
v_j (B_j - v_j) is not negative, with the same integers in the commitment A and in the ciphertext C.
Randomness is drawn afresh for every proof; who must send a proof again sends the stored bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

from fedcarbon.errors import CallerError, MalformedError
from fedcarbon.proofs import sizes
from fedcarbon.proofs.commitments import ProofKey, ProverTables, RandomBelow, SlotNumbers, joined
from fedcarbon.proofs.generators import SLOT_KINDS
from fedcarbon.proofs.range_proof import (
    RangeContext,
    RangeProof,
    RangeStatement,
    range_challenge,
    range_gammas,
    range_transcript,
)
from fedcarbon.proofs.three_squares import three_squares


class ValueOutOfRangeError(CallerError):
    """A value that is negative or above its bound: there is nothing to prove."""

    code: ClassVar[str] = "VALUE_OUT_OF_RANGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeWitness:
    """What only the prover knows of a proved block; kept for the proofs that refer to A."""

    numbers: SlotNumbers = field(repr=False)
    """Values and their roots."""
    blinding: int = field(repr=False)
    """rho."""
    randomiser: int = field(repr=False)
    """s."""

    def to_bytes(self, key: ProofKey, bound_max: int) -> bytes:
        """Return values, x, y and z of every slot, rho and s, big-endian, each at a fixed width.

        Args:
            key: of the parameter set.
            bound_max: the largest bound of a slot.
        """
        numbers = (*self.numbers.flat, self.blinding, self.randomiser)
        pairs = zip(numbers, _witness_widths(key, bound_max), strict=True)
        return b"".join(number.to_bytes(width, "big") for number, width in pairs)

    @classmethod
    def from_bytes(cls, key: ProofKey, bound_max: int, data: bytes) -> RangeWitness:
        """Return the witness that `to_bytes` wrote.

        Raises:
            MalformedError: another length.
        """
        widths = _witness_widths(key, bound_max)
        if len(data) != sum(widths):
            raise MalformedError(f"a witness has {sum(widths)} bytes, not {len(data)}")
        numbers, start = [], 0
        for width in widths:
            numbers.append(int.from_bytes(data[start : start + width], "big"))
            start += width
        return cls(
            numbers=SlotNumbers.of_flat(numbers[:-2]), blinding=numbers[-2], randomiser=numbers[-1]
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvedBlock:
    """A ciphertext with its proof, and the witness, which stays with the prover."""

    ciphertext: int = field(repr=False)
    proof: RangeProof = field(repr=False)
    witness: RangeWitness


class _Masks(NamedTuple):
    """a, rho_a, s_a, tau1, tau0 of step 4."""

    numbers: SlotNumbers
    blinding: int
    randomiser: int
    linear: int
    constant: int


def encrypt_and_prove(
    tables: ProverTables,
    context: RangeContext,
    *,
    values: Sequence[int],
    bounds: Sequence[int],
    randbelow: RandomBelow,
) -> ProvedBlock:
    """Encrypt one value per slot and prove that each is within its bound.

    Args:
        tables: see `ProverTables`.
        context: where the ciphertext belongs.
        values: v_j per slot.
        bounds: B_j per slot.
        randbelow: the source of everything random.

    Raises:
        ValueOutOfRangeError: a value is not in [0, B_j].
        ThreeSquaresNotFoundError: see there.
    """
    key = tables.key
    numbers = _with_roots(values, bounds, randbelow)
    randomiser = randbelow(1 << key.public_key.randomiser_bits)
    ciphertext = tables.encryptor.encrypt(joined(values), randomiser)
    statement = RangeStatement(context=context, bounds=tuple(bounds), ciphertext=ciphertext)
    blinding = randbelow(1 << sizes.blinding_bits(key.commitment_modulus))  # (2)
    witness = RangeWitness(numbers=numbers, blinding=blinding, randomiser=randomiser)
    proof = prove(tables, statement, witness, randbelow)
    return ProvedBlock(ciphertext=ciphertext, proof=proof, witness=witness)


def prove(
    tables: ProverTables, statement: RangeStatement, witness: RangeWitness, randbelow: RandomBelow
) -> RangeProof:
    """Return a proof of `statement` by someone who knows `witness`.

    Nothing is checked: a witness that does not fit gives a proof that does not hold.
    """
    key, bounds = tables.key, statement.bounds
    slots = len(bounds)
    commitment = tables.of_values(witness.numbers, witness.blinding)  # (2) A
    transcript = range_transcript(key, statement, commitment)
    gammas = range_gammas(transcript, slots)  # (3)
    masks = _draw_masks(key, bounds, randbelow)  # (4)
    mask_commitment = tables.of_masks(masks.numbers, masks.blinding)
    mask_ciphertext = tables.encryptor.encrypt(
        joined(masks.numbers.v) % key.public_key.n, masks.randomiser
    )
    linear, constant = _coefficients(witness.numbers, masks.numbers, bounds, gammas)
    linear_commitment = tables.of_constant(linear, masks.linear)
    constant_commitment = tables.of_constant(constant, masks.constant)
    e = range_challenge(  # (5)
        transcript,
        key,
        t=mask_commitment,
        d=mask_ciphertext,
        e1=linear_commitment,
        e0=constant_commitment,
    )
    pairs = zip(masks.numbers.flat, witness.numbers.flat, strict=True)
    return RangeProof(  # (6)
        commitment=commitment,
        mask_commitment=mask_commitment,
        linear=linear_commitment,
        constant=constant_commitment,
        mask_ciphertext=mask_ciphertext,
        responses=SlotNumbers.of_flat([mask + e * value for mask, value in pairs]),
        blinding_response=masks.blinding + e * witness.blinding,
        range_response=masks.constant + e * masks.linear,
        randomiser_response=masks.randomiser + e * witness.randomiser,
    )


def _witness_widths(key: ProofKey, bound_max: int) -> list[int]:
    value_bits = (bound_max + 1).bit_length()
    bits = [
        *[value_bits] * (len(SLOT_KINDS) * key.layout.slots),
        sizes.blinding_bits(key.commitment_modulus),
        key.public_key.randomiser_bits,
    ]
    return [(length + 7) // 8 for length in bits]


def _with_roots(
    values: Sequence[int], bounds: Sequence[int], randbelow: RandomBelow
) -> SlotNumbers:
    """Return the values with the roots of 4 v (B - v) + 1: step 1."""
    roots = []
    for slot, (value, bound) in enumerate(zip(values, bounds, strict=True)):
        if not 0 <= value <= bound:
            raise ValueOutOfRangeError(f"the value of slot {slot} is not within its bound")
        roots.append(three_squares(4 * value * (bound - value) + 1, randbelow))
    x, y, z = zip(*roots, strict=True)
    return SlotNumbers(v=tuple(values), x=x, y=y, z=z)


def _draw_masks(key: ProofKey, bounds: Sequence[int], randbelow: RandomBelow) -> _Masks:
    of_slots = [1 << sizes.value_mask_bits(bound) for bound in bounds]
    modulus = key.commitment_modulus
    return _Masks(
        numbers=SlotNumbers.of_flat([randbelow(limit) for limit in of_slots * 4]),
        blinding=randbelow(1 << sizes.blinding_mask_bits(modulus)),
        randomiser=randbelow(1 << sizes.randomiser_mask_bits(key.public_key.randomiser_bits)),
        linear=randbelow(1 << sizes.blinding_bits(modulus)),
        constant=randbelow(1 << sizes.blinding_mask_bits(modulus)),
    )


def _coefficients(
    numbers: SlotNumbers, masks: SlotNumbers, bounds: Sequence[int], gammas: Sequence[int]
) -> tuple[int, int]:
    """Return P1 and P0: what is left of Q besides the term that the statement makes zero."""
    linear = constant = 0
    for j, (bound, gamma) in enumerate(zip(bounds, gammas, strict=True)):
        mixed = masks.x[j] * numbers.x[j] + masks.y[j] * numbers.y[j] + masks.z[j] * numbers.z[j]
        linear += gamma * (4 * masks.v[j] * (bound - 2 * numbers.v[j]) - 2 * mixed)
        squares = masks.x[j] ** 2 + masks.y[j] ** 2 + masks.z[j] ** 2
        constant -= gamma * (4 * masks.v[j] ** 2 + squares)
    return linear, constant
