"""`fedcarbon-hub`: the hub's command line."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import ClassVar, Final

from cyclopts import App

from fedcarbon import __version__
from fedcarbon.canonical.hashing import digest
from fedcarbon.errors import FedcarbonError, StateError
from fedcarbon.ids import programme_id
from fedcarbon.ledger.transfer import TRANSFER_ID_BYTES
from fedcarbon.units import Fen, yuan_text
from fedcarbon.wire.clocks import clock_named
from fedcarbon.wire.logs import configure
from fedcarbon.wire.party import load_party
from hub.clearing.closing import closed_sequence, request_close
from hub.clearing.credits import top_up_float
from hub.config import load_config
from hub.database import database_of, migrate_database
from hub.serving import hub_of, serve
from hub.storage.engine import reading, transact
from hub.storage.schema import NEWEST

EXIT_REFUSED: Final = 1
CLOSE_POLL_S: Final = 0.2


class DayNotClosedError(StateError):
    """No hub has closed the ledger day: start it, or look into its log."""

    code: ClassVar[str] = "DAY_NOT_CLOSED"


app = App(
    name="fedcarbon-hub",
    version=__version__,
    help="""The hub of a federation: keeps the record, merges encrypted totals, decides claims.

    It needs three things before its first start: an identity file (`fedcarbon dev-ca` makes one for
    trials), the ceremony's public files (`fedcarbon ceremony`), and a configuration:

        party = "party.toml"
        listen = "127.0.0.1:7443"
        data = "data"
        public = "ceremony"

    Then `fedcarbon-hub serve --config hub.toml`. The first start writes the parameter set and its
    self-test into the record; admissions and programmes follow, signed by root keys
    (`fedcarbon registry`). The hub must be admitted itself before a programme can start.
    """,
)


@app.command(name="serve")
def serve_command(*, config: Path) -> None:
    """Serve until SIGTERM or SIGINT.

    A hub that was killed goes on where its last committed transaction left off.

    Args:
        config: the configuration file (TOML); FEDCARBON_HUB_LISTEN and so on replace a value.
    """
    configure("hub")
    asyncio.run(serve(load_config(config)))


@app.command
def check(*, config: Path) -> None:
    """Check configuration, parameter set, database and record of a hub that does not run.

    Args:
        config: the configuration file (TOML).
    """
    configure("hub")
    loaded = load_config(config)
    hub = hub_of(loaded, load_party(loaded.party))
    size, root = hub.read_now(hub.record.head)
    hub.close()
    sys.stdout.write(f"record of {size} leaves, root {root.hex()}\n")


@app.command(name="migrate")
def migrate_command(*, config: Path) -> None:
    """Bring the database to the schema of this program, or leave it as it was.

    Stop the hub and make a copy of the database first. An empty database needs no migration: the
    first start makes its tables.

    Args:
        config: the configuration file (TOML).
    """
    found = migrate_database(load_config(config))
    sys.stdout.write(f"schema {found or 'none'} before, {NEWEST} now\n")


@app.command
def top_up(*, config: Path, programme: str, fen: int, label: str) -> None:
    """Enter money that the operator of PROGRAMME has paid in for payouts.

    Redemptions reserve it; without it they are refused (FLOAT_EXHAUSTED). The same LABEL again is
    the same payment. It may be run while the hub serves.

    Args:
        config: the configuration file (TOML).
        programme: whose float grows.
        fen: how much, in fen.
        label: names the payment, for example the bank's reference.
    """
    loaded = load_config(config)
    engine = database_of(loaded)
    top_up_id = digest(b"fedcarbon/v1/top-up", label.encode())[:TRANSFER_ID_BYTES]
    name, amount = programme_id(programme), Fen(fen)
    now_s = clock_named(loaded.clock).now_s()
    is_new = transact(engine, lambda session: top_up_float(session, name, amount, top_up_id, now_s))
    said = "entered" if is_new else "was entered before"
    sys.stdout.write(f"{yuan_text(amount)} for {name} {said}\n")


@app.command
def close_day(*, config: Path, wait_s: int = 60) -> None:
    """Close the running ledger day now, and log its transfers and payouts.

    A day is closed by itself when it is over (UTC). This is for those who want the books in the
    record earlier; what comes later is booked on the next day. The running hub does it, and its
    trustees sign the next checkpoint over it; if no hub runs, the next one that starts does it.

    Args:
        config: the configuration file (TOML).
        wait_s: give up waiting after this many seconds; the day is then closed later.
    """
    loaded = load_config(config)
    engine = database_of(loaded)
    now_s = clock_named(loaded.clock).now_s()
    through = transact(engine, lambda session: request_close(session, now_s))
    deadline = time.monotonic() + wait_s
    while True:
        with reading(engine) as session:
            if closed_sequence(session) >= through:
                break
        if time.monotonic() > deadline:
            raise DayNotClosedError(
                f"no hub has closed the ledger day within {wait_s} s; it is closed when one runs"
            )
        time.sleep(CLOSE_POLL_S)
    sys.stdout.write(f"all {through} transfers are in the record\n")


def main() -> None:
    """Run the command in `sys.argv`; a promised error becomes one line and exit code 1."""
    try:
        app(sys.argv[1:])
    except FedcarbonError as error:
        sys.stderr.write(f"fedcarbon-hub: {error} [{error.code}]\n")
        sys.exit(EXIT_REFUSED)


if __name__ == "__main__":
    main()
