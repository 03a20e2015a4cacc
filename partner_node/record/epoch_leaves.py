"""Epoch leaves of the record: plans and closings, signed by the hub and matched to their epoch."""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.epoch.statements import CommitClosed, EpochPlan
from fedcarbon.errors import PeerError, StateError
from fedcarbon.ids import EpochIndex
from fedcarbon.transparency.envelope import open_signed
from fedcarbon.transparency.leaf import LeafType
from partner_node.record.foundation import Foundation
from partner_node.storage.record import RecordStore


class LeafNotReadError(StateError):
    """The hub speaks of a leaf that this node has not read yet; the next step will have it."""

    code: ClassVar[str] = "LEAF_NOT_READ"


class EpochLeafContradictsError(PeerError):
    """A leaf that the hub names for an epoch is not that epoch's; keep both as evidence."""

    code: ClassVar[str] = "EPOCH_LEAF_CONTRADICTS"


def plan_at(
    record: RecordStore, foundation: Foundation, epoch: EpochIndex, leaf_index: int
) -> EpochPlan:
    """Return the plan of `epoch` that lies at `leaf_index`.

    Raises:
        LeafNotReadError: the leaf has not been read.
        EpochLeafContradictsError: it is no plan of this programme and epoch, its snapshot is not
            all leaves before it, or an earlier leaf already planned the epoch.
        SignatureInvalidError: the hub has not signed it.
    """
    body = _body(record, leaf_index, LeafType.EPOCH_PLAN)
    plan = open_signed(EpochPlan, body, foundation.hub_keys, signers=foundation.hub_keys)
    _require(foundation, plan.parameter_id, plan.programme_id, plan.epoch, epoch)
    if plan.snapshot_size != leaf_index:
        # An older one would leave out who enrolled since, and bring back who has withdrawn.
        raise EpochLeafContradictsError(f"epoch {epoch} is not planned over all leaves before")
    if epoch in planned_epochs(record, foundation, before=leaf_index):
        raise EpochLeafContradictsError(f"epoch {epoch} was planned twice")
    return plan


def closing_at(
    record: RecordStore, foundation: Foundation, epoch: EpochIndex, leaf_index: int
) -> CommitClosed:
    """Return the closing of phase 1a of `epoch` that lies at `leaf_index`.

    Raises:
        LeafNotReadError: the leaf has not been read.
        EpochLeafContradictsError: it is no closing of this programme's domain and epoch.
        SignatureInvalidError: the hub has not signed it.
    """
    body = _body(record, leaf_index, LeafType.COMMIT_CLOSED)
    closed = open_signed(CommitClosed, body, foundation.hub_keys, signers=foundation.hub_keys)
    if closed.exclusivity_domain != foundation.programme.exclusivity_domain:
        raise EpochLeafContradictsError(f"leaf {leaf_index} closes an epoch of another domain")
    programme_id = foundation.programme.programme_id
    _require(foundation, closed.parameter_id, programme_id, closed.epoch, epoch)
    return closed


def leaf_at(record: RecordStore, leaf_index: int, leaf_type: LeafType) -> bytes:
    """Return the 34 bytes of a leaf whose body this node may not read.

    Raises:
        LeafNotReadError: the leaf has not been read.
        EpochLeafContradictsError: it is of another type.
    """
    found = record.leaf(leaf_index)
    if found is None:
        raise LeafNotReadError(f"leaf {leaf_index} has not been read yet")
    if found.leaf[0] != leaf_type:
        raise EpochLeafContradictsError(f"leaf {leaf_index} is no {leaf_type.kind}")
    return found.leaf


def planned_epochs(
    record: RecordStore, foundation: Foundation, *, before: int | None = None
) -> dict[EpochIndex, int]:
    """Return epoch to plan leaf of this programme, for leaves below `before`."""
    planned: dict[EpochIndex, int] = {}
    for leaf_index, body in record.bodies(LeafType.EPOCH_PLAN):
        if before is not None and leaf_index >= before:
            break
        plan = open_signed(EpochPlan, body, foundation.hub_keys, signers=foundation.hub_keys)
        if plan.programme_id == foundation.programme.programme_id:
            planned.setdefault(plan.epoch, leaf_index)
    return planned


def _body(record: RecordStore, leaf_index: int, leaf_type: LeafType) -> bytes:
    leaf_at(record, leaf_index, leaf_type)
    found = record.leaf(leaf_index)
    if found is None or found.body is None:
        raise EpochLeafContradictsError(f"the body of leaf {leaf_index} is not given out")
    return found.body


def _require(
    foundation: Foundation, parameter_id: bytes, programme_id: str, epoch: int, expected: int
) -> None:
    programme = foundation.programme
    if (parameter_id, programme_id, epoch) != (
        programme.parameter_id,
        programme.programme_id,
        expected,
    ):
        raise EpochLeafContradictsError(f"a leaf named for epoch {expected} belongs elsewhere")
