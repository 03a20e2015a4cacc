"""The small record that the worked examples come from: every kind of leaf, folded as it grows.

Each leaf goes through `RecordView`, so that an example is never something that a trustee would
refuse. Later parts of the record are added by `claims`, `submission` and `openings`.
"""

from __future__ import annotations

import builtins
import hashlib
from dataclasses import dataclass, field
from typing import Final, TypeVar

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.ids import PartyId
from fedcarbon.opening.view import RecordView
from fedcarbon.transparency.checkpoint import TreeHead, WitnessedCheckpoint, joined
from fedcarbon.transparency.envelope import Envelope
from fedcarbon.transparency.leaf import SALT_BYTES, LeafType, commit
from tests.house.examples import parties
from tests.house.examples.chance import NamedChance

S = TypeVar("S", bound=Statement)

WITNESSES: Final = parties.TRUSTEES[:4]
"""Who signs the heads beside a partner: a quorum of 3 of 5. Their clocks differ by seconds."""
CLOCK_OFFSETS_S: Final = (0, 2, 1, 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExampleLeaf:
    """One leaf with what its owner knows of it."""

    index: int
    type: LeafType
    leaf: bytes
    salt: bytes
    body: bytes

    def statement(self, cls: builtins.type[S]) -> S:
        """Return the statement in the body."""
        return statements.decode(cls, Envelope.from_bytes(self.body).payload)


@dataclass(slots=True)
class TinyRecord:
    """A record with its files and witnessed heads."""

    view: RecordView = field(default_factory=lambda: RecordView(parties.roots()))
    leaves: list[ExampleLeaf] = field(default_factory=list)
    heads: list[WitnessedCheckpoint] = field(default_factory=list)
    files: dict[bytes, bytes] = field(default_factory=dict)

    def append(self, leaf_type: LeafType, body: bytes) -> ExampleLeaf:
        """Add a leaf over a signed body and let a trustee's reader take it."""
        index = len(self.leaves)
        salt = NamedChance(f"salt {index}").octets(SALT_BYTES)
        leaf = commit(leaf_type, salt, body).to_bytes()
        self.view.apply(index, leaf, salt, body)
        added = ExampleLeaf(index=index, type=leaf_type, leaf=leaf, salt=salt, body=body)
        self.leaves.append(added)
        return added

    def append_by(self, signer: PartyId, statement: Statement) -> ExampleLeaf:
        """Add a statement that one party signs."""
        return self.append(LeafType[statement.KIND.upper()], parties.signed(statement, signer))

    def append_hub(self, statement: Statement) -> ExampleLeaf:
        """Add a statement of the hub."""
        return self.append_by(parties.HUB, statement)

    def witness(self, at_s: int) -> WitnessedCheckpoint:
        """Have the present head signed by `WITNESSES` and a partner, at about `at_s`."""
        head = self.view.witness(self.note(at_s))
        self.heads.append(head)
        return head

    def note(self, at_s: int) -> bytes:
        """Return the present head with the signatures of hub, `WITNESSES` and one partner."""
        size = len(self.leaves)
        head = TreeHead(
            parameter_id=parties.parameters().parameter_id,
            size=size,
            root=self.view.heads.root_at(size),
        )
        times_s = dict(zip(WITNESSES, CLOCK_OFFSETS_S, strict=True)) | {parties.METRO: 9}
        notes = [head.signed(parties.key_of(parties.HUB))]
        notes += [
            head.cosigned(name, parties.key_of(name), at_s + offset_s)
            for name, offset_s in times_s.items()
        ]
        return joined(notes).to_bytes()

    def keep(self, file: bytes) -> bytes:
        """Lay a file beside the record and return its SHA-256."""
        sha256 = hashlib.sha256(file).digest()
        self.files[sha256] = file
        return sha256

    def of_type(self, leaf_type: LeafType) -> list[ExampleLeaf]:
        """Return all leaves of a type, in order."""
        return [item for item in self.leaves if item.type is leaf_type]
