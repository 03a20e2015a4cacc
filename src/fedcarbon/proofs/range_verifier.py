"""Checking slot range proofs, one at a time or many at once (DESIGN section 9.2, "Verify").

Why the numbered checks are enough. Two accepted answers to one A, T, D, E0, E1 with different e
give, by (2), integers that A commits to: strong RSA and factoring in SQR(N), whose generators have
no known root, leave no rational ones. By (3) their packed sum is the plaintext of C mod n, because
e - e' is shorter than every factor of n; squaring removes the sign that a unit mod n^2 of order two
could hide. Three answers make the polynomial of (4) vanish in e^2:
sum gamma_j (4 v_j (B_j - v_j) + 1 - x_j^2 - y_j^2 - z_j^2) = 0, with everything but gamma fixed by
A before gamma was drawn, so that every term is 0. A sum of three squares is not negative, hence
v_j (B_j - v_j) >= -1/4, hence 0 <= v_j <= B_j. By (1a) the packed sum is below n, so it is the
plaintext itself and no slot can borrow from the next. (1d) keeps the integers so short that none of
this wraps.

A batch folds (2) and (4) of all proofs into one equation mod N and (3) into one mod n^2, under
three independent 128-bit weights per proof that the verifier draws after it holds all of them. One
weight for (2) and (4) would let errors in them cancel. Nobody knows the group orders, so exponents
are not reduced; both sides are squared once at the end, as elements are equal up to sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import gmpy2
from gmpy2 import mpz

from fedcarbon.errors import FedcarbonError
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.paillier.fixed_base import Comb, CombShape
from fedcarbon.proofs import sizes
from fedcarbon.proofs.commitments import ProofKey, RandomBelow, joined
from fedcarbon.proofs.generators import SLOT_KINDS, check_element
from fedcarbon.proofs.multi_power import multi_power
from fedcarbon.proofs.range_proof import (
    RangeCheck,
    RangeProof,
    RangeProofInvalidError,
    RangeStatement,
    range_challenge,
    range_gammas,
    range_transcript,
)

# A table of this window pays from the fourth proof on; larger ones only after hundreds of batches.
_WINDOW_BITS: Final = 4

Claim = tuple[RangeStatement, RangeProof]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Equations:
    """A proof that passed (1a) to (1d), reduced to what (2), (3) and (4) need."""

    index: int
    """Its position among the claims of the caller."""
    statement: RangeStatement
    proof: RangeProof = field(repr=False)
    e: int
    q: int
    """The exponent of g_0."""
    packed: int
    """sum f_v 2^(W j), as an integer."""


def verify(key: ProofKey, statement: RangeStatement, proof: RangeProof) -> None:
    """Accept one proof.

    Raises:
        RangeProofInvalidError: naming the first check that fails.
    """
    equations = _reduced(key, statement, proof)
    if not _commitments_hold(key, [equations], [(1, 0)]):
        raise _failed(RangeCheck.COMMITMENT, statement, "the responses do not open A")
    if not _encryptions_hold(key, [equations], [1]):
        raise _failed(RangeCheck.ENCRYPTION, statement, "the ciphertext holds other values than A")
    if not _commitments_hold(key, [equations], [(0, 1)]):
        raise _failed(RangeCheck.RANGE, statement, "a value is negative or above its bound")


def verify_all(key: ProofKey, claims: Sequence[Claim], randbelow: RandomBelow) -> None:
    """Accept many proofs at once.

    Args:
        key: of all of them.
        claims: statements with their proofs; none is allowed, and holds.
        randbelow: draws the weights; call only when all claims are fixed.

    Raises:
        RangeProofInvalidError: of the first proof that fails, with the check that `verify` names.
    """
    for error in invalid_proofs(key, claims, randbelow):
        raise error


def invalid_proofs(
    key: ProofKey, claims: Sequence[Claim], randbelow: RandomBelow
) -> list[RangeProofInvalidError]:
    """Return why every proof fails that does, in order; see `verify_all`."""
    sound: list[_Equations] = []
    failures: dict[int, RangeProofInvalidError] = {}
    for index, (statement, proof) in enumerate(claims):
        try:
            sound.append(_reduced(key, statement, proof, index))
        except RangeProofInvalidError as error:
            failures[index] = error
    failures |= _bisected(key, sound, randbelow)
    return [failures[index] for index in sorted(failures)]


def _bisected(
    key: ProofKey, batch: Sequence[_Equations], randbelow: RandomBelow
) -> dict[int, RangeProofInvalidError]:
    """Return the failures of a batch by index; fresh weights for every part."""
    if not batch or _folded_hold(key, batch, randbelow):
        return {}
    if len(batch) == 1:
        try:
            verify(key, batch[0].statement, batch[0].proof)
        except RangeProofInvalidError as error:
            return {batch[0].index: error}
        return {}
    middle = len(batch) // 2
    return _bisected(key, batch[:middle], randbelow) | _bisected(key, batch[middle:], randbelow)


def _folded_hold(key: ProofKey, batch: Sequence[_Equations], randbelow: RandomBelow) -> bool:
    of_commitment, of_encryption, of_range = (
        [randbelow(1 << sizes.WEIGHT_BITS) for _ in batch] for _ in range(3)
    )
    return _commitments_hold(
        key, batch, list(zip(of_commitment, of_range, strict=True))
    ) and _encryptions_hold(key, batch, of_encryption)


def _reduced(
    key: ProofKey, statement: RangeStatement, proof: RangeProof, index: int = 0
) -> _Equations:
    """Apply (1a) to (1d) and recompute the challenges."""
    _check_shape(key, statement, proof)
    _check_group(key, statement, proof)
    _check_sizes(key, statement, proof)
    transcript = range_transcript(key, statement, proof.commitment)
    gammas = range_gammas(transcript, len(statement.bounds))
    e = range_challenge(
        transcript,
        key,
        t=proof.mask_commitment,
        d=proof.mask_ciphertext,
        e1=proof.linear,
        e0=proof.constant,
    )
    f, q = proof.responses, 0
    for j, (bound, gamma) in enumerate(zip(statement.bounds, gammas, strict=True)):
        squares = f.x[j] ** 2 + f.y[j] ** 2 + f.z[j] ** 2
        q += gamma * (4 * f.v[j] * (bound * e - f.v[j]) + e * e - squares)
    return _Equations(index=index, statement=statement, proof=proof, e=e, q=q, packed=joined(f.v))


def _check_shape(key: ProofKey, statement: RangeStatement, proof: RangeProof) -> None:
    slots = key.layout.slots  # a layout that exists fits: k W <= |n| - 2
    f = proof.responses
    if {len(part) for part in (statement.bounds, f.v, f.x, f.y, f.z)} != {slots}:
        raise _failed(RangeCheck.SHAPE, statement, f"there are {slots} slots and 4 responses each")
    if any(not 0 <= bound < 1 << SLOT_WIDTH_BITS for bound in statement.bounds):
        raise _failed(RangeCheck.SHAPE, statement, "a bound does not fit its slot")


def _check_group(key: ProofKey, statement: RangeStatement, proof: RangeProof) -> None:
    elements = (proof.commitment, proof.mask_commitment, proof.constant, proof.linear)
    try:
        for element in elements:
            check_element(key.commitment_modulus, element)
    except FedcarbonError as error:
        raise _failed(RangeCheck.GROUP, statement, str(error)) from error
    # A symbol is 0 exactly if there is a common factor: the greatest one need not be computed.
    for ciphertext in (statement.ciphertext, proof.mask_ciphertext):
        if not 0 < ciphertext < key.public_key.n_squared:
            raise _failed(RangeCheck.CIPHERTEXT, statement, "a ciphertext is not in (0, n^2)")
        if gmpy2.jacobi(ciphertext, key.public_key.n) != 1:
            raise _failed(
                RangeCheck.CIPHERTEXT,
                statement,
                "a ciphertext shares a factor with n or its Jacobi symbol mod n is not +1",
            )


def _check_sizes(key: ProofKey, statement: RangeStatement, proof: RangeProof) -> None:
    of_slots = [sizes.value_response_bits(bound) for bound in statement.bounds]
    blinding_bits = sizes.blinding_response_bits(key.commitment_modulus)
    limits = [
        *zip(proof.responses.flat, of_slots * len(SLOT_KINDS), strict=True),
        (proof.blinding_response, blinding_bits),
        (proof.range_response, blinding_bits),
        (
            proof.randomiser_response,
            sizes.randomiser_response_bits(key.public_key.randomiser_bits),
        ),
    ]
    if any(number < 0 or number.bit_length() > bits for number, bits in limits):
        raise _failed(RangeCheck.RESPONSE_SIZE, statement, "a response is negative or too long")


def _commitments_hold(
    key: ProofKey, batch: Sequence[_Equations], weights: Sequence[tuple[int, int]]
) -> bool:
    """Tell whether (2) and (4) hold, each under its own weight per proof."""
    modulus = mpz(key.commitment_modulus)
    exponents = [0] * len(key.slot_generators)
    constant = blinding = 0
    bases: list[int] = []
    powers: list[int] = []
    for item, (of_commitment, of_range) in zip(batch, weights, strict=True):
        proof = item.proof
        if of_commitment:
            for position, response in enumerate(proof.responses.flat):
                exponents[position] += of_commitment * response
        constant += of_range * item.q
        blinding += of_commitment * proof.blinding_response + of_range * proof.range_response
        bases += (proof.mask_commitment, proof.commitment, proof.constant, proof.linear)
        powers += (of_commitment, of_commitment * item.e, of_range, of_range * item.e)
    left = multi_power(key.slot_generators, exponents, modulus)
    # These two exponents are much longer than the others: buckets would stand empty for them.
    left = left * gmpy2.powmod(key.constant_generator, constant, modulus) % modulus
    bits = sizes.blinding_response_bits(key.commitment_modulus) + sizes.FOLDED_BITS
    left = left * _powers(key.blinding_generator, key.commitment_modulus, bits).power([blinding])
    return _equal_squares(left, multi_power(bases, powers, modulus), modulus)


def _encryptions_hold(key: ProofKey, batch: Sequence[_Equations], weights: Sequence[int]) -> bool:
    """Tell whether (3) holds, under one weight per proof."""
    public_key = key.public_key
    modulus = mpz(public_key.n_squared)
    packed = randomiser = 0
    bases: list[int] = []
    powers: list[int] = []
    for item, weight in zip(batch, weights, strict=True):
        packed += weight * item.packed
        randomiser += weight * item.proof.randomiser_response
        bases += (item.proof.mask_ciphertext, item.statement.ciphertext)
        powers += (weight, weight * item.e)
    encrypted = 1 + mpz(public_key.n) * (packed % public_key.n)
    bits = sizes.randomiser_response_bits(public_key.randomiser_bits) + sizes.FOLDED_BITS
    left = encrypted * _powers(key.blinding_base, public_key.n_squared, bits).power([randomiser])
    return _equal_squares(left, multi_power(bases, powers, modulus), modulus)


@lru_cache(maxsize=4)
def _powers(base: int, modulus: int, exponent_bits: int) -> Comb:
    """Return a small table of h or H (3072 bits: 20 ms and 3 MB each).

    It is kept per process and not in the key, which travels to workers with every batch.
    """
    return Comb(
        CombShape.of_one(base, modulus, exponent_bits=exponent_bits, window_bits=_WINDOW_BITS)
    )


def _equal_squares(left: Any, right: Any, modulus: Any) -> bool:  # noqa: ANN401 - no stubs for mpz
    return bool((left * left - right * right) % modulus == 0)


def _failed(check: RangeCheck, statement: RangeStatement, finding: str) -> RangeProofInvalidError:
    return RangeProofInvalidError(check, statement.context, finding)
