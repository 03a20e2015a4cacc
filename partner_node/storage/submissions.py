"""Phase 2 as it is stored: verdicts, what they leave, and the chunks with their witnesses."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from fedcarbon.identity.ristretto import scalar_from_bytes
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.units import MicrogramsCO2e
from partner_node.storage.database import Database
from partner_node.storage.outbox import Message, MessageKind, Outbox
from partner_node.storage.progress import ProgressStore, Stage

PAGE_ROWS = 1 << 16

# `fedcarbon.methodology.person_day.settle_day` in columns. The cap is used up activity by activity,
# so that together they get the lesser of the cap and of what is left.
OF_ACTIVITY = """
    lost AS (
        SELECT c.person_id, c.slot_owner, c.slot_group, c.slot_start_s
        FROM claims c SEMI JOIN losses l USING (epoch, token)
        WHERE c.epoch = $1 AND c.person_id BETWEEN $2 AND $3),
    judged AS (
        SELECT p.*, l.person_id IS NOT NULL AS is_lost
        FROM (SELECT * FROM pieces WHERE epoch = $1 AND person_id BETWEEN $2 AND $3) p
        LEFT JOIN lost l USING (person_id, slot_owner, slot_group, slot_start_s)),
    of_activity AS (
        SELECT person_id, day, activity_id, min(slot_start_s) AS first_slot_s,
               count(*) AS slots, count(*) FILTER (WHERE is_lost) AS lost,
               coalesce(sum(piece_ug) FILTER (WHERE NOT is_lost), 0) AS left_ug
        FROM judged GROUP BY person_id, day, activity_id)"""
"""What verdicts leave of every activity on its days in epoch $1, for persons $2 to $3."""

_SETTLED = f"""
    WITH {OF_ACTIVITY},
    of_day AS (
        SELECT person_id, day, sum(CASE WHEN 2 * lost >= slots THEN 0 ELSE left_ug END) AS left_ug
        FROM of_activity GROUP BY person_id, day),
    lost_of_day AS (
        SELECT person_id, day, count(*) AS lost_slots
        FROM (SELECT DISTINCT person_id, day, slot_owner, slot_group, slot_start_s
              FROM judged WHERE is_lost) GROUP BY person_id, day)
    INSERT INTO person_day_results
    SELECT $1, d.person_id, d.day, least($4, d.left_ug), coalesce(l.lost_slots, 0)
    FROM of_day d LEFT JOIN lost_of_day l USING (person_id, day)
    ORDER BY d.person_id, d.day"""  # noqa: S608 - constants only
_PERSON_MAX = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What counts of an epoch's claims; decided once."""

    committed: bool
    """Their root was logged in time."""
    revealed: bool
    """So was the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Winnings:
    """What the claims that no other partner won are worth together."""

    claims: int
    """How many there are, pads included."""
    mass_ug: MicrogramsCO2e
    blinding: int
    """Sum of the blindings of their commitments."""


class SubmissionStore:
    """Reads and appends the tables of phase 2."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database
        self._outbox = Outbox(database)
        self._progress = ProgressStore(database)

    # --- verdicts -------------------------------------------------------------------------

    def losses(self, epoch: int) -> int | None:
        """Return how many claims were lost, or None if not all verdicts have been fetched."""
        row = self._database.row("SELECT losses FROM epoch_losses WHERE epoch = ?", [epoch])
        return None if row is None else int(row[0])

    def losses_stored(self, epoch: int) -> int:
        """Return how many lost claims are stored so far."""
        return self._database.number("SELECT count(*) FROM losses WHERE epoch = ?", [epoch])

    def positions_of(self, epoch: int, tokens: Sequence[ClaimToken]) -> list[int]:
        """Return where those of `tokens` that are in the epoch's list stand in it, ascending."""
        if not tokens:
            return []
        rows = self._database.rows(
            "SELECT c.position FROM claims c JOIN given g ON g.token = c.token "
            # The list ascends by token: of millions only those between these are looked at.
            "WHERE c.epoch = ? AND c.token BETWEEN ? AND ? ORDER BY c.position",
            [epoch, min(tokens), max(tokens)],
            given={"token": tokens},
        )
        return [row[0] for row in rows]

    def lost_positions(self, epoch: int) -> list[int]:
        """Return where the lost claims stand in the list, ascending, once all are fetched."""
        if self.losses(epoch) is None:
            return []
        rows = self._database.rows(
            "SELECT c.position FROM claims c SEMI JOIN losses l USING (epoch, token) "
            "WHERE c.epoch = ? ORDER BY c.position",
            [epoch],
        )
        return [row[0] for row in rows]

    def last_lost(self, epoch: int) -> int:
        """Return the highest position that is stored as lost, -1 if there is none."""
        # The list ascends by token: the last lost claim is the one with the highest.
        row = self._database.row("SELECT max(token) FROM losses WHERE epoch = ?", [epoch])
        assert row is not None  # noqa: S101 - an aggregate always has one row
        return -1 if row[0] is None else self.positions_of(epoch, [row[0]])[0]

    def add_losses(self, epoch: int, tokens: Sequence[ClaimToken], *, total: int) -> None:
        """Store a page of lost claims; the one that makes `total` of them ends the verdicts."""
        with self._database.transaction():
            self._database.insert("losses", {"epoch": [epoch] * len(tokens), "token": tokens})
            if self.losses_stored(epoch) == total:
                self._database.run("INSERT INTO epoch_losses VALUES (?, ?)", [epoch, total])

    # --- what they leave --------------------------------------------------------------------

    def standing(self, epoch: int) -> Standing | None:
        """Return what counts, or None if it has not been decided."""
        row = self._database.row(
            "SELECT committed, revealed FROM epoch_settlements WHERE epoch = ?", [epoch]
        )
        return None if row is None else Standing(committed=row[0], revealed=row[1])

    def settle(self, epoch: int, standing: Standing, cap_ug: MicrogramsCO2e) -> None:
        """Decide what every person-day is worth after verdicts, half-lost rule and cap."""
        with self._database.transaction():
            if standing.committed and standing.revealed:
                self._database.run(_SETTLED, [epoch, 0, _PERSON_MAX, cap_ug])
            self._database.run(
                "INSERT INTO epoch_settlements VALUES (?, ?, ?)",
                [epoch, standing.committed, standing.revealed],
            )

    def winnings(self, epoch: int, claims: int) -> Winnings:
        """Return what the claims of a list of so many are worth that no other partner won."""
        count = mass_ug = blinding = 0
        for first in range(0, claims, PAGE_ROWS):
            rows = self._database.rows(
                "WITH page AS MATERIALIZED (SELECT token, piece_ug, blinding FROM claims "
                "WHERE epoch = ? AND position BETWEEN ? AND ?) "
                "SELECT piece_ug, blinding FROM page ANTI JOIN (SELECT token FROM losses "
                # Both ascend by token: of all losses only those of the page are looked at.
                "WHERE epoch = ? AND token BETWEEN (SELECT min(token) FROM page) "
                "AND (SELECT max(token) FROM page)) USING (token)",
                [epoch, first, first + PAGE_ROWS - 1, epoch],
            )
            count += len(rows)
            mass_ug += sum(row[0] for row in rows)
            blinding += sum(scalar_from_bytes(row[1]) for row in rows)
        return Winnings(claims=count, mass_ug=MicrogramsCO2e(mass_ug), blinding=blinding)

    # --- chunks -----------------------------------------------------------------------------

    def save_chunk(self, epoch: int, message: Message, witnesses: Mapping[int, bytes]) -> None:
        """Store a proved chunk: its ciphertexts exist from here on.

        Args:
            epoch: which one.
            message: header and file.
            witnesses: by block, what only this node knows of its commitments.
        """
        with self._database.transaction():
            self._database.insert(
                "block_witnesses",
                {
                    "epoch": [epoch] * len(witnesses),
                    "block": list(witnesses),
                    "witness": list(witnesses.values()),
                },
            )
            self._outbox.save(message)
            self._progress.add(epoch, Stage.PROVING, message.part)

    def chunks(self, epoch: int) -> int:
        """Return how many chunks are stored."""
        return self._outbox.parts(MessageKind.CHUNK, str(epoch))

    def witnesses(self, epoch: int, blocks: Collection[int]) -> dict[int, bytes]:
        """Return the witness of those of `blocks` that were submitted, ascending by block."""
        if not blocks:
            return {}
        rows = self._database.rows(
            "SELECT w.block, w.witness FROM block_witnesses w SEMI JOIN given g "
            "ON g.block = w.block WHERE w.epoch = ? ORDER BY w.block",
            [epoch],
            given={"block": sorted(blocks)},
        )
        return {row[0]: row[1] for row in rows}
