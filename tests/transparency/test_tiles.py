"""Tiles: where they lie, what they hold, and that the tree can be read out of them again."""

from __future__ import annotations

import pytest

from fedcarbon.errors import MalformedError
from fedcarbon.transparency.leaf import LEAF_BYTES
from fedcarbon.transparency.merkle import leaf_hash, root_of
from fedcarbon.transparency.merkle_proofs import subtree_root
from fedcarbon.transparency.tiles import (
    Tile,
    entries_in,
    entry_bundle,
    hash_tile,
    node_reader,
    tiles_of,
)


def leaf(number: int) -> bytes:
    return number.to_bytes(LEAF_BYTES, "big")


PATHS = {
    "tile/0/000": Tile(level=0, index=0),
    "tile/1/067.p/3": Tile(level=1, index=67, width=3),
    "tile/0/x001/x234/067": Tile(level=0, index=1_234_067),
    "tile/2/x001/000.p/255": Tile(level=2, index=1_000, width=255),
    "tile/entries/x001/234.p/7": Tile(level=None, index=1_234, width=7),
}


@pytest.mark.parametrize("path", PATHS)
def test_a_tile_lies_where_the_format_says(path: str) -> None:
    assert PATHS[path].path == path


@pytest.mark.parametrize("width", [0, 257])
def test_there_is_no_empty_tile_and_none_wider_than_256(width: int) -> None:
    with pytest.raises(MalformedError):
        Tile(level=0, index=0, width=width)


def shape(size: int, since: int = 0) -> dict[tuple[str, int], list[int]]:
    """Return (level, width) to the indices of the tiles of a tree."""
    found: dict[tuple[str, int], list[int]] = {}
    for tile in tiles_of(size, since=since):
        level = "entries" if tile.level is None else str(tile.level)
        found.setdefault((level, tile.width), []).append(tile.index)
    return found


def test_the_tiles_of_the_example_in_the_format() -> None:
    """273 full and one partial of width 112; one full and one of width 17; one of width 1."""
    full = list(range(273))

    assert shape(70_000) == {
        ("entries", 256): full,
        ("entries", 112): [273],
        ("0", 256): full,
        ("0", 112): [273],
        ("1", 256): [0],
        ("1", 17): [1],
        ("2", 1): [0],
    }


def test_a_full_tile_brings_a_partial_one_above_it() -> None:
    assert shape(256) == {("entries", 256): [0], ("0", 256): [0], ("1", 1): [0]}


def test_only_what_a_smaller_tree_lacks_is_made_again() -> None:
    assert shape(515, since=514) == {("entries", 3): [2], ("0", 3): [2]}
    assert shape(513, since=510) == {
        ("entries", 256): [1],
        ("entries", 1): [2],
        ("0", 256): [1],
        ("0", 1): [2],
        ("1", 2): [0],
    }
    assert shape(7, since=7) == {}
    assert shape(0) == {}


SIZES = [1, 2, 255, 256, 257, 511, 512, 700]


def tree(size: int) -> dict[str, bytes]:
    """Return path to content of the hash tiles of a tree, made from one another."""
    files: dict[str, bytes] = {}

    def node(level: int, index: int) -> bytes:
        return root_of(leaf(number) for number in range(index << level, (index + 1) << level))

    for tile in tiles_of(size):
        if tile.level is not None:
            files[tile.path] = hash_tile(tile, node)
    return files


@pytest.mark.parametrize("size", SIZES)
def test_the_root_of_the_tree_can_be_read_out_of_its_tiles(size: int) -> None:
    files = tree(size)

    node = node_reader(size, lambda tile: files[tile.path])

    assert subtree_root(node, 0, size) == root_of(leaf(number) for number in range(size))
    assert node(0, size - 1) == leaf_hash(leaf(size - 1))


def test_a_tile_that_was_filled_since_serves_as_the_partial_one() -> None:
    files = tree(256)

    node = node_reader(200, lambda tile: files[f"tile/{tile.level}/000"])

    assert subtree_root(node, 0, 200) == root_of(leaf(number) for number in range(200))


def test_a_tile_that_is_too_short_is_refused() -> None:
    node = node_reader(3, lambda _: bytes(64))

    with pytest.raises(MalformedError):
        node(0, 0)


def test_an_entry_bundle_gives_its_leaves_back() -> None:
    leaves = [leaf(number) for number in range(200)]

    bundle = entry_bundle(leaves)

    assert bundle[:2] == b"\x00\x22"
    assert len(bundle) == 200 * 36
    assert entries_in(bundle) == leaves


WRONG_BUNDLES = {
    "nothing": b"",
    "257 leaves": entry_bundle([leaf(1)] * 257),
    "half a leaf": entry_bundle([leaf(1)])[:-3],
    "another length": b"\x00\x21" + leaf(1),
    "a longer leaf": entry_bundle([leaf(1) + b"x"]),
}


@pytest.mark.parametrize("name", WRONG_BUNDLES)
def test_bytes_that_are_no_entry_bundle_are_refused(name: str) -> None:
    with pytest.raises(MalformedError):
        entries_in(WRONG_BUNDLES[name])
