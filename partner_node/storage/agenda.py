"""What is left to do for enrolment: who lacks an output, who is to be enrolled or withdrawn.

Finding out means reading everybody's consents. So it is done once for `WINDOW_PERSONS`, who wait in
a table of this process; each batch reads that table, and not all people again. It is no truth of
its own: it is made anew in every process, when a consent was given or withdrawn, and when it holds
nothing more that can be done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.tokens import AccountToken
from fedcarbon.ids import EpochIndex
from fedcarbon.registry.enrolment import BATCH_ENTRIES_MAX, EnrolmentAction
from fedcarbon.registry.programme import Programme
from fedcarbon.units import Seconds
from partner_node.storage.database import Database
from partner_node.storage.outbox import Message, Outbox

WINDOW_PERSONS: Final = 50 * BATCH_ENTRIES_MAX
"""So many are found at once: reading everybody's consents costs what some batches cost."""

OPEN_PERIODS: Final = """open_periods AS (
    SELECT l.person_id, c.person_ref, c.period, c.data_at_s, c.claim_at_s,
           greatest(c.data_at_s, c.claim_at_s) AS since_s
    FROM consents c JOIN links l USING (person_ref)
    ANTI JOIN withdrawals w ON w.person_ref = c.person_ref AND w.period = c.period)"""
"""Consents that stand."""

_TABLE: Final = """CREATE OR REPLACE TEMP TABLE enrolment_agenda (
    person_id BIGINT NOT NULL,
    action VARCHAR NOT NULL,
    person_ref VARCHAR NOT NULL,
    period INTEGER NOT NULL,
    data_at_s BIGINT NOT NULL,
    claim_at_s BIGINT NOT NULL,
    from_epoch BIGINT NOT NULL)"""

# The last entry of every person is that of the last batch. Numbers choose who is in the window, and
# only its people's references are put together: a million of them would not fit into memory.
# Whoever can be enrolled at once comes before those who lack an output: a window of people that
# wait for a quota must hide nobody whose enrolment would raise it.
_FILL: Final = f"""
    WITH last_entry AS (
        SELECT e.person_id, arg_max(e.action = 'enrol', b.sequence) AS is_enrolled,
               arg_max(e.from_epoch, b.sequence) AS from_epoch
        FROM enrolment_entries e JOIN enrolment_batches b USING (batch) GROUP BY e.person_id),
    {OPEN_PERIODS},
    ended AS (
        SELECT l.person_id, arg_max(w.person_ref, w.from_epoch) AS person_ref,
               arg_max(w.period, w.from_epoch) AS period, max(w.from_epoch) AS from_epoch
        FROM withdrawals w JOIN links l USING (person_ref) GROUP BY l.person_id),
    leaving AS (
        SELECT n.* FROM ended n JOIN last_entry e USING (person_id)
        ANTI JOIN open_periods o USING (person_id)
        WHERE e.is_enrolled AND n.from_epoch <= $epochs),
    entering AS (
        SELECT DISTINCT o.person_id FROM open_periods o
        ANTI JOIN (SELECT person_id FROM last_entry WHERE is_enrolled) e USING (person_id)
        WHERE o.since_s < $before_s),
    ready AS (SELECT person_id FROM account_tokens SEMI JOIN claim_secrets USING (person_id)),
    chosen AS MATERIALIZED (
        SELECT u.person_id, u.is_leaving
        FROM (SELECT person_id, true AS is_leaving FROM leaving
              UNION ALL SELECT person_id, false FROM entering) u
        LEFT JOIN ready r USING (person_id)
        ORDER BY u.is_leaving DESC, r.person_id IS NULL, u.person_id LIMIT $window)
    INSERT INTO enrolment_agenda
    SELECT n.person_id, 'withdraw', n.person_ref, n.period, 0, 0, n.from_epoch
    FROM leaving n SEMI JOIN (SELECT person_id FROM chosen WHERE is_leaving) c USING (person_id)
    UNION ALL
    SELECT o.person_id, 'enrol', arg_min(o.person_ref, o.since_s), arg_min(o.period, o.since_s),
           arg_min(o.data_at_s, o.since_s), arg_min(o.claim_at_s, o.since_s),
           coalesce(any_value(e.from_epoch), 1)
    FROM open_periods o
    JOIN (SELECT person_id FROM chosen WHERE NOT is_leaving) c USING (person_id)
    LEFT JOIN last_entry e USING (person_id)
    WHERE o.since_s < $before_s GROUP BY o.person_id"""  # noqa: S608 - constants only
_OUTPUTS: Final = {KeyLabel.ACCOUNT: "account_tokens", KeyLabel.CLAIM: "claim_secrets"}


@dataclass(frozen=True, slots=True, kw_only=True)
class DueEntry:
    """A person whose enrolment or withdrawal the hub does not know yet."""

    person_id: int
    account_token: AccountToken
    action: EnrolmentAction
    person_ref: str
    period: int
    data_at_s: Seconds
    claim_at_s: Seconds
    earliest_epoch: int
    """No epoch before this one: of a withdrawal the first without the person, else 1 or where an
    earlier withdrawal took effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEntry:
    """One stored line of a batch."""

    person_id: int
    action: EnrolmentAction
    from_epoch: int
    consent_salt: bytes = field(repr=False)
    person_ref: str
    period: int


class EnrolmentAgenda:
    """The people for whom something is left to do, as many as the window holds."""

    def __init__(
        self, database: Database, programme: Programme, *, window: int = WINDOW_PERSONS
    ) -> None:
        """Look for what is left to do in `database` under the rules of `programme`.

        Args:
            database: the node's store.
            programme: consents that come after its end count no more.
            window: how many people to find at once, at least 1.
        """
        self._database = database
        self._outbox = Outbox(database)
        self._epochs = programme.epochs
        self._before_s = programme.epoch_end_s(EpochIndex(programme.epochs))
        self._window = window
        self._made_from: tuple[int, int] | None = None
        """Consents and withdrawals that there were."""
        self._is_partial = False

    def follow(self) -> None:
        """Look again if consents were given or withdrawn; call it before asking for anything."""
        if self._consents() != self._made_from:
            self._fill()

    def read_on(self) -> bool:
        """Look again if there may be more than the window held; return whether there may."""
        if not self._is_partial:
            return False
        self._fill()
        return True

    def lacking(self, label: KeyLabel, *, limit: int) -> list[int]:
        """Return persons with standing consents that have no output of the key `label` yet.

        Args:
            label: account or claim.
            limit: at most so many.
        """
        rows = self._database.rows(
            "SELECT a.person_id FROM enrolment_agenda a ANTI JOIN "  # noqa: S608 - a constant
            f"(SELECT person_id FROM {_OUTPUTS[label]} SEMI JOIN enrolment_agenda "
            "USING (person_id)) t USING (person_id) "
            "WHERE a.action = 'enrol' ORDER BY a.person_id LIMIT ?",
            [limit],
        )
        return [row[0] for row in rows]

    def due(self, action: EnrolmentAction, *, limit: int) -> list[DueEntry]:
        """Return who is to be enrolled, having both outputs, or to be withdrawn.

        Args:
            action: which of the two.
            limit: at most so many.
        """
        rows = self._database.rows(
            "SELECT a.person_id, t.account_token, a.person_ref, a.period, a.data_at_s, "
            "a.claim_at_s, a.from_epoch FROM enrolment_agenda a "
            "JOIN account_tokens t USING (person_id) SEMI JOIN claim_secrets s USING (person_id) "
            "WHERE a.action = ? ORDER BY a.person_id LIMIT ?",
            [action.value, limit],
        )
        return [
            DueEntry(
                person_id=row[0],
                account_token=AccountToken(row[1]),
                action=action,
                person_ref=row[2],
                period=row[3],
                data_at_s=row[4],
                claim_at_s=row[5],
                earliest_epoch=row[6],
            )
            for row in rows
        ]

    def save_batch(self, message: Message, entries: Sequence[BatchEntry]) -> None:
        """Store a batch before it is sent for the first time, and strike its persons off."""
        count = len(entries)
        persons = [entry.person_id for entry in entries]
        with self._database.transaction():
            sequence = self._database.number("SELECT count(*) FROM enrolment_batches")
            self._outbox.save(message)
            self._database.run(
                "INSERT INTO enrolment_batches VALUES (?, ?)", [message.subject, sequence]
            )
            self._database.insert(
                "enrolment_entries",
                {
                    "batch": [message.subject] * count,
                    "position": range(count),
                    "person_id": persons,
                    "action": [entry.action.value for entry in entries],
                    "from_epoch": [entry.from_epoch for entry in entries],
                    "consent_salt": [entry.consent_salt for entry in entries],
                    "person_ref": [entry.person_ref for entry in entries],
                    "period": [entry.period for entry in entries],
                },
            )
            self._database.rows(
                "DELETE FROM enrolment_agenda USING given "
                "WHERE enrolment_agenda.person_id = given.person_id",
                given={"person_id": persons},
            )

    def _consents(self) -> tuple[int, int]:
        """Return how many consents and withdrawals there are: both tables only grow."""
        return (
            self._database.number("SELECT count(*) FROM consents"),
            self._database.number("SELECT count(*) FROM withdrawals"),
        )

    def _fill(self) -> None:
        # No transaction: nothing of it is durable. What is given meanwhile is seen next time.
        consents = self._consents()
        self._database.run_named(_TABLE, {})
        self._database.run_named(
            _FILL,
            {"before_s": self._before_s, "epochs": self._epochs, "window": self._window},
        )
        found = self._database.number("SELECT count(*) FROM enrolment_agenda")
        self._made_from, self._is_partial = consents, found == self._window
