"""From the configuration to a rail: the one place that knows every kind."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from fedcarbon.clock import Clock
from fedcarbon.ids import Role
from fedcarbon.redemption.rail import Rail
from fedcarbon.redemption.rail_day import RailFiles
from fedcarbon.redemption.wallet import check_institution_code
from fedcarbon.wire.certificates import PartyName
from fedcarbon.wire.https import HttpsServer
from fedcarbon.wire.logs import logger
from fedcarbon.wire.party import PartyFiles
from hub.rails.config import (
    Iso20022RailConfig,
    RailConfig,
    SandboxRailConfig,
    SignedHttpRailConfig,
)
from hub.rails.letter_post import LetterPost, PostLimits
from hub.rails.letters import Correspondent, Secretary
from hub.rails.notifications import EnterAnswer, notification_app
from hub.rails.signed_http import SignedHttpRail
from hub.rails.strict_wallets import StrictWallets
from hub.sandbox.rail import SandboxRail

SANDBOX_FILE: Final = "sandbox-rail.db"
"""The sandbox keeps its own books, as a real rail would elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRail:
    """A rail that is ready."""

    rail: Rail
    files: RailFiles
    background: Sequence[Callable[[], Awaitable[None]]] = ()
    """Work of the adapter that ends only by cancellation."""
    close: Callable[[], None] = lambda: None
    """Lets go of connections and files."""


def rail_of(
    config: RailConfig, party: PartyFiles, *, data: Path, clock: Clock, enter: EnterAnswer
) -> OpenRail:
    """Return the rail that a configuration describes.

    Args:
        config: the table [rail].
        party: the hub's own files.
        data: the hub's folder, where the sandbox keeps its books.
        clock: protocol time.
        enter: what notices are handed to, if the rail sends any.

    Raises:
        InstitutionUnknownError: an institution code is not in the list.
        IsoJournalDamagedError: the folder of an ISO 20022 rail is damaged.
    """
    if isinstance(config, SandboxRailConfig):
        sandbox = SandboxRail(data / SANDBOX_FILE, wait=_no_delay, clock=clock)
        opened = OpenRail(rail=sandbox, files=sandbox, close=sandbox.close)
    elif isinstance(config, SignedHttpRailConfig):
        opened = _signed_http(config, party, clock, enter)
    else:
        opened = _iso20022(config, clock)
    return replace(opened, rail=StrictWallets(opened.rail)) if config.strict_wallets else opened


def _signed_http(
    config: SignedHttpRailConfig, party: PartyFiles, clock: Clock, enter: EnterAnswer
) -> OpenRail:
    secretary = Secretary(
        party_id=party.party_id,
        key=party.signing_key,
        clock=clock,
        random_bytes=secrets.token_bytes,
    )
    operator = Correspondent(
        name=PartyName(
            party_id=config.party_id, role=Role.WALLET_OPERATOR, trust_domain=party.trust_domain
        ),
        signing_key=bytes.fromhex(config.signing_key),
    )
    limits = PostLimits(
        connect_ms=config.connect_ms, answer_ms=config.answer_ms, connections=config.connections
    )
    rail = SignedHttpRail(
        LetterPost(
            config.url, party=party, correspondent=operator, secretary=secretary, limits=limits
        )
    )

    async def take_notices() -> None:
        app = notification_app(secretary, operator, enter)
        server = HttpsServer(app, address=config.notices_listen, party=party)
        logger().info("rail_notices_open", port=server.port)
        await server.run()

    background = [take_notices] if config.notices_listen else []
    return OpenRail(rail=rail, files=rail, background=background, close=rail.close)


def _no_delay() -> None:
    """Answer at once: this sandbox is not asked to be slow."""


def _iso20022(config: Iso20022RailConfig, clock: Clock) -> OpenRail:
    # The bank's messages are the third part of a hub's start, and most hubs use another rail.
    from hub.rails.iso20022.file_rail import IsoFileRail  # noqa: PLC0415
    from hub.rails.iso20022.payment_order import Debtor  # noqa: PLC0415

    debtor = Debtor(
        name=config.debtor_name,
        agent=check_institution_code(config.debtor_agent),
        accounts=config.accounts,
    )
    rail = IsoFileRail(config.folder, debtor, clock)

    async def flush() -> None:
        await rail.flush_regularly(config.flush_s)

    return OpenRail(rail=rail, files=rail, background=[flush])
