"""Thieves with real papers: another operator, a partner for later, a place that was a lie."""

from __future__ import annotations

import dataclasses

import pytest

from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.ristretto import Scalar
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.opening.binding_checks import check_request
from fedcarbon.opening.refusals import WalletSwappedError
from fedcarbon.opening.statements import OpeningRequest
from fedcarbon.paillier.shares import KeyShare
from fedcarbon.registry.enrolment import EnrolmentBatch, PlaceBatch, PlaceEntry
from fedcarbon.transparency.leaf import LeafType
from tests.trustee.city import City
from tests.trustee.founded import ALICE, BIKE, BORA, HUB, METRO, SHAM, refused
from tests.trustee.opening_steps import Opening

CARL = b"C" * 32


def code_of(city: City, request: int) -> str:
    """Return why trustee-1 does not begin the opening of a request."""
    city.federation.witness()
    opening = Opening(city.federation, [request])
    return refused(city.federation.ask("trustee-1", mask=opening.mask_order()))


def test_an_operator_does_not_open_over_the_binding_of_another(city: City) -> None:
    federation = city.federation
    thief = PartyId("wallet-two")
    federation.admit(thief, Role.WALLET_OPERATOR)
    federation.witness()

    request = federation.request(ALICE, 2, city.alice, sign_by=thief, operator_id=thief)

    assert code_of(city, request) == "WALLET_SWAPPED"


def test_a_binding_of_one_programme_opens_nothing_in_another(city: City) -> None:
    """The same token in both, as a dishonest pair of parties might arrange it."""
    federation = city.federation
    other = ProgrammeId("other")
    changed = dataclasses.replace(
        federation.programme, programme_id=other, exclusivity_domain="other"
    )
    federation.log(LeafType.PROGRAMME, federation.rooted(changed))
    enrolled = federation.decoded(EnrolmentBatch)[0]
    batch = dataclasses.replace(enrolled, programme_id=other, batch_id=b"o" * 16)
    leaf = federation.log_own(batch, METRO)
    places = PlaceBatch(
        parameter_id=federation.parameters.parameter_id,
        programme_id=other,
        enrolment_leaf=leaf,
        entries=(PlaceEntry(account_token=ALICE, block=7, slot=1),),
    )
    federation.log_own(places, HUB)
    index = federation.request(ALICE, 2, city.alice, programme_id=other, block=7, slot=1)
    federation.witness()

    with pytest.raises(WalletSwappedError):
        check_request(federation.view(), federation.statement_at(index, OpeningRequest))


def test_a_partner_that_enrolled_for_later_vouches_for_nothing_earned_meanwhile(
    city: City,
) -> None:
    """It never sends a gram, waits out all times, and points at grams of the others."""
    federation = city.federation
    federation.enrol(SHAM, [ALICE], from_epoch=9)
    federation.witness()
    honest = Opening(federation, [federation.request(ALICE, 4, city.alice)])
    federation.witness()
    honest.run()
    honest.finish()
    for epoch in (5, 6):
        federation.run_epoch(epoch, {METRO: {ALICE: 1}, BIKE: {ALICE: 1}})
    federation.wait(days=8)
    binding = federation.bind(ALICE, "w-thief", SHAM)
    federation.witness()
    federation.wait(days=4)

    request = federation.request(ALICE, 6, binding, previous=4)

    assert code_of(city, request) == "EARLIER_GRAMS_UNCONFIRMED"


@pytest.mark.parametrize("which", ["the Paillier share", "a VOPRF share"])
def test_a_damaged_share_is_noticed_before_anything_is_done_with_it(city: City, which: str) -> None:
    federation = city.federation
    secrets = federation.dealing.secrets[0]
    paillier = KeyShare(index=1, value=secrets.paillier.value + 1)
    claim = dataclasses.replace(secrets.voprf[KeyLabel.CLAIM], scalar=Scalar(7))
    federation.own_secrets["trustee-1"] = (
        dataclasses.replace(secrets, paillier=paillier)
        if which == "the Paillier share"
        else dataclasses.replace(secrets, voprf={**secrets.voprf, KeyLabel.CLAIM: claim})
    )

    assert federation.cosign_code("trustee-1") == "OWN_KEYS_DIFFER"


@pytest.mark.parametrize("lied_to", [(BIKE,), (METRO, BIKE)], ids=["one partner", "both"])
def test_grams_in_a_slot_that_the_hub_lied_about_are_not_opened(
    city: City, lied_to: tuple[PartyId, ...]
) -> None:
    """The hub tells partners that Alice's place is Carl's, its friend's, who rides with them too.

    Alice's grams then lie in Carl's slot: opened, they would be known and credited to Carl.
    """
    federation = city.federation
    for partner in lied_to:
        federation.enrol(partner, [CARL])
    federation.witness()
    federation.wait(days=8)
    binding = federation.bind(CARL, "w-carl", BIKE)
    federation.witness()
    swapped = {ALICE: federation.places[CARL], CARL: federation.places[ALICE]}
    federation.lies = dict.fromkeys(lied_to, swapped)
    alices_grams = 500_000
    federation.run_epoch(5, {METRO: {ALICE: 1}, BIKE: {ALICE: alices_grams}})
    federation.wait(days=4)

    request = federation.request(CARL, 5, binding)

    assert code_of(city, request) == "PLACES_DIFFER"


def test_an_account_that_a_partner_was_not_told_of_is_not_opened_either(city: City) -> None:
    """The hub has metro put Bora's grams where nobody is, so that they are lost to her."""
    federation = city.federation
    federation.lies = {METRO: {BORA: (0, 3)}}
    federation.run_epoch(5, {METRO: {BORA: 70}, BIKE: {ALICE: 1}})

    assert code_of(city, federation.request(BORA, 5, city.bora)) == "PLACES_DIFFER"
