"""Requests, starts and results of openings as the record tells them.

What an account has been opened for is read from here and never from memory alone: a start counts as
opened for all its targets from its leaf on, whether or not a share ever appeared.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final, NamedTuple

from fedcarbon.ids import EpochIndex, PartyId, Role
from fedcarbon.opening.accounts import AccountRef
from fedcarbon.opening.logged import Logged, LoggedBody
from fedcarbon.opening.parties import PartyBook
from fedcarbon.opening.statements import OpeningRequest, OpeningResult, OpeningStart, Refusal
from fedcarbon.opening.violations import LeafInvalidError, LoggedTwiceError
from fedcarbon.transparency.envelope import Envelope, open_signed


class AccountEvent(NamedTuple):
    """An opening of one account began or ended."""

    leaf_index: int
    epoch: EpochIndex


class StartBook:
    """Requests, starts, results and refusals."""

    __slots__ = (
        "_attempts",
        "_finished",
        "_parties",
        "_request_ids",
        "_started",
        "refusals",
        "requests",
        "results",
        "starts",
    )

    def __init__(self, parties: PartyBook) -> None:
        """Start empty; `parties` says who may sign."""
        self._parties: Final = parties
        self._request_ids: Final[set[tuple[PartyId, bytes]]] = set()
        self._attempts: Final[dict[bytes, int]] = {}
        self._started: Final[dict[AccountRef, list[AccountEvent]]] = defaultdict(list)
        self._finished: Final[dict[AccountRef, list[AccountEvent]]] = defaultdict(list)
        self.requests: Final[dict[int, Logged[OpeningRequest]]] = {}
        """By leaf index, like the three below."""
        self.starts: Final[dict[int, Logged[OpeningStart]]] = {}
        self.results: Final[dict[int, Logged[OpeningResult]]] = {}
        """By the index of the start's leaf."""
        self.refusals: Final[dict[int, Logged[Refusal]]] = {}

    def started(self, account: AccountRef, before_leaf: int) -> list[AccountEvent]:
        """Return the starts that name an account, in leaves below `before_leaf`."""
        events = self._started.get(account, ())
        return [event for event in events if event.leaf_index < before_leaf]

    def last_finished(self, account: AccountRef, before_leaf: int) -> EpochIndex:
        """Return the epoch of the last finished opening below `before_leaf`; 0 for none."""
        events = self._finished.get(account, ())
        epochs = [event.epoch for event in events if event.leaf_index < before_leaf]
        return max(epochs, default=EpochIndex(0))

    def last_attempt(self, opening_id: bytes) -> int:
        """Return the highest attempt that was ever started for an opening id; 0 for none."""
        return self._attempts.get(opening_id, 0)

    def fold_request(self, logged: LoggedBody) -> None:
        """Take a request that its wallet operator signed; an id counts once per operator."""
        request, signer = self._parties.open_own(
            OpeningRequest, logged, "operator_id", Role.WALLET_OPERATOR
        )
        key = (signer, request.statement.request_id)
        if key in self._request_ids:
            raise LoggedTwiceError(f"a request of {signer!r} stands twice in the record")
        self._request_ids.add(key)
        self.requests[logged.index] = request

    def fold_start(self, logged: LoggedBody) -> None:
        """Take a start that t or more trustees signed: exactly the ones that it names."""
        keys = self._parties.trustee_keys()
        threshold = self._parties.parameters.threshold
        start = open_signed(
            OpeningStart, logged.body, keys, signers=keys.keys(), at_least=threshold
        )
        self._parties.require_parameters(start)
        signers = [signature.keyid for signature in Envelope.from_bytes(logged.body).signatures]
        if sorted(signers) != list(start.subset):
            raise LeafInvalidError(f"a start over {list(start.subset)} is signed by {signers}")
        if start.attempt <= self.last_attempt(start.opening_id):
            raise LoggedTwiceError(f"attempt {start.attempt} of an opening stands twice")
        self._attempts[start.opening_id] = start.attempt
        self.starts[logged.index] = Logged(index=logged.index, leaf=logged.leaf, statement=start)
        for target in start.targets:
            account = AccountRef(start.programme_id, target.account_token)
            self._started[account].append(AccountEvent(logged.index, start.epoch))

    def fold_result(self, logged: LoggedBody) -> None:
        """Take a result of the hub: it must answer its start, target by target."""
        result, _ = self._parties.open_by(OpeningResult, logged, Role.HUB)
        item = result.statement
        start = self.starts.get(item.start_leaf)
        if start is None or item.start_leaf in self.results:
            raise LeafInvalidError(f"a result answers no start, or leaf {item.start_leaf} twice")
        begun = start.statement
        answered = (item.programme_id, item.opening_id, item.attempt)
        targets = sorted((target.slot, target.account_token) for target in begun.targets)
        if answered != (begun.programme_id, begun.opening_id, begun.attempt) or targets != sorted(
            (value.slot, value.account_token) for value in item.values
        ):
            raise LeafInvalidError(f"the result of the start in leaf {item.start_leaf} differs")
        self.results[item.start_leaf] = result
        for target in begun.targets:
            account = AccountRef(begun.programme_id, target.account_token)
            self._finished[account].append(AccountEvent(logged.index, begun.epoch))

    def fold_refusal(self, logged: LoggedBody) -> None:
        """Take a trustee's refusal."""
        refusal, _ = self._parties.open_own(Refusal, logged, "trustee_id", Role.TRUSTEE)
        self.refusals[logged.index] = refusal
