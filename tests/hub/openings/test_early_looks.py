"""What parties must not see of an account before a binding is good, or of each other through it."""

from __future__ import annotations

from fedcarbon.ids import PartyId, Role
from hub.openings.accounts import BoundAccount, account_of
from hub.wallets.listing import BindingState, list_bindings
from tests.hub.federation import BIKES, METRO, PROGRAMME, TAXIS, token
from tests.hub.openings.world import GRAM, GRAMS, OTHER_PURSE, POLICY, PURSE, World

OPENED_UG = 3 * GRAMS[1] * GRAM


def account(world: World, caller: PartyId) -> BoundAccount:
    return world.hub.read_now(
        lambda session: account_of(session, world.hub, world.folded, caller, PROGRAMME, token(1))
    )


def shown_to(world: World, partner: PartyId, binding_id: bytes) -> BindingState:
    seen = world.hub.read_now(
        lambda session: list_bindings(
            session, partner, Role.PARTNER, PROGRAMME, from_leaf=0, limit=100
        )
    )
    return next(item.state for item in seen if item.binding_id == binding_id)


def test_an_operator_sees_no_balance_before_its_binding_has_waited(opened_world: World) -> None:
    world = opened_world
    world.confirm(world.propose(1, OTHER_PURSE))
    world.witness()

    early = account(world, OTHER_PURSE)

    assert (early.opened_ug, early.spendable_ug, early.reserved_ug) == (0, 0, 0)
    assert early.place == world.place(1)
    assert account(world, PURSE).opened_ug == OPENED_UG

    world.wait(POLICY.binding_wait_s)
    world.witness_again()

    assert account(world, OTHER_PURSE).opened_ug == OPENED_UG


def test_an_operator_sees_no_balance_by_a_partner_enrolled_yesterday(opened_world: World) -> None:
    world = opened_world
    world.withdraw_people(BIKES, [1], from_epoch=2)
    world.enrol_people(BIKES, [1])
    world.witness()
    world.confirm(world.propose(1, OTHER_PURSE), BIKES)
    world.witness()
    world.wait(POLICY.binding_wait_s)
    world.witness_again()

    assert account(world, OTHER_PURSE).opened_ug == 0


def test_a_partner_does_not_learn_from_a_binding_that_another_one_signed_it(world: World) -> None:
    binding_id = world.propose(1)
    world.confirm(binding_id, METRO)

    assert shown_to(world, METRO, binding_id) is BindingState.SIGNED
    assert shown_to(world, TAXIS, binding_id) is BindingState.PROPOSED


def test_a_page_beyond_any_record_is_empty(world: World) -> None:
    world.propose(1)

    beyond = world.hub.read_now(
        lambda session: list_bindings(
            session, METRO, Role.PARTNER, PROGRAMME, from_leaf=(1 << 64) - 1, limit=100
        )
    )

    assert beyond == []
