"""Admitted methodologies, and the bundle that moves from a chunk to its commitment."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint

from hub.storage.migrations.definitions import (
    binary,
    check,
    create_table,
    created_at,
    integer,
    words,
)


def create_methodologies() -> None:
    """Create the table `methodologies`."""
    create_table(
        "methodologies",
        integer("leaf_index"),
        words("programme_id"),
        words("methodology_id"),
        words("version"),
        binary("content_hash"),
        integer("from_epoch"),
        integer("until_epoch"),
        created_at(),
        PrimaryKeyConstraint("leaf_index"),
        check("hash_size", "length(content_hash) = 32"),
        check("window", "from_epoch >= 1 AND until_epoch >= 0"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        ForeignKeyConstraint(["programme_id"], ["programmes.programme_id"]),
        whole_numbers=("leaf_index", "from_epoch", "until_epoch"),
        insert_only=True,
    )
    op.create_index("ix_methodologies_programme_id", "methodologies", ["programme_id"])
    op.create_index("ix_methodologies_methodology_id", "methodologies", ["methodology_id"])


def create_claim_commitments() -> None:
    """Create the table `claim_commitments`, which says what its partner computed by."""
    create_table(
        "claim_commitments",
        words("programme_id"),
        integer("epoch"),
        words("partner_id"),
        integer("leaf_index"),
        integer("claim_count"),
        binary("list_root"),
        binary("evidence_root"),
        binary("methodology_bundle"),
        PrimaryKeyConstraint("programme_id", "epoch", "partner_id"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def create_chunks() -> None:
    """Create the table `chunks`, which no longer repeats the bundle."""
    create_table(
        "chunks",
        words("programme_id"),
        integer("epoch"),
        words("partner_id"),
        integer("chunk"),
        integer("chunks"),
        binary("header_sha256"),
        integer("header_leaf"),
        binary("file_sha256"),
        created_at(),
        PrimaryKeyConstraint("programme_id", "epoch", "partner_id", "chunk"),
        check("number_in_range", "chunk >= 0 AND chunk < chunks"),
        ForeignKeyConstraint(["header_leaf"], ["leaves.leaf_index"]),
        insert_only=True,
    )
