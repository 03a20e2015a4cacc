"""The hub and two of five trustees date heads back, so that waits seem to be over.

Two are fewer than the threshold. Four signers make a quorum, and the lower of the two middle times
is then a corrupt one.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.trustee.city import City
from tests.trustee.federation import Federation
from tests.trustee.founded import ALICE, BIKE, DAY_S, METRO, SHAM, refused
from tests.trustee.opening_steps import Opening

HONEST, CORRUPT = ("trustee-1", "trustee-2"), ("trustee-4", "trustee-5")


def witness_dated_back(federation: Federation, days: int) -> None:
    """Have the present head signed: honestly by two, dated back by two."""
    now_s = federation.clock.at_s
    honest = dict.fromkeys((*HONEST, METRO), now_s)
    federation.witness_at(honest | dict.fromkeys(CORRUPT, now_s - days * DAY_S))


def binding_without_wait(five: City) -> int:
    federation = five.federation
    binding = federation.bind(ALICE, "w-thief")
    witness_dated_back(federation, days=4)
    return federation.request(ALICE, 2, binding)


def partner_that_enrolled_yesterday(five: City) -> int:
    federation = five.federation
    federation.enrol(SHAM, [ALICE])
    witness_dated_back(federation, days=10)
    federation.wait(days=1)
    binding = federation.bind(ALICE, "w-thief", SHAM)
    federation.witness()
    federation.wait(days=4)
    return federation.request(ALICE, 2, binding)


def partner_sealed_missing_yesterday(five: City) -> int:
    federation = five.federation
    plan = federation.plan(5)
    headers = federation.submit(METRO, 5, plan, {ALICE: 1})
    federation.witness()
    federation.seal(5, plan, {METRO: headers, BIKE: []})
    witness_dated_back(federation, days=31)
    federation.wait(days=1)
    return federation.request(ALICE, 5, five.alice)


WAITS: dict[str, tuple[Callable[[City], int], str]] = {
    "binding_without_wait": (binding_without_wait, "BINDING_WAITS"),
    "binding_by_partner_enrolled_yesterday": (
        partner_that_enrolled_yesterday,
        "BINDING_PARTNER_TOO_NEW",
    ),
    "missing partner": (partner_sealed_missing_yesterday, "MISSING_PARTNER_WAITS"),
}


@pytest.mark.parametrize("name", WAITS)
def test_two_corrupt_trustees_do_not_shorten_a_wait(five: City, name: str) -> None:
    attack, code = WAITS[name]
    request = attack(five)
    five.federation.witness()
    opening = Opening(five.federation, [request], (*HONEST, "trustee-3"))

    answer = five.federation.ask("trustee-1", mask=opening.mask_order())

    assert refused(answer) == code


def test_two_corrupt_trustees_do_not_keep_an_expired_request_alive(five: City) -> None:
    federation = five.federation
    request = federation.request(ALICE, 2, five.alice)
    federation.wait(days=8)
    witness_dated_back(federation, days=8)
    opening = Opening(federation, [request], (*HONEST, "trustee-3"))

    answer = federation.ask("trustee-1", mask=opening.mask_order())

    assert refused(answer) == "REQUEST_EXPIRED"


def test_one_of_two_corrupt_times_ahead_is_left_out_of_the_head_by_the_hub(five: City) -> None:
    """A head that two date forward is not taken; with one of them it is, at an honest time."""
    federation = five.federation
    federation.enrol(BIKE, [b"C" * 32])
    witness_dated_back(federation, days=-1)
    assert federation.cosign_code("trustee-1") == "HEAD_FROM_FUTURE"
    federation.record.heads.pop()

    federation.witness((*HONEST, "trustee-3", "trustee-4"))

    assert federation.cosign_code("trustee-1") == ""


def test_a_restarted_trustee_waits_as_long(five: City) -> None:
    request = binding_without_wait(five)
    five.federation.witness()
    opening = Opening(five.federation, [request], (*HONEST, "trustee-3"))
    five.federation.ask("trustee-1", mask=opening.mask_order())
    five.federation.kill("trustee-1")

    answer = five.federation.ask("trustee-1", mask=opening.mask_order())

    assert refused(answer) == "BINDING_WAITS"
