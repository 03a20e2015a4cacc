"""Tiles: the tree as plain files of 256 hashes (C2SP tlog-tiles).

A hash tile at level L holds roots over 256^L leaves each, in order; an entry bundle holds the
leaves themselves. The rightmost tile of a level is partial until it is full: it then has a file
name of its own, so that no partial tile is ever taken for the full one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.errors import MalformedError
from fedcarbon.transparency.leaf import LEAF_BYTES
from fedcarbon.transparency.merkle import node_hash
from fedcarbon.transparency.merkle_proofs import NodeReader

TILE_LEVELS: Final = 8
"""Levels of the tree between two levels of tiles."""
TILE_WIDTH: Final = 1 << TILE_LEVELS
_LENGTH_BYTES: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """The coordinates of a hash tile, or of an entry bundle."""

    level: int | None
    """L; None for an entry bundle."""
    index: int
    """N, from 0."""
    width: int = TILE_WIDTH
    """W: how many hashes or leaves it holds, from 1."""

    def __post_init__(self) -> None:
        """Refuse an empty tile and one that is wider than 256."""
        if not 1 <= self.width <= TILE_WIDTH or self.index < 0 or (self.level or 0) < 0:
            raise MalformedError(f"there is no tile {self.index} of width {self.width}")

    @property
    def is_full(self) -> bool:
        """Whether nothing will ever be added to it."""
        return self.width == TILE_WIDTH

    @property
    def path(self) -> str:
        """Where it lies below the folder of the record, for example `tile/0/x001/234.p/7`."""
        level = "entries" if self.level is None else str(self.level)
        thousands = f"{self.index:,}".split(",")
        digits = [f"x{part:0>3}" for part in thousands[:-1]] + [f"{thousands[-1]:0>3}"]
        return f"tile/{level}/{'/'.join(digits)}" + ("" if self.is_full else f".p/{self.width}")


def tiles_of(size: int, *, since: int = 0) -> Iterator[Tile]:
    """Return the tiles of the tree of `size` leaves that the tree of `since` leaves has not."""
    yield from _tiles_of_level(None, size, since)
    level = 0
    while size >> TILE_LEVELS * level:
        shift = TILE_LEVELS * level
        yield from _tiles_of_level(level, size >> shift, since >> shift)
        level += 1


def hash_tile(tile: Tile, node: NodeReader) -> bytes:
    """Return the bytes of a hash tile: `tile.width` hashes of 32 bytes.

    Args:
        tile: not an entry bundle.
        node: reads full subtrees.
    """
    assert tile.level is not None
    first = tile.index * TILE_WIDTH
    return b"".join(node(TILE_LEVELS * tile.level, first + i) for i in range(tile.width))


def entry_bundle(leaves: Iterable[bytes]) -> bytes:
    """Return the bytes of an entry bundle: every leaf behind its length, 2 bytes big-endian."""
    return b"".join(len(leaf).to_bytes(_LENGTH_BYTES, "big") + leaf for leaf in leaves)


def entries_in(bundle: bytes) -> list[bytes]:
    """Return the leaves in an entry bundle, 34 bytes each.

    Raises:
        MalformedError: it is no bundle of whole leaves, or one of more than 256.
    """
    step = _LENGTH_BYTES + LEAF_BYTES
    leaves = [bundle[at + _LENGTH_BYTES : at + step] for at in range(0, len(bundle), step)]
    if not 1 <= len(leaves) <= TILE_WIDTH or entry_bundle(leaves) != bundle:
        raise MalformedError("not an entry bundle")
    if any(len(leaf) != LEAF_BYTES for leaf in leaves):
        raise MalformedError(f"a leaf has {LEAF_BYTES} bytes")
    return leaves


def node_reader(size: int, read: Callable[[Tile], bytes]) -> NodeReader:
    """Return what reads full subtrees of the tree of `size` leaves out of its tiles.

    Args:
        size: of the tree; the tiles are those of exactly this size.
        read: returns the bytes of a hash tile. A reader of a folder may find a wider tile in the
            place of a partial one that was since filled: its first hashes are the same.
    """

    def node(level: int, index: int) -> bytes:
        tile_level, inner = divmod(level, TILE_LEVELS)
        first = index << inner
        number, offset = divmod(first, TILE_WIDTH)
        present = (size >> TILE_LEVELS * tile_level) - number * TILE_WIDTH
        tile = Tile(level=tile_level, index=number, width=min(present, TILE_WIDTH))
        data = read(tile)
        if len(data) < tile.width * DIGEST_BYTES or len(data) % DIGEST_BYTES:
            raise MalformedError(f"{tile.path} does not hold {tile.width} hashes")
        hashes = [
            data[at * DIGEST_BYTES : (at + 1) * DIGEST_BYTES]
            for at in range(offset, offset + (1 << inner))
        ]
        while len(hashes) > 1:
            pairs = zip(hashes[::2], hashes[1::2], strict=True)
            hashes = [node_hash(left, right) for left, right in pairs]
        return hashes[0]

    return node


def _tiles_of_level(level: int | None, present: int, known: int) -> Iterator[Tile]:
    """Return the tiles over `present` hashes, without those that `known` of them already filled."""
    if present == known:
        return
    for index in range(known // TILE_WIDTH, -(-present // TILE_WIDTH)):
        width = min(TILE_WIDTH, present - index * TILE_WIDTH)
        yield Tile(level=level, index=index, width=width)
