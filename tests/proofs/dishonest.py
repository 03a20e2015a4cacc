"""A prover that need not be honest: every step of DESIGN 9.2 with everything open to change.

It asks the transcript functions of the code under test, so that a test which weakens them weakens
the attacker's and the verifier's side alike. Numbers may be negative, too long or fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from random import Random  # noqa: TID251 - seeded, for tests

import gmpy2
import pytest
from typing_extensions import override

from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.proofs import range_proof, sizes
from fedcarbon.proofs.commitments import ProofKey, SlotNumbers, joined
from fedcarbon.proofs.generators import derive_generators
from fedcarbon.proofs.multi_power import multi_power
from fedcarbon.proofs.range_proof import (
    RangeCheck,
    RangeContext,
    RangeProof,
    RangeProofInvalidError,
    RangeStatement,
)
from fedcarbon.proofs.range_verifier import verify, verify_all
from fedcarbon.proofs.three_squares import three_squares
from fedcarbon.proofs.transcript import Transcript
from tests.chance import seeded

Number = int | Fraction


def forgetting(*labels: bytes) -> type[Transcript]:
    """Return a weak transcript that leaves the items under these labels out."""

    class Forgetful(Transcript):
        __slots__ = ()

        @override
        def absorb_bytes(self, label: bytes, item: bytes) -> None:
            if label not in labels:
                super().absorb_bytes(label, item)

    return Forgetful


class GammaBeforeA(Transcript):
    """A weak transcript that takes A in only after the gammas are drawn."""

    __slots__ = ("_held",)

    @override
    def absorb_bytes(self, label: bytes, item: bytes) -> None:
        if label == b"A":
            self._held = item
            return
        if label == b"T":
            super().absorb_bytes(b"A", self._held)
        super().absorb_bytes(label, item)


@dataclass(frozen=True, kw_only=True)
class PoweredKey(ProofKey):
    """A weak key: its slot generators are powers of known elements, as squared hashes would be."""

    degree: int

    @cached_property
    def roots(self) -> tuple[int, ...]:
        derived = derive_generators(
            commitment_modulus=self.commitment_modulus,
            paillier_modulus=self.public_key.n,
            slots=self.layout.slots,
        )
        return tuple(generator.element for generator in derived)

    @cached_property
    @override
    def generators(self) -> tuple[int, ...]:
        powered = [
            self.canonical(pow(root, self.degree, self.commitment_modulus))
            for root in self.roots[:-2]
        ]
        return (*powered, *self.roots[-2:])


def powered(key: ProofKey, degree: int) -> PoweredKey:
    """Return the weak variant of a key."""
    return PoweredKey(
        parameter_id=key.parameter_id,
        public_key=key.public_key,
        commitment_modulus=key.commitment_modulus,
        layout=key.layout,
        degree=degree,
    )


def roots_of(values: Sequence[int], bounds: Sequence[int], chance: Random) -> SlotNumbers:
    """Return values with honest roots where there are any, else with zeros."""
    found = [
        three_squares(target, chance.randrange) if target > 0 else (0, 0, 0)
        for target in (
            4 * value * (bound - value) + 1 for value, bound in zip(values, bounds, strict=True)
        )
    ]
    x, y, z = zip(*found, strict=True)
    return SlotNumbers(v=tuple(values), x=x, y=y, z=z)


def packed(values: Sequence[Number], n: int) -> int:
    """Return the plaintext mod n of values that may be negative or fractions."""
    total = sum(Fraction(value) * 2 ** (SLOT_WIDTH_BITS * j) for j, value in enumerate(values))
    return total.numerator * pow(total.denominator, -1, n) % n if total else 0


@dataclass(frozen=True, kw_only=True)
class Masks:
    """What step 4 draws."""

    a: SlotNumbers
    rho: int
    s: int
    tau1: int
    tau0: int


@dataclass(kw_only=True)
class Attacker:
    """Who has the public key of proofs, a place in the record, and no scruples."""

    key: ProofKey
    context: RangeContext
    chance: Random

    def encrypt(self, plaintext: int, s: int) -> int:
        """Return Enc(plaintext mod n; s) for s of any length."""
        n, modulus = self.key.public_key.n, self.key.public_key.n_squared
        return (1 + n * (plaintext % n)) * pow(self.key.blinding_base, s, modulus) % modulus

    def statement(
        self, bounds: Sequence[int], values: Sequence[Number]
    ) -> tuple[RangeStatement, int]:
        """Return a statement over a fresh ciphertext of any values, with its randomiser."""
        s = self.chance.getrandbits(self.key.public_key.randomiser_bits)
        ciphertext = self.encrypt(packed(values, self.key.public_key.n), s)
        return self.about(bounds, ciphertext), s

    def about(self, bounds: Sequence[int], ciphertext: int) -> RangeStatement:
        return RangeStatement(context=self.context, bounds=tuple(bounds), ciphertext=ciphertext)

    def commit(self, numbers: SlotNumbers, blinding: int) -> int:
        """Return the commitment to numbers; fractions need generators with known roots."""
        key = self.key
        bases, exponents = key.slot_generators, list(numbers.flat)
        if isinstance(key, PoweredKey):
            bases, exponents = key.roots[:-2], [key.degree * number for number in exponents]
        whole = [int(exponent) for exponent in exponents]
        power = multi_power(bases, whole, key.commitment_modulus)
        return key.canonical(power * pow(key.blinding_generator, blinding, key.commitment_modulus))

    def constant(self, coefficient: int, blinding: int) -> int:
        modulus = self.key.commitment_modulus
        power = pow(self.key.constant_generator, coefficient, modulus)
        return self.key.canonical(power * pow(self.key.blinding_generator, blinding, modulus))

    def masks(self, bounds: Sequence[int], *, multiple_of: int = 1) -> Masks:
        """Return masks of honest lengths."""
        modulus = self.key.commitment_modulus
        lengths = [sizes.value_mask_bits(bound) for bound in bounds] * 4
        flat = [self.chance.getrandbits(length) // multiple_of * multiple_of for length in lengths]
        return Masks(
            a=SlotNumbers.of_flat(flat),
            rho=self.chance.getrandbits(sizes.blinding_mask_bits(modulus)),
            s=self.chance.getrandbits(
                sizes.randomiser_mask_bits(self.key.public_key.randomiser_bits)
            ),
            tau1=self.chance.getrandbits(sizes.blinding_bits(modulus)),
            tau0=self.chance.getrandbits(sizes.blinding_mask_bits(modulus)),
        )

    def gammas(self, statement: RangeStatement, commitment: int) -> list[int]:
        transcript = range_proof.range_transcript(self.key, statement, commitment)
        return range_proof.range_gammas(transcript, len(statement.bounds))

    def challenge(
        self, statement: RangeStatement, commitment: int, *, t: int, d: int, e1: int, e0: int
    ) -> int:
        transcript = range_proof.range_transcript(self.key, statement, commitment)
        range_proof.range_gammas(transcript, len(statement.bounds))
        return range_proof.range_challenge(transcript, self.key, t=t, d=d, e1=e1, e0=e0)

    def challenge_of(self, statement: RangeStatement, proof: RangeProof) -> int:
        """Return e of a finished proof."""
        return self.challenge(
            statement,
            proof.commitment,
            t=proof.mask_commitment,
            d=proof.mask_ciphertext,
            e1=proof.linear,
            e0=proof.constant,
        )

    def prove(
        self,
        statement: RangeStatement,
        numbers: SlotNumbers,
        s: int,
        *,
        divisor: int = 1,
        d_offset: int = 0,
    ) -> RangeProof:
        """Return what an honest prover would make of any witness, whether it fits or not.

        Args:
            statement: what is claimed.
            numbers: integers, or fractions whose denominators divide `divisor`.
            s: the randomiser of the ciphertext.
            divisor: masks are multiples of it, and it waits for an e that is one too.
            d_offset: by how much the plaintext of D differs from the packed masks.
        """
        bounds = statement.bounds
        blinding = self.chance.getrandbits(sizes.blinding_bits(self.key.commitment_modulus))
        commitment = self.commit(numbers, blinding)
        gammas = self.gammas(statement, commitment)
        while True:
            masks = self.masks(bounds, multiple_of=divisor)
            p1, p0 = coefficients(numbers, masks.a, bounds, gammas)
            first = {
                "t": self.commit(masks.a, masks.rho),
                "d": self.encrypt(joined(masks.a.v) + d_offset, masks.s),
                "e1": self.constant(p1, masks.tau1),
                "e0": self.constant(p0, masks.tau0),
            }
            e = self.challenge(statement, commitment, **first)
            if e % divisor == 0:
                break
        pairs = zip(masks.a.flat, numbers.flat, strict=True)
        return RangeProof(
            commitment=commitment,
            mask_commitment=first["t"],
            linear=first["e1"],
            constant=first["e0"],
            mask_ciphertext=first["d"],
            responses=SlotNumbers.of_flat([int(mask + e * value) for mask, value in pairs]),
            blinding_response=masks.rho + e * blinding,
            range_response=masks.tau0 + e * masks.tau1,
            randomiser_response=masks.s + e * s,
        )


def coefficients(
    numbers: SlotNumbers, masks: SlotNumbers, bounds: Sequence[int], gammas: Sequence[int]
) -> tuple[int, int]:
    """Return P1 and P0 of step 4."""
    p1 = p0 = Fraction(0)
    for j, (bound, gamma) in enumerate(zip(bounds, gammas, strict=True)):
        mixed = sum(getattr(masks, kind)[j] * getattr(numbers, kind)[j] for kind in "xyz")
        p1 += gamma * (4 * masks.v[j] * (bound - 2 * Fraction(numbers.v[j])) - 2 * mixed)
        p0 -= gamma * (4 * masks.v[j] ** 2 + sum(getattr(masks, kind)[j] ** 2 for kind in "xyz"))
    # Fractions are a weak key's matter; there the masks make these whole.
    return int(p1), int(p0)


def sum_of_three_squares(number: int, chance: Random) -> tuple[int, int, int]:
    """Return three squares for a number that is 1 or 2 mod 4, or a power of 4 times one."""
    if number % 4 == 0:
        x, y, z = sum_of_three_squares(number // 4, chance)
        return 2 * x, 2 * y, 2 * z
    if number % 4 == 1:
        return three_squares(number, chance.randrange)
    # An odd x leaves a number that is 1 mod 4; its own search with 0 as the first root gives two.
    while True:
        x = 2 * chance.randrange(gmpy2.isqrt(number) // 2) + 1
        rest = int(number - x * x)
        if gmpy2.is_prime(rest):
            return int(x), *two_squares(rest)


def two_squares(prime: int) -> tuple[int, int]:
    """Return y and z with y^2 + z^2 = `prime`, by Cornacchia's algorithm."""
    root = next(
        r
        for g in range(2, 1000)
        if (r := pow(g, (prime - 1) // 4, prime)) ** 2 % prime == prime - 1
    )
    larger, smaller = prime, root
    while smaller * smaller > prime:
        larger, smaller = smaller, larger % smaller
    return smaller, int(gmpy2.isqrt(prime - smaller * smaller))


def check_that_fails(key: ProofKey, statement: RangeStatement, proof: RangeProof) -> RangeCheck:
    """Return the check by which a proof is refused, alone and in a batch."""
    with pytest.raises(RangeProofInvalidError) as alone:
        verify(key, statement, proof)
    with pytest.raises(RangeProofInvalidError) as batched:
        verify_all(key, [(statement, proof)], seeded(3).randrange)
    assert batched.value.args == alone.value.args
    assert alone.value.context == statement.context
    return alone.value.check
