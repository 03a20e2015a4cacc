"""What root keys have published about uses, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sqlalchemy import insert
from sqlmodel import Session, col, select

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import ProgrammeId
from fedcarbon.uses.offer import ExpiryNotice, LotRules, Offer
from hub.uses.storage.use_rows import PublicationRow

P = TypeVar("P", bound=Offer | LotRules | ExpiryNotice)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published(Generic[P]):
    """A statement and where it lies."""

    leaf_index: int
    statement: P


def name_of(statement: Offer | LotRules | ExpiryNotice) -> str:
    """Return the name under which a statement is published once."""
    if isinstance(statement, Offer):
        return statement.offer_id
    return statement.rules_id if isinstance(statement, LotRules) else str(statement.vintage)


class PublicationStore:
    """Offers, rules and notices, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session: Final = session

    def add(self, statement: Offer | LotRules | ExpiryNotice, leaf_index: int) -> None:
        """Keep a published statement."""
        self._session.exec(
            insert(PublicationRow).values(
                leaf_index=leaf_index,
                programme_id=statement.programme_id,
                kind=statement.KIND,
                name=name_of(statement),
                statement=statements.encode(statement),
            )
        )

    def find(self, cls: type[P], programme: ProgrammeId, name: str) -> P | None:
        """Return the statement of this name, if there is one."""
        data = self._session.exec(
            select(PublicationRow.statement).where(
                PublicationRow.programme_id == programme,
                PublicationRow.kind == cls.KIND,
                PublicationRow.name == name,
            )
        ).first()
        return None if data is None else statements.decode(cls, data)

    def all(self, cls: type[P], programme: ProgrammeId | None = None) -> list[Published[P]]:
        """Return all statements of a kind in the order of the record, of one programme or all."""
        query = select(PublicationRow).where(PublicationRow.kind == cls.KIND)
        if programme is not None:
            query = query.where(PublicationRow.programme_id == programme)
        rows = self._session.exec(query.order_by(col(PublicationRow.leaf_index)))
        return [
            Published(leaf_index=row.leaf_index, statement=statements.decode(cls, row.statement))
            for row in rows
        ]
