"""The link proof: a submission is worth no more than the claims that won (DESIGN section 9.4).

One proof per partner and epoch. With K_c = r_c G + piece_c G' committed for every claim before any
verdict, and A_b the commitment in the range proof of block b, both sides compute

    K = sum of K_c over the claims that won        A = prod of A_b over all blocks in the submission

and the statement is: what A holds in its slots, plus some delta in [0, 2^60), is what K holds. The
sum of slots may be below the winning pieces (half-lost activities, caps, people who have left),
never above. Proving is in `link_prover`, checking in `link_verifier`.

**Proof.** A_d = g_dv^delta g_dx^x g_dy^y g_dz^z h^rho_d with x^2 + y^2 + z^2 = 4 delta (D - delta)
+ 1 for D = 2^60 - 1, as a slot of its own (section 9.2 with gamma = 1). T and T_d commit to masks
under the generators of A and of A_d; E1 and E0 as in 9.2; U = r_u G + (sum a_v + a_d) G'. After all
of them e, then f = a + e * value throughout, r_f = r_u + e r_K mod l. The checks are numbered in
`LinkCheck`.

**Soundness.** Two accepted answers with e and e' give, by (2), integers V_j, X_j, Y_j, Z_j that A
holds and, by (3), delta, x, y, z that A_d holds, with f - f' = (e - e') times each (strong RSA and
factoring in SQR(N), whose generators have no known root). A product of commitments holds the sum of
what they hold, and nobody can give it a second content; so V_j is the sum over all blocks of the
v_{b,j} of the range proofs, each within [0, B_j]. Three answers give, by (4), 4 delta (D - delta) +
1 = x^2 + y^2 + z^2, so 0 <= delta <= D. By (5), (r_f - r_f') G + (e - e')(sum V_j + delta) G' =
(e - e') K, and e - e' is invertible mod the prime l: whoever answers knows an opening of K to
sum V_j + delta mod l. K has no other that anyone knows, because nobody knows the logarithm of G'.

**Sizes.** k slots, n_b blocks, lg = bits(n_b), B the largest bound, b = bits(B), W = 112:
    |V_j|, |X_j|, |Y_j|, |Z_j| < 2^(b + lg), so their masks have b + lg + 1 + lambda + kappa bits;
    rho of A < 2^(|N| + kappa + lg), so its mask has |N| + 2 kappa + lambda + lg bits;
    delta and its roots < 2^60, so their masks have 60 + 1 + lambda + kappa bits.
    Responses may be one bit longer (`fedcarbon.proofs.sizes` says why both lines hold).
    sum V_j + delta < k 2^(b + lg) + 2^60 < 2^252 < l: with less than 2^7 slots and 2^32 blocks,
    and b <= W, this is true with 2^99 to spare, so that the equation mod l is one of integers.

**What it does not show**: how a partner split a reduction over its claims, that a pad holds 0 (one
inflated pad, or two that cancel, would satisfy it), and whose account got the grams. The auditor on
site checks the first two by a weighted sum over all commitments, the last by the evidence.

Encoded, big-endian, every number as wide as its longest legal value:

    A_d, T, T_d, E1, E0   |N| / 8 bytes each
    U                     32
    f                     4 k numbers: v of every slot, then x, y, z
    f_d                   4 numbers
    rho_f, rho_df, tau_f
    r_f                   32, little-endian, below l
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from typing import ClassVar, Final

from gmpy2 import mpz
from typing_extensions import override

from fedcarbon.canonical.hashing import u32, u64
from fedcarbon.canonical.statement import PROTOCOL_VERSION
from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.identity.ristretto import (
    ELEMENT_BYTES,
    SCALAR_BYTES,
    Element,
    Point,
    scalar_to_bytes,
)
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.paillier.share_proof import CHALLENGE_BITS
from fedcarbon.proofs import sizes
from fedcarbon.proofs.commitments import ProofKey, SlotNumbers
from fedcarbon.proofs.generators import LINK_KINDS, derive_generator
from fedcarbon.proofs.transcript import Transcript

DELTA_BITS: Final = 60
DELTA_MAX: Final = (1 << DELTA_BITS) - 1
"""D: how far a submission may stay below its winning claims, in ug CO2e: 10^12 t."""
LEAF_BYTES: Final = 34
_LABEL: Final = b"link"


class LinkCheck(StrEnum):
    """The numbered checks of a verifier."""

    SHAPE = "1a"
    """There is a block, and 4 k + 4 responses."""
    GROUP = "1b"
    """Every A_b, A_d, T, T_d, E1, E0 is a canonical member of SQR(N); U is one of ristretto255."""
    RESPONSE_SIZE = "1c"
    """No response is negative or longer than an honest one; r_f is below l."""
    COMMITMENT = "2"
    """commit(f; rho_f) = T A^e with A = prod A_b."""
    DELTA = "3"
    """commit_d(f_d; rho_df) = T_d A_d^e."""
    RANGE = "4"
    """g_0^Q h^tau_f = E0 E1^e with Q = 4 f_dv (D e - f_dv) + e^2 - f_dx^2 - f_dy^2 - f_dz^2."""
    LINK = "5"
    """r_f G + (sum f_v + f_dv mod l) G' = U + e K."""


class LinkProofInvalidError(PeerError):
    """A link proof does not hold: the partner's submission must not be counted."""

    code: ClassVar[str] = "LINK_PROOF_INVALID"

    def __init__(self, check: LinkCheck, context: LinkContext, finding: str) -> None:
        """Take which check failed and for what."""
        super().__init__(check, context, finding)
        self.check: Final = check
        self.context: Final = context
        self.finding: Final = finding

    @override
    def __str__(self) -> str:
        """Return who must act and why."""
        return (
            f"the link proof of {self.context.party_id!r} in epoch {self.context.epoch} fails "
            f"check ({self.check}): {self.finding}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkContext:
    """What a proof belongs to; all of it is in the transcript."""

    programme_id: ProgrammeId
    party_id: PartyId
    epoch: EpochIndex
    plan_leaf: bytes
    """The 34 bytes of the epoch-plan leaf."""
    verdict_leaf: bytes
    """The 34 bytes of the verdict-list leaf, which says which claims won."""

    def __post_init__(self) -> None:
        """Check the sizes.

        Raises:
            MalformedError: a leaf has another size.
        """
        if {len(self.plan_leaf), len(self.verdict_leaf)} != {LEAF_BYTES}:
            raise MalformedError(f"a leaf has {LEAF_BYTES} bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatement:
    """What is proved."""

    context: LinkContext
    bound_max: int
    """B: the largest bound of a slot."""
    commitments: Mapping[int, int] = field(repr=False)
    """A_b of every block of the submission, ascending by block."""
    winnings: Point = field(repr=False)
    """K; the identity if no claim won."""
    generator: Element = field(repr=False)
    """G' of the parameter set."""

    @property
    def sum_bits(self) -> int:
        """lg: by how many bits a sum over all blocks may be longer than a term."""
        return len(self.commitments).bit_length()

    def product(self, key: ProofKey) -> int:
        """Return A = prod A_b in SQR(N)."""
        total, modulus = mpz(1), key.commitment_modulus
        for commitment in self.commitments.values():
            total = total * commitment % modulus
        return key.canonical(total)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProof:
    """Commitments and responses; judged by `link_verifier`, whatever they hold."""

    delta_commitment: int = field(repr=False)
    """A_d."""
    mask_commitment: int = field(repr=False)
    """T."""
    delta_mask_commitment: int = field(repr=False)
    """T_d."""
    linear: int = field(repr=False)
    """E1."""
    constant: int = field(repr=False)
    """E0."""
    mask_point: bytes = field(repr=False)
    """U."""
    responses: SlotNumbers
    """f."""
    delta_responses: tuple[int, ...] = field(repr=False)
    """f_d: of delta and its three roots."""
    blinding_response: int = field(repr=False)
    """rho_f."""
    delta_blinding_response: int = field(repr=False)
    """rho_df."""
    range_response: int = field(repr=False)
    """tau_f."""
    point_response: int = field(repr=False)
    """r_f."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSizes:
    """How long the numbers of a proof are, in bits; of responses one more is accepted."""

    value_mask_bits: int
    blinding_mask_bits: int
    delta_mask_bits: int
    delta_blinding_mask_bits: int

    @classmethod
    def of(cls, key: ProofKey, statement: LinkStatement) -> LinkSizes:
        """Return the sizes that follow from a statement: see the module."""
        single = sizes.blinding_mask_bits(key.commitment_modulus)
        return cls(
            value_mask_bits=sizes.value_mask_bits(statement.bound_max) + statement.sum_bits,
            blinding_mask_bits=single + statement.sum_bits,
            delta_mask_bits=sizes.value_mask_bits(DELTA_MAX),
            delta_blinding_mask_bits=single,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkProofShape:
    """How wide the fields of an encoded proof are."""

    slots: int
    element_bytes: int
    response_bytes: int
    delta_bytes: int
    blinding_bytes: int
    delta_blinding_bytes: int

    @classmethod
    def of(cls, key: ProofKey, statement: LinkStatement) -> LinkProofShape:
        """Return the shape of a proof of `statement`."""
        lengths = LinkSizes.of(key, statement)
        return cls(
            slots=key.layout.slots,
            element_bytes=key.element_bytes,
            response_bytes=_bytes(lengths.value_mask_bits + 1),
            delta_bytes=_bytes(lengths.delta_mask_bits + 1),
            blinding_bytes=_bytes(lengths.blinding_mask_bits + 1),
            delta_blinding_bytes=_bytes(lengths.delta_blinding_mask_bits + 1),
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """The widths of all numbers before U and after it, in order."""
        return (
            *(self.element_bytes,) * 5,
            *(self.response_bytes,) * (4 * self.slots),
            *(self.delta_bytes,) * len(LINK_KINDS),
            self.blinding_bytes,
            *(self.delta_blinding_bytes,) * 2,
        )

    @property
    def proof_bytes(self) -> int:
        """Length of an encoded proof."""
        return sum(self.widths) + ELEMENT_BYTES + SCALAR_BYTES

    def encode(self, proof: LinkProof) -> bytes:
        """Return the bytes of a proof that was made for this statement."""
        numbers = (
            proof.delta_commitment,
            proof.mask_commitment,
            proof.delta_mask_commitment,
            proof.linear,
            proof.constant,
            *proof.responses.flat,
            *proof.delta_responses,
            proof.blinding_response,
            proof.delta_blinding_response,
            proof.range_response,
        )
        pairs = zip(numbers, self.widths, strict=True)
        parts = [number.to_bytes(width, "big") for number, width in pairs]
        return b"".join(
            (*parts[:5], proof.mask_point, *parts[5:], scalar_to_bytes(proof.point_response))
        )

    def decode(self, data: bytes) -> LinkProof:
        """Return the proof that `data` encodes; its values are not judged.

        Raises:
            MalformedError: another length.
        """
        if len(data) != self.proof_bytes:
            raise MalformedError(f"a link proof has {self.proof_bytes} bytes, not {len(data)}")
        point_at = 5 * self.element_bytes
        point = data[point_at : point_at + ELEMENT_BYTES]
        rest = data[:point_at] + data[point_at + ELEMENT_BYTES :]
        numbers, start = [], 0
        for width in self.widths:
            numbers.append(int.from_bytes(rest[start : start + width], "big"))
            start += width
        return LinkProof(
            delta_commitment=numbers[0],
            mask_commitment=numbers[1],
            delta_mask_commitment=numbers[2],
            linear=numbers[3],
            constant=numbers[4],
            mask_point=point,
            responses=SlotNumbers.of_flat(numbers[5 : 5 + 4 * self.slots]),
            delta_responses=tuple(numbers[5 + 4 * self.slots : -3]),
            blinding_response=numbers[-3],
            delta_blinding_response=numbers[-2],
            range_response=numbers[-1],
            point_response=int.from_bytes(rest[start:], "little"),
        )


@cache
def delta_generators(key: ProofKey) -> tuple[int, ...]:
    """Return g_dv, g_dx, g_dy, g_dz of a parameter set."""
    return tuple(
        derive_generator(
            kind,
            0,
            commitment_modulus=key.commitment_modulus,
            paillier_modulus=key.public_key.n,
        ).element
        for kind in LINK_KINDS
    )


def link_challenge(key: ProofKey, statement: LinkStatement, proof: LinkProof) -> int:
    """Return e, after the statement and every commitment of `proof`; no response goes in."""
    context, bits = statement.context, key.commitment_modulus.bit_length()
    transcript = Transcript(_LABEL)
    transcript.absorb_bytes(b"version", u32(PROTOCOL_VERSION))
    transcript.absorb_bytes(b"parameters", key.parameter_id)
    transcript.absorb_bytes(b"programme", context.programme_id.encode())
    transcript.absorb_bytes(b"party", context.party_id.encode())
    transcript.absorb_bytes(b"epoch", u32(context.epoch))
    transcript.absorb_bytes(b"plan", context.plan_leaf)
    transcript.absorb_bytes(b"verdicts", context.verdict_leaf)
    transcript.absorb_bytes(b"k", u32(key.layout.slots))
    transcript.absorb_bytes(b"B", u64(statement.bound_max))
    transcript.absorb_bytes(b"blocks", u32(len(statement.commitments)))
    for block, commitment in statement.commitments.items():
        transcript.absorb_bytes(b"block", u64(block))
        transcript.absorb_int(b"A", commitment, bits=bits)
    transcript.absorb_bytes(b"G'", statement.generator)
    transcript.absorb_bytes(b"K", statement.winnings)
    transcript.absorb_int(b"A_d", proof.delta_commitment, bits=bits)
    transcript.absorb_int(b"T", proof.mask_commitment, bits=bits)
    transcript.absorb_int(b"T_d", proof.delta_mask_commitment, bits=bits)
    transcript.absorb_int(b"E1", proof.linear, bits=bits)
    transcript.absorb_int(b"E0", proof.constant, bits=bits)
    transcript.absorb_bytes(b"U", proof.mask_point)
    return transcript.challenge(b"e", bits=CHALLENGE_BITS)


def _bytes(bits: int) -> int:
    return (bits + 7) // 8
