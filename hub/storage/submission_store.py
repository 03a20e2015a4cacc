"""Submissions and products in the database, in core types."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import func, insert
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.submission.header import ChunkHeader
from fedcarbon.submission.intake import AdmittedChunk
from hub.storage.bulk import bulk_insert
from hub.storage.submission_rows import ChunkRow, ProductRow, SubmittedBlockRow


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChunk:
    """A chunk that was admitted."""

    chunk: int
    chunks: int
    header_sha256: bytes
    header_leaf: int
    file_sha256: bytes


class SubmissionStore:
    """The submissions of one epoch, in the session's transaction."""

    def __init__(self, session: Session, programme_id: ProgrammeId, epoch: EpochIndex) -> None:
        """Work in `session`; its owner commits."""
        self._session = session
        self._programme_id = programme_id
        self._epoch = epoch

    def add_chunk(
        self, header: ChunkHeader, header_sha256: bytes, header_leaf: int, blocks: Iterable[int]
    ) -> None:
        """Keep an admitted chunk and its blocks."""
        key = {
            "programme_id": self._programme_id,
            "epoch": self._epoch,
            "partner_id": header.partner_id,
            "chunk": header.chunk,
        }
        self._session.exec(
            insert(ChunkRow).values(
                chunks=header.chunks,
                header_sha256=header_sha256,
                header_leaf=header_leaf,
                file_sha256=header.file_sha256,
                **key,
            )
        )
        rows = [{**key, "block": block} for block in blocks]
        bulk_insert(self._session, SubmittedBlockRow, rows)

    def admitted_of(self, partner_id: PartyId) -> dict[int, AdmittedChunk]:
        """Return what later chunks of a partner are compared with: `chunks_of`, and no rows."""
        rows = self._session.exec(
            select(ChunkRow.chunk, ChunkRow.header_sha256, ChunkRow.chunks).where(
                ChunkRow.programme_id == self._programme_id,
                ChunkRow.epoch == self._epoch,
                ChunkRow.partner_id == partner_id,
            )
        )
        return {
            chunk: AdmittedChunk(header_sha256=header_sha256, chunks=chunks)
            for chunk, header_sha256, chunks in rows
        }

    def chunks_of(self, partner_id: PartyId) -> dict[int, StoredChunk]:
        """Return a partner's chunks by number, ascending."""
        rows = self._session.exec(self._rows().where(ChunkRow.partner_id == partner_id))
        return {row.chunk: _stored(row) for row in rows}

    def chunks(self) -> dict[PartyId, dict[int, StoredChunk]]:
        """Return the chunks of every partner by number, ascending."""
        found: dict[PartyId, dict[int, StoredChunk]] = {}
        for row in self._session.exec(self._rows()):
            found.setdefault(PartyId(row.partner_id), {})[row.chunk] = _stored(row)
        return found

    def received_of(self, partner_id: PartyId, blocks: Collection[int]) -> set[int]:
        """Return those of `blocks` for which a partner has sent a ciphertext.

        It reads what has come between the lowest and the highest of them: of a chunk of an honest
        submission nothing, however much of it has come before.
        """
        if not blocks:
            return set()
        rows = self._session.exec(
            select(SubmittedBlockRow.block).where(
                SubmittedBlockRow.programme_id == self._programme_id,
                SubmittedBlockRow.epoch == self._epoch,
                SubmittedBlockRow.partner_id == partner_id,
                col(SubmittedBlockRow.block).between(min(blocks), max(blocks)),
            )
        )
        return set(rows).intersection(blocks)

    def _rows(self) -> SelectOfScalar[ChunkRow]:
        return (
            select(ChunkRow)
            .where(ChunkRow.programme_id == self._programme_id, ChunkRow.epoch == self._epoch)
            .order_by(col(ChunkRow.partner_id), col(ChunkRow.chunk))
        )


class ProductStore:
    """The cumulative ciphertexts of one programme, in the session's transaction."""

    def __init__(self, session: Session, programme_id: ProgrammeId) -> None:
        """Work in `session`; its owner commits."""
        self._session = session
        self._programme_id = programme_id

    def add(self, epoch: EpochIndex, products: Mapping[int, bytes]) -> None:
        """Keep the cumulative ciphertexts of the blocks that `epoch` added to."""
        rows = [
            {
                "programme_id": self._programme_id,
                "block": block,
                "epoch": epoch,
                "ciphertext": ciphertext,
            }
            for block, ciphertext in sorted(products.items())
        ]
        bulk_insert(self._session, ProductRow, rows)

    def at(self, epoch: EpochIndex) -> dict[int, bytes]:
        """Return block and cumulative ciphertext up to `epoch`, ascending by block."""
        newest = (
            select(ProductRow.block, func.max(ProductRow.epoch).label("epoch"))
            .where(ProductRow.programme_id == self._programme_id, ProductRow.epoch <= epoch)
            .group_by(col(ProductRow.block))
            .subquery()
        )
        rows = self._session.exec(
            select(ProductRow.block, ProductRow.ciphertext)
            .where(
                ProductRow.programme_id == self._programme_id,
                ProductRow.block == newest.c.block,
                ProductRow.epoch == newest.c.epoch,
            )
            .order_by(col(ProductRow.block))
        )
        return {block: ciphertext for block, ciphertext in rows}  # noqa: C416 - rows, not tuples

    def of_block(self, block: int, epoch: EpochIndex) -> bytes | None:
        """Return a block's cumulative ciphertext up to `epoch`, if it has one."""
        return self._session.exec(
            select(ProductRow.ciphertext)
            .where(
                ProductRow.programme_id == self._programme_id,
                ProductRow.block == block,
                ProductRow.epoch <= epoch,
            )
            .order_by(col(ProductRow.epoch).desc())
        ).first()


def _stored(row: ChunkRow) -> StoredChunk:
    return StoredChunk(
        chunk=row.chunk,
        chunks=row.chunks,
        header_sha256=row.header_sha256,
        header_leaf=row.header_leaf,
        file_sha256=row.file_sha256,
    )
