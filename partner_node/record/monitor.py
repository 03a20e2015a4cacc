"""The monitor: looks after every mirror pass whether the hub has kept what its receipts promise.

(1) where the record has a leaf, it is the leaf that a receipt promised          PROMISE_BROKEN
(2) by its time a promised leaf lies under a head that a quorum has signed       PROMISE_OVERDUE
(3) a checkpoint that somebody else was shown is one of the own mirror's         FORKED_RECORD

What it finds is kept once, as an incident; the receipt or the note is the evidence. A broken
promise stops the node, because nothing that this hub shows is worth acting on; an overdue one is
an alarm and no more: the hub may have been down.
"""

from __future__ import annotations

from typing import Final

from fedcarbon.errors import PeerError
from fedcarbon.transparency.checkpoint import (
    TIME_TOLERANCE_S,
    ForkedRecordError,
    TreeHead,
    require_log_signature,
)
from fedcarbon.transparency.merkle import root_of
from fedcarbon.transparency.note import SignedNote
from fedcarbon.units import Seconds
from partner_node.record.epoch_leaves import LeafNotReadError
from partner_node.record.foundation import Foundation
from partner_node.record.receipts import PromiseBrokenError, PromiseOverdueError
from partner_node.storage.database import Database
from partner_node.storage.incidents import Incident, IncidentStore
from partner_node.storage.outbox import Outbox
from partner_node.storage.record import RecordStore

ALARM_CODES: Final = frozenset(
    error.code for error in (PromiseBrokenError, PromiseOverdueError, ForkedRecordError)
)
"""Incidents that the operator must take to the trustees, whatever else goes well."""


class Monitor:
    """Compares receipts and foreign checkpoints with the record as this node has read it."""

    def __init__(self, database: Database) -> None:
        """Look at the store `database`."""
        self._outbox = Outbox(database)
        self._record = RecordStore(database)
        self._incidents = IncidentStore(database)

    def check_promises(self, now_s: Seconds) -> list[Incident]:
        """Return what is newly wrong with the hub's promises, and keep it.

        Call it after a mirror pass.

        Args:
            now_s: the node's protocol time before that pass.
        """
        due = self._outbox.promises_due(
            before_s=now_s - TIME_TOLERANCE_S, from_leaf=self._record.head().size
        )
        found: list[PeerError] = [*map(_broken, self._outbox.broken_promises())]
        found += [
            PromiseOverdueError(
                f"no witnessed head covers leaf {leaf_index}, which the hub promised by "
                f"{merge_by_s}; show the receipt to the trustees"
            )
            for leaf_index, merge_by_s in due
        ]
        incidents = [Incident(code=error.code, detail=str(error)) for error in found]
        return [item for item in incidents if self._incidents.add(item, now_s=now_s)]

    def require_promises_kept(self) -> None:
        """Check that no leaf differs from what a receipt promised.

        Raises:
            PromiseBrokenError: naming the first that does.
        """
        broken = self._outbox.broken_promises()
        if broken:
            raise _broken(broken[0])

    def compare(self, foundation: Foundation, note: bytes, now_s: Seconds) -> int:
        """Check that a checkpoint from elsewhere is one of this record; return its size.

        Args:
            foundation: whose hub must have signed it: anybody can write down another head.
            note: the signed note, as another partner or an auditor was shown it.
            now_s: the node's protocol time.

        Raises:
            MalformedError, SignatureInvalidError: no checkpoint that this record's hub signed.
            LeafNotReadError: it covers leaves that this node has not read yet.
            ForkedRecordError: the hub has shown two records; kept as an incident.
        """
        signed = SignedNote.from_bytes(note)
        head = TreeHead.from_text(signed.text)
        require_log_signature(signed, head, foundation.hub_keys, foundation.parameters.parameter_id)
        size = self._record.size()
        if head.size > size:
            raise LeafNotReadError(
                f"the checkpoint covers {head.size} leaves, this node has read {size}: let it run "
                "and compare again"
            )
        own = root_of(self._record.leaves_between(0, head.size))
        if own != head.root:
            error = ForkedRecordError(
                f"the hub signed a head of {head.size} leaves with root {head.root.hex()}; the "
                f"leaves that it showed this node have root {own.hex()}"
            )
            self._incidents.add(Incident(code=error.code, detail=str(error)), now_s=now_s)
            raise error
        return head.size


def _broken(leaf_index: int) -> PromiseBrokenError:
    return PromiseBrokenError(
        f"leaf {leaf_index} is not what the hub's receipt promised; keep the receipt and "
        "show it to the trustees"
    )
