"""V17 and V18: masks are committed to and proved, shares are proved, the sum is recombined.

What is opened is computed here from the recomputed product and the shown masks, and every share
proof is verified against it. A batch of openings has one share file per trustee; a job judges one
batch from start to end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from fedcarbon.audit.attribution import check_of
from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.products import ProductCheck
from fedcarbon.audit.range_checks import mask_findings
from fedcarbon.audit.source import RecordSource
from fedcarbon.canonical import statement as statements
from fedcarbon.errors import FedcarbonError, MalformedError
from fedcarbon.ids import PartyId
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.mask_sets import (
    MaskCopiedError,
    MaskCountError,
    MaskHashDiffersError,
    masked_ciphertext,
)
from fedcarbon.opening.masks import read_opened
from fedcarbon.opening.share_file import ShareFile
from fedcarbon.opening.statements import OpeningStart, mask_hash, share_context
from fedcarbon.opening.statements import ShareBatch as LoggedBatch
from fedcarbon.paillier.cipher import ciphertext_from_bytes, ciphertext_to_bytes
from fedcarbon.paillier.combine import ShareBatch, combine, verify_shares
from fedcarbon.paillier.share_proof import ShareProof
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.proofs.commitments import RandomBelow
from fedcarbon.units import MicrogramsCO2e


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedStart:
    """What the record says came out of a start."""

    result_leaf: int
    caps_so_far: Mapping[int, MicrogramsCO2e] | None
    """Per target slot; None if they cannot be computed."""
    values: Mapping[int, MicrogramsCO2e]
    """Slot to logged sum."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchStart:
    """One start of a batch."""

    index: int
    leaf: bytes
    start: OpeningStart
    product: bytes
    """Recomputed."""
    opened: OpenedStart | None
    """None if no result was logged for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareJob:
    """One batch to be judged."""

    source: RecordSource
    parameters: ParameterSet
    leaf: int
    """The first result that names the batch."""
    files: Mapping[PartyId, str]
    """Trustee to the name of its share file."""
    starts: tuple[BatchStart, ...]
    """In the order of the share files."""
    randbelow: RandomBelow
    """The auditor's own source of chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedBatch:
    """What came of a batch."""

    proofs: int
    masks: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Batch:
    leaf: int
    files: tuple[LoggedBatch, ...]


class ShareCheck:
    """Judges batches of shares, at the end of the record."""

    def __init__(self, exam: Examination, products: ProductCheck) -> None:
        """Take the audit and the recomputed products."""
        self._exam: Final = exam
        self._products: Final = products
        self._batches: Final[dict[tuple[LoggedBatch, ...], int]] = {}
        self._opened: Final[dict[int, tuple[tuple[LoggedBatch, ...], OpenedStart]]] = {}

    def expect(
        self, start_leaf: int, opened: OpenedStart, files: tuple[LoggedBatch, ...], *, usable: bool
    ) -> None:
        """Take a result: what came out of a start, and the share files that prove it."""
        if usable:
            self._batches.setdefault(files, opened.result_leaf)
            self._opened[start_leaf] = (files, opened)
        else:
            self._exam.checklist.leave_out(CheckId.SHARES)

    def finish(self) -> None:
        """Judge every batch."""
        exam = self._exam
        jobs = [
            job
            for files, leaf in self._batches.items()
            if (job := self._job(files, leaf)) is not None
        ]
        for batch in exam.mapped(CheckId.SHARES, "share proofs", judge_batch, jobs):
            exam.checklist.count(CheckId.SHARES, batch.proofs)
            exam.checklist.count(CheckId.MASKS, batch.masks)
            exam.checklist.extend(batch.findings)

    def _job(self, files: tuple[LoggedBatch, ...], leaf: int) -> ShareJob | None:
        exam = self._exam
        named = {batch.trustee_id: batch.file_sha256.hex() for batch in files}
        subject = f"the shares named by leaf {leaf}"
        threshold = exam.view.parties.parameters.threshold
        if len(named) != len(files) or len(named) < threshold:
            text = f"{len(named)} trustees gave shares, {threshold} are needed, each once"
            exam.checklist.find(CheckId.SHARES, "TOO_FEW_SHARES", subject, text, leaf)
            return None
        data = exam.source.file(next(iter(named.values()))) or b""
        try:
            listed = statements.decode(ShareFile, data).start_leaves
        except FedcarbonError as error:
            exam.checklist.find_error(error, CheckId.SHARES, subject, leaf)
            return None
        for index, (batch, opened) in self._opened.items():
            if batch == files and index not in listed:
                text = f"leaf {opened.result_leaf} answers leaf {index}, its share files do not"
                exam.checklist.find(
                    CheckId.SHARES, "SHARES_OF_OTHER_STARTS", subject, text, opened.result_leaf
                )
        starts = [self._start(index, files, subject, leaf) for index in listed]
        if None in starts:
            exam.checklist.leave_out(CheckId.SHARES)
            return None
        return ShareJob(
            source=exam.source,
            parameters=exam.view.parties.parameters,
            leaf=leaf,
            files=named,
            starts=tuple(item for item in starts if item is not None),
            randbelow=exam.randbelow,
        )

    def _start(
        self, index: int, files: tuple[LoggedBatch, ...], subject: str, leaf: int
    ) -> BatchStart | None:
        view = self._exam.view
        logged: Logged[OpeningStart] | None = view.starts.starts.get(index)
        if logged is None:
            text = f"the share files name leaf {index}, which is no start"
            self._exam.checklist.find(CheckId.SHARES, "SHARES_OF_OTHER_STARTS", subject, text, leaf)
            return None
        item = logged.statement
        ref = EpochRef(item.programme_id, item.epoch)
        product = self._products.product_of(ref, item.block)
        if product is None:
            return None  # found with the seal or the start
        batch, opened = self._opened.get(index, ((), None))
        return BatchStart(
            index=index,
            leaf=logged.leaf,
            start=item,
            product=product,
            opened=opened if batch == files else None,
        )


def judge_batch(job: ShareJob) -> JudgedBatch:
    """Judge masks, shares and opened sums of one batch."""
    return _BatchJudge(job).judged()


class _BatchJudge:
    """Works through one batch and keeps what it finds."""

    def __init__(self, job: ShareJob) -> None:
        self._job: Final = job
        self._key: Final = job.parameters.threshold_key
        self._findings: Final[list[Finding]] = []

    def judged(self) -> JudgedBatch:
        job = self._job
        files = {name: file for name in job.files if (file := self._file(name)) is not None}
        masks = len(files) * len(job.starts)
        if len(files) != len(job.files):
            return JudgedBatch(proofs=0, masks=masks, findings=tuple(self._findings))
        masked = [self._masked(at, item, files) for at, item in enumerate(job.starts)]
        proofs = 0
        if None not in masked:
            shown = [
                (item.start, [files[name].masks[at] for name in item.start.subset])
                for at, item in enumerate(job.starts)
            ]
            key = job.parameters.proof_key
            self._findings.extend(mask_findings(key, shown, job.randbelow, job.leaf))
            ciphertexts = [data for data in masked if data is not None]
            good = self._proved(files, ciphertexts)
            proofs = len(files)
            for at, item in enumerate(job.starts):
                self._compare(at, item, good)
        return JudgedBatch(proofs=proofs, masks=masks, findings=tuple(self._findings))

    def _file(self, trustee_id: PartyId) -> ShareFile | None:
        job = self._job
        subject = f"the share file of {trustee_id} named by leaf {job.leaf}"
        try:
            file = statements.decode(ShareFile, job.source.file(job.files[trustee_id]) or b"")
            expected = (job.parameters.parameter_id, trustee_id)
            if (file.parameter_id, file.trustee_id) != expected or file.start_leaves != tuple(
                item.index for item in job.starts
            ):
                raise MalformedError("it is another trustee's, or of other starts")
        except FedcarbonError as error:
            self._find(error, CheckId.SHARES, subject)
            return None
        return file

    def _masked(
        self, at: int, item: BatchStart, files: Mapping[PartyId, ShareFile]
    ) -> bytes | None:
        """Return what a start opens, from masks that match their hashes."""
        start = item.start
        try:
            if sorted(files) != list(start.subset):
                raise MaskCountError(f"masks of {sorted(files)} for a subset {list(start.subset)}")
            masks = [files[name].masks[at] for name in start.subset]
            for name, mask, expected in zip(start.subset, masks, start.mask_hashes, strict=True):
                if mask_hash(start.opening_id, start.attempt, name, mask) != expected:
                    raise MaskHashDiffersError(f"the mask of {name} is not the one it committed to")
            if len(set(masks)) != len(masks):
                raise MaskCopiedError("two trustees show one mask")
            masked = masked_ciphertext(self._key.public_key, start, item.product, masks)
        except FedcarbonError as error:
            self._find(error, CheckId.MASKS, self._subject(item), item)
            return None
        for name, file in files.items():
            if file.masked[at] != int.from_bytes(masked, "big"):
                text = f"the share file of {name} opens another ciphertext than product times masks"
                self._find(MalformedError(text), CheckId.SHARES, self._subject(item), item)
                return None
        return masked

    def _proved(
        self, files: Mapping[PartyId, ShareFile], masked: list[bytes]
    ) -> dict[int, tuple[int, ...]]:
        """Return trustee index to shares, of those whose proof holds."""
        job, public_key = self._job, self._key.public_key
        ciphertexts = [ciphertext_from_bytes(public_key, data) for data in masked]
        context = share_context([item.leaf for item in job.starts], masked)
        good: dict[int, tuple[int, ...]] = {}
        for name, file in files.items():
            subject = f"the share file of {name} named by leaf {job.leaf}"
            try:
                batch = ShareBatch(
                    trustee=job.parameters.trustee_index(name),
                    shares=tuple(map(int, file.shares)),
                    proof=ShareProof.from_bytes(self._key, file.proof),
                )
                for share in batch.shares:
                    ciphertext_to_bytes(public_key, share)
                verify_shares(
                    self._key,
                    ciphertexts,
                    batch,
                    parameter_id=job.parameters.parameter_id,
                    context=context,
                )
            except FedcarbonError as error:
                self._find(error, CheckId.SHARES, subject)
            else:
                good[batch.trustee] = batch.shares
        return good

    def _compare(self, at: int, item: BatchStart, good: Mapping[int, tuple[int, ...]]) -> None:
        """Combine the shares of a start and compare with what was logged."""
        opened = item.opened
        if opened is None or opened.caps_so_far is None:
            return
        try:
            plaintext = combine(self._key, {index: shares[at] for index, shares in good.items()})
            targets = [target.slot for target in item.start.targets]
            values = read_opened(
                self._job.parameters.layout, plaintext, targets, opened.caps_so_far
            )
        except FedcarbonError as error:
            self._find(error, CheckId.SHARES, self._subject(item), item)
            return
        if values != dict(opened.values):
            slots = sorted(slot for slot in values if values[slot] != opened.values.get(slot))
            self._findings.append(
                Finding(
                    check=CheckId.SHARES,
                    code="OPENED_VALUE_DIFFERS",
                    subject=self._subject(item),
                    text=f"the shares open other sums in slots {slots} than the result says",
                    leaf=opened.result_leaf,
                )
            )

    def _find(
        self, error: FedcarbonError, default: CheckId, subject: str, item: BatchStart | None = None
    ) -> None:
        opened = None if item is None else item.opened
        self._findings.append(
            Finding(
                check=check_of(error, default),
                code=error.code,
                subject=subject,
                text=str(error),
                leaf=self._job.leaf if opened is None else opened.result_leaf,
            )
        )

    def _subject(self, item: BatchStart) -> str:
        return f"the opening started in leaf {item.index}"
