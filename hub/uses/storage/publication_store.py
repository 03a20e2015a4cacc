"""What root keys and the hub have published about uses, in the database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sqlalchemy import insert
from sqlmodel import Session, col, select

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import ProgrammeId
from fedcarbon.uses.campaign import Campaign
from fedcarbon.uses.market import MarketPrice, MarketRules
from fedcarbon.uses.offer import ExpiryNotice, LotRules, Offer
from fedcarbon.uses.ranking import Ranking, RankingRules, RankingSalt
from hub.uses.storage.use_rows import PublicationRow

Publication = (
    Offer
    | LotRules
    | ExpiryNotice
    | Campaign
    | MarketRules
    | MarketPrice
    | RankingRules
    | RankingSalt
    | Ranking
)
P = TypeVar("P", bound=Publication)


@dataclass(frozen=True, slots=True, kw_only=True)
class Published(Generic[P]):
    """A statement and where it lies."""

    leaf_index: int
    statement: P


_NAMES: Final = {
    Offer.KIND: "offer_id",
    LotRules.KIND: "rules_id",
    ExpiryNotice.KIND: "vintage",
    Campaign.KIND: "campaign_id",
    MarketRules.KIND: "market_id",
    MarketPrice.KIND: "day",
    RankingRules.KIND: "ranking_id",
    RankingSalt.KIND: "name",
    Ranking.KIND: "name",
}
"""The field by which a statement is published once."""


def name_of(statement: Publication) -> str:
    """Return the name under which a statement is published once."""
    return str(getattr(statement, _NAMES[statement.KIND]))


class PublicationStore:
    """Offers, rules, campaigns, notices, prices and rankings, in the session's transaction."""

    def __init__(self, session: Session) -> None:
        """Work in `session`; its owner commits."""
        self._session: Final = session

    def add(self, statement: Publication, leaf_index: int) -> None:
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
        return [_published(cls, row) for row in rows]

    def last(self, cls: type[P], programme: ProgrammeId) -> Published[P] | None:
        """Return what a programme has published last of a kind, if anything."""
        row = self._session.exec(
            select(PublicationRow)
            .where(PublicationRow.programme_id == programme, PublicationRow.kind == cls.KIND)
            .order_by(col(PublicationRow.leaf_index).desc())
            .limit(1)
        ).first()
        return None if row is None else _published(cls, row)


def _published(cls: type[P], row: PublicationRow) -> Published[P]:
    return Published(leaf_index=row.leaf_index, statement=statements.decode(cls, row.statement))
