"""`fedcarbon-hub`: the hub's command line."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

from cyclopts import App

from fedcarbon import __version__
from fedcarbon.errors import FedcarbonError
from fedcarbon.wire.logs import configure
from fedcarbon.wire.party import load_party
from hub.config import load_config
from hub.serving import hub_of, serve

EXIT_REFUSED: Final = 1

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
    """Check configuration, parameter set, database and record without serving.

    Args:
        config: the configuration file (TOML).
    """
    configure("hub")
    loaded = load_config(config)
    hub = hub_of(loaded, load_party(loaded.party))
    size, root = hub.read_now(hub.record.head)
    hub.close()
    sys.stdout.write(f"record of {size} leaves, root {root.hex()}\n")


def main() -> None:
    """Run the command in `sys.argv`; a promised error becomes one line and exit code 1."""
    try:
        app(sys.argv[1:])
    except FedcarbonError as error:
        sys.stderr.write(f"fedcarbon-hub: {error} [{error.code}]\n")
        sys.exit(EXIT_REFUSED)


if __name__ == "__main__":
    main()
