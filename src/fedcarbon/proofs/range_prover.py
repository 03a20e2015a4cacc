"""Making slot range proofs (DESIGN section 9.2, "Prove"; steps are numbered as there).

The prover shows that 4 v_j (B_j - v_j) + 1 is a sum of three squares for every slot, so that
v_j (B_j - v_j) is not negative, with the same integers in the commitment A and in the ciphertext C.
Randomness is drawn afresh for every proof; who must send a proof again sends the stored bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, ClassVar, NamedTuple

from typing_extensions import override

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
from fedcarbon.proofs.transcript import Transcript


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


class RangeJob(NamedTuple):
    """One block to encrypt and prove."""

    context: RangeContext
    """Where the ciphertext belongs."""
    values: Sequence[int]
    """v_j per slot."""
    bounds: Sequence[int]
    """B_j per slot."""
    randbelow: RandomBelow
    """The source of everything random in this proof."""

    @override
    def __repr__(self) -> str:
        """Return where it belongs; values are secret."""
        return f"RangeJob({self.context})"


@dataclass(frozen=True, slots=True, repr=False)
class _Masks:
    """a, rho_a, s_a, tau1, tau0 of step 4."""

    numbers: SlotNumbers
    blinding: int
    randomiser: int
    linear: int
    constant: int


@dataclass(frozen=True, slots=True, repr=False)
class _Chance:
    """Everything random of one proof, besides the search for roots."""

    randomiser: int
    blinding: int
    masks: _Masks


@dataclass(frozen=True, slots=True, repr=False)
class _Prepared:
    """Everything of one proof that does not depend on its values."""

    chance: _Chance
    encryption: Any
    """H^s."""
    blinding: Any
    """h^rho."""
    mask_commitment: int
    """T."""
    mask_ciphertext: int
    """D."""
    linear: Any
    """h^tau1."""
    constant: Any
    """h^tau0."""


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
    return encrypt_and_prove_all(tables, [RangeJob(context, values, bounds, randbelow)])[0]


def encrypt_and_prove_all(tables: ProverTables, jobs: Sequence[RangeJob]) -> list[ProvedBlock]:
    """Return every block encrypted and proved, in order.

    Tables are walked through once for all jobs: hundreds at a time cost a third less than singles.

    Raises:
        ValueOutOfRangeError: a value of a job is not in [0, B_j].
        ThreeSquaresNotFoundError: see there.
    """
    numbers: list[SlotNumbers] = []
    chances: list[_Chance] = []
    for job in jobs:
        numbers.append(_with_roots(job.values, job.bounds, job.randbelow))
        chances.append(_draw_chance(tables.key, job.bounds, job.randbelow))
    prepared = _prepared(tables, chances)
    return _encrypted_and_proved(tables, jobs, numbers, prepared)


def prove(
    tables: ProverTables, statement: RangeStatement, witness: RangeWitness, randbelow: RandomBelow
) -> RangeProof:
    """Return a proof of `statement` by someone who knows `witness`.

    Nothing is checked: a witness that does not fit gives a proof that does not hold.
    """
    masks = _draw_masks(tables.key, statement.bounds, randbelow)
    chance = _Chance(witness.randomiser, witness.blinding, masks)
    prepared = _prepared(tables, [chance])
    return _proofs(tables, [statement], [witness.numbers], prepared)[0]


def _encrypted_and_proved(
    tables: ProverTables,
    jobs: Sequence[RangeJob],
    numbers: Sequence[SlotNumbers],
    prepared: Sequence[_Prepared],
) -> list[ProvedBlock]:
    statements = [
        RangeStatement(
            context=job.context,
            bounds=tuple(job.bounds),
            ciphertext=tables.encryptor.hidden(joined(job.values), of_proof.encryption),
        )
        for job, of_proof in zip(jobs, prepared, strict=True)
    ]
    proofs = _proofs(tables, statements, numbers, prepared)
    return [
        ProvedBlock(
            ciphertext=statement.ciphertext,
            proof=proof,
            witness=RangeWitness(
                numbers=of_slots,
                blinding=of_proof.chance.blinding,
                randomiser=of_proof.chance.randomiser,
            ),
        )
        for statement, proof, of_slots, of_proof in zip(
            statements, proofs, numbers, prepared, strict=True
        )
    ]


def _prepared(tables: ProverTables, chances: Sequence[_Chance]) -> list[_Prepared]:
    """Compute all powers whose exponents are drawn: (2) and (4) without values."""
    key, encryptor = tables.key, tables.encryptor
    masks = [chance.masks for chance in chances]
    masked = tables.of_masks([of_proof.numbers for of_proof in masks])
    encryptions = encryptor.powers([chance.randomiser for chance in chances])
    mask_encryptions = encryptor.powers([of_proof.randomiser for of_proof in masks])
    exponents = [
        (chance.blinding, chance.masks.blinding, chance.masks.linear, chance.masks.constant)
        for chance in chances
    ]
    powers = iter(tables.of_blindings([exponent for four in exponents for exponent in four]))
    prepared = []
    for index, chance in enumerate(chances):
        blinding, mask_blinding, linear, constant = islice(powers, 4)
        message = joined(chance.masks.numbers.v) % key.public_key.n
        prepared.append(
            _Prepared(
                chance=chance,
                encryption=encryptions[index],
                blinding=blinding,
                mask_commitment=key.canonical(masked[index] * mask_blinding),
                mask_ciphertext=encryptor.hidden(message, mask_encryptions[index]),
                linear=linear,
                constant=constant,
            )
        )
    return prepared


def _proofs(
    tables: ProverTables,
    statements: Sequence[RangeStatement],
    numbers: Sequence[SlotNumbers],
    prepared: Sequence[_Prepared],
) -> list[RangeProof]:
    key = tables.key
    commitments = [  # (2) A
        key.canonical(power * of_proof.blinding)
        for power, of_proof in zip(tables.of_values(numbers), prepared, strict=True)
    ]
    transcripts: list[Transcript] = []
    coefficients: list[int] = []
    for statement, commitment, of_slots, of_proof in zip(
        statements, commitments, numbers, prepared, strict=True
    ):
        transcript = range_transcript(key, statement, commitment)
        gammas = range_gammas(transcript, len(statement.bounds))  # (3)
        masks = of_proof.chance.masks.numbers
        coefficients += _coefficients(of_slots, masks, statement.bounds, gammas)
        transcripts.append(transcript)
    powers = iter(tables.of_constants(coefficients))
    return [
        _answered(key, transcript, commitment, of_slots, of_proof, tuple(islice(powers, 2)))
        for transcript, commitment, of_slots, of_proof in zip(
            transcripts, commitments, numbers, prepared, strict=True
        )
    ]


def _answered(
    key: ProofKey,
    transcript: Transcript,
    commitment: int,
    numbers: SlotNumbers,
    of_proof: _Prepared,
    powers: tuple[Any, ...],
) -> RangeProof:
    """Return the proof; `powers` are g_0^P1 and g_0^P0."""
    chance, masks = of_proof.chance, of_proof.chance.masks
    linear_commitment = key.canonical(powers[0] * of_proof.linear)
    constant_commitment = key.canonical(powers[1] * of_proof.constant)
    e = range_challenge(  # (5)
        transcript,
        key,
        t=of_proof.mask_commitment,
        d=of_proof.mask_ciphertext,
        e1=linear_commitment,
        e0=constant_commitment,
    )
    pairs = zip(masks.numbers.flat, numbers.flat, strict=True)
    return RangeProof(  # (6)
        commitment=commitment,
        mask_commitment=of_proof.mask_commitment,
        linear=linear_commitment,
        constant=constant_commitment,
        mask_ciphertext=of_proof.mask_ciphertext,
        responses=SlotNumbers.of_flat([mask + e * value for mask, value in pairs]),
        blinding_response=masks.blinding + e * chance.blinding,
        range_response=masks.constant + e * masks.linear,
        randomiser_response=masks.randomiser + e * chance.randomiser,
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


def _draw_chance(key: ProofKey, bounds: Sequence[int], randbelow: RandomBelow) -> _Chance:
    return _Chance(
        randomiser=randbelow(1 << key.public_key.randomiser_bits),
        blinding=randbelow(1 << sizes.blinding_bits(key.commitment_modulus)),
        masks=_draw_masks(key, bounds, randbelow),
    )


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
