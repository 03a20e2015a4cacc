"""The hub's books with everything that uses need, on a real file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.ids import PartyId
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.units import Fen, MicrogramsCO2e
from fedcarbon.uses.lot import CreditLot, LotSale, LotVerification
from fedcarbon.uses.market import MarketPrice
from fedcarbon.uses.offer import LotRules, Offer, OfferKind
from fedcarbon.uses.order import Use, UseKind, UseOrder
from fedcarbon.uses.ranking import Ranking, RankingChoice, RankingSalt
from hub.storage.engine import reading, writing
from hub.uses.bundling import create_lot, judge_lot, retire, sell
from hub.uses.campaigning import release_ended
from hub.uses.expiring import expire_page
from hub.uses.publishing import Rooted, set_aside
from hub.uses.ranking import check_choice, due_lists, keep_list, list_of
from hub.uses.storage.publication_store import PublicationStore, Published
from hub.uses.storage.ranking_store import RankingStore
from hub.uses.taking import create_use, end_goods, find_use, void_overdue
from hub.uses.terms import terms_of
from hub.uses.trading import close_markets, unpriced
from tests.audit.books.drafts import PROGRAMME
from tests.databases import NewStore
from tests.hub.clearing.conftest import SHANGHAI, START_S, Books

HOLD_S = 3_600
RULES = Published(
    leaf_index=7,
    statement=LotRules(
        parameter_id=bytes(32),
        programme_id=SHANGHAI,
        rules_id="first",
        excluded_regimes=("ccer", "cea"),
        price_floor_fen=5_000,
    ),
)


def offer(kind: OfferKind, price_ug: int = 1_000_000, **changes: Any) -> Offer:
    fields: dict[str, Any] = {
        "parameter_id": bytes(32),
        "programme_id": SHANGHAI,
        "offer_id": f"some-{kind}",
        "offer_kind": kind,
        "title": "something",
        "supplier": "somebody",
        "price_ug": MicrogramsCO2e(price_ug),
        "valid_from_s": START_S,
        "valid_until_s": START_S + 10**9,
        "hold_s": HOLD_S if kind is OfferKind.GOODS else 0,
    }
    return Offer(**{**fields, **changes})


TREE, BREAD = offer(OfferKind.DONATION), offer(OfferKind.GOODS)


class UseBooks(Books):
    """Books, and the acts of uses that tests repeat."""

    def use_order(self, number: int, use: UseKind, holder: int = 1, **changes: Any) -> UseOrder:
        offered = use in {UseKind.DONATE, UseKind.GOODS}
        fields: dict[str, Any] = {
            "parameter_id": bytes(32),
            "programme_id": SHANGHAI,
            "use_id": number.to_bytes(16, "big"),
            "account_token": self.token(holder),
            "wallet_id": sandbox_wallet_id(holder),
            "wallet_class": WalletClass.CLASS_2,
            "binding_leaf": bytes(34),
            "operator_id": PartyId("wallet-operator"),
            "use": use,
            "offer_id": (TREE if use is UseKind.DONATE else BREAD).offer_id if offered else None,
            "pieces": 1 if offered else None,
            "mass_ug": None,
            "vintage": None,
            "may_be_claimed": use is UseKind.PLEDGE,
        }
        return UseOrder(**{**fields, **changes})

    def use(self, order: UseOrder, published: Offer | None = None) -> Use:
        if published is None and order.offer_id is not None:
            published = {item.offer_id: item for item in (TREE, BREAD)}.get(order.offer_id)
        now_s = self.clock.now_s()
        with writing(self.engine) as session:
            terms = terms_of(session, order, now_s)
            if terms.offer is None:
                terms = replace(terms, offer=published)
            return create_use(session, order, terms, now_s)

    def publish(self, leaf_index: int, statement: Rooted) -> None:
        """Keep what root keys have published, with the money or the stock that it begins with."""
        now_s = self.clock.now_s()
        with writing(self.engine) as session:
            set_aside(session, statement, PROGRAMME, now_s)
            PublicationStore(session).add(statement, leaf_index)

    def prices(self) -> list[MarketPrice]:
        """Return today's prices that nobody has said yet."""
        with reading(self.engine) as session:
            return unpriced(session, self.clock.now_s())

    def say(self, leaf_index: int, price: MarketPrice) -> None:
        with writing(self.engine) as session:
            PublicationStore(session).add(price, leaf_index)

    def choose(self, leaf_index: int, choice: RankingChoice) -> None:
        with writing(self.engine) as session:
            check_choice(session, choice, self.clock.now_s())
            RankingStore(session).add(choice, leaf_index)

    def due(self) -> list[int]:
        """Return the periods whose lists are to be made."""
        with reading(self.engine) as session:
            return [period for _, period in due_lists(session, self.clock.now_s())]

    def rank(self, leaf_index: int) -> tuple[RankingSalt, Ranking]:
        """Make the one list that is due, with its salt at a leaf and the list behind it."""
        with writing(self.engine) as session:
            ((rules, period),) = due_lists(session, self.clock.now_s())
            salt = RankingSalt(
                parameter_id=bytes(32),
                programme_id=SHANGHAI,
                ranking_id=rules.statement.ranking_id,
                period=period,
                salt=bytes([period + 1]) * 32,
            )
            ranking = list_of(session, rules, salt, leaf_index)
            keep_list(session, salt, ranking, leaf_index + 1)
        return salt, ranking

    def end_money(self) -> tuple[int, int]:
        """Give back what ended campaigns and markets hold; return how many of each had any."""
        now_s = self.clock.now_s()
        with writing(self.engine) as session:
            return release_ended(session, now_s), close_markets(session, now_s)

    def found(self, number: int) -> Use:
        with reading(self.engine) as session:
            return find_use(session, number.to_bytes(16, "big"))

    def end(self, number: int, *, fulfilled: bool) -> Use:
        with writing(self.engine) as session:
            use_id = number.to_bytes(16, "big")
            return end_goods(session, use_id, fulfilled=fulfilled, now_s=self.clock.now_s())

    def void_overdue(self) -> int:
        with writing(self.engine) as session:
            return void_overdue(session, self.clock.now_s())

    def form(self, number: int, tonnes: int = 1, vintage: int = 2026) -> CreditLot:
        with writing(self.engine) as session:
            return create_lot(
                session,
                parameter_id=bytes(32),
                lot_id=number.to_bytes(16, "big"),
                programme=SHANGHAI,
                vintage=Vintage(vintage),
                tonnes=tonnes,
                rules=RULES,
                now_s=self.clock.now_s(),
            )

    def judge(self, number: int, *, accepted: bool) -> None:
        with writing(self.engine) as session:
            lot_id = number.to_bytes(16, "big")
            verification = LotVerification(
                parameter_id=bytes(32),
                programme_id=SHANGHAI,
                lot_id=lot_id,
                verifier="a house of verifiers",
                report_sha256=bytes(32),
                accepted=accepted,
            )
            judge_lot(session, verification, self.clock.now_s())

    def sell(self, number: int, price_fen: int, retained_fen: int = 0) -> bool:
        sale = LotSale(
            parameter_id=bytes(32),
            programme_id=SHANGHAI,
            lot_id=number.to_bytes(16, "big"),
            buyer="somebody",
            price_fen=Fen(price_fen),
            retained_fen=Fen(retained_fen),
        )
        floor_fen = Fen(RULES.statement.price_floor_fen)
        with writing(self.engine) as session:
            return sell(session, sale, floor_fen, self.clock.now_s())

    def retire(self, number: int, beneficiary: str = "someone") -> tuple[int, int]:
        with writing(self.engine) as session:
            lot_id = number.to_bytes(16, "big")
            retired, _ = retire(session, lot_id, beneficiary, self.clock.now_s())
        return retired.serial_first, retired.serial_last

    def expire(self, vintage: int) -> None:
        unit = MassUnit(programme=SHANGHAI, vintage=Vintage(vintage))
        after: str | None = ""
        while after is not None:
            with writing(self.engine) as session:
                after = expire_page(session, unit, after, self.clock.now_s())


@pytest.fixture
def books(tmp_path: Path, new_store: NewStore) -> Iterator[UseBooks]:
    """Return empty books."""
    books = UseBooks(tmp_path, new_store)
    yield books
    books.close()
