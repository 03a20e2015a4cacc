"""Use case of logging an evaluation request before any trustee sees it.

(1) the caller is an admitted partner or wallet operator        NOT_ADMITTED
(2) its admitted key signed the exact bytes                     SIGNATURE_INVALID
(3) the request names the caller, (4) and this parameter set    SENDER_DIFFERS, PARAMETERS_DIFFER
(5) the elements are the signed ones                            ELEMENTS_DIFFER
(6) the programme exists                                        UNKNOWN_PROGRAMME
(7) a request of this id came with the same bytes, or never     EVALUATION_REQUEST_DIFFERS

The count of every request is in the record, so that the quotas that trustees keep can be audited.
Which key a role may ask for, and how often, is theirs to say.
"""

from __future__ import annotations

from typing import ClassVar

from sqlmodel import Session

from fedcarbon.errors import CallerError
from fedcarbon.ids import PartyId, Role
from fedcarbon.registry.evaluation import EvaluationRequest, elements_hash_of
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.identity.storage.evaluation_store import EvaluationStore
from hub.registry.parties import signing_keys
from hub.registry.programmes import require_programme


class ElementsDifferError(CallerError):
    """The blinded elements are not those that the request was signed for."""

    code: ClassVar[str] = "ELEMENTS_DIFFER"


class EvaluationRequestDiffersError(CallerError):
    """The request id was used for other bytes; the asker must make a new one."""

    code: ClassVar[str] = "EVALUATION_REQUEST_DIFFERS"


def log_request(
    session: Session, hub: Hub, caller: PartyId, message: bytes, elements: tuple[bytes, ...]
) -> EvaluationRequest:
    """Log a request once and return it; the same bytes are accepted again.

    Args:
        session: a writing session.
        hub: where to.
        caller: the party that sent it, by its certificate.
        message: the exact bytes of the signed request.
        elements: the blinded elements beside it.

    Raises:
        MalformedError: not the envelope of a request.
        NotAdmittedError, SignatureInvalidError, SenderDiffersError, ParametersDifferError,
        ElementsDifferError, UnknownProgrammeError, EvaluationRequestDiffersError: the first rule
            that fails.
    """
    keys = signing_keys(session, Role.PARTNER) | signing_keys(session, Role.WALLET_OPERATOR)
    # (1) to (4)
    request = open_message(
        EvaluationRequest,
        message,
        sender=caller,
        keys=keys,
        named_in=lambda statement: statement.asker_id,
        parameter_id=hub.parameters.parameter_id,
    )
    # (5) the elements are the signed ones
    if (request.count, request.elements_hash) != (len(elements), elements_hash_of(elements)):
        raise ElementsDifferError("the request was signed for other elements")
    # (6) the programme exists
    require_programme(session, request.programme_id)
    # (7) a request of this id came with the same bytes, or never
    requests = EvaluationStore(session)
    if not requests.is_known(request):
        logged, _ = hub.record.accept(
            session, LeafType.EVALUATION_REQUEST, message, owners=[caller]
        )
        requests.add(request, logged.index)
    elif hub.record.receipt_of_message(session, LeafType.EVALUATION_REQUEST, message) is None:
        raise EvaluationRequestDiffersError(
            f"evaluation request {request.request_id.hex()} is in the record otherwise"
        )
    return request
