"""Objects: meters, receipts, events and vehicles are evaluated under the object key.

A day's objects are evaluated when the local day is over: the hub counts them, and would otherwise
see when somebody buys. Like persons, they go in blinded batches that are stored before they are
sent and stay the same until they are answered. The quota is a field of the partner's admission: an
object counts once, for ever. What is not evaluated when an epoch's claims are made is not claimed
in that epoch.
"""

from __future__ import annotations

from typing import ClassVar

from fedcarbon.errors import StateError
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.ids import EpochIndex
from fedcarbon.registry.programme import local_day
from partner_node.enrolment.evaluation import ELEMENTS_PER_REQUEST, BlindEvaluator
from partner_node.membership import Membership
from partner_node.storage.database import Database
from partner_node.storage.enrolment import EnrolmentStore
from partner_node.storage.epochs import EpochStore
from partner_node.storage.objects import ObjectStore


class ObjectQuotaExhaustedError(StateError):
    """More objects wait than the admission allows to evaluate; ask the root keys for a new one."""

    code: ClassVar[str] = "OBJECT_QUOTA_EXHAUSTED"


class ObjectEvaluation:
    """Has the objects of recorded activities evaluated, one exchange with the hub at a time."""

    def __init__(
        self, database: Database, membership: Membership, evaluator: BlindEvaluator
    ) -> None:
        """Work for the member's objects in `database`."""
        self._objects = ObjectStore(database)
        self._enrolment = EnrolmentStore(database)
        self._epochs = EpochStore(database)
        self._member = membership
        self._evaluator = evaluator

    def advance(self) -> bool:
        """Do the next thing there is to do; return False if there is none.

        Raises:
            TrusteesMissingError, UnknownAnswererError: see `BlindEvaluator.answer`.
            ObjectQuotaExhaustedError: objects wait, and none can be evaluated any more.
        """
        evaluation = self._enrolment.open_evaluation(objects=True)
        if evaluation is not None:
            self._enrolment.save_outputs(evaluation, self._evaluator.answer(evaluation))
            return True
        days = self._days()
        waiting = self._objects.lacking(days=days, limit=ELEMENTS_PER_REQUEST)
        if not waiting:
            return False
        quota = self._member.foundation.own.object_quota
        left = quota - self._enrolment.asked(KeyLabel.OBJECT)
        if left <= 0:
            count = self._objects.lacking_count(days=days)
            raise ObjectQuotaExhaustedError(
                f"{count} objects wait, but the admission allows to evaluate {quota} and all are "
                "used: what they own is not claimed"
            )
        self._evaluator.ask(KeyLabel.OBJECT, waiting[:left])
        return True

    def _days(self) -> tuple[str, str]:
        """Return the first day whose claims are not made yet and today, ISO 8601."""
        programme = self._member.programme
        today = local_day(self._member.clock.now_s(), programme.time_zone).isoformat()
        closed = set(self._epochs.cut_off_epochs())
        for epoch in range(1, programme.epochs + 1):
            if epoch not in closed:
                return programme.days_of(EpochIndex(epoch))[0].isoformat(), today
        return today, today
