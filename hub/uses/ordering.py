"""Use cases of uses as a wallet operator sees them; the rules are those of redemption orders.

(1) to (6)  caller, signature and programme                   see `hub.wallets.redeeming`
(5)         an order of this id is the same, or there was none  USE_ID_REUSED
(6a)        what goes into tonnes is grams                      NOT_GRAMS
(7) to (8)  the binding                                       see `hub.wallets.redeeming`
(9)         the price is published, the account can give it     see `hub.uses.taking`

The exact envelope of an order is a leaf, committed together with the moves of its grams.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlmodel import Session

from fedcarbon.ids import PartyId, Role
from fedcarbon.registry.measure import require_grams
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.uses.order import NEED_GRAMS, Use, UseOrder
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.registry.parties import require_party, signing_keys
from hub.registry.programmes import require_programme
from hub.storage.record_store import RecordStore
from hub.uses.errors import UseUnknownError
from hub.uses.storage.use_store import UseStore
from hub.uses.taking import create_use, find_use
from hub.uses.terms import terms_of
from hub.wallets.redeeming import check_binding


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenUse:
    """An order that is in the record, and how its use stands."""

    use: Use
    receipt: bytes
    """The signed promise for the order's leaf; always the same bytes."""


def order_use(
    session: Session, hub: Hub, folded: FoldedRecord, caller: PartyId, message: bytes
) -> TakenUse:
    """Do what an order asks for and log it; the same order gets the same answer.

    Args:
        session: a writing session.
        hub: where to.
        folded: the record as trustees see it.
        caller: the party that sent it, by its certificate.
        message: the exact bytes of the signed order.

    Raises:
        MalformedError: not the envelope of an order.
        NotAdmittedError, SignatureInvalidError, SenderDiffersError, ParametersDifferError,
        UnknownProgrammeError, BindingUnknownError, WalletSwappedError, NotGramsError: the first
            rule that fails.
        FedcarbonError: the binding is not valid now, or what `create_use` raises.
    """
    order = open_message(
        UseOrder,
        message,
        sender=caller,
        keys=signing_keys(session, Role.WALLET_OPERATOR),
        named_in=lambda statement: statement.operator_id,
        parameter_id=hub.parameters.parameter_id,
    )
    now_s = hub.clock.now_s()
    programme = require_programme(session, order.programme_id)
    if order.use in NEED_GRAMS:
        require_grams(programme.measure, "pledges and own retirement")
    uses = UseStore(session)
    leaf_index = uses.leaf_of(order.use_id)
    if leaf_index is None:
        with folded.at(session) as view:
            check_binding(view, order, now_s)
    use = create_use(session, order, terms_of(session, order, now_s), now_s)
    given = None if leaf_index is None else RecordStore(session).receipt(leaf_index)
    if given is None:
        logged, given = hub.record.accept(
            session, LeafType.USE_ORDER, message, owners=[order.operator_id]
        )
        uses.add_leaf(order.use_id, logged.index)
    return TakenUse(use=use, receipt=given)


def use_of(session: Session, caller: PartyId, use_id: bytes) -> Use:
    """Return a use of the caller's as it stands.

    Raises:
        NotAdmittedError: the caller is no admitted wallet operator.
        UseUnknownError: it has ordered none of this id.
    """
    require_party(session, caller, Role.WALLET_OPERATOR)
    use = find_use(session, use_id)
    if use.order.operator_id != caller:
        raise UseUnknownError(f"there is no use {use_id.hex()[:64]}")
    return use
