"""V11 for statistics: every contribution within its members' bounds, all noise within its own.

A job judges one file: it has been judged by its hash, here are its shape and its range proofs. The
bounds are the record's, so a partner that counts somebody twice, or a trustee that adds too much,
another's noise, its inverse or that of another period, is named.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.source import RecordSource
from fedcarbon.disclosure.block_file import (
    TableEntry,
    TableRef,
    claims_of,
    entries_of,
)
from fedcarbon.errors import FedcarbonError
from fedcarbon.opening.table_refusals import ContributionFileDiffersError, NoiseDiffersError
from fedcarbon.proofs.commitments import ProofKey, RandomBelow
from fedcarbon.proofs.range_proof import RangePurpose
from fedcarbon.proofs.range_verifier import invalid_proofs
from fedcarbon.submission.block_proofs import BATCH_BLOCKS


@dataclass(frozen=True, slots=True, kw_only=True)
class BlocksJob:
    """One file of encrypted values to be judged."""

    source: RecordSource
    key: ProofKey
    ref: TableRef
    """Whose blocks they must be, of which shell and period."""
    bounds: tuple[int, ...] = field(repr=False)
    """The most that each value may be, by the record."""
    name: str
    leaf: int
    """What names the file: the contribution, or the start."""
    randbelow: RandomBelow
    """The auditor's own source of chance."""

    @property
    def subject(self) -> str:
        """What it is, for people."""
        what = "contribution" if self.ref.purpose is RangePurpose.TABLE else "noise"
        return f"the {what} of {self.ref.party_id} to period {self.ref.period}"


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBlocks:
    """What came of a file."""

    leaf: int
    """What names the file."""
    blocks: int
    """0 if it is no file of such blocks."""
    findings: tuple[Finding, ...]


def judge_blocks(job: BlocksJob) -> JudgedBlocks:
    """Verify every proof of a file whose bytes have the hash that its leaf names."""
    try:
        entries = read_blocks(job.source, job.key, job.name, len(job.bounds))
    except FedcarbonError as error:
        is_noise = job.ref.purpose is RangePurpose.NOISE
        found = Finding(
            check=CheckId.STATISTICS,
            code=(NoiseDiffersError if is_noise else ContributionFileDiffersError).code,
            subject=job.subject,
            text=f"{error}; the hub must not have admitted it",
            leaf=job.leaf,
        )
        return JudgedBlocks(leaf=job.leaf, blocks=0, findings=(found,))
    claims = claims_of(job.key, job.ref, entries, job.bounds)
    findings = tuple(
        Finding(
            check=CheckId.RANGE_PROOFS,
            code=error.code,
            subject=f"block {error.context.block} of {job.subject}",
            text=f"{error}; nothing must have been released with it",
            leaf=job.leaf,
        )
        for at in range(0, len(claims), BATCH_BLOCKS)
        for error in invalid_proofs(job.key, claims[at : at + BATCH_BLOCKS], job.randbelow)
    )
    return JudgedBlocks(leaf=job.leaf, blocks=len(entries), findings=findings)


def read_blocks(source: RecordSource, key: ProofKey, name: str, values: int) -> list[TableEntry]:
    """Return the blocks of a file of so many values.

    Raises:
        TableBlocksMalformedError: it is no such file.
    """
    return entries_of(key, source.file(name) or b"", values)
