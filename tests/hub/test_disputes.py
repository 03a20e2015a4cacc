"""Disputes at the hub: a loser names claims, the hub logs them, and nobody amends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fedcarbon.epoch.dispute import WINDOW_S
from fedcarbon.epoch.statements import Dispute
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.receipt import Receipt
from hub.intake.disputes import dispute_claims
from tests.hub.federation import (
    BIKES,
    FIRST,
    METRO,
    PROGRAMME,
    TAXIS,
    Federation,
    claim_token,
    claims,
    opened,
    signed,
)

LOST = range(10, 40)


@pytest.fixture
def judged(federation: Federation) -> Federation:
    """Metro has lost slots 10 to 39 to the bikes; taxis have no list."""
    for partner in (METRO, BIKES, TAXIS):
        federation.enrol_people(partner, [1, 2])
    federation.lists[METRO, FIRST] = claims(dict.fromkeys(range(1, 40), 2), seed=1)
    federation.lists[BIKES, FIRST] = claims(dict.fromkeys(LOST, 0), seed=2)
    federation.wait_until_end_of(FIRST)
    federation.advance()
    for partner in (METRO, BIKES):
        federation.commit(partner, federation.lists[partner, FIRST])
    federation.wait(2 * 3600)
    federation.advance()
    for partner in (METRO, BIKES):
        federation.reveal(partner)
    federation.advance()
    return federation


def positions(federation: Federation, *slots: int) -> tuple[int, ...]:
    own = federation.lists[METRO, FIRST].tokens.tokens()
    return tuple(sorted(own.index(claim_token(slot)) for slot in slots))


def dispute(federation: Federation, *slots: int, **changes: Any) -> Dispute:
    statement = Dispute(
        parameter_id=federation.hub.parameters.parameter_id,
        programme_id=PROGRAMME,
        epoch=FIRST,
        partner_id=METRO,
        verdict_leaf=federation.epoch().verdict_leaf or 0,
        positions=positions(federation, *slots),
    )
    return replace(statement, **changes)


def send(
    federation: Federation, statement: Dispute, caller: PartyId = METRO, signer: str = ""
) -> bytes:
    message = signed(statement, signer or caller)
    return federation.hub.write_now(
        lambda session: dispute_claims(session, federation.hub, caller, message)
    )


def test_false_claim_disputed(judged: Federation) -> None:
    """A loser that holds a winning claim for false names it; the record says so for auditors."""
    receipt = send(judged, dispute(judged, 12, 30))

    promise = opened(Receipt, receipt)
    record = judged.hub.record
    body = judged.hub.read_now(lambda session: record.body(session, promise.leaf_index))
    assert opened(Dispute, body).positions == positions(judged, 12, 30)
    assert promise.leaf[0] == LeafType.DISPUTE


def test_a_dispute_sent_again_gets_its_receipt_even_after_the_window(judged: Federation) -> None:
    first = send(judged, dispute(judged, 12))
    judged.wait(2 * WINDOW_S)

    assert send(judged, dispute(judged, 12)) == first


def amended(federation: Federation) -> object:
    send(federation, dispute(federation, 12))
    return send(federation, dispute(federation, 13))


def too_late(federation: Federation) -> object:
    federation.wait(WINDOW_S + 1)
    return send(federation, dispute(federation, 12))


REFUSED: dict[str, tuple[Callable[[Federation], object], str]] = {
    "a partner that is not admitted": (
        lambda f: send(f, dispute(f, 12), PartyId("ghost")),
        "NOT_ADMITTED",
    ),
    "signed by another partner": (
        lambda f: send(f, dispute(f, 12), signer=BIKES),
        "SIGNATURE_INVALID",
    ),
    "another partner's dispute": (lambda f: send(f, dispute(f, 12), BIKES), "SENDER_DIFFERS"),
    "another parameter set": (
        lambda f: send(f, dispute(f, 12, parameter_id=b"x" * 32)),
        "PARAMETERS_DIFFER",
    ),
    "an epoch without a plan": (
        lambda f: send(f, dispute(f, 12, epoch=EpochIndex(2))),
        "WRONG_EPOCH",
    ),
    "a second dispute": (amended, "DISPUTE_DIFFERS"),
    "a partner without a list": (
        lambda f: send(f, dispute(f, 12, partner_id=TAXIS), TAXIS),
        "CLAIMS_FORFEITED",
    ),
    "another leaf": (
        lambda f: send(f, dispute(f, 12, verdict_leaf=1)),
        "VERDICT_LEAF_DIFFERS",
    ),
    "after thirty days": (too_late, "DISPUTE_TOO_LATE"),
    "more than twenty of thirty": (
        lambda f: send(f, dispute(f, *LOST[:21])),
        "DISPUTE_TOO_LARGE",
    ),
    "a claim that was won": (lambda f: send(f, dispute(f, 5)), "CLAIM_NOT_LOST"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_dispute_against_the_rules_is_refused(judged: Federation, name: str) -> None:
    sent, code = REFUSED[name]

    with pytest.raises(FedcarbonError) as caught:
        sent(judged)

    assert caught.value.code == code


def test_nothing_can_be_disputed_before_the_verdicts(federation: Federation) -> None:
    federation.enrol_people(METRO, [1])
    federation.wait_until_end_of(FIRST)
    federation.advance()
    federation.lists[METRO, FIRST] = claims({12: 0})

    with pytest.raises(FedcarbonError) as caught:
        send(federation, dispute(federation, 12))

    assert caught.value.code == "EPOCH_STATE"
