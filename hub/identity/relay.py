"""The relay: blinded elements go to the trustees, their evaluations come back, nothing is kept.

The hub cannot tell a right evaluation from a wrong one cheaply and need not: the asker verifies
every proof, and names the trustees to leave out when it asks again.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from fedcarbon.identity.dleq import PROOF_BYTES
from fedcarbon.ids import PartyId
from fedcarbon.v1 import trustee_pb2
from hub.context import Hub
from hub.identity.requests import log_request
from hub.trustees.asking import TrusteeAnswerWrongError, TrusteeRefusedError, ask_until
from hub.trustees.desk import TrusteeDesk
from hub.trustees.refusals import log_refusals
from hub.trustees.standing import Standing


class EvaluationRelay:
    """Relays evaluation requests to as many trustees as are needed, each in its turn."""

    def __init__(self, hub: Hub, desk: TrusteeDesk) -> None:
        """Take the hub and its desk."""
        self._hub: Final = hub
        self._desk: Final = desk
        self._standing: Final = Standing()

    async def evaluate(
        self,
        caller: PartyId,
        message: bytes,
        elements: tuple[bytes, ...],
        excluded: Collection[str] = (),
    ) -> dict[PartyId, trustee_pb2.EvaluateAnswer]:
        """Log a request once and return the answers of up to the threshold of trustees.

        Args:
            caller: the party that sent it, by its certificate.
            message: the exact bytes of the signed request.
            elements: the blinded elements.
            excluded: trustees that are not to be asked.

        Raises:
            FedcarbonError: see `log_request`.
            TrusteeRefusedError: every trustee that could be asked refuses; with the code of the
                first, for example QUOTA_EXCEEDED.
        """
        hub, parameters = self._hub, self._hub.parameters
        await hub.write(lambda session: log_request(session, hub, caller, message, elements))
        order = await self._desk.work_order()
        order.evaluate.signed_request = message
        order.evaluate.blinded_elements.extend(elements)

        def checked(
            trustee_id: PartyId, answer: trustee_pb2.WorkRequest
        ) -> trustee_pb2.EvaluateAnswer:
            evaluated = answer.evaluate
            if (len(evaluated.elements), len(evaluated.proof)) != (len(elements), PROOF_BYTES):
                raise TrusteeAnswerWrongError(f"trustee {trustee_id} evaluated something else")
            return evaluated

        connected = set(self._desk.port.connected()) & set(parameters.trustee_ids)
        asked = self._standing.preferred(connected - set(excluded))
        self._standing.taken(asked[: parameters.threshold])
        answers = await ask_until(
            self._desk.port, asked, order, checked, enough=parameters.threshold
        )
        self._standing.finished(answers.good)
        refused = {}
        for trustee_id, error in answers.failed.items():
            if isinstance(error, TrusteeRefusedError):
                refused[trustee_id] = error
            else:
                self._standing.failed(trustee_id)
        await log_refusals(hub, refused)
        if refused and not answers.good:
            raise next(iter(refused.values()))
        return answers.good
