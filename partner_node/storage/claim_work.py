"""Phase 1a while it is done: pieces, claims and evidence leaves, each part in one transaction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from fedcarbon.units import Seconds
from partner_node.storage.activities import ActivityStore, StoredReject
from partner_node.storage.database import Database, Row
from partner_node.storage.epochs import Commitment
from partner_node.storage.outbox import Message, Outbox
from partner_node.storage.progress import ProgressStore, Stage

LEAVES_PER_PAGE = 1 << 20
"""They lie in no order, so that every page costs a look at all of them."""

_SLOT = "slot_owner, slot_group, slot_start_s"
_DRAFT = f"token, rank, person_id, {_SLOT}, piece_ug, blinding, salt, commitment"
CREDITED: Final = pa.schema(
    [
        ("activity_id", pa.string()),
        ("methodology", pa.binary()),
        ("history", pa.string()),
        ("evidence", pa.int64()),
        ("credited_ug", pa.int64()),
    ]
)
"""Columns of `partner_node.storage.epochs.CreditedActivity`, its history as JSON."""
PIECES: Final = pa.schema(
    [
        ("activity_id", pa.string()),
        ("person_id", pa.int64()),
        ("day", pa.string()),
        ("slot_owner", pa.string()),
        ("slot_group", pa.string()),
        ("slot_start_s", pa.int64()),
        ("rank", pa.int64()),
        ("piece_ug", pa.int64()),
    ]
)
"""Columns of `fedcarbon.methodology.person_day.Piece` and its person, the day in ISO 8601."""
_BEGUN = (
    "epoch_work",
    "epoch_methodologies",
    "epoch_activities",
    "pieces",
    "person_days",
    "claim_drafts",
    "claims",
    "evidence_leaves",
    "epoch_stages",
    "epoch_parts",
)
"""What there is of an epoch before its commitment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """What counts of some owners, before the quota of claims."""

    credited: pa.Table
    """See `CREDITED`."""
    pieces: pa.Table
    """See `PIECES`: those in the epoch of every credited activity."""
    rejects: Sequence[StoredReject]


class ClaimWork:
    """Reads and appends what an epoch's claims are made of."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database
        self._activities = ActivityStore(database)
        self._outbox = Outbox(database)
        self._progress = ProgressStore(database)

    def pin(
        self,
        epoch: int,
        methodologies: Mapping[str, bytes],
        part_sizes: str,
        evidence_key: bytes,
    ) -> bytes:
        """Begin an epoch under these methodologies, or go on if it was begun under the same.

        Under others, or if parts were cut otherwise, it is begun anew: nobody has seen anything of
        it yet.

        Returns:
            the secret of the evidence's salts: `evidence_key`, or the one it was begun with.
        """
        pinned: dict[str, bytes] = dict(
            self._database.rows(
                "SELECT methodology_id, content_hash FROM epoch_methodologies WHERE epoch = ?",
                [epoch],
            )
        )
        row = self._database.row(
            "SELECT evidence_key FROM epoch_work WHERE epoch = ? AND part_sizes = ?",
            [epoch, part_sizes],
        )
        if pinned == methodologies and row is not None:
            return bytes(row[0])
        with self._database.transaction():
            if pinned:
                for table in _BEGUN:
                    self._database.run(f"DELETE FROM {table} WHERE epoch = ?", [epoch])  # noqa: S608
                self._database.run("DELETE FROM rejects WHERE epoch = ?", [epoch])
            self._database.insert(
                "epoch_methodologies",
                {
                    "epoch": [epoch] * len(methodologies),
                    "methodology_id": list(methodologies),
                    "content_hash": list(methodologies.values()),
                },
            )
            self._database.run(
                "INSERT INTO epoch_work VALUES (?, ?, ?)", [epoch, evidence_key, part_sizes]
            )
        return evidence_key

    # --- what counts ------------------------------------------------------------------------

    def save_collected(
        self, epoch: int, part: tuple[Stage, int], found: Collected, *, now_s: Seconds
    ) -> None:
        """Store what counts of some owners."""
        with self._database.transaction():
            for table, columns in (("epoch_activities", found.credited), ("pieces", found.pieces)):
                epochs = pa.array([epoch] * len(columns), pa.int64())
                rows = {name: columns.column(name) for name in columns.column_names}
                self._database.insert(table, {"epoch": epochs} | rows)
            self._activities.add_rejects(found.rejects, now_s=now_s)
            self._progress.add(epoch, *part)

    # --- the quota --------------------------------------------------------------------------

    def piece_count(self, epoch: int) -> int:
        """Return how many pieces there are: there are no more claims than these."""
        return self._database.number("SELECT count(*) FROM pieces WHERE epoch = ?", [epoch])

    def slot_count(self, epoch: int) -> int:
        """Return how many slots the pieces are in: the number of claims."""
        again = self._database.number(
            f"SELECT sum(n - 1) FROM (SELECT count(*) AS n FROM pieces WHERE epoch = ? "  # noqa: S608
            f"GROUP BY person_id, {_SLOT} HAVING count(*) > 1)",
            [epoch],
        )
        return self.piece_count(epoch) - again

    def slots_of_activities(self, epoch: int) -> Iterator[tuple[str, int, list[Row]]]:
        """Yield of every activity, by start and id, the slots that it has alone and the others.

        As id, number of slots without another activity, and (person, owner, group, start) of those
        with one.
        """
        rows = self._database.rows(
            f"WITH own AS (SELECT person_id, activity_id, {_SLOT}, count(*) OVER "  # noqa: S608
            f"(PARTITION BY person_id, {_SLOT}) AS n FROM pieces WHERE epoch = ?) "
            "SELECT o.activity_id, count(*) FILTER (WHERE n = 1), "
            f"coalesce(list((person_id, {_SLOT})) FILTER (WHERE n > 1), []) FROM own o "
            "JOIN (SELECT activity_id, started_at_s FROM activities) a USING (activity_id) "
            "GROUP BY o.activity_id, a.started_at_s ORDER BY a.started_at_s, o.activity_id",
            [epoch],
        )
        for activity_id, alone, shared in rows:
            yield activity_id, alone, [tuple(slot) for slot in shared]

    def save_quota(self, epoch: int, rejects: Sequence[StoredReject], *, now_s: Seconds) -> None:
        """Take out what the quota does not allow."""
        with self._database.transaction():
            if rejects:
                for table in ("pieces", "epoch_activities"):
                    self._database.rows(
                        f"DELETE FROM {table} WHERE epoch = ? AND activity_id IN "  # noqa: S608
                        "(SELECT activity_id FROM given)",
                        [epoch],
                        given={"activity_id": [item.subject for item in rejects]},
                    )
            self._activities.add_rejects(rejects, now_s=now_s)
            self._progress.add(epoch, Stage.QUOTA, 0)

    # --- claims -----------------------------------------------------------------------------

    def last_person(self, epoch: int) -> int:
        """Return the highest number of a person with pieces or an account; 0 if there is none."""
        return max(
            self._database.number(f"SELECT max(person_id) FROM {table} WHERE epoch = ?", [epoch])  # noqa: S608
            for table in ("pieces", "epoch_accounts")
        )

    def claims_of(self, epoch: int, first_person: int, last_person: int) -> pa.Table:
        """Return the claims of a range of persons with the secrets that their tokens come from.

        Columns: person, slot, `piece_ug` (sum of its pieces), `rank` (the best of them), `secret`;
        by person and slot. See `fedcarbon.methodology.person_day.claims_of`.
        """
        return self._database.table(
            f"SELECT p.*, CASE WHEN slot_owner = '' THEN c.claim_output "  # noqa: S608
            "ELSE s.object_output END AS secret FROM ("
            f"SELECT person_id, {_SLOT}, CAST(sum(piece_ug) AS BIGINT) AS piece_ug, "
            "min(rank) AS rank FROM pieces WHERE epoch = ? AND person_id BETWEEN ? AND ? "
            f"GROUP BY person_id, {_SLOT}) p JOIN claim_secrets c USING (person_id) "
            "LEFT JOIN objects o ON o.object_ref = p.slot_owner "
            "LEFT JOIN object_secrets s ON s.object_id = o.object_id "
            f"ORDER BY person_id, {_SLOT}",
            [epoch, first_person, last_person],
        )

    def save_claims(
        self,
        epoch: int,
        part: tuple[Stage, int],
        claims: pa.Table,
        persons: tuple[int, int] | None = None,
    ) -> None:
        """Store claims, unsorted; of real ones also what their persons earned on each day."""
        with self._database.transaction():
            names = _DRAFT.split(", ")
            self._database.insert(
                "claim_drafts",
                {"epoch": pa.array([epoch] * len(claims), pa.int64())}
                | {name: claims.column(name) for name in names},
            )
            if persons is not None:
                self._database.run(
                    "INSERT INTO person_days SELECT epoch, person_id, day, sum(piece_ug) "
                    "FROM pieces WHERE epoch = ? AND person_id BETWEEN ? AND ? "
                    "GROUP BY epoch, person_id, day ORDER BY person_id, day",
                    [epoch, *persons],
                )
            self._progress.add(epoch, *part)

    def real_ranks(self, epoch: int) -> list[tuple[int, int]]:
        """Return every rank of the real claims with how many have it."""
        rows = self._database.rows(
            "SELECT rank, count(*) FROM claim_drafts WHERE epoch = ? AND person_id IS NOT NULL "
            "GROUP BY rank ORDER BY rank",
            [epoch],
        )
        return [(row[0], row[1]) for row in rows]

    def sort_claims(self, epoch: int) -> None:
        """Make the list of the claims: all of them by token."""
        with self._database.transaction():
            self._database.run(
                f"INSERT INTO claims (epoch, position, {_DRAFT}) "  # noqa: S608
                f"SELECT ?, row_number() OVER () - 1, * FROM (SELECT {_DRAFT} FROM claim_drafts "
                "WHERE epoch = ? ORDER BY token)",
                [epoch, epoch],
            )
            self._database.run("DELETE FROM claim_drafts WHERE epoch = ?", [epoch])
            self._progress.add(epoch, Stage.SORTING, 0)

    # --- evidence ---------------------------------------------------------------------------

    def activities_of(self, epoch: int, first_person: int, last_person: int) -> list[Row]:
        """Return what evidence says of every credited activity of a range of persons."""
        return self._database.rows(
            "SELECT a.activity_id, a.person_ref, a.object_ref, a.methodology_id, c.methodology, "
            "a.activity_type, a.started_at_s, a.ended_at_s, c.evidence, a.field_values, c.history, "
            "c.credited_ug FROM epoch_activities c JOIN activities a USING (activity_id) "
            "WHERE c.epoch = ? AND a.person_id BETWEEN ? AND ?",
            [epoch, first_person, last_person],
        )

    def pieces_of(self, epoch: int, first_person: int, last_person: int) -> Iterator[Row]:
        """Yield every piece of a range of persons with the claim that it belongs to.

        As person, day, slot, activity and mass, and then position, token, rank and commitment of
        the claim; ordered by the first four. Inside of `sorted_by_person` only.
        """
        found = self._database.table(
            f"SELECT person_id, day, {_SLOT}, activity_id, piece_ug, "  # noqa: S608
            "position, token, l.rank, commitment "
            f"FROM pieces JOIN listed_by_person l USING (person_id, {_SLOT}) "
            "WHERE epoch = ? AND person_id BETWEEN ? AND ? "
            f"ORDER BY person_id, day, {_SLOT}, activity_id",
            [epoch, first_person, last_person],
        )
        return zip(*(column.to_pylist() for column in found.columns), strict=True)

    def sorted_by_person(self, epoch: int) -> AbstractContextManager[None]:
        """Have the claims of the list by person for a while, so that `pieces_of` can be asked.

        The list ascends by token, so that a range of persons stands everywhere in it: without this
        every range would cost a look at all claims.
        """
        return self._database.temporary(
            "listed_by_person",
            f"SELECT person_id, {_SLOT}, position, token, rank, commitment FROM claims "  # noqa: S608
            "WHERE epoch = ? AND person_id IS NOT NULL ORDER BY person_id",
            [epoch],
        )

    def pads(self, epoch: int, first: int, last: int) -> list[Row]:
        """Return position, token, rank and commitment of the pads in a range of positions."""
        return self._database.rows(
            "SELECT position, token, rank, commitment FROM claims WHERE epoch = ? "
            "AND person_id IS NULL AND position BETWEEN ? AND ? ORDER BY position",
            [epoch, first, last],
        )

    def save_leaves(
        self, epoch: int, part: tuple[Stage, int], numbers: Sequence[int], leaves: Sequence[bytes]
    ) -> None:
        """Store leaves of the evidence by their numbers."""
        with self._database.transaction():
            self._database.insert(
                "evidence_leaves",
                {"epoch": [epoch] * len(numbers), "number": numbers, "leaf": leaves},
            )
            self._progress.add(epoch, *part)

    def leaves(self, epoch: int) -> Iterator[bytes]:
        """Yield the leaves of the evidence in order, as far as there is none missing."""
        first, page = 0, LEAVES_PER_PAGE
        while True:
            found = self._database.table(
                "SELECT number, leaf FROM evidence_leaves "
                "WHERE epoch = ? AND number BETWEEN ? AND ? ORDER BY number",
                [epoch, first, first + page - 1],
            )
            for batch in found.to_batches(1 << 14):
                yield from batch.column("leaf").to_pylist()
            if len(found) < page:
                return
            first += page

    # --- the commitment ---------------------------------------------------------------------

    def commit(self, epoch: int, commitment: Commitment, messages: Sequence[Message]) -> None:
        """Store the commitment and what is sent of it; nothing of the epoch changes any more."""
        with self._database.transaction():
            self._database.run(
                "INSERT INTO epoch_commitments VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    epoch,
                    commitment.claims,
                    commitment.padded_claims,
                    commitment.list_root,
                    commitment.evidence_root,
                    commitment.evidence_count,
                    commitment.evidence_key,
                    commitment.methodology_bundle,
                ],
            )
            self._database.run("DELETE FROM evidence_leaves WHERE epoch = ?", [epoch])
            for message in messages:
                self._outbox.save(message)
