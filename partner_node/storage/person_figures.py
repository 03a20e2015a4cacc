"""What epochs have decided about one person: pieces, lost slots, results."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.methodology.person_day import Piece
from partner_node.storage.database import Database
from partner_node.storage.epochs import COMMITTED, CreditedActivity, EpochStore
from partner_node.storage.outbox import MessageKind, Outbox
from partner_node.storage.submissions import SubmissionStore


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonEpoch:
    """One epoch of one person."""

    pieces: Sequence[Piece]
    lost: frozenset[SlotKey]
    """Slots that another partner won."""
    credited: Mapping[str, CreditedActivity]
    """By activity id."""


class PersonFigures:
    """Reads the tables of epochs for one person."""

    def __init__(self, database: Database, person_id: int) -> None:
        """Read what `database` has of a person."""
        self._database = database
        self._person_id = person_id
        self._epochs = EpochStore(database)
        self._outbox = Outbox(database)
        self._submissions = SubmissionStore(database)

    def epochs(self) -> dict[int, PersonEpoch]:
        """Return the epochs in which something was claimed for the person."""
        pieces, lost = self._pieces(), self._lost()
        credited = self._epochs.credited_for(self._person_id)
        return {
            epoch: PersonEpoch(
                pieces=pieces[epoch],
                lost=frozenset(lost.get(epoch, ())),
                credited=credited.get(epoch, {}),
            )
            for epoch in sorted(pieces)
        }

    def was_missed(self, epoch: int) -> bool:
        """Tell whether nothing that was claimed arrives, because this platform was late.

        Either the epoch was sealed without this partner, or it submitted without its claims.
        """
        if self._epochs.outcome(epoch):
            return True
        submitted = self._outbox.parts(MessageKind.CHUNK, str(epoch)) > 0
        return submitted and self._submissions.losses(epoch) is None

    def was_settled(self, epoch: int) -> bool:
        """Tell whether the verdicts are known and the person's results were submitted."""
        row = self._database.row(
            "SELECT 1 FROM person_day_results WHERE epoch = ? AND person_id = ?",
            [epoch, self._person_id],
        )
        return row is not None

    def _pieces(self) -> dict[int, list[Piece]]:
        rows = self._database.rows(
            "SELECT epoch, activity_id, day, slot_owner, slot_group, slot_start_s, piece_ug, rank "  # noqa: S608
            f"FROM pieces WHERE person_id = ? AND {COMMITTED} "
            "ORDER BY epoch, activity_id, slot_start_s",
            [self._person_id],
        )
        pieces: defaultdict[int, list[Piece]] = defaultdict(list)
        for epoch, activity_id, day, *slot, piece_ug, rank in rows:
            pieces[epoch].append(
                Piece(
                    activity_id=activity_id,
                    day=dt.date.fromisoformat(day),
                    slot=SlotKey(*slot),
                    piece_ug=piece_ug,
                    rank=rank,
                )
            )
        return pieces

    def _lost(self) -> dict[int, set[SlotKey]]:
        rows = self._database.rows(
            "SELECT epoch, slot_owner, slot_group, slot_start_s FROM claims "
            "JOIN losses USING (epoch, token) WHERE person_id = ?",
            [self._person_id],
        )
        lost: defaultdict[int, set[SlotKey]] = defaultdict(set)
        for epoch, *slot in rows:
            lost[epoch].add(SlotKey(*slot))
        return lost
