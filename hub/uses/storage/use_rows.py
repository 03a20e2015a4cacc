"""Tables of uses: publications, orders, pledges, credit lots, and who takes part in rankings."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Index, UniqueConstraint
from sqlmodel import Field

from fedcarbon.uses.order import UseKind
from fedcarbon.uses.states import LotState, UseState
from hub.storage.columns import created_at_column, integers, one_of
from hub.storage.tables import HubTable, insert_only


class PublicationRow(HubTable, table=True):
    """What stands in the record about uses: offers, rules, campaigns, notices, prices of a day."""

    __tablename__ = "use_publications"
    __table_args__ = (
        UniqueConstraint("programme_id", "kind", "name"),
        CheckConstraint("length(statement) > 0", name="filled"),
        integers("leaf_index"),
    )

    leaf_index: int = Field(primary_key=True)
    programme_id: str
    kind: str
    """Kind of the statement."""
    name: str
    """Of the offer, the rules or the campaign; a notice's year, a price's day, a list's period."""
    statement: bytes
    """Its canonical bytes."""
    created_at: datetime | None = created_at_column()


class StockRow(HubTable, table=True):
    """How many pieces of an offer are left, where it has said how many there are."""

    __tablename__ = "offer_stocks"
    __table_args__ = (
        CheckConstraint("left_pieces >= 0", name="not_negative"),
        integers("left_pieces"),
    )

    programme_id: str = Field(primary_key=True)
    offer_id: str = Field(primary_key=True)
    left_pieces: int = Field(sa_type=BigInteger)


class UseRow(HubTable, table=True):
    """A use as it stands."""

    __tablename__ = "uses"
    __table_args__ = (
        CheckConstraint("length(use_id) = 16", name="use_id_size"),
        CheckConstraint("mass_ug >= 1", name="takes_something"),
        one_of("kind", UseKind),
        one_of("state", UseState),
        integers("mass_ug", "created_s"),
        Index("ix_uses_account_token", "account_token"),
        Index("ix_uses_state", "state", "expires_s"),
    )

    use_id: bytes = Field(primary_key=True)
    order_bytes: bytes
    """The canonical bytes of the order: what a retry is compared with."""
    programme_id: str
    account_token: bytes
    kind: str
    state: str
    mass_ug: int = Field(sa_type=BigInteger)
    expires_s: int | None = Field(default=None, sa_type=BigInteger)
    created_s: int = Field(sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


class UseDrawRow(HubTable, table=True):
    """The part of a use that one vintage gives."""

    __tablename__ = "use_draws"
    __table_args__ = (
        CheckConstraint("mass_ug >= 1", name="draws_something"),
        integers("vintage", "mass_ug"),
    )

    use_id: bytes = Field(primary_key=True, foreign_key="uses.use_id")
    vintage: int = Field(primary_key=True)
    mass_ug: int = Field(sa_type=BigInteger)


class UseOrderRow(HubTable, table=True):
    """An order that was taken, and the leaf of its exact envelope."""

    __tablename__ = "use_orders"
    __table_args__ = (integers("leaf_index"),)

    use_id: bytes = Field(primary_key=True, foreign_key="uses.use_id")
    leaf_index: int = Field(foreign_key="leaves.leaf_index", unique=True)
    created_at: datetime | None = created_at_column()


class PledgeRow(HubTable, table=True):
    """What is left of a pledge in one vintage, in the order in which they came."""

    __tablename__ = "pledges"
    __table_args__ = (
        UniqueConstraint("number"),
        CheckConstraint("left_ug >= 0", name="not_negative"),
        integers("number", "vintage", "left_ug"),
        Index("ix_pledges_queue", "programme_id", "vintage", "number"),
        Index("ix_pledges_account_token", "account_token"),
    )

    use_id: bytes = Field(primary_key=True, foreign_key="uses.use_id")
    vintage: int = Field(primary_key=True)
    number: int = Field(sa_type=BigInteger)
    """From 1: the queue."""
    programme_id: str
    account_token: bytes
    left_ug: int = Field(sa_type=BigInteger)
    """Neither withdrawn nor in a lot."""


class LotRow(HubTable, table=True):
    """A credit lot as it stands, with what was signed about it."""

    __tablename__ = "credit_lots"
    __table_args__ = (
        CheckConstraint("length(lot_id) = 16", name="lot_id_size"),
        one_of("state", LotState),
    )

    lot_id: bytes = Field(primary_key=True)
    programme_id: str = Field(index=True)
    state: str
    lot: bytes
    """Canonical bytes of the `CreditLot`; likewise below."""
    sale: bytes | None = None
    retirement: bytes | None = None
    serial_last: int | None = Field(default=None, sa_type=BigInteger)
    created_at: datetime | None = created_at_column()


class LotPartRow(HubTable, table=True):
    """What a lot took of one pledge: where it goes back to if the lot is refused."""

    __tablename__ = "credit_lot_parts"
    __table_args__ = (
        CheckConstraint("mass_ug >= 1", name="takes_something"),
        integers("mass_ug"),
    )

    lot_id: bytes = Field(primary_key=True, foreign_key="credit_lots.lot_id")
    use_id: bytes = Field(primary_key=True, foreign_key="uses.use_id")
    mass_ug: int = Field(sa_type=BigInteger)


class RankingChoiceRow(HubTable, table=True):
    """A holder's word on taking part in a ranking."""

    __tablename__ = "ranking_choices"
    __table_args__ = (
        UniqueConstraint("choice_id"),
        CheckConstraint("length(choice_id) = 16", name="choice_id_size"),
        CheckConstraint("length(statement) > 0", name="filled"),
        integers("leaf_index", "from_period"),
        Index("ix_ranking_choices_account_token", "programme_id", "ranking_id", "account_token"),
    )

    leaf_index: int = Field(primary_key=True)
    choice_id: bytes
    programme_id: str
    ranking_id: str
    account_token: bytes
    from_period: int
    statement: bytes
    """Its canonical bytes: what a retry is compared with."""
    created_at: datetime | None = created_at_column()


for _row in (PublicationRow, RankingChoiceRow, UseDrawRow, UseOrderRow, LotPartRow):
    insert_only(_row)
