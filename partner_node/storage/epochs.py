"""What the node decided and learned in every epoch."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from fedcarbon.identity.ristretto import Scalar, scalar_from_bytes, scalar_to_bytes
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.methodology.occupancy import SlotKey
from fedcarbon.methodology.person_day import Piece
from fedcarbon.units import MicrogramsCO2e, Seconds
from partner_node.storage.activities import ActivityStore, StoredReject
from partner_node.storage.database import Database, Row
from partner_node.storage.outbox import Message, Outbox

_CREDITED = "activity_id, methodology, history, evidence, credited_ug"


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


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDay:
    """What a person earned on one day before claims were judged."""

    person_id: int
    day: dt.date
    reduction_ug: MicrogramsCO2e


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDayResult:
    """What was submitted for a person and day."""

    person_id: int
    day: dt.date
    submitted_ug: MicrogramsCO2e
    lost_slots: int


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


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochWork:
    """Everything that phase 1a decides, stored at once."""

    commitment: Commitment
    claims: Sequence[ClaimRow]
    """In the order of the list."""
    pieces: Mapping[int, Sequence[Piece]]
    """By person."""
    person_days: Sequence[PersonDay]
    """By person and day; days without activities have none."""
    credited: Sequence[CreditedActivity]
    """Every activity of `pieces`."""
    rejects: Sequence[StoredReject]
    messages: Sequence[Message]


class EpochStore:
    """Reads and appends the tables of epochs."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database
        self._outbox = Outbox(database)
        self._activities = ActivityStore(database)

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

    def save_work(self, epoch: int, work: EpochWork, *, now_s: Seconds) -> None:
        """Store everything that phase 1a decides, in one transaction."""
        commitment = work.commitment
        pieces = [(key, item) for key, items in work.pieces.items() for item in items]
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
            self._database.insert(
                "epoch_methodologies",
                {
                    "epoch": [epoch] * len(commitment.methodologies),
                    "methodology_id": list(commitment.methodologies),
                    "content_hash": list(commitment.methodologies.values()),
                },
            )
            self._save_credited(epoch, work.credited)
            self._save_claims(epoch, work.claims)
            self._database.insert(
                "pieces",
                {
                    "epoch": [epoch] * len(pieces),
                    "activity_id": [item.activity_id for _, item in pieces],
                    "person_id": [person_id for person_id, _ in pieces],
                    "day": [item.day.isoformat() for _, item in pieces],
                    "slot_owner": [item.slot.owner for _, item in pieces],
                    "slot_group": [item.slot.group for _, item in pieces],
                    "slot_start_s": [item.slot.start_s for _, item in pieces],
                    "rank": [item.rank for _, item in pieces],
                    "piece_ug": [item.piece_ug for _, item in pieces],
                },
            )
            self._database.insert(
                "person_days",
                {
                    "epoch": [epoch] * len(work.person_days),
                    "person_id": [item.person_id for item in work.person_days],
                    "day": [item.day.isoformat() for item in work.person_days],
                    "reduction_ug": [item.reduction_ug for item in work.person_days],
                },
            )
            self._activities.add_rejects(work.rejects, now_s=now_s)
            for message in work.messages:
                self._outbox.save(message)

    def _save_claims(self, epoch: int, claims: Sequence[ClaimRow]) -> None:
        self._database.insert(
            "claims",
            {
                "epoch": [epoch] * len(claims),
                "position": range(len(claims)),
                "token": [item.token for item in claims],
                "rank": [item.rank for item in claims],
                "person_id": [item.person_id for item in claims],
                "slot_owner": [item.slot and item.slot.owner for item in claims],
                "slot_group": [item.slot and item.slot.group for item in claims],
                "slot_start_s": [item.slot and item.slot.start_s for item in claims],
                "piece_ug": [item.piece_ug for item in claims],
                "blinding": [scalar_to_bytes(item.blinding) for item in claims],
            },
        )

    def claims(self, epoch: int) -> list[ClaimRow]:
        """Return the list of the epoch with what each claim is about, pads included."""
        rows = self._database.rows(
            "SELECT token, rank, person_id, slot_owner, slot_group, slot_start_s, piece_ug, "
            "blinding FROM claims WHERE epoch = ? ORDER BY position",
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
            "WHERE epoch < ? ORDER BY epoch DESC",
            [epoch],
            given={"activity_id": wanted},
        )
        return {row[0]: _credited(row) for row in rows}  # the first epoch of several wins

    def credited_for(self, person_id: int) -> dict[int, dict[str, CreditedActivity]]:
        """Return epoch and activity id to what was credited for a person."""
        rows = self._database.rows(
            f"SELECT {_CREDITED}, epoch FROM epoch_activities SEMI JOIN "  # noqa: S608
            "(SELECT epoch, activity_id FROM pieces WHERE person_id = ?) "
            "USING (epoch, activity_id)",
            [person_id],
        )
        found: dict[int, dict[str, CreditedActivity]] = {}
        for row in rows:
            found.setdefault(row[-1], {})[row[0]] = _credited(row)
        return found

    def _save_credited(self, epoch: int, credited: Sequence[CreditedActivity]) -> None:
        self._database.insert(
            "epoch_activities",
            {
                "epoch": [epoch] * len(credited),
                "activity_id": [item.activity_id for item in credited],
                "methodology": [item.methodology for item in credited],
                "history": [json.dumps(item.history) for item in credited],
                "evidence": [item.evidence for item in credited],
                "credited_ug": [item.credited_ug for item in credited],
            },
        )

    # --- phase 2 --------------------------------------------------------------------------

    def losses(self, epoch: int) -> set[ClaimToken] | None:
        """Return the lost tokens, or None if they have not been fetched."""
        if self._database.row("SELECT 1 FROM epoch_losses WHERE epoch = ?", [epoch]) is None:
            return None
        rows = self._database.rows("SELECT token FROM losses WHERE epoch = ?", [epoch])
        return {ClaimToken(row[0]) for row in rows}

    def save_losses(self, epoch: int, tokens: Sequence[ClaimToken]) -> None:
        """Store the verdicts on the epoch's claims."""
        with self._database.transaction():
            self._database.run("INSERT INTO epoch_losses VALUES (?, ?)", [epoch, len(tokens)])
            self._database.insert("losses", {"epoch": [epoch] * len(tokens), "token": tokens})

    def save_submission(
        self,
        epoch: int,
        results: Sequence[PersonDayResult],
        witnesses: Mapping[int, bytes],
        messages: Iterable[Message],
    ) -> None:
        """Store results and encrypted chunks at once: the ciphertexts exist from here on.

        Args:
            epoch: which one.
            results: what every person-day is worth.
            witnesses: by block, what only this node knows of its commitments.
            messages: headers and files.
        """
        with self._database.transaction():
            self._database.insert(
                "person_day_results",
                {
                    "epoch": [epoch] * len(results),
                    "person_id": [item.person_id for item in results],
                    "day": [item.day.isoformat() for item in results],
                    "submitted_ug": [item.submitted_ug for item in results],
                    "lost_slots": [item.lost_slots for item in results],
                },
            )
            self._database.insert(
                "block_witnesses",
                {
                    "epoch": [epoch] * len(witnesses),
                    "block": list(witnesses),
                    "witness": list(witnesses.values()),
                },
            )
            for message in messages:
                self._outbox.save(message)

    def witnesses(self, epoch: int) -> dict[int, bytes]:
        """Return the witness of every block that was submitted, ascending by block."""
        rows = self._database.rows(
            "SELECT block, witness FROM block_witnesses WHERE epoch = ? ORDER BY block", [epoch]
        )
        return {row[0]: row[1] for row in rows}

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
