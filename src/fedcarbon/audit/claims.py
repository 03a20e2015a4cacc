"""V12: claims are those that were committed to, the beacon is over them, and the join is repeated.

Lists are read in jobs: one checks one list against its root and bounds, one repeats the join of a
whole epoch, over all programmes of the exclusivity domain, and compares what it says of one
programme's partners with the logged verdict files byte for byte. So it finds a hub that judges the
programmes of a domain apart.
"""

from __future__ import annotations

import hashlib
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from fedcarbon.audit.attribution import check_of
from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.source import RecordSource
from fedcarbon.canonical.slices import Slices
from fedcarbon.epoch import lost_positions, verdict_file
from fedcarbon.epoch.conflict_file import (
    ConflictingClaim,
    conflict_file_bytes,
    conflicting_claims,
)
from fedcarbon.epoch.lifecycle import EpochStateError
from fedcarbon.epoch.statements import (
    BeaconLabel,
    BeaconValue,
    ClaimCommitment,
    ClaimList,
    CommitClosed,
    PartnerVerdict,
    VerdictList,
    evidence_leaves,
)
from fedcarbon.errors import FedcarbonError
from fedcarbon.identity.claim_ranges import position_of, ranges_of, records_of
from fedcarbon.identity.claims import (
    FILE_MAGIC,
    MalformedClaimListError,
    claim_quota,
    rank_of,
    require_list,
)
from fedcarbon.identity.list_check import check_list
from fedcarbon.identity.tokens import ClaimToken
from fedcarbon.identity.verdicts import contests, repeated_tokens
from fedcarbon.ids import Claimant, EpochIndex, PartyId
from fedcarbon.opening.beacon_checks import check_beacon
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S

RANGE_CLAIMS: Final = 1 << 17
"""Claims that are joined at once: some megabytes."""
LIST_CLAIMS: Final = 1 << 10
"""So many of each list at least, lest thousands of earlier lists be cut to crumbs."""


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


class JudgedList(NamedTuple):
    """A list of an epoch that was judged."""

    epoch: EpochIndex
    claimant: Claimant
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinJob:
    """One epoch's join to be repeated, for the verdicts of one programme."""

    source: RecordSource
    leaf: int
    ref: EpochRef
    lists: Mapping[Claimant, str]
    """Claimant to the name of its list, in all programmes of the domain."""
    earlier: tuple[JudgedList, ...]
    """Lists of epochs that were judged before, with which no token should be shared."""
    beacon: bytes
    verdicts: tuple[PartnerVerdict, ...]
    repeated_tokens: int
    conflicts_sha256: bytes


def judge_list(job: ListJob) -> Finding | None:
    """Check a list against what was committed and what its partner may claim."""
    try:
        check_list(
            job.source.slices(job.name) or b"",
            job.source.slices(job.commitments) or b"",
            count=job.count,
            root=job.root,
            best_rank=job.best_rank,
            quota=job.quota,
        )
    except FedcarbonError as error:
        return Finding(
            check=check_of(error, CheckId.CLAIMS),
            code=error.code,
            subject=f"the claims of {job.partner_id} in epoch {job.epoch}",
            text=f"{error}; the hub must not have taken it",
            leaf=job.leaf,
        )
    return None


def repeat_join(job: JoinJob) -> list[Finding] | None:
    """Judge an epoch again and compare every verdict file; None if a list is missing or none."""

    def found(code: str, subject: str, text: str) -> Finding:
        return Finding(check=CheckId.CLAIMS, code=code, subject=subject, text=text, leaf=job.leaf)

    try:
        joined = _Joined(job)
    except FedcarbonError:
        return None  # found with the list itself
    findings = []
    for verdict in job.verdicts:
        claimant = Claimant(job.ref.programme_id, verdict.partner_id)
        expected = joined.losses.get(claimant) or _Losses()
        if (verdict.lost, verdict.file_sha256, verdict.positions_sha256) != (
            expected.count,
            expected.tokens.digest(),
            expected.positions.digest(),
        ):
            findings.append(
                found(
                    "VERDICTS_DIFFER",
                    f"the verdicts of {claimant} in epoch {job.ref.epoch}",
                    f"{verdict.lost} claims are logged as lost; all lists of the domain and the "
                    f"beacon give {expected.count}, or others",
                )
            )
    repeated = len({claim.token for claim in joined.conflicts})
    data = conflict_file_bytes(joined.conflicts)
    if (job.repeated_tokens, job.conflicts_sha256) != (repeated, hashlib.sha256(data).digest()):
        findings.append(
            found(
                "REPEATED_TOKENS_DIFFER",
                f"epoch {job.ref.epoch}",
                f"{job.repeated_tokens} tokens are logged as judged before, {repeated} are, or the "
                "conflict file lists other claims of them",
            )
        )
    return findings


class _Losses:
    """What a claimant lost: how many claims, and the hashes of the two files about them."""

    __slots__ = ("count", "positions", "tokens")

    def __init__(self) -> None:
        self.count = 0
        self.tokens: Final = hashlib.sha256(verdict_file.FILE_MAGIC)
        self.positions: Final = hashlib.sha256(lost_positions.FILE_MAGIC)

    def add(self, token: ClaimToken, position: int) -> None:
        """Add the next claim, ascending."""
        self.count += 1
        self.tokens.update(token)
        self.positions.update(position.to_bytes(lost_positions.POSITION_BYTES, "big"))


class _Joined:
    """The join of an epoch: lists are read range by range of their tokens, and not kept."""

    def __init__(self, job: JoinJob) -> None:
        """Join the lists of a job.

        Raises:
            MalformedClaimListError: one of them is none.
        """
        self._beacon: Final = job.beacon
        self._epoch: Final = job.ref.epoch
        own = [JudgedList(job.ref.epoch, *named) for named in sorted(job.lists.items())]
        self._lists: Final = [*own, *job.earlier]
        self._own: Final = len(own)
        self.losses: Final = {item.claimant: _Losses() for item in own}
        self.conflicts: Final[list[ConflictingClaim]] = []
        """Every claim, in this epoch and in the first, of the tokens that were judged before."""
        everything = [_records(job.source, item.name) for item in self._lists]
        for parts in ranges_of(everything, max(RANGE_CLAIMS, LIST_CLAIMS * len(everything))):
            if any(parts[: self._own]):
                self._add(
                    [records_of(*pair) for pair in zip(everything, parts, strict=True)], parts
                )

    def _add(self, records: Sequence[bytes], parts: Sequence[range]) -> None:
        """Judge a range of tokens: the records of every list in it, and their positions."""
        own = list(self.losses)
        for contest in contests(records[: self._own], own, self._beacon):
            for bid in contest.bids:
                if bid is not contest.winner:
                    position = parts[bid.claimant].start + bid.position
                    self.losses[own[bid.claimant]].add(contest.token, position)
        for token, numbers in repeated_tokens(records[: self._own], records[self._own :]):
            first = min(self._lists[number].epoch for number in numbers if number >= self._own)
            for number in numbers:
                epoch, claimant, _ = self._lists[number]
                at = position_of(records[number], token)
                if epoch in (first, self._epoch) and at is not None:
                    position = parts[number].start + at
                    self.conflicts.append(ConflictingClaim(token, epoch, claimant, position))


def _records(source: RecordSource, name: str) -> Slices:
    """Return the records of a list.

    Raises:
        MalformedClaimListError: it is none.
    """
    file = source.slices(name)
    records = source.slices(name, skip=len(FILE_MAGIC))
    if file is None or records is None or file[: len(FILE_MAGIC)] != FILE_MAGIC:
        raise MalformedClaimListError("a claim list must begin with its magic line")
    require_list(records)
    return records


class ClaimCheck:
    """Judges beacons, lists and verdicts."""

    def __init__(self, exam: Examination) -> None:
        """Take the audit."""
        self._exam: Final = exam
        self._lists: Final[list[ListJob]] = []
        self._joins: Final[list[JoinJob]] = []
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
        names = {name: logged.statement.file_sha256.hex() for name, logged in of_round.items()}
        if all(usable) and all(exam.refer(sha256, verdicts.index) for sha256 in files):
            self._joins.append(
                JoinJob(
                    source=exam.source,
                    leaf=verdicts.index,
                    ref=ref,
                    lists=names,
                    earlier=tuple(earlier),
                    beacon=beacon.output,
                    verdicts=item.verdicts,
                    repeated_tokens=item.repeated_tokens,
                    conflicts_sha256=item.conflicts_sha256,
                )
            )
        else:
            exam.checklist.leave_out(CheckId.CLAIMS)
        self._note_conflicts(item)
        judged[item.epoch] = [JudgedList(item.epoch, *found) for found in names.items()]

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
        bad = set()
        for job, found in zip(
            self._lists,
            exam.mapped(CheckId.CLAIMS, "claim lists", judge_list, self._lists),
            strict=True,
        ):
            checklist.count(CheckId.CLAIMS)
            if found is not None:
                checklist.extend([found])
                bad.add(job.name)
        joins = [
            job
            for job in self._joins
            if not bad & {*job.lists.values(), *(earlier.name for earlier in job.earlier)}
        ]
        checklist.leave_out(CheckId.CLAIMS, len(self._joins) - len(joins))
        for findings in exam.mapped(CheckId.CLAIMS, "joining claims", repeat_join, joins):
            if findings is None:
                checklist.leave_out(CheckId.CLAIMS)
                continue
            checklist.count(CheckId.CLAIMS)
            checklist.extend(findings)

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
