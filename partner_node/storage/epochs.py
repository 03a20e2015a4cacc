"""What the node decided and learned in every epoch."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from fedcarbon.identity.ristretto import Scalar, scalar_from_bytes
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.methodology.person_day import Piece
from fedcarbon.units import MicrogramsCO2e, Seconds
from partner_node.storage.database import Database, Row

LIST_PAGE_ROWS: Final = 1 << 16
_CREDITED = "activity_id, methodology, history, evidence, credited_ug"
COMMITTED: Final = "epoch IN (SELECT epoch FROM epoch_commitments)"
"""What an epoch has stored before its commitment counts for nobody: it may never get one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cutoff:
    """From here on activities of the epoch are late."""

    plan_leaf: int
    snapshot_size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """What was committed in phase 1a."""

    claims: int
    """Before padding."""
    padded_claims: int
    list_root: bytes
    evidence_root: bytes
    evidence_count: int
    """Leaves under `evidence_root`."""
    evidence_key: bytes = field(repr=False)
    """Secret of their salts."""
    methodologies: Mapping[str, bytes]
    """Id to content hash of those that computed the claims, whatever is configured later."""
    methodology_bundle: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """One position of the list."""

    token: ClaimToken = field(repr=False)
    rank: int
    person_id: int | None = field(repr=False)
    """None for a pad."""
    slot: SlotKey | None = field(repr=False)
    """None for a pad."""
    piece_ug: MicrogramsCO2e = field(repr=False)
    """What the claim is worth before any verdict; 0 for a pad."""
    blinding: Scalar = field(repr=False)
    """r of its piece commitment: with it the commitment shows the piece."""
    commitment: bytes = field(repr=False)
    """K, the piece commitment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditedActivity:
    """What was credited for an activity, over all of its days."""

    activity_id: str
    methodology: bytes
    """Content hash."""
    history: tuple[int | None, ...]
    """What the same meter counted 1, 2, ... years before."""
    evidence: int
    """Tier that it is claimed with."""
    credited_ug: MicrogramsCO2e


class EpochStore:
    """Reads and appends the tables of epochs."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database

    # --- cut-off --------------------------------------------------------------------------

    def cutoff(self, epoch: int) -> Cutoff | None:
        """Return where the epoch was cut off, or None if it still takes activities."""
        row = self._database.row(
            "SELECT plan_leaf, snapshot_size FROM epoch_cutoffs WHERE epoch = ?", [epoch]
        )
        return None if row is None else Cutoff(plan_leaf=row[0], snapshot_size=row[1])

    def cut_off_epochs(self) -> list[int]:
        """Return the epochs for which activities are late, ascending."""
        return [row[0] for row in self._database.rows("SELECT epoch FROM epoch_cutoffs ORDER BY 1")]

    def cut_off(self, epoch: int, cutoff: Cutoff, *, now_s: Seconds) -> None:
        """Stop taking activities for the epoch; the first call counts."""
        self._database.run(
            "INSERT INTO epoch_cutoffs VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
            [epoch, cutoff.plan_leaf, cutoff.snapshot_size, now_s],
        )

    # --- phase 1a -------------------------------------------------------------------------

    def commitment(self, epoch: int) -> Commitment | None:
        """Return what was committed, or None if nothing has been decided."""
        row = self._database.row(
            "SELECT claims, padded_claims, list_root, evidence_root, evidence_count, "
            "evidence_key, methodology_bundle FROM epoch_commitments WHERE epoch = ?",
            [epoch],
        )
        if row is None:
            return None
        pinned = self._database.rows(
            "SELECT methodology_id, content_hash FROM epoch_methodologies WHERE epoch = ?", [epoch]
        )
        return Commitment(
            claims=row[0],
            padded_claims=row[1],
            list_root=row[2],
            evidence_root=row[3],
            evidence_count=row[4],
            evidence_key=row[5],
            methodologies=dict(pinned),
            methodology_bundle=row[6],
        )

    def claim_count(self, epoch: int) -> int:
        """Return how many claims the list has, pads included."""
        return self._database.number("SELECT count(*) FROM claims WHERE epoch = ?", [epoch])

    def real_claim_count(self, epoch: int) -> int:
        """Return how many claims the list has without pads."""
        return self._database.number("SELECT count(person_id) FROM claims WHERE epoch = ?", [epoch])

    def list_pages(self, epoch: int, claims: int) -> Iterator[pa.Table]:
        """Yield token, rank, salt and commitment of a list of so many claims, in its order."""
        for first in range(0, claims, LIST_PAGE_ROWS):
            yield self._database.table(
                "SELECT token, rank, salt, commitment FROM claims "
                "WHERE epoch = ? AND position BETWEEN ? AND ? ORDER BY position",
                [epoch, first, first + LIST_PAGE_ROWS - 1],
            )

    def claims(self, epoch: int) -> list[ClaimRow]:
        """Return the list of the epoch with what each claim is about, pads included."""
        rows = self._database.rows(
            "SELECT token, rank, person_id, slot_owner, slot_group, slot_start_s, piece_ug, "
            "blinding, commitment FROM claims WHERE epoch = ? ORDER BY position",
            [epoch],
        )
        return [
            ClaimRow(
                token=ClaimToken(row[0]),
                rank=row[1],
                person_id=row[2],
                slot=None if row[3] is None else SlotKey(row[3], row[4], row[5]),
                piece_ug=row[6],
                blinding=scalar_from_bytes(row[7]),
                commitment=row[8],
            )
            for row in rows
        ]

    def pieces(self, epoch: int) -> dict[int, list[Piece]]:
        """Return the pieces of the epoch by person, in order of activity and time."""
        rows = self._database.rows(
            "SELECT person_id, activity_id, day, slot_owner, slot_group, slot_start_s, piece_ug, "
            "rank FROM pieces WHERE epoch = ? ORDER BY person_id, activity_id, slot_start_s",
            [epoch],
        )
        pieces: dict[int, list[Piece]] = {}
        for person_id, activity_id, day, *slot, piece_ug, rank in rows:
            pieces.setdefault(person_id, []).append(
                Piece(
                    activity_id=activity_id,
                    day=dt.date.fromisoformat(day),
                    slot=SlotKey(*slot),
                    piece_ug=piece_ug,
                    rank=rank,
                )
            )
        return pieces

    def credited(self, epoch: int) -> dict[str, CreditedActivity]:
        """Return what was credited for every activity of the epoch, by id."""
        rows = self._database.rows(
            f"SELECT {_CREDITED} FROM epoch_activities WHERE epoch = ?",  # noqa: S608
            [epoch],
        )
        return {row[0]: _credited(row) for row in rows}

    def credited_before(
        self, epoch: int, activity_ids: Iterable[str]
    ) -> dict[str, CreditedActivity]:
        """Return what epochs before `epoch` credited for those of `activity_ids` that they did."""
        wanted = sorted(set(activity_ids))
        if not wanted:
            return {}
        rows = self._database.rows(
            f"SELECT {_CREDITED} FROM epoch_activities JOIN given USING (activity_id) "  # noqa: S608
            f"WHERE epoch < ? AND {COMMITTED} ORDER BY epoch DESC",
            [epoch],
            given={"activity_id": wanted},
        )
        return {row[0]: _credited(row) for row in rows}  # the first epoch of several wins

    def credited_for(self, person_id: int) -> dict[int, dict[str, CreditedActivity]]:
        """Return epoch and activity id to what was credited for a person."""
        rows = self._database.rows(
            f"SELECT {_CREDITED}, epoch FROM epoch_activities SEMI JOIN "  # noqa: S608
            "(SELECT epoch, activity_id FROM pieces WHERE person_id = ?) "
            f"USING (epoch, activity_id) WHERE {COMMITTED}",
            [person_id],
        )
        found: dict[int, dict[str, CreditedActivity]] = {}
        for row in rows:
            found.setdefault(row[-1], {})[row[0]] = _credited(row)
        return found

    # --- outcome --------------------------------------------------------------------------

    def outcome(self, epoch: int) -> bool | None:
        """Return whether the partner was sealed "missing"; None while the epoch is open."""
        row = self._database.row("SELECT missing FROM epoch_outcomes WHERE epoch = ?", [epoch])
        return None if row is None else bool(row[0])

    def seal_leaf(self, epoch: int) -> int | None:
        """Return the leaf of the epoch's seal; None while the epoch is open."""
        row = self._database.row("SELECT seal_leaf FROM epoch_outcomes WHERE epoch = ?", [epoch])
        return None if row is None else int(row[0])

    def save_outcome(self, epoch: int, *, missing: bool, seal_leaf: int) -> None:
        """Note that the epoch is over for this node."""
        self._database.run(
            "INSERT INTO epoch_outcomes VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            [epoch, missing, seal_leaf],
        )

    # --- figures --------------------------------------------------------------------------

    def epoch_figures(self, epoch: int) -> tuple[int, int, int]:
        """Return reduction before claims, submitted mass, and lost claims of an epoch."""
        return (
            self._database.number(
                "SELECT sum(reduction_ug) FROM person_days WHERE epoch = ?", [epoch]
            ),
            self._database.number(
                "SELECT sum(submitted_ug) FROM person_day_results WHERE epoch = ?", [epoch]
            ),
            self._database.number("SELECT sum(losses) FROM epoch_losses WHERE epoch = ?", [epoch]),
        )


def _credited(row: Row) -> CreditedActivity:
    return CreditedActivity(
        activity_id=row[0],
        methodology=row[1],
        history=tuple(json.loads(row[2])),
        evidence=row[3],
        credited_ug=row[4],
    )
