"""Challenges: known values through the very prover that real submissions go through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from fedcarbon.errors import CallerError
from fedcarbon.proofs.range_prover import RangeWitness
from fedcarbon.submission.challenge import (
    CHALLENGE_ID_BYTES,
    Challenge,
    ChallengedBlock,
    challenge_context,
)
from fedcarbon.units import MicrogramsCO2e, Natural
from partner_node.epochs.proving import BlockJob, BlockProver
from partner_node.membership import Membership


class ChallengeValuesError(CallerError):
    """A test vector that no block can hold; whoever asks must bring another one."""

    code: ClassVar[str] = "CHALLENGE_VALUES"


def make_challenge(
    member: Membership, prover: BlockProver, blocks: Sequence[Sequence[MicrogramsCO2e]]
) -> Challenge:
    """Encrypt and prove `blocks`, and return them with all that went into their ciphertexts.

    Args:
        member: this partner.
        prover: the one that its submissions go through.
        blocks: values per slot from the first on; slots left out hold 0.

    Raises:
        ChallengeValuesError: no block, or one with more values than slots.
        ValueOutOfRangeError: a value is negative or above the programme's cap over an epoch.
    """
    slots = member.parameters.layout.slots
    if not blocks or max(map(len, blocks)) > slots:
        raise ChallengeValuesError(f"a challenge has one or more blocks of at most {slots} values")
    challenge_id = member.randomness.octets(CHALLENGE_ID_BYTES)
    programme_id, key = member.programme.programme_id, member.parameters.proof_key
    jobs = [
        BlockJob(
            challenge_context(programme_id, member.party_id, challenge_id, number),
            (*values, *(MicrogramsCO2e(0),) * (slots - len(values))),
            (prover.cap_ug,) * slots,
        )
        for number, values in enumerate(blocks)
    ]
    opened = []
    for job, proved in zip(jobs, prover.prove(jobs), strict=True):
        witness = RangeWitness.from_bytes(key, prover.cap_ug, proved.witness)
        opened.append(
            ChallengedBlock(
                values_ug=job.values_ug,
                randomiser=Natural(witness.randomiser),
                ciphertext=proved.entry.ciphertext,
                proof=proved.entry.proof,
            )
        )
    return Challenge(
        parameter_id=member.parameters.parameter_id,
        programme_id=programme_id,
        partner_id=member.party_id,
        challenge_id=challenge_id,
        cap_ug=prover.cap_ug,
        blocks=tuple(opened),
    )
