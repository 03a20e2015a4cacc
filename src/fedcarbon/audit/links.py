"""V13: what a seal counts is bound to the claims that won, as a trustee checks it.

The claims themselves, their files and the verdicts are V12's; here the commitments in the range
proofs are multiplied, those of the winning claims added, and the partner's proof is verified.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fedcarbon.audit.commitment_files import CommitmentFiles
from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.audit.source import pieces_of
from fedcarbon.audit.submissions import SealedFiles
from fedcarbon.epoch.statements import Seal, SealedPart
from fedcarbon.errors import FedcarbonError
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.links import block_commitment, check_sealed_link
from fedcarbon.opening.logged import Logged


class LinkCheck:
    """Judges the link proofs of an epoch with its seal."""

    def __init__(self, exam: Examination, files: CommitmentFiles) -> None:
        """Take the audit and its commitment files."""
        self._exam: Final = exam
        self._files: Final = files

    def on_seal(self, seal: Logged[Seal], files: SealedFiles | None) -> None:
        """Judge every partner that the seal counts, if its chunks are what they must be."""
        exam, item = self._exam, seal.statement
        counted = [part for part in item.parts if not part.missing]
        if files is None:
            exam.checklist.leave_out(CheckId.LINKS, len(counted))
            return
        for part in counted:
            with exam.checklist.timed(CheckId.LINKS):
                self._judge(seal, part, files.commitments[part.partner_id])

    def _judge(
        self, seal: Logged[Seal], part: SealedPart, commitments: Mapping[int, bytes]
    ) -> None:
        exam, item = self._exam, seal.statement
        parameters = exam.view.parties.parameters
        ref = EpochRef(item.programme_id, item.epoch)
        exam.checklist.count(CheckId.LINKS)
        try:
            check_sealed_link(
                exam.view,
                exam.view.epochs.plans[ref],
                part.partner_id,
                {
                    block: block_commitment(parameters, encoded)
                    for block, encoded in commitments.items()
                },
                seal_leaf=seal.index,
                fetch=lambda sha256: pieces_of(exam.source.slices(sha256.hex())),
                parts=self._files.parts,
            )
        except FedcarbonError as error:
            subject = f"{part.partner_id} in epoch {item.epoch}"
            exam.checklist.find_error(error, CheckId.LINKS, subject, seal.index)
