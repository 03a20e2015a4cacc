"""Linking people: identities that are refused before they leave the node, and the two consents."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedcarbon.methodology.reject_reason import RejectReason
from partner_node.persons.consent import GIVEN_BEFORE, parse_consent
from partner_node.persons.linking import RejectedLink
from partner_node.persons.summary import Asked
from partner_node.persons.withdrawal import NoConsentError, UnknownPersonError
from tests.partner_node.world import ZONE, World, at, new_world, person, ride


def only(rejected: tuple[RejectedLink, ...]) -> RejectedLink:
    (single,) = rejected
    return single


REFUSED = {
    "wrong check digit": ({"id_number": "990000180001010018"}, "malformed_identity"),
    "not a number": ({"id_number": "nobody"}, "malformed_identity"),
    "unknown id type": ({"id_type": "LIBRARY_CARD"}, "malformed_identity"),
    "test id as a resident id": ({"id_type": "CN_RESIDENT"}, "malformed_identity"),
    "unknown country": ({"issuing_country": "ZZ"}, "malformed_identity"),
    "empty reference": ({"person_ref": ""}, "malformed_row"),
    "reference with a line break": ({"person_ref": "a\nb"}, "malformed_row"),
    "consent that is no time": ({"consent_data": "yes please"}, "malformed_time"),
    "no consent to data use": ({"consent_data": ""}, "missing_consent"),
    "no consent to claiming": ({"consent_claim": "false"}, "missing_consent"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_person_is_refused_with_a_reason_and_without_the_number(world: World, case: str) -> None:
    changes, reason = REFUSED[case]

    outcome = world.link(person(1, **changes), person(2))

    refused = only(outcome.rejected)
    assert (outcome.linked, refused.reason) == (1, reason)
    number = changes.get("id_number", "990000180001010017")
    assert number not in refused.detail
    world.settle()
    assert world.node.status().enrolled == 1


def test_a_test_id_is_refused_where_only_real_people_are_admitted(tmp_path: Path) -> None:
    world = new_world(tmp_path, test_identities=False)

    outcome = world.link(person(1))

    assert only(outcome.rejected).reason is RejectReason.SYNTHETIC_IDENTITY
    world.database.close()


def test_linking_again_changes_nothing(world: World) -> None:
    world.link(person(1))
    world.settle()

    outcome = world.link(person(1), person(1, consent_data="2026-03-02T09:00:00"))
    world.settle()

    assert (outcome.linked, outcome.rejected) == (2, ())
    assert len(world.hub.entries) == 1
    assert world.record(ride("a", 1, at(8))).accepted == 1


def test_a_reference_belongs_to_one_identity_for_ever(world: World) -> None:
    world.link(person(1))

    outcome = world.link(person(2, person_ref="rider-1"))

    assert only(outcome.rejected).reason is RejectReason.PERSON_REF_TAKEN


def test_two_identities_under_one_new_reference_leave_the_first(world: World) -> None:
    outcome = world.link(person(1), person(2, person_ref="rider-1"))

    assert outcome.linked == 1
    assert only(outcome.rejected).reason is RejectReason.PERSON_REF_TAKEN


def test_a_missing_consent_can_be_given_later(world: World) -> None:
    world.link(person(1, consent_claim=""))
    refused = world.record(ride("before", 1, at(8)))

    outcome = world.link(person(1, consent_claim="2026-03-02T09:00:00"))
    later = world.record(ride("early", 1, at(8)), ride("fine", 1, at(10)))

    assert refused.rejected[0].reason is RejectReason.MISSING_CONSENT
    assert outcome.linked == 1
    assert later.rejected[0].reason is RejectReason.BEFORE_CONSENT
    assert later.accepted == 1


def test_old_consents_do_not_undo_a_withdrawal(world: World) -> None:
    world.link(person(1))
    world.node.withdraw_consent("rider-1")

    outcome = world.link(person(1))

    assert only(outcome.rejected).reason is RejectReason.CONSENT_WITHDRAWN
    assert not world.node.summary(Asked(person_ref="rider-1")).consented


def test_withdrawing_again_gives_the_same_answer(world: World) -> None:
    world.link(person(1))
    first = world.node.withdraw_consent("rider-1")
    world.clock.at_s = at(12, day=2)

    assert world.node.withdraw_consent("rider-1") == first == 2


def test_a_withdrawal_never_names_an_epoch_that_is_planned(riders: World) -> None:
    riders.clock.at_s = at(1, day=2)
    riders.hub.plan(1)
    riders.hub.plan(2)
    riders.node.read_record()

    assert riders.node.withdraw_consent("rider-1") == 3


def test_only_linked_people_with_consents_can_withdraw(world: World) -> None:
    world.link(person(1, consent_data=""))

    with pytest.raises(UnknownPersonError):
        world.node.withdraw_consent("nobody")
    with pytest.raises(NoConsentError):
        world.node.withdraw_consent("rider-1")
    with pytest.raises(UnknownPersonError):
        world.node.summary(Asked(person_ref="nobody"))


def test_consents_are_times_or_true_or_absent() -> None:
    assert parse_consent(" TRUE ", ZONE) == GIVEN_BEFORE
    assert parse_consent("", ZONE) is parse_consent("False", ZONE) is None
    assert parse_consent("2026-03-02T08:00:00", ZONE) == at(8)
    assert parse_consent("2026-03-02T00:00:00Z", ZONE) == at(8)


def test_people_never_show_in_a_repr(world: World) -> None:
    record = person(1)
    world.link(record)

    assert record.id_number not in repr(record)
    assert "rider-1" not in repr(record)
