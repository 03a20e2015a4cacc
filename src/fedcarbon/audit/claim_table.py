"""The full weighted check: all piece commitments of a partner and epoch (DESIGN section 9.4).

The proof that a submission is worth no more than the winning claims takes all kept commitments at
their sum, pads included, so one inflated pad would satisfy it. On site the node therefore shows its
whole claim table, the piece of every claim and 0 for pads, with R = sum w_c r_c mod l, and

    sum w_c K_c = R G + (sum w_c piece_c) G'

must hold under 128-bit weights w_c = SHAKE-256(LP("fedcarbon/v1/claim-weight", beacon, programme,
partner, h, u64 c)), where h = SHA-256(LP("fedcarbon/v1/claim-pieces", u64 piece_0, u64 piece_1,
...)) fixes the table before its weights are known. With weights of the beacon alone a node could
spread an inflated pad over other entries afterwards: a short vector of a lattice balances them. So
a table in which one piece is not the committed one passes with probability 2^-128 per table tried,
and pads that cancel each other do not pass either. The r_c themselves stay with the node.

What it shows is that the table is what was committed. That an entry is a claim's and not a pad's
is for the sample; an entry is at most the cap of a person-day, which bounds what one pad can carry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Final

from fedcarbon.audit.sampling import DrawSource
from fedcarbon.canonical.hashing import digest, expand_integer, u64
from fedcarbon.errors import MalformedError, PeerError
from fedcarbon.identity.ristretto import (
    ORDER,
    SCALAR_BYTES,
    Element,
    Point,
    pedersen,
    scalar_from_bytes,
    scalar_to_bytes,
    scaled,
    sum_of,
)
from fedcarbon.units import MicrogramsCO2e

WEIGHT_BITS: Final = 128


class PieceCommitmentsDifferError(PeerError):
    """A partner committed to other pieces than its claim table holds: keep both as evidence."""

    code: ClassVar[str] = "PIECE_COMMITMENTS_DIFFER"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimTable:
    """What a node shows of all claims of an epoch."""

    pieces_ug: tuple[MicrogramsCO2e, ...] = field(repr=False)
    """What every claim is worth before any verdict, in the order of the list; 0 for a pad."""
    blinding: bytes = field(repr=False)
    """R, 32 bytes, little-endian."""

    def __post_init__(self) -> None:
        """Check sizes."""
        if len(self.blinding) != SCALAR_BYTES or min(self.pieces_ug, default=0) < 0:
            raise MalformedError("a claim table has pieces and a blinding of 32 bytes")


def claim_weights(source: DrawSource, pieces_ug: Sequence[MicrogramsCO2e]) -> list[int]:
    """Return w_c of every claim of a table, which fixes them."""
    table = digest(b"fedcarbon/v1/claim-pieces", *map(u64, pieces_ug))
    return [
        expand_integer(
            b"fedcarbon/v1/claim-weight",
            source.beacon,
            source.programme_id.encode(),
            source.partner_id.encode(),
            table,
            u64(number),
            bits=WEIGHT_BITS,
        )
        for number in range(len(pieces_ug))
    ]


def claim_table(
    source: DrawSource, pieces_ug: Sequence[MicrogramsCO2e], blindings: Sequence[int]
) -> ClaimTable:
    """Return the table of a partner that knows r_c of every claim.

    Args:
        source: the sample beacon, and whose claims these are.
        pieces_ug: of every claim.
        blindings: r_c of every claim.
    """
    weights = claim_weights(source, pieces_ug)
    total = sum(w * r for w, r in zip(weights, blindings, strict=True)) % ORDER
    return ClaimTable(pieces_ug=tuple(pieces_ug), blinding=scalar_to_bytes(total))


def check_claim_table(
    source: DrawSource,
    table: ClaimTable,
    commitments: Sequence[bytes],
    generator: Element,
    cap_ug: MicrogramsCO2e,
) -> None:
    """Check a table against all commitments of the list.

    Args:
        source: see `claim_table`.
        table: what the node showed.
        commitments: K of every claim, canonical elements, from the record.
        generator: G' of the parameter set.
        cap_ug: cap of one person-day; no claim can be worth more.

    Raises:
        PieceCommitmentsDifferError: the equation does not hold, an entry is above the cap, or the
            table has another length.
        ScalarInvalidError: the blinding is no canonical scalar.
    """
    if len(table.pieces_ug) != len(commitments):
        raise PieceCommitmentsDifferError(
            f"the table has {len(table.pieces_ug)} claims, the list {len(commitments)}"
        )
    above = [number for number, piece in enumerate(table.pieces_ug) if piece > cap_ug]
    if above:
        raise PieceCommitmentsDifferError(f"claim {above[0]} is above the cap of a person-day")
    weights = claim_weights(source, table.pieces_ug)
    total_ug = sum(w * piece for w, piece in zip(weights, table.pieces_ug, strict=True))
    left = sum_of(scaled(w, Point(k)) for w, k in zip(weights, commitments, strict=True))
    if left != pedersen(total_ug, scalar_from_bytes(table.blinding), generator):
        raise PieceCommitmentsDifferError(
            "the claim table is not what the piece commitments of the list hold"
        )
