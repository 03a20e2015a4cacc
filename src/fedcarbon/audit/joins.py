"""V12, the join: an epoch's claims are judged again, and every verdict file is compared.

A job judges one range of tokens in all lists of the exclusivity domain, so that every process has
work and none holds a list. What the ranges say together must be the logged files, byte for byte; a
join that several programmes of a domain rest on is repeated once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.source import FileShortenedError, RecordSource, whole
from fedcarbon.canonical.slices import Slices
from fedcarbon.epoch import lost_positions, verdict_file
from fedcarbon.epoch.conflict_file import ConflictingClaim, conflict_file_bytes
from fedcarbon.epoch.statements import PartnerVerdict
from fedcarbon.identity import claims
from fedcarbon.identity.claim_ranges import position_of, ranges_of, records_of
from fedcarbon.identity.tokens import CLAIM_TOKEN_BYTES, ClaimToken
from fedcarbon.identity.verdicts import contests, lost_claims, repeated_tokens
from fedcarbon.ids import Claimant, EpochIndex
from fedcarbon.opening.epochs import EpochRef

RANGE_CLAIMS: Final = 1 << 16
"""Claims of a job: megabytes, and a tenth of a second."""
LIST_CLAIMS: Final = 1 << 10
"""So many of each list at least, lest thousands of earlier lists be cut to crumbs."""


class JudgedList(NamedTuple):
    """A list of an epoch that was judged."""

    epoch: EpochIndex
    claimant: Claimant
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """The lists that were judged together, all of which are lists."""

    lists: tuple[JudgedList, ...]
    """One per claimant in all programmes of the domain, sorted."""
    earlier: tuple[JudgedList, ...]
    """Lists of epochs that were judged before, with which no token should be shared."""
    beacon: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedVerdicts:
    """What the record says of a join, for the partners of one programme."""

    leaf: int
    ref: EpochRef
    join: Join
    verdicts: tuple[PartnerVerdict, ...]
    repeated_tokens: int
    conflicts_sha256: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinJob:
    """A range of tokens to be judged."""

    source: RecordSource
    join: Join
    parts: tuple[range, ...]
    """Positions in every list, then in every earlier one."""


class JoinedRange(NamedTuple):
    """What came of a range of tokens."""

    tokens: tuple[bytes, ...]
    """Per claimant those that it lost, as verdict files have them."""
    positions: tuple[bytes, ...]
    """The same, as position files have them."""
    repeated: tuple[tuple[ClaimToken, tuple[int, ...]], ...]
    """Tokens that were judged before, and the numbers of the lists that have them."""


def join_jobs(source: RecordSource, join: Join) -> Iterator[JoinJob]:
    """Yield the ranges of a join, ascending by their tokens."""
    records = _records(source, join)
    for parts in ranges_of(records, max(RANGE_CLAIMS, LIST_CLAIMS * len(records))):
        if any(parts[: len(join.lists)]):
            yield JoinJob(source=source, join=join, parts=tuple(parts))


def judge_tokens(job: JoinJob) -> JoinedRange | FileShortenedError:
    """Judge a range of tokens again, or return why there is no such range any more."""
    own = len(job.join.lists)
    try:
        records = [
            whole(records_of(records, part), len(part) * claims.RECORD_BYTES)
            for records, part in zip(_records(job.source, job.join), job.parts, strict=True)
        ]
    except FileShortenedError as error:
        return error
    claimants = [listed.claimant for listed in job.join.lists]
    starts = [part.start for part in job.parts[:own]]
    lost = lost_claims(contests(records[:own], claimants, job.join.beacon), starts)
    repeated = repeated_tokens(records[:own], records[own:])
    return JoinedRange(
        tokens=tuple(b"".join(of.tokens) for of in lost),
        positions=tuple(lost_positions.position_bytes(of.positions) for of in lost),
        repeated=tuple((token, tuple(numbers)) for token, numbers in repeated),
    )


def verdict_findings(
    source: RecordSource,
    logged: LoggedVerdicts,
    judged: Sequence[JoinedRange | FileShortenedError],
) -> list[Finding]:
    """Compare what is logged with what came of the ranges of the join.

    Raises:
        FileShortenedError: one of them could not be read any more.
    """

    def found(code: str, subject: str, text: str) -> Finding:
        return Finding(
            check=CheckId.CLAIMS, code=code, subject=subject, text=text, leaf=logged.leaf
        )

    findings = []
    ranges = []
    for of in judged:
        if isinstance(of, FileShortenedError):
            raise of
        ranges.append(of)
    lost = _lost(logged.join, ranges)
    for verdict in logged.verdicts:
        claimant = Claimant(logged.ref.programme_id, verdict.partner_id)
        expected = lost.get(claimant, _lost_by(()))
        if (verdict.lost, verdict.file_sha256, verdict.positions_sha256) != expected:
            findings.append(
                found(
                    "VERDICTS_DIFFER",
                    f"the verdicts of {claimant} in epoch {logged.ref.epoch}",
                    f"{verdict.lost} claims are logged as lost; all lists of the domain and the "
                    f"beacon give {expected.claims}, or others",
                )
            )
    conflicts = _conflicts(source, logged, ranges)
    repeated = len({claim.token for claim in conflicts})
    data = conflict_file_bytes(conflicts)
    expected_conflicts = (repeated, hashlib.sha256(data).digest())
    if (logged.repeated_tokens, logged.conflicts_sha256) != expected_conflicts:
        findings.append(
            found(
                "REPEATED_TOKENS_DIFFER",
                f"epoch {logged.ref.epoch}",
                f"{logged.repeated_tokens} tokens are logged as judged before, {repeated} are, or "
                "the conflict file lists other claims of them",
            )
        )
    return findings


class _Lost(NamedTuple):
    """What a verdict must say of a claimant."""

    claims: int
    tokens_sha256: bytes
    positions_sha256: bytes


def _lost(join: Join, ranges: Sequence[JoinedRange]) -> Mapping[Claimant, _Lost]:
    return {
        listed.claimant: _lost_by([(of.tokens[number], of.positions[number]) for of in ranges])
        for number, listed in enumerate(join.lists)
    }


def _lost_by(parts: Sequence[tuple[bytes, bytes]]) -> _Lost:
    """Return what a verdict must say of a claimant that lost these tokens and positions."""
    tokens = hashlib.sha256(verdict_file.FILE_MAGIC)
    positions = hashlib.sha256(lost_positions.FILE_MAGIC)
    for of_tokens, of_positions in parts:
        tokens.update(of_tokens)
        positions.update(of_positions)
    size = sum(len(of_tokens) for of_tokens, _ in parts)
    return _Lost(size // CLAIM_TOKEN_BYTES, tokens.digest(), positions.digest())


def _conflicts(
    source: RecordSource, logged: LoggedVerdicts, ranges: Sequence[JoinedRange]
) -> list[ConflictingClaim]:
    """Return every claim, in this epoch and in the first, of the tokens that were judged before."""
    own, join = len(logged.join.lists), logged.join
    judged, records = [*join.lists, *join.earlier], _records(source, join)
    found = []
    for of in ranges:
        for token, numbers in of.repeated:
            first = min(judged[number].epoch for number in numbers if number >= own)
            for number in numbers:
                position = position_of(records[number], token)
                if judged[number].epoch in (first, logged.ref.epoch) and position is not None:
                    epoch, claimant, _ = judged[number]
                    found.append(ConflictingClaim(token, epoch, claimant, position))
    return found


def _records(source: RecordSource, join: Join) -> list[Slices]:
    """Return the records of all lists, of which as much is read as is asked for.

    All were there before: without one of them every verdict is another.
    """
    records = []
    for listed in (*join.lists, *join.earlier):
        file = source.slices(listed.name, skip=len(claims.FILE_MAGIC))
        if file is None:
            raise FileShortenedError(f"file {listed.name} was there, and cannot be read any more")
        records.append(file)
    return records
