"""V13: what a seal counts is bound to the claims that won, as a trustee checks it.

The claims themselves, their files and the verdicts are V12's; here the commitments in the range
proofs are multiplied, those of the winning claims added, and the partner's proof is verified.
"""

from __future__ import annotations

from typing import Final

from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.submissions import SealedFiles
from fedcarbon.epoch.statements import Seal, SealedPart
from fedcarbon.errors import FedcarbonError
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.links import block_commitment, check_sealed_link
from fedcarbon.opening.logged import Logged
from fedcarbon.submission.chunk_file import ChunkFile, EntryShape


class LinkCheck:
    """Judges the link proofs of an epoch with its seal."""

    def __init__(self, exam: Examination) -> None:
        """Take the audit."""
        self._exam: Final = exam

    def on_seal(self, seal: Logged[Seal], files: SealedFiles | None) -> None:
        """Judge every partner that the seal counts, if its chunks are what they must be."""
        exam, item = self._exam, seal.statement
        counted = [part for part in item.parts if not part.missing]
        if files is None:
            exam.checklist.leave_out(CheckId.LINKS, len(counted))
            return
        for part in counted:
            with exam.checklist.timed(CheckId.LINKS):
                self._judge(seal, part)

    def _judge(self, seal: Logged[Seal], part: SealedPart) -> None:
        exam, item = self._exam, seal.statement
        ref = EpochRef(item.programme_id, item.epoch)
        exam.checklist.count(CheckId.LINKS)
        try:
            check_sealed_link(
                exam.view,
                exam.view.epochs.plans[ref],
                part.partner_id,
                self._commitments(ref, part),
                seal_leaf=seal.index,
                fetch=lambda sha256: [exam.source.file(sha256.hex()) or b""],
            )
        except FedcarbonError as error:
            subject = f"{part.partner_id} in epoch {item.epoch}"
            exam.checklist.find_error(error, CheckId.LINKS, subject, seal.index)

    def _commitments(self, ref: EpochRef, part: SealedPart) -> dict[int, int]:
        """Return A of every block of a part; its chunk files have been judged."""
        exam, view = self._exam, self._exam.view
        parameters = view.parties.parameters
        cap_ug = view.parties.programme(ref.programme_id).epoch_cap_ug
        shape = EntryShape.of(parameters.proof_key, cap_ug)
        headers = [view.epochs.headers[leaf].statement for leaf in part.header_leaves]
        return {
            entry.block: block_commitment(parameters, entry.proof)
            for header in headers
            for entry in ChunkFile.from_bytes(
                exam.source.file(header.file_sha256.hex()) or b"", shape
            )
        }
