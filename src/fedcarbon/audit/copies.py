"""V05: the copies of the tree in the folder, `checkpoint` and tiles, are made of its leaves."""

from __future__ import annotations

import re
from typing import Final

from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.transparency.merkle import leaf_hash, node_hash
from fedcarbon.transparency.tiles import TILE_LEVELS, TILE_WIDTH, Tile, entry_bundle

_TILE: Final = re.compile(r"tile/(entries|[0-7])/((?:x\d{3}/){0,3}\d{3})(?:\.p/([1-9]\d{0,2}))?")


def check_copies(exam: Examination, size: int) -> None:
    """Compare the copies with the `size` leaves; where the tree is broken that is the finding."""
    checklist, source = exam.checklist, exam.source
    if any(found.check is CheckId.TREE for found in checklist.findings):
        checklist.leave_out(CheckId.TREE)
        return
    heads = [name for name in source.checkpoint_names() if name.isdecimal()]
    newest, copy = max(heads, key=int, default=None), source.newest()
    if copy is not None and (newest is None or copy != source.checkpoint(newest)):
        text = f"it is not the largest stored head, {newest}; the hub must hand over that one"
        checklist.find(CheckId.TREE, "CHECKPOINT_COPY_DIFFERS", "checkpoint", text)
    leaves = [exam.view.leaf_at(index) or b"" for index in range(size)]
    levels = [[leaf_hash(leaf) for leaf in leaves]]
    for _ in range(1, TILE_LEVELS):
        levels.append(_next_level(levels[-1]))
    for path in source.tile_paths():
        data = source.tile(path)
        if data is None or data != _expected(path, leaves, levels):
            text = "it is not made of the leaves in the list; the hub must make it anew"
            checklist.find(CheckId.TREE, "TILE_DIFFERS", path, text)


def _next_level(hashes: list[bytes]) -> list[bytes]:
    """Return the roots over full runs of 256 hashes."""
    hashes = hashes[: len(hashes) // TILE_WIDTH * TILE_WIDTH]
    for _ in range(TILE_LEVELS):
        hashes = [node_hash(hashes[i], hashes[i + 1]) for i in range(0, len(hashes), 2)]
    return hashes


def _expected(path: str, leaves: list[bytes], levels: list[list[bytes]]) -> bytes | None:
    """Return the bytes of the tile of this path, None if the tree has no such tile."""
    found = _TILE.fullmatch(path)
    if found is None:
        return None
    level = None if found[1] == "entries" else int(found[1])
    width = int(found[3] or TILE_WIDTH)
    index = int(re.sub("[x/]", "", found[2]))
    row = leaves if level is None else levels[level]
    cut = row[index * TILE_WIDTH : index * TILE_WIDTH + width]
    if width > TILE_WIDTH or len(cut) != width:
        return None
    is_named = Tile(level=level, index=index, width=width).path == path
    return (entry_bundle(cut) if level is None else b"".join(cut)) if is_named else None
