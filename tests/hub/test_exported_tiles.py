"""The exported tiles: what an auditor reads a head's tree from, whatever a crash has left."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlmodel import Session

from fedcarbon.ids import Role
from fedcarbon.transparency.checkpoint import TreeHead, head_in
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.merkle import root_of
from fedcarbon.transparency.merkle_proofs import subtree_root
from fedcarbon.transparency.tiles import entries_in, node_reader, tiles_of
from tests.hub.conftest import COPIED_SEED
from tests.hub.federation import AUDITOR, Federation, admission, root_signed


def add_leaves(federation: Federation, count: int) -> None:
    """Append admissions that differ in nothing that matters."""
    messages = [
        root_signed(admission(AUDITOR, Role.AUDITOR, object_quota=number))
        for number in range(1, count + 1)
    ]

    def append(session: Session) -> None:
        for message in messages:
            federation.hub.record.append(session, LeafType.PARTY_ADMISSION, message)

    federation.hub.write_now(append)


def witness(federation: Federation) -> TreeHead:
    return head_in(asyncio.run(federation.trustees.witness()).note)


def folder(federation: Federation) -> Path:
    return federation.folder / "record"


def tile_files(federation: Federation) -> dict[str, bytes]:
    files = (folder(federation) / "tile").rglob("*")
    return {
        str(path.relative_to(folder(federation))): path.read_bytes()
        for path in files
        if path.is_file()
    }


def check_tiles(federation: Federation, head: TreeHead) -> None:
    """Check that the folder alone leads to the head."""
    files = tile_files(federation)
    node = node_reader(head.size, lambda tile: files[tile.path])
    assert subtree_root(node, 0, head.size) == head.root
    leaves = [
        leaf
        for tile in tiles_of(head.size)
        if tile.level is None
        for leaf in entries_in(files[tile.path])
    ]
    assert root_of(leaves) == head.root


@pytest.fixture(scope="module")
def long_folder(running_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A record of more than one tile, with heads before and after the first one was full."""
    copied = tmp_path_factory.mktemp("long") / "hub"
    shutil.copytree(running_folder, copied)
    federation = Federation(copied)
    witness(federation)
    add_leaves(federation, 260)
    witness(federation)
    federation.close()
    return copied


@pytest.fixture
def long(long_folder: Path, tmp_path: Path) -> Iterator[tuple[Federation, TreeHead]]:
    """The same, to be changed, and its newest head."""
    shutil.copytree(long_folder, tmp_path / "hub")
    federation = Federation(tmp_path / "hub", seed=COPIED_SEED)
    yield federation, witness(federation)
    federation.close()


def test_tiles_and_bundles_lead_to_the_newest_head(long: tuple[Federation, TreeHead]) -> None:
    federation, head = long

    check_tiles(federation, head)
    newest = (folder(federation) / "checkpoint").read_bytes()
    assert head_in(newest) == head
    assert newest == (folder(federation) / "checkpoints" / f"{head.size}.txt").read_bytes()


def test_partial_tiles_go_when_the_full_one_is_there(long: tuple[Federation, TreeHead]) -> None:
    federation, head = long
    width = head.size - 256

    assert sorted(tile_files(federation)) == [
        "tile/0/000",
        f"tile/0/001.p/{width}",
        "tile/1/000.p/1",
        "tile/entries/000",
        f"tile/entries/001.p/{width}",
    ]


def test_a_larger_partial_tile_stands_beside_the_one_of_an_earlier_head(
    long: tuple[Federation, TreeHead],
) -> None:
    federation, head = long
    federation.admit(root_signed(admission(AUDITOR, Role.AUDITOR, object_quota=9_999)))
    later = witness(federation)

    check_tiles(federation, head)
    check_tiles(federation, later)


def test_leaves_that_nobody_has_witnessed_are_in_no_tile(
    long: tuple[Federation, TreeHead],
) -> None:
    federation, _ = long
    before = tile_files(federation)

    federation.admit(root_signed(admission(AUDITOR, Role.AUDITOR, object_quota=9_999)))

    assert tile_files(federation) == before


def cut_short(record: Path) -> None:
    path = record / "tile" / "0" / "000"
    path.write_bytes(path.read_bytes()[:100])


def stale_partial(record: Path) -> None:
    """Put the partial tile of an earlier head into the place of the full one."""
    path = record / "tile" / "entries" / "000"
    (record / "tile" / "entries" / "000.p").mkdir()
    (record / "tile" / "entries" / "000.p" / "5").write_bytes(path.read_bytes()[: 5 * 36])
    path.write_bytes(path.read_bytes()[: 5 * 36])


def half_written(record: Path) -> None:
    (record / "tile" / "0" / "000").rename(record / "exporting.part")


DAMAGES: dict[str, Callable[[Path], object]] = {
    "no tile was written": lambda record: shutil.rmtree(record / "tile"),
    "the upper level was not written": lambda record: shutil.rmtree(record / "tile" / "1"),
    "a tile was cut short": cut_short,
    "a partial tile lies in the place of the full one": stale_partial,
    "the crash came before the rename": half_written,
    "the newest head was not written": lambda record: (record / "checkpoint").unlink(),
    "an older head is called the newest": lambda record: shutil.copy(
        min((record / "checkpoints").iterdir(), key=lambda path: int(path.stem)),
        record / "checkpoint",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_a_crash_left_is_repaired_at_start(
    long: tuple[Federation, TreeHead], name: str
) -> None:
    federation, head = long
    whole, newest = tile_files(federation), (folder(federation) / "checkpoint").read_bytes()
    federation.hub.close()
    DAMAGES[name](folder(federation))

    federation.restart()

    assert tile_files(federation) == whole
    assert not list(folder(federation).rglob("*.part"))
    assert (folder(federation) / "checkpoint").read_bytes() == newest
    check_tiles(federation, head)
