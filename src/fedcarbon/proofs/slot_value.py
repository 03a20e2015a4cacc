"""One slot of a proved block shown, the others hidden (DESIGN section 9.5).

Statement: the commitment A of a block's range proof holds `value` in slot j. The prover shows that
it knows a representation of A g_{v,j}^-value in all generators but g_{v,j}:

    A g_{v,j}^-value = prod_i g_{x,i}^{x_i} g_{y,i}^{y_i} g_{z,i}^{z_i} prod_{i != j} g_{v,i}^{v_i}
                       h^rho

Prove: masks a as in the range proof, none for v_j; T = the commitment to the masks under rho_a; e
from the transcript; f = a + e w, rho_f = rho_a + e rho. Verify, numbered: (1) 4 k - 1 responses,
slot and value in range; (2) A and T canonical members of SQR(N); (3) no response negative or longer
than an honest one; (4) commit(f; rho_f) = T A^e with e value in the place of f_{v,j}.

Why it holds. Two accepted answers to one T give by (4), under strong RSA in SQR(N), integers w with
A = prod g^w h^rho and w_{v,j} = value, up to a sign that a canonical element does not have. The
range proof of the block gives such integers too, and who knew two different representations of A
would know a relation between generators whose roots nobody knows. So the block's ciphertext holds
`value` in slot j. What the proof shows of the other slots is hidden as in the range proof: masks
are 2^kappa times longer than what they hide. Proofs for several slots of one block may be given:
each has its own masks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Final

import gmpy2
from gmpy2 import mpz

from fedcarbon.canonical.hashing import u32, u64
from fedcarbon.canonical.statement import PROTOCOL_VERSION
from fedcarbon.errors import FedcarbonError, PeerError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.paillier.share_proof import CHALLENGE_BITS
from fedcarbon.proofs import sizes
from fedcarbon.proofs.commitments import ProofKey
from fedcarbon.proofs.generators import SLOT_KINDS, check_element
from fedcarbon.proofs.multi_power import multi_power
from fedcarbon.proofs.range_prover import RangeWitness
from fedcarbon.proofs.transcript import Transcript
from fedcarbon.units import Natural

_LABEL: Final = b"slot"


class SlotCheck(StrEnum):
    """The numbered checks of a verifier."""

    SHAPE = "1"
    """Slot and value exist, 4 k - 1 responses."""
    GROUP = "2"
    """A and T are canonical members of SQR(N)."""
    RESPONSE_SIZE = "3"
    """No response is negative or longer than an honest one."""
    OPENING = "4"
    """commit(f; rho_f) = T A^e with e value in the place of f_{v,j}."""


class SlotProofInvalidError(PeerError):
    """A slot does not hold the value that its partner says: keep both as evidence."""

    code: ClassVar[str] = "SLOT_PROOF_INVALID"

    def __init__(self, check: SlotCheck, finding: str) -> None:
        """Take which check failed."""
        super().__init__(f"the proof of a slot's value fails check ({check}): {finding}")
        self.check: Final = check


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotStatement:
    """What is proved; all of it is in the transcript."""

    seal_leaf: bytes
    """The 34 bytes of the epoch's seal in the record."""
    programme_id: ProgrammeId
    party_id: PartyId
    epoch: EpochIndex
    block: int
    slot: int
    """j."""
    value: int
    """v_j."""
    commitment: int = field(repr=False)
    """A, from the range proof beside the block's ciphertext."""
    bounds: tuple[int, ...] = field(repr=False)
    """B_i per slot, as the verifier computed them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotProof:
    """A commitment to masks and the responses; judged by `verify_slot`, whatever it holds."""

    mask_commitment: Natural = field(repr=False)
    """T."""
    responses: tuple[Natural, ...] = field(repr=False)
    """f of v, x, y, z of every slot in the order of the generators, without f_{v,j}."""
    blinding_response: Natural = field(repr=False)
    """rho_f."""


def commitment_of(key: ProofKey, witness: RangeWitness) -> int:
    """Return A, as it stands in the range proof of the witness's block."""
    return key.canonical(_power(key, witness.numbers.flat, witness.blinding))


def prove_slot(
    key: ProofKey,
    statement: SlotStatement,
    witness: RangeWitness,
    randbelow: Callable[[int], int],
) -> SlotProof:
    """Return a proof of `statement` by the party that made the block.

    Nothing is checked: a witness that does not fit gives a proof that does not hold.

    Args:
        key: what the block was proved under.
        statement: what to show.
        witness: of the block's range proof.
        randbelow: uniform in [0, bound), from a cryptographic source.
    """
    limits = [1 << sizes.value_mask_bits(bound) for bound in statement.bounds] * len(SLOT_KINDS)
    masks = [randbelow(limit) for limit in _without(limits, statement.slot)]
    blinding = randbelow(1 << sizes.blinding_mask_bits(key.commitment_modulus))
    mask_commitment = key.canonical(_power(key, _with(masks, statement.slot, 0), blinding))
    e = _challenge(key, statement, mask_commitment)
    hidden = _without(witness.numbers.flat, statement.slot)
    return SlotProof(
        mask_commitment=Natural(mask_commitment),
        responses=tuple(
            Natural(mask + e * number) for mask, number in zip(masks, hidden, strict=True)
        ),
        blinding_response=Natural(blinding + e * witness.blinding),
    )


def verify_slot(key: ProofKey, statement: SlotStatement, proof: SlotProof) -> None:
    """Accept a proof.

    Raises:
        SlotProofInvalidError: naming the first check that fails.
    """
    _check_shape(key, statement, proof)  # (1)
    try:
        for element in (statement.commitment, proof.mask_commitment):
            check_element(key.commitment_modulus, element)  # (2)
    except FedcarbonError as error:
        raise SlotProofInvalidError(SlotCheck.GROUP, str(error)) from error
    _check_sizes(key, statement, proof)  # (3)
    e = _challenge(key, statement, proof.mask_commitment)
    exponents = _with(proof.responses, statement.slot, e * statement.value)
    left = key.canonical(_power(key, exponents, proof.blinding_response))
    modulus = mpz(key.commitment_modulus)
    right = proof.mask_commitment * gmpy2.powmod(statement.commitment, e, modulus)
    if left != key.canonical(right):  # (4)
        raise SlotProofInvalidError(
            SlotCheck.OPENING, f"A does not hold {statement.value} in slot {statement.slot}"
        )


def _check_shape(key: ProofKey, statement: SlotStatement, proof: SlotProof) -> None:
    slots = key.layout.slots
    if len(statement.bounds) != slots or not 0 <= statement.slot < slots:
        raise SlotProofInvalidError(SlotCheck.SHAPE, f"a block has {slots} slots")
    if any(not 0 <= bound < 1 << SLOT_WIDTH_BITS for bound in statement.bounds):
        raise SlotProofInvalidError(SlotCheck.SHAPE, "a bound does not fit its slot")
    if not 0 <= statement.value <= statement.bounds[statement.slot]:
        raise SlotProofInvalidError(SlotCheck.SHAPE, "the value is not within its bound")
    if len(proof.responses) != len(SLOT_KINDS) * slots - 1:
        raise SlotProofInvalidError(SlotCheck.SHAPE, "all numbers but one have a response")


def _check_sizes(key: ProofKey, statement: SlotStatement, proof: SlotProof) -> None:
    limits = [sizes.value_response_bits(bound) for bound in statement.bounds] * len(SLOT_KINDS)
    pairs = [
        *zip(proof.responses, _without(limits, statement.slot), strict=True),
        (proof.blinding_response, sizes.blinding_response_bits(key.commitment_modulus)),
    ]
    if any(number < 0 or number.bit_length() > bits for number, bits in pairs):
        raise SlotProofInvalidError(SlotCheck.RESPONSE_SIZE, "a response is negative or too long")


def _challenge(key: ProofKey, statement: SlotStatement, mask_commitment: int) -> int:
    bits = key.commitment_modulus.bit_length()
    transcript = Transcript(_LABEL)
    transcript.absorb_bytes(b"version", u32(PROTOCOL_VERSION))
    transcript.absorb_bytes(b"parameters", key.parameter_id)
    transcript.absorb_bytes(b"seal", statement.seal_leaf)
    transcript.absorb_bytes(b"programme", statement.programme_id.encode())
    transcript.absorb_bytes(b"party", statement.party_id.encode())
    transcript.absorb_bytes(b"epoch", u32(statement.epoch))
    transcript.absorb_bytes(b"block", u64(statement.block))
    transcript.absorb_bytes(b"W", u32(SLOT_WIDTH_BITS))
    transcript.absorb_bytes(b"k", u32(len(statement.bounds)))
    for bound in statement.bounds:
        transcript.absorb_int(b"B", bound, bits=SLOT_WIDTH_BITS)
    transcript.absorb_bytes(b"j", u32(statement.slot))
    transcript.absorb_int(b"value", statement.value, bits=SLOT_WIDTH_BITS)
    transcript.absorb_int(b"A", statement.commitment, bits=bits)
    transcript.absorb_int(b"T", mask_commitment, bits=bits)
    return transcript.challenge(b"e", bits=CHALLENGE_BITS)


def _power(key: ProofKey, exponents: Sequence[int], blinding: int) -> Any:  # noqa: ANN401 - no stubs for mpz
    """Return prod g_i^exponents_i h^blinding mod N."""
    modulus = mpz(key.commitment_modulus)
    # The blinding is much longer than the others: buckets would stand empty for it.
    return multi_power(key.slot_generators, exponents, modulus) * gmpy2.powmod(
        key.blinding_generator, blinding, modulus
    )


def _without(numbers: Sequence[int], slot: int) -> list[int]:
    """Return all numbers of a block but v_j, which stands at position j."""
    return [*numbers[:slot], *numbers[slot + 1 :]]


def _with(numbers: Sequence[int], slot: int, value: int) -> list[int]:
    """Return the numbers of `_without` with v_j back in its place."""
    return [*numbers[:slot], value, *numbers[slot:]]
