"""Tables of epochs: where each stands, who committed and revealed, verdicts, repeated tokens.

Only an epoch's own row changes; everything else is insert-only.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field

from fedcarbon.epoch.lifecycle import EpochState
from hub.storage.columns import created_at_column, integers, one_of
from hub.storage.tables import HubTable, insert_only


class EpochRow(HubTable, table=True):
    """An epoch that is not PLANNED any more."""

    __tablename__ = "epochs"
    __table_args__ = (
        one_of("state", EpochState),
        CheckConstraint("epoch >= 1", name="epoch_positive"),
        integers("epoch", "plan_leaf", "snapshot_size"),
    )

    programme_id: str = Field(primary_key=True, foreign_key="programmes.programme_id")
    epoch: int = Field(primary_key=True)
    state: str
    plan_leaf: int
    snapshot_size: int
    commit_until_s: int
    reveal_until_s: int
    submit_until_s: int
    closed_leaf: int | None = None
    beacon_leaf: int | None = None
    verdict_leaf: int | None = None
    seal_leaf: int | None = None
    sample_leaf: int | None = None
    """The beacon that draws the evidence audit; it comes after the seal."""
    created_at: datetime | None = created_at_column()


class CommitmentRow(HubTable, table=True):
    """Phase 1a: a partner's commitment."""

    __tablename__ = "claim_commitments"

    programme_id: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    partner_id: str = Field(primary_key=True)
    leaf_index: int = Field(foreign_key="leaves.leaf_index")
    claim_count: int
    list_root: bytes
    evidence_root: bytes
    methodology_bundle: bytes


class ClaimListRow(HubTable, table=True):
    """Phase 1b: a revealed list that matched its root."""

    __tablename__ = "claim_lists"

    programme_id: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    partner_id: str = Field(primary_key=True)
    leaf_index: int = Field(foreign_key="leaves.leaf_index")
    file_sha256: bytes
    commitments_sha256: bytes
    total: bytes | None = None
    """The sum of its piece commitments; lists from before it was kept have none."""


class VerdictRow(HubTable, table=True):
    """What a partner lost."""

    __tablename__ = "verdicts"

    programme_id: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    partner_id: str = Field(primary_key=True)
    lost: int
    file_sha256: bytes
    positions_sha256: bytes


class LinkProofRow(HubTable, table=True):
    """A proof that holds: the partner's submission is complete."""

    __tablename__ = "link_proofs"

    programme_id: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    partner_id: str = Field(primary_key=True)
    leaf_index: int = Field(foreign_key="leaves.leaf_index")


class DisputeRow(HubTable, table=True):
    """A loser's dispute; there is one per partner and epoch."""

    __tablename__ = "disputes"

    programme_id: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    partner_id: str = Field(primary_key=True)
    leaf_index: int = Field(foreign_key="leaves.leaf_index")


class TokenConflictRow(HubTable, table=True):
    """A claim of a token that was judged in an earlier epoch: somebody broke a rule."""

    __tablename__ = "token_conflicts"

    exclusivity_domain: str = Field(primary_key=True)
    token_epoch: int = Field(primary_key=True)
    claim_token: bytes = Field(primary_key=True)
    epoch: int = Field(primary_key=True)
    programme_id: str = Field(primary_key=True)
    partner_id: str = Field(primary_key=True)
    first_epoch: int
    """Whose revealed lists hold the other claim."""


for _row in (
    CommitmentRow,
    ClaimListRow,
    VerdictRow,
    LinkProofRow,
    DisputeRow,
    TokenConflictRow,
):
    insert_only(_row)
