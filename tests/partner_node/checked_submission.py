"""What a hub checks of a whole submission, for the small hub of these tests."""

from __future__ import annotations

from collections.abc import Sequence

from fedcarbon.epoch.statements import LinkProof
from fedcarbon.identity.ristretto import Point
from fedcarbon.opening.links import block_commitment, check_link, link_statement
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.proofs.link import LinkContext
from fedcarbon.submission.chunk_file import ChunkEntry
from fedcarbon.units import MicrogramsCO2e


def check_submission(
    parameters: ParameterSet,
    proof: LinkProof,
    cap_ug: MicrogramsCO2e,
    *,
    leaves: tuple[bytes, bytes],
    entries: Sequence[ChunkEntry],
    winnings: Point,
) -> None:
    """Check a link proof over all blocks; `leaves` are the bytes of plan and verdict leaf."""
    statement = link_statement(
        parameters,
        LinkContext(
            programme_id=proof.programme_id,
            party_id=proof.partner_id,
            epoch=proof.epoch,
            plan_leaf=leaves[0],
            verdict_leaf=leaves[1],
        ),
        cap_ug=cap_ug,
        commitments={entry.block: block_commitment(parameters, entry.proof) for entry in entries},
        winnings=winnings,
    )
    check_link(parameters, statement, proof.proof)
