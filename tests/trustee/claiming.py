"""The claims of an epoch: lists, verdicts and link proofs, as hub and partners log them."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from fedcarbon.canonical import statement as statements
from fedcarbon.epoch.conflict_file import conflict_file_bytes
from fedcarbon.epoch.lost_positions import position_file_bytes, positions_of
from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconPartial,
    BeaconValue,
    ClaimCommitment,
    ClaimList,
    CommitClosed,
    CommittedList,
    LinkProof,
    MissedClaimant,
    PartnerVerdict,
    VerdictList,
    beacon_input,
)
from fedcarbon.epoch.verdict_file import verdict_file_bytes
from fedcarbon.identity.beacon import combine_beacon
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.ristretto import element
from fedcarbon.identity.shares import evaluate_input
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.opening.links import block_commitment, link_statement, winnings_of
from fedcarbon.proofs.link import LinkContext
from fedcarbon.submission.chunk_file import ChunkEntry
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from tests.chance import seeded
from tests.listed import Listed, listed
from tests.proving import link_proof_of
from tests.trustee.founded import HUB, METHODOLOGY, PROGRAMME, Founded

RICH_UG = 1 << 50
"""What one claim of a test is worth: enough for any sum of a test."""


def rich_token(partner: PartyId, epoch: int) -> ClaimToken:
    """Return the token of the one claim that a partner makes in an epoch."""
    return ClaimToken(hashlib.sha256(f"{partner} {epoch}".encode()).digest()[:16])


class Claiming(Founded):
    """One method per thing that is logged between a plan and the chunks."""

    def rich_list(self, partner: PartyId, epoch: int, *, worth: int = RICH_UG) -> Listed:
        """Return a list of one uncontested claim, the same every time."""
        token = rich_token(partner, epoch)
        return self.list_of({token: 2}, {token: worth}, seed=epoch + sum(partner.encode()))

    def list_of(
        self, ranks: Mapping[ClaimToken, int], worth: Mapping[ClaimToken, int], seed: int = 0
    ) -> Listed:
        return listed(
            ranks,
            worth,
            generator=element(self.parameters.ristretto_generator),
            chance=seeded(seed),
        )

    def claim(
        self,
        epoch: int,
        lists: Mapping[PartyId, Listed],
        *,
        lost: Mapping[PartyId, Sequence[ClaimToken]] | None = None,
        revealed: Mapping[PartyId, Listed] | None = None,
        missed: Sequence[PartyId] = (),
        **changes: Any,
    ) -> int:
        """Log commitments, closing, beacon, lists and verdicts; return the leaf of the verdicts.

        Args:
            epoch: which one.
            lists: what is committed to.
            lost: which tokens each partner loses.
            revealed: whose files are logged, by default all of `lists`.
            missed: who has committed to nothing.
            changes: fields of the verdict list that are to be others.
        """
        committed = {
            name: self.log_own(self.commitment(name, epoch, own), name)
            for name, own in sorted(lists.items())
        }
        closed = self.log_own(
            CommitClosed(
                parameter_id=self.parameters.parameter_id,
                exclusivity_domain=self.programme.exclusivity_domain,
                epoch=EpochIndex(epoch),
                lists=tuple(
                    CommittedList(
                        programme_id=PROGRAMME,
                        partner_id=name,
                        leaf_index=leaf,
                        count=len(lists[name]),
                        list_root=lists[name].root(),
                    )
                    for name, leaf in committed.items()
                ),
                missed=tuple(
                    MissedClaimant(programme_id=PROGRAMME, partner_id=name)
                    for name in sorted(missed)
                ),
            ),
            HUB,
        )
        beacon = self.log_own(self.tie_beacon(epoch, closed), HUB)
        shown = lists if revealed is None else revealed
        for name, own in sorted(shown.items()):
            self.log_own(self.claim_list(name, epoch, own), HUB)
        verdicts = VerdictList(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            epoch=EpochIndex(epoch),
            beacon_leaf=beacon,
            verdicts=tuple(
                self.verdict(name, own, (lost or {}).get(name, ()))
                for name, own in sorted(shown.items())
            ),
            repeated_tokens=0,
            conflicts_sha256=self.keep(conflict_file_bytes(())),
        )
        return self.log_own(dataclasses.replace(verdicts, **changes), HUB)

    def commitment(self, partner: PartyId, epoch: int, own: Listed) -> ClaimCommitment:
        return ClaimCommitment(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            epoch=EpochIndex(epoch),
            partner_id=partner,
            count=len(own),
            list_root=own.root(),
            evidence_root=bytes(32),
            evidence_count=len(own) + 2,
            methodologies=(METHODOLOGY,),
        )

    def claim_list(self, partner: PartyId, epoch: int, own: Listed) -> ClaimList:
        return ClaimList(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            epoch=EpochIndex(epoch),
            partner_id=partner,
            file_sha256=self.keep(own.to_bytes()),
            commitments_sha256=self.keep(own.commitments.to_bytes()),
            count=len(own),
        )

    def verdict(self, partner: PartyId, own: Listed, lost: Sequence[ClaimToken]) -> PartnerVerdict:
        tokens = sorted(lost)
        return PartnerVerdict(
            partner_id=partner,
            lost=len(tokens),
            file_sha256=self.keep(verdict_file_bytes(tokens)),
            positions_sha256=self.keep(
                position_file_bytes(positions_of(own.tokens.tokens(), tokens))
            ),
        )

    def tie_beacon(self, epoch: int, leaf: int) -> BeaconValue:
        """Draw the beacon over a leaf with the trustees' secrets."""
        domain = self.programme.exclusivity_domain
        question = beacon_input(
            BeaconLabel.TIE, domain, EpochIndex(epoch), self.record.leaves[leaf].leaf
        )
        answers = [
            evaluate_input(secret.voprf[KeyLabel.BEACON], question, self._chance.randrange)
            for secret in self.dealing.secrets[: self.parameters.threshold]
        ]
        return BeaconValue(
            parameter_id=self.parameters.parameter_id,
            label=BeaconLabel.TIE,
            scope=domain,
            epoch=EpochIndex(epoch),
            leaf_index=leaf,
            partials=tuple(
                BeaconPartial(
                    trustee_id=self.trustee_ids[answer.trustee_index - 1],
                    element=answer.elements[0],
                    proof=answer.proof,
                )
                for answer in answers
            ),
            output=combine_beacon(self.parameters.voprf_key(KeyLabel.BEACON), question, answers),
        )

    def keep(self, data: bytes) -> bytes:
        """Keep a file and return its hash."""
        sha256 = hashlib.sha256(data).digest()
        self.record.files[sha256] = data
        return sha256

    def logged(self, cls: type[Any], epoch: int) -> dict[int, Any]:
        """Return the statements of a class about an epoch, by leaf."""
        leaf_type = LeafType[cls.KIND.upper()]
        found = {
            index: statements.decode(cls, Envelope.from_bytes(built.body).payload)
            for index, built in enumerate(self.record.leaves)
            if built.leaf[0] == leaf_type
        }
        return {index: item for index, item in found.items() if item.epoch == epoch}

    def link_proof(
        self,
        partner: PartyId,
        epoch: int,
        plan_leaf: int,
        entries: Sequence[ChunkEntry],
        own: Listed | None,
        *,
        lost: Sequence[int] = (),
        **changes: Any,
    ) -> LinkProof:
        """Return a link proof over `entries`, true or not.

        Args:
            partner: whose.
            epoch: of which epoch.
            plan_leaf: leaf of the plan.
            entries: all blocks.
            own: the list that the partner counts on; None if it has none.
            lost: positions of it that do not count.
            changes: fields of the statement that are to be others.
        """
        (verdict_leaf,) = self.logged(VerdictList, epoch)
        statement = link_statement(
            self.parameters,
            LinkContext(
                programme_id=PROGRAMME,
                party_id=partner,
                epoch=EpochIndex(epoch),
                plan_leaf=self.record.leaves[plan_leaf].leaf,
                verdict_leaf=self.record.leaves[verdict_leaf].leaf,
            ),
            cap_ug=self.programme.epoch_cap_ug,
            commitments={
                entry.block: block_commitment(self.parameters, entry.proof) for entry in entries
            },
            winnings=winnings_of(None if own is None else own.commitments, lost),
        )
        won = (0, 0) if own is None else own.won(lost)
        proof = LinkProof(
            parameter_id=self.parameters.parameter_id,
            programme_id=PROGRAMME,
            epoch=EpochIndex(epoch),
            partner_id=partner,
            plan_leaf=plan_leaf,
            verdict_leaf=verdict_leaf,
            proof=link_proof_of(self.parameters, statement, won, self._chance),
        )
        return dataclasses.replace(proof, **changes)
