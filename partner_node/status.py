"""The state of a node: what its operator looks at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from fedcarbon.units import MicrogramsCO2e
from partner_node.record.monitor import ALARM_CODES
from partner_node.storage.activities import ActivityStore
from partner_node.storage.database import Database
from partner_node.storage.enrolment import EnrolmentStore
from partner_node.storage.epochs import EpochStore
from partner_node.storage.incidents import Incident, IncidentStore
from partner_node.storage.outbox import MessageKind, Outbox
from partner_node.storage.progress import ProgressStore
from partner_node.storage.statistics import StatisticsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochStatus:
    """One epoch at this node."""

    epoch: int
    stage: str
    """committing, revealing, submitting or done."""
    missing: bool
    """Whether the epoch was sealed without this partner."""
    claims_sent: int
    """Before padding."""
    claims_lost: int
    reduction_ug: MicrogramsCO2e
    """Before claims were judged."""
    submitted_ug: MicrogramsCO2e
    chunks_sent: int
    """Chunks that the hub has acknowledged."""
    work: str
    """What is being done, or was done last: a `Stage`; empty before anything is."""
    parts_done: int
    """Parts of that work that are stored."""
    parts: int
    """All of them."""
    remaining_s: int
    """How long the rest takes at the rate so far; 0 if it is done or there is no rate yet."""
    parts_per_s: float
    """The rate so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStatus:
    """One period of a table of statistics at this node."""

    shell_leaf: int
    period: int
    """0 for the whole table."""
    state: str
    """sending, contributed or refused."""
    detail: str
    """Why it was refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """The whole node."""

    enrolled: int
    """People whose place is known."""
    enrolling: int
    """People with both consents that still lack one."""
    activities: int
    """Recorded activities."""
    rejected: dict[str, int]
    """Reason to how many subjects were refused for it, at intake or in an epoch."""
    epochs: tuple[EpochStatus, ...]
    incidents: tuple[str, ...]
    """What other parties did wrong: code and sentence."""
    alarms: tuple[str, ...]
    """Those among them that the monitor of the record raised."""
    tables: tuple[TableStatus, ...] = ()
    """Periods of tables to which the node contributes, or for good does not, in order."""


def status_of(database: Database) -> NodeStatus:
    """Return what the store says about the node."""
    enrolled, enrolling = EnrolmentStore(database).counts()
    incidents = IncidentStore(database).all()
    epochs, activities = EpochStore(database), ActivityStore(database)
    return NodeStatus(
        enrolled=enrolled,
        enrolling=enrolling,
        activities=activities.count(),
        rejected=activities.reject_counts(),
        epochs=tuple(_epoch_status(database, epoch) for epoch in epochs.cut_off_epochs()),
        incidents=tuple(f"{item.code}: {item.detail}" for item in incidents),
        alarms=tuple(f"{item.code}: {item.detail}" for item in incidents if _is_alarm(item)),
        tables=tuple(_table_statuses(StatisticsStore(database))),
    )


def _table_statuses(store: StatisticsStore) -> Iterator[TableStatus]:
    refused = {(item.shell_leaf, item.period): item for item in store.refusals()}
    sent = store.contributions()
    for ref in sorted({*refused, *sent}):
        refusal, state = refused.get(ref), "contributed" if sent.get(ref) else "sending"
        yield TableStatus(
            shell_leaf=ref[0],
            period=ref[1],
            state=state if refusal is None else "refused",
            detail="" if refusal is None else f"{refusal.code}: {refusal.detail}",
        )


def _is_alarm(incident: Incident) -> bool:
    return incident.code in ALARM_CODES


def _epoch_status(database: Database, epoch: int) -> EpochStatus:
    store, outbox, subject = EpochStore(database), Outbox(database), str(epoch)
    commitment, outcome = store.commitment(epoch), store.outcome(epoch)
    reduction_ug, submitted_ug, lost = store.epoch_figures(epoch)
    if outcome is not None:
        stage = "done"
    elif outbox.receipts(MessageKind.CLAIM_LIST, subject) or outbox.parts(
        MessageKind.CHUNK, subject
    ):
        stage = "submitting"
    elif outbox.receipts(MessageKind.CLAIM_COMMITMENT, subject):
        stage = "revealing"
    else:
        stage = "committing"
    work = ProgressStore(database).latest(epoch)
    return EpochStatus(
        epoch=epoch,
        stage=stage,
        missing=bool(outcome),
        claims_sent=commitment.claims if commitment is not None else 0,
        claims_lost=lost,
        reduction_ug=MicrogramsCO2e(reduction_ug),
        submitted_ug=MicrogramsCO2e(submitted_ug),
        chunks_sent=len(outbox.receipts(MessageKind.CHUNK, subject)),
        work=work.stage.value if work else "",
        parts_done=work.done if work else 0,
        parts=work.parts if work else 0,
        remaining_s=round(work.remaining_s or 0) if work else 0,
        parts_per_s=work.parts_per_s if work else 0.0,
    )
