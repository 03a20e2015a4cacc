"""How a wallet operator orders uses of its customers' grams besides cash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from fedcarbon.cli.wallet_operator import Accepted, WalletOperator
from fedcarbon.cli.wallet_store import Customer
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.wallet import WalletClass, wallet_id
from fedcarbon.transparency.envelope import sign
from fedcarbon.units import MicrogramsCO2e
from fedcarbon.uses.order import UseKind, UseOrder
from fedcarbon.v1 import opening_pb2, use_pb2


class Used(NamedTuple):
    """A use as it stands, and the order that it rests on."""

    use: use_pb2.Use
    order: Accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a customer wants to do with grams."""

    use: UseKind
    offer_id: str | None = None
    pieces: int | None = None
    mass_ug: MicrogramsCO2e | None = None
    vintage: Vintage | None = None
    price_fen: int | None = None
    purpose_sha256: bytes | None = None
    may_be_claimed: bool = False


def place_use(
    operator: WalletOperator,
    item: Customer,
    binding: opening_pb2.Binding,
    wish: Wish,
    *,
    run_label: str,
) -> Used:
    """Order a use for a customer; an interrupted order is repeated with the same bytes.

    Args:
        operator: who orders.
        item: a customer whose account is known.
        binding: the customer's binding as the hub lists it.
        wish: what is ordered.
        run_label: names this use among others of the wallet; the same label again asks for the
            same use.
    """
    assert item.account_token is not None
    use_id, signed = operator.store.use(item.account_token, item.wallet_id, run_label)
    if signed is None:
        order = UseOrder(
            parameter_id=operator.parameters.parameter_id,
            programme_id=operator.programme.programme_id,
            use_id=use_id,
            account_token=item.account_token,
            wallet_id=wallet_id(item.wallet_id),
            wallet_class=WalletClass(item.wallet_class),
            binding_leaf=binding.operator_leaf,
            operator_id=operator.operator_id,
            use=wish.use,
            offer_id=wish.offer_id,
            pieces=wish.pieces,
            price_fen=wish.price_fen,
            mass_ug=wish.mass_ug,
            vintage=wish.vintage,
            may_be_claimed=wish.may_be_claimed,
            purpose_sha256=wish.purpose_sha256,
        )
        signed = sign(order, {operator.operator_id: operator.signing_key}).to_bytes()
        operator.store.set_use(use_id, signed)
    answer = operator.hub.place_use_order(use_pb2.PlaceUseOrderRequest(signed_order=signed))
    return Used(answer.use, Accepted(envelope=signed, receipt=answer.receipt))
