"""Blind evaluation: from identity documents and objects to account tokens and secrets of claims.

A batch is blinded and stored before it is sent, and stays the same until it is answered: asking
again with the same request id costs no quota and hides nothing less. The hub relays; every
trustee's proof is checked here, and one that fails is left out of the next round by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

from fedcarbon.errors import PeerError, StateError
from fedcarbon.identity.blinding import BlindedBatch, SecretOutput, blind_batch, finalize_batch
from fedcarbon.identity.labels import KeyLabel, evaluation_input
from fedcarbon.identity.threshold import (
    EvaluationProofInvalidError,
    PartialEvaluation,
    ThresholdVoprfKey,
    VerifiedEvaluation,
    verify,
)
from fedcarbon.ids import PartyId
from fedcarbon.methodology.object_ref import object_bytes
from fedcarbon.parameters.parameter_set import UnknownTrusteeError
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES
from fedcarbon.registry.evaluation import EvaluationRequest, elements_hash_of
from fedcarbon.transparency.envelope import sign
from fedcarbon.v1 import identity_pb2
from fedcarbon.wire.hub_client import HubClient
from partner_node.membership import Membership
from partner_node.storage.enrolment import EnrolmentStore, StoredEvaluation
from partner_node.storage.objects import ObjectStore
from partner_node.storage.persons import PersonStore

ELEMENTS_PER_REQUEST: Final = 500


class TrusteesMissingError(StateError):
    """Too few trustees answer correctly; more of them must connect, or the bad ones be mended."""

    code: ClassVar[str] = "TRUSTEES_MISSING"


class UnknownAnswererError(PeerError):
    """The hub relayed an answer by somebody who is no trustee."""

    code: ClassVar[str] = "UNKNOWN_ANSWERER"


class BlindEvaluator:
    """Asks for evaluations of stored persons and objects and checks what comes back."""

    def __init__(
        self,
        membership: Membership,
        hub: HubClient,
        persons: PersonStore,
        objects: ObjectStore,
        enrolment: EnrolmentStore,
    ) -> None:
        """Ask through `hub` for the member's persons and objects."""
        self._member = membership
        self._hub = hub
        self._persons = persons
        self._objects = objects
        self._enrolment = enrolment
        self.excluded: set[str] = set()
        """Trustees whose answers did not verify; they stay left out until a restart."""

    def ask(self, label: KeyLabel, subject_ids: Sequence[int]) -> None:
        """Blind and store a batch under `label`; `answer` sends it.

        Args:
            label: of the key.
            subject_ids: persons or, under the object key, objects.
        """
        subjects = self._subjects(label, subject_ids)
        batch = blind_batch(label, subjects, self._member.randomness.below)
        request = EvaluationRequest(
            parameter_id=self._member.parameters.parameter_id,
            programme_id=self._member.programme.programme_id,
            asker_id=self._member.party_id,
            request_id=self._member.randomness.octets(MESSAGE_ID_BYTES),
            key_label=label,
            count=len(subjects),
            elements_hash=elements_hash_of(batch.blinded),
        )
        self._enrolment.save_evaluation(
            StoredEvaluation(
                request_id=request.request_id,
                label=label,
                signed_request=sign(request, self._member.signers).to_bytes(),
                subject_ids=tuple(subject_ids),
                blinds=batch.blinds,
                blinded=batch.blinded,
            ),
            now_s=self._member.clock.now_s(),
        )

    def answer(self, evaluation: StoredEvaluation) -> tuple[SecretOutput, ...]:
        """Send a stored batch, and again without trustees that answer wrongly; return the outputs.

        Raises:
            TrusteesMissingError: fewer than the threshold answer correctly.
            UnknownAnswererError: an answer is by nobody in the parameter set.
        """
        key = self._member.parameters.voprf_key(evaluation.label)
        verified: dict[int, VerifiedEvaluation] = {}
        while True:
            excluded_before = len(self.excluded)
            response = self._hub.evaluate(
                identity_pb2.EvaluateRequest(
                    signed_request=evaluation.signed_request,
                    blinded_elements=evaluation.blinded,
                    excluded_trustee_ids=sorted(self.excluded),
                )
            )
            for partial in response.partials:
                self._verify(key, evaluation, partial, verified)
            if len(verified) >= key.threshold:
                return finalize_batch(self._batch(evaluation), list(verified.values()))
            if len(self.excluded) == excluded_before:
                raise TrusteesMissingError(
                    f"{len(verified)} of the {key.threshold} trustees needed answer correctly; "
                    f"left out: {sorted(self.excluded) or 'none'}"
                )

    def _verify(
        self,
        key: ThresholdVoprfKey,
        evaluation: StoredEvaluation,
        partial: identity_pb2.PartialEvaluation,
        verified: dict[int, VerifiedEvaluation],
    ) -> None:
        if partial.trustee_id in self.excluded:
            return
        try:
            trustee_index = self._member.parameters.trustee_index(PartyId(partial.trustee_id))
        except UnknownTrusteeError as error:
            raise UnknownAnswererError(
                "the hub relayed an evaluation by no trustee of this parameter set"
            ) from error
        answer = PartialEvaluation(
            trustee_index=trustee_index, elements=tuple(partial.elements), proof=partial.proof
        )
        try:
            verified[trustee_index] = verify(key, evaluation.blinded, answer)
        except EvaluationProofInvalidError:
            self.excluded.add(partial.trustee_id)

    def _batch(self, evaluation: StoredEvaluation) -> BlindedBatch:
        return BlindedBatch(
            label=evaluation.label,
            inputs=tuple(
                evaluation_input(evaluation.label, subject)
                for subject in self._subjects(evaluation.label, evaluation.subject_ids)
            ),
            blinds=evaluation.blinds,
            blinded=evaluation.blinded,
        )

    def _subjects(self, label: KeyLabel, subject_ids: Sequence[int]) -> list[bytes]:
        """Return the canonical bytes of persons or objects."""
        if label is KeyLabel.OBJECT:
            references = self._objects.references(subject_ids)
            return [object_bytes(references[object_id]) for object_id in subject_ids]
        identities = self._persons.identities(subject_ids)
        return [identities[person_id].to_bytes() for person_id in subject_ids]
