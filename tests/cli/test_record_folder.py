"""`fedcarbon record check-inclusion`: one leaf, by the tiles of a folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedcarbon.cli.record import RecordFileError, check_inclusion
from fedcarbon.errors import MalformedError
from fedcarbon.transparency.checkpoint import TreeHead
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.transparency.leaf import LeafType, commit
from fedcarbon.transparency.merkle import leaf_hash, root_of
from fedcarbon.transparency.merkle_proofs import InclusionProofInvalidError
from fedcarbon.transparency.tiles import TILE_WIDTH, entry_bundle, hash_tile, tiles_of

KEY = SigningKey(b"h" * 32)
LEAVES = [commit(LeafType.SEAL, bytes(32), bytes([n % 256])).to_bytes() for n in range(300)]


def write_head(folder: Path, name: str, size: int) -> Path:
    """Write the tiles of a tree and its signed head."""

    def node(level: int, index: int) -> bytes:
        return root_of(LEAVES[index << level : (index + 1) << level])

    for tile in tiles_of(size):
        first = tile.index * TILE_WIDTH
        path = folder / tile.path
        path.parent.mkdir(parents=True, exist_ok=True)
        leaves = LEAVES[first : first + tile.width]
        path.write_bytes(entry_bundle(leaves) if tile.level is None else hash_tile(tile, node))
    head = TreeHead(parameter_id=bytes(32), size=size, root=root_of(LEAVES[:size]))
    (folder / name).write_bytes(head.signed(KEY).to_bytes())
    return folder / name


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_head(tmp_path, "checkpoint", 300)
    return tmp_path


@pytest.mark.parametrize("index", [0, 255, 256, 299])
def test_a_leaf_of_the_record_is_found(
    folder: Path, index: int, capsys: pytest.CaptureFixture[str]
) -> None:
    check_inclusion(folder, index)

    assert f"leaf {index} (seal) is {LEAVES[index].hex()}" in capsys.readouterr().out


def test_an_earlier_head_is_read_out_of_tiles_that_were_filled_since(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    early = write_head(tmp_path_factory.mktemp("early"), "early.txt", 200)

    check_inclusion(folder, 7, checkpoint=early)


@pytest.mark.parametrize("index", [-1, 300])
def test_a_leaf_beyond_the_head_is_refused(folder: Path, index: int) -> None:
    with pytest.raises(RecordFileError, match="not among them"):
        check_inclusion(folder, index)


def test_an_altered_leaf_is_found_out(folder: Path) -> None:
    path = folder / "tile/entries/000"
    data = bytearray(path.read_bytes())
    data[7 * 36 + 10] ^= 1
    path.write_bytes(bytes(data))

    with pytest.raises(InclusionProofInvalidError):
        check_inclusion(folder, 7)


def test_an_altered_hash_is_found_out(folder: Path) -> None:
    path = folder / "tile/0/000"
    path.write_bytes(path.read_bytes().replace(leaf_hash(LEAVES[8]), bytes(32)))

    with pytest.raises(InclusionProofInvalidError):
        check_inclusion(folder, 7)


def test_a_missing_tile_is_named(folder: Path) -> None:
    (folder / "tile/1/000.p/1").unlink()

    with pytest.raises(RecordFileError, match="cannot read 000"):
        check_inclusion(folder, 299)


def test_a_folder_without_a_head_says_so(folder: Path) -> None:
    (folder / "checkpoint").write_bytes(b"nothing")

    with pytest.raises(MalformedError):
        check_inclusion(folder, 0)
