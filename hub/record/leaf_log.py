"""The list of leaves and its Merkle tree, grown inside the hub's transactions.

Every leaf is stored with the root of the largest full subtree that it completes: leaf i (from 0)
completes one of 2^k leaves, where 2^k divides i + 1. The full subtrees of a tree of n leaves are
those that end at the prefixes of n's binary digits, so a head of any size is a look-up of at most
log2(n) rows. Nothing has to be kept in memory, updated in place or rebuilt after a crash. A full
subtree that is a right child is not stored by itself: it is made of left children, at most one per
level.

`LeafLog` is all that the rest of the hub knows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol

from sqlmodel import Session
from typing_extensions import override

from fedcarbon.errors import CallerError
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.merkle import Frontier, leaf_hash, node_hash
from fedcarbon.transparency.merkle_proofs import NodeReader
from fedcarbon.units import Seconds
from hub.storage.record_store import RecordStore, StoredLeaf


class BeyondRecordError(CallerError):
    """A leaf or a head is asked for that the record does not have yet."""

    code: ClassVar[str] = "BEYOND_RECORD"


class Head(NamedTuple):
    """Size and root of the record at some moment."""

    size: int
    root: bytes


class NewLeaf(NamedTuple):
    """What is appended."""

    type: LeafType
    leaf: bytes
    """The 34 bytes."""
    salt: bytes
    body_sha256: bytes
    appended_at_s: Seconds


class LeafLog(Protocol):
    """An append-only list of leaves with a head; every call works in the session it is given."""

    def append(self, session: Session, new: Sequence[NewLeaf]) -> list[StoredLeaf]:
        """Add leaves in order and return them with their indices."""
        ...

    def head(self, session: Session, size: int | None = None) -> Head:
        """Return the head over the first `size` leaves, by default over all."""
        ...

    def leaves(self, session: Session, start: int, limit: int) -> list[StoredLeaf]:
        """Return at most `limit` leaves from `start` on, in order."""
        ...

    def nodes(self, session: Session) -> NodeReader:
        """Return what reads full subtrees of the tree."""
        ...


class PlainLeafLog(LeafLog):
    """The list as rows of one table."""

    @override
    def append(self, session: Session, new: Sequence[NewLeaf]) -> list[StoredLeaf]:
        """Add leaves in order and return them with their indices."""
        store = RecordStore(session)
        frontier = _frontier(store, store.size())
        stored = [
            StoredLeaf(
                index=frontier.append(item.leaf),
                type=item.type,
                leaf=item.leaf,
                salt=item.salt,
                body_sha256=item.body_sha256,
                subtree_root=frontier.peaks[-1],
                appended_at_s=item.appended_at_s,
            )
            for item in new
        ]
        store.add_leaves(stored)
        return stored

    @override
    def head(self, session: Session, size: int | None = None) -> Head:
        """Return the head over the first `size` leaves, by default over all.

        Raises:
            BeyondRecordError: the record has fewer leaves.
        """
        store = RecordStore(session)
        present = store.size()
        size = present if size is None else size
        if not 0 <= size <= present:
            raise BeyondRecordError(f"the record has {present} leaves, not {size}")
        return Head(size, _frontier(store, size).root())

    @override
    def leaves(self, session: Session, start: int, limit: int) -> list[StoredLeaf]:
        """Return at most `limit` leaves from `start` on, in order."""
        return RecordStore(session).leaves(start, limit)

    @override
    def nodes(self, session: Session) -> NodeReader:
        """Return what reads full subtrees of the tree."""
        store = RecordStore(session)

        def node(level: int, index: int) -> bytes:
            lefts, last = [], (index + 1 << level) - 1
            while index & 1 and level:
                level, index = level - 1, 2 * index
                lefts.append((index + 1 << level) - 1)
                index += 1
            if index & 1:
                found = leaf_hash(_leaf(store, last))
            else:
                found = store.subtree_roots([last])[last]
            stored = store.subtree_roots(lefts)
            for left in reversed(lefts):
                found = node_hash(stored[left], found)
            return found

        return node


def _frontier(store: RecordStore, size: int) -> Frontier:
    """Return the frontier of the first `size` leaves from their stored subtree roots."""
    last_leaves = [
        (size >> bit << bit) - 1 for bit in reversed(range(size.bit_length())) if size >> bit & 1
    ]
    roots = store.subtree_roots(last_leaves)
    return Frontier(size, [roots[index] for index in last_leaves])


def _leaf(store: RecordStore, index: int) -> bytes:
    stored = store.leaf(index)
    assert stored is not None, "leaves are numbered without a gap"  # noqa: S101
    return stored.leaf
