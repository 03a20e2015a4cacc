"""What is done to the list of leaves and to the files of a record."""

from __future__ import annotations

import hashlib
from pathlib import Path

from fedcarbon.registry.evaluation import EvaluationRequest
from fedcarbon.submission.header import ChunkHeader
from tests.audit.kit import LAST_DAY, Kit


def harmless_leaves(kit: Kit) -> list[int]:
    """Return leaves that no other one rests on: requests for evaluations."""
    return [index for index, _ in kit.of(EvaluationRequest)]


def harmless_leaf(kit: Kit) -> int:
    return harmless_leaves(kit)[0]


def leaf_altered(kit: Kit) -> None:
    lines, at = kit.lines, harmless_leaf(kit)
    words = lines[at].split(" ")
    words[1] = words[1][:-1] + ("0" if words[1][-1] != "0" else "1")
    kit.write_lines([*lines[:at], " ".join(words), *lines[at + 1 :]])


def leaf_removed(kit: Kit) -> None:
    lines, at = kit.lines, harmless_leaf(kit)
    kit.write_lines(lines[:at] + lines[at + 1 :])


def leaf_doubled(kit: Kit) -> None:
    lines, at = kit.lines, harmless_leaf(kit)
    kit.write_lines([*lines[: at + 1], *lines[at:]])


def lines_reordered(kit: Kit) -> None:
    lines, at = kit.lines, harmless_leaf(kit)
    kit.write_lines([*lines[:at], lines[at + 1], lines[at], *lines[at + 2 :]])


def leaves_swapped(kit: Kit) -> None:
    """Two leaves change places and take each other's number."""
    lines = kit.lines
    first, second = harmless_leaves(kit)[:2]
    rest = [line.split(" ", 1)[1] for line in lines]
    lines[first], lines[second] = f"{first} {rest[second]}", f"{second} {rest[first]}"
    kit.write_lines(lines)


def end_cut_off(kit: Kit) -> None:
    kit.write_lines(kit.lines[:-2])  # the last ledger day as a whole


def line_garbled(kit: Kit) -> None:
    kit.write_lines([*kit.lines, "and so on"])


def body_altered(kit: Kit) -> None:
    path = _body_of(kit, harmless_leaf(kit))
    path.write_bytes(path.read_bytes().replace(b"A", b"B"))


def body_renamed(kit: Kit) -> None:
    """The body is another one, and the list of leaves names it by its right hash."""
    at, lines = harmless_leaf(kit), kit.lines
    data = _body_of(kit, at).read_bytes().replace(b"A", b"B")
    name = hashlib.sha256(data).hexdigest()
    (kit.folder / "bodies" / f"{name}.json").write_bytes(data)
    lines[at] = " ".join([*lines[at].split(" ")[:3], name])
    kit.write_lines(lines)


def body_removed(kit: Kit) -> None:
    _body_of(kit, harmless_leaf(kit)).unlink()


def file_removed(kit: Kit) -> None:
    _, header = kit.of(ChunkHeader, epoch=LAST_DAY)[0]
    kit.file(header.file_sha256).unlink()


def chunk_byte_flipped(kit: Kit) -> None:
    _, header = kit.of(ChunkHeader, epoch=LAST_DAY)[0]
    data = bytearray(kit.file(header.file_sha256).read_bytes())
    data[-1] ^= 1
    kit.file(header.file_sha256).write_bytes(data)


def _body_of(kit: Kit, index: int) -> Path:
    return kit.folder / "bodies" / f"{kit.lines[index].split(' ')[3]}.json"
