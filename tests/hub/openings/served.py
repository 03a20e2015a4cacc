"""A shop whose hub is dialled as over the wire, and what its callers need on their machines."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from fedcarbon.cli.wallet_store import WalletStore
from fedcarbon.clock import SystemClock
from fedcarbon.ids import PartyId, Role
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.v1 import (
    opening_pb2,
    opening_pb2_grpc,
    record_pb2,
    record_pb2_grpc,
    use_pb2,
    use_pb2_grpc,
)
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.dev_ca import write_party
from fedcarbon.wire.party import load_party
from fedcarbon.wire.server import served, start_server
from hub.servicers.opening import OpeningServicer
from hub.servicers.record import RecordServicer
from hub.servicers.use import UseServicer
from tests.hub.federation import HUB, PROGRAMME
from tests.hub.messages import trust_roots
from tests.hub.openings.shop import Shop
from tests.hub.openings.world import PURSE

WALLET = sandbox_wallet_id(1)


def _party(shop: Shop, folder: Path, name: PartyId, role: Role) -> Path:
    return write_party(
        folder / name,
        shop.authority,
        PartyName(party_id=name, role=role),
        now_s=SystemClock().now_s(),
        seed=hashlib.sha256(name.encode()).digest(),
    )


@contextmanager
def served_shop(shop: Shop, folder: Path) -> Iterator[str]:
    """Serve a shop's hub with TLS on loopback, and give its address."""
    hub, folded = shop.world.hub, shop.world.folded
    services = [
        served(
            record_pb2.DESCRIPTOR,
            "RecordService",
            record_pb2_grpc.add_RecordServiceServicer_to_server,
            RecordServicer(hub),
        ),
        served(
            opening_pb2.DESCRIPTOR,
            "OpeningService",
            opening_pb2_grpc.add_OpeningServiceServicer_to_server,
            OpeningServicer(hub, folded),
        ),
        served(
            use_pb2.DESCRIPTOR,
            "UseService",
            use_pb2_grpc.add_UseServiceServicer_to_server,
            UseServicer(hub, folded),
        ),
    ]
    server = shop.loop.run(
        start_server(
            services,
            address="127.0.0.1:0",
            party=load_party(_party(shop, folder, HUB, Role.HUB)),
            on_call=lambda _: None,
        )
    )
    yield f"127.0.0.1:{server.port}"
    shop.loop.run(server.stop(grace_s=0))


def write_wallet(shop: Shop, folder: Path, address: str) -> Path:
    """Write what the wallet operator of the first account has; return its wallet.toml."""
    identity = _party(shop, folder, PURSE, Role.WALLET_OPERATOR)
    (folder / "roots.toml").write_text(trust_roots().to_toml(), encoding="utf-8")
    binding = shop.world.binding(shop.world.bound(1))
    with closing(WalletStore(folder / "wallet.db", shop.world.chance.randbytes)) as store:
        store.add_customer(id_type="TEST", id_number="1", wallet_id=WALLET, wallet_class=2)
    with closing(sqlite3.connect(folder / "wallet.db")) as database, database:
        database.execute(
            "UPDATE customers SET binding_id = ?, account_token = ?",
            (binding.binding_id, binding.account_token),
        )
    config = folder / "wallet.toml"
    config.write_text(
        f'identity = "{identity}"\n'
        'roots = "roots.toml"\n'
        'store = "wallet.db"\n'
        f'hub_address = "{address}"\n'
        f'hub_id = "{HUB}"\n'
        f'programme = "{PROGRAMME}"\n',
        encoding="utf-8",
    )
    return config


def write_hub_config(folder: Path, address: str) -> Path:
    """Write what the hub's own operator has; return the hub.toml."""
    config = folder / "hub.toml"
    config.write_text(
        f'party = "{HUB}/party.toml"\nlisten = "{address}"\ndata = "data"\npublic = "ceremony"\n',
        encoding="utf-8",
    )
    return config
