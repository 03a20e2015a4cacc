"""The tiles of the record, made from the database."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session

from fedcarbon.transparency.merkle import leaf_hash
from fedcarbon.transparency.tiles import TILE_WIDTH, Tile, entry_bundle, hash_tile, tiles_of
from hub.record.leaf_log import LeafLog


def tile_files(
    log: LeafLog, session: Session, size: int, *, since: int = 0
) -> Iterator[tuple[Tile, bytes]]:
    """Return the tiles of the tree of `size` leaves that the tree of `since` leaves has not.

    Args:
        log: the leaves; it has at least `size`.
        session: any session.
        size: of the tree.
        since: of a tree whose tiles are there already.
    """
    node = log.nodes(session)
    for tile in tiles_of(size, since=since):
        if tile.level:
            yield tile, hash_tile(tile, node)
            continue
        page = log.leaves(session, tile.index * TILE_WIDTH, tile.width)
        leaves = [stored.leaf for stored in page]
        # Leaf hashes are read from the leaves: 256 look-ups of one row each would be slower.
        data = entry_bundle(leaves) if tile.level is None else b"".join(map(leaf_hash, leaves))
        yield tile, data
