"""Heads: what a trustee signs, and which signed heads it believes."""

from __future__ import annotations

import pytest

from fedcarbon.transparency.checkpoint import (
    TIME_TOLERANCE_S,
    TreeHead,
    WitnessKeys,
    joined,
    witnessed,
)
from fedcarbon.transparency.note import SignedNote
from fedcarbon.units import Seconds
from fedcarbon.v1 import trustee_pb2
from tests.trustee.city import City
from tests.trustee.federation import Federation
from tests.trustee.founded import ALICE, HUB, METRO, refused
from tests.trustee.opening_steps import Opening


def cosign(federation: Federation, size: int | None = None) -> trustee_pb2.WorkRequest:
    size = len(federation.record.leaves) if size is None else size
    order = trustee_pb2.CosignOrder(root=federation.record.root(size))
    return federation.ask("trustee-1", record_size=size, cosign=order)


def signed_head(answer: trustee_pb2.WorkRequest) -> TreeHead:
    return TreeHead.from_text(SignedNote.from_bytes(answer.cosign.note).text)


def time_s(answer: trustee_pb2.WorkRequest) -> int:
    (signature,) = SignedNote.from_bytes(answer.cosign.note).signatures
    return signature.timestamp_s


def test_a_head_is_signed_with_the_root_that_the_trustee_computed(federation: Federation) -> None:
    answer = cosign(federation)

    assert signed_head(answer) == federation.present_head()
    assert time_s(answer) == federation.clock.at_s


def test_the_signatures_of_all_trustees_make_a_witnessed_head(five: City) -> None:
    federation = five.federation

    notes = [SignedNote.from_bytes(federation.cosignature(name)) for name in federation.trustee_ids]
    head = witnessed(
        joined([federation.present_head().signed(federation.key(HUB)), *notes]).to_bytes(),
        WitnessKeys(
            hubs={HUB: federation.key(HUB).public},
            trustees={name: federation.key(name).public for name in federation.trustee_ids},
        ),
        parameter_id=federation.parameters.parameter_id,
        threshold=3,
    )

    assert head.size == len(federation.record.leaves)


def test_forked_checkpoint_another_root_is_not_signed(federation: Federation) -> None:
    answer = federation.ask("trustee-1", cosign=trustee_pb2.CosignOrder(root=b"f" * 32))

    assert refused(answer) == "FORKED_RECORD"


def test_forked_checkpoint_history_cannot_be_rewritten(federation: Federation) -> None:
    federation.enrol(METRO, [b"C" * 32])
    assert cosign(federation).WhichOneof("answer") == "cosign"
    del federation.record.leaves[-2:]
    federation.enrol(METRO, [b"D" * 32])

    assert refused(cosign(federation)) == "FORKED_RECORD"


def test_a_smaller_head_is_not_signed_after_a_larger(federation: Federation) -> None:
    size = len(federation.record.leaves)
    assert cosign(federation).WhichOneof("answer") == "cosign"

    assert refused(cosign(federation, size - 1)) == "HEAD_GOES_BACK"


def test_a_restarted_trustee_remembers_what_it_signed(federation: Federation) -> None:
    size = len(federation.record.leaves)
    cosign(federation)
    federation.kill("trustee-1")

    assert refused(cosign(federation, size - 1)) == "HEAD_GOES_BACK"


def test_the_same_head_is_signed_again_with_a_later_time(federation: Federation) -> None:
    first = cosign(federation)
    federation.wait(days=1)

    second = cosign(federation)

    assert time_s(second) - time_s(first) == 86_400
    assert signed_head(second) == signed_head(first)


def test_quorum_of_t_refused(five: City) -> None:
    federation = five.federation
    federation.witness(["trustee-3", "trustee-4", "trustee-5"])

    assert refused(cosign(federation)) == "QUORUM_MISSING"


def test_one_trustee_counts_once_in_a_quorum(five: City) -> None:
    federation = five.federation
    federation.witness(["trustee-3", "trustee-4", "trustee-5", "trustee-5"])

    assert refused(cosign(federation)) == "QUORUM_MISSING"


def test_four_of_five_are_a_quorum(five: City) -> None:
    federation = five.federation
    federation.witness(["trustee-2", "trustee-3", "trustee-4", "trustee-5"])

    assert cosign(federation).WhichOneof("answer") == "cosign"


def test_a_partner_does_not_count_in_a_quorum(federation: Federation) -> None:
    federation.witness(["trustee-2", "trustee-3", METRO])

    assert refused(cosign(federation)) == "QUORUM_MISSING"


def test_forked_checkpoint_a_quorum_for_another_record_is_evidence(federation: Federation) -> None:
    """Everyone but trustee-1 signed another history: it keeps the proof and stops."""
    federation.enrol(METRO, [b"C" * 32])
    other = federation.copy()
    del other.record.leaves[-2:]
    other.enrol(METRO, [b"D" * 32])
    other.witness()
    federation.record.heads.append(other.record.heads[-1])

    assert refused(cosign(federation)) == "FORKED_RECORD"


def test_a_trustee_without_its_store_holds_a_record_against_every_head_it_is_shown(
    five: City,
) -> None:
    """It remembers nothing, but a fork of a record that others witnessed contradicts their head."""
    federation = five.federation
    federation.enrol(METRO, [b"C" * 32])
    federation.have_witnessed()
    federation.wipe("trustee-1")
    del federation.record.leaves[-2:]
    federation.enrol(METRO, [b"D" * 32])

    assert federation.cosign_code("trustee-1") == "FORKED_RECORD"


def test_unwitnessed_checkpoint_alone_opens_nothing(city: City) -> None:
    federation = city.federation
    request = federation.request(ALICE, 2, city.alice)
    opening = Opening(federation, [request])

    answer = federation.ask("trustee-1", mask=opening.mask_order())

    assert refused(answer) == "REQUEST_NOT_WITNESSED"


def test_no_quorum_counts_before_all_trustees_are_admitted(federation: Federation) -> None:
    """A quorum of those admitted so far would be smaller than a quorum."""
    size = len(federation.record.leaves)
    del federation.record.leaves[9:]  # two of three trustees, and everything after
    federation.record.heads.clear()
    federation.witness(["trustee-1", "trustee-2"])

    assert size > 9
    assert refused(cosign(federation)) == "QUORUM_MISSING"


def test_time_cannot_run_ahead_of_an_honest_trustee(city: City) -> None:
    """Otherwise corrupt trustees could end every wait."""
    federation = city.federation
    now_s = federation.clock.at_s
    federation.wait(seconds=TIME_TOLERANCE_S + 1)
    federation.witness()
    federation.clock.at_s = Seconds(now_s)

    assert refused(cosign(federation)) == "HEAD_FROM_FUTURE"


def test_a_head_within_the_tolerance_is_taken(city: City) -> None:
    federation = city.federation
    now_s = federation.clock.at_s
    federation.wait(seconds=TIME_TOLERANCE_S)
    federation.witness()
    federation.clock.at_s = Seconds(now_s)

    assert cosign(federation).WhichOneof("answer") == "cosign"


def test_a_trustee_that_was_away_learns_since_when_leaves_are_there(city: City) -> None:
    """All at once it would take the partner's enrolment for as young as the binding."""
    federation = city.federation
    request = federation.request(ALICE, 2, city.alice)
    federation.witness()
    opening = Opening(federation, [request])

    answer = federation.ask("trustee-1", mask=opening.mask_order())

    assert answer.WhichOneof("answer") == "mask"


@pytest.mark.parametrize("how", ["none", "error"])
def test_without_older_heads_waits_are_longer_and_never_shorter(city: City, how: str) -> None:
    federation = city.federation
    request = federation.request(ALICE, 2, city.alice)
    federation.witness()
    opening = Opening(federation, [request])
    federation.record.hidden_heads = how

    answer = federation.ask("trustee-1", mask=opening.mask_order())

    assert refused(answer) == "BINDING_PARTNER_TOO_NEW"


ORDERS = {
    "a short id": trustee_pb2.WorkResponse(order_id=b"x", cosign=trustee_pb2.CosignOrder()),
    "nothing to do": trustee_pb2.WorkResponse(order_id=b"x" * 16),
}


@pytest.mark.parametrize("name", ORDERS)
def test_a_malformed_order_is_refused(federation: Federation, name: str) -> None:
    assert refused(federation.trustee("trustee-1").handle(ORDERS[name])) == "ORDER_MALFORMED"


def test_same_id_other_content_in_an_order(federation: Federation) -> None:
    root = federation.record.root()
    order = federation.order(cosign=trustee_pb2.CosignOrder(root=root))
    federation.trustee("trustee-1").handle(order)
    order.cosign.root = b"f" * 32

    assert refused(federation.trustee("trustee-1").handle(order)) == "ORDER_ID_REUSED"
