"""The asker's side: blind a batch, then turn verified answers into outputs.

Inputs, blinds and outputs are secrets of the party that knows the person; their types never show
them. Trustees and the hub see `BlindedBatch.blinded` only, which is uniformly random.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from typing_extensions import override

from fedcarbon.identity import dleq, oprf, ristretto
from fedcarbon.identity.labels import KeyLabel, KeyUseRefusedError, evaluation_input
from fedcarbon.identity.ristretto import Element, RandomBelow, Scalar
from fedcarbon.identity.threshold import EvaluationsDifferError, VerifiedEvaluation, combine


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SecretOutput:
    """The output of one key for one subject: whoever has it can compute the subject's tokens."""

    label: KeyLabel
    value: bytes
    """64 bytes."""

    def __post_init__(self) -> None:
        """Check the size (our own bug if it is wrong)."""
        assert len(self.value) == oprf.OUTPUT_BYTES

    @override
    def __repr__(self) -> str:
        """Return a text without the secret."""
        return f"SecretOutput({self.label.value}, <redacted>)"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BlindedBatch:
    """What the asker keeps between question and answer."""

    label: KeyLabel
    inputs: tuple[bytes, ...]
    """OPRF inputs; secret."""
    blinds: tuple[Scalar, ...]
    """One per input, used once; secret."""
    blinded: tuple[Element, ...]
    """What is sent, in the same order."""

    @override
    def __repr__(self) -> str:
        """Return a text without inputs and blinds."""
        return f"BlindedBatch({self.label.value}, {len(self.inputs)} elements, <redacted>)"


def blind_batch(
    label: KeyLabel, subjects: Sequence[bytes], random_below: RandomBelow
) -> BlindedBatch:
    """Return `subjects` blinded for evaluation under the key `label`.

    Args:
        label: any key but the beacon's, which takes no blinded element.
        subjects: canonical bytes of 1 to `dleq.BATCH_ELEMENTS_MAX` persons or objects.
        random_below: source of one blind per subject.

    Raises:
        BatchSizeError: no subject or too many.
        KeyUseRefusedError: the label is the beacon's.
    """
    if label is KeyLabel.BEACON:
        raise KeyUseRefusedError("the beacon key never takes a blinded element")
    dleq.check_batch_size(len(subjects))
    inputs = tuple(evaluation_input(label, subject) for subject in subjects)
    blinds = tuple(ristretto.random_scalar(random_below) for _ in inputs)
    return BlindedBatch(
        label=label,
        inputs=inputs,
        blinds=blinds,
        blinded=tuple(map(oprf.blind, inputs, blinds)),
    )


def finalize_batch(
    batch: BlindedBatch, verified: Sequence[VerifiedEvaluation]
) -> tuple[SecretOutput, ...]:
    """Return the outputs for the batch's subjects, in order.

    Each equals single-key RFC 9497 `Finalize` over `evaluation_input(label, subject)`.

    Raises:
        DuplicateEvaluationError, TooFewEvaluationsError: see `combine`.
        EvaluationsDifferError: the answers belong to another key or another batch.
    """
    if any(item.key.label is not batch.label or item.blinded != batch.blinded for item in verified):
        raise EvaluationsDifferError(f"an evaluation does not answer this {batch.label} batch")
    # Unblinding rides on the interpolation: lambda_i / r costs no multiplication of its own.
    unblinded = combine(verified, factors=map(oprf.inverse, batch.blinds))
    return tuple(
        SecretOutput(label=batch.label, value=oprf.output_of(oprf_input, point))
        for oprf_input, point in zip(batch.inputs, unblinded, strict=True)
    )
