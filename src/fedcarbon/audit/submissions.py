"""V10, V11 and V14: what partners submitted, chunk by chunk and seal by seal.

Chunks are judged by the rules of intake (`fedcarbon.submission.intake`), from the snapshot that the
record gives. Files are read in jobs, one in memory at a time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fedcarbon.audit.attribution import check_of
from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.range_checks import block_findings
from fedcarbon.audit.source import RecordSource
from fedcarbon.audit.view import AuditView
from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.epoch.snapshot import PartnerSnapshot, Snapshot
from fedcarbon.epoch.statements import EpochPlan, Seal, SealedPart
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.opening.products import require_header, require_plan_after_end
from fedcarbon.opening.refusals import IncompleteSealError
from fedcarbon.proofs.commitments import RandomBelow
from fedcarbon.registry.methodology import bundle_hash
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.submission.intake import (
    AdmittedChunk,
    IntakeContext,
    SubmissionPhase,
    check_file,
    check_header,
    none_received,
)
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S

NO_EVIDENCE: Final = bytes(DIGEST_BYTES)
NO_METHODOLOGIES: Final = bytes(DIGEST_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkJob:
    """One chunk to be judged."""

    source: RecordSource
    leaf: int
    header: ChunkHeader
    context: IntakeContext
    randbelow: RandomBelow
    """The auditor's own source of chance."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgedChunk:
    """What came of a chunk."""

    leaf: int
    partner_id: PartyId
    blocks: tuple[int, ...]
    """Empty if the chunk is none."""
    commitments: tuple[bytes, ...]
    """What the range proof of every block begins with: A_b, encoded."""
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedFiles:
    """The files of an epoch's parts, if nothing was found wrong with any of them."""

    names: tuple[str, ...]
    blocks: frozenset[int]
    commitments: Mapping[PartyId, Mapping[int, bytes]]
    """Partner to block to A_b, encoded."""


def judge_chunk(job: ChunkJob) -> JudgedChunk:
    """Apply the rules of intake to a chunk whose file has the hash that its header names."""
    header = job.header
    try:
        check_header(header, job.context)
        data = job.source.file(header.file_sha256.hex()) or b""
        chunk = check_file(header, data, job.context)
    except FedcarbonError as error:
        found = Finding(
            check=check_of(error, CheckId.CHUNKS),
            code=error.code,
            subject=f"chunk {header.chunk} of {header.partner_id} in epoch {header.epoch}",
            text=f"{error}; the hub must not have admitted it",
            leaf=job.leaf,
        )
        return JudgedChunk(
            leaf=job.leaf,
            partner_id=header.partner_id,
            blocks=(),
            commitments=(),
            findings=(found,),
        )
    element_bytes = job.context.key.element_bytes
    return JudgedChunk(
        leaf=job.leaf,
        partner_id=header.partner_id,
        blocks=tuple(chunk.blocks()),
        commitments=tuple(entry.proof[:element_bytes] for entry in chunk),
        findings=tuple(block_findings(header, chunk, job.context, job.randbelow, job.leaf)),
    )


class SubmissionCheck:
    """Judges chunks and seals."""

    def __init__(self, exam: Examination) -> None:
        """Take the audit."""
        self._exam: Final = exam
        self._headers: Final[dict[EpochRef, list[Logged[ChunkHeader]]]] = defaultdict(list)
        self._judged: Final[set[int]] = set()

    def on_header(self, logged: Logged[ChunkHeader]) -> None:
        """Take a chunk's header; it is judged with its epoch."""
        header = logged.statement
        self._headers[EpochRef(header.programme_id, header.epoch)].append(logged)

    def on_seal(self, seal: Logged[Seal]) -> SealedFiles | None:
        """Judge all chunks of an epoch and whether its seal names what it must.

        Returns:
            What is to be multiplied, or None if something of it does not hold.
        """
        exam, item = self._exam, seal.statement
        subject = f"the seal of epoch {item.epoch} of {item.programme_id}"
        ref = EpochRef(item.programme_id, item.epoch)
        plan = exam.view.epochs.plans.get(ref)
        try:
            if plan is None or plan.index != item.plan_leaf:
                raise IncompleteSealError(
                    f"epoch {item.epoch} has no plan in leaf {item.plan_leaf}"
                )
            require_plan_after_end(exam.view, plan)
            snapshot = exam.view.accounts.snapshot(plan.statement)
            _require_partners(item, snapshot)
        except FedcarbonError as error:
            exam.checklist.find_error(error, CheckId.DENSITY, subject, seal.index)
            return None
        chunks = self._judge_chunks(ref, plan, snapshot)
        names: list[str] = []
        blocks: set[int] = set()
        commitments: dict[PartyId, Mapping[int, bytes]] = {}
        whole = True
        for part in item.parts:
            found = self._part(seal, plan, part, snapshot, chunks)
            whole = whole and found is not None
            if found is not None:
                names.extend(found.names)
                blocks.update(found.blocks)
                commitments.update(found.commitments)
        if not whole:
            return None
        return SealedFiles(names=tuple(names), blocks=frozenset(blocks), commitments=commitments)

    def finish(self) -> None:
        """Judge the chunks of epochs that have no seal."""
        exam = self._exam
        for ref, headers in self._headers.items():
            if all(logged.index in self._judged for logged in headers):
                continue
            plan = exam.view.epochs.plans.get(ref)
            try:
                if plan is None:
                    raise IncompleteSealError(f"chunks were logged for epoch {ref.epoch}, no plan")
                snapshot = exam.view.accounts.snapshot(plan.statement)
            except FedcarbonError as error:
                exam.checklist.find_error(error, CheckId.DENSITY, f"epoch {ref.epoch}")
                continue
            self._judge_chunks(ref, plan, snapshot)

    def _judge_chunks(
        self, ref: EpochRef, plan: Logged[EpochPlan], snapshot: Snapshot
    ) -> dict[int, JudgedChunk]:
        """Judge the chunks of an epoch that have not been, and return them by leaf."""
        exam = self._exam
        headers = [logged for logged in self._headers[ref] if logged.index not in self._judged]
        self._judged.update(logged.index for logged in headers)
        jobs = []
        for logged in headers:
            if exam.refer(logged.statement.file_sha256, logged.index):
                jobs.append(self._job(logged, plan, snapshot, headers))
            else:
                exam.checklist.leave_out(CheckId.CHUNKS)
        judged: dict[int, JudgedChunk] = {}
        for chunk in exam.mapped(CheckId.CHUNKS, f"chunks of epoch {ref.epoch}", judge_chunk, jobs):
            exam.checklist.count(CheckId.CHUNKS)
            exam.checklist.count(CheckId.RANGE_PROOFS, len(chunk.blocks))
            exam.checklist.extend(chunk.findings)
            if chunk.blocks:
                judged[chunk.leaf] = chunk
        self._require_blocks_once(judged.values(), ref)
        return judged

    def _job(
        self,
        logged: Logged[ChunkHeader],
        plan: Logged[EpochPlan],
        snapshot: Snapshot,
        headers: Iterable[Logged[ChunkHeader]],
    ) -> ChunkJob:
        view, header = self._exam.view, logged.statement
        own = snapshot.partners.get(header.partner_id) or _nothing_owed(view, header)
        ref = EpochRef(header.programme_id, header.epoch)
        committed = view.epochs.commitments.get(ref, {}).get(header.partner_id)
        first = next(
            item.statement for item in headers if item.statement.partner_id == header.partner_id
        )
        judged_before = ref in view.epochs.verdicts
        return ChunkJob(
            source=self._exam.source,
            leaf=logged.index,
            header=header,
            randbelow=self._exam.randbelow,
            context=IntakeContext(
                key=view.parties.parameters.proof_key.warmed,
                phase=SubmissionPhase.OPEN if judged_before else SubmissionPhase.EARLY,
                plan_leaf=plan.index,
                expected_blocks=own.slots_of,
                places_digest=own.places_digest,
                bounds_ug=own.caps_ug,
                cap_ug=own.cap_ug,
                evidence_root=(
                    NO_EVIDENCE if committed is None else committed.statement.evidence_root
                ),
                methodology_bundle=(
                    NO_METHODOLOGIES
                    if committed is None
                    else bundle_hash(committed.statement.methodologies)
                ),
                admitted={first.chunk: AdmittedChunk(header_sha256=b"", chunks=first.chunks)},
                received=none_received,
            ),
        )

    def _require_blocks_once(self, chunks: Iterable[JudgedChunk], ref: EpochRef) -> None:
        seen: dict[PartyId, set[int]] = defaultdict(set)
        for chunk in sorted(chunks, key=lambda item: item.leaf):
            twice = seen[chunk.partner_id].intersection(chunk.blocks)
            seen[chunk.partner_id].update(chunk.blocks)
            if twice:
                self._exam.checklist.find(
                    CheckId.CHUNKS,
                    "BLOCK_SENT_TWICE",
                    f"{chunk.partner_id} in epoch {ref.epoch}",
                    f"block {min(twice)} stands in more than one chunk of the partner",
                    chunk.leaf,
                )

    def _part(
        self,
        seal: Logged[Seal],
        plan: Logged[EpochPlan],
        part: SealedPart,
        snapshot: Snapshot,
        chunks: dict[int, JudgedChunk],
    ) -> SealedFiles | None:
        """Judge one partner's part: the right headers, and a ciphertext for every block it owes."""
        exam, epoch = self._exam, seal.statement.epoch
        subject = f"{part.partner_id} in epoch {epoch}"
        exam.checklist.count(CheckId.DENSITY)
        if part.missing:
            self._require_rightly_missing(seal, plan, part)
            return SealedFiles(names=(), blocks=frozenset(), commitments={})
        names: list[str] = []
        commitments: dict[int, bytes] = {}
        try:
            for number, leaf in enumerate(part.header_leaves):
                header = require_header(exam.view, plan, part, number, seal.index)
                names.append(header.file_sha256.hex())
                if leaf not in chunks:  # found already, or its file was
                    exam.checklist.leave_out(CheckId.DENSITY)
                    return None
                commitments.update(zip(chunks[leaf].blocks, chunks[leaf].commitments, strict=True))
        except FedcarbonError as error:
            exam.checklist.find_error(error, CheckId.DENSITY, subject, seal.index)
            return None
        blocks = commitments.keys()
        owed = set(snapshot.partners[part.partner_id].blocks())
        if owed - blocks:
            exam.checklist.find(
                CheckId.DENSITY,
                "BLOCK_MISSING",
                subject,
                f"{len(owed - blocks)} of the {len(owed)} blocks with an enrolled account have no "
                f"ciphertext, the first is {min(owed - blocks)}",
                seal.index,
            )
            return None
        return SealedFiles(
            names=tuple(names),
            blocks=frozenset(blocks),
            commitments={part.partner_id: commitments},
        )

    def _require_rightly_missing(
        self, seal: Logged[Seal], plan: Logged[EpochPlan], part: SealedPart
    ) -> None:
        """Find a partner that is sealed missing although it sent everything, or had time left."""
        exam, item = self._exam, seal.statement
        subject = f"{part.partner_id} in epoch {item.epoch}"
        sent = {
            logged.statement.chunk: logged.statement.chunks
            for logged in self._headers[EpochRef(item.programme_id, item.epoch)]
            if logged.statement.partner_id == part.partner_id
        }
        linked = exam.view.epochs.link_proofs.get(EpochRef(item.programme_id, item.epoch), {})
        # Without a link proof a submission counts for nothing, however many chunks there are.
        proof = linked.get(part.partner_id)
        has_proof = proof is not None and proof.index < seal.index
        if has_proof and sent and len(sent) == next(iter(sent.values())):
            exam.checklist.find(
                CheckId.DENSITY,
                "SUBMISSION_DROPPED",
                subject,
                f"all {len(sent)} chunks were admitted before the seal, and it says missing",
                seal.index,
            )
        times = exam.view.times_over(seal.index)
        until_s = plan.statement.submit_until_s
        if times is not None and times.median_s + TIME_TOLERANCE_S < until_s:
            exam.checklist.find(
                CheckId.DENSITY,
                "SEALED_TOO_EARLY",
                subject,
                f"it may submit until {until_s}, the epoch was sealed at {times.median_s}",
                seal.index,
            )


def _nothing_owed(view: AuditView, header: ChunkHeader) -> PartnerSnapshot:
    """Return the snapshot of a partner that has no enrolled account."""
    return PartnerSnapshot.empty(
        view.parties.parameters.layout.slots,
        view.parties.programme(header.programme_id).epoch_cap_ug,
    )


def _require_partners(seal: Seal, snapshot: Snapshot) -> None:
    named: Collection[PartyId] = [part.partner_id for part in seal.parts]
    if named != list(snapshot.partners):
        raise IncompleteSealError(
            f"the seal of epoch {seal.epoch} names {named}, enrolled are {list(snapshot.partners)}"
        )
