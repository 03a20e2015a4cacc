"""What every message that a party signs for itself must satisfy before its content is looked at.

 (1) the party is admitted                                      NOT_ADMITTED
 (2) its admitted key, and nobody else, signed the exact bytes  SIGNATURE_INVALID
 (3) the message names the party that sent it                   SENDER_DIFFERS
 (4) it is for this parameter set                               PARAMETERS_DIFFER

The sender's id comes from its certificate, never from the message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, TypeVar

from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import CallerError, SignatureInvalidError
from fedcarbon.ids import PartyId
from fedcarbon.transparency.envelope import Envelope, open_signed

S = TypeVar("S", bound=Statement)


class NotAdmittedError(CallerError):
    """The record has no admission of this party in this role."""

    code: ClassVar[str] = "NOT_ADMITTED"


class SenderDiffersError(CallerError):
    """A party sent a message that names another party."""

    code: ClassVar[str] = "SENDER_DIFFERS"


class ParametersDifferError(CallerError):
    """A message is bound to another parameter set."""

    code: ClassVar[str] = "PARAMETERS_DIFFER"


def open_message(
    cls: type[S],
    data: bytes,
    *,
    sender: PartyId,
    keys: Mapping[PartyId, bytes],
    named_in: Callable[[S], PartyId],
    parameter_id: bytes,
) -> S:
    """Return the statement of class `cls` that `sender` signed, after rules (1) to (4).

    Args:
        cls: what the message must be.
        data: the exact bytes of its envelope.
        sender: the party that sent it, by its certificate.
        keys: party id to signing key, of the admitted parties that may send `cls`.
        named_in: returns the party that a statement names as its author.
        parameter_id: the 32 bytes of the parameter set in force.

    Raises:
        NotAdmittedError, SignatureInvalidError, SenderDiffersError, ParametersDifferError: the
            first rule that fails.
        MalformedError: not the envelope of a canonical `cls`.
    """
    # (1) the party is admitted
    key = keys.get(sender)
    if key is None:
        raise NotAdmittedError(f"{sender} is not admitted for this; root keys must admit it first")
    # (2) its admitted key, and nobody else, signed the exact bytes
    if len(Envelope.from_bytes(data).signatures) != 1:
        raise SignatureInvalidError(f"a {cls.KIND} has exactly one signature, that of {sender}")
    statement = open_signed(cls, data, {sender: key}, signers={sender})
    # (3) the message names the party that sent it
    if named_in(statement) != sender:
        raise SenderDiffersError(f"{sender} sent a {cls.KIND} of {named_in(statement)}")
    # (4) it is for this parameter set
    require_parameters(statement, parameter_id)
    return statement


def require_parameters(statement: Statement, parameter_id: bytes) -> None:
    """Check that a statement is bound to the parameter set `parameter_id`.

    Raises:
        ParametersDifferError: it names another one, or none.
    """
    if getattr(statement, "parameter_id", None) != parameter_id:
        raise ParametersDifferError(f"the {statement.KIND} is for another parameter set")
