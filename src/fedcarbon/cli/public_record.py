"""What a client checks of the record before it believes anything: the public leaves.

Parties and programmes are judged by the rules that trustees follow, in the order of the record.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.disclosure.release import RecordEntry
from fedcarbon.errors import FedcarbonError, PeerError, StateError
from fedcarbon.ids import PartyId, ProgrammeId, Role
from fedcarbon.opening.logged import LoggedBody
from fedcarbon.opening.parties import PartyBook
from fedcarbon.parameters.parameter_set import ParameterSet
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.registry.admission import PartyAdmission
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.checkpoint import QuorumMissingError, WitnessedCheckpoint, require_head
from fedcarbon.transparency.envelope import open_signed
from fedcarbon.transparency.leaf import PUBLIC_TYPES, Leaf, LeafType, commit
from fedcarbon.transparency.merkle import Frontier
from fedcarbon.transparency.receipt import Receipt
from fedcarbon.v1 import record_pb2
from fedcarbon.wire.hub_client import HubClient

LEAVES_PER_CALL: Final = 1_000
PUBLISHED: Final = frozenset({
    LeafType.PARTY_ADMISSION, LeafType.PROGRAMME, LeafType.TABLE_SHELL, LeafType.TABLE_RELEASE,
})  # fmt: skip
"""Whose bodies are kept: what a released table is believed by."""


class RecordUnreadableError(PeerError):
    """The hub's leaves have a gap, or a public body is missing or false; keep the answer."""

    code: ClassVar[str] = "RECORD_UNREADABLE"


class RecordNotReadyError(StateError):
    """The record does not hold yet what is needed, or no quorum has signed it; try again later."""

    code: ClassVar[str] = "RECORD_NOT_READY"


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRecord:
    """The verified public part of a record; build it with `read_public_record`."""

    book: PartyBook
    """Parameters, parties and programmes."""
    leaves: tuple[bytes, ...]
    """Every leaf, 34 bytes each."""
    published: Mapping[int, RecordEntry]
    """By index: admissions, programmes, and shells and releases of tables."""
    note: bytes | None
    """The newest head when the leaves were asked for, which is judged by `head`; None if none."""

    @property
    def parameters(self) -> ParameterSet:
        """The parameter set that the roots name."""
        return self.book.parameters

    @property
    def parties(self) -> Mapping[PartyId, PartyAdmission]:
        """The last admission of every party."""
        return self.book.admissions

    def programme(self, programme_id: ProgrammeId) -> Programme:
        """Return a programme, or raise `RecordNotReadyError`."""
        found = self.book.programmes.get(programme_id)
        if found is None:
            raise RecordNotReadyError(f"programme {programme_id!r} is not in the record yet")
        return found

    def head(self) -> WitnessedCheckpoint:
        """Return the newest witnessed head, checked against the leaves.

        Raises:
            RecordNotReadyError: no quorum of all trustees has signed a head yet.
            RecordUnreadableError: the hub keeps leaves back that stand under its head.
            ForkedRecordError: it is not over these leaves.
        """
        if self.note is None:
            raise RecordNotReadyError("no quorum of trustees has signed the record yet")
        try:
            head = self.book.witnessed(self.note)
        except QuorumMissingError as error:
            raise RecordNotReadyError(str(error)) from error
        if head.size > len(self.leaves):
            raise RecordUnreadableError(
                f"the hub has a head over {head.size} leaves and gives {len(self.leaves)}"
            )
        frontier = Frontier()
        for leaf in self.leaves[: head.size]:
            frontier.append(leaf)
        require_head(frontier, head.size, head.root)
        return head

    def check_receipt(self, data: bytes, leaf_type: LeafType, envelope: bytes) -> None:
        """Check that a receipt is a hub's promise of exactly this message under this type.

        A type that trustees do not read would hide the message from them.

        Raises:
            SignatureInvalidError, MalformedError: no admitted hub has signed a receipt.
            RecordUnreadableError: it promises something else.
        """
        hubs = [party.party_id for party in self.parties.values() if party.role is Role.HUB]
        receipt = open_signed(Receipt, data, self.book.keyring, signers=hubs)
        self.book.require_parameters(receipt)
        promised = commit(leaf_type, receipt.salt, envelope).to_bytes()
        if (receipt.message_sha256, receipt.leaf) != (hashlib.sha256(envelope).digest(), promised):
            raise RecordUnreadableError(f"the hub's receipt for a {leaf_type.kind} is for another")


def read_public_record(hub: HubClient, roots: TrustRoots) -> PublicRecord:
    """Read every leaf and verify the public bodies.

    Raises:
        RecordUnreadableError: a gap, or a public body that is missing or breaks a rule.
        RecordNotReadyError: the record is empty yet.
    """
    # First, so that the leaves reach it: a record that grows meanwhile is only longer.
    newest = hub.get_checkpoint(record_pb2.GetCheckpointRequest())
    book = PartyBook(roots)
    leaves: list[bytes] = []
    published: dict[int, RecordEntry] = {}
    while True:
        answer = hub.list_leaves(
            record_pb2.ListLeavesRequest(from_index=len(leaves), limit=LEAVES_PER_CALL)
        )
        for item in answer.leaves:
            if item.index != len(leaves):
                raise RecordUnreadableError(f"leaf {len(leaves)} is missing")
            try:
                _take(book, item)
            except FedcarbonError as error:
                raise RecordUnreadableError(f"leaf {item.index}: {error}") from error
            leaves.append(item.leaf)
            if Leaf.from_bytes(item.leaf).type in PUBLISHED:
                published[item.index] = RecordEntry(
                    index=item.index, salt=item.salt, body=item.body
                )
        if len(leaves) >= answer.size:
            break
        if not answer.leaves:
            raise RecordUnreadableError(f"the hub claims {answer.size} leaves, gives {len(leaves)}")
    if len(leaves) < len(_BEGINNING):
        raise RecordNotReadyError("the record has no parameters and self-test yet")
    return PublicRecord(
        book=book,
        leaves=tuple(leaves),
        published=published,
        note=newest.checkpoint.note if newest.HasField("checkpoint") else None,
    )


def _take(book: PartyBook, item: record_pb2.RecordLeaf) -> None:
    leaf = Leaf.from_bytes(item.leaf)
    if item.index < len(_BEGINNING) and leaf.type is not _BEGINNING[item.index]:
        raise RecordUnreadableError("the record must begin with its parameter set and self-test")
    if leaf.type not in PUBLIC_TYPES:
        return
    if commit(leaf.type, item.salt, item.body) != leaf:
        raise RecordUnreadableError("the body is not its own")
    fold = _FOLDS.get(leaf.type)
    if fold is not None:
        fold(book, LoggedBody(index=item.index, leaf=item.leaf, body=item.body))


_BEGINNING: Final = (LeafType.PARAMETERS, LeafType.SELF_TEST)

_FOLDS: Final[Mapping[LeafType, Callable[[PartyBook, LoggedBody], None]]] = {
    LeafType.PARAMETERS: PartyBook.fold_parameters,
    LeafType.SELF_TEST: PartyBook.fold_self_test,
    LeafType.PARTY_ADMISSION: PartyBook.fold_admission,
    LeafType.PROGRAMME: PartyBook.fold_programme,
}
