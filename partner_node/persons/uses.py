"""What a person's amounts could be used for, as published in the record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from fedcarbon.registry.measure import Measure
from fedcarbon.registry.programme import Programme, local_day
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import SECONDS_PER_DAY, Seconds
from partner_node.persons.words import Language, amount_text, money_text
from partner_node.record.publications import Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class UseView:
    """One thing that an amount can be used for, or that happens to it."""

    kind: str
    """redemption, donation, goods, campaign, market, pledge, retire_own or expiry."""
    id: str
    """The published name, if it has one."""
    title: str
    """Likewise, as published."""
    price_micro: int
    """What one unit or piece takes; 0 if any amount will do."""
    pays_fen: int
    """What it pays; for a market the price of today, or 0 before it is published."""
    from_s: int
    """Protocol time from which it is there; 0 for ever."""
    until_s: int
    """Protocol time from which it is over; 0 for no end."""
    text: str


class Uses:
    """Says what is on offer at an instant, in one language."""

    def __init__(
        self,
        programme: Programme,
        published: Iterable[Publication],
        now_s: Seconds,
        unit: str,
        language: Language,
    ) -> None:
        """Take what the record holds for `programme`, whose amounts are of `unit`."""
        self._programme = programme
        self._published = list(published)
        self._now_s = now_s
        self._unit = unit
        self._language = language

    def all(self) -> tuple[UseView, ...]:
        """Return cash first, then what is published and not over, then what grams allow."""
        makers: Mapping[LeafType, Callable[[Publication], UseView]] = {
            LeafType.OFFER: self._offer,
            LeafType.CAMPAIGN: self._campaign,
            LeafType.MARKET_RULES: self._market,
            LeafType.EXPIRY_NOTICE: self._expiry,
        }
        found = [makers[item.type](item) for item in self._published if item.type in makers]
        current = [
            item
            for item in found
            if item.kind == _EXPIRY or not item.until_s or item.until_s > self._now_s
        ]
        grams = self._grams() if self._programme.measure is Measure.GRAMS else ()
        return (self._redemption(), *current, *grams)

    def _redemption(self) -> UseView:
        unit_ug, fen = self._programme.unit_ug, int(self._programme.unit_fen)
        amount, money = self._amount(unit_ug), self._money(fen)
        zh, en = f"兑换:每{amount}兑{money}", f"cash: {money} for every {amount}"
        return self._use("redemption", (zh, en), price_micro=unit_ug, pays_fen=fen)

    def _offer(self, item: Publication) -> UseView:
        title, supplier = item.text("title"), item.text("supplier")
        price = item.number("price_ug")
        until_s = item.number("valid_until_s")
        amount, day = self._amount(price), self._day(until_s)
        return self._use(
            item.text("offer_kind"),
            (
                f"{title}({supplier}):每份{amount},{day}前有效",
                f"{title} ({supplier}): {amount} each, until {day}",
            ),
            id=item.text("offer_id"),
            title=title,
            price_micro=price,
            from_s=item.number("valid_from_s"),
            until_s=until_s,
        )

    def _campaign(self, item: Publication) -> UseView:
        title, fen = item.text("title"), item.number("packet_fen")
        until_s = item.number("valid_until_s")
        money, day = self._money(fen), self._day(until_s)
        gift = item.text("occasion") == "donation"
        zh, en = ("捐赠一份", "piece given") if gift else ("兑换一个单位", "unit redeemed")
        return self._use(
            "campaign",
            (
                f"{title}:每{zh}另得{money},{day}前有效,预算用完为止",
                f"{title}: {money} on top for every {en}, until {day} or the budget is used up",
            ),
            id=item.text("campaign_id"),
            title=title,
            pays_fen=fen,
            from_s=item.number("valid_from_s"),
            until_s=until_s,
        )

    def _market(self, item: Publication) -> UseView:
        name, unit_ug = item.text("market_id"), item.number("unit_ug")
        fen = self._price_today(name)
        low, high = (self._money(item.number(f"{end}_fen")) for end in ("floor", "ceiling"))
        amount, price = self._amount(unit_ug), self._money(fen)
        zh = f"今日每{amount}{price}" if fen else f"每{amount}今日价格待公布"
        en = f"{price} for {amount} today" if fen else f"today's price of {amount} comes later"
        return self._use(
            "market",
            (
                f"市场{name}:{zh},价格在{low}到{high}之间",
                f"market {name}: {en}, always from {low} to {high}",
            ),
            id=name,
            price_micro=unit_ug,
            pays_fen=fen,
            from_s=item.number("first_day") * SECONDS_PER_DAY,
            until_s=(item.number("last_day") + 1) * SECONDS_PER_DAY,
        )

    def _expiry(self, item: Publication) -> UseView:
        vintage, until_s = item.number("vintage"), item.number("expires_at_s")
        day = self._day(until_s)
        zh, en = f"{vintage}年的余额于{day}失效", f"what is left of {vintage} ends on {day}"
        return self._use(_EXPIRY, (zh, en), id=str(vintage), until_s=until_s)

    def _grams(self) -> tuple[UseView, ...]:
        own = self._use(
            "retire_own",
            (
                "用于抵消自己的排放,之后不能再使用",
                "retire grams against a footprint of your own; they cannot be used again",
            ),
        )
        rules = [item for item in self._published if item.type is LeafType.LOT_RULES]
        if not rules:
            return (own,)
        floor_fen = rules[-1].number("price_floor_fen")
        money = self._money(floor_fen)
        pledge = self._use(
            "pledge",
            (
                f"授权打包成整吨减排量出售,每吨不低于{money}",
                f"pledge grams to lots of whole tonnes, sold for {money} a tonne or more",
            ),
            id=rules[-1].text("rules_id"),
            pays_fen=floor_fen,
        )
        return (pledge, own)

    def _price_today(self, market_id: str) -> int:
        today = self._now_s // SECONDS_PER_DAY
        prices = (item for item in self._published if item.type is LeafType.MARKET_PRICE)
        for item in prices:
            if (item.text("market_id"), item.number("day")) == (market_id, today):
                return item.number("price_fen")
        return 0

    def _use(
        self,
        kind: str,
        words: tuple[str, str],
        *,
        id: str = "",  # noqa: A002 - its name in the view
        title: str = "",
        price_micro: int = 0,
        pays_fen: int = 0,
        from_s: int = 0,
        until_s: int = 0,
    ) -> UseView:
        return UseView(
            kind=kind,
            id=id,
            title=title,
            price_micro=price_micro,
            pays_fen=pays_fen,
            from_s=from_s,
            until_s=until_s,
            text=words[self._language is Language.EN],
        )

    def _amount(self, micro: int) -> str:
        return amount_text(micro, self._unit, self._language)

    def _money(self, fen: int) -> str:
        return money_text(fen, self._language)

    def _day(self, at_s: int) -> str:
        return local_day(Seconds(at_s), self._programme.time_zone).isoformat()


_EXPIRY: Final = "expiry"
