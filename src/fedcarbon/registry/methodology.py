"""Methodologies of a programme: which documents its partners may compute by, and in which epochs.

Root keys sign the exact bytes of a document together with its content hash. Who cannot read a
document, as a hub, goes by what the statement says of it; auditors read it and recompute the hash.
What an epoch may be computed by is fixed by its plan: admissions in later leaves are for later
epochs, so that a methodology never changes in the middle of an epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES, digest
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import CallerError, MalformedError
from fedcarbon.ids import EpochIndex, ProgrammeId, checked_name
from fedcarbon.registry.measure import Measure
from fedcarbon.registry.programme import Programme

DOCUMENT_BYTES_MAX: Final = 1 << 18
VERSION_LENGTH_MAX: Final = 20
METHODOLOGIES_MAX: Final = 64
"""Methodologies of one partner in one epoch."""


class MethodologyConflictError(CallerError):
    """A version is never edited: root keys must sign the changed document as a new version."""

    code: ClassVar[str] = "METHODOLOGY_CONFLICT"


class MethodologyKindDiffersError(CallerError):
    """The methodology's results are of another kind than its programme counts."""

    code: ClassVar[str] = "METHODOLOGY_KIND_DIFFERS"


class MethodologyTooLateError(CallerError):
    """The methodology would count for an epoch that is planned already; admit it for a later."""

    code: ClassVar[str] = "METHODOLOGY_TOO_LATE"


class MethodologyNotAdmittedError(CallerError):
    """The partner computed by a methodology that its programme has not admitted for the epoch."""

    code: ClassVar[str] = "METHODOLOGY_NOT_ADMITTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class MethodologyAdmission(Statement):
    """A methodology and the epochs that it counts in, signed by t root keys."""

    KIND: ClassVar[str] = "methodology_admission"

    parameter_id: bytes
    programme_id: ProgrammeId
    methodology_id: str
    version: str
    content_hash: bytes
    """Over the document's canonical form; it travels with every claim's evidence."""
    document: bytes
    """The exact bytes of the file."""
    kind: Measure
    """Of its results."""
    from_epoch: EpochIndex
    until_epoch: EpochIndex
    """The last epoch, or 0 if no end is set."""

    def __post_init__(self) -> None:
        """Check names, sizes and the order of the epochs."""
        checked_name(self.programme_id)
        checked_name(self.methodology_id)
        if {len(self.parameter_id), len(self.content_hash)} != {DIGEST_BYTES}:
            raise MalformedError("parameter id and content hash have 32 bytes")
        if not 1 <= len(self.version) <= VERSION_LENGTH_MAX:
            raise MalformedError(f"a version has 1 to {VERSION_LENGTH_MAX} characters")
        if not 1 <= len(self.document) <= DOCUMENT_BYTES_MAX:
            raise MalformedError(f"a methodology's document has 1 to {DOCUMENT_BYTES_MAX} bytes")
        if self.from_epoch < 1 or 0 < self.until_epoch < self.from_epoch:
            raise MalformedError(
                "epochs start at 1, and a methodology's last is not before its first"
            )

    def covers(self, epoch: EpochIndex) -> bool:
        """Tell whether an epoch lies in its window."""
        return self.from_epoch <= epoch and (not self.until_epoch or epoch <= self.until_epoch)


def check_methodology(
    admission: MethodologyAdmission,
    programme: Programme,
    earlier: Iterable[tuple[str, str, bytes]],
    planned: EpochIndex,
) -> None:
    """Check an admission against what stands in the record before it.

    Args:
        admission: signed, and for this record's parameter set.
        programme: which it names.
        earlier: id, version and content hash of every methodology that is admitted anywhere.
        planned: the last epoch of the programme that has a plan, 0 for none.

    Raises:
        MethodologyKindDiffersError, MethodologyConflictError, MethodologyTooLateError: the first
            rule that fails.
    """
    if admission.kind is not programme.measure:
        raise MethodologyKindDiffersError(
            f"{admission.methodology_id} gives {admission.kind}, {programme.programme_id} counts "
            f"{programme.measure}"
        )
    named = (admission.methodology_id, admission.version)
    if any(
        (methodology_id, version) == named and content_hash != admission.content_hash
        for methodology_id, version, content_hash in earlier
    ):
        raise MethodologyConflictError(
            f"{admission.methodology_id} {admission.version} is admitted with another content"
        )
    if admission.from_epoch <= planned:
        raise MethodologyTooLateError(
            f"epoch {planned} is planned; a methodology counts from the next one on at the earliest"
        )


def require_admitted(
    methodologies: Iterable[bytes], admitted: Iterable[bytes], epoch: EpochIndex
) -> None:
    """Check that a partner computes by admitted methodologies only.

    Args:
        methodologies: content hashes that it names.
        admitted: content hashes of the programme's methodologies for the epoch.
        epoch: for the message.

    Raises:
        MethodologyNotAdmittedError: naming the first that is not.
    """
    unknown = sorted(set(methodologies).difference(admitted))
    if unknown:
        raise MethodologyNotAdmittedError(
            f"methodology {unknown[0].hex()} is not admitted for epoch {epoch}"
        )


def check_content_hashes(methodologies: Sequence[bytes]) -> None:
    """Check that content hashes are written down in the one way.

    Raises:
        MalformedError: none, too many, of another size, unsorted or twice.
    """
    if not 1 <= len(methodologies) <= METHODOLOGIES_MAX:
        raise MalformedError(f"a partner computes by 1 to {METHODOLOGIES_MAX} methodologies")
    if {len(item) for item in methodologies} != {DIGEST_BYTES}:
        raise MalformedError("a content hash has 32 bytes")
    if list(methodologies) != sorted(set(methodologies)):
        raise MalformedError("content hashes are sorted and stand once")


def bundle_hash(content_hashes: Iterable[bytes]) -> bytes:
    """Return the hash of the set of methodologies that a partner uses: 32 bytes.

    It covers the sorted content hashes, each once, so that it does not tell who used which.
    """
    return digest(b"fedcarbon/v1/methodology-bundle", *sorted(set(content_hashes)))
