"""Making link proofs; see `fedcarbon.proofs.link` for what they say and the symbols."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from operator import add
from typing import ClassVar, Final

from fedcarbon.errors import CallerError
from fedcarbon.identity.ristretto import ORDER, pedersen
from fedcarbon.proofs import sizes
from fedcarbon.proofs.commitments import ProofKey, RandomBelow, SlotNumbers
from fedcarbon.proofs.link import (
    DELTA_MAX,
    LinkProof,
    LinkSizes,
    LinkStatement,
    delta_generators,
    link_challenge,
)
from fedcarbon.proofs.multi_power import multi_power
from fedcarbon.proofs.range_prover import RangeWitness
from fedcarbon.proofs.three_squares import three_squares

_UNKNOWN: Final = -1
"""Stands for a response until there is a challenge."""


class DeltaOutOfRangeError(CallerError):
    """The slots hold more than the claims that won, or 2^60 less: there is nothing to prove."""

    code: ClassVar[str] = "DELTA_OUT_OF_RANGE"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkWitness:
    """What only the prover knows: what all blocks hold together, and what the claims were worth."""

    numbers: SlotNumbers = field(repr=False)
    """V, X, Y, Z: sums over all blocks, per slot."""
    blinding: int = field(repr=False)
    """Sum of rho over all blocks."""
    winnings: int = field(repr=False)
    """Sum of the pieces of the claims that won."""
    winnings_blinding: int = field(repr=False)
    """Sum of their r, mod l or not."""

    @property
    def delta(self) -> int:
        """What was won and not submitted."""
        return self.winnings - sum(self.numbers.v)

    @classmethod
    def of(
        cls, blocks: Iterable[RangeWitness], *, winnings: int, winnings_blinding: int
    ) -> LinkWitness:
        """Return the witness of a submission.

        Args:
            blocks: the witness of every block's range proof, at least one; none is kept.
            winnings: see the field.
            winnings_blinding: see the field.
        """
        totals: list[int] = []
        blinding = 0
        for block in blocks:
            flat = block.numbers.flat
            totals = list(map(add, totals, flat)) if totals else list(flat)
            blinding += block.blinding
        return cls(
            numbers=SlotNumbers.of_flat(totals),
            blinding=blinding,
            winnings=winnings,
            winnings_blinding=winnings_blinding,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaWitness:
    """delta, its three roots, and rho_d."""

    numbers: tuple[int, ...] = field(repr=False)
    blinding: int = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Masks:
    numbers: SlotNumbers
    blinding: int
    delta: tuple[int, ...]
    delta_blinding: int
    linear: int
    constant: int
    point: int


def prove_link(
    key: ProofKey, statement: LinkStatement, witness: LinkWitness, randbelow: RandomBelow
) -> LinkProof:
    """Return a proof of `statement`.

    Args:
        key: of the parameter set.
        statement: see `LinkStatement`.
        witness: must open A and K.
        randbelow: the source of everything random.

    Raises:
        DeltaOutOfRangeError: the slots do not fit the winning claims.
        ThreeSquaresNotFoundError: see there.
    """
    delta = witness.delta
    if not 0 <= delta <= DELTA_MAX:
        raise DeltaOutOfRangeError("the slots must hold at most what the winning claims are worth")
    roots = three_squares(4 * delta * (DELTA_MAX - delta) + 1, randbelow)
    rho_d = randbelow(1 << sizes.blinding_bits(key.commitment_modulus))
    of_delta = DeltaWitness(numbers=(delta, *roots), blinding=rho_d)
    return prove_opened(key, statement, witness, of_delta, randbelow)


def prove_opened(
    key: ProofKey,
    statement: LinkStatement,
    witness: LinkWitness,
    of_delta: DeltaWitness,
    randbelow: RandomBelow,
) -> LinkProof:
    """Return a proof for a given content of A_d.

    Nothing is checked: a witness that does not fit gives a proof that does not hold.
    """
    masks = _draw_masks(key, statement, randbelow)
    linear, constant = _coefficients(of_delta.numbers, masks.delta)
    g_0 = (key.constant_generator,)
    total = sum(masks.numbers.v) + masks.delta[0]
    committed = LinkProof(
        delta_commitment=_commit(key, delta_generators(key), of_delta.numbers, of_delta.blinding),
        mask_commitment=_commit(key, key.slot_generators, masks.numbers.flat, masks.blinding),
        delta_mask_commitment=_commit(
            key, delta_generators(key), masks.delta, masks.delta_blinding
        ),
        linear=_commit(key, g_0, (linear,), masks.linear),
        constant=_commit(key, g_0, (constant,), masks.constant),
        mask_point=pedersen(total, masks.point, statement.generator),
        responses=masks.numbers,
        delta_responses=(_UNKNOWN,) * len(masks.delta),
        blinding_response=_UNKNOWN,
        delta_blinding_response=_UNKNOWN,
        range_response=_UNKNOWN,
        point_response=_UNKNOWN,
    )
    e = link_challenge(key, statement, committed)
    slots = zip(masks.numbers.flat, witness.numbers.flat, strict=True)
    deltas = zip(masks.delta, of_delta.numbers, strict=True)
    return dataclasses.replace(
        committed,
        responses=SlotNumbers.of_flat([mask + e * value for mask, value in slots]),
        delta_responses=tuple(mask + e * value for mask, value in deltas),
        blinding_response=masks.blinding + e * witness.blinding,
        delta_blinding_response=masks.delta_blinding + e * of_delta.blinding,
        range_response=masks.constant + e * masks.linear,
        point_response=(masks.point + e * witness.winnings_blinding) % ORDER,
    )


def _draw_masks(key: ProofKey, statement: LinkStatement, randbelow: RandomBelow) -> _Masks:
    lengths = LinkSizes.of(key, statement)
    count = len(key.slot_generators)
    return _Masks(
        numbers=SlotNumbers.of_flat(
            [randbelow(1 << lengths.value_mask_bits) for _ in range(count)]
        ),
        blinding=randbelow(1 << lengths.blinding_mask_bits),
        delta=tuple(randbelow(1 << lengths.delta_mask_bits) for _ in delta_generators(key)),
        delta_blinding=randbelow(1 << lengths.delta_blinding_mask_bits),
        linear=randbelow(1 << sizes.blinding_bits(key.commitment_modulus)),
        constant=randbelow(1 << lengths.delta_blinding_mask_bits),
        point=randbelow(ORDER),
    )


def _coefficients(numbers: Sequence[int], masks: Sequence[int]) -> tuple[int, int]:
    """Return P1 and P0 of section 9.2 for the one value delta."""
    (value, *roots), (mask, *root_masks) = numbers, masks
    mixed = sum(a * root for a, root in zip(root_masks, roots, strict=True))
    linear = 4 * mask * (DELTA_MAX - 2 * value) - 2 * mixed
    constant = -4 * mask * mask - sum(a * a for a in root_masks)
    return linear, constant


def _commit(key: ProofKey, generators: Sequence[int], numbers: Sequence[int], blinding: int) -> int:
    bases = (*generators, key.blinding_generator)
    return key.canonical(multi_power(bases, (*numbers, blinding), key.commitment_modulus))
