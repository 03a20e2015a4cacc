"""V08: methodologies are what root keys said of them, and nobody computed by another.

A hub cannot read a document; here its content hash is recomputed from the bytes in the record. That
headers name the bundle of their commitment is a rule of intake (`fedcarbon.submission.intake`).
"""

from __future__ import annotations

from typing import Final

from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.epoch.statements import ClaimCommitment
from fedcarbon.errors import FedcarbonError
from fedcarbon.methodology.definition import Basis, InvalidMethodologyError
from fedcarbon.methodology.reader import parse_methodology
from fedcarbon.opening.epochs import EpochRef
from fedcarbon.opening.logged import Logged
from fedcarbon.registry.methodology import MethodologyAdmission, require_admitted


class MethodologyCheck:
    """Judges admissions of methodologies, and what commitments name of them."""

    def __init__(self, exam: Examination) -> None:
        """Take the audit."""
        self._exam: Final = exam

    def on_admission(self, logged: Logged[MethodologyAdmission]) -> None:
        """Read a document and hold it against what is said of it."""
        item, checklist = logged.statement, self._exam.checklist
        subject = f"methodology {item.methodology_id} {item.version}"
        checklist.count(CheckId.METHODOLOGIES)
        try:
            document = parse_methodology(item.document)
        except InvalidMethodologyError as error:
            checklist.find_error(error, CheckId.METHODOLOGIES, subject, logged.index)
            return
        said = (item.methodology_id, item.version, item.content_hash, item.kind.value)
        names = (document.methodology_id, document.version)
        if (*names, document.content_hash, document.result.kind.value) != said:
            checklist.find(
                CheckId.METHODOLOGIES,
                "METHODOLOGY_DOCUMENT_DIFFERS",
                subject,
                f"its document is {document.methodology_id} {document.version} of "
                f"{document.result.kind} with the content hash {document.content_hash.hex()}; root "
                "keys signed something else",
                logged.index,
            )
        if document.result.basis is Basis.FOOTPRINT:
            checklist.find(
                CheckId.METHODOLOGIES,
                "METHODOLOGY_NOT_USABLE",
                subject,
                "it counts what was emitted, not what was saved; nobody may be credited by it",
                logged.index,
            )
        if not document.status.computes:
            checklist.find(
                CheckId.METHODOLOGIES,
                "METHODOLOGY_NOT_USABLE",
                subject,
                f"it is {document.status} and refuses to compute; nobody may be credited by it",
                logged.index,
            )

    def on_commitment(self, committed: Logged[ClaimCommitment]) -> None:
        """Judge whether a partner computes by what its programme admits for the epoch."""
        exam, item = self._exam, committed.statement
        ref = EpochRef(item.programme_id, item.epoch)
        exam.checklist.count(CheckId.METHODOLOGIES)
        try:
            require_admitted(
                item.methodologies, exam.view.methodologies.hashes_for(ref), item.epoch
            )
        except FedcarbonError as error:
            subject = f"the commitment of {item.partner_id} in epoch {item.epoch}"
            exam.checklist.find_error(error, CheckId.METHODOLOGIES, subject, committed.index)
