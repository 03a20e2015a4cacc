"""The kit that rewrites a record with everybody's keys.

Where a real culprit would sign what it has changed, the kit does too: it holds the signing keys of
all parties, writes the tree anew and has the trustees sign every head again. What an audit then
finds is not a wrong hash but the lie itself.
"""

from __future__ import annotations

import dataclasses
import hashlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.ids import PartyId
from fedcarbon.registry.admission import root_keyid
from fedcarbon.transparency.checkpoint import TreeHead, joined
from fedcarbon.transparency.envelope import Envelope, SigningKey, sign
from fedcarbon.transparency.leaf import LeafType, commit
from fedcarbon.transparency.merkle import Frontier
from fedcarbon.transparency.note import SignedNote
from tests.audit.good_record import GoodRecord
from tests.simulation.world import HUB, PARTNERS

S = TypeVar("S", bound=Statement)

METRO: Final = PARTNERS[0]
LAST_DAY: Final = 3
"""Nothing is opened up to this epoch, so no later leaf rests on how it was sealed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf with what lies behind it."""

    type: LeafType
    salt: bytes
    body: bytes

    @property
    def leaf(self) -> bytes:
        return commit(self.type, self.salt, self.body).to_bytes()


class Kit:
    """A copy of the good record, and everything that it takes to rewrite it."""

    def __init__(self, folder: Path, good: GoodRecord) -> None:
        self.folder = folder
        self.good = good
        self.parameters = good.dealt.parameters

    # --- reading ----------------------------------------------------------------------------

    @property
    def lines(self) -> list[str]:
        return (self.folder / "leaves.txt").read_text().splitlines()

    def write_lines(self, lines: Iterable[str]) -> None:
        (self.folder / "leaves.txt").write_text("".join(f"{line}\n" for line in lines))

    def entries(self) -> list[Entry]:
        found = []
        for line in self.lines:
            _, leaf, salt, name = line.split(" ")
            body = (self.folder / "bodies" / f"{name}.json").read_bytes()
            found.append(Entry(LeafType(int(leaf[:2], 16)), bytes.fromhex(salt), body))
        return found

    def of(self, cls: type[S], **fields: Any) -> list[tuple[int, S]]:
        """Return index and statement of every leaf of a kind whose fields are these."""
        kind = LeafType[cls.KIND.upper()]
        found = [
            (index, statements.decode(cls, Envelope.from_bytes(entry.body).payload))
            for index, entry in enumerate(self.entries())
            if entry.type is kind
        ]
        return [
            (index, item)
            for index, item in found
            if all(getattr(item, name) == value for name, value in fields.items())
        ]

    def file(self, sha256: bytes) -> Path:
        return self.folder / "files" / sha256.hex()

    def put(self, data: bytes) -> bytes:
        """Keep a file and return its hash."""
        sha256 = hashlib.sha256(data).digest()
        self.file(sha256).write_bytes(data)
        return sha256

    def heads(self) -> list[tuple[int, dict[str, int]]]:
        """Return size and times (witness to second) of every head, smallest first."""
        found = []
        for path in (self.folder / "checkpoints").iterdir():
            note = SignedNote.from_bytes(path.read_bytes())
            origin = TreeHead.from_text(note.text).origin
            times = {
                item.name: int(item.timestamp_s) for item in note.signatures if item.name != origin
            }
            found.append((int(path.stem), times))
        return sorted(found, key=lambda head: head[0])

    # --- rewriting --------------------------------------------------------------------------

    def signed(self, statement: Statement, *signers: str) -> bytes:
        return sign(statement, {name: self._key(name) for name in signers}).to_bytes()

    def replace(self, index: int, statement: Statement, *signers: str) -> None:
        """Put another statement behind a leaf, and have the whole history signed again."""
        entries = self.entries()
        body = self.signed(statement, *signers)
        entries[index] = dataclasses.replace(entries[index], body=body)
        self.rebuild(entries)

    def append(self, statement: Statement, *signers: str) -> int:
        """Add a leaf, and return its index once a head covers it."""
        return self.append_body(statement, self.signed(statement, *signers))

    def append_body(self, statement: Statement, body: bytes) -> int:
        entries = self.entries()
        salt = hashlib.sha256(body).digest()
        self.rebuild([*entries, Entry(LeafType[statement.KIND.upper()], salt, body)])
        return len(entries)

    def rebuild(self, entries: list[Entry]) -> None:
        """Write a history, and have its heads signed again: the old sizes and the new end."""
        for entry in entries:
            (self.folder / "bodies" / f"{name_of(entry.body)}.json").write_bytes(entry.body)
        self.write_lines(
            " ".join((str(index), entry.leaf.hex(), entry.salt.hex(), name_of(entry.body)))
            for index, entry in enumerate(entries)
        )
        heads = dict(self.heads())
        last_s = max(max(times.values()) for times in heads.values())
        witnesses = (*self.parameters.trustee_ids, PARTNERS[0])
        heads.setdefault(len(entries), dict.fromkeys(witnesses, last_s + 60))
        roots = roots_of(entries)
        shutil.rmtree(self.folder / "tile", ignore_errors=True)  # nobody has to keep any
        for size, times in heads.items():
            self.write_head(size, roots[size], times)

    def write_head(self, size: int, root: bytes, times: dict[str, int]) -> None:
        head = TreeHead(parameter_id=self.parameters.parameter_id, size=size, root=root)
        notes = [head.signed(self._key(HUB))]
        notes += [head.cosigned(name, self._key(name), at_s) for name, at_s in times.items()]
        self.write_note(size, joined(notes))

    def write_note(self, size: int, note: SignedNote) -> None:
        """Store a head, and the copy of the largest one."""
        (self.folder / "checkpoints" / f"{size}.txt").write_bytes(note.to_bytes())
        if size == max(int(path.stem) for path in (self.folder / "checkpoints").iterdir()):
            (self.folder / "checkpoint").write_bytes(note.to_bytes())

    def _key(self, name: str) -> SigningKey:
        for item in self.good.dealt.secrets:
            if name == root_keyid(item.trustee_id):
                return SigningKey(item.root_key_seed)
        return self.good.keys[PartyId(name)]


def name_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def roots_of(entries: list[Entry]) -> dict[int, bytes]:
    """Return the root after every leaf."""
    frontier = Frontier()
    roots = {}
    for entry in entries:
        frontier.append(entry.leaf)
        roots[frontier.size] = frontier.root()
    return roots
