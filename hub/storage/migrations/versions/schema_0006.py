"""No row for every claim token any more."""

from __future__ import annotations

from typing import Final

from hub.storage.migrations.sixth.claim_tables import add_list_totals, drop_decided_tokens

revision: Final = "0006"
down_revision: Final = "0005"


def upgrade() -> None:
    """Change the tables of claims."""
    drop_decided_tokens()
    add_list_totals()
