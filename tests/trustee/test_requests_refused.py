"""Openings that a trustee must not begin: each row is an attack and the code that stops it.

The hub and everyone else may be corrupt here; what is asked is one mask, of an honest trustee.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from fedcarbon.ids import PartyId
from fedcarbon.opening.statements import (
    BindingObjection,
    OperatorBinding,
    Target,
    Unbinding,
)
from fedcarbon.registry.enrolment import EnrolmentAction
from tests.trustee.city import City
from tests.trustee.federation import Federation
from tests.trustee.founded import (
    ALICE,
    BIKE,
    BORA,
    DAY_S,
    METRO,
    OPERATOR,
    PROGRAMME,
    SHAM,
    refused,
)
from tests.trustee.opening_steps import Opening, asked, opened

Attack = Callable[[City], Opening]


def started(city: City, epoch: int) -> None:
    """Start an opening of Alice's account that nobody finishes."""
    asked(city, city.federation.request(ALICE, epoch, city.alice)).start_witnessed()


def about_binding(city: City, cls: type, leaf: int, signer: str, **fields: object) -> None:
    half = city.federation.statement_at(leaf, OperatorBinding)
    statement = cls(
        parameter_id=half.parameter_id,
        programme_id=PROGRAMME,
        binding_id=half.binding_id,
        account_token=half.account_token,
        **fields,
    )
    city.federation.log_own(statement, signer)


# (1) every target has a request of this record


def request_is_no_request(city: City) -> Opening:
    opening = asked(city, city.federation.request(ALICE, 2, city.alice))
    target = dataclasses.replace(opening.draft.targets[0], request_leaf=city.alice)
    return Opening(city.federation, [opening.draft.targets[0].request_leaf], targets=(target,))


def target_of_another_slot(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    target = Target(slot=3, account_token=ALICE, request_leaf=request)
    return Opening(city.federation, [request], targets=(target,))


def second_target_rides_along(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    slots = [city.federation.places[token][1] for token in (ALICE, BORA)]
    targets = (
        Target(slot=slots[0], account_token=ALICE, request_leaf=request),
        Target(slot=slots[1], account_token=BORA, request_leaf=request),
    )
    return Opening(city.federation, [request], targets=targets)


def draft_of_another_epoch(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    return Opening(city.federation, [request], epoch=3)


def request_not_under_a_head(city: City) -> Opening:
    return Opening(city.federation, [city.federation.request(ALICE, 2, city.alice)])


def checkpoint_of_another_record(city: City) -> Opening:
    return asked(city, city.federation.request(ALICE, 2, city.alice, checkpoint_root=b"f" * 32))


def checkpoint_before_the_seal(city: City) -> Opening:
    size, _ = city.federation.record.heads[1]
    root = city.federation.record.root(size)
    return asked(
        city,
        city.federation.request(ALICE, 2, city.alice, checkpoint_size=size, checkpoint_root=root),
    )


# (2) the request belongs to the holder


def request_expired(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.wait(days=8)
    return asked(city, request)


def place_not_of_token(city: City) -> Opening:
    _, slot = city.federation.places[BORA]
    return asked(city, city.federation.request(ALICE, 2, city.alice, slot=slot))


def binding_is_no_binding(city: City) -> Opening:
    return asked(city, city.federation.request(ALICE, 2, city.alice, binding_leaf=b"x" * 34))


def wallet_swap_in_request(city: City) -> Opening:
    return asked(city, city.federation.request(ALICE, 2, city.alice, wallet_id="w-thief"))


def binding_of_another_account(city: City) -> Opening:
    leaf = city.federation.record.leaves[city.bora].leaf
    request = city.federation.request(ALICE, 2, city.alice, binding_leaf=leaf, wallet_id="w-bora")
    return asked(city, request)


def wallet_of_class_four(city: City) -> Opening:
    leaf = city.federation.operator_half(ALICE, wallet_class=4)
    return asked(city, city.federation.request(ALICE, 2, leaf))


def binding_by_operator_alone(city: City) -> Opening:
    leaf = city.federation.operator_half(ALICE, "w-thief")
    city.federation.witness()
    city.federation.wait(days=30)
    return asked(city, city.federation.request(ALICE, 2, leaf))


def binding_by_a_partner_that_never_enrolled(city: City) -> Opening:
    leaf = city.federation.bind(ALICE, "w-thief", SHAM)
    city.federation.witness()
    city.federation.wait(days=30)
    return asked(city, city.federation.request(ALICE, 2, leaf))


def binding_by_a_partner_after_withdrawal(city: City) -> Opening:
    city.federation.enrol(BIKE, [ALICE], EnrolmentAction.WITHDRAW, from_epoch=5)
    leaf = city.federation.bind(ALICE, "w-thief", BIKE)
    city.federation.witness()
    city.federation.wait(days=30)
    return asked(city, city.federation.request(ALICE, 2, leaf))


def wallet_hint_that_lied(city: City) -> Opening:
    """Hub and operator show Alice her own wallet and bind the thief's."""
    leaf = city.federation.operator_half(ALICE, "w-thief")
    city.federation.partner_half(leaf, METRO, wallet_hint="lice")
    city.federation.witness()
    city.federation.wait(days=30)
    return asked(city, city.federation.request(ALICE, 2, leaf))


def operator_that_was_not_shown(city: City) -> Opening:
    """The hub shows Alice the bank that she uses; another one has bound a wallet."""
    leaf = city.federation.operator_half(ALICE, "w-thief")
    city.federation.partner_half(leaf, METRO, operator_id=PartyId("wallet-two"))
    city.federation.witness()
    city.federation.wait(days=30)
    return asked(city, city.federation.request(ALICE, 2, leaf))


def binding_without_wait(city: City) -> Opening:
    leaf = city.federation.bind(ALICE, "w-new")
    city.federation.witness()
    city.federation.wait(seconds=72 * 3600 - 1)
    return asked(city, city.federation.request(ALICE, 2, leaf))


def binding_by_partner_enrolled_yesterday(city: City) -> Opening:
    city.federation.enrol(SHAM, [ALICE])
    city.federation.witness()
    city.federation.wait(days=1)
    leaf = city.federation.bind(ALICE, "w-thief", SHAM)
    city.federation.witness()
    city.federation.wait(days=30)
    return asked(city, city.federation.request(ALICE, 2, leaf))


def binding_by_partner_that_enrolled_again_yesterday(city: City) -> Opening:
    city.federation.enrol(BIKE, [ALICE], EnrolmentAction.WITHDRAW, from_epoch=5)
    city.federation.witness()
    city.federation.wait(days=20)
    city.federation.enrol(BIKE, [ALICE], from_epoch=6)
    city.federation.witness()
    city.federation.wait(days=1)
    leaf = city.federation.bind(ALICE, "w-thief", BIKE)
    city.federation.witness()
    city.federation.wait(days=30)
    return asked(city, city.federation.request(ALICE, 2, leaf))


def earlier_grams_by_a_new_partner(city: City) -> Opening:
    """Patience does not help: what was earned before the sham enrolment stays closed to it."""
    city.federation.enrol(SHAM, [ALICE])
    city.federation.witness()
    city.federation.wait(days=8)
    leaf = city.federation.bind(ALICE, "w-thief", SHAM)
    city.federation.witness()
    city.federation.wait(days=4)
    return asked(city, city.federation.request(ALICE, 2, leaf))


def binding_after_objection(city: City) -> Opening:
    about_binding(city, BindingObjection, city.alice, BIKE, partner_id=BIKE)
    return asked(city, city.federation.request(ALICE, 2, city.alice))


def binding_ended_by_its_operator(city: City) -> Opening:
    about_binding(city, Unbinding, city.alice, OPERATOR, party_id=OPERATOR)
    return asked(city, city.federation.request(ALICE, 2, city.alice))


def binding_ended_by_the_partner_that_signed(city: City) -> Opening:
    about_binding(city, Unbinding, city.alice, METRO, party_id=METRO)
    return asked(city, city.federation.request(ALICE, 2, city.alice))


# (3) which epoch may be opened


def past_epoch_after_later(city: City) -> Opening:
    started(city, 4)
    return asked(city, city.federation.request(ALICE, 2, city.alice))


def epoch_not_increasing(city: City) -> Opening:
    opened(city, 2)
    return asked(city, city.federation.request(ALICE, 2, city.alice))


def stale_previous_epoch(city: City) -> Opening:
    opened(city, 2)
    return asked(city, city.federation.request(ALICE, 4, city.alice))


def sooner_than_the_interval(city: City) -> Opening:
    opened(city, 2)
    return asked(city, city.federation.request(ALICE, 3, city.alice, previous=2))


def sooner_than_the_interval_after_an_unfinished_start(city: City) -> Opening:
    """A hub that hides a result must not get the days between as a difference."""
    started(city, 2)
    return asked(city, city.federation.request(ALICE, 3, city.alice))


def first_opening_before_the_interval(city: City) -> Opening:
    return asked(city, city.federation.request(ALICE, 1, city.alice))


def one_start_too_many(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    for attempt in range(1, 4):
        Opening(city.federation, [request], attempt=attempt).start_witnessed()
    return Opening(city.federation, [request], attempt=4)


def missing_partner(city: City) -> Opening:
    federation = city.federation
    plan = federation.plan(5)
    headers = federation.submit(METRO, 5, plan, {ALICE: 1})
    federation.seal(5, plan, {METRO: headers, BIKE: []})
    federation.witness()
    federation.wait(days=29)
    return asked(city, federation.request(ALICE, 5, city.alice))


# (5) subset, opening id, attempt


def subset_below_the_threshold(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    return Opening(city.federation, [request], ["trustee-1"])


def subset_without_this_trustee(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    return Opening(city.federation, [request], ["trustee-2", "trustee-3"])


def subset_with_a_stranger(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    return Opening(city.federation, [request], ["trustee-1", "trustee-9"])


def opening_id_of_something_else(city: City) -> Opening:
    opening = asked(city, city.federation.request(ALICE, 2, city.alice))
    opening.draft = dataclasses.replace(opening.draft, opening_id=b"o" * 32)
    return opening


def product_of_something_else(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    return Opening(city.federation, [request], product_sha256=b"p" * 32)


def attempt_that_was_started(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    Opening(city.federation, [request], ["trustee-2", "trustee-3"]).start_witnessed()
    return Opening(city.federation, [request])


def draft_with_hashes(city: City) -> Opening:
    opening = asked(city, city.federation.request(ALICE, 2, city.alice))
    opening.draft = dataclasses.replace(opening.draft, mask_hashes=(b"1" * 32, b"2" * 32))
    return opening


def draft_for_other_parameters(city: City) -> Opening:
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness()
    return Opening(city.federation, [request], parameter_id=b"q" * 32)


ATTACKS: dict[str, tuple[Attack, str]] = {
    "target_without_request": (request_is_no_request, "TARGET_WITHOUT_REQUEST"),
    "target of another slot": (target_of_another_slot, "TARGET_WITHOUT_REQUEST"),
    "a second target rides along": (second_target_rides_along, "TARGET_WITHOUT_REQUEST"),
    "draft of another epoch": (draft_of_another_epoch, "TARGET_WITHOUT_REQUEST"),
    "unwitnessed_checkpoint": (request_not_under_a_head, "REQUEST_NOT_WITNESSED"),
    "forked_checkpoint in a request": (checkpoint_of_another_record, "FORKED_RECORD"),
    "checkpoint before the seal": (checkpoint_before_the_seal, "EPOCH_NOT_SEALED"),
    "request_expired": (request_expired, "REQUEST_EXPIRED"),
    "place_not_of_token": (place_not_of_token, "PLACE_NOT_OF_TOKEN"),
    "binding is no binding": (binding_is_no_binding, "BINDING_UNKNOWN"),
    "wallet_swap_in_request": (wallet_swap_in_request, "WALLET_SWAPPED"),
    "binding of another account": (binding_of_another_account, "WALLET_SWAPPED"),
    "anonymous wallet": (wallet_of_class_four, "WALLET_ANONYMOUS"),
    "binding_by_operator_alone": (binding_by_operator_alone, "BINDING_BY_OPERATOR_ALONE"),
    "partner never enrolled": (
        binding_by_a_partner_that_never_enrolled,
        "BINDING_BY_OPERATOR_ALONE",
    ),
    "partner has withdrawn": (binding_by_a_partner_after_withdrawal, "BINDING_BY_OPERATOR_ALONE"),
    "the hint of another wallet was shown": (wallet_hint_that_lied, "WALLET_SHOWN_DIFFERS"),
    "another operator was shown": (operator_that_was_not_shown, "WALLET_SHOWN_DIFFERS"),
    "binding_without_wait": (binding_without_wait, "BINDING_WAITS"),
    "binding_by_partner_enrolled_yesterday": (
        binding_by_partner_enrolled_yesterday,
        "BINDING_PARTNER_TOO_NEW",
    ),
    "partner enrolled again yesterday": (
        binding_by_partner_that_enrolled_again_yesterday,
        "BINDING_PARTNER_TOO_NEW",
    ),
    "earlier grams by a new partner": (earlier_grams_by_a_new_partner, "EARLIER_GRAMS_UNCONFIRMED"),
    "an objection freezes": (binding_after_objection, "BINDING_FROZEN"),
    "ended by its operator": (binding_ended_by_its_operator, "BINDING_ENDED"),
    "ended by the partner": (binding_ended_by_the_partner_that_signed, "BINDING_ENDED"),
    "past_epoch_after_later": (past_epoch_after_later, "PAST_EPOCH_AFTER_LATER"),
    "epoch_not_increasing": (epoch_not_increasing, "EPOCH_NOT_INCREASING"),
    "stale previous epoch": (stale_previous_epoch, "PREVIOUS_EPOCH_DIFFERS"),
    "sooner than the interval": (sooner_than_the_interval, "OPENING_TOO_SOON"),
    "sooner after an unfinished start": (
        sooner_than_the_interval_after_an_unfinished_start,
        "OPENING_TOO_SOON",
    ),
    "first opening before the interval": (first_opening_before_the_interval, "OPENING_TOO_SOON"),
    "one start too many": (one_start_too_many, "STARTS_EXHAUSTED"),
    "missing partner": (missing_partner, "MISSING_PARTNER_WAITS"),
    "subset below the threshold": (subset_below_the_threshold, "SUBSET_REFUSED"),
    "subset without this trustee": (subset_without_this_trustee, "SUBSET_REFUSED"),
    "subset with a stranger": (subset_with_a_stranger, "SUBSET_REFUSED"),
    "opening id of something else": (opening_id_of_something_else, "OPENING_ID_DIFFERS"),
    "product of something else": (product_of_something_else, "PRODUCTS_DIFFER"),
    "attempt that was started": (attempt_that_was_started, "ATTEMPT_USED"),
    "draft with hashes": (draft_with_hashes, "DRAFT_INVALID"),
    "draft for other parameters": (draft_for_other_parameters, "MALFORMED"),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_trustee_does_not_begin(city: City, name: str) -> None:
    attack, code = ATTACKS[name]
    opening = attack(city)

    answer = city.federation.ask("trustee-1", mask=opening.mask_order())

    assert refused(answer) == code


def test_an_objection_by_a_partner_without_the_account_freezes_nothing(city: City) -> None:
    about_binding(city, BindingObjection, city.alice, SHAM, partner_id=SHAM)
    opening = asked(city, city.federation.request(ALICE, 2, city.alice))

    assert opening.run() == {city.federation.places[ALICE][1]: 660}


def test_an_unbinding_by_a_stranger_ends_nothing(city: City) -> None:
    about_binding(city, Unbinding, city.alice, SHAM, party_id=SHAM)
    opening = asked(city, city.federation.request(ALICE, 2, city.alice))

    assert opening.run() == {city.federation.places[ALICE][1]: 660}


def test_a_half_that_names_another_leaf_or_account_does_not_count(city: City) -> None:
    federation = city.federation
    thief = federation.operator_half(ALICE, "w-thief")
    half = federation.statement_at(thief, OperatorBinding)
    for changes in ({"operator_leaf": b"x" * 34}, {"account_token": BORA}):
        federation.partner_half(thief, BIKE, **changes)
    federation.witness()
    federation.wait(days=30)
    opening = asked(city, federation.request(ALICE, 2, thief))

    answer = federation.ask("trustee-1", mask=opening.mask_order())

    assert half.account_token == ALICE
    assert refused(answer) == "BINDING_BY_OPERATOR_ALONE"


def test_a_refused_request_of_a_batch_is_named_by_its_position(city: City) -> None:
    federation = city.federation
    good = federation.request(BORA, 2, city.bora)
    bad = federation.request(ALICE, 2, city.alice, wallet_id="w-thief")
    federation.witness()
    order = Opening(federation, [good]).mask_order()
    order.draft_starts.extend(Opening(federation, [bad]).mask_order().draft_starts)

    answer = federation.ask("trustee-1", mask=order)

    assert refused(answer) == "WALLET_SWAPPED"
    assert list(answer.refused.positions) == [1]


def test_refusals_are_signed_and_logged(city: City, federation: Federation) -> None:
    opening = wallet_swap_in_request(city)

    answer = federation.ask("trustee-1", mask=opening.mask_order())
    leaf = federation.log_refusal(answer.refused.signed_refusal)

    refusal = federation.view().starts.refusals[leaf].statement
    assert (refusal.trustee_id, refusal.refusal_code) == ("trustee-1", "WALLET_SWAPPED")
    assert federation.refusal_codes("trustee-1") == ["WALLET_SWAPPED"]


def test_a_refusal_can_be_overcome_by_waiting(city: City) -> None:
    opening = binding_without_wait(city)
    assert refused(city.federation.ask("trustee-1", mask=opening.mask_order())) == "BINDING_WAITS"

    city.federation.wait(seconds=2 * DAY_S)
    city.federation.witness()

    answer = city.federation.ask("trustee-1", mask=opening.mask_order())
    assert answer.WhichOneof("answer") == "mask"
