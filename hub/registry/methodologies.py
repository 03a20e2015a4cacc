"""Use case of admitting a methodology to a programme.

(1) t root keys have signed the exact bytes                         SIGNATURE_INVALID
(2) for this parameter set                                          PARAMETERS_DIFFER
(3) the programme exists                                            UNKNOWN_PROGRAMME
(4) it counts what the methodology gives                            METHODOLOGY_KIND_DIFFERS
(5) no document was admitted with this id, version and other hash   METHODOLOGY_CONFLICT
(6) no epoch that has a plan is in the window                       METHODOLOGY_TOO_LATE
(7) this hub is admitted with the key that it signs with            HUB_NOT_ADMITTED

The hub has no word for what a document says: it keeps the bytes that root keys have signed, within
the size of the statement, and goes by the content hash beside them. Auditors recompute it.
"""

from __future__ import annotations

from sqlmodel import Session

from fedcarbon.ids import EpochIndex
from fedcarbon.registry.admission import open_rooted
from fedcarbon.registry.methodology import MethodologyAdmission, check_methodology
from fedcarbon.submission.signed_message import require_parameters
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.registry.programmes import require_programme
from hub.storage.epoch_store import EpochStore
from hub.storage.registry_store import MethodologyStore


def admit_methodology(session: Session, hub: Hub, message: bytes) -> bytes:
    """Log an admission and return its receipt; the same bytes get the same receipt.

    Args:
        session: a writing session.
        hub: where to.
        message: the exact bytes of the signed admission.

    Raises:
        MalformedError, SignatureInvalidError, ParametersDifferError, UnknownProgrammeError,
        MethodologyKindDiffersError, MethodologyConflictError, MethodologyTooLateError,
        HubNotAdmittedError: the first rule that fails.
    """
    given = hub.record.receipt_of_message(session, LeafType.METHODOLOGY_ADMISSION, message)
    if given is not None:
        return given
    parameters = hub.parameters
    # (1) t root keys have signed the exact bytes
    admission = open_rooted(
        MethodologyAdmission, message, parameters.root_keys, threshold=parameters.threshold
    )
    # (2) for this parameter set
    require_parameters(admission, parameters.parameter_id)
    # (3) the programme exists
    programme = require_programme(session, admission.programme_id)
    # (4) to (6)
    store = MethodologyStore(session)
    check_methodology(
        admission,
        programme,
        store.versions_of(admission.methodology_id),
        EpochIndex(len(EpochStore(session).begun(admission.programme_id))),
    )
    # (7) this hub is admitted with the key that it signs with
    hub.record.require_admitted(session)
    logged, receipt = hub.record.accept(session, LeafType.METHODOLOGY_ADMISSION, message, owners=())
    store.add(admission, logged.index)
    return receipt
