"""Evaluation requests: who asks the trustees to evaluate how many blinded elements."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES, digest
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES

ELEMENTS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationRequest(Statement):
    """Signed by the asking party itself: trustees count against it, not against the hub."""

    KIND: ClassVar[str] = "evaluation_request"

    parameter_id: bytes
    programme_id: ProgrammeId
    asker_id: PartyId
    request_id: bytes
    key_label: KeyLabel
    count: int
    elements_hash: bytes
    """`elements_hash_of` the blinded elements, in order."""

    def __post_init__(self) -> None:
        """Check sizes, the count, and that nobody asks for a blinded beacon."""
        sizes = (len(self.parameter_id), len(self.request_id), len(self.elements_hash))
        if sizes != (DIGEST_BYTES, MESSAGE_ID_BYTES, DIGEST_BYTES):
            raise MalformedError("parameter id, request id and hash have 32, 16 and 32 bytes")
        if not 1 <= self.count <= ELEMENTS_MAX:
            raise MalformedError(f"a request has 1 to {ELEMENTS_MAX} elements")
        if self.key_label is KeyLabel.BEACON:
            raise MalformedError("the beacon key never takes a blinded element")


def elements_hash_of(elements: tuple[bytes, ...]) -> bytes:
    """Return the hash that a request binds its blinded elements with."""
    return digest(b"fedcarbon/v1/blinded-elements", *elements)
