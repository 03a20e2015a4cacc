"""The record: what is accepted becomes a leaf, and everybody reads what is theirs to read.

A body is the exact bytes of a signed envelope. It is on the disk before its leaf is committed, and
the leaf is committed together with whatever the message changed, so that what a receipt promises is
never lost and nothing half-accepted remains.

Left to others: the tree (`leaf_log`), bytes on disk (`content_store`), the copy for auditors
(`export`), and what may be appended when (the use cases).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from sqlmodel import Session

from fedcarbon.canonical.statement import Statement
from fedcarbon.clock import Clock
from fedcarbon.errors import ConfigurationError
from fedcarbon.ids import PartyId, Role
from fedcarbon.transparency.checkpoint import WitnessedCheckpoint
from fedcarbon.transparency.envelope import Envelope, SigningKey, payload_type_of, sign
from fedcarbon.transparency.leaf import SALT_BYTES, LeafType, commit
from fedcarbon.transparency.merkle_proofs import consistency_proof, inclusion_proof
from fedcarbon.transparency.receipt import MERGE_DELAY_S, Receipt
from fedcarbon.transparency.tiles import Tile
from hub.record.content_store import ContentStore
from hub.record.export import Export
from hub.record.leaf_log import BeyondRecordError, Head, LeafLog, NewLeaf
from hub.record.tile_files import tile_files
from hub.storage.record_store import RecordStore, StoredLeaf
from hub.storage.registry_store import PartyStore


class HubNotAdmittedError(ConfigurationError):
    """Nobody would believe what this hub signs; its operator must have it admitted first."""

    code: ClassVar[str] = "HUB_NOT_ADMITTED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signer:
    """In whose name the hub signs."""

    party_id: PartyId
    key: SigningKey

    def sign(self, statement: Statement) -> bytes:
        """Return the envelope of `statement`."""
        return sign(statement, {self.party_id: self.key}).to_bytes()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedLeaf:
    """A leaf of the record, as the use case that appended it needs it."""

    index: int
    leaf: bytes
    """The 34 bytes."""
    salt: bytes


class Record:
    """Appends, promises and reads; every method works in the session that it is given."""

    def __init__(  # noqa: PLR0913 - its parts, by name
        self,
        *,
        log: LeafLog,
        bodies: ContentStore,
        files: ContentStore,
        export: Export,
        signer: Signer,
        clock: Clock,
        parameter_id: bytes,
        random_bytes: Callable[[int], bytes],
        merge_delay_s: int = MERGE_DELAY_S,
    ) -> None:
        """Take where leaves, bodies and files go, and who signs receipts.

        `merge_delay_s` is the longest time that a receipt gives the hub until a witnessed head
        covers the leaf.
        """
        self.log: Final = log
        self.bodies: Final = bodies
        self.files: Final = files
        self.export: Final = export
        self._signer = signer
        self._clock = clock
        self._parameter_id = parameter_id
        self.random_bytes: Final = random_bytes
        """Fresh bytes for salts."""
        self._merge_delay_s = merge_delay_s

    def append(
        self, session: Session, leaf_type: LeafType, body: bytes, owners: Collection[PartyId] = ()
    ) -> LoggedLeaf:
        """Append a body and return its leaf; a body that is in the record keeps the leaf it has.

        Args:
            session: a writing session.
            leaf_type: what the body is; must be the kind that the body itself names.
            body: the exact bytes of a signed envelope.
            owners: parties that may read it whatever their role.
        """
        (logged,) = self._appended(session, leaf_type, [body], [owners])
        return logged

    def _appended(
        self,
        session: Session,
        leaf_type: LeafType,
        bodies: Sequence[bytes],
        owners: Sequence[Collection[PartyId]],
    ) -> list[LoggedLeaf]:
        """Append bodies that are not in the record yet; return the leaf of each."""
        payload_type = payload_type_of(leaf_type.kind)
        for body in bodies:
            assert Envelope.from_bytes(body).payload_type == payload_type  # noqa: S101 - a pair with every use case's own check
        hashes = self.bodies.put_many(bodies)
        store = RecordStore(session)
        known = store.leaves_of_bodies(hashes)
        assert all(leaf.type is leaf_type for leaf in known.values())  # noqa: S101 - the body names its one type
        new: dict[bytes, NewLeaf] = {}
        owned: dict[bytes, Collection[PartyId]] = {}
        for sha256, body, names in zip(hashes, bodies, owners, strict=True):
            if sha256 not in known and sha256 not in new:
                salt = self.random_bytes(SALT_BYTES)
                new[sha256] = NewLeaf(
                    type=leaf_type,
                    leaf=commit(leaf_type, salt, body).to_bytes(),
                    salt=salt,
                    body_sha256=sha256,
                    appended_at_s=self._clock.now_s(),
                )
                owned[sha256] = names
        for stored in self.log.append(session, list(new.values())):
            known[stored.body_sha256] = stored
            self.export.note(session, stored)
        store.add_owners({known[sha256].index: names for sha256, names in owned.items()})
        return [_logged(known[sha256]) for sha256 in hashes]

    def append_own(
        self, session: Session, statement: Statement, owners: Collection[PartyId] = ()
    ) -> LoggedLeaf:
        """Append a statement of the hub's own, signed by it.

        Raises:
            HubNotAdmittedError: see `require_admitted`.
        """
        self.require_admitted(session)
        leaf_type = LeafType[statement.KIND.upper()]
        return self.append(session, leaf_type, self._signer.sign(statement), owners)

    def require_admitted(self, session: Session) -> None:
        """Check that the record admits this hub with the key that it signs with.

        A leaf under any other key would stop every trustee at it for ever.

        Raises:
            HubNotAdmittedError: it does not.
        """
        own = PartyStore(session).find(self._signer.party_id)
        if own is None or (own.role, own.signing_key) != (Role.HUB, self._signer.key.public):
            raise HubNotAdmittedError(
                f"hub {self._signer.party_id} is not admitted with its own key"
            )

    def receipt(self, session: Session, logged: LoggedLeaf, message_sha256: bytes) -> bytes:
        """Return the signed promise that a message lies at `logged`; always the same bytes.

        Args:
            session: a writing session, unless the receipt was given before.
            logged: where the message went.
            message_sha256: of what the party sent: an envelope, or a claim list's file.
        """
        (envelope,) = self._receipts(session, [(logged, message_sha256)])
        return envelope

    def _receipts(
        self, session: Session, accepted: Sequence[tuple[LoggedLeaf, bytes]]
    ) -> list[bytes]:
        """Return the receipts of leaves with the hashes of their messages, new or as given."""
        store, now_s = RecordStore(session), self._clock.now_s()
        given = store.receipts([logged.index for logged, _ in accepted])
        new: dict[int, bytes] = {}
        for logged, message_sha256 in accepted:
            if logged.index not in given and logged.index not in new:
                new[logged.index] = self._signer.sign(
                    Receipt(
                        parameter_id=self._parameter_id,
                        message_sha256=message_sha256,
                        leaf_index=logged.index,
                        leaf=logged.leaf,
                        salt=logged.salt,
                        accepted_at_s=now_s,
                        merge_by_s=now_s + self._merge_delay_s,
                    )
                )
        store.add_receipts(new)
        receipts = given | new
        return [receipts[logged.index] for logged, _ in accepted]

    def accept(
        self, session: Session, leaf_type: LeafType, message: bytes, owners: Collection[PartyId]
    ) -> tuple[LoggedLeaf, bytes]:
        """Append a party's message and return its leaf and receipt."""
        (accepted,) = self.accept_many(session, leaf_type, [(message, owners)])
        return accepted

    def accept_many(
        self,
        session: Session,
        leaf_type: LeafType,
        messages: Sequence[tuple[bytes, Collection[PartyId]]],
    ) -> list[tuple[LoggedLeaf, bytes]]:
        """Append parties' messages, each with its owners; return leaves and receipts in order."""
        bodies = [message for message, _ in messages]
        logged = self._appended(session, leaf_type, bodies, [owners for _, owners in messages])
        hashes = [hashlib.sha256(body).digest() for body in bodies]
        receipts = self._receipts(session, list(zip(logged, hashes, strict=True)))
        return list(zip(logged, receipts, strict=True))

    def receipt_of_message(
        self, session: Session, leaf_type: LeafType, message: bytes
    ) -> bytes | None:
        """Return the receipt that this very message got, if it is in the record as `leaf_type`."""
        store = RecordStore(session)
        known = store.leaf_of_body(hashlib.sha256(message).digest())
        if known is None or known.type is not leaf_type:
            return None
        return store.receipt(known.index)

    def name_file(
        self,
        session: Session,
        leaf_type: LeafType,
        sha256: bytes,
        owners: Iterable[PartyId] = (),
        *,
        holds_tokens: bool = False,
    ) -> None:
        """Let a kept file be read by its owners and by whom `may_read_file` allows.

        Args:
            session: a writing session.
            leaf_type: of the leaf whose body names the file.
            sha256: of the file.
            owners: parties that may read it whatever their role.
            holds_tokens: whether claim tokens stand in it.
        """
        RecordStore(session).add_file(sha256, leaf_type, owners, holds_tokens=holds_tokens)

    def head(self, session: Session, size: int | None = None) -> Head:
        """Return the head over the first `size` leaves, by default over all."""
        return self.log.head(session, size)

    def leaf(self, session: Session, index: int) -> StoredLeaf:
        """Return the leaf at `index`, which exists."""
        (stored,) = self.log.leaves(session, index, 1)
        return stored

    def body(self, session: Session, index: int) -> bytes:
        """Return the body of the leaf at `index`, which exists."""
        return self.bodies.get(self.leaf(session, index).body_sha256)

    def bodies_of_type(
        self, session: Session, leaf_type: LeafType, start: int = 0
    ) -> list[tuple[int, bytes]]:
        """Return index and body of every leaf of a type from index `start` on."""
        stored = RecordStore(session).leaves_of_type(leaf_type, start)
        return [(leaf.index, self.bodies.get(leaf.body_sha256)) for leaf in stored]

    def keep_checkpoint(self, session: Session, head: WitnessedCheckpoint) -> None:
        """Keep a witnessed head; one of the same size that is there already stays."""
        store = RecordStore(session)
        newest = store.latest_checkpoint()
        since = 0 if newest is None else min(newest.size, head.size)
        store.add_checkpoint(head)
        tiles = tile_files(self.log, session, head.size, since=since)
        self._export_checkpoint(session, head.size, tiles)

    def keep_partner_cosignature(
        self, session: Session, size: int, partner_id: PartyId, line: bytes
    ) -> None:
        """Add a partner's verified signature line to the note of the head of `size` leaves."""
        RecordStore(session).add_partner_cosignature(size, partner_id, line)
        self._export_checkpoint(session, size)

    def latest_checkpoint(self, session: Session) -> WitnessedCheckpoint | None:
        """Return the largest witnessed head, if there is one."""
        return RecordStore(session).latest_checkpoint()

    def latest_partner_checkpoint(self, session: Session) -> WitnessedCheckpoint | None:
        """Return the largest witnessed head that a partner has signed too, if there is one."""
        return RecordStore(session).latest_partner_checkpoint()

    def inclusion_proof(self, session: Session, index: int, size: int) -> list[bytes]:
        """Return the proof that leaf `index` stands in the tree of `size` leaves.

        Raises:
            BeyondRecordError: the record has fewer leaves, or the tree has no such leaf.
        """
        self.log.head(session, size)
        if index >= size:
            raise BeyondRecordError(f"a tree of {size} leaves has no leaf {index}")
        return inclusion_proof(self.log.nodes(session), index, size)

    def consistency_proof(self, session: Session, first: int, second: int) -> list[bytes]:
        """Return the proof that the tree of `second` leaves begins with that of `first`.

        Raises:
            BeyondRecordError: the record has fewer leaves, or `first` is 0 or above `second`.
        """
        self.log.head(session, second)
        if not 1 <= first <= second:
            raise BeyondRecordError(f"a tree of {second} leaves begins with none of {first}")
        return consistency_proof(self.log.nodes(session), first, second)

    def _export_checkpoint(
        self, session: Session, size: int, tiles: Iterable[tuple[Tile, bytes]] = ()
    ) -> None:
        store = RecordStore(session)
        head, newest = store.checkpoint(size), store.latest_checkpoint()
        assert head is not None  # noqa: S101 - it was kept before
        assert newest is not None  # noqa: S101 - likewise
        self.export.note_checkpoint(session, head, tiles, newest=head.size == newest.size)


def _logged(stored: StoredLeaf) -> LoggedLeaf:
    return LoggedLeaf(index=stored.index, leaf=stored.leaf, salt=stored.salt)
