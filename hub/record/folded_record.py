"""The hub's own record, folded as a trustee folds it.

The rules of openings are written once, over the view of the record that trustees act on. The hub
holds the same view of what it has committed, so that it knows beforehand what they will say. It is
kept in memory only, and folded anew when the process starts.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlmodel import Session

from fedcarbon.opening.view import RecordView
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.transparency.leaf import TRUSTEE_TYPES
from hub.context import Hub
from hub.storage.record_store import RecordStore

PAGE_LEAVES: Final = 500


class FoldedRecord:
    """The view, and the lock under which it is read and grows."""

    def __init__(self, hub: Hub) -> None:
        """Start before the first leaf."""
        parameters = hub.parameters
        roots = TrustRoots(
            parameter_id=parameters.parameter_id,
            threshold=parameters.threshold,
            root_keys=parameters.root_keys,
        )
        self._record = hub.record
        self._view = RecordView(roots)
        self._lock = threading.Lock()

    @contextmanager
    def at(self, session: Session) -> Iterator[RecordView]:
        """Give the view of all that is committed; keep it inside the block.

        Args:
            session: any session; in a writing one, call this before anything is appended, because
                a view does not go back when a transaction does.
        """
        with self._lock:
            self._follow(session)
            yield self._view

    def follow(self, session: Session) -> None:
        """Fold what is new, so that the next who needs the view does not wait for it.

        Args:
            session: a reading session.
        """
        with self._lock:
            self._follow(session)

    def _follow(self, session: Session) -> None:
        view, record = self._view, self._record
        while page := record.log.leaves(session, view.size, PAGE_LEAVES):
            for stored in page:
                ours = stored.type in TRUSTEE_TYPES
                body = record.bodies.get(stored.body_sha256) if ours else None
                view.apply(stored.index, stored.leaf, stored.salt, body)
        # Signatures were verified before they were stored, under the keys of that time.
        store = RecordStore(session)
        for head in store.checkpoints(view.heads.witnessed_size + 1):
            if head.size <= view.size:
                view.heads.witness(head)
        partnered = store.latest_partner_checkpoint()
        if partnered is not None and view.heads.partner_witnessed_size < partnered.size:
            view.heads.witness(partnered)
