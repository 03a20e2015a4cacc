"""Evaluating blinded elements under a quota, for the party that signed the request.

Quotas bound what anyone can learn by trying ids. They are kept here and not at the hub, which might
ask in its own name; the asker's signature says whose quota it is. A request counts once, whether it
was evaluated here or stands in the record: a trustee that lost its store does not start at zero.
"""

from __future__ import annotations

import hashlib
from typing import Final

from fedcarbon.errors import FedcarbonError
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.shares import evaluate
from fedcarbon.ids import PartyId, Role
from fedcarbon.opening.view import RecordView
from fedcarbon.registry.admission import PartyAdmission
from fedcarbon.registry.evaluation import EvaluationRequest, elements_hash_of
from fedcarbon.transparency.envelope import Envelope, open_signed
from fedcarbon.v1 import trustee_pb2
from trustee.order_errors import (
    AskerNotAdmittedError,
    EvaluationDiffersError,
    OperatorCannotGetClaimKeyError,
    QuotaExceededError,
    SameIdOtherContentError,
)
from trustee.own_keys import OwnKeys
from trustee.storage.database import Database
from trustee.storage.promises import PromiseStore

# DESIGN section 5: evaluations in total <= 1.05 x the asker's logged enrolments + 1000.
QUOTA_PERCENT: Final = 105
QUOTA_BASE: Final = 1_000


class Evaluator:
    """Evaluates for admitted partners and wallet operators."""

    __slots__ = ("_database", "_keys", "_promises", "_view")

    def __init__(self, keys: OwnKeys, view: RecordView, database: Database) -> None:
        """Take what is needed to evaluate and to count."""
        self._keys = keys
        self._view = view
        self._database = database
        self._promises = PromiseStore(database)

    def evaluate(self, order: trustee_pb2.EvaluateOrder) -> trustee_pb2.EvaluateAnswer:
        """Count a request, then evaluate its elements.

        Raises:
            AskerNotAdmittedError, EvaluationDiffersError, OperatorCannotGetClaimKeyError,
                SameIdOtherContentError, QuotaExceededError: see there.
            MalformedError, SignatureInvalidError: the request is not one, or not signed.
            ElementInvalidError: an element is no element of the group.
        """
        admission, request = self._open(order.signed_request)
        elements = tuple(order.blinded_elements)
        if (request.count, request.elements_hash) != (len(elements), elements_hash_of(elements)):
            raise EvaluationDiffersError("the request was signed for other elements")
        if admission.role is Role.WALLET_OPERATOR and request.key_label is not KeyLabel.ACCOUNT:
            raise OperatorCannotGetClaimKeyError(
                f"{admission.party_id!r} is a wallet operator: the {request.key_label} key is not "
                "for it"
            )
        self._count(admission, request, hashlib.sha256(order.signed_request).digest())
        share = self._keys.secrets.voprf[request.key_label]
        partial = evaluate(share, elements, self._keys.random_below)
        return trustee_pb2.EvaluateAnswer(elements=partial.elements, proof=partial.proof)

    def quota_of(self, admission: PartyAdmission, label: KeyLabel) -> int:
        """Return how many elements a party may have evaluated under a key in total."""
        if label is KeyLabel.OBJECT:
            return admission.object_quota
        party = admission.party_id
        known = (
            self._view.bindings.bound_accounts(party)
            if admission.role is Role.WALLET_OPERATOR
            else self._view.accounts.enrolled_accounts(party)
        )
        return known * QUOTA_PERCENT // 100 + QUOTA_BASE

    def _open(self, signed_request: bytes) -> tuple[PartyAdmission, EvaluationRequest]:
        signatures = Envelope.from_bytes(signed_request).signatures
        asker = PartyId(signatures[0].keyid) if len(signatures) == 1 else PartyId("")
        admission = self._view.parties.admissions.get(asker)
        if admission is None or admission.role not in {Role.PARTNER, Role.WALLET_OPERATOR}:
            raise AskerNotAdmittedError("the request is not signed by an admitted asker")
        request = open_signed(
            EvaluationRequest, signed_request, self._view.parties.keyring, signers={asker}
        )
        try:
            self._view.parties.require_parameters(request)
            self._view.parties.programme(request.programme_id)
        except FedcarbonError as error:
            raise EvaluationDiffersError(f"the request does not fit the record: {error}") from error
        if request.asker_id != asker:
            raise AskerNotAdmittedError(f"{asker!r} asks in the name of {request.asker_id!r}")
        return admission, request

    def _count(
        self, admission: PartyAdmission, request: EvaluationRequest, request_sha256: bytes
    ) -> None:
        """Count a request durably, once."""
        asker, label = admission.party_id, request.key_label
        with self._database.transaction():
            counted = self._promises.request_sha256(asker, request.request_id)
            if counted == request_sha256:
                return
            if counted is not None:
                raise SameIdOtherContentError(f"{asker!r} used this request id before")
            quota, counts = self.quota_of(admission, label), self._counts(asker, label)
            used = sum(counts.values())
            # A small count that was logged under this id beforehand covers no more than itself.
            fresh = max(request.count - counts.get(request.request_id, 0), 0)
            if used + fresh > quota:
                raise QuotaExceededError(
                    f"{asker!r} has used {used} of {quota} evaluations under the {label} key and "
                    f"asks for {request.count}"
                )
            self._promises.count(
                asker,
                request.request_id,
                label=label,
                elements=request.count,
                request_sha256=request_sha256,
            )

    def _counts(self, asker: PartyId, label: KeyLabel) -> dict[bytes, int]:
        """Return request id to number of elements; of two numbers for one id, the larger."""
        counts = self._view.evaluations.counts(asker, label)
        for request_id, count in self._promises.evaluated(asker, label).items():
            counts[request_id] = max(count, counts.get(request_id, 0))
        return counts
