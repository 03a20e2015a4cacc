"""What a wallet operator does: find its customers' accounts, bind, ask for openings, redeem.

The operator learns tokens of its own customers only, and sums only of accounts that it has bound.
Every step may be interrupted and repeated: ids and signed bytes of requests and redemptions are
stored before they are sent. Only an interrupted search for accounts asks anew, which costs quota.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Final, NamedTuple

from fedcarbon.canonical import statement as statements
from fedcarbon.cli.public_record import RecordUnreadableError
from fedcarbon.cli.wallet_store import Customer, WalletStore
from fedcarbon.clock import Clock
from fedcarbon.identity.blinding import blind_batch, finalize_batch
from fedcarbon.identity.labels import KeyLabel
from fedcarbon.identity.person_id import canonical_identity
from fedcarbon.identity.threshold import (
    EvaluationProofInvalidError,
    PartialEvaluation,
    TooFewEvaluationsError,
    VerifiedEvaluation,
    verify,
)
from fedcarbon.identity.tokens import account_token
from fedcarbon.ids import EpochIndex, PartyId
from fedcarbon.opening.statements import OpeningRequest, OperatorBinding, Purpose
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.redemption.operator_statement import Period
from fedcarbon.redemption.order import RedemptionOrder, Source
from fedcarbon.redemption.wallet import WalletClass, wallet_id
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES
from fedcarbon.registry.evaluation import EvaluationRequest, elements_hash_of
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.transparency.envelope import Envelope, SigningKey, sign
from fedcarbon.v1 import identity_pb2, opening_pb2, redemption_pb2
from fedcarbon.wire.hub_client import HubClient

EVALUATION_BATCH: Final = 500
REQUEST_VALID_S: Final = 7 * 86_400
BINDINGS_PAGE: Final = 500


class Accepted(NamedTuple):
    """A message that the hub says it has logged."""

    envelope: bytes
    """The exact bytes that were sent."""
    receipt: bytes
    """The hub's signed promise about them; the caller checks it."""


class Redeemed(NamedTuple):
    """A redemption as it stands, and the order that it rests on."""

    redemption: redemption_pb2.Redemption
    order: Accepted


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletOperator:
    """One operator's connection to one programme at one hub."""

    operator_id: PartyId
    signing_key: SigningKey
    hub: HubClient
    store: WalletStore
    parameters: ParameterSet
    programme: Programme
    clock: Clock
    random_below: Callable[[int], int]
    random_bytes: Callable[[int], bytes]

    def find_accounts(self) -> Iterator[int]:
        """Evaluate the tokens of customers that have none yet; yield how many were done.

        Raises:
            TooFewEvaluationsError: fewer than the threshold answered validly.
        """
        todo = iter([item for item in self.store.customers() if item.account_token is None])
        while batch := list(islice(todo, EVALUATION_BATCH)):
            self.store.set_tokens(self._tokens_of(batch))
            yield len(batch)

    def _tokens_of(self, customers: Sequence[Customer]) -> list[tuple[bytes, bytes]]:
        subjects = [
            canonical_identity(
                item.id_type,
                item.id_number,
                issuing_country=item.issuing_country,
                allow_test=self.programme.test_identities,
            ).to_bytes()
            for item in customers
        ]
        batch = blind_batch(KeyLabel.ACCOUNT, subjects, self.random_below)
        request = EvaluationRequest(
            parameter_id=self.parameters.parameter_id,
            programme_id=self.programme.programme_id,
            asker_id=self.operator_id,
            request_id=self.random_bytes(MESSAGE_ID_BYTES),
            key_label=KeyLabel.ACCOUNT,
            count=len(batch.blinded),
            elements_hash=elements_hash_of(batch.blinded),
        )
        signed = sign(request, {self.operator_id: self.signing_key}).to_bytes()
        verified: dict[int, VerifiedEvaluation] = {}
        excluded: set[str] = set()
        key = self.parameters.voprf_key(KeyLabel.ACCOUNT)
        while len(verified) < self.parameters.threshold:
            answer = self.hub.evaluate(
                identity_pb2.EvaluateRequest(
                    signed_request=signed,
                    blinded_elements=batch.blinded,
                    excluded_trustee_ids=sorted(excluded),
                )
            )
            fresh = [item for item in answer.partials if item.trustee_id not in excluded]
            if not fresh:  # a hub that repeats itself would keep us here for ever
                raise TooFewEvaluationsError(
                    f"{len(verified)} of {self.parameters.threshold} trustees answered validly"
                )
            for partial in fresh:
                excluded.add(partial.trustee_id)
                index = self.parameters.trustee_index(PartyId(partial.trustee_id))
                received = PartialEvaluation(
                    trustee_index=index, elements=tuple(partial.elements), proof=partial.proof
                )
                try:
                    verified[index] = verify(key, batch.blinded, received)
                except EvaluationProofInvalidError:
                    continue  # another trustee is asked instead
        outputs = finalize_batch(batch, list(verified.values())[: self.parameters.threshold])
        return [
            (item.binding_id, account_token(output, self.programme.programme_id))
            for item, output in zip(customers, outputs, strict=True)
        ]

    def find_and_bind(self) -> Iterator[Accepted]:
        """Find accounts and bind them, batch by batch; yield the receipts as `bind` does.

        A batch is bound before the next one is evaluated: the quota that trustees keep grows with
        bindings, and a question beyond it counts though nobody answers it.

        Raises:
            TooFewEvaluationsError: see `find_accounts`.
        """
        bound: set[bytes] = set()
        yield from self.bind(bound)
        for _ in self.find_accounts():
            yield from self.bind(bound)

    def bind(self, bound: set[bytes] | None = None) -> Iterator[Accepted]:
        """Sign and send the operator's half of every customer's binding; yield the receipts.

        Whether a receipt is one is for the caller to check.

        Args:
            bound: ids of bindings to leave out; grows by those that are sent.
        """
        done = set() if bound is None else bound
        for item in self.store.customers():
            if item.account_token is None or item.binding_id in done:
                continue
            done.add(item.binding_id)
            statement = OperatorBinding(
                parameter_id=self.parameters.parameter_id,
                programme_id=self.programme.programme_id,
                binding_id=item.binding_id,
                account_token=item.account_token,
                wallet_id=item.wallet_id,
                wallet_class=item.wallet_class,
                operator_id=self.operator_id,
            )
            # Ed25519 is deterministic: a repeated command sends the same bytes.
            signed = sign(statement, {self.operator_id: self.signing_key}).to_bytes()
            answer = self.hub.create_operator_binding(
                opening_pb2.CreateOperatorBindingRequest(signed_binding=signed)
            )
            yield Accepted(envelope=signed, receipt=answer.receipt)

    def bindings(self) -> dict[bytes, opening_pb2.Binding]:
        """Return the hub's view of this operator's bindings, by binding id.

        Raises:
            RecordUnreadableError: the hub's pages do not go forward and would never end.
        """
        found: dict[bytes, opening_pb2.Binding] = {}
        from_leaf = 0
        while True:
            page = self.hub.list_bindings(
                opening_pb2.ListBindingsRequest(
                    programme_id=self.programme.programme_id,
                    from_leaf=from_leaf,
                    limit=BINDINGS_PAGE,
                )
            ).bindings
            if not page:
                return found
            leaves = [from_leaf - 1, *(item.operator_leaf_index for item in page)]
            if any(later <= earlier for earlier, later in pairwise(leaves)):
                raise RecordUnreadableError("the hub lists bindings out of the record's order")
            found |= {item.binding_id: item for item in page}
            from_leaf = page[-1].operator_leaf_index + 1

    def account(self, token: bytes) -> opening_pb2.GetAccountResponse:
        """Return what the hub tells of an account that this operator has bound."""
        return self.hub.get_account(
            opening_pb2.GetAccountRequest(
                programme_id=self.programme.programme_id, account_token=token
            )
        )

    def request_openings(self, head: WitnessedCheckpoint) -> Iterator[bytes]:
        """Ask to open every signed binding's account up to the newest sealed epoch.

        Args:
            head: a witnessed head that covers the seal.

        Yields:
            The request ids, new ones and those of interrupted runs.
        """
        bindings = self.bindings()
        for item in self.store.customers():
            binding = bindings.get(item.binding_id)
            signed_state = opening_pb2.BINDING_STATE_SIGNED
            if item.account_token is None or binding is None or binding.state != signed_state:
                continue
            account = self.account(item.account_token)
            if account.opened_epoch >= account.sealed_epoch:
                continue
            epoch = EpochIndex(account.sealed_epoch)
            request_id, signed = self.store.request(item.account_token, epoch)
            if signed is not None and self._is_stale(signed, account):
                self.store.drop_request(request_id)
                request_id, signed = self.store.request(item.account_token, epoch)
            if signed is None:
                signed = self._signed_request(item, binding, account, request_id, head)
                self.store.set_request(request_id, signed)
            self.hub.create_opening_request(
                opening_pb2.CreateOpeningRequestRequest(signed_request=signed)
            )
            yield request_id

    def _is_stale(self, signed: bytes, account: opening_pb2.GetAccountResponse) -> bool:
        """Tell whether trustees would refuse a request that was signed earlier, for good."""
        request = statements.decode(OpeningRequest, Envelope.from_bytes(signed).payload)
        is_late = self.clock.now_s() > request.not_after_s
        return is_late or request.previous_epoch != account.opened_epoch

    def _signed_request(
        self,
        item: Customer,
        binding: opening_pb2.Binding,
        account: opening_pb2.GetAccountResponse,
        request_id: bytes,
        head: WitnessedCheckpoint,
    ) -> bytes:
        assert item.account_token is not None
        statement = OpeningRequest(
            parameter_id=self.parameters.parameter_id,
            programme_id=self.programme.programme_id,
            request_id=request_id,
            account_token=item.account_token,
            block=account.place.block,
            slot=account.place.slot,
            epoch=EpochIndex(account.sealed_epoch),
            previous_epoch=EpochIndex(account.opened_epoch),
            purpose=Purpose.CREDIT,
            wallet_id=item.wallet_id,
            binding_leaf=binding.operator_leaf,
            operator_id=self.operator_id,
            not_after_s=self.clock.now_s() + REQUEST_VALID_S,
            checkpoint_size=head.size,
            checkpoint_root=head.root,
        )
        return sign(statement, {self.operator_id: self.signing_key}).to_bytes()

    def redeem(
        self,
        item: Customer,
        binding: opening_pb2.Binding,
        *,
        units: int | None,
        run_label: str,
        source: Source = Source.GRAMS,
    ) -> Redeemed:
        """Pay `units`, or everything, into a customer's wallet and return how it stands.

        Whether the order's receipt is one is for the caller to check.

        Args:
            item: a customer whose account is known.
            binding: the customer's binding as the hub lists it.
            units: whole units, or fen of proceeds; None for as many as the balance holds.
            run_label: names this redemption among others of the wallet and source; the same label
                again asks for the same redemption.
            source: what is paid for.
        """
        assert item.account_token is not None
        label = run_label if source is Source.GRAMS else f"{source}: {run_label}"
        redemption_id, signed = self.store.redemption(item.account_token, item.wallet_id, label)
        if signed is None:
            order = RedemptionOrder(
                parameter_id=self.parameters.parameter_id,
                programme_id=self.programme.programme_id,
                redemption_id=redemption_id,
                account_token=item.account_token,
                wallet_id=wallet_id(item.wallet_id),
                wallet_class=WalletClass(item.wallet_class),
                binding_leaf=binding.operator_leaf,
                operator_id=self.operator_id,
                units=units,
                source=source,
            )
            signed = sign(order, {self.operator_id: self.signing_key}).to_bytes()
            self.store.set_redemption(redemption_id, signed)
        request = redemption_pb2.CreateRedemptionRequest(signed_order=signed)
        answer = self.hub.create_redemption(request)
        return Redeemed(answer.redemption, Accepted(envelope=signed, receipt=answer.receipt))

    def statement(self, period: Period) -> Iterator[redemption_pb2.GetOperatorStatementResponse]:
        """Yield the pages of this operator's statement; there is at least one.

        Raises:
            RecordUnreadableError: the hub's pages do not go forward and would never end.
        """
        seen: set[bytes] = set()
        after = b""
        while after not in seen:
            seen.add(after)
            page = self.hub.get_operator_statement(
                redemption_pb2.GetOperatorStatementRequest(
                    first_value_day=period.first, last_value_day=period.last, after=after
                )
            )
            yield page
            after = page.next_after
            if not after:
                return
        raise RecordUnreadableError("the hub's statement has a page that comes again")
