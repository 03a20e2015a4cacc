"""Answering: a wallet operator proposes a binding, the holder says yes or no in the app.

The node shows the proposal, signs the answer with its own half and sends it. It signs only for
accounts of its own people and only for an operator half that really lies in the record. Operator
and wallet hint are the hub's word: the half repeats what the holder saw, and does not count at any
trustee if that is not what the operator bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.errors import CallerError, FedcarbonError, PeerError
from fedcarbon.identity.tokens import AccountToken
from fedcarbon.ids import PartyId, party_id
from fedcarbon.opening.refusals import BindingEndedError, BindingFrozenError
from fedcarbon.opening.statements import (
    WALLET_HINT_LENGTH,
    BindingObjection,
    PartnerBinding,
)
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES
from fedcarbon.transparency.envelope import sign
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.v1 import opening_pb2
from fedcarbon.wire.hub_client import HubClient
from fedcarbon.wire.status import RemoteTimeoutError, UnreachableError
from partner_node.membership import Membership
from partner_node.record.receipts import checked_receipt
from partner_node.storage.bindings import BindingStore, StoredBinding
from partner_node.storage.database import Database
from partner_node.storage.enrolment import EnrolmentStore
from partner_node.storage.outbox import Message, MessageKind, Outbox
from partner_node.storage.persons import PersonStore
from partner_node.storage.record import RecordStore

BINDINGS_PER_CALL: Final = 1_000
_LEAF_TYPES: Final = {
    MessageKind.BINDING_OBJECTION: LeafType.BINDING_OBJECTION,
    MessageKind.PARTNER_BINDING: LeafType.PARTNER_BINDING,
}
_OVER_CODES: Final = frozenset({BindingEndedError.code, BindingFrozenError.code})


class UnknownBindingError(CallerError):
    """No binding of this id concerns a person of this node."""

    code: ClassVar[str] = "UNKNOWN_BINDING"


class BindingAnsweredError(CallerError):
    """The binding was answered the other way before; unbind it at the wallet operator instead."""

    code: ClassVar[str] = "BINDING_ANSWERED"


class BindingNotInRecordError(PeerError):
    """The hub shows a binding whose operator half is not the leaf it names."""

    code: ClassVar[str] = "BINDING_NOT_IN_RECORD"


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingBinding:
    """A binding as the platform's app shows it to the holder."""

    binding_id: bytes
    person_refs: tuple[str, ...]
    operator_id: str
    wallet_hint: str


class BindingAnswers:
    """Reads proposals, keeps them, and answers them."""

    def __init__(self, database: Database, membership: Membership, hub: HubClient) -> None:
        """Work on `database` for the member's people."""
        self._bindings = BindingStore(database)
        self._outbox = Outbox(database)
        self._database = database
        self._persons = PersonStore(database)
        self._enrolment = EnrolmentStore(database)
        self._record = RecordStore(database)
        self._member = membership
        self._hub = hub
        self._entries_seen: int | None = None
        """Enrolment entries when bindings were last read from the beginning."""
        self._size_seen = 0
        """Leaves of the record when bindings were last read to the end."""

    def poll(self) -> int:
        """Read new bindings of this node's accounts from the hub; return how many there were.

        Raises:
            BindingNotInRecordError: a proposal's leaf is not what the record holds.
        """
        entries, size = self._enrolment.enrolled_entries(), self._record.size()
        # Whoever was enrolled since may have a binding that lies long before.
        is_known = entries == self._entries_seen
        if is_known and size == self._size_seen:
            return 0  # whatever happens to a binding is a leaf
        fresh, from_leaf = 0, self._bindings.next_leaf() if is_known else 0
        while True:
            answer = self._hub.list_bindings(
                opening_pb2.ListBindingsRequest(
                    programme_id=self._member.programme.programme_id,
                    from_leaf=from_leaf,
                    limit=BINDINGS_PER_CALL,
                )
            )
            # A leaf that has not been read yet is looked at again in the next step.
            readable = [item for item in answer.bindings if item.operator_leaf_index < size]
            persons = self._enrolment.persons_with(item.account_token for item in readable)
            known = [item for item in readable if item.account_token in persons]
            fresh += self._bindings.add([self._checked(item, persons) for item in known])
            self._bindings.close([item.binding_id for item in known if _is_over(item)])
            if len(answer.bindings) < BINDINGS_PER_CALL or len(readable) < len(answer.bindings):
                self._entries_seen, self._size_seen = entries, size
                return fresh
            from_leaf = answer.bindings[-1].operator_leaf_index + 1

    def pending(self) -> list[PendingBinding]:
        """Return the bindings that wait for their holder."""
        return [
            PendingBinding(
                binding_id=item.binding_id,
                person_refs=tuple(self._persons.references(item.person_id)),
                operator_id=item.operator_id,
                wallet_hint=item.wallet_hint,
            )
            for item in self._bindings.pending()
        ]

    def answer(self, binding_id: bytes, *, confirm: bool) -> bytes:
        """Sign and send the holder's answer; return the hub's receipt.

        The answer is stored before it is sent: if the hub cannot be reached, the epoch runner
        sends it later, and the same answer again returns the same receipt.

        Raises:
            UnknownBindingError: see there.
            BindingAnsweredError: the other answer was given before.
        """
        binding = self._bindings.find(binding_id)
        if binding is None:
            raise UnknownBindingError("no binding of this id concerns a person of this node")
        chosen, other = MessageKind.PARTNER_BINDING, MessageKind.BINDING_OBJECTION
        if not confirm:
            chosen, other = other, chosen
        subject = binding_id.hex()
        with self._database.transaction():
            if self._outbox.message(other, subject) is not None:
                raise BindingAnsweredError("this binding was answered the other way before")
            message = self._outbox.message(chosen, subject)
            if message is None:
                message = Message(
                    kind=chosen, subject=subject, envelope=self._signed(binding, chosen)
                )
                self._outbox.save(message)
        return self._send(message)

    def send_answers(self) -> int:
        """Send stored answers that have no receipt, objections first; return how many were taken.

        An answer that the hub refuses holds up no other one, or an operator could keep people's
        objections from the hub by ending a binding while somebody confirms it.

        Raises:
            FedcarbonError: the first refusal, except for a binding that is over: nobody need
                answer that any more.
        """
        sent, refused = 0, None
        for kind, subject in self._unsent():
            message = self._outbox.message(kind, subject)
            assert message is not None  # noqa: S101 - `unanswered` found it
            try:
                self._send(message)
            except (UnreachableError, RemoteTimeoutError):
                raise
            except FedcarbonError as error:
                if error.code in _OVER_CODES:
                    self._bindings.close([bytes.fromhex(subject)])
                else:
                    refused = refused or error
                continue
            sent += 1
        if refused is not None:
            raise refused
        return sent

    def _unsent(self) -> list[tuple[MessageKind, str]]:
        """Return kind and subject of every answer to send, of bindings that are not over."""
        closed = {binding_id.hex() for binding_id in self._bindings.closed()}
        return [
            (kind, subject)
            for kind in _LEAF_TYPES
            for subject, _ in self._outbox.unanswered(kind)
            if subject not in closed or kind is MessageKind.BINDING_OBJECTION
        ]

    def _send(self, message: Message) -> bytes:
        stored = self._outbox.receipts(message.kind, message.subject).get(message.part)
        if stored is not None:
            return stored.receipt
        if message.kind is MessageKind.PARTNER_BINDING:
            data = self._hub.create_partner_binding(
                opening_pb2.CreatePartnerBindingRequest(signed_binding=message.envelope)
            ).receipt
        else:
            data = self._hub.create_binding_objection(
                opening_pb2.CreateBindingObjectionRequest(signed_objection=message.envelope)
            ).receipt
        receipt = checked_receipt(
            self._member.foundation,
            data,
            leaf_type=_LEAF_TYPES[message.kind],
            envelope=message.envelope,
        )
        self._outbox.save_receipt(message, receipt)
        return receipt.receipt

    def _signed(self, binding: StoredBinding, kind: MessageKind) -> bytes:
        member = self._member
        statement: PartnerBinding | BindingObjection
        if kind is MessageKind.PARTNER_BINDING:
            statement = PartnerBinding(
                parameter_id=member.parameters.parameter_id,
                programme_id=member.programme.programme_id,
                binding_id=binding.binding_id,
                account_token=binding.account_token,
                operator_leaf=binding.operator_leaf,
                operator_id=PartyId(binding.operator_id),
                wallet_hint=binding.wallet_hint,
                partner_id=member.party_id,
            )
        else:
            statement = BindingObjection(
                parameter_id=member.parameters.parameter_id,
                programme_id=member.programme.programme_id,
                binding_id=binding.binding_id,
                account_token=binding.account_token,
                partner_id=member.party_id,
            )
        return sign(statement, member.signers).to_bytes()

    def _checked(
        self, item: opening_pb2.Binding, persons: dict[AccountToken, int]
    ) -> StoredBinding:
        found = self._record.leaf(item.operator_leaf_index)
        if (
            found is None
            or found.leaf != item.operator_leaf
            or found.leaf[0] != LeafType.OPERATOR_BINDING
            or len(item.binding_id) != MESSAGE_ID_BYTES
        ):
            raise BindingNotInRecordError(
                f"leaf {item.operator_leaf_index} is not the binding that the hub shows"
            )
        token = AccountToken(item.account_token)
        return StoredBinding(
            binding_id=item.binding_id,
            person_id=persons[token],
            account_token=token,
            operator_id=party_id(item.operator_id),
            wallet_hint=item.wallet_hint[:WALLET_HINT_LENGTH],
            operator_leaf=item.operator_leaf,
            operator_leaf_index=item.operator_leaf_index,
        )


def _is_over(item: opening_pb2.Binding) -> bool:
    return item.state in {opening_pb2.BINDING_STATE_FROZEN, opening_pb2.BINDING_STATE_UNBOUND}
