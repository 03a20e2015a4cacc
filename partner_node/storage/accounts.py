"""Who of this node's people counts in an epoch, and where: columns, decided once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fedcarbon.epoch.snapshot import Place, places_digest_of
from fedcarbon.identity.tokens import AccountToken
from fedcarbon.units import MicrogramsCO2e
from partner_node.storage.database import Database
from partner_node.storage.outbox import MessageKind

_PAGE_ROWS = 1 << 16

# Of every person the last entry that is below the snapshot and names no later epoch, as
# `fedcarbon.epoch.snapshot.snapshot_of` has it.
_ENROLLED = f"""
    SELECT p.person_id, p.block, p.slot
    FROM (SELECT e.person_id,
                 arg_max(e.action, r.leaf_index * 4294967296 + e.position) AS action
          FROM enrolment_entries e JOIN receipts r
               ON r.kind = '{MessageKind.ENROLMENT_BATCH.value}' AND r.subject = e.batch
          WHERE r.leaf_index < ? AND e.from_epoch <= ? GROUP BY e.person_id)
    JOIN places p USING (person_id) WHERE action = 'enrol'"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountFigures:
    """What a whole submission repeats of the snapshot."""

    accounts: int
    places_digest: bytes
    """See `fedcarbon.epoch.snapshot.places_digest`."""


class AccountStore:
    """Reads the accounts of an epoch, and decides them the first time."""

    def __init__(self, database: Database) -> None:
        """Work on the tables of `database`."""
        self._database = database

    def decided(self, epoch: int, snapshot_size: int) -> AccountFigures:
        """Return the figures of an epoch's accounts; the first call decides who they are.

        Args:
            epoch: which one.
            snapshot_size: a field of its plan; no batch below it may be unanswered.
        """
        row = self._database.row(
            "SELECT accounts, places_digest FROM epoch_snapshots WHERE epoch = ?", [epoch]
        )
        if row is not None:
            return AccountFigures(accounts=row[0], places_digest=row[1])
        with self._database.transaction():
            self._database.run(
                "INSERT INTO epoch_accounts SELECT ?, row_number() OVER () - 1, * "  # noqa: S608
                f"FROM ({_ENROLLED} ORDER BY p.block, p.slot)",
                [epoch, snapshot_size, epoch],
            )
            count = self._database.number(
                "SELECT count(*) FROM epoch_accounts WHERE epoch = ?", [epoch]
            )
            digest = places_digest_of(count, self._by_token(epoch))
            self._database.run(
                "INSERT INTO epoch_snapshots VALUES (?, ?, ?)", [epoch, count, digest]
            )
        return AccountFigures(accounts=count, places_digest=digest)

    def blocks(self, epoch: int) -> list[int]:
        """Return the blocks that a dense submission covers, ascending."""
        rows = self._database.rows(
            "SELECT DISTINCT block FROM epoch_accounts WHERE epoch = ? ORDER BY block", [epoch]
        )
        return [row[0] for row in rows]

    def among(self, epoch: int, person_ids: Iterable[int]) -> set[int]:
        """Return those of `person_ids` that have an account in the epoch."""
        wanted = sorted(set(person_ids))
        if not wanted:
            return set()
        rows = self._database.rows(
            "SELECT person_id FROM epoch_accounts SEMI JOIN given USING (person_id) "
            "WHERE epoch = ?",
            [epoch],
            given={"person_id": wanted},
        )
        return {row[0] for row in rows}

    def numbered(
        self, epoch: int, first_person: int, last_person: int
    ) -> list[tuple[int, int, AccountToken]]:
        """Return number, person and account token of a range of persons, both ends included."""
        rows = self._database.rows(
            "SELECT a.number, a.person_id, t.account_token FROM epoch_accounts a "
            "JOIN account_tokens t USING (person_id) "
            "WHERE a.epoch = ? AND a.person_id BETWEEN ? AND ? ORDER BY a.number",
            [epoch, first_person, last_person],
        )
        return [(row[0], row[1], AccountToken(row[2])) for row in rows]

    def submitted(
        self, epoch: int, first_block: int, last_block: int
    ) -> Iterator[tuple[int, dict[int, MicrogramsCO2e]]]:
        """Yield every block of a range with what its accounts submit by slot, ascending."""
        rows = self._database.rows(
            "SELECT a.block, a.slot, coalesce(r.submitted_ug, 0) FROM epoch_accounts a LEFT JOIN "
            "(SELECT person_id, sum(submitted_ug) AS submitted_ug FROM person_day_results "
            "WHERE epoch = ? GROUP BY person_id) r USING (person_id) "
            "WHERE a.epoch = ? AND a.block BETWEEN ? AND ? ORDER BY a.block, a.slot",
            [epoch, epoch, first_block, last_block],
        )
        of_block: dict[int, dict[int, MicrogramsCO2e]] = {}
        for block, slot, mass_ug in rows:
            of_block.setdefault(block, {})[slot] = MicrogramsCO2e(int(mass_ug))
        yield from of_block.items()

    def places(self, epoch: int) -> dict[int, Place]:
        """Return every account's place by person, ascending by place."""
        rows = self._database.rows(
            "SELECT person_id, block, slot FROM epoch_accounts WHERE epoch = ? ORDER BY number",
            [epoch],
        )
        return {row[0]: Place(block=row[1], slot=row[2]) for row in rows}

    def tokens(self, epoch: int) -> dict[int, AccountToken]:
        """Return every account's token by person."""
        rows = self._database.rows(
            "SELECT a.person_id, t.account_token FROM epoch_accounts a "
            "JOIN account_tokens t USING (person_id) WHERE a.epoch = ?",
            [epoch],
        )
        return {row[0]: AccountToken(row[1]) for row in rows}

    def _by_token(self, epoch: int) -> Iterator[tuple[bytes, Place]]:
        """Yield token and place of every account, ascending by token, a page at a time."""
        after = b""
        while True:
            rows = self._database.rows(
                "SELECT t.account_token, a.block, a.slot FROM epoch_accounts a "
                "JOIN account_tokens t USING (person_id) WHERE a.epoch = ? AND t.account_token > ? "
                "ORDER BY t.account_token LIMIT ?",
                [epoch, after, _PAGE_ROWS],
            )
            for token, block, slot in rows:
                yield token, Place(block, slot)
            if len(rows) < _PAGE_ROWS:
                return
            after = rows[-1][0]
