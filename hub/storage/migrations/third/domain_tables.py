"""Programmes that share an exclusivity domain, and the claims that conflict in it."""

from __future__ import annotations

from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint

from hub.storage.migrations.definitions import (
    binary,
    create_table,
    created_at,
    integer,
    words,
)


def create_programmes() -> None:
    """Create the table `programmes`, in which a domain may stand more than once."""
    create_table(
        "programmes",
        words("programme_id"),
        words("exclusivity_domain"),
        binary("programme"),
        integer("leaf_index"),
        created_at(),
        PrimaryKeyConstraint("programme_id"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def create_token_conflicts() -> None:
    """Create the table `token_conflicts`, which names claimants and not partners alone."""
    create_table(
        "token_conflicts",
        words("exclusivity_domain"),
        integer("token_epoch"),
        binary("claim_token"),
        integer("epoch"),
        words("programme_id"),
        words("partner_id"),
        integer("first_epoch"),
        PrimaryKeyConstraint(
            "exclusivity_domain",
            "token_epoch",
            "claim_token",
            "epoch",
            "programme_id",
            "partner_id",
        ),
        insert_only=True,
    )
