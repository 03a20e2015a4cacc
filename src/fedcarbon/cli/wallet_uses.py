"""`fedcarbon wallet offers|donate|exchange|pledge|withdraw|cash-proceeds`: uses besides cash.

And the cash that comes of them: a customer's share of sold credit lots.
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fedcarbon.cli.use_orders import Wish, place_use
from fedcarbon.cli.wallet import (
    UNSETTLED,
    RedemptionsUnsettledError,
    WalletConfigError,
    connected,
    load_config,
    state_text,
    until_final,
)
from fedcarbon.cli.wallet_operator import WalletOperator
from fedcarbon.cli.wallet_store import Customer
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.order import Source
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import Fen, MicrogramsCO2e, grams_text, yuan_text
from fedcarbon.uses.order import UseKind
from fedcarbon.v1 import opening_pb2, use_pb2


def offers(*, config: Path) -> None:
    """List what the programme has published for gifts and goods.

    Args:
        config: the operator's wallet.toml.
    """
    table = Table("offer", "kind", "title", "supplier", "price", "left")
    with connected(load_config(config)) as (operator, _):
        request = use_pb2.ListOffersRequest(programme_id=operator.programme.programme_id)
        for item in operator.hub.list_offers(request).offers:
            price = grams_text(MicrogramsCO2e(item.price_ug))
            left = str(item.left_pieces) if item.HasField("left_pieces") else ""
            texts = (escape(item.title), escape(item.supplier))
            table.add_row(item.offer_id, item.offer_kind, *texts, price, left)
    Console().print(table)


def donate(*, config: Path, wallet: str, offer: str, label: str, pieces: int = 1) -> None:
    """Give a customer's grams to a published cause, at its price.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        offer: name of the offer.
        label: names this use; the same label again asks for the same one.
        pieces: how many.
    """
    order_use(config, wallet, label, Wish(use=UseKind.DONATE, offer_id=offer, pieces=pieces))


def exchange(*, config: Path, wallet: str, offer: str, label: str, pieces: int = 1) -> None:
    """Set a customer's grams aside for goods; the same label again shows how they stand.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        offer: name of the offer.
        label: names this use; the same label again asks for the same one.
        pieces: how many.
    """
    order_use(config, wallet, label, Wish(use=UseKind.GOODS, offer_id=offer, pieces=pieces))


def pledge(
    *,
    config: Path,
    wallet: str,
    mass_ug: int,
    label: str,
    may_be_claimed: bool,
    vintage: int | None = None,
) -> None:
    """Have a customer's grams bundled into credit lots.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        mass_ug: how much.
        label: names this use; the same label again asks for the same one.
        may_be_claimed: the customer has agreed that others claim the reduction.
        vintage: of which year; the oldest first by default.
    """
    wish = Wish(
        use=UseKind.PLEDGE,
        mass_ug=MicrogramsCO2e(mass_ug),
        vintage=None if vintage is None else Vintage(vintage),
        may_be_claimed=may_be_claimed,
    )
    order_use(config, wallet, label, wish)


def withdraw(
    *, config: Path, wallet: str, mass_ug: int, label: str, vintage: int | None = None
) -> None:
    """Take back what a customer has pledged and no lot holds.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        mass_ug: how much.
        label: names this use; the same label again asks for the same one.
        vintage: of which year; the oldest first by default.
    """
    wish = Wish(
        use=UseKind.WITHDRAW,
        mass_ug=MicrogramsCO2e(mass_ug),
        vintage=None if vintage is None else Vintage(vintage),
    )
    order_use(config, wallet, label, wish)


def cash_proceeds(
    *, config: Path, wallet: str, label: str, fen: int | None = None, wait_s: int = 120
) -> None:
    """Pay a customer's proceeds into its wallet: of sold lots, the market and red packets.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        label: names this payout; the same label again asks for the same one.
        fen: how much; everything by default.
        wait_s: how long to wait for the rail.
    """
    with connected(load_config(config)) as (operator, record):
        item, binding = bound_customer(operator, wallet)
        redemption, order = operator.redeem(
            item, binding, units=fen, run_label=label, source=Source.PROCEEDS
        )
        record.check_receipt(order.receipt, LeafType.REDEMPTION_ORDER, order.envelope)
        redemption = until_final(operator, redemption, wait_s)
    state, amount = state_text(redemption), yuan_text(Fen(redemption.payout_fen))
    Console(stderr=True).print(
        f"proceeds {state}: {amount}, redemption {redemption.redemption_id.hex()}"
    )
    if state in UNSETTLED:
        raise RedemptionsUnsettledError(
            "the payout did not settle: run the command again with the same label"
        )


def bound_customer(operator: WalletOperator, wallet: str) -> tuple[Customer, opening_pb2.Binding]:
    """Return the one customer of a bound wallet, and the binding."""
    customers = [item for item in operator.store.customers() if item.wallet_id == wallet]
    item = customers[0] if len(customers) == 1 else None
    binding = None if item is None else operator.bindings().get(item.binding_id)
    if item is None or item.account_token is None or binding is None:
        raise WalletConfigError("the wallet is no bound wallet of one customer")
    return item, binding


def order_use(config: Path, wallet: str, label: str, wish: Wish) -> None:
    """Order a use for the one customer of a wallet, check the receipt and say how it stands."""
    with connected(load_config(config)) as (operator, record):
        item, binding = bound_customer(operator, wallet)
        used = place_use(operator, item, binding, wish, run_label=label)
        record.check_receipt(used.order.receipt, LeafType.USE_ORDER, used.order.envelope)
    state = use_pb2.UseState.Name(used.use.state).removeprefix("USE_STATE_").lower()
    taken = grams_text(MicrogramsCO2e(used.use.mass_ug))
    Console(stderr=True).print(f"{wish.use} {state}: {taken}, use {used.use.use_id.hex()}")
