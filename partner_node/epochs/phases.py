"""What the node does in each state of an epoch, as the hub shows it.

    COMMITTING   cut the epoch off, decide the claims, store them, send their roots
    REVEALING    verify that the roots are under a witnessed head, then stream the list
    JUDGED       wait
    SUBMITTING   fetch the verdicts, then encrypt, prove, store and send chunk by chunk, then the
                 link proof
    SEALED       see that nothing was left out

Each phase looks only at the store and at the hub's state, so it can be killed anywhere and run
again: what was decided is never decided again, what was sent is sent again as the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from fedcarbon.engine.port import Engine
from fedcarbon.errors import PeerError, StateError
from fedcarbon.ids import Claimant, EpochIndex
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import epoch_pb2
from fedcarbon.wire.hub_client import HubClient
from partner_node.activities.bundle import Bundle
from partner_node.activities.evaluating import BulkEvaluation
from partner_node.epochs.claiming import ClaimBuilder
from partner_node.epochs.exchange import EpochExchange
from partner_node.epochs.proving import BlockProver
from partner_node.epochs.submitting import Submission
from partner_node.epochs.uploads import ClaimListUpload
from partner_node.membership import Membership
from partner_node.record.epoch_leaves import closing_at, plan_at
from partner_node.record.receipts import checked_hub_receipt
from partner_node.storage.accounts import AccountFigures, AccountStore
from partner_node.storage.database import Database
from partner_node.storage.epochs import Cutoff, EpochStore
from partner_node.storage.outbox import MessageKind, Outbox
from partner_node.storage.record import RecordStore

COMMIT_MARGIN_S: Final = 600
"""However long a node may wait for late activities, it commits so long before phase 1a ends."""


class PlannedEarlyError(PeerError):
    """The hub plans an epoch whose last day is not over: its claims would be cut short."""

    code: ClassVar[str] = "PLANNED_EARLY"


class CommitmentLeftOutError(PeerError):
    """The closing leaf does not hold what the hub's receipt promised; keep both as evidence."""

    code: ClassVar[str] = "COMMITMENT_LEFT_OUT"


class SealedAwayError(PeerError):
    """The epoch was sealed without chunks that the hub had accepted; keep the receipts."""

    code: ClassVar[str] = "SEALED_AWAY"


class EnrolmentUnsettledError(StateError):
    """The snapshot cannot be known before the hub has answered the last enrolment batch."""

    code: ClassVar[str] = "ENROLMENT_UNSETTLED"


class EpochPhases:
    """Moves one epoch on."""

    def __init__(
        self,
        database: Database,
        member: Membership,
        hub: HubClient,
        bundle: Bundle,
        prover: BlockProver,
        engine: Engine,
        bulk: BulkEvaluation,
        *,
        commit_delay_s: int = 0,
    ) -> None:
        """Work for `member` on `database`.

        Args:
            database: the node's store.
            member: who the node is.
            hub: whom to talk to.
            bundle: what activities are counted by, in epochs that are not committed yet.
            prover: for the submission.
            engine: for the claims.
            bulk: evaluates many activities at once.
            commit_delay_s: how long after the end of an epoch's last day to wait for activities.
        """
        self._member = member
        self._hub = hub
        self._commit_delay_s = commit_delay_s
        self._claims = ClaimBuilder(database, member, bundle, engine, bulk)
        self._submission = Submission(database, member, hub, prover)
        self._accounts = AccountStore(database)
        self._epochs = EpochStore(database)
        self._exchange = EpochExchange(database, member)
        self._outbox = Outbox(database)
        self._record = RecordStore(database)

    def open_among(self, planned: Iterable[EpochIndex]) -> list[EpochIndex]:
        """Return those of these epochs that are not over for this node."""
        return [epoch for epoch in planned if self._epochs.outcome(epoch) is None]

    def advance(self, shown: epoch_pb2.Epoch, witnessed_size: int) -> str | None:
        """Do what the state of the epoch asks for; return what was done, or None.

        Args:
            shown: the epoch as the hub shows it to this partner.
            witnessed_size: size of the record's witnessed prefix.

        Raises:
            PlannedEarlyError, CommitmentLeftOutError, SealedAwayError: see there.
            PeerError, StateError: what a leaf, a receipt or the hub's answer is refused for.
        """
        epoch = EpochIndex(shown.epoch)
        if self._epochs.outcome(epoch) is not None:
            return None
        plan = plan_at(self._record, self._member.foundation, epoch, shown.plan_leaf)
        if shown.state == epoch_pb2.EPOCH_STATE_COMMITTING:
            return self._commit(epoch, shown.plan_leaf, plan.snapshot_size, plan.commit_until_s)
        self._cut_off(epoch, shown.plan_leaf, plan.snapshot_size)
        if shown.state == epoch_pb2.EPOCH_STATE_REVEALING:
            return self._reveal(epoch, shown, witnessed_size)
        if shown.state == epoch_pb2.EPOCH_STATE_SUBMITTING:
            return self._submit(epoch, shown)
        if shown.state == epoch_pb2.EPOCH_STATE_SEALED:
            return self._close(epoch, shown)
        return None

    # --- phase 1a -------------------------------------------------------------------------

    def _commit(
        self, epoch: EpochIndex, plan_leaf: int, snapshot_size: int, commit_until_s: int
    ) -> str | None:
        if self._exchange.is_answered(MessageKind.CLAIM_COMMITMENT, epoch):
            return None
        if self._epochs.commitment(epoch) is None:
            now_s, end_s = self._member.clock.now_s(), self._member.programme.epoch_end_s(epoch)
            if now_s < end_s - TIME_TOLERANCE_S:
                raise PlannedEarlyError(f"epoch {epoch} was planned before its last day was over")
            # Clocks may differ a little: by this one the day is not over, and more may come.
            patient_s = min(end_s + self._commit_delay_s, commit_until_s - COMMIT_MARGIN_S)
            if now_s < max(end_s, patient_s):
                return None
            self._cut_off(epoch, plan_leaf, snapshot_size)
            self._claims.build(epoch, self._snapshot(epoch)[1])
        return self._send_commitment(epoch)

    def _send_commitment(self, epoch: EpochIndex) -> str:
        message = self._exchange.message(MessageKind.CLAIM_COMMITMENT, epoch)
        answer = self._hub.create_claim_commitment(
            epoch_pb2.CreateClaimCommitmentRequest(signed_commitment=message.envelope)
        )
        self._exchange.keep_receipt(message, answer.receipt, LeafType.CLAIM_COMMITMENT)
        return "claims_committed"

    def _cut_off(self, epoch: EpochIndex, plan_leaf: int, snapshot_size: int) -> None:
        if self._epochs.cutoff(epoch) is None:
            cutoff = Cutoff(plan_leaf=plan_leaf, snapshot_size=snapshot_size)
            self._epochs.cut_off(epoch, cutoff, now_s=self._member.clock.now_s())

    # --- phase 1b -------------------------------------------------------------------------

    def _reveal(self, epoch: EpochIndex, shown: epoch_pb2.Epoch, witnessed_size: int) -> str | None:
        committed = self._outbox.receipts(MessageKind.CLAIM_COMMITMENT, str(epoch)).get(0)
        commitment = self._epochs.commitment(epoch)
        if committed is None and shown.committed and commitment is not None:
            return self._send_commitment(epoch)  # only the answer was lost
        if committed is None or commitment is None:
            return None
        if self._exchange.is_answered(MessageKind.CLAIM_LIST, epoch):
            return None
        # (1) nobody may see a token before every root is where no hub can change it
        if shown.closed_leaf >= witnessed_size:
            return None
        # (2) and this partner's root is the one that it committed to
        closed = closing_at(self._record, self._member.foundation, epoch, shown.closed_leaf)
        wanted = (committed.leaf_index, commitment.padded_claims, commitment.list_root)
        own = Claimant(self._member.programme.programme_id, self._member.party_id)
        listed = [item for item in closed.lists if item.claimant == own]
        if [(item.leaf_index, item.count, item.list_root) for item in listed] != [wanted]:
            raise CommitmentLeftOutError(
                f"the closing leaf of epoch {epoch} does not hold this partner's commitment"
            )
        message = self._exchange.message(MessageKind.CLAIM_LIST, epoch)
        answer = self._hub.create_claim_list(
            ClaimListUpload(
                programme_id=self._member.programme.programme_id,
                epoch=epoch,
                pages=lambda: self._epochs.list_pages(epoch, commitment.padded_claims),
            )
        )
        receipt = checked_hub_receipt(
            self._member.foundation, answer.receipt, leaf_type=LeafType.CLAIM_LIST
        )
        self._outbox.save_receipt(message, receipt)
        return "claims_revealed"

    # --- phase 2 --------------------------------------------------------------------------

    def _submit(self, epoch: EpochIndex, shown: epoch_pb2.Epoch) -> str | None:
        if self._exchange.is_answered(MessageKind.LINK_PROOF, epoch):
            return None
        cutoff, figures = self._snapshot(epoch)
        if not figures.accounts:
            return None
        self._submission.advance(shown, cutoff, figures)
        return "chunks_submitted"

    # --- the end --------------------------------------------------------------------------

    def _close(self, epoch: EpochIndex, shown: epoch_pb2.Epoch) -> str:
        parts = self._outbox.parts(MessageKind.CHUNK, str(epoch))
        accepted = self._outbox.receipts(MessageKind.CHUNK, str(epoch))
        missing = self._member.party_id in shown.missing_partner_ids
        self._epochs.save_outcome(epoch, missing=missing, seal_leaf=shown.seal_leaf)
        proved = self._exchange.is_answered(MessageKind.LINK_PROOF, epoch)
        if missing and parts and len(accepted) == parts and proved:
            raise SealedAwayError(
                f"epoch {epoch} was sealed without this partner, although the hub signed receipts "
                f"for all {parts} chunks and the link proof; show them to the trustees"
            )
        return "epoch_missed" if missing else "epoch_sealed"

    # --- stored parts ---------------------------------------------------------------------

    def _snapshot(self, epoch: EpochIndex) -> tuple[Cutoff, AccountFigures]:
        """Return where the epoch was cut off, and what the snapshot has of this partner."""
        if self._outbox.unanswered(MessageKind.ENROLMENT_BATCH):
            # It may be in the record or not: blocks would be a guess.
            raise EnrolmentUnsettledError("an enrolment batch has no receipt yet")
        cutoff = self._epochs.cutoff(epoch)
        assert cutoff is not None  # noqa: S101 - set when the epoch was first seen
        return cutoff, self._accounts.decided(epoch, cutoff.snapshot_size)
