"""What is done to claims: commitments, lists, verdicts, and the proofs that link sums to them."""

from __future__ import annotations

import dataclasses

from fedcarbon.epoch.conflict_file import ConflictingClaim, conflict_file_bytes
from fedcarbon.epoch.lost_positions import lost_positions, position_file_bytes
from fedcarbon.epoch.statements import ClaimCommitment, ClaimList, LinkProof, VerdictList
from fedcarbon.epoch.verdict_file import lost_tokens, verdict_file_bytes
from fedcarbon.identity.claims import FILE_MAGIC, RECORD_BYTES, TokenList
from fedcarbon.identity.commitment_list import CommitmentList
from fedcarbon.identity.ristretto import multiply_base
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import Claimant, EpochIndex
from tests.audit.kit import LAST_DAY, METRO, Kit
from tests.simulation.world import HUB, PROGRAMME


def claim_list_exchanged(kit: Kit) -> None:
    """A list with another salt: the partner did not commit to it."""
    index, item = next(found for found in kit.of(ClaimList, epoch=LAST_DAY) if found[1].count)
    data = bytearray(kit.file(item.file_sha256).read_bytes())
    data[len(FILE_MAGIC) + RECORD_BYTES - 1] ^= 1
    TokenList.from_bytes(bytes(data))
    kit.replace(index, dataclasses.replace(item, file_sha256=kit.put(bytes(data))), HUB)


def verdict_with_a_token_less(kit: Kit) -> None:
    index, item = kit.of(VerdictList, epoch=LAST_DAY)[0]
    at = next(at for at, verdict in enumerate(item.verdicts) if verdict.lost)
    verdict = item.verdicts[at]
    tokens = lost_tokens(kit.file(verdict.file_sha256).read_bytes())[1:]
    fewer = dataclasses.replace(
        verdict, lost=len(tokens), file_sha256=kit.put(verdict_file_bytes(tokens))
    )
    verdicts = (*item.verdicts[:at], fewer, *item.verdicts[at + 1 :])
    kit.replace(index, dataclasses.replace(item, verdicts=verdicts), HUB)


def evidence_miscounted(kit: Kit) -> None:
    """A partner commits to a leaf of evidence that is no claim's and no account's."""
    index, item = kit.of(ClaimCommitment, epoch=LAST_DAY, partner_id=METRO)[0]
    kit.replace(index, dataclasses.replace(item, evidence_count=item.evidence_count + 1), METRO)


def commitments_exchanged(kit: Kit) -> None:
    """Commitments to more than what was committed before the verdicts."""
    index, item = next(found for found in kit.of(ClaimList, epoch=LAST_DAY) if found[1].count)
    found = CommitmentList.from_bytes(kit.file(item.commitments_sha256).read_bytes())
    other = CommitmentList.of(found.hidden(), [multiply_base(7)] * len(found))
    name = kit.put(other.to_bytes())
    kit.replace(index, dataclasses.replace(item, commitments_sha256=name), HUB)


def other_claims_lost_for_trustees(kit: Kit) -> None:
    """Trustees are told that another claim was lost than the partner is."""
    index, item = kit.of(VerdictList, epoch=LAST_DAY)[0]
    lists = {found.partner_id: found.count for _, found in kit.of(ClaimList, epoch=LAST_DAY)}
    at = next(at for at, verdict in enumerate(item.verdicts) if verdict.lost)
    verdict = item.verdicts[at]
    lost = lost_positions(
        kit.file(verdict.positions_sha256).read_bytes(), lists[verdict.partner_id]
    )
    free = next(n for n in range(lists[verdict.partner_id]) if n not in lost)
    other = position_file_bytes(sorted([*lost[1:], free]))
    changed = dataclasses.replace(verdict, positions_sha256=kit.put(other))
    verdicts = (*item.verdicts[:at], changed, *item.verdicts[at + 1 :])
    kit.replace(index, dataclasses.replace(item, verdicts=verdicts), HUB)


def conflict_invented(kit: Kit) -> None:
    """A partner is said to have claimed a token before that it never claimed."""
    index, item = kit.of(VerdictList, epoch=LAST_DAY)[0]
    claim = ConflictingClaim(ClaimToken(b"t" * 16), EpochIndex(1), Claimant(PROGRAMME, METRO), 0)
    name = kit.put(conflict_file_bytes([claim]))
    kit.replace(index, dataclasses.replace(item, conflicts_sha256=name), HUB)


def link_proof_of_another_epoch(kit: Kit) -> None:
    index, item = kit.of(LinkProof, epoch=LAST_DAY, partner_id=METRO)[0]
    _, old = kit.of(LinkProof, epoch=LAST_DAY - 1, partner_id=METRO)[0]
    kit.replace(index, dataclasses.replace(item, proof=old.proof), METRO)


def link_proof_for_other_verdicts(kit: Kit) -> None:
    index, item = kit.of(LinkProof, epoch=LAST_DAY, partner_id=METRO)[0]
    leaf = item.verdict_leaf + 1
    kit.replace(index, dataclasses.replace(item, verdict_leaf=leaf), METRO)
