"""What trustees do for an opening they do under heads that a partner has signed beside a quorum.

Otherwise a hub and all trustees' links together could keep a record of their own, in which a thief
is bound to the account: no partner would ever see the binding and object.
"""

from __future__ import annotations

import pytest

from fedcarbon.transparency.checkpoint import joined
from fedcarbon.transparency.note import SignedNote
from tests.trustee.city import City
from tests.trustee.federation import Federation
from tests.trustee.founded import ALICE, BIKE, METRO, OPERATOR, refused
from tests.trustee.opening_steps import Opening

NOBODY: tuple[str, ...] = ()
MISSING = "PARTNER_WITNESS_MISSING"


def asked(city: City, partners: tuple[str, ...] = (METRO,)) -> Opening:
    """Return an opening of Alice's account whose request lies under a head of `partners`."""
    request = city.federation.request(ALICE, 2, city.alice)
    city.federation.witness(partners=partners)
    return Opening(city.federation, [request])


def mask_code(opening: Opening) -> str:
    answer = opening.federation.ask("trustee-1", mask=opening.mask_order())
    return "" if answer.WhichOneof("answer") == "mask" else refused(answer)


def test_a_request_that_no_partner_has_witnessed_is_not_masked(city: City) -> None:
    assert mask_code(asked(city, NOBODY)) == MISSING


def test_any_partner_will_do(city: City) -> None:
    assert mask_code(asked(city, (BIKE,))) == ""


@pytest.mark.parametrize("party", ["stranger", OPERATOR, "hub"])
def test_a_party_that_is_no_admitted_partner_witnesses_nothing(city: City, party: str) -> None:
    assert mask_code(asked(city, (party,))) == MISSING


def test_a_partners_replaced_key_witnesses_nothing(city: City) -> None:
    """The note is signed by a key that the name once had elsewhere: its id is another one."""
    federation = city.federation
    opening = asked(city, NOBODY)
    size, note = federation.record.heads.pop()
    head = federation.present_head()
    stolen = head.cosigned(METRO, federation.key("somebody else"), federation.clock.at_s)
    joint = joined([SignedNote.from_bytes(note), stolen])
    federation.record.heads.append((size, joint.to_bytes()))

    assert mask_code(opening) == MISSING


def test_a_false_line_in_a_partners_name_makes_the_head_worthless(city: City) -> None:
    federation = city.federation
    opening = asked(city)
    size, note = federation.record.heads.pop()
    federation.record.heads.append((size, note[:-10] + b"AAAAAAA==\n"))

    assert mask_code(opening) in {"SIGNATURE_INVALID", "MALFORMED"}


def test_a_start_that_no_partner_has_witnessed_gets_no_mask_and_no_share(city: City) -> None:
    opening = asked(city).commit().log()
    city.federation.witness(partners=NOBODY)

    shown = city.federation.ask("trustee-1", reveal_mask=opening.reveal_order())
    opening.masks = dict.fromkeys(opening.subset, b"x")
    shared = city.federation.ask("trustee-1", share=opening.share_order())

    assert (refused(shown), refused(shared)) == (MISSING, MISSING)
    city.federation.witness()
    assert opening.reveal().share().values()


def test_a_partner_may_sign_an_earlier_head_than_the_newest(city: City) -> None:
    """A partner looks every few seconds; the record has grown by then."""
    federation = city.federation
    opening = asked(city)
    partnered = federation.record.heads[-1][1]
    federation.enrol(METRO, [b"C" * 32])
    federation.witness(partners=NOBODY)
    order = federation.order(mask=opening.mask_order())
    order.partner_checkpoint.note = partnered

    answer = federation.trustee("trustee-1").handle(order)

    assert answer.WhichOneof("answer") == "mask"


def test_a_restarted_trustee_remembers_what_a_partner_has_signed(city: City) -> None:
    federation = city.federation
    opening = asked(city)
    assert federation.cosign_code("trustee-1") == ""
    federation.kill("trustee-1")
    order = federation.order(mask=opening.mask_order())
    order.ClearField("checkpoint")
    order.ClearField("partner_checkpoint")

    assert federation.trustee("trustee-1").handle(order).WhichOneof("answer") == "mask"


def test_heads_and_beacons_need_no_partner(federation: Federation) -> None:
    federation.enrol(METRO, [b"C" * 32])
    federation.witness(partners=NOBODY)

    assert federation.cosign_code("trustee-1") == ""


def test_two_worlds(five: City) -> None:
    """The hub shows the trustees a record with a thief's binding that partners never see."""
    honest, thiefs = five.federation, five.copy().federation
    honest.enrol(BIKE, [b"C" * 32])
    honest.witness()
    thiefs.enrol(BIKE, [b"D" * 32])
    binding = thiefs.bind(ALICE, "w-thief")
    thiefs.witness(partners=NOBODY)
    thiefs.wait(days=4)
    request = thiefs.request(ALICE, 2, binding)
    thiefs.witness(partners=NOBODY)
    subset = ("trustee-1", "trustee-2", "trustee-3")

    alone = mask_code(Opening(thiefs, [request], subset))
    order = thiefs.order(mask=Opening(thiefs, [request], subset).mask_order())
    order.partner_checkpoint.note = honest.record.heads[-1][1]
    with_the_other_worlds_head = refused(thiefs.trustee("trustee-1").handle(order))

    assert (alone, with_the_other_worlds_head) == (MISSING, "FORKED_RECORD")
