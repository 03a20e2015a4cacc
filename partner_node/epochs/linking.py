"""The link proof: made with the ciphertexts, stored with them, and sent after the last chunk.

It shows that what is submitted is at most what the claims that won were worth when they were
committed. It is made while pieces, randomness and witnesses are at hand and never again: a retry
sends the stored bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from fedcarbon.epoch.statements import LinkProof
from fedcarbon.identity.ristretto import IDENTITY, element, pedersen
from fedcarbon.opening.links import block_commitment, check_link, link_statement
from fedcarbon.proofs.link import LinkContext, LinkProofShape
from fedcarbon.proofs.link_prover import LinkWitness, prove_link
from fedcarbon.proofs.range_prover import RangeWitness
from fedcarbon.transparency.envelope import sign
from partner_node.epochs.proving import ProvedEntry
from partner_node.membership import Membership
from partner_node.storage.epochs import ClaimRow
from partner_node.storage.outbox import Message, MessageKind


def link_message(
    member: Membership,
    context: LinkContext,
    leaves: tuple[int, int],
    won: Sequence[ClaimRow],
    proved: Sequence[ProvedEntry],
) -> Message:
    """Return the signed link proof of a submission.

    Args:
        member: this partner.
        context: what the proof belongs to.
        leaves: indices of the plan leaf and of the verdict leaf.
        won: the claims that no other partner won; empty if nothing was claimed.
        proved: every block of the submission.

    Raises:
        DeltaOutOfRangeError: more would be submitted than was won: a bug of this node.
        LinkProofInvalidError: our own proof does not hold: a broken build or machine.
    """
    parameters, cap_ug = member.parameters, member.programme.epoch_cap_ug
    key = parameters.proof_key
    winnings = sum(claim.piece_ug for claim in won)
    blinding = sum(claim.blinding for claim in won)
    generator = element(parameters.ristretto_generator)
    statement = link_statement(
        parameters,
        context,
        cap_ug=cap_ug,
        commitments={
            item.entry.block: block_commitment(parameters, item.entry.proof) for item in proved
        },
        # The sum of the commitments is the commitment to the sums.
        winnings=pedersen(winnings, blinding, generator) if won else IDENTITY,
    )
    witness = LinkWitness.of(
        [RangeWitness.from_bytes(key, cap_ug, item.witness) for item in proved],
        winnings=winnings,
        winnings_blinding=blinding,
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
