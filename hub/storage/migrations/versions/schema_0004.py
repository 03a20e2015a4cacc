"""Campaigns, markets, stocks and grams that holders retire.

SQLite cannot change a check, so the tables that name every kind of account or of use are made anew
from copies of their rows, and with them the tables that refer to uses.
"""

from __future__ import annotations

from typing import Final

from hub.storage.migrations.definitions import set_aside, take_back
from hub.storage.migrations.fourth.use_tables import (
    create_balances,
    create_offer_stocks,
    create_red_packets,
    create_uses,
)
from hub.storage.migrations.second.use_tables import (
    create_credit_lot_parts,
    create_pledges,
    create_use_draws,
    create_use_orders,
)

revision: Final = "0004"
down_revision: Final = "0003"

_BALANCES: Final = "account, unit, account_kind, balance, created_at"
_USES: Final = (
    "use_id, order_bytes, programme_id, account_token, kind, state, mass_ug, expires_s, created_s, "
    "created_at"
)
_OF_USES: Final = {
    "use_draws": (create_use_draws, "use_id, vintage, mass_ug"),
    "use_orders": (create_use_orders, "use_id, leaf_index, created_at"),
    "pledges": (
        create_pledges,
        "use_id, vintage, number, programme_id, account_token, left_ug",
    ),
    "credit_lot_parts": (create_credit_lot_parts, "lot_id, use_id, mass_ug"),
}
"""Tables that refer to `uses`, and their columns."""


def upgrade() -> None:
    """Make the tables with new words anew with what is in them, then the new tables."""
    set_aside("balances")
    create_balances()
    take_back("balances", _BALANCES)
    for name in _OF_USES:
        set_aside(name)
    set_aside("uses")
    create_uses()
    take_back("uses", _USES)
    for name, (create, columns) in _OF_USES.items():
        create()
        take_back(name, columns)
    create_offer_stocks()
    create_red_packets()
