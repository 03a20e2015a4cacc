"""Epochs, commitments, revealed lists and verdicts in the database, in core types."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import insert, update
from sqlmodel import Session, col, select

from fedcarbon.epoch.lifecycle import EpochEvent, EpochState, next_state
from fedcarbon.epoch.statements import (
    ClaimCommitment,
    Dispute,
    EpochPlan,
    LinkProof,
    PartnerVerdict,
)
from fedcarbon.identity.ristretto import Point
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.registry.methodology import bundle_hash
from fedcarbon.units import Seconds
from hub.storage.epoch_rows import (
    ClaimListRow,
    CommitmentRow,
    DisputeRow,
    EpochRow,
    LinkProofRow,
    VerdictRow,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEpoch:
    """An epoch that is not PLANNED any more."""

    programme_id: ProgrammeId
    epoch: EpochIndex
    state: EpochState
    plan_leaf: int
    snapshot_size: int
    commit_until_s: Seconds
    reveal_until_s: Seconds
    submit_until_s: Seconds
    closed_leaf: int | None
    beacon_leaf: int | None
    verdict_leaf: int | None
    seal_leaf: int | None
    sample_leaf: int | None
    """The beacon over the seal; None until it is drawn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCommitment:
    """A partner's commitment of phase 1a."""

    leaf_index: int
    claim_count: int
    list_root: bytes
    evidence_root: bytes
    methodology_bundle: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredList:
    """A partner's revealed list of phase 1b."""

    leaf_index: int
    file_sha256: bytes
    commitments_sha256: bytes
    total: Point | None
    """The sum of its piece commitments, if it is known."""


class EpochStore:
    """The epochs of programmes, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def begin(self, plan: EpochPlan, plan_leaf: int) -> None:
        """Keep an epoch whose plan has been logged."""
        self._session.exec(
            insert(EpochRow).values(
                programme_id=plan.programme_id,
                epoch=plan.epoch,
                state=next_state(EpochState.PLANNED, EpochEvent.PLAN_LOGGED).value,
                plan_leaf=plan_leaf,
                snapshot_size=plan.snapshot_size,
                commit_until_s=plan.commit_until_s,
                reveal_until_s=plan.reveal_until_s,
                submit_until_s=plan.submit_until_s,
            )
        )

    def move(self, stored: StoredEpoch, event: EpochEvent, **leaves: int) -> None:
        """Move an epoch on by the table and keep the indices of the leaves that did it.

        Args:
            stored: the epoch as it was read in this transaction.
            event: what happened.
            leaves: columns of `EpochRow` that hold leaf indices.

        Raises:
            EpochStateError: the table has no such transition.
        """
        state = next_state(stored.state, event)
        changed = self._session.exec(
            update(EpochRow)
            .where(
                col(EpochRow.programme_id) == stored.programme_id,
                col(EpochRow.epoch) == stored.epoch,
                col(EpochRow.state) == stored.state.value,
            )
            .values(state=state.value, **leaves)
        )
        assert changed.rowcount == 1, "the epoch was moved by somebody else"  # noqa: S101

    def keep_sample(self, stored: StoredEpoch, sample_leaf: int) -> None:
        """Keep where the sample beacon of a sealed epoch lies; it is there once and for all."""
        self._session.exec(
            update(EpochRow)
            .where(
                col(EpochRow.programme_id) == stored.programme_id,
                col(EpochRow.epoch) == stored.epoch,
                col(EpochRow.state) == EpochState.SEALED.value,
            )
            .values(sample_leaf=sample_leaf)
        )

    def find(self, programme_id: ProgrammeId, epoch: EpochIndex) -> StoredEpoch | None:
        """Return an epoch, or None while it is PLANNED."""
        row = self._session.exec(
            select(EpochRow).where(EpochRow.programme_id == programme_id, EpochRow.epoch == epoch)
        ).first()
        return None if row is None else _stored(row)

    def begun(self, programme_id: ProgrammeId) -> list[StoredEpoch]:
        """Return the epochs of a programme that are not PLANNED any more, oldest first."""
        rows = self._session.exec(
            select(EpochRow)
            .where(EpochRow.programme_id == programme_id)
            .order_by(col(EpochRow.epoch))
        )
        return [_stored(row) for row in rows]

    def add_commitment(self, commitment: ClaimCommitment, leaf_index: int) -> None:
        """Keep a commitment of phase 1a."""
        self._session.exec(
            insert(CommitmentRow).values(
                programme_id=commitment.programme_id,
                epoch=commitment.epoch,
                partner_id=commitment.partner_id,
                leaf_index=leaf_index,
                claim_count=commitment.count,
                list_root=commitment.list_root,
                evidence_root=commitment.evidence_root,
                methodology_bundle=bundle_hash(commitment.methodologies),
            )
        )

    def commitments(
        self, programme_id: ProgrammeId, epoch: EpochIndex
    ) -> dict[PartyId, StoredCommitment]:
        """Return the commitments of an epoch, sorted by partner."""
        rows = self._session.exec(
            select(CommitmentRow)
            .where(CommitmentRow.programme_id == programme_id, CommitmentRow.epoch == epoch)
            .order_by(col(CommitmentRow.partner_id))
        )
        return {
            PartyId(row.partner_id): StoredCommitment(
                leaf_index=row.leaf_index,
                claim_count=row.claim_count,
                list_root=row.list_root,
                evidence_root=row.evidence_root,
                methodology_bundle=row.methodology_bundle,
            )
            for row in rows
        }

    def add_list(
        self,
        programme_id: ProgrammeId,
        epoch: EpochIndex,
        partner_id: PartyId,
        revealed: StoredList,
    ) -> None:
        """Keep a list of phase 1b that matched its root."""
        self._session.exec(
            insert(ClaimListRow).values(
                programme_id=programme_id,
                epoch=epoch,
                partner_id=partner_id,
                leaf_index=revealed.leaf_index,
                file_sha256=revealed.file_sha256,
                commitments_sha256=revealed.commitments_sha256,
                total=revealed.total,
            )
        )

    def lists(self, programme_id: ProgrammeId, epoch: EpochIndex) -> dict[PartyId, StoredList]:
        """Return the revealed lists of an epoch, sorted by partner."""
        rows = self._session.exec(
            select(ClaimListRow)
            .where(ClaimListRow.programme_id == programme_id, ClaimListRow.epoch == epoch)
            .order_by(col(ClaimListRow.partner_id))
        )
        return {
            PartyId(row.partner_id): StoredList(
                leaf_index=row.leaf_index,
                file_sha256=row.file_sha256,
                commitments_sha256=row.commitments_sha256,
                total=None if row.total is None else Point(row.total),
            )
            for row in rows
        }

    def add_verdicts(
        self, programme_id: ProgrammeId, epoch: EpochIndex, verdicts: Iterable[PartnerVerdict]
    ) -> None:
        """Keep what each partner lost."""
        rows = [
            {
                "programme_id": programme_id,
                "epoch": epoch,
                "partner_id": verdict.partner_id,
                "lost": verdict.lost,
                "file_sha256": verdict.file_sha256,
                "positions_sha256": verdict.positions_sha256,
            }
            for verdict in verdicts
        ]
        if rows:
            self._session.exec(insert(VerdictRow), params=rows)

    def verdicts(self, programme_id: ProgrammeId, epoch: EpochIndex) -> list[PartnerVerdict]:
        """Return what each partner lost, sorted by partner."""
        rows = self._session.exec(
            select(VerdictRow)
            .where(VerdictRow.programme_id == programme_id, VerdictRow.epoch == epoch)
            .order_by(col(VerdictRow.partner_id))
        )
        return [
            PartnerVerdict(
                partner_id=PartyId(row.partner_id),
                lost=row.lost,
                file_sha256=row.file_sha256,
                positions_sha256=row.positions_sha256,
            )
            for row in rows
        ]

    def add_link_proof(self, proof: LinkProof, leaf_index: int) -> None:
        """Keep that a partner's link proof holds."""
        self._session.exec(insert(LinkProofRow).values(**_key(proof), leaf_index=leaf_index))

    def link_proofs(self, programme_id: ProgrammeId, epoch: EpochIndex) -> dict[PartyId, int]:
        """Return the leaf of every link proof of an epoch, by partner."""
        rows = self._session.exec(
            select(LinkProofRow).where(
                LinkProofRow.programme_id == programme_id, LinkProofRow.epoch == epoch
            )
        )
        return {PartyId(row.partner_id): row.leaf_index for row in rows}

    def add_dispute(self, dispute: Dispute, leaf_index: int) -> None:
        """Keep a dispute."""
        self._session.exec(insert(DisputeRow).values(**_key(dispute), leaf_index=leaf_index))

    def disputes(self, programme_id: ProgrammeId, epoch: EpochIndex) -> dict[PartyId, int]:
        """Return the leaf of every dispute of an epoch, by partner."""
        rows = self._session.exec(
            select(DisputeRow).where(
                DisputeRow.programme_id == programme_id, DisputeRow.epoch == epoch
            )
        )
        return {PartyId(row.partner_id): row.leaf_index for row in rows}


def _key(statement: LinkProof | Dispute) -> dict[str, object]:
    return {
        "programme_id": statement.programme_id,
        "epoch": statement.epoch,
        "partner_id": statement.partner_id,
    }


def _stored(row: EpochRow) -> StoredEpoch:
    return StoredEpoch(
        programme_id=ProgrammeId(row.programme_id),
        epoch=EpochIndex(row.epoch),
        state=EpochState(row.state),
        plan_leaf=row.plan_leaf,
        snapshot_size=row.snapshot_size,
        commit_until_s=Seconds(row.commit_until_s),
        reveal_until_s=Seconds(row.reveal_until_s),
        submit_until_s=Seconds(row.submit_until_s),
        closed_leaf=row.closed_leaf,
        beacon_leaf=row.beacon_leaf,
        verdict_leaf=row.verdict_leaf,
        seal_leaf=row.seal_leaf,
        sample_leaf=row.sample_leaf,
    )
