"""Tables of bindings: a wallet, an account, and what was said about it.

All are insert-only: where a binding stands follows from what was added.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field

from hub.storage.columns import created_at_column, integers
from hub.storage.tables import HubTable, insert_only


class BindingRow(HubTable, table=True):
    """A wallet operator's half: it makes the binding."""

    __tablename__ = "bindings"
    __table_args__ = (
        CheckConstraint("length(binding_id) = 16", name="binding_id_size"),
        CheckConstraint("length(account_token) = 32", name="token_size"),
        CheckConstraint("length(leaf) = 34", name="leaf_size"),
        CheckConstraint("wallet_class BETWEEN 1 AND 3", name="real_name"),
        integers("wallet_class", "leaf_index"),
        Index("ix_bindings_account", "programme_id", "account_token"),
        Index("ix_bindings_operator", "operator_id", "leaf_index"),
    )

    binding_id: bytes = Field(primary_key=True)
    programme_id: str = Field(foreign_key="programmes.programme_id")
    account_token: bytes
    operator_id: str
    wallet_id: str
    wallet_class: int
    leaf_index: int = Field(foreign_key="leaves.leaf_index", unique=True)
    leaf: bytes
    """The 34 bytes of the leaf, by which others name the binding."""
    created_at: datetime | None = created_at_column()


class BindingHalfRow(HubTable, table=True):
    """A partner's half."""

    __tablename__ = "binding_halves"

    binding_id: bytes = Field(primary_key=True, foreign_key="bindings.binding_id")
    partner_id: str = Field(primary_key=True)
    leaf_index: int = Field(foreign_key="leaves.leaf_index")


class BindingObjectionRow(HubTable, table=True):
    """A partner's objection."""

    __tablename__ = "binding_objections"

    binding_id: bytes = Field(primary_key=True, foreign_key="bindings.binding_id")
    partner_id: str = Field(primary_key=True)
    leaf_index: int = Field(foreign_key="leaves.leaf_index")


class UnbindingRow(HubTable, table=True):
    """The end of a binding."""

    __tablename__ = "unbindings"

    binding_id: bytes = Field(primary_key=True, foreign_key="bindings.binding_id")
    party_id: str
    leaf_index: int = Field(foreign_key="leaves.leaf_index")


for _row in (BindingRow, BindingHalfRow, BindingObjectionRow, UnbindingRow):
    insert_only(_row)
