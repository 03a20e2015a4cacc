"""Rankings through the servicer and the record: who may say what, and when a list is made."""

from __future__ import annotations

from typing import Any

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.ids import PartyId, Role
from fedcarbon.redemption.wallet import WalletClass, sandbox_wallet_id
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import SECONDS_PER_DAY
from fedcarbon.uses.ranking import (
    Ranking,
    RankingChoice,
    RankingRules,
    RankingSalt,
    pseudonym,
)
from fedcarbon.v1 import use_pb2
from hub.clearing.closing import close_due_day
from hub.uses.storage.publication_store import PublicationStore
from hub.uses_component import Ending
from tests.hub.federation import HUB, PROGRAMME, signed
from tests.hub.openings.shop import Shop, code_of
from tests.hub.openings.world import PURSE, run
from tests.hub.uses.published import choice, ranking


def forest(shop: Shop, **changes: Any) -> RankingRules:
    """Return a ranking of two days that begins tomorrow."""
    fields: dict[str, Any] = {
        "parameter_id": shop.world.hub.parameters.parameter_id,
        "programme_id": PROGRAMME,
        "first_day": shop.world.clock.now_s() // SECONDS_PER_DAY + 1,
        "periods": 2,
    }
    return ranking(**{**fields, **changes})


def wish(shop: Shop, number: int = 1, **changes: Any) -> RankingChoice:
    binding = shop.world.binding(shop.world.bound(1))
    fields: dict[str, Any] = {
        "parameter_id": shop.world.hub.parameters.parameter_id,
        "programme_id": PROGRAMME,
        "account_token": binding.account_token,
        "wallet_id": binding.wallet_id,
        "wallet_class": WalletClass(binding.wallet_class),
        "binding_leaf": binding.leaf,
        "operator_id": binding.operator_id,
    }
    return choice(number, 1, **{**fields, **changes})


def place(shop: Shop, item: RankingChoice, signer: PartyId = PURSE) -> bytes:
    request = use_pb2.PlaceRankingChoiceRequest(signed_choice=signed(item, signer))
    return shop.client().place_ranking_choice(request).receipt


def asked(shop: Shop, period: int, *, own: bool = False) -> use_pb2.GetRankingRequest:
    token = shop.world.binding(shop.world.bound(1)).account_token if own else b""
    return use_pb2.GetRankingRequest(
        programme_id=PROGRAMME, ranking_id="forest", period=period, account_token=token
    )


def end_a_day(shop: Shop) -> None:
    """Let a day pass, and the hub close it and do what is due."""
    shop.world.wait(SECONDS_PER_DAY)
    hub = shop.world.hub
    run(hub.write(lambda session: close_due_day(session, hub)))
    run(Ending(hub, shop.world.folded).advance())


def lists(shop: Shop) -> list[Ranking]:
    hub = shop.world.hub
    bodies = hub.read_now(lambda session: hub.record.bodies_of_type(session, LeafType.RANKING))
    return [statements.decode(Ranking, Envelope.from_bytes(body).payload) for _, body in bodies]


def test_the_same_choice_is_one_leaf_with_one_receipt(shop: Shop) -> None:
    shop.publish(forest(shop))
    item = wish(shop)

    receipt = place(shop, item)
    shop.world.wait(2 * SECONDS_PER_DAY)  # it was taken in time; that it is repeated later is fine

    assert place(shop, item) == receipt
    assert shop.leaves(LeafType.RANKING_CHOICE) == 1


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "another word under the same id": ({"takes_part": False}, "RANKING_CHOICE_REUSED"),
    "a ranking that is not published": (
        {"choice_id": bytes(16), "ranking_id": "meadow"},
        "UNKNOWN_RANKING",
    ),
    "a period that there is not": ({"choice_id": bytes(16), "from_period": 2}, "UNKNOWN_RANKING"),
    "another wallet than the bound one": (
        {"choice_id": bytes(16), "wallet_id": sandbox_wallet_id(99)},
        "WALLET_SWAPPED",
    ),
    "no binding": ({"choice_id": bytes(16), "binding_leaf": bytes(34)}, "BINDING_UNKNOWN"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_choice_that_is_not_the_holders_own_is_refused(shop: Shop, what: str) -> None:
    shop.publish(forest(shop))
    place(shop, wish(shop))
    changes, code = REFUSED[what]

    assert code_of(lambda: place(shop, wish(shop, **changes))) == code


def test_a_choice_must_be_signed_by_the_operator_that_it_names(shop: Shop) -> None:
    shop.publish(forest(shop))

    assert code_of(lambda: place(shop, wish(shop), signer=HUB)) == "SIGNATURE_INVALID"


def test_nobody_joins_or_leaves_a_period_that_has_begun(shop: Shop) -> None:
    shop.publish(forest(shop))
    shop.world.wait(SECONDS_PER_DAY)

    assert code_of(lambda: place(shop, wish(shop))) == "RANKING_BEGUN"
    assert place(shop, wish(shop, from_period=1))


def test_rankings_of_a_programme_begin_in_time_and_never_share_a_day(shop: Shop) -> None:
    rules = forest(shop)
    shop.publish(rules)

    again = forest(shop, ranking_id="meadow", first_day=rules.last_day)
    begun = forest(shop, ranking_id="meadow", first_day=rules.first_day - 1, periods=1)

    assert code_of(lambda: shop.publish(again)) == "RANKING_OVERLAPS"
    assert code_of(lambda: shop.publish(begun)) == "RANKING_BEGUN"
    assert shop.publish(forest(shop, ranking_id="meadow", first_day=rules.last_day + 1))


def test_a_list_is_made_once_when_its_period_is_closed_and_never_because_somebody_asks(
    shop: Shop,
) -> None:
    shop.publish(forest(shop))
    place(shop, wish(shop))
    ask = use_pb2.PublishRankingsRequest()
    assert code_of(lambda: shop.client().publish_rankings(ask)) == "ROLE_NOT_ALLOWED"
    assert shop.operator.publish_rankings(ask).lists == 0

    end_a_day(shop)
    assert code_of(lambda: shop.client().get_ranking(asked(shop, 0))) == "RANKING_NOT_PUBLISHED"
    end_a_day(shop)
    assert shop.operator.publish_rankings(ask).lists == 0
    end_a_day(shop)
    end_a_day(shop)

    assert [item.period for item in lists(shop)] == [0, 1]
    assert shop.leaves(LeafType.RANKING_SALT) == 2
    assert [item.lines for item in lists(shop)] == [(), ()]  # one person is not twenty
    found = shop.client().get_ranking(asked(shop, 0, own=True))
    assert (list(found.lines), found.own_pseudonym) == ([], b"")


def test_rules_are_listed_with_everything_else_that_is_published(shop: Shop) -> None:
    shop.publish(forest(shop))

    request = use_pb2.ListOffersRequest(programme_id=PROGRAMME)
    (listed,) = shop.client(HUB, Role.HUB).list_offers(request).rankings

    assert (listed.ranking_id, listed.people_min, listed.bands) == ("forest", 20, 10)


def test_every_list_has_a_salt_of_its_own(shop: Shop) -> None:
    shop.publish(forest(shop))
    for _ in range(3):
        end_a_day(shop)

    def names(session: Any) -> set[bytes]:
        found = PublicationStore(session).all(RankingSalt, PROGRAMME)
        return {pseudonym(item.statement.salt, bytes(32)) for item in found}

    assert len(shop.world.hub.read_now(names)) == 2
