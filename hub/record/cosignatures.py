"""Cosignatures of partners: a partner signs heads that its own mirror has replayed.

The hub cannot do without them: trustees take no part in an opening before a partner has signed a
head over its request and its start. What a partner hands in is accepted by these rules:

(1) the caller is admitted as a partner                                        NOT_ADMITTED
(2) the note is a checkpoint of this record                                    MALFORMED
(3) it has the caller's cosignature, which holds                               SIGNATURE_INVALID
(4) a quorum of trustees has signed a head of this size                        HEAD_NOT_WITNESSED
(5) the roots are the same                                                     FORKED_RECORD
"""

from __future__ import annotations

from typing import ClassVar

from sqlmodel import Session

from fedcarbon.errors import CallerError, MalformedError, SignatureInvalidError
from fedcarbon.ids import PartyId, Role
from fedcarbon.transparency.checkpoint import ForkedRecordError, TreeHead
from fedcarbon.transparency.note import SignedNote, verify_cosignature
from hub.context import Hub
from hub.registry.parties import require_party
from hub.storage.record_store import RecordStore


class HeadNotWitnessedError(CallerError):
    """No quorum of trustees has signed a head of this size; sign the head that the hub shows."""

    code: ClassVar[str] = "HEAD_NOT_WITNESSED"


def add_cosignature(session: Session, hub: Hub, caller: PartyId, data: bytes) -> None:
    """Add a partner's cosignature to the note of a witnessed head.

    Raises:
        NotAdmittedError, MalformedError, SignatureInvalidError, HeadNotWitnessedError,
            ForkedRecordError: the first rule that fails.
    """
    admission = require_party(session, caller, Role.PARTNER)  # (1)
    note = SignedNote.from_bytes(data)
    head = TreeHead.from_text(note.text)
    if head.parameter_id != hub.parameters.parameter_id:  # (2)
        raise MalformedError("the checkpoint is for another parameter set")
    cosignature = verify_cosignature(note, caller, admission.signing_key)
    if cosignature is None:  # (3)
        raise SignatureInvalidError(f"{caller} has not signed the checkpoint with its admitted key")
    known = RecordStore(session).checkpoint(head.size)
    if known is None:  # (4)
        raise HeadNotWitnessedError(f"no quorum of trustees has signed a head of {head.size}")
    if known.root != head.root:  # (5)
        raise ForkedRecordError(
            f"{caller} signed a head of {head.size} leaves with root {head.root.hex()}, "
            f"the trustees one with root {known.root.hex()}"
        )
    hub.record.keep_partner_cosignature(session, head.size, caller, cosignature.line)
