"""What a challenge shows of the build that made it: everything is computed again, and plainly.

Nothing of the node's own arithmetic is used: no tables, no batches, powers by Python's `pow`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from fedcarbon.errors import MalformedError
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.paillier.keys import derive_y
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.proofs.range_proof import RangeProofInvalidError, RangeProofShape, RangeStatement
from fedcarbon.proofs.range_verifier import verify
from fedcarbon.submission.challenge import Challenge, ChallengedBlock, challenge_context
from fedcarbon.units import MicrogramsCO2e

EDGE_BITS: Final = 64
"""An honest s has so many zeros at an end, or shares an end with another, once in 2^64."""
SIGMAS: Final = 8
"""How far the number of ones in all s may be from half: beyond it lies one try in 10^15."""


class ChallengeCheck(StrEnum):
    """What is checked of a challenge."""

    PARAMETERS = "OTHER_PARAMETERS"
    """The node works under another parameter set."""
    CAP = "OTHER_CAP"
    """The node takes another cap than the programme's."""
    LAYOUT = "OTHER_LAYOUT"
    """Another number of slots, or other widths."""
    VALUE = "VALUE_ABOVE_CAP"
    """A value that no block may hold."""
    PACKING = "WRONG_PACKING"
    """The ciphertext holds other values, or holds them in other places."""
    ENCRYPTION = "WRONG_ENCRYPTION"
    """The ciphertext is no encryption under this key with this s."""
    PROOF = "WRONG_PROOF"
    """The range proof does not hold for a challenge."""
    RANDOMISER_LENGTH = "RANDOMISER_TOO_LONG"
    """s is longer than it may be."""
    RANDOMISER_BIASED = "RANDOMISER_BIASED"
    """s does not look uniform."""
    RANDOMISER_REPEATED = "RANDOMISER_REPEATED"
    """Two blocks have one s, or a part of it in common."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChallengeFinding:
    """One thing that is wrong with the build that made a challenge."""

    check: ChallengeCheck
    subject: str
    """Which challenge and block."""
    text: str


def challenge_findings(
    challenges: Sequence[Challenge], parameters: ParameterSet, cap_ug: MicrogramsCO2e | None = None
) -> list[ChallengeFinding]:
    """Return everything that is wrong with challenges of one node; none for a good build.

    Args:
        challenges: the more, the better is a bad source of randomness found.
        parameters: the parameter set that the node should work under.
        cap_ug: the programme's cap over an epoch; None to take the challenge's own.
    """
    found: list[ChallengeFinding] = []
    for challenge in challenges:
        found += _of_challenge(challenge, parameters, cap_ug)
    bits = parameters.public_key.randomiser_bits
    return [*found, *_leaning(challenges, bits), *_repetitions(challenges, bits)]


def _of_challenge(
    challenge: Challenge, parameters: ParameterSet, cap_ug: MicrogramsCO2e | None
) -> Iterator[ChallengeFinding]:
    name = _name(challenge)
    if challenge.parameter_id != parameters.parameter_id:
        text = f"made under parameter set {challenge.parameter_id.hex()}"
        yield ChallengeFinding(check=ChallengeCheck.PARAMETERS, subject=name, text=text)
        return
    if cap_ug is not None and challenge.cap_ug != cap_ug:
        text = f"the node's cap is {challenge.cap_ug} ug, the programme's is {cap_ug}"
        yield ChallengeFinding(check=ChallengeCheck.CAP, subject=name, text=text)
    for number, block in enumerate(challenge.blocks):
        for check, text in _of_block(challenge, number, block, parameters):
            yield ChallengeFinding(check=check, subject=_name(challenge, number), text=text)


def _of_block(
    challenge: Challenge, number: int, block: ChallengedBlock, parameters: ParameterSet
) -> Iterator[tuple[ChallengeCheck, str]]:
    key = parameters.public_key
    if len(block.values_ug) != parameters.layout.slots:
        text = f"{len(block.values_ug)} values, a block has {parameters.layout.slots} slots"
        yield ChallengeCheck.LAYOUT, text
        return
    if max(block.values_ug) > challenge.cap_ug:
        yield ChallengeCheck.VALUE, f"a value is above the cap of {challenge.cap_ug} ug"
    if block.randomiser.bit_length() > key.randomiser_bits:
        text = f"s has {block.randomiser.bit_length()} bits, at most {key.randomiser_bits} are due"
        yield ChallengeCheck.RANDOMISER_LENGTH, text
        return  # a power to any length would take any time
    if 0 in _ends(block.randomiser, key.randomiser_bits):
        yield ChallengeCheck.RANDOMISER_BIASED, f"{EDGE_BITS} bits at an end of s are zeros"
    yield from _of_ciphertext(block, key.n)
    yield from _of_proof(challenge, number, block, parameters)


def _of_ciphertext(block: ChallengedBlock, n: int) -> Iterator[tuple[ChallengeCheck, str]]:
    """Compute Enc(M; s) = (1 + n M) H^s mod n^2 again, and say where it differs."""
    n_squared = n * n
    packed = sum(value << (SLOT_WIDTH_BITS * slot) for slot, value in enumerate(block.values_ug))
    y, _ = derive_y(n)
    blinding = pow(pow(y, 2, n), n, n_squared)
    blinded = pow(blinding, block.randomiser, n_squared)
    ciphertext = int.from_bytes(block.ciphertext, "big")
    if ciphertext == (1 + n * packed) * blinded % n_squared:
        return
    stripped = ciphertext * pow(blinded, -1, n_squared) % n_squared
    if stripped % n != 1:
        yield ChallengeCheck.ENCRYPTION, "the ciphertext is no encryption under this key and s"
        return
    held = (stripped - 1) // n
    slots = [
        slot
        for slot, value in enumerate(block.values_ug)
        if (held >> (SLOT_WIDTH_BITS * slot)) % (1 << SLOT_WIDTH_BITS) != value
    ]
    where = f"slots {slots} differ" if slots else "something lies beyond the last slot"
    yield ChallengeCheck.PACKING, f"the ciphertext holds other values than were given: {where}"


def _of_proof(
    challenge: Challenge, number: int, block: ChallengedBlock, parameters: ParameterSet
) -> Iterator[tuple[ChallengeCheck, str]]:
    key = parameters.proof_key
    statement = RangeStatement(
        context=challenge_context(
            challenge.programme_id, challenge.partner_id, challenge.challenge_id, number
        ),
        bounds=(challenge.cap_ug,) * len(block.values_ug),
        ciphertext=int.from_bytes(block.ciphertext, "big"),
    )
    try:
        verify(key, statement, RangeProofShape.of(key, challenge.cap_ug).decode(block.proof))
    except MalformedError as error:
        yield ChallengeCheck.LAYOUT, str(error)
    except RangeProofInvalidError as error:
        yield ChallengeCheck.PROOF, str(error)


def _leaning(challenges: Sequence[Challenge], bits: int) -> Iterator[ChallengeFinding]:
    """Count the ones of every s together: the more blocks, the smaller a bias is seen."""
    drawn = [block.randomiser for challenge in challenges for block in challenge.blocks]
    ones, total = sum(number.bit_count() for number in drawn), bits * len(drawn)
    if abs(ones - total / 2) > SIGMAS * math.sqrt(total) / 2:
        yield ChallengeFinding(
            check=ChallengeCheck.RANDOMISER_BIASED,
            subject=f"{len(drawn)} blocks",
            text=f"s does not look uniform: {ones} of {total} bits are ones",
        )


def _repetitions(challenges: Sequence[Challenge], bits: int) -> Iterator[ChallengeFinding]:
    seen: dict[tuple[int, int], str] = {}
    for challenge in challenges:
        for number, block in enumerate(challenge.blocks):
            name = _name(challenge, number)
            ends = enumerate(_ends(block.randomiser, bits))
            others = [seen.setdefault(end, name) for end in ends]
            shared = next((other for other in others if other != name), None)
            if shared is not None:
                yield ChallengeFinding(
                    check=ChallengeCheck.RANDOMISER_REPEATED,
                    subject=name,
                    text=f"s, or {EDGE_BITS} bits of it, is that of {shared}",
                )


def _ends(randomiser: int, bits: int) -> tuple[int, int]:
    """Return the highest and the lowest bits of s."""
    return randomiser >> (bits - EDGE_BITS), randomiser % (1 << EDGE_BITS)


def _name(challenge: Challenge, block: int | None = None) -> str:
    name = f"challenge {challenge.challenge_id.hex()[:16]}"
    return name if block is None else f"{name} block {block}"
