"""Enrolments and places in the database, in core types."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import ColumnElement, and_, delete, exists, insert
from sqlmodel import Session, col, select

from fedcarbon.epoch.snapshot import LoggedEntry, Place, PlacedEntry
from fedcarbon.ids import EpochIndex, PartyId, ProgrammeId
from fedcarbon.registry.enrolment import EnrolmentAction, EnrolmentBatch
from hub.storage.bulk import bulk_insert
from hub.storage.registry_rows import EnrolmentBatchRow, EnrolmentRow, OpenBlockRow, PlaceRow

PARAMETERS_MAX: Final = 10_000
"""Values in one IN list; SQLite takes 32 766."""
ROWS_AT_ONCE: Final = 10_000
"""Fetched from the database in one call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBlocks:
    """The blocks of one programme with free slots, and the next number that no block has."""

    taken: Mapping[int, frozenset[int]]
    """Open block to its taken slots."""
    next_block: int


class EnrolmentStore:
    """Batches, entries and places, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session = session

    def batch_leaf(self, partner_id: PartyId, batch_id: bytes) -> int | None:
        """Return the leaf of a batch, if it was accepted."""
        return self._session.exec(
            select(EnrolmentBatchRow.leaf_index).where(
                EnrolmentBatchRow.partner_id == partner_id, EnrolmentBatchRow.batch_id == batch_id
            )
        ).first()

    def add_batch(self, batch: EnrolmentBatch, leaf_index: int) -> None:
        """Keep a batch and its entries."""
        self._session.exec(
            insert(EnrolmentBatchRow).values(
                partner_id=batch.partner_id, batch_id=batch.batch_id, leaf_index=leaf_index
            )
        )
        rows = [
            {
                "leaf_index": leaf_index,
                "position": position,
                "programme_id": batch.programme_id,
                "partner_id": batch.partner_id,
                "account_token": entry.account_token,
                "action": entry.action.value,
                "from_epoch": entry.from_epoch,
            }
            for position, entry in enumerate(batch.entries)
        ]
        bulk_insert(self._session, EnrolmentRow, rows)

    def has_enrolled(self, programme_id: ProgrammeId, partner_id: PartyId) -> bool:
        """Tell whether a partner has ever sent a batch of a programme."""
        found = self._session.exec(
            select(EnrolmentBatchRow.leaf_index)
            .where(EnrolmentBatchRow.partner_id == partner_id, _is_of(programme_id))
            .limit(1)
        )
        return found.first() is not None

    def partners(self, programme_id: ProgrammeId) -> set[PartyId]:
        """Return the partners that have ever sent a batch of a programme."""
        rows = self._session.exec(
            select(EnrolmentBatchRow.partner_id).where(_is_of(programme_id)).distinct()
        )
        return set(map(PartyId, rows))

    def placed_entries(
        self, programme_id: ProgrammeId, *, snapshot_size: int, epoch: EpochIndex
    ) -> Iterator[PlacedEntry]:
        """Return the entries that count in an epoch with the places of their accounts.

        They ascend by account; those of the same account are in the order of the record.

        Args:
            programme_id: of which programme.
            snapshot_size: only entries below this leaf count.
            epoch: and only those that name this epoch or an earlier one.
        """
        rows = (
            self._session.connection()
            .execution_options(yield_per=ROWS_AT_ONCE)
            .execute(
                select(
                    EnrolmentRow.account_token,
                    EnrolmentRow.partner_id,
                    EnrolmentRow.action,
                    PlaceRow.block,
                    PlaceRow.slot,
                )  # type: ignore[call-overload]  # SQLModel types up to four columns
                .join(
                    PlaceRow,
                    and_(
                        col(PlaceRow.programme_id) == EnrolmentRow.programme_id,
                        col(PlaceRow.account_token) == EnrolmentRow.account_token,
                    ),
                )
                .where(
                    EnrolmentRow.programme_id == programme_id,
                    EnrolmentRow.leaf_index < snapshot_size,
                    EnrolmentRow.from_epoch <= epoch,
                )
                .order_by(
                    col(EnrolmentRow.account_token),
                    col(EnrolmentRow.leaf_index),
                    col(EnrolmentRow.position),
                )
            )
        )
        enrol = EnrolmentAction.ENROL.value
        for token, partner_id, action, block, slot in rows:
            yield PlacedEntry(token, PartyId(partner_id), action == enrol, Place(block, slot))

    def entries_of(self, programme_id: ProgrammeId, account_token: bytes) -> list[LoggedEntry]:
        """Return the entries of one account in the order of the record."""
        rows = self._session.exec(
            select(EnrolmentRow)
            .where(
                EnrolmentRow.programme_id == programme_id,
                EnrolmentRow.account_token == account_token,
            )
            .order_by(col(EnrolmentRow.leaf_index))
        )
        return [
            _logged_entry(
                (row.leaf_index, row.partner_id, row.account_token, row.action, row.from_epoch)
            )
            for row in rows
        ]

    def enrolled_tokens(
        self, programme_id: ProgrammeId, partner_id: PartyId, tokens: Collection[bytes]
    ) -> set[bytes]:
        """Return which of `tokens` this partner has ever enrolled in a programme."""
        found: set[bytes] = set()
        for some in _pieces(tokens):
            found |= set(
                self._session.exec(
                    select(EnrolmentRow.account_token).where(
                        EnrolmentRow.programme_id == programme_id,
                        EnrolmentRow.partner_id == partner_id,
                        EnrolmentRow.action == EnrolmentAction.ENROL.value,
                        col(EnrolmentRow.account_token).in_(some),
                    )
                )
            )
        return found

    def places_of(self, programme_id: ProgrammeId, tokens: Collection[bytes]) -> dict[bytes, Place]:
        """Return the places of those of `tokens` that have one."""
        found: dict[bytes, Place] = {}
        for some in _pieces(tokens):
            rows = self._session.exec(
                select(PlaceRow.account_token, PlaceRow.block, PlaceRow.slot).where(
                    PlaceRow.programme_id == programme_id, col(PlaceRow.account_token).in_(some)
                )
            )
            found |= {token: Place(block, slot) for token, block, slot in rows}
        return found

    def add_places(
        self, programme_id: ProgrammeId, places: Iterable[tuple[bytes, Place]], leaf_index: int
    ) -> None:
        """Keep the places of new accounts."""
        rows = [
            {
                "programme_id": programme_id,
                "account_token": token,
                "block": place.block,
                "slot": place.slot,
                "leaf_index": leaf_index,
            }
            for token, place in places
        ]
        bulk_insert(self._session, PlaceRow, rows)

    def open_blocks(self, programme_id: ProgrammeId) -> OpenBlocks:
        """Return the pool of blocks in which new accounts are placed."""
        blocks = self._session.exec(
            select(OpenBlockRow.block).where(OpenBlockRow.programme_id == programme_id)
        ).all()
        taken: dict[int, set[int]] = {block: set() for block in blocks}
        # A block belongs to one programme: naming that too would have SQLite read all its places.
        for block, slot in self._session.exec(
            select(PlaceRow.block, PlaceRow.slot).where(col(PlaceRow.block).in_(blocks))
        ):
            taken[block].add(slot)
        last_placed, last_opened = (
            self._session.exec(select(column).order_by(col(column).desc()).limit(1)).first()
            for column in (PlaceRow.block, OpenBlockRow.block)
        )
        next_block = max(-1 if last is None else last for last in (last_placed, last_opened)) + 1
        return OpenBlocks(
            taken={block: frozenset(slots) for block, slots in sorted(taken.items())},
            next_block=next_block,
        )

    def set_open_blocks(self, programme_id: ProgrammeId, blocks: Collection[int]) -> None:
        """Make `blocks` the pool."""
        self._session.exec(
            delete(OpenBlockRow).where(col(OpenBlockRow.programme_id) == programme_id)
        )
        rows = [{"programme_id": programme_id, "block": block} for block in sorted(blocks)]
        if rows:
            self._session.exec(insert(OpenBlockRow), params=rows)


def _is_of(programme_id: ProgrammeId) -> ColumnElement[bool]:
    """Return the condition that a batch names a programme, which its first entry tells."""
    return exists().where(
        EnrolmentRow.leaf_index == EnrolmentBatchRow.leaf_index,  # type: ignore[arg-type]
        EnrolmentRow.position == 0,  # type: ignore[arg-type]
        EnrolmentRow.programme_id == programme_id,  # type: ignore[arg-type]
    )


def _logged_entry(row: tuple[int, str, bytes, str, int]) -> LoggedEntry:
    leaf_index, partner_id, account_token, action, from_epoch = row
    return LoggedEntry(
        leaf_index, PartyId(partner_id), account_token, EnrolmentAction(action), from_epoch
    )


def _pieces(tokens: Collection[bytes]) -> Iterator[list[bytes]]:
    """Return `tokens` in lists that one query can take."""
    ordered = list(tokens)
    for start in range(0, len(ordered), PARAMETERS_MAX):
        yield ordered[start : start + PARAMETERS_MAX]
