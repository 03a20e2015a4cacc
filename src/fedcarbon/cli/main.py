"""`fedcarbon`: the command line."""

from __future__ import annotations

import sys
from typing import Final

from cyclopts import App

from fedcarbon import __version__
from fedcarbon.cli import (
    audit,
    audit_evidence,
    ceremony,
    dev_ca,
    keygen,
    methodology,
    record,
    registry,
    registry_tables,
    registry_uses,
    stats,
    synth,
    wallet,
    wallet_market,
    wallet_ranking,
    wallet_statement,
    wallet_uses,
)
from fedcarbon.errors import FedcarbonError

EXIT_REFUSED: Final = 1
"""The command was understood and refused; 2 is the shell's word for a wrong command line."""

app = App(
    name="fedcarbon",
    version=__version__,
    help="Federated carbon-reduction accounts: keys, certificates, wallets, audits.",
)
audit.app.command(audit_evidence.sample)
audit.app.command(audit_evidence.evidence)
app.command(audit.app)
app.command(ceremony.ceremony)
app.command(dev_ca.app)
app.command(keygen.keygen)
app.command(methodology.app)
app.command(record.app)
for _published in (
    registry_uses.offer,
    registry_uses.campaign,
    registry_uses.market_rules,
    registry_uses.lot_rules,
    registry_uses.lot_verification,
    registry_uses.expiry_notice,
    registry_uses.ranking_rules,
    registry_tables.table_shell,
):
    registry.app.command(_published)
app.command(registry.app)
app.command(stats.app)
app.command(synth.app)
for _use in (
    wallet_uses.offers,
    wallet_uses.donate,
    wallet_uses.exchange,
    wallet_uses.pledge,
    wallet_uses.withdraw,
    wallet_uses.cash_proceeds,
    wallet_market.campaigns,
    wallet_market.market,
    wallet_market.sell,
    wallet_market.buy,
    wallet_market.retire_own,
    wallet_market.certificate,
    wallet_market.check_certificate,
):
    wallet.app.command(_use)
wallet.app.command(wallet_statement.statement)
wallet.app.command(wallet_ranking.app)
app.command(wallet.app)


def main() -> None:
    """Run the command in `sys.argv`; a promised error becomes one line and exit code 1."""
    try:
        app(sys.argv[1:])
    except FedcarbonError as error:
        sys.stderr.write(f"fedcarbon: {error} [{error.code}]\n")
        sys.exit(EXIT_REFUSED)
