"""Use case of contributing to a table: a partner's encrypted cells of one period.

 (1) the caller is an admitted partner                      NOT_ADMITTED
 (2) its key, and nobody else's, signed the contribution    SIGNATURE_INVALID
 (3) which names the caller                                 SENDER_DIFFERS
 (4) and this parameter set                                 PARAMETERS_DIFFER
 (5) the leaf is a shell of the programme, with the period  SHELL_NOT_IN_RECORD
 (6) the partner has sent the same bytes before, or none    CONTRIBUTION_DIFFERS
 (7) all epochs of the period are sealed                    PERIOD_NOT_OVER
 (8) contributions are still taken                          CONTRIBUTION_LATE
 (9) the partner had an account in the period               NOTHING_TO_CONTRIBUTE
(10) and as many as it says, which bounds every value       MEMBERS_DIFFER
(11) the file is the one that is named                      CONTRIBUTION_FILE_DIFFERS
(12) it has the blocks of the table                         TABLE_BLOCKS_MALFORMED
(13) the proofs of all blocks hold                          RANGE_PROOF_INVALID

Rules five to ten are asked of a snapshot first, so that nobody waits for the proofs of another
partner, and again in the transaction that logs. What is persisted is all or nothing: leaf, receipt,
the file's readers and the row that keeps a second contribution out.
"""

from __future__ import annotations

import hashlib
from typing import Final, NamedTuple

from sqlmodel import Session

from fedcarbon.disclosure.block_file import entries_of
from fedcarbon.disclosure.record_files import named_files
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import TableContribution
from fedcarbon.engine.tasks.table_verifying import verify_table
from fedcarbon.ids import PartyId, Role
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.table_checks import members_of, require_shell, table_ref
from fedcarbon.opening.table_refusals import (
    ContributionFileDiffersError,
    MembersDifferError,
    PeriodNotOverError,
)
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.opening.view import RecordView
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.registry.parties import signing_keys
from hub.statistics.calendar import closes_at_s, is_over, is_sealed
from hub.statistics.errors import (
    ContributionDiffersError,
    ContributionLateError,
    NothingToContributeError,
)
from hub.statistics.storage.period_store import PeriodStore

_LEAF: Final = LeafType.TABLE_CONTRIBUTION


class _Judged(NamedTuple):
    """What a message is after rules (5) to (10)."""

    shell: Logged[TableShell]
    receipt: bytes | None
    """The one that these bytes got before, if they did."""


class ContributionIntake:
    """Takes contributions; several at a time, from threads."""

    def __init__(self, hub: Hub, folded: FoldedRecord) -> None:
        """Take the hub and the record as its readers see it."""
        self._hub: Final = hub
        self._folded: Final = folded

    def admit(self, caller: PartyId, message: bytes, file: bytes) -> bytes:
        """Log a contribution and return its receipt; the same bytes get the same receipt.

        Args:
            caller: the party that sent it, by its certificate.
            message: the exact bytes of the signed contribution.
            file: the encrypted blocks with their proofs.

        Raises:
            FedcarbonError: the error of the first rule that fails.
        """
        hub = self._hub
        # (1) to (4) the partner signed it for itself
        item = open_message(
            TableContribution,
            message,
            sender=caller,
            keys=hub.read_now(lambda session: signing_keys(session, Role.PARTNER)),
            named_in=lambda statement: statement.partner_id,
            parameter_id=hub.parameters.parameter_id,
        )
        # (5) to (10) on a snapshot
        judged = hub.read_now(lambda session: self._judge(session, item, message))
        if judged.receipt is not None:
            return judged.receipt
        self._check_file(judged.shell, item, file)
        hub.record.files.put(file)
        return hub.write_now(lambda session: self._log(session, item, message))

    def _judge(self, session: Session, item: TableContribution, message: bytes) -> _Judged:
        ref = PeriodRef(item.shell_leaf, item.period)
        with self._folded.at(session) as view:
            # (5) the leaf is a shell of the programme, and has the period
            shell = require_shell(view, item.programme_id, ref)
            # (6) the partner has not contributed, or with the same bytes
            if item.partner_id in PeriodStore(session).contributions(ref):
                given = self._hub.record.receipt_of_message(session, _LEAF, message)
                if given is None:
                    raise ContributionDiffersError(
                        f"{item.partner_id} has contributed other bytes to period {ref.period}"
                    )
                return _Judged(shell, given)
            # (7), (8) contributions are taken now
            self._require_open(session, view, shell.statement, ref)
            # (9), (10) the accounts are those of the record
            own = members_of(view, item.programme_id, ref).get(item.partner_id, 0)
        if own == 0:
            raise NothingToContributeError(
                f"{item.partner_id} has no account in period {ref.period}"
            )
        if item.members != own:
            raise MembersDifferError(
                f"{item.partner_id} counts {item.members} members in period {ref.period}, the "
                f"record {own}"
            )
        return _Judged(shell, None)

    def _require_open(
        self, session: Session, view: RecordView, shell: TableShell, ref: PeriodRef
    ) -> None:
        if not is_sealed(view, shell, ref):
            raise PeriodNotOverError(f"not all epochs of period {ref.period} are sealed")
        is_closed = PeriodStore(session).find(ref) is not None
        if is_closed or is_over(view, shell, ref, self._hub.clock.now_s()):
            raise ContributionLateError(
                f"contributions to period {ref.period} were taken until "
                f"{closes_at_s(view, shell, ref)}, or until all were in"
            )

    def _check_file(self, shell: Logged[TableShell], item: TableContribution, file: bytes) -> None:
        # (11) the file is the one that is named
        if hashlib.sha256(file).digest() != item.file_sha256:
            raise ContributionFileDiffersError("the file has another hash than the contribution")
        key = self._hub.parameters.proof_key
        # (12) it has the blocks of the table
        entries = entries_of(key, file, shell.statement.values)
        # (13) the proofs of all blocks hold
        verify_table(
            self._hub.workers,
            key,
            table_ref(shell, item.period, item.partner_id, RangePurpose.TABLE),
            entries,
            shell.statement.value_bounds(item.members),
        )

    def _log(self, session: Session, item: TableContribution, message: bytes) -> bytes:
        judged = self._judge(session, item, message)
        if judged.receipt is not None:
            return judged.receipt
        owners = [item.partner_id]
        logged, receipt = self._hub.record.accept(session, _LEAF, message, owners)
        for sha256, readable_as in named_files(item):
            self._hub.record.name_file(session, readable_as, sha256, owners)
        ref = PeriodRef(item.shell_leaf, item.period)
        PeriodStore(session).add_contribution(ref, item.partner_id, logged.index)
        return receipt
