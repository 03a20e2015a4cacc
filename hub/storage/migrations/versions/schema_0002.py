"""Clearing that a bank would run: transfers in parts by month, their ids in a table beside them.

Triggers refuse to change rows, and SQLite cannot change a constraint, so the tables of the ledger
are made anew from copies of their rows.
"""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import func, select, text

from hub.storage.migrations.definitions import set_aside, take_back
from hub.storage.migrations.second.ledger_tables import (
    create_balances,
    create_opening_credits,
    create_transfer_ids,
    create_transfers,
)
from hub.storage.statements import month_function
from hub.storage.tables import HubTable

revision: Final = "0002"
down_revision: Final = "0001"

_BALANCES: Final = "account, unit, account_kind, balance, created_at"
_CREDITS: Final = (
    "programme_id, account_token, ordinal, opening_id, vintage, previous_opened_ug, opened_ug, "
    "transfer_id, recorded_s, created_at"
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
    # The new tables of this revision.
    HubTable.metadata.create_all(op.get_bind())


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
