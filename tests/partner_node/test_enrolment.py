"""Enrolment: blind evaluation by trustees that may cheat, quotas, batches, places, withdrawals."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from fedcarbon.canonical import statement as statements
from fedcarbon.epoch.snapshot import Place, places_digest
from fedcarbon.errors import SignatureInvalidError
from fedcarbon.identity import oprf
from fedcarbon.identity.blinding import SecretOutput
from fedcarbon.identity.labels import KeyLabel, evaluation_input
from fedcarbon.identity.person_id import canonical_identity, make_test_id
from fedcarbon.identity.ristretto import ORDER, Scalar
from fedcarbon.identity.threshold import lagrange_at_zero
from fedcarbon.identity.tokens import account_token
from fedcarbon.ids import ProgrammeId
from fedcarbon.registry.enrolment import EnrolmentAction, EnrolmentBatch, PlacesAnswer
from fedcarbon.transparency.envelope import Envelope, sign
from partner_node.enrolment import enroller
from partner_node.enrolment.enroller import PlaceContradictsError
from partner_node.enrolment.evaluation import TrusteesMissingError, UnknownAnswererError
from partner_node.persons.consent import ConsentKind, consent_hash
from partner_node.record.receipts import ReceiptInvalidError
from partner_node.storage.enrolment import EnrolmentStore
from tests.keys.ceremonies import dealt
from tests.partner_node.fake_hub import HUB, NODE
from tests.partner_node.world import World, at, person, restarted, ride


def single_key_token(serial: int) -> bytes:
    """Return the account token of a rider, computed with the whole key as in RFC 9497."""
    keys = [secret.voprf[KeyLabel.ACCOUNT] for secret in dealt().secrets[:3]]
    coefficients = lagrange_at_zero([key.trustee_index for key in keys])
    secret = Scalar(sum(a * key.scalar for a, key in zip(coefficients, keys, strict=True)) % ORDER)
    subject = canonical_identity("TEST", make_test_id(serial), allow_test=True).to_bytes()
    question = evaluation_input(KeyLabel.ACCOUNT, subject)
    value = oprf.finalize(
        question, Scalar(1), oprf.blind_evaluate(secret, oprf.blind(question, Scalar(1)))
    )
    output = SecretOutput(label=KeyLabel.ACCOUNT, value=value)
    return account_token(output, ProgrammeId("ecny-shanghai"))


def test_an_account_token_equals_the_single_key_evaluation(world: World) -> None:
    world.link(person(1))

    world.settle()

    assert world.token_of(1) == single_key_token(1)
    assert list(world.hub.places) == [single_key_token(1)]


def test_two_references_of_one_person_share_one_account(world: World) -> None:
    world.link(person(1), person(1, person_ref="second-phone"))

    world.settle()

    assert len(world.hub.places) == 1
    assert world.node.status().enrolled == 1


def test_the_record_sees_salted_hashes_of_both_consents(world: World) -> None:
    world.link(person(1, consent_data="2026-03-01T08:00:00+08:00"))
    world.settle()

    (batch,) = world.hub.batches.values()
    (entry,) = batch.entries
    ((salt,),) = world.database.rows("SELECT consent_salt FROM enrolment_entries")
    identity = canonical_identity("TEST", make_test_id(1), allow_test=True)
    expected = consent_hash(ConsentKind.DATA, salt, identity, at(8, day=0))
    assert entry.consent_data_hash == expected
    assert entry.consent_claim_hash != entry.consent_data_hash
    assert entry.from_epoch == 1


def test_consent_on_a_later_day_enrols_from_that_days_epoch(world: World) -> None:
    world.link(
        person(1, consent_claim="2026-03-03T10:00:00"),
        person(2, consent_claim="2026-03-05T10:00:00"),
    )

    world.settle()

    assert [entry.from_epoch for entry in world.hub.entries] == [2]
    assert world.node.status().enrolling == 1


# --- trustees -----------------------------------------------------------------------------------


def test_a_trustee_that_answers_wrongly_is_left_out_by_name(world: World) -> None:
    world.hub.cheating = {"trustee-2"}
    world.link(person(1))

    world.settle()

    assert world.token_of(1) == single_key_token(1)


def test_with_two_cheating_and_nobody_missing_the_other_three_are_enough(world: World) -> None:
    world.hub.cheating = {"trustee-1", "trustee-5"}
    world.link(person(1))

    world.settle()

    assert world.token_of(1) == single_key_token(1)


def test_too_few_trustees_are_a_clear_error_and_enrolment_goes_on_later(world: World) -> None:
    world.hub.absent = {"trustee-1", "trustee-2", "trustee-3"}
    world.link(person(1))
    with pytest.raises(TrusteesMissingError, match="2 of the 3 trustees"):
        world.settle()
    asked = dict(world.hub.evaluated[KeyLabel.ACCOUNT])
    world.hub.absent = set()

    world.settle()

    assert world.token_of(1) == single_key_token(1)
    assert world.hub.evaluated[KeyLabel.ACCOUNT] == asked


def test_an_answer_by_nobody_of_the_parameter_set_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.link(person(1))
    honest = world.hub.evaluate

    def renamed(request: object) -> object:
        answer = honest(request)  # type: ignore[arg-type]
        answer.partials[0].trustee_id = "mallory"
        return answer

    monkeypatch.setattr(world.hub, "evaluate", renamed)

    with pytest.raises(UnknownAnswererError):
        world.settle()


def test_blinds_are_forgotten_once_they_are_used(world: World) -> None:
    world.link(person(1))

    world.settle()

    assert world.database.rows("SELECT * FROM evaluation_items") == []


def test_the_quota_is_respected_by_enrolling_in_between(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enroller, "_QUOTA_BASE", 5)
    monkeypatch.setattr(enroller, "ELEMENTS_PER_REQUEST", 3)
    world.hub.quota_base = 5
    world.link(*(person(serial) for serial in range(1, 15)))

    world.settle()

    assert len(world.hub.places) == 14
    assert sum(world.hub.evaluated[KeyLabel.ACCOUNT].values()) == 14
    assert len(world.hub.batches) > 1


# --- the hub's answers --------------------------------------------------------------------------


def test_places_that_would_move_an_account_are_refused(riders: World) -> None:
    riders.node.withdraw_consent("rider-1")
    token = riders.token_of(1)
    riders.hub.places[token] = Place(900, 0)

    with pytest.raises(PlaceContradictsError, match="move"):
        riders.settle()


def test_one_place_for_two_accounts_is_refused(riders: World) -> None:
    taken = riders.hub.places[riders.token_of(1)]
    riders.hub.places[single_key_token(4)] = taken
    riders.link(person(4))

    with pytest.raises(PlaceContradictsError, match="share"):
        riders.settle()


def test_a_slot_that_no_block_has_is_refused(riders: World) -> None:
    riders.hub.places[single_key_token(4)] = Place(0, riders.hub.parameters.layout.slots)
    riders.link(person(4))

    with pytest.raises(PlaceContradictsError, match="does not exist"):
        riders.settle()


def test_a_receipt_for_another_message_is_refused_and_the_batch_stays_open(
    riders: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = riders.hub.create_enrolment_batch
    other = next(iter(riders.hub.receipts.values()))

    def swapped(request: object) -> object:
        answer = honest(request)  # type: ignore[arg-type]
        answer.receipt = other
        return answer

    riders.link(person(4))
    with monkeypatch.context() as patched:
        patched.setattr(riders.hub, "create_enrolment_batch", swapped)
        with pytest.raises(ReceiptInvalidError, match="another message"):
            riders.settle()

    riders.settle()

    assert riders.node.status().enrolled == 4


def answering(riders: World, key: str = HUB, **changes: Any) -> Any:
    """Return the hub's method with its answer changed and signed by the key of `key`."""
    honest = riders.hub.create_enrolment_batch

    def lying(request: Any) -> Any:
        answer = honest(request)
        told = statements.decode(PlacesAnswer, Envelope.from_bytes(answer.signed_places).payload)
        changed = dataclasses.replace(told, **changes)
        answer.signed_places = sign(changed, {HUB: riders.hub.keys[key]}).to_bytes()
        return answer

    return lying


@pytest.mark.parametrize(
    "changes", [{"batch_id": bytes(16)}, {"partner_id": "rival"}, {"programme_id": "other"}]
)
def test_places_of_another_batch_are_refused_and_kept_as_evidence(
    riders: World, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    monkeypatch.setattr(riders.hub, "create_enrolment_batch", answering(riders, **changes))
    riders.link(person(4))

    with pytest.raises(PlaceContradictsError, match="do not answer"):
        riders.settle()

    batch = list(riders.hub.batches)[-1].hex()
    (kept,) = EnrolmentStore(riders.database).places_answers(batch)
    assert Envelope.from_bytes(kept).signatures[0].keyid == HUB


def test_places_that_the_hub_did_not_sign_are_refused(
    riders: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(riders.hub, "create_enrolment_batch", answering(riders, key=NODE))
    riders.link(person(4))

    with pytest.raises(SignatureInvalidError):
        riders.settle()


def test_a_submission_shows_the_places_that_the_hub_told(riders: World) -> None:
    """The fake hub answers and keeps the record: what it told stands in the header."""
    riders.record(ride("a", 1, at(8)))
    riders.hub.witness()
    riders.run_epoch(1)

    ((header, _),) = riders.hub.epochs[1].chunks.values()

    assert header.places_digest == places_digest(riders.hub.places)
    for batch in riders.hub.batches:
        (kept,) = EnrolmentStore(riders.database).places_answers(batch.hex())
        told = statements.decode(PlacesAnswer, Envelope.from_bytes(kept).payload)
        assert {place.account_token for place in told.places} <= riders.hub.places.keys()


# --- withdrawal ---------------------------------------------------------------------------------


def test_a_withdrawal_is_an_entry_from_the_next_epoch_without_consent_hashes(
    riders: World,
) -> None:
    riders.node.withdraw_consent("rider-2")

    riders.settle()

    batch = list(riders.hub.batches.values())[-1]
    (entry,) = batch.entries
    assert (entry.account_token, entry.action) == (riders.token_of(2), EnrolmentAction.WITHDRAW)
    assert entry.from_epoch == 2
    assert entry.consent_data_hash == entry.consent_claim_hash == bytes(32)


def test_a_person_with_two_references_is_withdrawn_with_the_last_of_them(world: World) -> None:
    world.link(person(1), person(1, person_ref="second-phone"))
    world.settle()

    world.node.withdraw_consent("rider-1")
    world.settle()
    entries_after_first = len(world.hub.entries)
    world.node.withdraw_consent("second-phone")
    world.settle()

    assert entries_after_first == 1
    assert [entry.action for entry in world.hub.entries] == [
        EnrolmentAction.ENROL,
        EnrolmentAction.WITHDRAW,
    ]


def test_new_consents_after_a_withdrawal_enrol_again_where_the_account_was(riders: World) -> None:
    place = riders.hub.places[riders.token_of(1)]
    riders.node.withdraw_consent("rider-1")
    riders.settle()
    riders.clock.at_s = at(14)
    again = person(1, consent_data="2026-03-02T13:00:00", consent_claim="2026-03-02T13:00:00")

    outcome = riders.link(again)
    riders.settle()

    assert outcome.linked == 1
    assert [entry.action for entry in riders.hub.entries][-2:] == [
        EnrolmentAction.WITHDRAW,
        EnrolmentAction.ENROL,
    ]
    assert riders.hub.entries[-1].from_epoch == 2
    assert riders.hub.places[riders.token_of(1)] == place


def test_who_withdraws_before_being_enrolled_is_never_enrolled(world: World) -> None:
    world.link(person(1))
    world.node.withdraw_consent("rider-1")

    world.settle()

    assert world.hub.entries == []
    assert not any(world.hub.evaluated.values())


def test_a_stored_batch_is_sent_as_the_same_bytes_after_a_restart(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.link(person(1))
    sent: list[bytes] = []

    def refuse(request: object) -> object:
        sent.append(request.signed_batch)  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(world.hub, "create_enrolment_batch", refuse)
        with pytest.raises(KeyboardInterrupt):
            world.settle()
    world.database.close()
    after = restarted(tmp_path, world.hub, world.clock)

    after.settle()

    assert [envelope for envelope in sent if envelope in world.hub.receipts] == sent
    batch = statements.decode(EnrolmentBatch, Envelope.from_bytes(sent[0]).payload)
    assert batch.batch_id in world.hub.batches
    after.database.close()
