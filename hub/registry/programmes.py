"""Use case of starting a programme.

 (1) t root keys have signed the exact bytes                        SIGNATURE_INVALID
 (2) for this parameter set                                         PARAMETERS_DIFFER
 (3) the largest possible sum fits a slot                           HEADROOM
 (4) the programme does not exist yet, and its days, slots and
     claim round are those of its exclusivity domain, of which no
     epoch is planned                                              PROGRAMME_CONFLICT
 (5) this hub is admitted with the key that it signs with           HUB_NOT_ADMITTED

A domain has one claim round and one tie beacon per epoch, so that a gram is credited once in it.
"""

from __future__ import annotations

from typing import ClassVar

from sqlmodel import Session

from fedcarbon.errors import CallerError
from fedcarbon.ids import ProgrammeId
from fedcarbon.packing.layout import check_headroom
from fedcarbon.registry.admission import open_rooted
from fedcarbon.registry.exclusivity import ProgrammeConflictError, check_domain
from fedcarbon.registry.programme import Programme
from fedcarbon.submission.signed_message import require_parameters
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.storage.epoch_store import EpochStore
from hub.storage.registry_store import ProgrammeStore


class UnknownProgrammeError(CallerError):
    """No programme of this name is in the record."""

    code: ClassVar[str] = "UNKNOWN_PROGRAMME"


def start_programme(session: Session, hub: Hub, message: bytes) -> bytes:
    """Log a programme and return its receipt; the same bytes get the same receipt.

    Args:
        session: a writing session.
        hub: where to.
        message: the exact bytes of the signed programme.

    Raises:
        MalformedError, SignatureInvalidError, ParametersDifferError, HeadroomError,
        ProgrammeConflictError, HubNotAdmittedError: the first rule that fails.
    """
    given = hub.record.receipt_of_message(session, LeafType.PROGRAMME, message)
    if given is not None:
        return given
    parameters = hub.parameters
    # (1) t root keys have signed the exact bytes
    programme = open_rooted(
        Programme, message, parameters.root_keys, threshold=parameters.threshold
    )
    # (2) for this parameter set
    require_parameters(programme, parameters.parameter_id)
    # (3) the largest possible sum fits a slot
    check_headroom(
        partners_max=programme.partners_max, days_max=programme.days_max, cap_ug=programme.cap_ug
    )
    # (4) the programme does not exist yet, and it fits into its exclusivity domain
    programmes = ProgrammeStore(session)
    if programmes.find(programme.programme_id) is not None:
        raise ProgrammeConflictError(f"{programme.programme_id} exists with another statement")
    others = programmes.of_domain(programme.exclusivity_domain)
    epochs = EpochStore(session)
    is_planned = any(epochs.begun(other.programme_id) for other in others)
    check_domain(programme, others, is_planned=is_planned)
    # (5) this hub is admitted with the key that it signs with
    hub.record.require_admitted(session)
    logged, receipt = hub.record.accept(session, LeafType.PROGRAMME, message, owners=())
    programmes.add(programme, logged.index)
    return receipt


def require_programme(session: Session, programme_id: ProgrammeId) -> Programme:
    """Return a programme.

    Raises:
        UnknownProgrammeError: there is none of this name.
    """
    programme = ProgrammeStore(session).find(programme_id)
    if programme is None:
        raise UnknownProgrammeError(f"no programme {programme_id} is in the record")
    return programme
