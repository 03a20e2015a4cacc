"""Use case of admitting a party.

(1) t root keys have signed the exact bytes                   SIGNATURE_INVALID
(2) for this parameter set                                    PARAMETERS_DIFFER
(3) trustees are those of the parameter set, and only those   ADMISSION_CONFLICT
(4) the role is the one that the party has had                ADMISSION_CONFLICT
(5) no other party has this signing key                       ADMISSION_CONFLICT

A later admission replaces a party's key and limits, never its role. Two parties with one key could
give both halves of what needs two parties.
"""

from __future__ import annotations

from typing import ClassVar

from sqlmodel import Session

from fedcarbon.errors import CallerError
from fedcarbon.ids import Role
from fedcarbon.registry.admission import PartyAdmission, open_rooted
from fedcarbon.submission.signed_message import require_parameters
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.storage.registry_store import PartyStore


class AdmissionConflictError(CallerError):
    """The admission contradicts the parameter set or another admission."""

    code: ClassVar[str] = "ADMISSION_CONFLICT"


def admit(session: Session, hub: Hub, message: bytes) -> bytes:
    """Log an admission and return its receipt; the same bytes get the same receipt.

    Args:
        session: a writing session.
        hub: where to.
        message: the exact bytes of the signed admission.

    Raises:
        MalformedError, SignatureInvalidError, ParametersDifferError, AdmissionConflictError: the
            first rule that fails.
    """
    given = hub.record.receipt_of_message(session, LeafType.PARTY_ADMISSION, message)
    if given is not None:
        return given
    parameters = hub.parameters
    # (1) t root keys have signed the exact bytes
    admission = open_rooted(
        PartyAdmission, message, parameters.root_keys, threshold=parameters.threshold
    )
    # (2) for this parameter set
    require_parameters(admission, parameters.parameter_id)
    # (3) trustees are those of the parameter set, and only those
    is_trustee = admission.party_id in parameters.trustee_ids
    if is_trustee != (admission.role is Role.TRUSTEE):
        raise AdmissionConflictError(
            f"{admission.party_id} cannot be {admission.role}: the parameter set names the trustees"
        )
    parties = PartyStore(session)
    admitted = parties.all()
    # (4) the role is the one that the party has had
    known = admitted.pop(admission.party_id, admission)
    if known.role is not admission.role:
        raise AdmissionConflictError(f"{admission.party_id} is {known.role} and stays it")
    # (5) no other party has this signing key
    if any(other.signing_key == admission.signing_key for other in admitted.values()):
        raise AdmissionConflictError(f"{admission.party_id} shares another party's signing key")
    logged, receipt = hub.record.accept(
        session, LeafType.PARTY_ADMISSION, message, owners=[admission.party_id]
    )
    parties.add(admission, logged.index)
    return receipt
