"""Two copies of a record: does the newer one hold everything of the older one, unchanged?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass

from fedcarbon.audit.source import LeafLine, LeafLineMalformedError, RecordSource, printable
from fedcarbon.errors import MalformedError
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.transparency.note import SignedNote

_Reader = Callable[[str], bytes | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two copies do not have in common."""

    broken: tuple[str, ...]
    """What the newer copy has lost or altered, in words; empty if it extends the older one."""
    added: tuple[str, ...]
    """What it has in addition, in words."""


def compare(old: RecordSource, new: RecordSource) -> Difference:
    """Return how `new` differs from `old`; no signature and no hash is checked."""
    broken: list[str] = []
    added: list[str] = []
    older, newer = list(old.leaf_lines()), list(new.leaf_lines())
    broken.extend(_lost_leaves(older, newer))
    broken.extend(_false_leaves(newer, len(older)))
    if len(newer) > len(older):
        kinds = Counter(map(_kind_of, newer[len(older) :]))
        shown = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        added.append(f"{len(newer) - len(older)} leaves were added: {shown}")
    stores: tuple[tuple[str, Collection[str], Collection[str], _Reader, _Reader], ...] = (
        ("body", old.body_names(), new.body_names(), old.body, new.body),
        ("file", old.file_names(), new.file_names(), old.file, new.file),
        (
            "head",
            old.checkpoint_names(),
            new.checkpoint_names(),
            old.checkpoint,
            new.checkpoint,
        ),
    )
    for what, before, after, read_old, read_new in stores:
        present = set(after)
        for name in sorted(before):
            if name not in present:
                broken.append(f"{what} {name} was removed")
            elif not _is_kept(what, read_old(name), read_new(name)):
                broken.append(f"{what} {name} was changed")
        number = len(present - set(before))
        if number:
            added.append(f"{number} {_PLURAL[what]} were added")
    return Difference(broken=tuple(map(printable, broken)), added=tuple(added))


_PLURAL = {"body": "bodies", "file": "files", "head": "heads"}


def _is_kept(what: str, before: bytes | None, after: bytes | None) -> bool:
    """Tell whether bytes are the same; a head may have gained signatures of partners."""
    if what != "head" or before is None or after is None:
        return before == after
    if before == after:
        return True
    try:
        old, new = SignedNote.from_bytes(before), SignedNote.from_bytes(after)
    except MalformedError:
        return False
    return old.text == new.text and set(old.signatures) <= set(new.signatures)


def _lost_leaves(older: list[bytes], newer: list[bytes]) -> Iterator[str]:
    for index, line in enumerate(older):
        if index >= len(newer):
            yield f"leaves {index} to {len(older) - 1} were removed"
            return
        if newer[index] != line:
            yield f"line {index + 1} of the list of leaves was changed"


def _false_leaves(newer: list[bytes], first: int) -> Iterator[str]:
    """Say which added lines do not go on where the older list ends."""
    for index in range(first, len(newer)):
        try:
            continues = LeafLine.parse(newer[index]).index == index
        except LeafLineMalformedError:
            continues = False
        if not continues:
            yield f"line {index + 1} of the list of leaves was added and is not of leaf {index}"


def _kind_of(line: bytes) -> str:
    """Return what a line says its leaf is; nothing else of it is looked at."""
    words = line.split(b" ")
    try:
        return LeafType(int(words[1][:2], 16)).kind
    except (IndexError, ValueError):
        return "unreadable"
