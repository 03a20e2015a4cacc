"""Methodologies in the record, and programmes that share a claim round.

What a partner computes by stands in its commitment, so the bundle moves there from its chunks.
Commitments that no chunk followed get the bundle of those who said nothing. So far a domain had one
programme, which is what its conflicting claims were made for.
"""

from __future__ import annotations

from typing import Final

from alembic import op

from hub.storage.migrations.definitions import set_aside, take_back
from hub.storage.migrations.third.domain_tables import create_programmes, create_token_conflicts
from hub.storage.migrations.third.methodology_tables import (
    create_chunks,
    create_claim_commitments,
    create_methodologies,
)

revision: Final = "0003"
down_revision: Final = "0002"

_CHUNKS: Final = (
    "programme_id, epoch, partner_id, chunk, chunks, header_sha256, header_leaf, file_sha256, "
    "created_at"
)
_COMMITMENTS: Final = (
    "programme_id, epoch, partner_id, leaf_index, claim_count, list_root, evidence_root"
)

_CONFLICTS: Final = "exclusivity_domain, token_epoch, claim_token, epoch, partner_id, first_epoch"
_PROGRAMMES: Final = "programme_id, exclusivity_domain, programme, leaf_index, created_at"


def upgrade() -> None:
    """Make the tables that change anew with what is in them, then the new ones."""
    create_methodologies()
    _move_bundles()
    _name_programmes_of_conflicts()
    _let_domains_be_shared()


def _move_bundles() -> None:
    is_sqlite = op.get_context().dialect.name == "sqlite"
    none = "zeroblob(32)" if is_sqlite else "decode(repeat('00', 32), 'hex')"
    chunks, commitments = set_aside("chunks"), set_aside("claim_commitments")
    create_claim_commitments()
    op.execute(
        f"INSERT INTO claim_commitments ({_COMMITMENTS}, methodology_bundle) "  # noqa: S608
        f"SELECT {_COMMITMENTS}, COALESCE((SELECT c.methodology_bundle FROM {chunks} c "
        f"WHERE c.programme_id = b.programme_id AND c.epoch = b.epoch "
        f"AND c.partner_id = b.partner_id ORDER BY c.chunk LIMIT 1), {none}) "
        f"FROM {commitments} b"
    )
    op.drop_table(commitments)
    create_chunks()
    take_back("chunks", _CHUNKS)


def _name_programmes_of_conflicts() -> None:
    conflicts = set_aside("token_conflicts")
    create_token_conflicts()
    op.execute(
        f"INSERT INTO token_conflicts ({_CONFLICTS}, programme_id) "  # noqa: S608
        f"SELECT {_CONFLICTS}, (SELECT p.programme_id FROM programmes p "
        f"WHERE p.exclusivity_domain = c.exclusivity_domain) FROM {conflicts} c"
    )
    op.drop_table(conflicts)


def _let_domains_be_shared() -> None:
    if op.get_context().dialect.name == "sqlite":
        set_aside("programmes")
        create_programmes()
        take_back("programmes", _PROGRAMMES)
    else:
        op.drop_constraint("uq_programmes_exclusivity_domain", "programmes")
    op.create_index("ix_programmes_exclusivity_domain", "programmes", ["exclusivity_domain"])
