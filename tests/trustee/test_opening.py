"""The honest way through an opening, and what a trustee that dies does not stop."""

from __future__ import annotations

from fedcarbon.v1 import trustee_pb2
from tests.trustee.city import City
from tests.trustee.founded import ALICE, BIKE, BORA, METRO, SHAM
from tests.trustee.opening_steps import Opening


def test_an_opening_reveals_the_sum_over_all_partners(city: City) -> None:
    federation = city.federation
    request = federation.request(ALICE, 2, city.alice)
    federation.have_witnessed()
    opening = Opening(federation, [request]).commit().log()
    federation.have_witnessed()

    opening.reveal().share()

    assert opening.values() == {federation.places[ALICE][1]: 660}


def test_two_accounts_of_a_block_are_opened_together(city: City) -> None:
    federation = city.federation
    requests = [federation.request(ALICE, 2, city.alice), federation.request(BORA, 2, city.bora)]
    federation.witness()

    values = Opening(federation, requests).run()

    assert values == {federation.places[ALICE][1]: 660, federation.places[BORA][1]: 220}


def test_the_next_opening_shows_the_sum_of_all_epochs_so_far(city: City) -> None:
    federation = city.federation
    first = federation.request(ALICE, 2, city.alice)
    federation.witness()
    opening = Opening(federation, [first])
    opening.run()
    opening.finish()
    second = federation.request(ALICE, 4, city.alice, previous=2)
    federation.witness()

    values = Opening(federation, [second]).run()

    assert values == {federation.places[ALICE][1]: 66_660}


def test_every_choice_of_three_trustees_opens_the_same(five: City) -> None:
    for names in (("trustee-1", "trustee-2", "trustee-3"), ("trustee-2", "trustee-4", "trustee-5")):
        federation = five.copy().federation
        request = federation.request(ALICE, 2, five.alice)
        federation.witness()

        values = Opening(federation, [request], names).run()

        assert values == {federation.places[ALICE][1]: 660}


def test_opening_retry_with_dead_trustee(five: City) -> None:
    federation = five.federation
    request = federation.request(ALICE, 2, five.alice)
    federation.witness()
    names = ("trustee-1", "trustee-2", "trustee-3")
    first = Opening(federation, [request], names).start_witnessed().reveal()
    living = [name for name in federation.trustee_ids if name != "trustee-3"]

    second = Opening(federation, [request], ("trustee-1", "trustee-2", "trustee-4"), attempt=2)
    second.commit().log()
    federation.have_witnessed(living)
    second.reveal().share()

    assert second.values() == {federation.places[ALICE][1]: 660}
    assert set(first.masks.values()).isdisjoint(second.masks.values())


def test_a_batch_of_shares_has_one_proof(city: City) -> None:
    federation = city.federation
    requests = [federation.request(ALICE, 2, city.alice), federation.request(BORA, 2, city.bora)]
    federation.witness()
    openings = [Opening(federation, [request]) for request in requests]
    for opening in openings:
        opening.commit().log()
    federation.witness()
    for opening in openings:
        opening.reveal()

    order = trustee_pb2.ShareOrder(
        starts=[item for opening in openings for item in opening.share_order().starts]
    )
    answer = federation.ask("trustee-1", share=order)

    assert len(answer.share.shares) == 2
    assert len(answer.share.proof) > 0


def test_the_same_order_gets_the_same_answer(city: City) -> None:
    federation = city.federation
    request = federation.request(ALICE, 2, city.alice)
    federation.witness()
    opening = Opening(federation, [request]).start_witnessed().reveal()
    order = federation.order(share=opening.share_order())

    first = federation.trustee("trustee-1").handle(order)
    again = federation.trustee("trustee-1").handle(order)

    assert first == again


def test_the_same_content_under_another_order_id_gets_the_same_answer(city: City) -> None:
    federation = city.federation
    request = federation.request(ALICE, 2, city.alice)
    federation.witness()
    opening = Opening(federation, [request]).start_witnessed().reveal().share()

    again = federation.ask("trustee-1", share=opening.share_order())

    assert again.share == opening.shares["trustee-1"]


def test_a_draft_that_is_asked_again_keeps_its_mask(city: City) -> None:
    federation = city.federation
    request = federation.request(ALICE, 2, city.alice)
    federation.witness()
    opening = Opening(federation, [request]).commit()

    again = federation.ask("trustee-1", mask=opening.mask_order())

    assert list(again.mask.mask_hashes) == [opening.hashes["trustee-1"]]


def test_the_half_of_another_partner_confirms_earlier_grams(city: City) -> None:
    federation = city.federation
    federation.enrol(SHAM, [ALICE])
    federation.witness()
    federation.wait(days=8)
    binding = federation.bind(ALICE, "w-new", SHAM)
    federation.partner_half(binding, METRO)
    federation.witness()
    federation.wait(days=3)
    request = federation.request(ALICE, 2, binding)
    federation.witness()

    assert Opening(federation, [request]).run() == {federation.places[ALICE][1]: 660}


def test_an_opening_where_a_partner_is_missing_goes_on_after_the_wait(city: City) -> None:
    federation = city.federation
    plan = federation.plan(5)
    headers = federation.submit(METRO, 5, plan, {ALICE: 100_000})
    federation.seal(5, plan, {METRO: headers, BIKE: []})
    federation.witness()
    federation.wait(days=30)
    request = federation.request(ALICE, 5, city.alice)
    federation.witness()

    assert Opening(federation, [request]).run() == {federation.places[ALICE][1]: 166_660}
