"""Clearing that a bank would run: transfers in parts by month, their ids in a table beside them.

Triggers refuse to change rows, and SQLite cannot change a constraint, so the tables of the ledger
are made anew from copies of their rows.
"""

from __future__ import annotations

import json
from typing import Final

from alembic import op
from sqlalchemy import func, select, text

from hub.storage.migrations.definitions import integer, set_aside, take_back, words
from hub.storage.migrations.second.clearing_tables import create_clearing_tables
from hub.storage.migrations.second.ledger_tables import (
    create_balances,
    create_opening_credits,
    create_transfer_ids,
    create_transfers,
)
from hub.storage.migrations.second.redemption_tables import (
    PAYS_SOMETHING,
    create_redemption_indexes,
    create_redemptions,
)
from hub.storage.migrations.second.use_tables import create_use_tables
from hub.storage.statements import month_function

revision: Final = "0002"
down_revision: Final = "0001"

_BALANCES: Final = "account, unit, account_kind, balance, created_at"
_CREDITS: Final = (
    "programme_id, account_token, ordinal, opening_id, vintage, previous_opened_ug, opened_ug, "
    "transfer_id, recorded_s, created_at"
)
_REDEMPTIONS: Final = (
    "redemption_id, payout_id, order_bytes, programme_id, account_token, operator_id, wallet_id, "
    "wallet_class, units, mass_ug, amount_fen, state, reason, rail_reference, created_s, created_at"
)
_TRANSFERS: Final = (
    "ledger_day, sequence, transfer_id, debit, credit, unit, amount, phase, resolves, recorded_s, "
    "created_at"
)


def upgrade() -> None:
    """Make the ledger's tables anew with what is in them, then the new tables."""
    set_aside("balances")
    create_balances()
    take_back("balances", _BALANCES)
    _move_transfers()
    _name_wallets_and_operators()
    op.add_column("redemption_events", integer("value_day", nullable=True))
    create_clearing_tables()
    create_use_tables()


def _move_transfers() -> None:
    set_aside("opening_credits")
    before = set_aside("transfers")
    create_transfer_ids()
    op.execute(
        "INSERT INTO transfer_ids (transfer_id, sequence, ledger_day, resolves) "  # noqa: S608
        f"SELECT transfer_id, sequence, ledger_day, resolves FROM {before} ORDER BY sequence"
    )
    create_transfers()
    if op.get_context().dialect.name == "postgresql":
        op.execute(month_function("transfers"))
        days = op.get_bind().execute(text(f"SELECT DISTINCT ledger_day FROM {before}"))  # noqa: S608
        for day in days.scalars().all():
            op.get_bind().execute(select(func.ensure_transfers_month(day)))
    take_back("transfers", _TRANSFERS)
    create_opening_credits()
    take_back("opening_credits", _CREDITS)


def _name_wallets_and_operators() -> None:
    """Give redemptions two columns of what their orders say; proceeds take no grams."""
    is_sqlite = op.get_context().dialect.name == "sqlite"
    table = set_aside("redemptions") if is_sqlite else "redemptions"
    for name in ("operator_id", "wallet_id"):
        op.add_column(table, words(name, nullable=True))
    orders = op.get_bind().execute(text(f"SELECT redemption_id, order_bytes FROM {table}"))  # noqa: S608
    fill = text(
        f"UPDATE {table} SET operator_id = :operator, wallet_id = :wallet "  # noqa: S608
        "WHERE redemption_id = :redemption"
    )
    for redemption_id, order_bytes in orders.all():
        order = json.loads(order_bytes)
        op.get_bind().execute(
            fill,
            {
                "redemption": redemption_id,
                "operator": order["operator_id"],
                "wallet": order["wallet_id"],
            },
        )
    if is_sqlite:
        create_redemptions()
        take_back("redemptions", _REDEMPTIONS)
        return
    for name in ("operator_id", "wallet_id"):
        op.alter_column("redemptions", name, nullable=False)
    op.execute(
        "ALTER TABLE redemptions DROP CONSTRAINT ck_redemptions_pays_something, "
        f"ADD CONSTRAINT ck_redemptions_pays_something CHECK ({PAYS_SOMETHING})"
    )
    op.drop_index("ix_redemptions_account_token", "redemptions")
    create_redemption_indexes()
