"""Enrolment snapshots of planned epochs, computed once per process and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from sqlmodel import Session

from fedcarbon.epoch.snapshot import Snapshot, snapshot_by_account
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.registry.programme import Programme
from hub.storage.enrolment_store import EnrolmentStore
from hub.storage.epoch_store import StoredEpoch

KEPT_MAX: Final = 8
"""Snapshots that are kept: some epochs of some programmes run at the same time."""


class Snapshots:
    """A small memory of snapshots; a logged plan never changes, so neither does its snapshot."""

    def __init__(self, slots: int) -> None:
        """Take the number of slots per block."""
        self._slots = slots
        self._kept: OrderedDict[tuple[ProgrammeId, EpochIndex], Snapshot] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: Session, programme: Programme, stored: StoredEpoch) -> Snapshot:
        """Return the snapshot of an epoch whose plan is logged and committed."""
        key = (stored.programme_id, stored.epoch)
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
                return kept
        store = EnrolmentStore(session)
        snapshot = snapshot_by_account(
            store.placed_entries(
                programme.programme_id, snapshot_size=stored.snapshot_size, epoch=stored.epoch
            ),
            epoch=stored.epoch,
            slots=self._slots,
            cap_ug=programme.epoch_cap_ug,
        )
        with self._lock:
            self._kept[key] = snapshot
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return snapshot
