"""Key shares of the threshold VOPRF: only trustees and the dealer import this module.

Randomness is handed in. Proof scalars must be fresh and uniform for every call: two proofs made
with one scalar reveal the share.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from fedcarbon.identity import dleq, oprf, ristretto
from fedcarbon.identity.labels import KeyLabel, KeyUseRefusedError, evaluation_input
from fedcarbon.identity.ristretto import ORDER, Element, RandomBelow, Scalar, ScalarInvalidError
from fedcarbon.identity.threshold import (
    PartialEvaluation,
    SharesDoNotMatchPublicKeyError,
    ThresholdVoprfKey,
    check_threshold,
)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class VoprfKeyShare:
    """One trustee's secret share of one key."""

    label: KeyLabel
    trustee_index: int
    """1 to n."""
    scalar: Scalar
    """k_i, in [1, ORDER)."""

    def __post_init__(self) -> None:
        """Check the range of the secret.

        Raises:
            ScalarInvalidError: zero or not below `ORDER`.
        """
        if not 1 <= self.scalar < ORDER:
            raise ScalarInvalidError(f"the {self.label} share is not a scalar from 1")

    @override
    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"VoprfKeyShare({self.label.value}, {self.trustee_index}, <redacted>)"

    def public(self) -> Element:
        """Return K_i = k_i * G."""
        return ristretto.multiply_base(self.scalar)


def check_share(key: ThresholdVoprfKey, share: VoprfKeyShare) -> None:
    """Check that `share` is the one that `key` promises its trustee.

    Raises:
        KeyUseRefusedError: the share belongs to a key with another label.
        SharesDoNotMatchPublicKeyError: its public half is not the key's K_i.
    """
    if key.label is not share.label:
        raise KeyUseRefusedError(f"a share of the {share.label} key is no {key.label} share")
    known = share.trustee_index <= key.trustees
    if not known or share.public() != key.public_of(share.trustee_index):
        raise SharesDoNotMatchPublicKeyError(
            f"{key.label} key: the share of trustee {share.trustee_index} does not belong to it"
        )


def evaluate(
    share: VoprfKeyShare, blinded: Sequence[bytes], random_below: RandomBelow
) -> PartialEvaluation:
    """Return the partial evaluation of blinded elements as they came from the asker.

    Args:
        share: of any key but the beacon's.
        blinded: 1 to `dleq.BATCH_ELEMENTS_MAX` elements, unchecked.
        random_below: source of the one proof scalar.

    Raises:
        BatchSizeError: no element or too many.
        ElementInvalidError: an element is not canonical, or the identity.
        KeyUseRefusedError: the share is of the beacon key.
    """
    if share.label is KeyLabel.BEACON:
        raise KeyUseRefusedError("the beacon key never evaluates a blinded element")
    dleq.check_batch_size(len(blinded))
    return _evaluate(share, [ristretto.element(data) for data in blinded], random_below)


def evaluate_input(
    share: VoprfKeyShare, beacon_input: bytes, random_below: RandomBelow
) -> PartialEvaluation:
    """Return the partial evaluation of a beacon's input, which is hashed here.

    Whoever chose the input cannot have chosen the group element, so that a beacon answer never
    doubles as the evaluation of somebody's blinded element.

    Args:
        share: of the beacon key.
        beacon_input: what the beacon is asked; public.
        random_below: source of the one proof scalar.

    Raises:
        KeyUseRefusedError: the share is not of the beacon key.
    """
    if share.label is not KeyLabel.BEACON:
        raise KeyUseRefusedError(f"the {share.label} key evaluates blinded elements only")
    hashed = oprf.hash_to_group(evaluation_input(KeyLabel.BEACON, beacon_input))
    return _evaluate(share, [hashed], random_below)


def deal_voprf(
    label: KeyLabel, trustees: int, threshold: int, random_below: RandomBelow
) -> tuple[ThresholdVoprfKey, tuple[VoprfKeyShare, ...]]:
    """Deal a new key: `threshold` scalars are drawn, the first of them is the secret.

    Args:
        label: what the key is for.
        trustees: n, at most `threshold.TRUSTEES_MAX`.
        threshold: t with 2 t > n.
        random_below: source of the dealing polynomial.

    Raises:
        VoprfThresholdRefusedError: t and n are not allowed.
    """
    check_threshold(trustees=trustees, threshold=threshold)
    polynomial = [ristretto.random_scalar(random_below) for _ in range(threshold)]
    shares = tuple(
        VoprfKeyShare(label=label, trustee_index=i, scalar=_value_at(polynomial, i))
        for i in range(1, trustees + 1)
    )
    commitments = tuple(map(ristretto.multiply_base, polynomial))
    key = ThresholdVoprfKey(
        label=label,
        public=commitments[0],
        trustee_publics=tuple(share.public() for share in shares),
        commitments=commitments,
    )
    key.check()
    return key, shares


def _evaluate(
    share: VoprfKeyShare, blinded: Sequence[Element], random_below: RandomBelow
) -> PartialEvaluation:
    evaluated = [ristretto.multiply(share.scalar, point) for point in blinded]
    proof = dleq.generate_proof(
        share.scalar, share.public(), blinded, evaluated, ristretto.random_scalar(random_below)
    )
    return PartialEvaluation(
        trustee_index=share.trustee_index, elements=tuple(evaluated), proof=proof.to_bytes()
    )


def _value_at(polynomial: Sequence[Scalar], point: int) -> Scalar:
    value = 0
    for coefficient in reversed(polynomial):
        value = (value * point + coefficient) % ORDER
    return Scalar(value)
