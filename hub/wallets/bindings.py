"""Use cases of bindings: propose, confirm, object, end.

(1) the caller is admitted in the role                          NOT_ADMITTED
(2) its admitted key signed the exact bytes                     SIGNATURE_INVALID
(3) the message names the caller, (4) and this parameter set    SENDER_DIFFERS, PARAMETERS_DIFFER
(5) a message of this id came with the same bytes, or never     BINDING_DIFFERS
(6) the programme exists, the wallet is one of a real name      UNKNOWN_PROGRAMME, WALLET_...
(7) the binding exists, and for this account                    BINDING_UNKNOWN
(8) the partner has the account enrolled now                    ACCOUNT_NOT_ENROLLED
(9) the binding is not over                                     BINDING_ENDED, BINDING_FROZEN
(10) the holder saw the operator and wallet of the binding      WALLET_SHOWN_DIFFERS

The operator's half needs (1) to (6); what follows it needs the others. Each half goes to its signer
only: the operator learns no partner. Waits are not this module's matter.
"""

from __future__ import annotations

from typing import ClassVar, TypeVar

from sqlmodel import Session

from fedcarbon.errors import CallerError
from fedcarbon.ids import PartyId, Role
from fedcarbon.opening.binding_checks import require_shown
from fedcarbon.opening.refusals import BindingEndedError, BindingFrozenError, BindingUnknownError
from fedcarbon.opening.statements import (
    BindingObjection,
    OperatorBinding,
    PartnerBinding,
    Unbinding,
)
from fedcarbon.redemption.wallet import check_may_redeem, wallet_class, wallet_id
from fedcarbon.registry.enrolment import EnrolmentAction
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from hub.context import Hub
from hub.registry.parties import signing_keys
from hub.registry.programmes import require_programme
from hub.storage.enrolment_store import EnrolmentStore
from hub.wallets.storage.binding_store import BindingStore, StoredBinding

M = TypeVar("M", OperatorBinding, PartnerBinding, BindingObjection, Unbinding)


class BindingDiffersError(CallerError):
    """The id was used for other bytes; whoever binds must make a new one."""

    code: ClassVar[str] = "BINDING_DIFFERS"


class AccountNotEnrolledError(CallerError):
    """Only a partner that has the account enrolled may speak about its bindings."""

    code: ClassVar[str] = "ACCOUNT_NOT_ENROLLED"


def bind_as_operator(session: Session, hub: Hub, caller: PartyId, message: bytes) -> bytes:
    """Log a wallet operator's half and return its receipt.

    Args:
        session: a writing session.
        hub: where to.
        caller: the party that sent it, by its certificate.
        message: the exact bytes of the signed statement.

    Raises:
        MalformedError: not the envelope of an operator's half.
        NotAdmittedError, SignatureInvalidError, SenderDiffersError, ParametersDifferError,
        BindingDiffersError, UnknownProgrammeError, WalletIdInvalidError, WalletClassInvalidError,
        WalletClassRefusedError: the first rule that fails.
    """
    keys = signing_keys(session, Role.WALLET_OPERATOR)
    binding = open_message(  # (1) to (4)
        OperatorBinding,
        message,
        sender=caller,
        keys=keys,
        named_in=lambda statement: statement.operator_id,
        parameter_id=hub.parameters.parameter_id,
    )
    store = BindingStore(session)
    # (5) a message of this id came with the same bytes, or never
    if store.find(binding.binding_id) is not None:
        return _receipt_again(session, hub, LeafType.OPERATOR_BINDING, message)
    # (6) the programme exists, the wallet is one of a real name
    require_programme(session, binding.programme_id)
    wallet_id(binding.wallet_id)
    check_may_redeem(wallet_class(str(binding.wallet_class)))
    logged, receipt = hub.record.accept(
        session, LeafType.OPERATOR_BINDING, message, owners=[caller]
    )
    store.add(binding, leaf_index=logged.index, leaf=logged.leaf)
    return receipt


def bind_as_partner(session: Session, hub: Hub, caller: PartyId, message: bytes) -> bytes:
    """Log a partner's half and return its receipt; see `bind_as_operator`.

    Raises:
        MalformedError, NotAdmittedError, SignatureInvalidError, SenderDiffersError,
        ParametersDifferError, BindingDiffersError, BindingUnknownError, AccountNotEnrolledError,
        BindingEndedError, BindingFrozenError, WalletShownDiffersError: the first rule that fails.
    """
    half = _opened_from_partner(session, hub, PartnerBinding, caller, message)
    binding = _require_binding(session, half)
    if caller in binding.signed_by:
        return _receipt_again(session, hub, LeafType.PARTNER_BINDING, message)
    if half.operator_leaf != binding.leaf:
        raise BindingUnknownError("the partner's half names another leaf than the operator's half")
    _require_enrolled(session, binding, caller)
    # (9) the binding is not over
    if binding.is_ended:
        raise BindingEndedError("the binding was ended; the holder must bind again")
    if binding.objected_by:
        raise BindingFrozenError("a partner objected to the binding; the holder must bind again")
    # (10) the holder saw the operator and wallet of the binding
    require_shown(binding.operator_id, binding.wallet_id, half)
    logged, receipt = hub.record.accept(session, LeafType.PARTNER_BINDING, message, owners=[caller])
    BindingStore(session).add_half(half.binding_id, caller, logged.index)
    return receipt


def object_to_binding(session: Session, hub: Hub, caller: PartyId, message: bytes) -> bytes:
    """Log an objection, which freezes the binding, and return its receipt.

    Raises:
        MalformedError, NotAdmittedError, SignatureInvalidError, SenderDiffersError,
        ParametersDifferError, BindingDiffersError, BindingUnknownError, AccountNotEnrolledError:
            the first rule that fails.
    """
    objection = _opened_from_partner(session, hub, BindingObjection, caller, message)
    binding = _require_binding(session, objection)
    if caller in binding.objected_by:
        return _receipt_again(session, hub, LeafType.BINDING_OBJECTION, message)
    _require_enrolled(session, binding, caller)
    logged, receipt = hub.record.accept(
        session, LeafType.BINDING_OBJECTION, message, owners=[caller]
    )
    BindingStore(session).add_objection(objection.binding_id, caller, logged.index)
    return receipt


def unbind(session: Session, hub: Hub, caller: PartyId, message: bytes) -> bytes:
    """Log an unbinding by the operator or a signing partner and return its receipt.

    Raises:
        MalformedError, NotAdmittedError, SignatureInvalidError, SenderDiffersError,
        ParametersDifferError: the first of these rules that fails.
        BindingUnknownError: no binding of this id and account that the caller has signed.
        BindingEndedError: it was ended by another message.
    """
    keys = signing_keys(session, Role.WALLET_OPERATOR) | signing_keys(session, Role.PARTNER)
    unbinding = open_message(  # (1) to (4)
        Unbinding,
        message,
        sender=caller,
        keys=keys,
        named_in=lambda statement: statement.party_id,
        parameter_id=hub.parameters.parameter_id,
    )
    given = hub.record.receipt_of_message(session, LeafType.UNBINDING, message)
    if given is not None:
        return given
    binding = _require_binding(session, unbinding)
    if caller != binding.operator_id and caller not in binding.signed_by:
        raise BindingUnknownError("no binding of this id was signed by you")
    if binding.is_ended:
        raise BindingEndedError("the binding was ended before")
    logged, receipt = hub.record.accept(session, LeafType.UNBINDING, message, owners=[caller])
    BindingStore(session).add_end(unbinding.binding_id, caller, logged.index)
    return receipt


def _opened_from_partner(
    session: Session, hub: Hub, cls: type[M], caller: PartyId, message: bytes
) -> M:
    """Return what a partner signed, after rules (1) to (4)."""
    return open_message(
        cls,
        message,
        sender=caller,
        keys=signing_keys(session, Role.PARTNER),
        named_in=lambda statement: PartyId(getattr(statement, "partner_id")),  # noqa: B009
        parameter_id=hub.parameters.parameter_id,
    )


def _require_binding(
    session: Session, named: PartnerBinding | BindingObjection | Unbinding
) -> StoredBinding:
    """Return the binding that a message names by id, programme and account (7)."""
    binding = BindingStore(session).find(named.binding_id)
    if binding is None or (binding.programme_id, binding.account_token) != (
        named.programme_id,
        named.account_token,
    ):
        raise BindingUnknownError("no binding of this id and account is in the record")
    return binding


def _require_enrolled(session: Session, binding: StoredBinding, partner_id: PartyId) -> None:
    """Check that a partner has the account enrolled now (8)."""
    entries = EnrolmentStore(session).entries_of(binding.programme_id, binding.account_token)
    own = [entry.action for entry in entries if entry.partner_id == partner_id]
    if not own or own[-1] is not EnrolmentAction.ENROL:
        raise AccountNotEnrolledError(f"the account is not enrolled at {partner_id}")


def _receipt_again(session: Session, hub: Hub, leaf_type: LeafType, message: bytes) -> bytes:
    """Return the receipt of these very bytes (5)."""
    given = hub.record.receipt_of_message(session, leaf_type, message)
    if given is None:
        raise BindingDiffersError("a message about this binding is in the record otherwise")
    return given
