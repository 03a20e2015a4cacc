"""Public randomness: one threshold evaluation over a public input.

The output is fixed by key and input, so nobody can grind it; it is unknown until t trustees have
answered; and everyone can check it from the published partial evaluations. What the input is made
of (label, domain, epoch, leaf) is for the epoch's statements to say.
"""

from __future__ import annotations

from collections.abc import Sequence

from fedcarbon.identity import oprf
from fedcarbon.identity.labels import KeyLabel, KeyUseRefusedError, evaluation_input
from fedcarbon.identity.threshold import PartialEvaluation, ThresholdVoprfKey, combine, verify


def combine_beacon(
    key: ThresholdVoprfKey, beacon_input: bytes, partials: Sequence[PartialEvaluation]
) -> bytes:
    """Return the 64-byte beacon over `beacon_input`, after checking every partial evaluation.

    Args:
        key: the beacon key.
        beacon_input: the public question.
        partials: answers of t or more distinct trustees.

    Raises:
        KeyUseRefusedError: `key` is not the beacon key.
        EvaluationProofInvalidError: naming the trustee whose answer is wrong.
        DuplicateEvaluationError, TooFewEvaluationsError: see `combine`.
    """
    if key.label is not KeyLabel.BEACON:
        raise KeyUseRefusedError(f"the {key.label} key makes no beacons")
    oprf_input = evaluation_input(KeyLabel.BEACON, beacon_input)
    hashed = oprf.hash_to_group(oprf_input)
    verified = [verify(key, [hashed], partial) for partial in partials]
    (evaluated,) = combine(verified)
    return oprf.output_of(oprf_input, evaluated)
