"""The link proof: made from the stored chunks, stored, and sent after the last of them.

It shows that what is submitted is at most what the claims that won were worth when they were
committed. It is made once, from pieces, randomness and witnesses that the store keeps: a retry
sends the stored bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from fedcarbon.epoch.statements import LinkProof
from fedcarbon.identity.ristretto import IDENTITY, element, pedersen
from fedcarbon.opening.links import block_commitment, check_link, link_statement
from fedcarbon.proofs.link import LinkContext, LinkProofShape
from fedcarbon.proofs.link_prover import LinkWitness, prove_link
from fedcarbon.proofs.range_prover import RangeWitness
from fedcarbon.submission.chunk_file import ChunkFile
from fedcarbon.transparency.envelope import sign
from partner_node.membership import Membership
from partner_node.storage.outbox import Message, MessageKind
from partner_node.storage.submissions import Winnings

Witnesses = Callable[[Collection[int]], Mapping[int, bytes]]
"""Returns the stored witnesses of blocks."""


def link_message(
    member: Membership,
    context: LinkContext,
    leaves: tuple[int, int],
    won: Winnings,
    chunks: Iterable[ChunkFile],
    witnesses: Witnesses,
) -> Message:
    """Return the signed link proof of a submission.

    Args:
        member: this partner.
        context: what the proof belongs to.
        leaves: indices of the plan leaf and of the verdict leaf.
        won: what the claims that no other partner won are worth.
        chunks: of the whole submission, ascending; one is held at a time.
        witnesses: of their blocks.

    Raises:
        DeltaOutOfRangeError: more would be submitted than was won: a bug of this node.
        LinkProofInvalidError: our own proof does not hold: a broken build or machine.
    """
    parameters, cap_ug = member.parameters, member.programme.epoch_cap_ug
    key = parameters.proof_key
    commitments: dict[int, int] = {}

    def opened() -> Iterator[RangeWitness]:
        for chunk in chunks:
            stored = witnesses(chunk.blocks())
            for entry in chunk:
                commitments[entry.block] = block_commitment(parameters, entry.proof)
                yield RangeWitness.from_bytes(key, cap_ug, stored[entry.block])

    witness = LinkWitness.of(opened(), winnings=won.mass_ug, winnings_blinding=won.blinding)
    generator = element(parameters.ristretto_generator)
    statement = link_statement(
        parameters,
        context,
        cap_ug=cap_ug,
        commitments=commitments,
        # The sum of the commitments is the commitment to the sums.
        winnings=pedersen(won.mass_ug, won.blinding, generator) if won.claims else IDENTITY,
    )
    proof = prove_link(key, statement, witness, member.randomness.below)
    data = LinkProofShape.of(key, statement).encode(proof)
    check_link(parameters, statement, data)
    signed = LinkProof(
        parameter_id=parameters.parameter_id,
        programme_id=context.programme_id,
        epoch=context.epoch,
        partner_id=context.party_id,
        plan_leaf=leaves[0],
        verdict_leaf=leaves[1],
        proof=data,
    )
    return Message(
        kind=MessageKind.LINK_PROOF,
        subject=str(context.epoch),
        envelope=sign(signed, member.signers).to_bytes(),
    )
