"""Contributing to tables: when a period is over, its cells are bounded, encrypted, proved and sent.

What is sent is stored first, in one transaction, and then always sent as the same bytes. Nothing
here keeps an epoch from going on: what the hub refuses for good is noted and left alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import ClassVar, Final, NamedTuple

from fedcarbon.disclosure.block_file import entries_of, invalid_blocks, proved_file, table_tables
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import TableContribution
from fedcarbon.errors import FedcarbonError, StateError
from fedcarbon.ids import EpochIndex
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.table_checks import table_ref
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.transparency.envelope import sign
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import statistics_pb2
from fedcarbon.wire.hub_client import HubClient
from fedcarbon.wire.status import RemoteError
from partner_node.epochs.phases import EnrolmentUnsettledError
from partner_node.membership import Membership
from partner_node.record.receipts import checked_receipt
from partner_node.record.table_shells import table_shells
from partner_node.statistics.bounding import TableSum
from partner_node.statistics.categories import Categories
from partner_node.statistics.counting import TableCounting
from partner_node.storage.accounts import AccountStore
from partner_node.storage.database import Database
from partner_node.storage.epochs import EpochStore
from partner_node.storage.incidents import Incident, IncidentStore
from partner_node.storage.outbox import Message, MessageKind, Outbox
from partner_node.storage.record import RecordStore
from partner_node.storage.statistics import (
    SECRET_BYTES,
    WHOLE_TABLE,
    StatisticsStore,
    TableRefusal,
    subject_of,
)

WINDOW_BITS: Final = 6
"""Of the prover's tables: a period has few blocks, and the tables go afterwards."""
FINAL_CODES: Final = frozenset({
    "CONTRIBUTION_DIFFERS",
    "CONTRIBUTION_FILE_DIFFERS",
    "CONTRIBUTION_LATE",
    "MEMBERS_DIFFER",
    "NOTHING_TO_CONTRIBUTE",
    "RANGE_PROOF_INVALID",
    "SHELL_NOT_IN_RECORD",
    "TABLE_BLOCKS_MALFORMED",
})  # fmt: skip
"""What the hub refuses these bytes for whenever they come; anything else is tried again."""


class NoMembersError(StateError):
    """Nobody was enrolled here in any epoch of a period: nobody waits for a contribution."""

    code: ClassVar[str] = "TABLE_NO_MEMBERS"


class PeriodUnknownError(StateError):
    """The record that this node has read holds no such table, or the period is not over here."""

    code: ClassVar[str] = "TABLE_PERIOD_UNKNOWN"


class OwnTable(NamedTuple):
    """What this partner has in a period."""

    shell: TableShell
    table: TableSum


class TableContributions:
    """Contributes to every period of every table, once."""

    def __init__(
        self, database: Database, member: Membership, hub: HubClient, categories: Categories
    ) -> None:
        """Work for `member` on `database`; `categories` says how cells are found."""
        self._database = database
        self._member = member
        self._hub = hub
        self._counting = TableCounting(database, categories, member.programme.cap_ug)
        self._store = StatisticsStore(database)
        self._accounts = AccountStore(database)
        self._epochs = EpochStore(database)
        self._outbox = Outbox(database)
        self._record = RecordStore(database)

    def due(self, planned: Mapping[EpochIndex, int]) -> list[tuple[Logged[TableShell], int]]:
        """Return the periods that are over and wait for a contribution; note unusable tables.

        Args:
            planned: every planned epoch and the leaf of its plan.

        Raises:
            MalformedError, SignatureInvalidError: see `table_shells`.
        """
        shells = table_shells(self._record, self._member, planned)
        if not shells.usable and not shells.invalid:
            return []
        refused = {(item.shell_leaf, item.period) for item in self._store.refusals()}
        for index, error in shells.invalid.items():
            if (index, WHOLE_TABLE) not in refused:
                self._refuse(PeriodRef(index, WHOLE_TABLE), error)
                self._note(error)
        done = refused | {ref for ref, sent in self._store.contributions().items() if sent}
        sealed = self._store.sealed_epochs()
        return [
            (shell, period)
            for index, shell in shells.usable.items()
            for period in range(1, shell.statement.periods + 1)
            if (index, period) not in done and sealed.issuperset(shell.statement.epochs_of(period))
        ]

    def contribute(self, shell: Logged[TableShell], period: int) -> str:
        """Contribute to a period that is `due`, and return what was done.

        Raises:
            UnitUnknownError, EnrolmentUnsettledError: see there; nothing was sent.
            PeerError: the hub's receipt is not for what was sent.
            FedcarbonError: the hub cannot be reached or does not take it now; the next call sends
                the same bytes.
        """
        ref = PeriodRef(shell.index, period)
        subject = subject_of(*ref)
        message = self._outbox.message(MessageKind.TABLE_CONTRIBUTION, subject)
        try:
            message = message or self._made(shell, period)
            answer = self._hub.submit_contribution(
                statistics_pb2.SubmitContributionRequest(
                    signed_contribution=message.envelope, file=message.content
                )
            )
        except (RemoteError, NoMembersError) as error:
            if isinstance(error, RemoteError) and error.code not in FINAL_CODES:
                raise
            self._refuse(ref, error)
            return "table_refused"
        receipt = checked_receipt(
            self._member.foundation,
            answer.receipt,
            leaf_type=LeafType.TABLE_CONTRIBUTION,
            envelope=message.envelope,
        )
        self._outbox.save_receipt(message, receipt)
        return "table_contributed"

    def own_table(self, planned: Mapping[EpochIndex, int], shell_id: str, period: int) -> OwnTable:
        """Return what this partner has in a period that is over, for its own eyes.

        Raises:
            PeriodUnknownError: see there.
            UnitUnknownError: see there.
        """
        sealed = self._store.sealed_epochs()
        for shell in table_shells(self._record, self._member, planned).usable.values():
            statement = shell.statement
            if statement.shell_id != shell_id or not 1 <= period <= statement.periods:
                continue
            if sealed.issuperset(statement.epochs_of(period)):
                return OwnTable(statement, self._counting.table(shell, period, self._secret()))
        raise PeriodUnknownError(
            f"no table {shell_id!r} with a period {period} that is over is known here"
        )

    # --- inside -----------------------------------------------------------------------------

    def _made(self, shell: Logged[TableShell], period: int) -> Message:
        """Bound, encrypt, prove and sign a period, and store it: from here on it never changes."""
        members = self._members(shell.statement.epochs_of(period))
        if not members:
            raise NoMembersError(f"nobody was enrolled here in period {period}")
        table = self._counting.table(shell, period, self._secret())
        content = self._proved(shell, period, table.values, members)
        contribution = TableContribution(
            parameter_id=self._member.parameters.parameter_id,
            programme_id=self._member.programme.programme_id,
            shell_leaf=shell.index,
            period=period,
            partner_id=self._member.party_id,
            members=members,
            file_sha256=hashlib.sha256(content).digest(),
        )
        message = Message(
            kind=MessageKind.TABLE_CONTRIBUTION,
            subject=subject_of(shell.index, period),
            envelope=sign(contribution, self._member.signers).to_bytes(),
            content=content,
        )
        self._outbox.save(message)
        return message

    def _proved(
        self, shell: Logged[TableShell], period: int, values: list[int], members: int
    ) -> bytes:
        """Return the file of the blocks, each proof checked before anybody else sees it."""
        key, below = self._member.parameters.proof_key, self._member.randomness.below
        ref = table_ref(shell, period, self._member.party_id, RangePurpose.TABLE)
        bounds = shell.statement.value_bounds(members)
        tables = table_tables(key, window_bits=WINDOW_BITS)
        content = proved_file(tables, ref, values, bounds, below)
        entries = entries_of(key, content, len(values))
        for error in invalid_blocks(key, [(ref, entries, bounds)], below):
            raise error
        return content

    def _members(self, epochs: range) -> int:
        """Return how many accounts the snapshots of a period have here, as everybody counts."""
        if self._outbox.unanswered(MessageKind.ENROLMENT_BATCH):
            # It may be in the record or not: a snapshot that is not decided yet would be a guess.
            raise EnrolmentUnsettledError("an enrolment batch has no receipt yet")
        for epoch in epochs:
            cutoff = self._epochs.cutoff(epoch)
            assert cutoff is not None  # noqa: S101 - set before an epoch is over
            self._accounts.decided(epoch, cutoff.snapshot_size)
        return self._store.members(epochs)

    def _secret(self) -> bytes:
        return self._store.secret(self._member.randomness.octets(SECRET_BYTES))

    def _refuse(self, ref: PeriodRef, error: FedcarbonError) -> None:
        refusal = TableRefusal(
            shell_leaf=ref.shell_leaf, period=ref.period, code=error.code, detail=str(error)
        )
        self._store.refuse(refusal, now_s=self._member.clock.now_s())

    def _note(self, error: FedcarbonError) -> None:
        incident = Incident(code=error.code, detail=str(error))
        IncidentStore(self._database).add(incident, now_s=self._member.clock.now_s())
