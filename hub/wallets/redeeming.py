"""Use cases of redemption as a wallet operator sees it.

(1) the caller is an admitted wallet operator                   NOT_ADMITTED
(2) its admitted key signed the exact bytes                     SIGNATURE_INVALID
(3) the order names the caller, (4) and this parameter set      SENDER_DIFFERS, PARAMETERS_DIFFER
(5) an order of this id is the same, or there was none          REDEMPTION_ID_REUSED
(6) the programme exists                                        UNKNOWN_PROGRAMME
(7) the binding is the caller's, for this account and wallet    BINDING_UNKNOWN, WALLET_SWAPPED
(8) the binding is valid now                                    see `fedcarbon.opening.refusals`
(9) account, limits and float allow it                          see `hub.clearing.redemptions`

An order that was taken stays taken: what it asked for is answered again even if the binding has
ended since, so that a lost answer never pays twice or leaves a payout unknown. Its exact envelope
is a leaf, committed together with the reservations: an auditor sees who ordered every payout.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import Session

from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import PartyId, Role
from fedcarbon.opening.binding_checks import signing_partners
from fedcarbon.opening.refusals import BindingUnknownError, WalletSwappedError
from fedcarbon.opening.view import RecordView
from fedcarbon.redemption.limits import Limits
from fedcarbon.redemption.order import Redemption, RedemptionOrder
from fedcarbon.redemption.settlement import SettlementRule
from fedcarbon.submission.signed_message import open_message
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Seconds
from fedcarbon.uses.campaign import Campaign, campaign_for
from fedcarbon.uses.order import UseOrder
from fedcarbon.uses.ranking import RankingChoice
from hub.clearing.redemptions import (
    RedemptionRequest,
    RedemptionUnknownError,
    create_redemptions,
    find_redemption,
)
from hub.context import Hub
from hub.openings.reasons import without_partners
from hub.record.folded_record import FoldedRecord
from hub.registry.parties import require_party, signing_keys
from hub.registry.programmes import require_programme
from hub.storage.record_store import RecordStore
from hub.uses.storage.publication_store import PublicationStore
from hub.wallets.storage.order_store import OrderStore


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenOrder:
    """An order that is in the record, and what became of it so far."""

    redemption: Redemption
    receipt: bytes
    """The signed promise for the order's leaf; always the same bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedOrder:
    """An order as it came."""

    caller: PartyId
    """The party that sent it, by its certificate."""
    message: bytes
    """The exact bytes of the signed order."""


def order_redemption(
    session: Session,
    hub: Hub,
    folded: FoldedRecord,
    caller: PartyId,
    message: bytes,
    *,
    limits: Limits,
) -> TakenOrder:
    """Reserve what an order asks for and log it; the same order gets the same answer.

    Args:
        session: a writing session.
        hub: where to.
        folded: the record as trustees see it.
        caller: the party that sent it, by its certificate.
        message: the exact bytes of the signed order.
        limits: what the operator of the hub has set.

    Raises:
        MalformedError: not the envelope of an order.
        NotAdmittedError, SignatureInvalidError, SenderDiffersError, ParametersDifferError,
        UnknownProgrammeError, BindingUnknownError, WalletSwappedError: the first rule that fails.
        FedcarbonError: the binding is not valid now, or what `create_redemption` raises.
    """
    signed = SignedOrder(caller=caller, message=message)
    (result,) = order_redemptions(session, hub, folded, [signed], limits=limits)
    if isinstance(result, FedcarbonError):
        raise result
    return result


def order_redemptions(
    session: Session,
    hub: Hub,
    folded: FoldedRecord,
    signed: Sequence[SignedOrder],
    *,
    limits: Limits,
) -> list[TakenOrder | FedcarbonError]:
    """Take many orders in one transaction, each as `order_redemption` would.

    Returns:
        Per order what became of it, or what `order_redemption` would raise.
    """
    now_s = hub.clock.now_s()
    opened = _opened(session, hub, signed)
    ids = [item.redemption_id for item in opened if isinstance(item, RedemptionOrder)]
    leaves = OrderStore(session).leaves_of(ids)
    campaigns = [item.statement for item in PublicationStore(session).all(Campaign)]
    checked: list[RedemptionRequest | FedcarbonError] = []
    with folded.at(session) as view:
        for item in opened:
            if isinstance(item, FedcarbonError):
                checked.append(item)
                continue
            try:
                # (6) the programme exists
                rule = SettlementRule.of(require_programme(session, item.programme_id))
                # (5) an order of this id is the same, or there was none
                if item.redemption_id not in leaves:
                    check_binding(view, item, now_s)
                campaign = campaign_for(campaigns, item.programme_id, None, now_s)
                checked.append(RedemptionRequest(order=item, rule=rule, campaign=campaign))
            except FedcarbonError as refusal:
                checked.append(refusal)
    requests = [item for item in checked if isinstance(item, RedemptionRequest)]
    # (5) again, (9)
    created = iter(create_redemptions(session, requests, now_s, limits=limits))
    results = [item if isinstance(item, FedcarbonError) else next(created) for item in checked]
    receipts = _receipts(session, hub, leaves, list(zip(signed, results, strict=True)))
    return [
        result
        if isinstance(result, FedcarbonError)
        else TakenOrder(redemption=result, receipt=receipts[result.order.redemption_id])
        for result in results
    ]


def _opened(
    session: Session, hub: Hub, signed: Sequence[SignedOrder]
) -> list[RedemptionOrder | FedcarbonError]:
    keys = signing_keys(session, Role.WALLET_OPERATOR)
    opened: list[RedemptionOrder | FedcarbonError] = []
    for item in signed:
        try:
            opened.append(
                open_message(  # (1) to (4)
                    RedemptionOrder,
                    item.message,
                    sender=item.caller,
                    keys=keys,
                    named_in=lambda statement: statement.operator_id,
                    parameter_id=hub.parameters.parameter_id,
                )
            )
        except FedcarbonError as refusal:
            opened.append(refusal)
    return opened


def _receipts(
    session: Session,
    hub: Hub,
    leaves: Mapping[bytes, int],
    results: Sequence[tuple[SignedOrder, Redemption | FedcarbonError]],
) -> dict[bytes, bytes]:
    """Log the exact envelopes of new orders, each readable by its operator; return all receipts.

    Args:
        session: a writing session.
        hub: where to.
        leaves: redemption id to the leaf of an order that was taken before.
        results: what became of each order.
    """
    new: dict[bytes, SignedOrder] = {}
    for signed, result in results:
        if not isinstance(result, FedcarbonError) and result.order.redemption_id not in leaves:
            new.setdefault(result.order.redemption_id, signed)
    accepted = hub.record.accept_many(
        session,
        LeafType.REDEMPTION_ORDER,
        [(signed.message, [signed.caller]) for signed in new.values()],
    )
    OrderStore(session).add(
        {item: logged.index for item, (logged, _) in zip(new, accepted, strict=True)}
    )
    given = RecordStore(session).receipts(list(leaves.values()))
    return {redemption_id: given[index] for redemption_id, index in leaves.items()} | {
        redemption_id: receipt for redemption_id, (_, receipt) in zip(new, accepted, strict=True)
    }


def redemption_of(session: Session, caller: PartyId, redemption_id: bytes) -> Redemption:
    """Return a redemption of the caller's as it stands.

    Raises:
        NotAdmittedError: the caller is no admitted wallet operator.
        RedemptionUnknownError: it has ordered none of this id.
    """
    require_party(session, caller, Role.WALLET_OPERATOR)
    redemption = find_redemption(session, redemption_id)
    if redemption.order.operator_id != caller:
        raise RedemptionUnknownError(f"there is no redemption {redemption_id.hex()[:64]}")
    return redemption


def check_binding(
    view: RecordView, order: RedemptionOrder | UseOrder | RankingChoice, now_s: Seconds
) -> None:
    """Check that the order is for the wallet, account and operator of a binding valid now.

    Raises:
        BindingUnknownError, WalletSwappedError: the first rule that fails.
        FedcarbonError: the binding is not valid now.
    """
    # (7) the binding is the caller's, for this account and wallet
    binding = view.bindings.of_leaf(order.binding_leaf)
    if binding is None or binding.operator_half.statement.operator_id != order.operator_id:
        raise BindingUnknownError("the order names a leaf that is no binding of yours")
    half = binding.operator_half.statement
    bound = (half.programme_id, half.account_token, half.wallet_id, half.wallet_class)
    if bound != (order.programme_id, order.account_token, order.wallet_id, order.wallet_class):
        raise WalletSwappedError("the order is for another account or wallet than the binding")
    # (8) the binding is valid now
    try:
        signing_partners(view, binding, now_s)
    except FedcarbonError as refusal:
        raise without_partners(refusal) from refusal
