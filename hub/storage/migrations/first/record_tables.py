"""Tables of the first revision: the record, the registry and evaluation requests."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Boolean, Column, ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint

from hub.storage.migrations.definitions import (
    binary,
    check,
    create_table,
    created_at,
    integer,
    one_of,
    words,
)


def create_record_tables() -> None:
    """Create them; those that they refer to are there."""
    _checkpoints()
    _file_readers()
    _leaves()
    _open_blocks()
    _enrolment_batches()
    _enrolments()
    _evaluation_requests()
    _leaf_owners()
    _parties()
    _partner_cosignatures()
    _places()
    _programmes()
    _receipts()


def _checkpoints() -> None:
    create_table(
        "checkpoints",
        integer("size"),
        binary("root"),
        integer("timestamp_s"),
        integer("wait_from_s"),
        binary("note"),
        PrimaryKeyConstraint("size"),
        insert_only=True,
    )


def _file_readers() -> None:
    create_table(
        "file_readers",
        binary("sha256"),
        integer("leaf_type"),
        words("party_id"),
        Column("holds_tokens", Boolean(), nullable=False),
        PrimaryKeyConstraint("sha256", "leaf_type", "party_id"),
        insert_only=True,
    )


def _leaves() -> None:
    create_table(
        "leaves",
        integer("leaf_index"),
        integer("leaf_type"),
        binary("leaf"),
        binary("salt"),
        binary("body_sha256"),
        binary("subtree_root"),
        integer("appended_at_s"),
        created_at(),
        PrimaryKeyConstraint("leaf_index"),
        UniqueConstraint("body_sha256"),
        check("body_hash_size", "length(body_sha256) = 32"),
        check("leaf_size", "length(leaf) = 34"),
        check("salt_size", "length(salt) = 32"),
        check("subtree_root_size", "length(subtree_root) = 32"),
        whole_numbers=("leaf_type", "appended_at_s"),
        insert_only=True,
    )
    op.create_index("ix_leaves_leaf_type", "leaves", ["leaf_type"])


def _open_blocks() -> None:
    create_table(
        "open_blocks", integer("block"), words("programme_id"), PrimaryKeyConstraint("block")
    )
    op.create_index("ix_open_blocks_programme_id", "open_blocks", ["programme_id"])


def _enrolment_batches() -> None:
    create_table(
        "enrolment_batches",
        words("partner_id"),
        binary("batch_id"),
        integer("leaf_index"),
        created_at(),
        PrimaryKeyConstraint("partner_id", "batch_id"),
        check("batch_id_size", "length(batch_id) = 16"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def _enrolments() -> None:
    create_table(
        "enrolments",
        integer("leaf_index"),
        integer("position"),
        words("programme_id"),
        words("partner_id"),
        binary("account_token"),
        words("action"),
        integer("from_epoch"),
        PrimaryKeyConstraint("leaf_index", "position"),
        one_of("action", "enrol", "withdraw"),
        check("from_epoch_positive", "from_epoch >= 1"),
        check("token_size", "length(account_token) = 32"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        whole_numbers=("leaf_index", "position", "from_epoch"),
        insert_only=True,
    )
    op.create_index("ix_enrolments_account", "enrolments", ["programme_id", "account_token"])


def _evaluation_requests() -> None:
    create_table(
        "evaluation_requests",
        words("asker_id"),
        binary("request_id"),
        integer("leaf_index"),
        created_at(),
        PrimaryKeyConstraint("asker_id", "request_id"),
        check("request_id_size", "length(request_id) = 16"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def _leaf_owners() -> None:
    create_table(
        "leaf_owners",
        words("party_id"),
        integer("leaf_index"),
        PrimaryKeyConstraint("party_id", "leaf_index"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def _parties() -> None:
    create_table(
        "parties",
        integer("leaf_index"),
        words("party_id"),
        words("role"),
        binary("admission"),
        created_at(),
        PrimaryKeyConstraint("leaf_index"),
        check("filled", "length(admission) > 0"),
        one_of("role", "auditor", "hub", "partner", "trustee", "wallet_operator"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )
    op.create_index("ix_parties_party_id", "parties", ["party_id"])
    op.create_index("ix_parties_role", "parties", ["role"])


def _partner_cosignatures() -> None:
    create_table(
        "partner_cosignatures",
        integer("size"),
        words("party_id"),
        binary("line"),
        PrimaryKeyConstraint("size", "party_id"),
        ForeignKeyConstraint(["size"], ["checkpoints.size"]),
        insert_only=True,
    )


def _places() -> None:
    create_table(
        "places",
        words("programme_id"),
        binary("account_token"),
        integer("block"),
        integer("slot"),
        integer("leaf_index"),
        PrimaryKeyConstraint("programme_id", "account_token"),
        UniqueConstraint("block", "slot"),
        check("not_negative", "block >= 0 AND slot >= 0"),
        check("token_size", "length(account_token) = 32"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        whole_numbers=("block", "slot"),
        insert_only=True,
    )


def _programmes() -> None:
    create_table(
        "programmes",
        words("programme_id"),
        words("exclusivity_domain"),
        binary("programme"),
        integer("leaf_index"),
        created_at(),
        PrimaryKeyConstraint("programme_id"),
        UniqueConstraint("exclusivity_domain"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def _receipts() -> None:
    create_table(
        "receipts",
        integer("leaf_index"),
        binary("envelope"),
        PrimaryKeyConstraint("leaf_index"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )
