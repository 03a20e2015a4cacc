"""V23: statistics were released as their shells said, within their budget, and no other way.

The replay judges what a reader of the record judges leaf by leaf: shells, who may sign, one start
and one release per period, contributors and budget before anything is opened. Here is what takes
the moment of a leaf (members, minima, time left, witnesses), and, at the end of the record, what
takes its files: range proofs (V11), share proofs (V18), and every table made again (V23).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.table_blocks import BlocksJob, judge_blocks
from fedcarbon.audit.table_figures import budget_figures
from fedcarbon.audit.table_releases import ReleaseJob, judge_release
from fedcarbon.audit.witnesses import require_public_start
from fedcarbon.disclosure.block_file import TableRef
from fedcarbon.disclosure.record_files import named_files
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import ReleaseStart, TableContribution, TableRelease
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.table_checks import members_of, period_ref, require_partners, table_ref
from fedcarbon.opening.table_refusals import (
    MembersDifferError,
    PeriodNotOverError,
)
from fedcarbon.opening.tables import PeriodRef
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S
from fedcarbon.units import SECONDS_PER_DAY

NO_STATISTICS: Final = "the record releases no statistics"
RELEASE_GRACE_S: Final = 7 * SECONDS_PER_DAY
"""After a start, until its table must be there: shares can be asked for again at any time."""


class TableCheck:
    """Judges contributions, starts and releases."""

    def __init__(self, exam: Examination) -> None:
        """Take the audit."""
        self._exam: Final = exam
        self._members: Final[dict[PeriodRef, Mapping[PartyId, int] | None]] = {}
        self._blocks: Final[list[BlocksJob]] = []
        self._usable: Final[set[int]] = set()
        """Leaves of contributions, starts and releases all of whose files can be used."""

    def on_contribution(self, logged: Logged[TableContribution]) -> None:
        """Judge by whose number of members a contribution is bounded, and keep its file."""
        item = logged.statement
        ref = PeriodRef(item.shell_leaf, item.period)
        is_usable = self._refer(logged)
        members = self._members_of(item.programme_id, ref)
        if members is None:
            self._exam.checklist.leave_out(CheckId.STATISTICS)
            return
        expected = members.get(item.partner_id, 0)
        if item.members != expected:
            self._find(
                MembersDifferError(
                    f"{item.partner_id} counts {item.members} members, the record {expected}; the "
                    "hub must not have admitted it"
                ),
                f"the contribution of {item.partner_id} to period {item.period}",
                logged.index,
            )
        if is_usable:
            shell = self._shell(ref)
            blocks = table_ref(shell, ref.period, item.partner_id, RangePurpose.TABLE)
            bounds = shell.statement.value_bounds(expected)
            self._expect_blocks(blocks, bounds, item.file_sha256, logged.index)
        else:
            self._exam.checklist.leave_out(CheckId.RANGE_PROOFS)

    def on_start(self, logged: Logged[ReleaseStart]) -> None:
        """Judge what trustees had to see before they signed, and keep the files of noise."""
        item, ref = logged.statement, period_ref(logged.statement)
        subject = self._subject(ref)
        members = self._members_of(item.programme_id, ref)
        if members is None:
            self._exam.checklist.leave_out(CheckId.STATISTICS)
        else:
            for error in (*self._partners(item, members), *self._times(logged)):
                self._find(error, subject, logged.index)
        if not self._refer(logged):
            self._exam.checklist.leave_out(CheckId.RANGE_PROOFS)
            return
        shell = self._shell(ref)
        for part in item.noise:
            blocks = table_ref(shell, ref.period, part.trustee_id, RangePurpose.NOISE)
            bounds = shell.statement.noise_bounds()
            self._expect_blocks(blocks, bounds, part.file_sha256, logged.index)

    def on_release(self, logged: Logged[TableRelease]) -> None:
        """Judge that its start was public before any share was given."""
        item = logged.statement
        subject = f"the release in leaf {logged.index}"
        require_public_start(self._exam, item.start_leaf, subject, logged.index)
        self._refer(logged)

    def finish(self) -> None:
        """Judge all files, make every table again, and look for releases that never came."""
        exam, tables = self._exam, self._exam.view.tables
        for blocks in exam.mapped(
            CheckId.RANGE_PROOFS, "blocks of tables", judge_blocks, self._blocks
        ):
            exam.checklist.count(CheckId.RANGE_PROOFS, blocks.blocks)
            exam.checklist.extend(blocks.findings)
            if not blocks.blocks:
                self._usable.discard(blocks.leaf)
        jobs = [
            job
            for ref, start in tables.starts.items()
            if (job := self._release_job(ref, start)) is not None
        ]
        for job, judged in zip(
            jobs,
            exam.mapped(CheckId.STATISTICS, "released tables", judge_release, jobs),
            strict=True,
        ):
            exam.checklist.count(CheckId.SHARES, judged.proofs)
            exam.checklist.extend(judged.findings)
            if judged.is_table_judged:
                exam.checklist.count(CheckId.STATISTICS)
            elif job.release is not None:
                exam.checklist.leave_out(CheckId.STATISTICS)
        self._look_for_releases()
        self._say_what_was_spent()

    # --- at a leaf --------------------------------------------------------------------------

    def _partners(
        self, start: ReleaseStart, members: Mapping[PartyId, int]
    ) -> Iterable[FedcarbonError]:
        """Yield that too few or too many partners are counted."""
        shell = self._shell(period_ref(start)).statement
        try:
            require_partners(
                shell, [members.get(item.partner_id, 0) for item in start.contributors]
            )
        except FedcarbonError as error:
            yield error

    def _times(self, logged: Logged[ReleaseStart]) -> Iterable[FedcarbonError]:
        """Yield that partners are left out which still had time to contribute."""
        view, start, ref = self._exam.view, logged.statement, period_ref(logged.statement)
        shell = self._shell(ref).statement
        named = {item.partner_id for item in start.contributors}
        owed = members_of(view, start.programme_id, ref).keys()
        last = EpochRef(start.programme_id, EpochIndex(shell.epochs_of(ref.period)[-1]))
        sealed = view.times_over(view.epochs.seals[last].index)
        over = view.times_over(logged.index)
        if owed <= named or sealed is None or over is None:
            return
        until_s = sealed.median_s + shell.contribute_window_s
        if over.clock_s + TIME_TOLERANCE_S < until_s:
            yield PeriodNotOverError(
                f"{sorted(owed - named)} could contribute until {until_s}, it was started before "
                f"{over.clock_s}"
            )

    def _members_of(
        self, programme_id: ProgrammeId, ref: PeriodRef
    ) -> Mapping[PartyId, int] | None:
        """Return the members of every partner in a period; None if a place is missing."""
        if ref not in self._members:
            view = self._exam.view
            try:
                self._members[ref] = members_of(view, programme_id, ref)
            except FedcarbonError:
                self._members[ref] = None  # found with the seal of the epoch
        return self._members[ref]

    # --- at the end -------------------------------------------------------------------------

    def _release_job(self, ref: PeriodRef, start: Logged[ReleaseStart]) -> ReleaseJob | None:
        view, item = self._exam.view, start.statement
        contributions = [
            view.tables.contributions[ref][contributor.partner_id]
            for contributor in item.contributors
        ]
        release = view.tables.releases.get(ref)
        leaves = {start.index, *(logged.index for logged in contributions)}
        if release is not None and release.index not in self._usable:
            self._exam.checklist.leave_out(CheckId.STATISTICS)
            release = None
        if not leaves <= self._usable:
            if release is not None:
                self._exam.checklist.leave_out(CheckId.STATISTICS)
            return None
        return ReleaseJob(
            source=self._exam.source,
            parameters=view.parties.parameters,
            programme=view.parties.programme(item.programme_id),
            shell=self._shell(ref).statement,
            start=start,
            contributions=tuple(logged.statement.file_sha256.hex() for logged in contributions),
            release=release,
        )

    def _look_for_releases(self) -> None:
        """Say which starts have no table; whose time is over is a finding."""
        view, checklist = self._exam.view, self._exam.checklist
        for ref, start in view.tables.starts.items():
            if ref in view.tables.releases:
                continue
            over = view.times_over(start.index)
            text = f"its budget is spent in leaf {start.index}, and there is no table"
            if over is None or view.heads.clock_s <= over.median_s + RELEASE_GRACE_S:
                checklist.notes.append(f"{self._subject(ref)}: {text} yet")
                continue
            text += "; hub and trustees must release it, with the noise that is named there"
            checklist.find(
                CheckId.STATISTICS, "RELEASE_MISSING", self._subject(ref), text, start.index
            )

    def _say_what_was_spent(self) -> None:
        checklist, view = self._exam.checklist, self._exam.view
        if not view.tables.shells:
            checklist.not_present(CheckId.STATISTICS, NO_STATISTICS)
            return
        spent = [
            f"{item.spent_millionths:,} of {item.limit_millionths:,} millionths of rho in "
            f"{item.year} ({item.programme_id})"
            for item in budget_figures(view)
        ]
        text = f"budget spent: {', '.join(spent)}" if spent else "no budget was spent yet"
        checklist.remark(CheckId.STATISTICS, text)

    # --- both -------------------------------------------------------------------------------

    def _refer(
        self, logged: Logged[TableContribution] | Logged[ReleaseStart] | Logged[TableRelease]
    ) -> bool:
        """Note the files of a leaf, and tell whether all of them can be used."""
        files = named_files(logged.statement)
        good = [self._exam.refer(file.sha256, logged.index) for file in files]
        if all(good):
            self._usable.add(logged.index)
        return all(good)

    def _expect_blocks(
        self, ref: TableRef, bounds: Iterable[int], sha256: bytes, leaf: int
    ) -> None:
        exam = self._exam
        self._blocks.append(
            BlocksJob(
                source=exam.source,
                key=exam.view.parties.parameters.proof_key.warmed,
                ref=ref,
                bounds=tuple(bounds),
                name=sha256.hex(),
                leaf=leaf,
                randbelow=exam.randbelow,
            )
        )

    def _shell(self, ref: PeriodRef) -> Logged[TableShell]:
        return self._exam.view.tables.shells[ref.shell_leaf]

    def _subject(self, ref: PeriodRef) -> str:
        return f"period {ref.period} of table {self._shell(ref).statement.shell_id}"

    def _find(self, error: FedcarbonError, subject: str, leaf: int) -> None:
        self._exam.checklist.find_error(error, CheckId.STATISTICS, subject, leaf)
