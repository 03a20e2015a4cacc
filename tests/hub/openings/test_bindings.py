"""Bindings: who may say what about them, and who sees them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fedcarbon.errors import FedcarbonError, SignatureInvalidError
from fedcarbon.ids import PartyId, Role
from fedcarbon.opening.refusals import (
    BindingEndedError,
    BindingFrozenError,
    BindingUnknownError,
    WalletShownDiffersError,
)
from fedcarbon.redemption.wallet import (
    WalletClassInvalidError,
    WalletClassRefusedError,
    WalletIdInvalidError,
    sandbox_wallet_id,
)
from fedcarbon.submission.signed_message import (
    NotAdmittedError,
    ParametersDifferError,
    SenderDiffersError,
)
from hub.registry.programmes import UnknownProgrammeError
from hub.wallets.bindings import AccountNotEnrolledError, BindingDiffersError
from hub.wallets.listing import BindingState, SeenBinding, list_bindings
from tests.hub.federation import BIKES, METRO, PARTNERS, PROGRAMME, TAXIS, signed, token
from tests.hub.openings.world import OTHER_PURSE, PEOPLE, PURSE, World


def listed(world: World, caller: PartyId, role: Role, from_leaf: int = 0) -> list[SeenBinding]:
    return world.hub.read_now(
        lambda session: list_bindings(
            session, caller, role, PROGRAMME, from_leaf=from_leaf, limit=100
        )
    )


def seen(world: World, binding_id: bytes, caller: PartyId = METRO) -> SeenBinding:
    role = Role.PARTNER if caller in PARTNERS else Role.WALLET_OPERATOR
    (found,) = (item for item in listed(world, caller, role) if item.binding_id == binding_id)
    return found


def test_a_binding_goes_from_proposed_to_signed_to_unbound(world: World) -> None:
    binding_id = world.propose(1)
    assert seen(world, binding_id).state is BindingState.PROPOSED

    world.confirm(binding_id)
    assert seen(world, binding_id).state is BindingState.SIGNED

    world.unbind(binding_id)
    assert seen(world, binding_id).state is BindingState.UNBOUND


def test_an_objection_of_any_enrolled_partner_freezes_a_binding(world: World) -> None:
    binding_id = world.propose(1)
    world.confirm(binding_id)

    world.object(binding_id, TAXIS)

    assert seen(world, binding_id).state is BindingState.FROZEN


def test_partners_see_four_characters_of_a_wallet_and_nothing_more(world: World) -> None:
    binding_id = world.propose(1, wallet_id="purse-of-alice.7788")

    shown = seen(world, binding_id, BIKES)

    assert shown.wallet_hint == "7788"
    assert "purse-of-alice" not in repr(shown)
    assert (shown.account_token, shown.operator_id) == (token(1), PURSE)


def test_a_partner_lists_bindings_of_its_own_accounts_only(world: World) -> None:
    world.enrol_people(TAXIS, [7])
    theirs = world.propose(7)

    assert theirs in {item.binding_id for item in listed(world, TAXIS, Role.PARTNER)}
    assert theirs not in {item.binding_id for item in listed(world, METRO, Role.PARTNER)}
    assert len(listed(world, METRO, Role.PARTNER)) == len(PEOPLE)


def test_after_a_withdrawal_a_partner_lists_nothing_of_the_account(world: World) -> None:
    world.withdraw_people(METRO, [1], 2)

    assert token(1) not in {item.account_token for item in listed(world, METRO, Role.PARTNER)}

    world.enrol_people(METRO, [1], from_epoch=2)

    assert token(1) in {item.account_token for item in listed(world, METRO, Role.PARTNER)}


def test_an_operator_lists_its_own_bindings_only(world: World) -> None:
    world.propose(1, OTHER_PURSE)

    assert {item.operator_id for item in listed(world, PURSE, Role.WALLET_OPERATOR)} == {PURSE}
    assert len(listed(world, OTHER_PURSE, Role.WALLET_OPERATOR)) == 1


def test_bindings_are_listed_in_pages_by_leaf(world: World) -> None:
    everything = listed(world, PURSE, Role.WALLET_OPERATOR)
    indices = [item.operator_leaf_index for item in everything]

    rest = listed(world, PURSE, Role.WALLET_OPERATOR, from_leaf=indices[1])

    assert indices == sorted(indices)
    assert rest == everything[1:]


def test_a_party_of_another_role_lists_nothing(world: World) -> None:
    with pytest.raises(NotAdmittedError):
        listed(world, METRO, Role.WALLET_OPERATOR)


def test_the_same_halves_again_get_the_same_receipts(world: World) -> None:
    half = signed(world.operator_half(1), PURSE)
    receipt = world.send_operator_half(PURSE, half)
    assert world.send_operator_half(PURSE, half) == receipt

    binding_id = world.propose(2)
    partner_half = signed(world.partner_half(binding_id), METRO)
    receipt = world.send_partner_half(METRO, partner_half)
    objection, end = world.object(binding_id, TAXIS), world.unbind(binding_id)
    size = world.hub.read_now(world.hub.record.head).size

    assert world.send_partner_half(METRO, partner_half) == receipt
    assert world.object(binding_id, TAXIS) == objection
    assert world.unbind(binding_id) == end
    assert world.hub.read_now(world.hub.record.head).size == size


WRONG_HALVES: dict[str, tuple[type[FedcarbonError], dict[str, Any]]] = {
    "a wallet of a telephone number": (WalletClassRefusedError, {"wallet_class": 4}),
    "a class that does not exist": (WalletClassInvalidError, {"wallet_class": 5}),
    "a wallet id that is none": (WalletIdInvalidError, {"wallet_id": "two words"}),
    "another operator's name": (SenderDiffersError, {"operator_id": OTHER_PURSE}),
    "another parameter set": (ParametersDifferError, {"parameter_id": bytes(32)}),
    "an unknown programme": (UnknownProgrammeError, {"programme_id": "beijing"}),
}


@pytest.mark.parametrize("what", WRONG_HALVES)
def test_an_operators_wrong_half_is_refused(world: World, what: str) -> None:
    error, changes = WRONG_HALVES[what]

    with pytest.raises(error):
        world.send_operator_half(PURSE, signed(world.operator_half(1, **changes), PURSE))


def test_a_binding_id_is_taken_by_whoever_used_it_first(world: World) -> None:
    taken = world.bound(1)
    same_operator = world.operator_half(1, binding_id=taken, wallet_id=sandbox_wallet_id(99))
    other_operator = world.operator_half(1, OTHER_PURSE, binding_id=taken)

    with pytest.raises(BindingDiffersError):
        world.send_operator_half(PURSE, signed(same_operator, PURSE))
    with pytest.raises(BindingDiffersError):
        world.send_operator_half(OTHER_PURSE, signed(other_operator, OTHER_PURSE))


def test_only_a_wallet_operator_proposes(world: World) -> None:
    half = world.operator_half(1, METRO)

    with pytest.raises(NotAdmittedError):
        world.send_operator_half(METRO, signed(half, METRO))
    with pytest.raises(SignatureInvalidError):
        world.send_operator_half(PURSE, signed(world.operator_half(1), OTHER_PURSE))


def test_a_partners_half_must_name_the_very_half_of_the_operator(world: World) -> None:
    half = world.partner_half(world.propose(1))
    other_leaf = world.binding(world.bound(2)).leaf

    for wrong in (
        replace(half, operator_leaf=other_leaf),
        replace(half, account_token=token(2)),
        replace(half, binding_id=bytes(16)),
    ):
        with pytest.raises(BindingUnknownError):
            world.send_partner_half(METRO, signed(wrong, METRO))


@pytest.mark.parametrize("shown", [{"wallet_hint": "7788"}, {"operator_id": OTHER_PURSE}])
def test_a_half_over_something_else_than_the_binding_is_refused(
    world: World, shown: dict[str, Any]
) -> None:
    half = replace(world.partner_half(world.propose(1)), **shown)

    with pytest.raises(WalletShownDiffersError):
        world.send_partner_half(METRO, signed(half, METRO))


def test_only_a_partner_with_the_account_may_confirm_or_object(world: World) -> None:
    world.enrol_people(TAXIS, [8])
    binding_id = world.propose(8)

    with pytest.raises(AccountNotEnrolledError):
        world.confirm(binding_id, METRO)
    with pytest.raises(AccountNotEnrolledError):
        world.object(binding_id, BIKES)
    world.confirm(binding_id, TAXIS)


OVER: dict[str, tuple[type[FedcarbonError], Callable[[World, bytes], object]]] = {
    "ended": (BindingEndedError, lambda world, binding_id: world.unbind(binding_id)),
    "frozen": (BindingFrozenError, lambda world, binding_id: world.object(binding_id, TAXIS)),
}


@pytest.mark.parametrize("how", OVER)
def test_a_binding_that_is_over_takes_no_more_halves(world: World, how: str) -> None:
    error, act = OVER[how]
    binding_id = world.propose(1)
    act(world, binding_id)

    with pytest.raises(error):
        world.confirm(binding_id)


def test_only_who_signed_a_binding_may_end_it(world: World) -> None:
    binding_id = world.bound(1)

    for stranger in (OTHER_PURSE, TAXIS):
        with pytest.raises(BindingUnknownError):
            world.unbind(binding_id, stranger)
    world.unbind(binding_id, METRO)
    with pytest.raises(BindingEndedError):
        world.unbind(binding_id, PURSE)
