"""What this node itself knows of the sample: its own commitment and the record's beacon.

A file that an auditor hands over decides nothing. The node opens only what the sample beacon of a
sealed epoch draws from its own evidence, so that nobody can choose whose activities to look at.
"""

from __future__ import annotations

from fedcarbon.audit.evidence_sample import (
    EpochNotAuditableError,
    EvidenceSample,
    SampleBasis,
    SampleNotDrawnError,
    sample_of,
)
from fedcarbon.epoch.statements import BeaconLabel, BeaconValue, beacon_input
from fedcarbon.evidence.numbering import Numbering
from fedcarbon.identity.beacon import combine_beacon
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.threshold import PartialEvaluation
from fedcarbon.ids import EpochIndex
from fedcarbon.transparency.envelope import open_signed
from fedcarbon.transparency.leaf import LeafType
from partner_node.epochs.snapshot import OwnSnapshot
from partner_node.membership import Membership
from partner_node.record.epoch_leaves import EpochLeafContradictsError
from partner_node.storage.database import Database
from partner_node.storage.epochs import EpochStore
from partner_node.storage.outbox import MessageKind, Outbox
from partner_node.storage.record import RecordStore
from partner_node.storage.submissions import SubmissionStore


class SampleBook:
    """Recomputes samples from the node's own store."""

    def __init__(self, database: Database, member: Membership) -> None:
        """Read what `member` has stored in `database`."""
        self._epochs = EpochStore(database)
        self._outbox = Outbox(database)
        self._submissions = SubmissionStore(database)
        self._record = RecordStore(database)
        self._member = member

    def require_drawn(self, sample: EvidenceSample, snapshot: OwnSnapshot) -> SampleBasis:
        """Check that a sample is the one that the record draws from this node's evidence.

        Args:
            sample: what an auditor asks for.
            snapshot: this partner's accounts in the epoch.

        Raises:
            SampleNotDrawnError: it is another one.
            EpochNotAuditableError: there is nothing to draw from, or no beacon yet.
            SampleSizeError: no sample has this size.
        """
        own = (self._member.party_id, self._member.programme.programme_id)
        if (sample.partner_id, sample.programme_id) != own:
            raise SampleNotDrawnError("the sample is for another partner or programme")
        basis = self._basis(sample.epoch, snapshot)
        if sample_of(basis, sample.size) != sample:
            raise SampleNotDrawnError(
                f"the beacon in leaf {basis.beacon_leaf} draws another sample of {sample.size}"
            )
        return basis

    def _basis(self, epoch: EpochIndex, snapshot: OwnSnapshot) -> SampleBasis:
        member, programme = self._member, self._member.programme
        commitment = self._epochs.commitment(epoch)
        committed = self._outbox.receipts(MessageKind.CLAIM_COMMITMENT, str(epoch)).get(0)
        seal_leaf = self._epochs.seal_leaf(epoch)
        if commitment is None or committed is None or seal_leaf is None:
            raise EpochNotAuditableError(
                f"epoch {epoch} is not sealed, or no claims were committed"
            )
        beacon_leaf, value = self._sample_beacon(epoch, seal_leaf)
        return SampleBasis(
            parameter_id=member.parameters.parameter_id,
            programme_id=programme.programme_id,
            epoch=epoch,
            partner_id=member.party_id,
            commitment_leaf=committed.leaf_index,
            seal_leaf=seal_leaf,
            beacon_leaf=beacon_leaf,
            beacon=value.output,
            numbering=Numbering.of(
                commitment.padded_claims, snapshot.blocks.slots_of, programme.days_of(epoch)
            ),
            lost_claims=frozenset(self._submissions.lost_positions(epoch)),
        )

    def _sample_beacon(self, epoch: EpochIndex, seal_leaf: int) -> tuple[int, BeaconValue]:
        """Return the beacon over the seal, computed again from the trustees' answers."""
        foundation, parameters = self._member.foundation, self._member.parameters
        programme_id = foundation.programme.programme_id
        seal = self._record.leaf(seal_leaf)
        if seal is None or seal.leaf[0] != LeafType.SEAL:
            raise EpochLeafContradictsError(f"leaf {seal_leaf} is no seal")
        witnessed = self._record.head().size
        for index, body in self._record.bodies(LeafType.BEACON_VALUE, from_index=seal_leaf):
            value = open_signed(BeaconValue, body, foundation.hub_keys, signers=foundation.hub_keys)
            asked = (value.label, value.scope, value.epoch, value.leaf_index)
            if asked != (BeaconLabel.SAMPLE, programme_id, epoch, seal_leaf) or index >= witnessed:
                continue
            output = combine_beacon(
                parameters.voprf_key(KeyLabel.BEACON),
                beacon_input(BeaconLabel.SAMPLE, programme_id, epoch, seal.leaf),
                [
                    PartialEvaluation(
                        trustee_index=parameters.trustee_index(partial.trustee_id),
                        elements=(partial.element,),
                        proof=partial.proof,
                    )
                    for partial in value.partials
                ],
            )
            if output != value.output:
                raise EpochLeafContradictsError(f"the beacon in leaf {index} is another one")
            return index, value
        raise EpochNotAuditableError(f"the sample of epoch {epoch} has not been drawn yet")
