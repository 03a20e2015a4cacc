"""`fedcarbon-hub uses`: lots, the outcome of goods and rankings, asked of the hub that runs.

These commands write leaves, which only the serving hub may: they dial it with its own certificate.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cyclopts import App

from fedcarbon.canonical.hashing import digest
from fedcarbon.ids import Role
from fedcarbon.ledger.account import LOT_ID_BYTES
from fedcarbon.v1 import use_pb2
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.hub_client import GrpcHubClient, HubClient
from fedcarbon.wire.party import load_party
from fedcarbon.wire.tls import dial
from hub.config import load_config

app = App(
    name="uses", help="Credit lots, goods and rankings: what the hub itself signs about uses."
)


@app.command
def form_lot(*, config: Path, programme: str, vintage: int, tonnes: int, label: str) -> None:
    """Bundle the oldest pledges of a vintage into a credit lot; prints the lot's id.

    Args:
        config: the configuration file (TOML) of the running hub.
        programme: whose grams.
        vintage: of which year.
        tonnes: how many.
        label: names the lot; the same label and figures again are the same lot.
    """
    lot_id = digest(b"fedcarbon/v1/lot-id", programme.encode(), label.encode())[:LOT_ID_BYTES]
    with own_hub(config) as hub:
        answer = hub.form_lot(
            use_pb2.FormLotRequest(
                lot_id=lot_id, programme_id=programme, vintage=vintage, tonnes=tonnes
            )
        )
    _say(f"lot {lot_id.hex()}: {tonnes} t of {answer.contributors} accounts")


@app.command
def sell_lot(*, config: Path, lot: str, buyer: str, price_fen: int, retained_fen: int) -> None:
    """Enter what a buyer has paid for a verified lot, and share it among its contributors.

    Args:
        config: the configuration file (TOML) of the running hub.
        lot: the lot's id in hexadecimal.
        buyer: who paid.
        price_fen: for the whole lot.
        retained_fen: what the programme keeps of it.
    """
    with own_hub(config) as hub:
        answer = hub.sell_lot(
            use_pb2.SellLotRequest(
                lot_id=bytes.fromhex(lot),
                buyer=buyer,
                price_fen=price_fen,
                retained_fen=retained_fen,
            )
        )
    _say(f"lot {lot} is sold; its contributors share {answer.proceeds_fen} fen")


@app.command
def retire_lot(
    *,
    config: Path,
    lot: str,
    beneficiary: str,
    obligation: str = "",
    obligation_kg: int = 0,
) -> None:
    """Retire a sold lot for whoever claims the reduction.

    Args:
        config: the configuration file (TOML) of the running hub.
        lot: the lot's id in hexadecimal.
        beneficiary: who claims it.
        obligation: name of the obligation that it offsets, if it does.
        obligation_kg: the beneficiary's whole obligation; the rules allow a part of it.
    """
    with own_hub(config) as hub:
        request = use_pb2.RetireLotRequest(
            lot_id=bytes.fromhex(lot),
            beneficiary=beneficiary,
            obligation_id=obligation,
            obligation_kg=obligation_kg,
        )
        answer = hub.retire_lot(request)
    _say(f"lot {lot} is retired: tonnes {answer.serial_first} to {answer.serial_last}")


@app.command
def rank(*, config: Path) -> None:
    """Publish the rankings of closed periods now; the running hub does it by itself, too.

    Args:
        config: the configuration file (TOML) of the running hub.
    """
    with own_hub(config) as hub:
        answer = hub.publish_rankings(use_pb2.PublishRankingsRequest())
    _say(f"{answer.lists} rankings were due and are published")


@app.command
def fulfil(*, config: Path, use: str, voucher: str) -> None:
    """Enter that a supplier has handed out goods; the record gets only the hash of the code.

    Args:
        config: the configuration file (TOML) of the running hub.
        use: the use's id in hexadecimal.
        voucher: the voucher's code.
    """
    code = hashlib.sha256(voucher.encode()).digest()
    request = use_pb2.EndGoodsRequest(use_id=bytes.fromhex(use), voucher_sha256=code)
    with own_hub(config) as hub:
        hub.end_goods(request)
    _say(f"use {use} is fulfilled")


@app.command
def cancel(*, config: Path, use: str, reason: str) -> None:
    """Enter that goods are not handed out; the grams go back.

    Args:
        config: the configuration file (TOML) of the running hub.
        use: the use's id in hexadecimal.
        reason: why; it stands in the record.
    """
    request = use_pb2.EndGoodsRequest(use_id=bytes.fromhex(use), reason=reason)
    with own_hub(config) as hub:
        hub.end_goods(request)
    _say(f"use {use} is cancelled")


@contextmanager
def own_hub(config: Path) -> Iterator[HubClient]:
    """Give a connection to the running hub of a configuration, in its own name."""
    loaded = load_config(config)
    party = load_party(loaded.party)
    name = PartyName(party_id=party.party_id, role=Role.HUB, trust_domain=party.trust_domain)
    with dial(loaded.listen, party, name) as channel:
        yield GrpcHubClient(channel)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
