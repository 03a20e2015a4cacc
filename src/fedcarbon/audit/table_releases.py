"""Released tables made again: contributions times noise, shares, sums, and the table byte for byte.

A job judges one start with its release. What was opened is multiplied here from the files that the
record names, every trustee's shares are verified against it, and the table is made anew from what
t of them open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from fedcarbon.audit.attribution import check_of
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.source import RecordSource
from fedcarbon.audit.table_blocks import read_blocks
from fedcarbon.canonical import statement as statements
from fedcarbon.disclosure.block_file import noised_sha256, product_of, vector_of
from fedcarbon.disclosure.shell import TableShell
from fedcarbon.disclosure.statements import (
    ReleaseShareFile,
    ReleaseStart,
    TableRelease,
    TableShares,
)
from fedcarbon.disclosure.table import TableDiffersError, noisy_vector, released_table
from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.table_checks import release_share_context
from fedcarbon.opening.table_refusals import NoisedDiffersError
from fedcarbon.paillier.cipher import ciphertext_from_bytes
from fedcarbon.paillier.combine import ShareBatch, TooFewSharesError, combine, verify_shares
from fedcarbon.paillier.share_proof import ShareProof
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.registry.programme import Programme


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseJob:
    """One start to be judged, and its release."""

    source: RecordSource
    parameters: ParameterSet
    programme: Programme
    shell: TableShell
    start: Logged[ReleaseStart]
    contributions: tuple[str, ...]
    """Names of the files of its contributors."""
    release: Logged[TableRelease] | None
    """None if there is none yet, or one of its files cannot be used."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedRelease:
    """What came of a start."""

    proofs: int
    """Share proofs that were verified."""
    is_table_judged: bool
    findings: tuple[Finding, ...]


def judge_release(job: ReleaseJob) -> JudgedRelease:
    """Judge what a start opens, and the release that answers it."""
    return _ReleaseJudge(job).judged()


class _ReleaseJudge:
    """Works through one start and keeps what it finds."""

    def __init__(self, job: ReleaseJob) -> None:
        self._job: Final = job
        self._key: Final = job.parameters.threshold_key
        self._findings: Final[list[Finding]] = []

    def judged(self) -> JudgedRelease:
        job, start = self._job, self._job.start
        proofs, is_table_judged = 0, False
        try:
            ciphertexts = self._product()
        except FedcarbonError as error:
            self._find(error, CheckId.STATISTICS, start.index)
        else:
            if noised_sha256(ciphertexts) != start.statement.noised_sha256:
                text = "it opens something else than its contributions times its noise"
                self._find(NoisedDiffersError(text), CheckId.STATISTICS, start.index)
            if job.release is not None:
                good = self._proved(job.release, ciphertexts)
                proofs = len(job.release.statement.shares)
                is_table_judged = self._compare(job.release, good, len(ciphertexts))
        return JudgedRelease(
            proofs=proofs, is_table_judged=is_table_judged, findings=tuple(self._findings)
        )

    def _product(self) -> tuple[bytes, ...]:
        job = self._job
        noise = [part.file_sha256.hex() for part in job.start.statement.noise]
        files = [
            read_blocks(job.source, job.parameters.proof_key, name, job.shell.values)
            for name in (*job.contributions, *noise)
        ]
        return product_of(self._key.public_key, files)

    def _proved(
        self, release: Logged[TableRelease], ciphertexts: Sequence[bytes]
    ) -> dict[int, tuple[int, ...]]:
        """Return trustee index to shares, of those whose proof holds."""
        opened = [ciphertext_from_bytes(self._key.public_key, data) for data in ciphertexts]
        context = release_share_context(self._job.start.leaf, ciphertexts)
        good: dict[int, tuple[int, ...]] = {}
        for named in release.statement.shares:
            subject = f"the share file of {named.trustee_id} named by leaf {release.index}"
            try:
                batch = self._batch(named)
                verify_shares(
                    self._key,
                    opened,
                    batch,
                    parameter_id=self._job.parameters.parameter_id,
                    context=context,
                )
            except FedcarbonError as error:
                self._find(error, CheckId.SHARES, release.index, subject)
            else:
                good[batch.trustee] = batch.shares
        return good

    def _batch(self, named: TableShares) -> ShareBatch:
        """Return a trustee's shares from its file, not verified.

        Raises:
            FedcarbonError: it is no such file, or another trustee's, or of another start.
        """
        job, public_key = self._job, self._key.public_key
        data = job.source.file(named.file_sha256.hex()) or b""
        file = statements.decode(ReleaseShareFile, data)
        expected = (job.parameters.parameter_id, named.trustee_id, job.start.index)
        if (file.parameter_id, file.trustee_id, file.start_leaf) != expected:
            raise MalformedError("it is another trustee's, or of another start")
        if {len(share) for share in file.shares} != {public_key.ciphertext_bytes}:
            raise MalformedError(f"a share has {public_key.ciphertext_bytes} bytes")
        return ShareBatch(
            trustee=job.parameters.trustee_index(named.trustee_id),
            shares=tuple(int.from_bytes(share, "big") for share in file.shares),
            proof=ShareProof.from_bytes(self._key, file.proof),
        )

    def _compare(
        self, release: Logged[TableRelease], good: Mapping[int, tuple[int, ...]], blocks: int
    ) -> bool:
        """Make the table from shares that hold and compare; tell whether that could be done."""
        job = self._job
        try:
            if len(good) < job.parameters.threshold:
                raise TooFewSharesError(
                    f"{len(good)} trustees gave good shares, {job.parameters.threshold} are needed"
                )
            plaintexts = [
                combine(self._key, {index: shares[at] for index, shares in good.items()})
                for at in range(blocks)
            ]
        except FedcarbonError as error:
            self._find(error, CheckId.SHARES, release.index)
            return False
        start = job.start.statement
        try:
            digits = vector_of(job.parameters.layout, plaintexts, job.shell.values)
            noisy = noisy_vector(job.shell, start, digits)
            table = released_table(start.shell_leaf, job.shell, job.programme, start, noisy)
            if job.source.file(release.statement.table_sha256.hex()) != statements.encode(table):
                raise TableDiffersError("the shares open another table than the one released")
        except FedcarbonError as error:
            self._find(error, CheckId.STATISTICS, release.index)
        return True

    def _find(self, error: FedcarbonError, default: CheckId, leaf: int, subject: str = "") -> None:
        start = self._job.start.statement
        self._findings.append(
            Finding(
                check=check_of(error, default),
                code=error.code,
                subject=subject or f"period {start.period} of table {self._job.shell.shell_id}",
                text=f"{error}; the table must not be used",
                leaf=leaf,
            )
        )
