"""Methodologies in the record.

What a partner computes by stands in its commitment, so the bundle moves there from its chunks.
Commitments that no chunk followed get the bundle of those who said nothing.
"""

from __future__ import annotations

from typing import Final

from alembic import op

from hub.storage.migrations.definitions import set_aside, take_back
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


def upgrade() -> None:
    """Make the tables that change anew with what is in them, then the new ones."""
    create_methodologies()
    _move_bundles()


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
