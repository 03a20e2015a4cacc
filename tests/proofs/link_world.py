"""A small submission with its claims, honest or not, for the tests of link proofs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import pytest

from fedcarbon.identity.commitment_list import piece_commitment
from fedcarbon.identity.ristretto import ORDER, Element, Point, element, sum_of
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.proofs.commitments import ProofKey, ProverTables
from fedcarbon.proofs.link import (
    LinkCheck,
    LinkContext,
    LinkProof,
    LinkProofInvalidError,
    LinkStatement,
)
from fedcarbon.proofs.link_prover import DeltaWitness, LinkWitness, prove_link, prove_opened
from fedcarbon.proofs.link_verifier import verify_link
from fedcarbon.proofs.range_proof import RangeContext, RangePurpose
from fedcarbon.proofs.range_prover import ProvedBlock, encrypt_and_prove
from fedcarbon.units import MicrogramsCO2e
from tests.chance import Random, seeded
from tests.keys.ceremonies import dealt
from tests.proofs.conftest import CAP_UG

CONTEXT: Final = LinkContext(
    programme_id=ProgrammeId("city"),
    party_id=PartyId("metro"),
    epoch=EpochIndex(3),
    plan_leaf=b"\x20\x01" + b"p" * 32,
    verdict_leaf=b"\x25\x01" + b"v" * 32,
)


def generator() -> Element:
    """Return G' of the tiny parameter set."""
    return element(dealt().parameters.ristretto_generator)


@dataclass(slots=True)
class Claims:
    """What a partner committed to: pieces, pads included, which may be any integers here."""

    pieces: Sequence[int]
    chance: Random
    blindings: list[int] = field(init=False)
    commitments: list[Point] = field(init=False)

    def __post_init__(self) -> None:
        """Commit."""
        self.blindings = [self.chance.randrange(ORDER) for _ in self.pieces]
        self.commitments = [
            piece_commitment(MicrogramsCO2e(piece), blinding, generator())
            for piece, blinding in zip(self.pieces, self.blindings, strict=True)
        ]

    def winning(self, lost: Sequence[int] = ()) -> list[int]:
        return [position for position in range(len(self.pieces)) if position not in lost]

    def sum_of_commitments(self, lost: Sequence[int] = ()) -> Point:
        return sum_of(self.commitments[position] for position in self.winning(lost))


class Submission:
    """Blocks with the values given, and the claims that they come from."""

    def __init__(
        self, tables: ProverTables, blocks: Sequence[Sequence[int]], pieces: Sequence[int]
    ) -> None:
        self.key = tables.key
        self.chance = seeded(4)
        slots = self.key.layout.slots
        self.blocks: dict[int, ProvedBlock] = {
            3 * number: encrypt_and_prove(
                tables,
                _block_context(3 * number),
                values=[*values, *[0] * (slots - len(values))],
                bounds=[CAP_UG] * slots,
                randbelow=self.chance.randrange,
            )
            for number, values in enumerate(blocks)
        }
        self.claims = Claims(pieces, self.chance)

    def statement(
        self, lost: Sequence[int] = (), *, blocks: Sequence[int] | None = None
    ) -> LinkStatement:
        """Return what a verifier computes, over all blocks or those given."""
        chosen = sorted(self.blocks) if blocks is None else blocks
        return LinkStatement(
            context=CONTEXT,
            bound_max=CAP_UG,
            commitments={block: self.blocks[block].proof.commitment for block in chosen},
            winnings=self.claims.sum_of_commitments(lost),
            generator=generator(),
        )

    def witness(
        self, lost: Sequence[int] = (), *, blocks: Sequence[int] | None = None
    ) -> LinkWitness:
        chosen = sorted(self.blocks) if blocks is None else blocks
        won = self.claims.winning(lost)
        return LinkWitness.of(
            [self.blocks[block].witness for block in chosen],
            winnings=sum(self.claims.pieces[position] for position in won),
            winnings_blinding=sum(self.claims.blindings[position] for position in won),
        )

    def proof(self, lost: Sequence[int] = ()) -> LinkProof:
        return prove_link(self.key, self.statement(lost), self.witness(lost), self.chance.randrange)


def failed_check(key: ProofKey, statement: LinkStatement, proof: LinkProof) -> LinkCheck:
    with pytest.raises(LinkProofInvalidError) as caught:
        verify_link(key, statement, proof)
    return caught.value.check


def opened(submission: Submission, *, delta: int, lost: Sequence[int] = ()) -> LinkProof:
    """Return a proof whose A_d holds `delta` and roots of 0, whatever would be true."""
    of_delta = DeltaWitness(numbers=(delta, 0, 0, 0), blinding=5)
    return prove_opened(
        submission.key,
        submission.statement(lost),
        submission.witness(lost),
        of_delta,
        submission.chance.randrange,
    )


def _block_context(block: int) -> RangeContext:
    return RangeContext(
        purpose=RangePurpose.BLOCK,
        programme_id=CONTEXT.programme_id,
        party_id=CONTEXT.party_id,
        epoch=CONTEXT.epoch,
        block=block,
    )
