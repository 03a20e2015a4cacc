"""The public side of the threshold VOPRF: keys, partial evaluations, checking and combining.

A trustee i with share k_i answers Z_i = k_i * B for blinded elements B, with one batched proof
against K_i = k_i * G. Any t verified answers combine to Z = sum(lambda_i * Z_i) = k * B, the
evaluated element of single-key RFC 9497. Nothing in a `PartialEvaluation` is believed before
`verify` has turned it into a `VerifiedEvaluation`, the only thing that combines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import ClassVar, Final

from fedcarbon.errors import CallerError, ConfigurationError, FedcarbonError, PeerError, StateError
from fedcarbon.identity import dleq, ristretto
from fedcarbon.identity.dleq import DleqProof
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.ristretto import ORDER, Element, ElementInvalidError, Scalar
from fedcarbon.paillier.threshold_key import TRUSTEES_MAX


class VoprfThresholdRefusedError(ConfigurationError):
    """A key whose number of trustees and threshold are not allowed."""

    code: ClassVar[str] = "VOPRF_THRESHOLD_REFUSED"


class SharesDoNotMatchPublicKeyError(ConfigurationError):
    """Public shares, commitments and public key of a VOPRF key do not belong together."""

    code: ClassVar[str] = "SHARES_DO_NOT_MATCH_PUBLIC_KEY"


class EvaluationProofInvalidError(PeerError):
    """A trustee's partial evaluation is malformed or its proof does not hold."""

    code: ClassVar[str] = "EVALUATION_PROOF_INVALID"

    def __init__(self, trustee_index: int, reason: str) -> None:
        """Name the trustee whose answer is refused."""
        super().__init__(f"the evaluation of trustee {trustee_index} is refused: {reason}")
        self.trustee_index: Final = trustee_index


class DuplicateEvaluationError(CallerError):
    """Two evaluations of one trustee were to be combined."""

    code: ClassVar[str] = "DUPLICATE_EVALUATION"


class EvaluationsDifferError(CallerError):
    """Evaluations under other keys or over other elements were to be combined."""

    code: ClassVar[str] = "EVALUATIONS_DIFFER"


class TooFewEvaluationsError(StateError):
    """Fewer evaluations than the threshold; more trustees must answer first."""

    code: ClassVar[str] = "TOO_FEW_EVALUATIONS"


@dataclass(frozen=True, slots=True, kw_only=True)
class ThresholdVoprfKey:
    """The public half of one VOPRF key; trustees are numbered from 1 in the order given."""

    label: KeyLabel
    public: Element
    """K = k * G."""
    trustee_publics: tuple[Element, ...]
    """K_i = k_i * G of trustee 1, 2, ..."""
    commitments: tuple[Element, ...]
    """Feldman commitments a_j * G to the dealing polynomial; as many as the threshold."""

    def __post_init__(self) -> None:
        """Check encodings and sizes; `check` does the equations, once per process.

        Raises:
            ElementInvalidError: an element is not canonical or the identity.
            VoprfThresholdRefusedError: not t <= n <= `TRUSTEES_MAX`, or not 2 t > n.
        """
        for data in (self.public, *self.trustee_publics, *self.commitments):
            ristretto.element(data)
        check_threshold(trustees=self.trustees, threshold=self.threshold)

    @property
    def trustees(self) -> int:
        """n, the number of trustees."""
        return len(self.trustee_publics)

    @property
    def threshold(self) -> int:
        """t, how many trustees must answer."""
        return len(self.commitments)

    def public_of(self, trustee_index: int) -> Element:
        """Return K_i of the trustee numbered `trustee_index`.

        Raises:
            EvaluationProofInvalidError: there is no such trustee.
        """
        if not 1 <= trustee_index <= self.trustees:
            raise EvaluationProofInvalidError(trustee_index, "no trustee has this number")
        return self.trustee_publics[trustee_index - 1]

    def check(self) -> None:
        """Check that K and every K_i lie on the committed polynomial, of degree t - 1.

        Then sum(lambda_i * K_i) = K for every choice of t trustees. The degree is exact because
        no commitment, and so not the highest one either, is the identity.

        Raises:
            SharesDoNotMatchPublicKeyError: naming the first equation that fails.
        """
        if self.commitments[0] != self.public:
            raise SharesDoNotMatchPublicKeyError(
                f"{self.label} key: the first commitment is not the public key"
            )
        for trustee_index, public in enumerate(self.trustee_publics, start=1):
            powers = [trustee_index**j for j in range(self.threshold)]
            try:
                implied = ristretto.sum_of_products(powers, self.commitments)
            except ElementInvalidError:
                implied = None
            if implied != public:
                raise SharesDoNotMatchPublicKeyError(
                    f"{self.label} key: the public share of trustee {trustee_index} is not "
                    "what the commitments imply"
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialEvaluation:
    """One trustee's answer as it travels; bytes are unchecked until `verify`."""

    trustee_index: int
    """1 to n."""
    elements: tuple[bytes, ...]
    """Z_j = k_i * B_j in the order of the question, 32 bytes each."""
    proof: bytes
    """One batched proof for all elements, 64 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedEvaluation:
    """One trustee's answer whose proof holds; only `verify` makes these."""

    key: ThresholdVoprfKey
    trustee_index: int
    blinded: tuple[Element, ...]
    """What was evaluated."""
    elements: tuple[Element, ...]


def verify(
    key: ThresholdVoprfKey, blinded: Sequence[Element], partial: PartialEvaluation
) -> VerifiedEvaluation:
    """Return `partial` as verified: every element is k_i times its blinded element.

    Raises:
        EvaluationProofInvalidError: naming the trustee; keep its answer as evidence.
    """
    public = key.public_of(partial.trustee_index)
    try:
        elements = tuple(map(ristretto.element, partial.elements))
        proof = DleqProof.from_bytes(partial.proof)
        dleq.verify_proof(public, blinded, elements, proof)
    except FedcarbonError as error:
        raise EvaluationProofInvalidError(partial.trustee_index, str(error)) from error
    return VerifiedEvaluation(
        key=key, trustee_index=partial.trustee_index, blinded=tuple(blinded), elements=elements
    )


def combine(
    verified: Sequence[VerifiedEvaluation], factors: Iterable[int] | None = None
) -> tuple[Element, ...]:
    """Return the evaluated elements k * B from t or more verified answers.

    Args:
        verified: answers of distinct trustees to one question under one key; the first t count.
        factors: multiplies each result, for example by the inverse of its blind; one
            multiplication per trustee and element is then all there is. None stands for 1.

    Raises:
        TooFewEvaluationsError: fewer than t.
        DuplicateEvaluationError: a trustee appears twice.
        EvaluationsDifferError: not all under the same key and over the same elements.
    """
    if not verified:
        raise TooFewEvaluationsError("no trustee has answered")
    key, blinded = verified[0].key, verified[0].blinded
    if any(item.key != key or item.blinded != blinded for item in verified):
        raise EvaluationsDifferError("the evaluations answer different questions")
    indices = [item.trustee_index for item in verified]
    if len(set(indices)) != len(indices):
        raise DuplicateEvaluationError(f"a trustee appears twice among {sorted(indices)}")
    if len(indices) < key.threshold:
        raise TooFewEvaluationsError(
            f"{len(indices)} of the {key.threshold} trustees needed have answered"
        )
    used = verified[: key.threshold]
    coefficients = lagrange_at_zero(indices[: key.threshold])
    columns = zip(*(item.elements for item in used), strict=True)
    return tuple(
        ristretto.sum_of_products([value * factor for value in coefficients], column)
        for column, factor in zip(columns, repeat(1) if factors is None else factors, strict=False)
    )


def lagrange_at_zero(indices: Sequence[int]) -> list[Scalar]:
    """Return lambda_i for interpolation at zero from the points `indices`, in their order.

    Args:
        indices: distinct trustee numbers from 1 to `TRUSTEES_MAX`.
    """
    coefficients = []
    for i in indices:
        numerator, denominator = 1, 1
        for j in indices:
            if j != i:
                numerator, denominator = numerator * j, denominator * (j - i)
        coefficients.append(Scalar(numerator * pow(denominator, -1, ORDER) % ORDER))
    return coefficients


def check_threshold(*, trustees: int, threshold: int) -> None:
    """Check that `threshold` of `trustees` is an allowed choice.

    Raises:
        VoprfThresholdRefusedError: not t <= n <= `TRUSTEES_MAX`, or two disjoint groups of
            trustees could each answer (2 t <= n).
    """
    if not threshold <= trustees <= TRUSTEES_MAX or 2 * threshold <= trustees:
        raise VoprfThresholdRefusedError(
            f"threshold {threshold} of {trustees} trustees: at most {TRUSTEES_MAX} trustees, and "
            "more than half of them must be needed"
        )
