"""V12: claims are those that were committed to, the beacon is over them, and the join is repeated.

Lists are read in jobs: one checks one range of a list, from which its root and bounds are judged,
one repeats the join of a whole epoch, over all programmes of the exclusivity domain, and compares
what it says of one programme's partners with the logged verdict files byte for byte. So it finds a
hub that judges the programmes of a domain apart.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from fedcarbon.audit.attribution import check_of
from fedcarbon.audit.commitment_files import CommitmentFiles
from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.joins import (
    Join,
    JoinJob,
    JudgedList,
    LoggedVerdicts,
    join_jobs,
    judge_tokens,
    verdict_findings,
)
from fedcarbon.audit.source import FileShortenedError, RecordSource, whole
from fedcarbon.canonical.slices import Slices
from fedcarbon.epoch.conflict_file import (
    conflicting_claims,
)
from fedcarbon.epoch.lifecycle import EpochStateError
from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconValue,
    ClaimCommitment,
    ClaimList,
    CommitClosed,
    VerdictList,
    evidence_leaves,
)
from fedcarbon.errors import FedcarbonError
from fedcarbon.identity import commitment_list
from fedcarbon.identity.claims import (
    FILE_MAGIC,
    RECORD_BYTES,
    MalformedClaimListError,
    claim_quota,
    rank_of,
    require_list,
)
from fedcarbon.identity.list_check import (
    CheckedPieces,
    CheckedRange,
    bounds_of_ranges,
    checked_range,
    judge_ranges,
    list_range,
    require_length,
)
from fedcarbon.ids import Claimant, EpochIndex, PartyId
from fedcarbon.opening.beacon_checks import check_beacon
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S


@dataclass(frozen=True, slots=True, kw_only=True)
class ListJob:
    """One revealed list to be checked."""

    source: RecordSource
    leaf: int
    partner_id: PartyId
    epoch: EpochIndex
    name: str
    commitments: str
    """Name of the commitment file."""
    count: int
    root: bytes
    best_rank: int
    quota: int

    def files(self) -> tuple[Slices, Slices]:
        """Return the token file and the commitment file."""
        tokens, pieces = self.source.slices(self.name), self.source.slices(self.commitments)
        return tokens or b"", pieces or b""


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeJob:
    """A range of a revealed list to be checked."""

    of: ListJob
    start: int
    stop: int
    pieces: CheckedPieces | None
    """What is left of its commitments, if they have been checked."""


def judge_range(job: RangeJob) -> CheckedRange | FileShortenedError:
    """Check a range of a list whose two files had it, or return why they do not any more."""
    tokens, pieces = job.of.files()
    length, is_known = job.stop - job.start, job.pieces is not None
    try:
        # What is known of commitments is of the bytes that were read then: only those count.
        part = list_range(tokens, b"" if is_known else pieces, job.start, job.stop)
        whole(part.tokens, length * RECORD_BYTES)
        whole(part.commitments, 0 if is_known else length * commitment_list.RECORD_BYTES)
    except FileShortenedError as error:
        return error
    return checked_range(part, job.pieces)


def _readable(found: Iterable[CheckedRange | FileShortenedError]) -> list[CheckedRange]:
    """Return what came of ranges, or raise why one of them could not be read."""
    ranges = []
    for of in found:
        if isinstance(of, FileShortenedError):
            raise of
        ranges.append(of)
    return ranges


def list_finding(job: ListJob, error: FedcarbonError) -> Finding:
    """Return what is wrong with a list."""
    return Finding(
        check=check_of(error, CheckId.CLAIMS),
        code=error.code,
        subject=f"the claims of {job.partner_id} in epoch {job.epoch}",
        text=(
            str(error)
            if isinstance(error, FileShortenedError)
            else f"{error}; the hub must not have taken it"
        ),
        leaf=job.leaf,
    )


class ClaimCheck:
    """Judges beacons, lists and verdicts."""

    def __init__(self, exam: Examination, files: CommitmentFiles) -> None:
        """Take the audit and its commitment files."""
        self._exam: Final = exam
        self._files: Final = files
        self._lists: Final[list[ListJob]] = []
        self._verdicts: Final[list[LoggedVerdicts]] = []
        self._good: Final[set[str]] = set()
        """Names of token files that are lists."""
        self._bad: Final[set[str]] = set()
        """Names of those that are not what was committed, or are not allowed."""
        self._judged: Final[dict[tuple[str, int], dict[EpochIndex, list[JudgedList]]]] = (
            defaultdict(dict)
        )
        """The lists that were judged, by exclusivity domain and token epoch, then by epoch."""
        self._noted: Final[set[bytes]] = set()
        """Conflict files that have been read."""

    def on_beacon(self, beacon: Logged[BeaconValue]) -> None:
        """Judge whether trustees could evaluate a beacon over the leaf that it names."""
        item, checklist = beacon.statement, self._exam.checklist
        check = CheckId.CLAIMS if item.label is BeaconLabel.TIE else CheckId.SAMPLES
        checklist.count(check)
        try:
            check_beacon(self._exam.view, item.label, item.leaf_index)
        except FedcarbonError as error:
            subject = f"the {item.label} beacon of epoch {item.epoch}"
            checklist.find_error(error, check, subject, beacon.index)

    def on_commitment(self, committed: Logged[ClaimCommitment]) -> None:
        """Judge the numbers of a commitment: nobody sees the list behind them yet."""
        exam, item = self._exam, committed.statement
        ref = EpochRef(item.programme_id, item.epoch)
        try:
            programme = exam.view.parties.programme(item.programme_id)
            plan = exam.view.epochs.plans[ref].statement
            own = exam.view.accounts.snapshot(plan).partners.get(item.partner_id)
        except (FedcarbonError, KeyError):
            exam.checklist.leave_out(CheckId.CLAIMS)  # found with the plan or the enrolments
            return
        accounts = 0 if own is None else own.accounts
        leaves = evidence_leaves(item.count, accounts, programme.epoch_days)
        if item.evidence_count != leaves:
            exam.checklist.find(
                CheckId.CLAIMS,
                "EVIDENCE_COUNT_DIFFERS",
                f"the commitment of {item.partner_id} in epoch {item.epoch}",
                f"it is to {item.evidence_count} leaves of evidence, a leaf per claim, account and "
                f"day makes {leaves}; the hub must not have taken it",
                committed.index,
            )

    def on_list(self, revealed: Logged[ClaimList]) -> None:
        """Take a revealed list: committed to before, closed, and under a witnessed head."""
        exam, item = self._exam, revealed.statement
        view, checklist = exam.view, exam.checklist
        ref = EpochRef(item.programme_id, item.epoch)
        claimant = Claimant(item.programme_id, item.partner_id)
        subject = f"the claims of {claimant} in epoch {item.epoch}"
        committed = view.epochs.commitments.get(ref, {}).get(item.partner_id)
        closing = self._closing_of(claimant, item.epoch)
        usable = exam.refer(item.file_sha256, revealed.index)
        usable = exam.refer(item.commitments_sha256, revealed.index) and usable
        if committed is None or closing is None or committed.statement.count != item.count:
            checklist.find(
                CheckId.CLAIMS,
                "LIST_WITHOUT_LOGGED_ROOT",
                subject,
                "a list is taken only if the closing leaf holds its root and count",
                revealed.index,
            )
            return
        if any(other in view.epochs.verdicts for other in view.epochs.round_of(ref)):
            checklist.find(
                CheckId.CLAIMS,
                EpochStateError.code,
                subject,
                "it was revealed when claims of the domain had been judged without it",
                revealed.index,
            )
        if not view.heads.is_witnessed(closing.index):
            checklist.find(
                CheckId.WITNESSES,
                "NOT_WITNESSED",
                subject,
                f"it was revealed before a quorum had signed a head over leaf {closing.index}",
                revealed.index,
            )
        if not usable:
            checklist.leave_out(CheckId.CLAIMS)
            return
        try:
            programme = view.parties.programme(item.programme_id)
            plan = view.epochs.plans[ref].statement
            own = view.accounts.snapshot(plan).partners.get(item.partner_id)
        except (FedcarbonError, KeyError):
            checklist.leave_out(CheckId.CLAIMS)  # found with the plan or the enrolments
            return
        admission = view.parties.admissions[item.partner_id]
        self._lists.append(
            ListJob(
                source=exam.source,
                leaf=revealed.index,
                partner_id=item.partner_id,
                epoch=item.epoch,
                name=item.file_sha256.hex(),
                commitments=item.commitments_sha256.hex(),
                count=committed.statement.count,
                root=committed.statement.list_root,
                best_rank=rank_of(admission.best_tier, short=False),
                quota=claim_quota(
                    admission.claim_slots_per_account_day,
                    0 if own is None else own.accounts,
                    programme.epoch_days,
                ),
            )
        )

    def _closing_of(self, claimant: Claimant, epoch: EpochIndex) -> Logged[CommitClosed] | None:
        """Return the closing leaf of an epoch that lists a claimant."""
        for logged in self._exam.view.epochs.closings.values():
            listed = {line.claimant for line in logged.statement.lists}
            if logged.statement.epoch == epoch and claimant in listed:
                return logged
        return None

    def on_verdicts(self, verdicts: Logged[VerdictList]) -> None:
        """Take the verdicts of an epoch: over its beacon, for everyone who revealed."""
        exam, item = self._exam, verdicts.statement
        ref = EpochRef(item.programme_id, item.epoch)
        lists = exam.view.epochs.lists.get(ref, {})
        beacon = self._beacon_of(ref, item)
        partners = [verdict.partner_id for verdict in item.verdicts]
        if beacon is None or partners != sorted(lists):
            exam.checklist.find(
                CheckId.CLAIMS,
                "VERDICTS_INCOMPLETE",
                f"the verdicts of epoch {item.epoch}",
                f"they are for {partners} over leaf {item.beacon_leaf}; they must be for "
                f"{sorted(lists)}, over the tie beacon of the epoch's closing leaf",
                verdicts.index,
            )
            return
        self._require_time_to_reveal(ref, verdicts)
        of_round = exam.view.epochs.lists_of_round(ref)
        files = [logged.statement.file_sha256 for logged in of_round.values()]
        named = [item.conflicts_sha256]
        for verdict in item.verdicts:
            named += [verdict.file_sha256, verdict.positions_sha256]
        usable = [exam.refer(sha256, verdicts.index) for sha256 in named]
        programme = exam.view.parties.programme(item.programme_id)
        judged = self._judged[programme.exclusivity_domain, programme.token_epoch]
        earlier = [found for epoch, of in judged.items() if epoch != item.epoch for found in of]
        judged_now = tuple(
            JudgedList(item.epoch, claimant, logged.statement.file_sha256.hex())
            for claimant, logged in sorted(of_round.items())
        )
        if all(usable) and all(exam.refer(sha256, verdicts.index) for sha256 in files):
            self._verdicts.append(
                LoggedVerdicts(
                    leaf=verdicts.index,
                    ref=ref,
                    join=Join(lists=judged_now, earlier=tuple(earlier), beacon=beacon.output),
                    verdicts=item.verdicts,
                    repeated_tokens=item.repeated_tokens,
                    conflicts_sha256=item.conflicts_sha256,
                )
            )
        else:
            exam.checklist.leave_out(CheckId.CLAIMS)
        self._note_conflicts(item)
        judged[item.epoch] = list(judged_now)

    def _note_conflicts(self, item: VerdictList) -> None:
        """Name the claims whose evidence an auditor opens besides the sample, always.

        The join lets both stand: a receipt, or a meter's month, that is claimed in two epochs is
        credited twice until somebody has looked.
        """
        if item.conflicts_sha256 in self._noted:
            return  # every programme of the domain names the same file
        self._noted.add(item.conflicts_sha256)
        data = self._exam.source.file(item.conflicts_sha256.hex())
        try:
            claims = conflicting_claims(data or b"")
        except FedcarbonError:
            return  # found with the join
        for token, same in itertools.groupby(claims, key=lambda claim: claim.token):
            named = ", ".join(
                f"claim {claim.position} of {claim.claimant} in epoch {claim.epoch}"
                for claim in same
            )
            self._exam.checklist.notes.append(
                f"token {token.hex()} was claimed in two epochs: open the evidence of {named}"
            )

    def finish(self) -> None:
        """Read the lists."""
        exam, checklist = self._exam, self._exam.checklist
        self._judge_lists()
        joins: dict[Join, list[JoinJob]] = {}
        for logged in self._verdicts:
            join = logged.join
            names = {listed.name for listed in (*join.lists, *join.earlier)}
            if not self._bad.isdisjoint(names):
                checklist.leave_out(CheckId.CLAIMS)
                continue
            with self._joining(logged):
                if join not in joins and all(map(self._is_list, names)):
                    joins[join] = list(join_jobs(exam.source, join))
            if join in joins:
                checklist.count(CheckId.CLAIMS)
            else:
                checklist.leave_out(CheckId.CLAIMS)  # which list is missing or none is found
        jobs = itertools.chain.from_iterable(joins.values())
        done = exam.mapped(CheckId.CLAIMS, "joining claims", judge_tokens, jobs)
        judged = {join: list(itertools.islice(done, len(own))) for join, own in joins.items()}
        for logged in self._verdicts:
            if logged.join in judged:
                with self._joining(logged):
                    checklist.extend(verdict_findings(exam.source, logged, judged[logged.join]))

    @contextmanager
    def _joining(self, logged: LoggedVerdicts) -> Iterator[None]:
        """Have what is wrong with lists that were found good before said of their verdicts."""
        checklist = self._exam.checklist
        try:
            with checklist.timed(CheckId.CLAIMS):
                yield
        except FedcarbonError as error:
            subject = f"the verdicts of epoch {logged.ref.epoch}"
            checklist.find_error(error, CheckId.CLAIMS, subject, logged.leaf)

    def _judge_lists(self) -> None:
        """Judge every list range by range."""
        exam, checklist = self._exam, self._exam.checklist
        ranges: dict[ListJob, list[RangeJob]] = {}
        for job in self._lists:
            checklist.count(CheckId.CLAIMS)
            try:
                with checklist.timed(CheckId.CLAIMS):
                    require_length(*job.files(), job.count)
            except FedcarbonError as error:
                checklist.extend([list_finding(job, error)])
                self._bad.add(job.name)
            else:
                ranges[job] = self._ranges(job)
        jobs = itertools.chain.from_iterable(ranges.values())
        done = exam.mapped(CheckId.CLAIMS, "claim lists", judge_range, jobs)
        for job, own in ranges.items():
            found = list(itertools.islice(done, len(own)))
            try:
                with checklist.timed(CheckId.CLAIMS):
                    judge_ranges(
                        _readable(found),
                        count=job.count,
                        root=job.root,
                        best_rank=job.best_rank,
                        quota=job.quota,
                    )
            except FedcarbonError as error:
                checklist.extend([list_finding(job, error)])
                self._bad.add(job.name)
            else:
                self._good.add(job.name)

    def _is_list(self, name: str) -> bool:
        """Tell whether a file that is joined is a list, although it was not judged as one."""
        if name not in self._good:
            source, head = self._exam.source, len(FILE_MAGIC)
            file, records = source.slices(name), source.slices(name, skip=head)
            if file is None or records is None or file[:head] != FILE_MAGIC:
                return False  # what kept it from being judged is found
            try:
                require_list(records)
            except MalformedClaimListError:
                return False
            self._good.add(name)
        return True

    def _ranges(self, job: ListJob) -> list[RangeJob]:
        known = self._files.checked(job.commitments, job.count)
        return [
            RangeJob(
                of=job, start=start, stop=stop, pieces=None if known is None else known[number]
            )
            for number, (start, stop) in enumerate(bounds_of_ranges(job.count))
        ]

    def _beacon_of(self, ref: EpochRef, item: VerdictList) -> BeaconValue | None:
        try:
            beacon = self._exam.view.epochs.tie_beacon(ref)
        except FedcarbonError:
            return None
        found = beacon is not None and beacon.index == item.beacon_leaf
        return beacon.statement if beacon is not None and found else None

    def _require_time_to_reveal(self, ref: EpochRef, verdicts: Logged[VerdictList]) -> None:
        """Find an epoch that was judged while a partner could still reveal its list."""
        view = self._exam.view
        silent = {
            Claimant(other.programme_id, partner_id)
            for other in view.epochs.round_of(ref)
            for partner_id in view.epochs.commitments.get(other, {})
        }.difference(view.epochs.lists_of_round(ref))
        plan, times = view.epochs.plans.get(ref), view.times_over(verdicts.index)
        if not silent or plan is None or times is None:
            return
        until_s = plan.statement.reveal_until_s
        if times.median_s + TIME_TOLERANCE_S < until_s:
            self._exam.checklist.find(
                CheckId.CLAIMS,
                "JUDGED_TOO_EARLY",
                f"the verdicts of epoch {ref.epoch}",
                f"{', '.join(map(str, sorted(silent)))} may reveal until {until_s}, it was judged "
                f"at {times.median_s}",
                verdicts.index,
            )
