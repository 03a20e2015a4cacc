"""`fedcarbon-hub`: the hub's command line."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from typing import Final

from cyclopts import App

from fedcarbon import __version__
from fedcarbon.errors import FedcarbonError
from hub.commands import (
    days,
    freezing,
    limits,
    positions,
    redemptions,
    serving,
    settling,
    statements,
    suspense,
    tables,
    uses,
)
from hub.commands import float as floats

EXIT_REFUSED: Final = 1

COMMANDS: Final[Mapping[str, Mapping[str, Callable[..., None]]]] = {
    "The program": {
        "serve": serving.serve,
        "check": serving.check,
        "migrate": serving.migrate,
    },
    "Money and days": {
        "top-up": floats.top_up,
        "close-day": days.close_day,
        "settle": settling.settle,
        "positions": positions.positions,
        "statement": statements.statement,
        "limits": limits.limits,
    },
    "Redemptions and accounts": {
        "stuck": redemptions.stuck,
        "show": redemptions.show,
        "cancel": redemptions.cancel,
        "freeze": freezing.freeze,
        "unfreeze": freezing.unfreeze,
        "frozen": freezing.frozen,
    },
    "Statistics": {
        "tables": tables.tables,
    },
}
"""Heading in the help -> command -> function."""

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
        limits = "limits.toml"

    Then `fedcarbon-hub serve --config hub.toml`. The first start writes the parameter set and its
    self-test into the record; admissions and programmes follow, signed by root keys
    (`fedcarbon registry`). The hub must be admitted itself before a programme can start.
    """,
)

for _heading, _commands in COMMANDS.items():
    for _name, _function in _commands.items():
        app.command(_function, name=_name, group=_heading)
app.command(suspense.suspense)
app.command(uses.app)


def main() -> None:
    """Run the command in `sys.argv`; a promised error becomes one line and exit code 1."""
    try:
        app(sys.argv[1:])
    except FedcarbonError as error:
        sys.stderr.write(f"fedcarbon-hub: {error} [{error.code}]\n")
        sys.exit(EXIT_REFUSED)


if __name__ == "__main__":
    main()
