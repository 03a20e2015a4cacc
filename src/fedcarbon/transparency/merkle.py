"""The Merkle tree of RFC 6962: hashing, roots, and a frontier that grows by one leaf at a time.

Inclusion and consistency proofs are in `fedcarbon.transparency.merkle_proofs`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

EMPTY_ROOT = hashlib.sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962 section 2.1)."""


def leaf_hash(data: bytes) -> bytes:
    """Return SHA-256(0x00 | data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 | left | right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(slots=True)
class Frontier:
    """The roots of the full subtrees of a growing tree: all that appending needs."""

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)
    """Hashes of the full subtrees, largest first; one per set bit of `size`."""

    def append(self, data: bytes) -> int:
        """Add one leaf and return its index."""
        index = self.size
        current = leaf_hash(data)
        remaining = index
        while remaining & 1:
            current = node_hash(self.peaks.pop(), current)
            remaining >>= 1
        self.peaks.append(current)
        self.size += 1
        return index

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        if not self.peaks:
            return EMPTY_ROOT
        current = self.peaks[-1]
        for peak in reversed(self.peaks[:-1]):
            current = node_hash(peak, current)
        return current

    def copy(self) -> Frontier:
        """Return an independent copy."""
        return Frontier(self.size, list(self.peaks))


def root_of(leaves: Iterable[bytes]) -> bytes:
    """Return the root over `leaves` (the data, not its hashes)."""
    frontier = Frontier()
    for data in leaves:
        frontier.append(data)
    return frontier.root()


def root_of_hashes(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaves, or over full subtrees of one size, whose hashes are given.

    Only the last subtree may hold fewer leaves than the others, whose number is a power of two.
    """
    level = list(hashes)
    while len(level) > 1:
        above = [node_hash(*pair) for pair in zip(level[::2], level[1::2], strict=False)]
        level = above + level[len(above) * 2 :]
    return level[0] if level else EMPTY_ROOT
