"""`fedcarbon-sandbox-rail`: a rail operator for trials, that moves no money."""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import signal
import sys
from pathlib import Path
from typing import Final

from cyclopts import App

from fedcarbon import __version__
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import Role, programme_id
from fedcarbon.redemption.value_day import day_from_text
from fedcarbon.units import Fen, yuan_text
from fedcarbon.wire.clocks import clock_named
from fedcarbon.wire.https import HttpsServer
from fedcarbon.wire.logs import configure, logger
from fedcarbon.wire.party import PartyFiles, load_party
from hub.rails.letter_post import LetterPost, PostLimits
from hub.rails.letters import Correspondent, Secretary
from hub.rails.messages import Acknowledgement
from hub.sandbox.books import SandboxBooks
from hub.sandbox.config import SandboxConfig, SandboxConfigError, load_config
from hub.sandbox.faults import RailFault
from hub.sandbox.orders import FaultOrder
from hub.sandbox.service import FAULTS_PATH, Sandbox

EXIT_REFUSED: Final = 1

app = App(
    name="fedcarbon-sandbox-rail",
    version=__version__,
    help="""SANDBOX: a stand-in for the operator of e-CNY wallets. It moves no money.

    It speaks signed JSON over HTTPS with mutual TLS (docs/CLEARING.md, "Rails"), keeps books of its
    own, and does wrong whatever it is told to. It needs an identity file (`fedcarbon dev-ca issue
    --role wallet_operator`) of the hub's authority, and a configuration:

        party = "party/party.toml"
        listen = "127.0.0.1:7543"
        book = "sandbox.db"

        [[hubs]]
        party_id = "hub"
        signing_key = "..."                      # what `dev-ca issue` printed for the hub
        notify_url = "https://127.0.0.1:7544"    # left out: no notices

        [[accounts]]
        programme = "ecny-shanghai"
        opening_fen = 100000

    Then `fedcarbon-sandbox-rail serve --config sandbox.toml`, and on the hub's side

        [rail]
        kind = "signed-http"
        url = "https://127.0.0.1:7543"
        party_id = "..."
        signing_key = "..."
    """,
)


@app.command
def serve(*, config: Path) -> None:
    """Serve until SIGTERM or SIGINT.

    Args:
        config: the configuration file (TOML).
    """
    configure("sandbox-rail")
    loaded = load_config(config)
    asyncio.run(_served(loaded, _party(loaded)))


@app.command
def inject(
    fault: RailFault,
    *,
    config: Path,
    calls: int = 1,
    delay_ms: int = 0,
    wallet: str = "",
    programme: str = "",
    fen: int = 0,
    comes_in: bool = False,
) -> None:
    """Order a running sandbox to do something wrong.

    Args:
        fault: what; "none" for a wallet ends what was ordered for it.
        config: the sandbox's configuration file; the order is signed with its own key.
        calls: for how many of the next calls.
        delay_ms: how slow, for "slow".
        wallet: for every payout to this wallet, instead of the next calls.
        programme: on whose float, for "unknown_movement".
        fen: how much, for "unknown_movement".
        comes_in: whether that comes in; else it goes out.
    """
    loaded = load_config(config)
    party = _party(loaded)
    secretary = Secretary(
        party_id=party.party_id,
        key=party.signing_key,
        clock=clock_named(loaded.clock),
        random_bytes=secrets.token_bytes,
    )
    itself = Correspondent(name=party.name, signing_key=party.signing_key.public)
    with contextlib.closing(
        LetterPost(
            f"https://{loaded.listen}",
            party=party,
            correspondent=itself,
            secretary=secretary,
            limits=PostLimits(),
        )
    ) as post:
        post.ask(
            FAULTS_PATH,
            lambda head: FaultOrder(
                head=head,
                fault=fault,
                calls=calls,
                delay_ms=delay_ms,
                wallet_id=wallet,
                programme=programme,
                amount_fen=fen,
                comes_in=comes_in,
            ),
            Acknowledgement,
        )
    sys.stdout.write(f"{fault.value}: ordered\n")


@app.command
def top_up(*, config: Path, programme: str, fen: int, label: str) -> None:
    """Enter money that was paid in for a programme's float; the same LABEL again is the same.

    Args:
        config: the configuration file (TOML).
        programme: whose float grows.
        fen: how much, in fen.
        label: names the payment.
    """
    loaded = load_config(config)
    now_s = clock_named(loaded.clock).now_s()
    with contextlib.closing(SandboxBooks(loaded.book)) as books:
        is_new = books.top_up(programme_id(programme), Fen(fen), label, now_s)
    said = "entered" if is_new else "was entered before"
    sys.stdout.write(f"{yuan_text(Fen(fen))} for {programme} {said}\n")


@app.command(name="books")
def show_books(*, config: Path, programme: str, day: str) -> None:
    """Print the sandbox's own files of a day as JSON, wrong lines included.

    Args:
        config: the configuration file (TOML).
        programme: whose float.
        day: as 2026-03-31.
    """
    loaded = load_config(config)
    named, on = programme_id(programme), day_from_text(day)
    with contextlib.closing(SandboxBooks(loaded.book)) as books:
        lines, statement = books.lines(named, on), books.statement(named, on)
    tree = {
        "lines": [
            {
                "payout_id": line.payout_id.hex(),
                "amount_fen": line.amount_fen,
                "outcome": line.outcome.value,
                "reference": line.reference,
                "reason": line.reason,
            }
            for line in lines
        ],
        "opening_fen": statement.opening_fen,
        "closing_fen": statement.closing_fen,
        "movements": [
            {"reference": item.reference, "amount_fen": item.amount_fen, "text": item.text}
            for item in statement.movements
        ],
    }
    sys.stdout.write(json.dumps(tree, indent=1) + "\n")


def main() -> None:
    """Run the command in `sys.argv`; a promised error becomes one line and exit code 1."""
    try:
        app(sys.argv[1:])
    except FedcarbonError as error:
        sys.stderr.write(f"fedcarbon-sandbox-rail: {error} [{error.code}]\n")
        sys.exit(EXIT_REFUSED)


def _party(config: SandboxConfig) -> PartyFiles:
    party = load_party(config.party)
    if party.role is not Role.WALLET_OPERATOR:
        raise SandboxConfigError(f"{party.party_id} is a {party.role}, not a wallet operator")
    return party


async def _served(config: SandboxConfig, party: PartyFiles) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sandbox = Sandbox(config, party, secrets.token_bytes)
    try:
        server = HttpsServer(sandbox.app(), address=config.listen, party=party)
        tasks = [asyncio.ensure_future(work()) for work in (server.run, sandbox.run)]
        logger().info("sandbox_started", port=server.port)
        stopping = asyncio.ensure_future(stop.wait())
        await asyncio.wait([stopping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in (stopping, *tasks):
            task.cancel()
        await asyncio.gather(stopping, *tasks, return_exceptions=True)
    finally:
        sandbox.close()
    logger().info("sandbox_stopped")


if __name__ == "__main__":
    main()
