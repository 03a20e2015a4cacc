"""Uses of grams besides cash in a simulated federation."""

from __future__ import annotations

from typing import Final

from fedcarbon.canonical.statement import Statement
from fedcarbon.cli.use_orders import Wish, place_use
from fedcarbon.ledger.unit import Vintage
from fedcarbon.redemption.wallet import WalletClass, wallet_id
from fedcarbon.transparency.envelope import sign
from fedcarbon.units import MicrogramsCO2e, Seconds
from fedcarbon.uses.campaign import Campaign, Occasion
from fedcarbon.uses.market import MarketRules
from fedcarbon.uses.offer import NOTICE_MIN_S, ExpiryNotice, LotRules, Offer, OfferKind
from fedcarbon.uses.order import UseKind
from fedcarbon.uses.ranking import RankingChoice, RankingRules
from fedcarbon.v1 import use_pb2
from hub.uses_component import Ending
from tests.simulation.operations import Run
from tests.simulation.world import HUB, OPERATOR, PROGRAMME, World

VINTAGE: Final = Vintage(2026)
PIECE_UG: Final = MicrogramsCO2e(1_000_000)
HOLD_S: Final = 3_600
TREE: Final = "one-tree"
BREAD: Final = "one-bread"
MARKET: Final = "town"
PRICE_FEN: Final = 3
RANKING: Final = "forest"


def publish(world: World, statement: Statement) -> bytes:
    """Have enough root keys sign a statement, and the hub log it; return its receipt."""
    signed = sign(statement, world.root_signers).to_bytes()
    client = world.client(OPERATOR)
    return client.publish(use_pb2.PublishRequest(signed_statement=signed)).receipt


def offer(world: World, offer_id: str, kind: OfferKind) -> Offer:
    """Return an offer that is valid for a year from now on."""
    now_s = world.clock.now_s()
    return Offer(
        parameter_id=world.roots.parameter_id,
        programme_id=PROGRAMME,
        offer_id=offer_id,
        offer_kind=kind,
        title=offer_id,
        supplier="somebody who plants and bakes",
        price_ug=PIECE_UG,
        valid_from_s=now_s,
        valid_until_s=now_s + 366 * 86_400,
        hold_s=HOLD_S if kind is OfferKind.GOODS else 0,
    )


def campaign(world: World) -> Campaign:
    """Return a campaign for trees whose budget ends with the second."""
    now_s = world.clock.now_s()
    return Campaign(
        parameter_id=world.roots.parameter_id,
        programme_id=PROGRAMME,
        campaign_id="planting",
        title="Two fen for every tree",
        occasion=Occasion.DONATION,
        offer_id=TREE,
        packet_fen=2,
        budget_fen=3,
        valid_from_s=now_s,
        valid_until_s=now_s + 86_400,
    )


def market(world: World) -> MarketRules:
    """Return a market of single grams, far above the rate of redemption."""
    today = world.clock.now_s() // 86_400
    return MarketRules(
        parameter_id=world.roots.parameter_id,
        programme_id=PROGRAMME,
        market_id=MARKET,
        unit_ug=MicrogramsCO2e(1_000_000),
        first_day=today,
        last_day=today + 1,
        first_price_fen=PRICE_FEN,
        step_fen=1,
        floor_fen=1,
        ceiling_fen=5,
        quiet_units=0,
        endowment_fen=PRICE_FEN,
    )


def ranking(world: World) -> RankingRules:
    """Return a ranking of two weeks that begins in some days."""
    return RankingRules(
        parameter_id=world.roots.parameter_id,
        programme_id=PROGRAMME,
        ranking_id=RANKING,
        first_day=world.clock.now_s() // 86_400 + 3,
        period_days=7,
        periods=2,
        people_min=20,
        bands=10,
    )


def join(run: Run, person: int) -> None:
    """Let a person take part in the ranking from its beginning on."""
    operator = run.world.wallet()
    item = operator.store.customers()[person]
    assert item.account_token is not None
    choice = RankingChoice(
        parameter_id=run.world.roots.parameter_id,
        programme_id=PROGRAMME,
        ranking_id=RANKING,
        choice_id=person.to_bytes(16, "big"),
        account_token=item.account_token,
        wallet_id=wallet_id(item.wallet_id),
        wallet_class=WalletClass(item.wallet_class),
        binding_leaf=operator.bindings()[item.binding_id].operator_leaf,
        operator_id=operator.operator_id,
        takes_part=True,
        from_period=0,
    )
    signed = sign(choice, {operator.operator_id: operator.signing_key}).to_bytes()
    request = use_pb2.PlaceRankingChoiceRequest(signed_choice=signed)
    run.world.client(OPERATOR).place_ranking_choice(request)


def use(run: Run, person: int, wish: Wish, label: str) -> use_pb2.Use:
    """Order a use for a person."""
    operator = run.world.wallet()
    item = operator.store.customers()[person]
    binding = operator.bindings()[item.binding_id]
    return place_use(operator, item, binding, wish, run_label=label).use


def use_grams(run: Run) -> None:
    """Give, exchange, pledge, join; of three who want bread one gets it, one waits in vain."""
    world = run.world
    publish(world, offer(world, TREE, OfferKind.DONATION))
    publish(world, offer(world, BREAD, OfferKind.GOODS))
    publish(
        world,
        LotRules(
            parameter_id=world.roots.parameter_id,
            programme_id=PROGRAMME,
            rules_id="first",
            excluded_regimes=("ccer", "cea"),
            price_floor_fen=5_000,
        ),
    )
    publish(world, campaign(world))
    publish(world, market(world))
    publish(world, ranking(world))
    join(run, 0)
    end_what_is_over(world)  # which begins with the price of the day
    use(run, 0, Wish(use=UseKind.DONATE, offer_id=TREE, pieces=2), "tree")
    trade = {"offer_id": MARKET, "pieces": 1, "price_fen": PRICE_FEN}
    use(run, 0, Wish(use=UseKind.SELL, **trade), "sell")
    use(run, 0, Wish(use=UseKind.BUY, **trade), "buy")
    own = Wish(use=UseKind.RETIRE_OWN, mass_ug=MicrogramsCO2e(1_000), purpose_sha256=b"w" * 32)
    use(run, 0, own, "own")
    bread = [
        use(run, person, Wish(use=UseKind.GOODS, offer_id=BREAD, pieces=1), "bread")
        for person in (1, 2, 3)
    ]
    for person in range(run.people):
        wish = Wish(
            use=UseKind.PLEDGE, mass_ug=MicrogramsCO2e(700_000 + person), may_be_claimed=True
        )
        use(run, person, wish, "pledge")
    use(run, 3, Wish(use=UseKind.WITHDRAW, mass_ug=MicrogramsCO2e(200_000)), "withdraw")
    client = world.client(HUB)
    client.end_goods(use_pb2.EndGoodsRequest(use_id=bread[0].use_id, voucher_sha256=b"v" * 32))
    client.end_goods(use_pb2.EndGoodsRequest(use_id=bread[1].use_id, reason="sold out"))
    world.clock.at_s = Seconds(world.clock.now_s() + HOLD_S)
    end_what_is_over(world)


def announce_the_end(run: Run) -> None:
    """Say that the vintage ends as soon as it may."""
    world = run.world
    ends_s = world.clock.now_s() + NOTICE_MIN_S
    publish(
        world,
        ExpiryNotice(
            parameter_id=world.roots.parameter_id,
            programme_id=PROGRAMME,
            vintage=VINTAGE,
            expires_at_s=ends_s,
        ),
    )
    world.loop.run(world.desk.witness())
    world.clock.at_s = Seconds(ends_s + 1)


def end_what_is_over(world: World) -> None:
    """Let the hub's background work do what is due."""
    world.loop.run(Ending(world.hub, world.folded).advance())
