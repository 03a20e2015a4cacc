"""`fedcarbon wallet offers|donate|exchange|pledge|withdraw`: uses of grams besides cash."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from fedcarbon.cli.use_orders import Wish, place_use
from fedcarbon.cli.wallet import WalletConfigError, connected, load_config
from fedcarbon.ledger.unit import Vintage
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e, grams_text
from fedcarbon.uses.order import UseKind
from fedcarbon.v1 import use_pb2


def offers(*, config: Path) -> None:
    """List what the programme has published for gifts and goods.

    Args:
        config: the operator's wallet.toml.
    """
    table = Table("offer", "kind", "title", "supplier", "price")
    with connected(load_config(config)) as (operator, _):
        request = use_pb2.ListOffersRequest(programme_id=operator.programme.programme_id)
        for item in operator.hub.list_offers(request).offers:
            price = grams_text(MicrogramsCO2e(item.price_ug))
            table.add_row(item.offer_id, item.offer_kind, item.title, item.supplier, price)
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
    _order(config, wallet, label, Wish(use=UseKind.DONATE, offer_id=offer, pieces=pieces))


def exchange(*, config: Path, wallet: str, offer: str, label: str, pieces: int = 1) -> None:
    """Set a customer's grams aside for goods; the same label again shows how they stand.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        offer: name of the offer.
        label: names this use; the same label again asks for the same one.
        pieces: how many.
    """
    _order(config, wallet, label, Wish(use=UseKind.GOODS, offer_id=offer, pieces=pieces))


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
    _order(config, wallet, label, wish)


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
    _order(config, wallet, label, wish)


def _order(config: Path, wallet: str, label: str, wish: Wish) -> None:
    with connected(load_config(config)) as (operator, record):
        customers = [item for item in operator.store.customers() if item.wallet_id == wallet]
        item = customers[0] if len(customers) == 1 else None
        binding = None if item is None else operator.bindings().get(item.binding_id)
        if item is None or item.account_token is None or binding is None:
            raise WalletConfigError("the wallet is no bound wallet of one customer")
        used = place_use(operator, item, binding, wish, run_label=label)
        record.check_receipt(used.order.receipt, LeafType.USE_ORDER, used.order.envelope)
    state = use_pb2.UseState.Name(used.use.state).removeprefix("USE_STATE_").lower()
    taken = grams_text(MicrogramsCO2e(used.use.mass_ug))
    Console(stderr=True).print(f"{wish.use} {state}: {taken}, use {used.use.use_id.hex()}")
