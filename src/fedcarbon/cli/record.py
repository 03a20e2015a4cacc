"""`fedcarbon record`: single questions to a folder of the record, without reading all of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from cyclopts import App
from rich.console import Console

from fedcarbon.errors import ConfigurationError
from fedcarbon.transparency.checkpoint import TreeHead
from fedcarbon.transparency.leaf import Leaf
from fedcarbon.transparency.merkle import leaf_hash
from fedcarbon.transparency.merkle_proofs import inclusion_proof, verify_inclusion
from fedcarbon.transparency.note import SignedNote
from fedcarbon.transparency.tiles import TILE_WIDTH, Tile, entries_in, node_reader

app = App(name="record", help="Look into a folder of the record.")


class RecordFileError(ConfigurationError):
    """A file of the record's folder is missing, or the leaf is not under its head."""

    code: ClassVar[str] = "RECORD_FILE"


@app.command
def check_inclusion(folder: Path, index: int, *, checkpoint: Path | None = None) -> None:
    """Check that leaf INDEX of FOLDER is in the tree of its newest head, by the tiles alone.

    Signatures are shown, not checked: `fedcarbon audit verify` does that.

    Args:
        folder: the record's folder.
        index: position of the leaf, from 0.
        checkpoint: another signed note; `checkpoint` of the folder by default.
    """
    note = SignedNote.from_bytes(_read(checkpoint or folder / "checkpoint"))
    head = TreeHead.from_text(note.text)
    if not 0 <= index < head.size:
        raise RecordFileError(f"the head covers {head.size} leaves; leaf {index} is not among them")
    leaf = _leaf(folder, index, head.size)
    node = node_reader(head.size, lambda tile: _tile(folder, tile))
    verify_inclusion(
        inclusion_proof(node, index, head.size),
        index=index,
        size=head.size,
        leaf_hash=leaf_hash(leaf),
        root=head.root,
    )
    names = ", ".join(item.name for item in note.signatures if item.name != head.origin)
    Console().print(
        f"leaf {index} ({Leaf.from_bytes(leaf).type.kind}) is {leaf.hex()}\n"
        f"and stands in the tree of {head.size} leaves with root {head.root.hex()}\n"
        f"whose head bears the names of {names}",
        markup=False,
        soft_wrap=True,
    )


def _leaf(folder: Path, index: int, size: int) -> bytes:
    number, offset = divmod(index, TILE_WIDTH)
    width = min(TILE_WIDTH, size - number * TILE_WIDTH)
    leaves = entries_in(_tile(folder, Tile(level=None, index=number, width=width)))
    if offset >= len(leaves):
        raise RecordFileError(f"bundle {number} of the folder does not hold leaf {index}")
    return leaves[offset]


def _tile(folder: Path, tile: Tile) -> bytes:
    """Return a tile; in the place of a partial one the full one may be there by now."""
    path = folder / tile.path
    return _read(path if path.exists() else folder / replace(tile, width=TILE_WIDTH).path)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordFileError(f"cannot read {path.name}: {error.strerror}") from error
