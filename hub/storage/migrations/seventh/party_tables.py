"""Parties that only read statistics."""

from __future__ import annotations

from typing import Final

from alembic import op
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint

from hub.storage.migrations.definitions import (
    binary,
    check,
    create_table,
    created_at,
    integer,
    one_of,
    set_aside,
    take_back,
    words,
)

_COLUMNS: Final = "leaf_index, party_id, role, admission, created_at"
_ROLES: Final = ("auditor", "hub", "partner", "regulator", "trustee", "wallet_operator")


def admit_regulators() -> None:
    """Let the table `parties` hold the role of regulators."""
    if op.get_context().dialect.name == "sqlite":
        set_aside("parties")
        _create_parties()
        take_back("parties", _COLUMNS)
    else:
        op.drop_constraint("ck_parties_role_known", "parties")
        op.create_check_constraint(
            "role_known", "parties", f"role IN ({', '.join(map(repr, _ROLES))})"
        )


def _create_parties() -> None:
    create_table(
        "parties",
        integer("leaf_index"),
        words("party_id"),
        words("role"),
        binary("admission"),
        created_at(),
        PrimaryKeyConstraint("leaf_index"),
        check("filled", "length(admission) > 0"),
        one_of("role", *_ROLES),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )
    op.create_index("ix_parties_party_id", "parties", ["party_id"])
    op.create_index("ix_parties_role", "parties", ["role"])
