"""Tables of the first revision: epochs, submissions, claim tokens and opening requests."""

from __future__ import annotations

from alembic import op
from sqlalchemy import ForeignKeyConstraint, PrimaryKeyConstraint, UniqueConstraint

from hub.storage.migrations.definitions import (
    big_integer,
    binary,
    check,
    create_table,
    created_at,
    integer,
    one_of,
    words,
)


def create_epochs_tables() -> None:
    """Create them; those that they refer to are there."""
    _decided_tokens()
    _opening_attempts()
    _products()
    _submitted_blocks()
    _token_conflicts()
    _verdicts()
    _chunks()
    _claim_commitments()
    _claim_lists()
    _disputes()
    _link_proofs()
    _epochs()
    _opening_requests()


def _decided_tokens() -> None:
    create_table(
        "decided_tokens",
        words("exclusivity_domain"),
        integer("token_epoch"),
        binary("claim_token"),
        integer("epoch"),
        PrimaryKeyConstraint("exclusivity_domain", "token_epoch", "claim_token"),
        insert_only=True,
        sqlite_with_rowid=False,
    )


def _opening_attempts() -> None:
    create_table(
        "opening_attempts",
        binary("opening_id"),
        integer("attempt"),
        PrimaryKeyConstraint("opening_id"),
        check("opening_id_size", "length(opening_id) = 32"),
    )


def _products() -> None:
    create_table(
        "products",
        words("programme_id"),
        integer("block"),
        integer("epoch"),
        binary("ciphertext"),
        PrimaryKeyConstraint("programme_id", "block", "epoch"),
        insert_only=True,
    )


def _submitted_blocks() -> None:
    create_table(
        "submitted_blocks",
        words("programme_id"),
        integer("epoch"),
        words("partner_id"),
        integer("block"),
        integer("chunk"),
        PrimaryKeyConstraint("programme_id", "epoch", "partner_id", "block"),
        whole_numbers=("block", "chunk"),
        insert_only=True,
    )


def _token_conflicts() -> None:
    create_table(
        "token_conflicts",
        words("exclusivity_domain"),
        integer("token_epoch"),
        binary("claim_token"),
        integer("epoch"),
        words("partner_id"),
        integer("first_epoch"),
        PrimaryKeyConstraint(
            "exclusivity_domain", "token_epoch", "claim_token", "epoch", "partner_id"
        ),
        insert_only=True,
    )


def _verdicts() -> None:
    create_table(
        "verdicts",
        words("programme_id"),
        integer("epoch"),
        words("partner_id"),
        integer("lost"),
        binary("file_sha256"),
        binary("positions_sha256"),
        PrimaryKeyConstraint("programme_id", "epoch", "partner_id"),
        insert_only=True,
    )


def _chunks() -> None:
    create_table(
        "chunks",
        words("programme_id"),
        integer("epoch"),
        words("partner_id"),
        integer("chunk"),
        integer("chunks"),
        binary("methodology_bundle"),
        binary("header_sha256"),
        integer("header_leaf"),
        binary("file_sha256"),
        created_at(),
        PrimaryKeyConstraint("programme_id", "epoch", "partner_id", "chunk"),
        check("number_in_range", "chunk >= 0 AND chunk < chunks"),
        ForeignKeyConstraint(["header_leaf"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def _claim_commitments() -> None:
    create_table(
        "claim_commitments",
        words("programme_id"),
        integer("epoch"),
        words("partner_id"),
        integer("leaf_index"),
        integer("claim_count"),
        binary("list_root"),
        binary("evidence_root"),
        PrimaryKeyConstraint("programme_id", "epoch", "partner_id"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def _claim_lists() -> None:
    create_table(
        "claim_lists",
        words("programme_id"),
        integer("epoch"),
        words("partner_id"),
        integer("leaf_index"),
        binary("file_sha256"),
        binary("commitments_sha256"),
        PrimaryKeyConstraint("programme_id", "epoch", "partner_id"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def _disputes() -> None:
    create_table(
        "disputes",
        words("programme_id"),
        integer("epoch"),
        words("partner_id"),
        integer("leaf_index"),
        PrimaryKeyConstraint("programme_id", "epoch", "partner_id"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def _link_proofs() -> None:
    create_table(
        "link_proofs",
        words("programme_id"),
        integer("epoch"),
        words("partner_id"),
        integer("leaf_index"),
        PrimaryKeyConstraint("programme_id", "epoch", "partner_id"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        insert_only=True,
    )


def _epochs() -> None:
    create_table(
        "epochs",
        words("programme_id"),
        integer("epoch"),
        words("state"),
        integer("plan_leaf"),
        integer("snapshot_size"),
        integer("commit_until_s"),
        integer("reveal_until_s"),
        integer("submit_until_s"),
        integer("closed_leaf", nullable=True),
        integer("beacon_leaf", nullable=True),
        integer("verdict_leaf", nullable=True),
        integer("seal_leaf", nullable=True),
        integer("sample_leaf", nullable=True),
        created_at(),
        PrimaryKeyConstraint("programme_id", "epoch"),
        check("epoch_positive", "epoch >= 1"),
        one_of("state", "committing", "judged", "planned", "revealing", "sealed", "submitting"),
        ForeignKeyConstraint(["programme_id"], ["programmes.programme_id"]),
        whole_numbers=("epoch", "plan_leaf", "snapshot_size"),
    )


def _opening_requests() -> None:
    create_table(
        "opening_requests",
        words("operator_id"),
        binary("request_id"),
        integer("leaf_index"),
        words("programme_id"),
        binary("account_token"),
        integer("epoch"),
        integer("previous_epoch"),
        words("state"),
        words("code"),
        words("detail"),
        big_integer("opened_ug", nullable=True),
        integer("attempts"),
        created_at(),
        PrimaryKeyConstraint("operator_id", "request_id"),
        UniqueConstraint("leaf_index"),
        check("mass_in_range", "opened_ug BETWEEN 0 AND 72057594037927935"),
        check("opened_once", "(state = 'opened') = (opened_ug IS NOT NULL)"),
        check("request_id_size", "length(request_id) = 16"),
        one_of("state", "opened", "refused", "requested", "started"),
        ForeignKeyConstraint(["leaf_index"], ["leaves.leaf_index"]),
        ForeignKeyConstraint(["programme_id"], ["programmes.programme_id"]),
        whole_numbers=("leaf_index", "epoch", "previous_epoch", "attempts"),
    )
    op.create_index(
        "ix_opening_requests_account",
        "opening_requests",
        ["programme_id", "account_token", "epoch"],
    )
    op.create_index("ix_opening_requests_state", "opening_requests", ["state"])
