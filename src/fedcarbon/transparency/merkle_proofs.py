"""Inclusion and consistency proofs of the Merkle tree (RFC 6962 section 2.1, RFC 9162 section 2.1).

Whoever makes a proof hands in a `NodeReader`: a proof over n leaves reads O(log(n)^2) full subtrees
at most, wherever they are kept. Whoever verifies one needs nothing but heads and hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.errors import PeerError
from fedcarbon.transparency.merkle import node_hash

NodeReader = Callable[[int, int], bytes]
"""Returns the root over leaves [index * 2^level, (index + 1) * 2^level), all of which exist."""


class InclusionProofInvalidError(PeerError):
    """The hashes do not lead from the leaf to the root; ask for the proof again, elsewhere."""

    code: ClassVar[str] = "INCLUSION_PROOF_INVALID"


class ConsistencyProofInvalidError(PeerError):
    """The hashes do not show that one tree begins with the other; keep both heads."""

    code: ClassVar[str] = "CONSISTENCY_PROOF_INVALID"


def subtree_root(node: NodeReader, start: int, end: int) -> bytes:
    """Return the root over leaves [start, end) of a larger tree: MTH(D[start:end]) of the RFC.

    Args:
        node: reads full subtrees.
        start: a multiple of the smallest power of two that is at least `end - start`.
        end: above `start`.
    """
    size = end - start
    level = size.bit_length() - 1
    if size == 1 << level:
        return node(level, start >> level)
    middle = start + _split(size)
    return node_hash(subtree_root(node, start, middle), subtree_root(node, middle, end))


def inclusion_proof(node: NodeReader, index: int, size: int) -> list[bytes]:
    """Return PATH(index, D[size]), from the leaf upwards; `index` is below `size`."""
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(subtree_root(node, middle, end))
            end = middle
        else:
            path.append(subtree_root(node, start, middle))
            start = middle
    return path[::-1]


def consistency_proof(node: NodeReader, first: int, second: int) -> list[bytes]:
    """Return PROOF(first, D[second]), from the leaves upwards; 1 <= `first` <= `second`."""
    path: list[bytes] = []
    start, end = 0, second
    while first != end:
        middle = start + _split(end - start)
        if first <= middle:
            path.append(subtree_root(node, middle, end))
            end = middle
        else:
            path.append(subtree_root(node, start, middle))
            start = middle
    if start:  # the first tree is not one whole subtree, so the verifier needs this part of it
        path.append(subtree_root(node, start, end))
    return path[::-1]


def verify_inclusion(
    hashes: Sequence[bytes], *, index: int, size: int, leaf_hash: bytes, root: bytes
) -> None:
    """Check that the leaf with `leaf_hash` stands at `index` in the tree of `size` and `root`.

    Raises:
        InclusionProofInvalidError: it is not shown to.
    """
    if not 0 <= index < size or not _are_hashes(leaf_hash, root, *hashes):
        raise InclusionProofInvalidError(f"no proof of leaf {index} of {size}")
    position, last, found = index, size - 1, leaf_hash
    for item in hashes:
        if last == 0:
            raise InclusionProofInvalidError(f"the proof of leaf {index} of {size} is too long")
        if position & 1 or position == last:
            found = node_hash(item, found)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, item)
        position, last = position >> 1, last >> 1
    if last != 0 or found != root:
        raise InclusionProofInvalidError(
            f"the proof of leaf {index} does not lead to the root of {size} leaves"
        )


def verify_consistency(
    hashes: Sequence[bytes], *, first: int, second: int, first_root: bytes, second_root: bytes
) -> None:
    """Check that the tree of size `second` begins with the whole tree of size `first`.

    Raises:
        ConsistencyProofInvalidError: it is not shown to; `first` is 0 or above `second`.
    """
    failed = ConsistencyProofInvalidError(
        f"the tree of {second} leaves is not shown to begin with that of {first}"
    )
    if 1 <= first == second and not hashes and first_root == second_root:
        return
    if not 1 <= first < second or not _are_hashes(first_root, second_root, *hashes):
        raise failed
    # A first tree of a power of two is a subtree of the second, and its root is known already.
    path = [first_root, *hashes] if first & (first - 1) == 0 else list(hashes)
    if not path:
        raise failed
    position, last = first - 1, second - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    first_found = second_found = path[0]
    for item in path[1:]:
        if last == 0:
            raise failed
        if position & 1 or position == last:
            first_found, second_found = node_hash(item, first_found), node_hash(item, second_found)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            second_found = node_hash(second_found, item)
        position, last = position >> 1, last >> 1
    if last != 0 or (first_found, second_found) != (first_root, second_root):
        raise failed


def _are_hashes(*items: bytes) -> bool:
    return all(len(item) == DIGEST_BYTES for item in items)


def _split(size: int) -> int:
    """Return the largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)
