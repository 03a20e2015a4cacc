"""Enrolment: everybody with both consents gets an account and a place, step by step.

One call of `advance` does at most one thing at the hub, and first finishes what an earlier call
began: so it can be killed anywhere and called again. Trustees bound evaluations to
1.05 x logged enrolments + 1000 per key; the order of steps stays below that by itself, enrolling
those that are ready before it asks for more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.epoch.snapshot import Place
from fedcarbon.errors import PeerError
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.tokens import account_token
from fedcarbon.registry.enrolment import (
    BATCH_ENTRIES_MAX,
    MESSAGE_ID_BYTES,
    EnrolmentAction,
    EnrolmentBatch,
    EnrolmentEntry,
    PlacesAnswer,
)
from fedcarbon.registry.programme import local_day
from fedcarbon.transparency.envelope import open_signed, sign
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import registry_pb2
from fedcarbon.wire.hub_client import HubClient
from partner_node.enrolment.evaluation import ELEMENTS_PER_REQUEST, BlindEvaluator
from partner_node.membership import Membership
from partner_node.persons.consent import CONSENT_SALT_BYTES, ConsentKind, consent_hash
from partner_node.record.receipts import checked_receipt
from partner_node.storage.agenda import BatchEntry, DueEntry, EnrolmentAgenda
from partner_node.storage.enrolment import EnrolmentStore
from partner_node.storage.outbox import Message, MessageKind, Outbox
from partner_node.storage.persons import PersonStore

# DESIGN section 5: evaluations in total <= 1.05 x the asker's logged enrolments + 1000.
_QUOTA_PERCENT: Final = 105
_QUOTA_BASE: Final = 1_000
_LABELS: Final = (KeyLabel.ACCOUNT, KeyLabel.CLAIM)


class PlaceContradictsError(PeerError):
    """The hub's places do not answer the batch, or an account would move; keep the answer."""

    code: ClassVar[str] = "PLACE_CONTRADICTS"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolmentStores:
    """The parts of the store that enrolment works on."""

    persons: PersonStore
    agenda: EnrolmentAgenda
    enrolment: EnrolmentStore
    outbox: Outbox


class Enroller:
    """Moves enrolment forward by one exchange with the hub at a time."""

    def __init__(
        self,
        membership: Membership,
        hub: HubClient,
        stores: EnrolmentStores,
        evaluator: BlindEvaluator,
    ) -> None:
        """Enrol the member's persons through `hub`."""
        self._member = membership
        self._hub = hub
        self._stores = stores
        self._evaluator = evaluator

    def advance(self, planned_epochs: int) -> bool:
        """Do the next thing there is to do; return False if there is none.

        Args:
            planned_epochs: the last epoch whose plan is logged, 0 for none; whoever is enrolled
                now can count from the next one at the earliest.

        Raises:
            TrusteesMissingError, UnknownAnswererError: see `BlindEvaluator.answer`.
            PlaceContradictsError, ReceiptInvalidError, SignatureInvalidError: the hub's answer
                does not fit or is not signed by it.
        """
        # (1) a batch that was begun comes first: its bytes are stored and sent again as they are
        if self._send_batch():
            return True
        if planned_epochs >= self._member.programme.epochs:
            return self._answer_evaluation()
        agenda = self._stores.agenda
        agenda.follow()
        return self._begin(planned_epochs) or (agenda.read_on() and self._begin(planned_epochs))

    def _begin(self, planned_epochs: int) -> bool:
        """Do the next thing on the agenda; return False if nothing there can be done now."""
        agenda = self._stores.agenda
        # (2) withdrawals protect somebody: they need no trustee and wait for none
        due = agenda.due(EnrolmentAction.WITHDRAW, limit=BATCH_ENTRIES_MAX)
        if not due:
            # (3) an evaluation that was begun, with the same elements as before
            if self._answer_evaluation():
                return True
            # (4) a full batch, or whoever is ready when nobody can be evaluated
            due = agenda.due(EnrolmentAction.ENROL, limit=BATCH_ENTRIES_MAX)
            if len(due) < BATCH_ENTRIES_MAX and self._ask_next():
                return True
        if due:
            self._make_batch(due, planned_epochs)
        return self._send_batch()

    def _answer_evaluation(self) -> bool:
        """Have the stored batch of blinded elements evaluated, if there is one."""
        evaluation = self._stores.enrolment.open_evaluation(objects=False)
        if evaluation is None:
            return False
        outputs = self._evaluator.answer(evaluation)
        if evaluation.label is KeyLabel.ACCOUNT:
            programme_id = self._member.programme.programme_id
            tokens = [account_token(output, programme_id) for output in outputs]
            self._stores.enrolment.save_account_tokens(evaluation, tokens)
        else:
            self._stores.enrolment.save_outputs(evaluation, outputs)
        return True

    def _ask_next(self) -> bool:
        """Store the next batch to evaluate, if quota and persons allow one."""
        enrolment = self._stores.enrolment
        quota = enrolment.enrolled_accounts() * _QUOTA_PERCENT // 100 + _QUOTA_BASE
        for label in _LABELS:
            allowed = min(quota - enrolment.asked(label), ELEMENTS_PER_REQUEST)
            if allowed <= 0:
                continue
            lacking = self._stores.agenda.lacking(label, limit=allowed)
            if lacking:
                self._evaluator.ask(label, lacking)
                return True
        return False

    def _make_batch(self, due: Sequence[DueEntry], planned_epochs: int) -> None:
        member = self._member
        identities = self._stores.persons.identities([entry.person_id for entry in due])
        stored: list[BatchEntry] = []
        signed: list[EnrolmentEntry] = []
        for entry in due:
            salt = member.randomness.octets(CONSENT_SALT_BYTES)
            from_epoch = self._from_epoch(entry, planned_epochs)
            hashes = (bytes(DIGEST_BYTES), bytes(DIGEST_BYTES))
            if entry.action is EnrolmentAction.ENROL:
                identity = identities[entry.person_id]
                hashes = (
                    consent_hash(ConsentKind.DATA, salt, identity, entry.data_at_s),
                    consent_hash(ConsentKind.CLAIM, salt, identity, entry.claim_at_s),
                )
            signed.append(
                EnrolmentEntry(
                    account_token=entry.account_token,
                    action=entry.action,
                    from_epoch=from_epoch,
                    consent_data_hash=hashes[0],
                    consent_claim_hash=hashes[1],
                )
            )
            stored.append(
                BatchEntry(
                    person_id=entry.person_id,
                    action=entry.action,
                    from_epoch=from_epoch,
                    consent_salt=salt,
                    person_ref=entry.person_ref,
                    period=entry.period,
                )
            )
        batch = EnrolmentBatch(
            parameter_id=member.parameters.parameter_id,
            programme_id=member.programme.programme_id,
            partner_id=member.party_id,
            batch_id=member.randomness.octets(MESSAGE_ID_BYTES),
            entries=tuple(signed),
        )
        message = Message(
            kind=MessageKind.ENROLMENT_BATCH,
            subject=batch.batch_id.hex(),
            envelope=sign(batch, member.signers).to_bytes(),
        )
        self._stores.agenda.save_batch(message, stored)

    def _from_epoch(self, entry: DueEntry, planned_epochs: int) -> int:
        """Return the first epoch that the entry can name: no plan that is logged reaches it."""
        if entry.action is EnrolmentAction.WITHDRAW:
            return max(entry.earliest_epoch, planned_epochs + 1)
        programme = self._member.programme
        since_s = max(entry.data_at_s, entry.claim_at_s)
        consented = programme.epoch_of(local_day(since_s, programme.time_zone))
        # None is before the first day here: consents after the last are never due.
        return max(consented or 1, entry.earliest_epoch, planned_epochs + 1)

    def _send_batch(self) -> bool:
        outbox = self._stores.outbox
        for subject, part in outbox.unanswered(MessageKind.ENROLMENT_BATCH):
            message = outbox.message(MessageKind.ENROLMENT_BATCH, subject, part)
            assert message is not None  # noqa: S101 - `unanswered` found it
            answer = self._hub.create_enrolment_batch(
                registry_pb2.CreateEnrolmentBatchRequest(signed_batch=message.envelope)
            )
            receipt = checked_receipt(
                self._member.foundation,
                answer.receipt,
                leaf_type=LeafType.ENROLMENT_BATCH,
                envelope=message.envelope,
            )
            self._stores.enrolment.save_answer(
                message, receipt, self._checked_places(subject, answer.signed_places)
            )
            return True
        return False

    def _checked_places(self, batch: str, signed_places: bytes) -> dict[int, Place]:
        """Return the places of a batch's persons if the answer fits them and moves nobody."""
        foundation = self._member.foundation
        answer = open_signed(
            PlacesAnswer, signed_places, foundation.hub_keys, signers=foundation.hub_keys
        )
        # What the hub has signed is kept before it is judged: it is the evidence.
        self._stores.enrolment.keep_places_answer(batch, signed_places)
        entries = self._stores.enrolment.batch_tokens(batch)
        member = self._member
        named = (answer.parameter_id, answer.programme_id, answer.partner_id, answer.batch_id.hex())
        if named != (
            member.parameters.parameter_id,
            member.programme.programme_id,
            member.party_id,
            batch,
        ) or [place.account_token for place in answer.places] != [token for _, token in entries]:
            raise PlaceContradictsError("the places do not answer the entries of the batch")
        slots = self._member.parameters.layout.slots
        known = self._stores.enrolment.places_near(
            [person_id for person_id, _ in entries], [item.block for item in answer.places]
        )
        owner = {place: person_id for person_id, place in known.items()}
        places: dict[int, Place] = {}
        for (person_id, _), item in zip(entries, answer.places, strict=True):
            place = Place(block=item.block, slot=item.slot)
            if place.slot >= slots:
                raise PlaceContradictsError(f"slot {place.slot} does not exist in a block")
            if known.get(person_id, place) != place or owner.get(place, person_id) != person_id:
                raise PlaceContradictsError("an account would move, or share another one's place")
            owner[place] = person_id
            places[person_id] = place
        return places
