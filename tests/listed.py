"""A claim list with what its owner keeps of it: pieces and the randomness of their commitments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedcarbon.identity.claims import ClaimEntry, TokenList, pad
from fedcarbon.identity.commitment_list import CommitmentList, piece_commitment
from fedcarbon.identity.ristretto import ORDER, Element, Scalar
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.units import MicrogramsCO2e
from tests.chance import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Both files of a list, and their openings in the order of the list."""

    tokens: TokenList
    pieces: tuple[int, ...]
    blindings: tuple[Scalar, ...]
    commitments: CommitmentList

    def __len__(self) -> int:
        return len(self.tokens)

    def root(self) -> bytes:
        return self.commitments.root()

    def to_bytes(self) -> bytes:
        """Return the token file."""
        return self.tokens.to_bytes()

    def won(self, lost: Sequence[int]) -> tuple[int, int]:
        """Return the sums of pieces and of randomness over all positions but `lost`."""
        kept = [position for position in range(len(self)) if position not in set(lost)]
        return (
            sum(self.pieces[position] for position in kept),
            sum(self.blindings[position] for position in kept),
        )


def listed(
    ranks: Mapping[ClaimToken, int],
    worth: Mapping[ClaimToken, int],
    *,
    generator: Element,
    chance: Random,
) -> Listed:
    """Return the padded list of claims, each with its rank and what it is worth in ug."""
    entries = [
        ClaimEntry(token=token, rank=rank, salt=chance.randbytes(16))
        for token, rank in ranks.items()
    ]
    return committed(pad(entries, chance.randbytes, lambda: 4), worth, generator, chance)


def committed(
    tokens: TokenList, worth: Mapping[ClaimToken, int], generator: Element, chance: Random
) -> Listed:
    """Return a list with commitments to what each of its claims is worth; pads are worth 0."""
    pieces = tuple(worth.get(token, 0) for token in tokens.tokens())
    blindings = tuple(Scalar(chance.randrange(ORDER)) for _ in pieces)
    commitments = CommitmentList.of(
        tokens.hidden(),
        [
            piece_commitment(MicrogramsCO2e(piece), blinding, generator)
            for piece, blinding in zip(pieces, blindings, strict=True)
        ],
    )
    return Listed(tokens=tokens, pieces=pieces, blindings=blindings, commitments=commitments)
