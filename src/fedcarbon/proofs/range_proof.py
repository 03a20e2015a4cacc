"""The slot range proof: what it says, what it binds, and its bytes (DESIGN section 9.2).

Statement: the ciphertext C encrypts M = sum v_j 2^(W j) with 0 <= v_j <= B_j for every slot j.
It is exact. The bounds B_j are computed by the verifier from the record and never taken from the
prover. Proving is in `range_prover`, checking in `range_verifier`.

Encoded, with every number big-endian and as wide as its longest legal value for the largest bound
of the programme, so that all proofs of a file have one width:

    A, T, E1, E0    |N| / 8 bytes each
    D               2 |n| / 8
    f               4 k numbers: v of every slot, then x, y, z
    rho_f, tau_f, s_f
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Final

from typing_extensions import override

from fedcarbon.canonical.hashing import length_prefixed, u32, u64
from fedcarbon.canonical.statement import PROTOCOL_VERSION
from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.packing.layout import SLOT_WIDTH_BITS
from fedcarbon.paillier.share_proof import CHALLENGE_BITS
from fedcarbon.proofs import sizes
from fedcarbon.proofs.commitments import ProofKey, SlotNumbers
from fedcarbon.proofs.transcript import Transcript

_LABEL: Final = b"slot-range"


class RangePurpose(StrEnum):
    """What a proved ciphertext is for; one proof never serves two purposes."""

    BLOCK = "block"
    """A block of a partner's submission."""
    MASK = "mask"
    """A trustee's mask of one opening attempt."""
    CHALLENGE = "challenge"
    """A test vector that is shown afterwards and never counted."""
    TABLE = "table"
    """A block of a partner's contribution to a table; `epoch` is the period."""
    NOISE = "noise"
    """A block of a trustee's noise for a table; `epoch` is the period."""


class RangeCheck(StrEnum):
    """The numbered checks of a verifier."""

    SHAPE = "1a"
    """The layout fits, every bound fits a slot, 4 k responses."""
    GROUP = "1b"
    """A, T, E0 and E1 are canonical members of SQR(N)."""
    CIPHERTEXT = "1c"
    """C and D are units in (0, n^2) with Jacobi symbol +1 mod n."""
    RESPONSE_SIZE = "1d"
    """No response is negative or longer than an honest one."""
    COMMITMENT = "2"
    """commit(f; rho_f) = T A^e."""
    ENCRYPTION = "3"
    """Enc(sum f_v 2^(W j); s_f)^2 = (D C^e)^2."""
    RANGE = "4"
    """g_0^Q h^tau_f = E0 E1^e."""


class RangeProofInvalidError(PeerError):
    """A range proof does not hold: keep the submission as evidence against its sender."""

    code: ClassVar[str] = "RANGE_PROOF_INVALID"

    def __init__(self, check: RangeCheck, context: RangeContext, finding: str) -> None:
        """Take which check failed and for what."""
        # All stay in `args`, so that the error survives a process pool.
        super().__init__(check, context, finding)
        self.check: Final = check
        self.context: Final = context
        self.finding: Final = finding

    @override
    def __str__(self) -> str:
        """Return who must act and why."""
        where = self.context
        return (
            f"the range proof of {where.party_id!r} for {where.purpose} {where.block} in epoch "
            f"{where.epoch} fails check ({self.check}): {self.finding}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeContext:
    """Where a ciphertext belongs; all of it is in the transcript."""

    purpose: RangePurpose
    programme_id: ProgrammeId
    party_id: PartyId
    epoch: EpochIndex
    block: int
    subject: bytes = b""
    """For a mask opening id and attempt (`mask_subject`), for a challenge its id, for tables and
    noise the shell's leaf, else empty."""


def mask_subject(opening_id: bytes, attempt: int) -> bytes:
    """Return what a mask's proof is bound to besides its place."""
    return length_prefixed(opening_id, u32(attempt))


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeStatement:
    """What is proved."""

    context: RangeContext
    bounds: tuple[int, ...] = field(repr=False)
    """B_j per slot, as the verifier computed them."""
    ciphertext: int = field(repr=False)
    """C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeProof:
    """Commitments and responses; judged by `range_verifier`, whatever they hold."""

    commitment: int = field(repr=False)
    """A."""
    mask_commitment: int = field(repr=False)
    """T."""
    linear: int = field(repr=False)
    """E1."""
    constant: int = field(repr=False)
    """E0."""
    mask_ciphertext: int = field(repr=False)
    """D."""
    responses: SlotNumbers
    """f."""
    blinding_response: int = field(repr=False)
    """rho_f."""
    range_response: int = field(repr=False)
    """tau_f."""
    randomiser_response: int = field(repr=False)
    """s_f."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeProofShape:
    """How wide the fields of an encoded proof are."""

    slots: int
    element_bytes: int
    ciphertext_bytes: int
    response_bytes: int
    blinding_bytes: int
    randomiser_bytes: int

    @classmethod
    def of(cls, key: ProofKey, bound_max: int) -> RangeProofShape:
        """Return the shape of all proofs under a key whose bounds are at most `bound_max`."""
        return cls(
            slots=key.layout.slots,
            element_bytes=key.element_bytes,
            ciphertext_bytes=key.public_key.ciphertext_bytes,
            response_bytes=_bytes(sizes.value_response_bits(bound_max)),
            blinding_bytes=_bytes(sizes.blinding_response_bits(key.commitment_modulus)),
            randomiser_bytes=_bytes(sizes.randomiser_response_bits(key.public_key.randomiser_bits)),
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of all fields, in order."""
        return (
            *(self.element_bytes,) * 4,
            self.ciphertext_bytes,
            *(self.response_bytes,) * (4 * self.slots),
            *(self.blinding_bytes,) * 2,
            self.randomiser_bytes,
        )

    @property
    def proof_bytes(self) -> int:
        """Length of an encoded proof."""
        return sum(self.widths)

    def encode(self, proof: RangeProof) -> bytes:
        """Return the bytes of a proof that was made for these bounds."""
        numbers = (
            proof.commitment,
            proof.mask_commitment,
            proof.linear,
            proof.constant,
            proof.mask_ciphertext,
            *proof.responses.flat,
            proof.blinding_response,
            proof.range_response,
            proof.randomiser_response,
        )
        pairs = zip(numbers, self.widths, strict=True)
        return b"".join(number.to_bytes(width, "big") for number, width in pairs)

    def decode(self, data: bytes) -> RangeProof:
        """Return the proof that `data` encodes; its values are not judged.

        Raises:
            MalformedError: another length.
        """
        if len(data) != self.proof_bytes:
            raise MalformedError(f"a range proof has {self.proof_bytes} bytes, not {len(data)}")
        numbers, start = [], 0
        for width in self.widths:
            numbers.append(int.from_bytes(data[start : start + width], "big"))
            start += width
        return RangeProof(
            commitment=numbers[0],
            mask_commitment=numbers[1],
            linear=numbers[2],
            constant=numbers[3],
            mask_ciphertext=numbers[4],
            responses=SlotNumbers.of_flat(numbers[5:-3]),
            blinding_response=numbers[-3],
            range_response=numbers[-2],
            randomiser_response=numbers[-1],
        )


def range_transcript(key: ProofKey, statement: RangeStatement, commitment: int) -> Transcript:
    """Return the transcript after the statement and A, ready for the gammas."""
    context = statement.context
    transcript = Transcript(_LABEL)
    transcript.absorb_bytes(b"version", u32(PROTOCOL_VERSION))
    transcript.absorb_bytes(b"parameters", key.parameter_id)
    transcript.absorb_bytes(b"purpose", context.purpose.value.encode())
    transcript.absorb_bytes(b"programme", context.programme_id.encode())
    transcript.absorb_bytes(b"party", context.party_id.encode())
    transcript.absorb_bytes(b"epoch", u32(context.epoch))
    transcript.absorb_bytes(b"block", u64(context.block))
    transcript.absorb_bytes(b"subject", context.subject)
    transcript.absorb_bytes(b"W", u32(SLOT_WIDTH_BITS))
    transcript.absorb_bytes(b"k", u32(len(statement.bounds)))
    for bound in statement.bounds:
        transcript.absorb_int(b"B", bound, bits=SLOT_WIDTH_BITS)
    transcript.absorb_int(b"C", statement.ciphertext, bits=2 * key.public_key.bits)
    transcript.absorb_int(b"A", commitment, bits=key.commitment_modulus.bit_length())
    return transcript


def range_gammas(transcript: Transcript, slots: int) -> list[int]:
    """Return one challenge per slot, which folds the range equations of all slots into one."""
    return [transcript.challenge(b"gamma", bits=CHALLENGE_BITS) for _ in range(slots)]


def range_challenge(
    transcript: Transcript, key: ProofKey, *, t: int, d: int, e1: int, e0: int
) -> int:
    """Return e, after all commitments."""
    bits = key.commitment_modulus.bit_length()
    transcript.absorb_int(b"T", t, bits=bits)
    transcript.absorb_int(b"D", d, bits=2 * key.public_key.bits)
    transcript.absorb_int(b"E1", e1, bits=bits)
    transcript.absorb_int(b"E0", e0, bits=bits)
    return transcript.challenge(b"e", bits=CHALLENGE_BITS)


def _bytes(bits: int) -> int:
    return (bits + 7) // 8
