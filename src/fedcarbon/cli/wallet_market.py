"""`fedcarbon wallet campaigns|market|sell|buy|retire-own|certificate|check-certificate`.

What a programme pays on top, the trade in its market, and what a customer retires for itself.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from fedcarbon.canonical import statement as statements
from fedcarbon.cli.public_record import RecordNotReadyError
from fedcarbon.cli.use_orders import Wish
from fedcarbon.cli.wallet import WalletConfigError, connected, load_config
from fedcarbon.cli.wallet_uses import bound_customer, order_use
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.receipt import Receipt
from fedcarbon.units import Fen, MicrogramsCO2e, grams_text, yuan_text
from fedcarbon.uses.certificate import Certificate
from fedcarbon.uses.order import UseKind
from fedcarbon.v1 import record_pb2, use_pb2


def campaigns(*, config: Path) -> None:
    """List what the programme pays on top, and how much of each budget is left.

    Args:
        config: the operator's wallet.toml.
    """
    table = Table("campaign", "title", "for", "red packet", "budget", "left")
    with connected(load_config(config)) as (operator, _):
        request = use_pb2.ListOffersRequest(programme_id=operator.programme.programme_id)
        for item in operator.hub.list_offers(request).campaigns:
            money = (item.packet_fen, item.budget_fen, item.left_fen)
            sums = [yuan_text(Fen(fen)) for fen in money]
            title = escape(item.title)
            table.add_row(item.campaign_id, title, item.offer_id or item.occasion, *sums)
    Console().print(table)


def market(*, config: Path) -> None:
    """Show the market's last price and what the market holds.

    Args:
        config: the operator's wallet.toml.
    """
    with connected(load_config(config)) as (operator, _):
        request = use_pb2.ListOffersRequest(programme_id=operator.programme.programme_id)
        found = operator.hub.list_offers(request).market
    if not found.market_id:
        Console().print("the programme has no market with a price")
        return
    Console().print(
        f"market {found.market_id}, day {found.day}: {yuan_text(Fen(found.price_fen))} for "
        f"{grams_text(MicrogramsCO2e(found.unit_ug))}; it holds "
        f"{grams_text(MicrogramsCO2e(found.stock_ug))} and {yuan_text(Fen(found.purse_fen))}"
    )


def sell(
    *, config: Path, wallet: str, market_id: str, units: int, price_fen: int, label: str
) -> None:
    """Sell a customer's grams to the market; the money becomes proceeds.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        market_id: name of the market.
        units: how many.
        price_fen: for a unit, as the customer has agreed to; another price of the day is refused.
        label: names this use; the same label again asks for the same one.
    """
    wish = Wish(use=UseKind.SELL, offer_id=market_id, pieces=units, price_fen=price_fen)
    order_use(config, wallet, label, wish)


def buy(
    *, config: Path, wallet: str, market_id: str, units: int, price_fen: int, label: str
) -> None:
    """Buy grams of the market with a customer's proceeds.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        market_id: name of the market.
        units: how many.
        price_fen: for a unit, as the customer has agreed to; another price of the day is refused.
        label: names this use; the same label again asks for the same one.
    """
    wish = Wish(use=UseKind.BUY, offer_id=market_id, pieces=units, price_fen=price_fen)
    order_use(config, wallet, label, wish)


def retire_own(*, config: Path, wallet: str, mass_ug: int, purpose: Path, label: str) -> None:
    """Retire a customer's grams against a footprint of its own; nobody can use them again.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        mass_ug: how much.
        purpose: file with the customer's own words; only their hash leaves this machine.
        label: names this use; the same label again asks for the same one.
    """
    wish = Wish(
        use=UseKind.RETIRE_OWN,
        mass_ug=MicrogramsCO2e(mass_ug),
        purpose_sha256=hashlib.sha256(_words(purpose).encode()).digest(),
    )
    order_use(config, wallet, label, wish)


def certificate(*, config: Path, wallet: str, purpose: Path, label: str, out: Path) -> None:
    """Write what a customer shows of grams that it has retired; this retires nothing.

    Args:
        config: the operator's wallet.toml.
        wallet: the customer's wallet.
        purpose: the same file as when they were retired.
        label: likewise.
        out: file to write.
    """
    words = _words(purpose)
    with connected(load_config(config)) as (operator, record):
        item, _ = bound_customer(operator, wallet)
        signed = operator.store.signed_use(item, label)
        if signed is None:
            raise WalletConfigError(f"nothing was ever ordered for this wallet as {label!r}")
        asked = use_pb2.PlaceUseOrderRequest(signed_order=signed)
        given = operator.hub.place_use_order(asked).receipt
        record.check_receipt(given, LeafType.USE_ORDER, signed)
        receipt = statements.decode(Receipt, Envelope.from_bytes(given).payload)
        head = record.head()
        if receipt.leaf_index >= head.size:
            raise RecordNotReadyError("no witnessed head covers the order yet: try again later")
        proof = record_pb2.GetInclusionProofRequest(leaf_index=receipt.leaf_index, size=head.size)
        written = Certificate(
            purpose=words,
            order=signed,
            leaf_index=receipt.leaf_index,
            salt=receipt.salt,
            head=head.note,
            hashes=tuple(operator.hub.get_inclusion_proof(proof).hashes),
        )
        written.check(record.book)
    out.write_bytes(written.to_json())


def check_certificate(*, config: Path, file: Path) -> None:
    """Check a certificate against the public record, and say what was retired.

    Args:
        config: the operator's wallet.toml.
        file: the certificate.
    """
    with connected(load_config(config)) as (_, record):
        shown = Certificate.from_json(file.read_bytes())
        order = shown.check(record.book)
    taken = grams_text(MicrogramsCO2e(order.mass_ug or 0))
    # Somebody else's words: no line, colour or markup of theirs may speak for this command.
    said = f"leaf {shown.leaf_index}: {taken} were retired for: {shown.purpose!r}"
    Console().print(Text(said), soft_wrap=True)


def _words(purpose: Path) -> str:
    try:
        return purpose.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise WalletConfigError(f"{purpose.name}: {error}") from error
