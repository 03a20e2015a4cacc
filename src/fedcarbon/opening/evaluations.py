"""Evaluation requests as the record tells them: how much of its quota a party has used."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from fedcarbon.identity.labels import KeyLabel
from fedcarbon.ids import PartyId, Role
from fedcarbon.opening.logged import LoggedBody
from fedcarbon.opening.parties import PartyBook
from fedcarbon.registry.evaluation import EvaluationRequest

ASKER_ROLES: Final = (Role.PARTNER, Role.WALLET_OPERATOR)


class EvaluationBook:
    """Logged requests, counted once per asker and request id."""

    __slots__ = ("_counts", "_parties")

    def __init__(self, parties: PartyBook) -> None:
        """Start empty; `parties` says who may sign."""
        self._parties: Final = parties
        self._counts: Final[dict[tuple[PartyId, KeyLabel], dict[bytes, int]]] = defaultdict(dict)

    def fold_request(self, logged: LoggedBody) -> None:
        """Take a request that its asker signed."""
        request, signer = self._parties.open_own(
            EvaluationRequest, logged, "asker_id", *ASKER_ROLES
        )
        item = request.statement
        self._counts[signer, item.key_label].setdefault(item.request_id, item.count)

    def counts(self, asker: PartyId, label: KeyLabel) -> dict[bytes, int]:
        """Return request id to number of elements, of the asker's logged requests for a key."""
        return dict(self._counts.get((asker, label), {}))
