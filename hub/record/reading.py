"""Serving the record by role: everyone gets every leaf, and the bodies that are theirs to read.

A party that is not admitted in the role of its certificate reads public bodies only. A partner
or operator reads its own bodies beside those: in a log of bodies it would learn where else its
users are enrolled and what they own (DESIGN section 10).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from sqlmodel import Session

from fedcarbon.errors import CallerError
from fedcarbon.ids import PartyId, Role
from fedcarbon.transparency.leaf import PUBLIC_TYPES, LeafType, may_read, may_read_file
from hub.record.leaf_log import BeyondRecordError
from hub.record.record import Record
from hub.storage.record_store import RecordStore, StoredLeaf

PAGE_LEAVES_MAX: Final = 1_000
PAGE_BYTES_MAX: Final = 2 * 1024 * 1024
"""Bodies of a page; a single larger one still goes alone."""
FILE_PAGE_BYTES_MAX: Final = 4 * 1024 * 1024
"""Bytes of a file in one answer: a whole chunk; commitment files take several."""


class FileNotReadableError(CallerError):
    """No file of this hash that the caller may read; existence is not told to others."""

    code: ClassVar[str] = "FILE_NOT_READABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads."""

    party_id: PartyId
    role: Role | None
    """None for a party that is not admitted in the role of its certificate."""

    def may_read(self, leaf_type: LeafType) -> bool:
        """Tell whether this reader may read every body of a type."""
        return leaf_type in PUBLIC_TYPES if self.role is None else may_read(self.role, leaf_type)

    def may_read_file(self, leaf_type: LeafType, *, holds_tokens: bool) -> bool:
        """Tell whether this reader may read the files of a type that are not its own."""
        return self.role is not None and may_read_file(
            self.role, leaf_type, holds_tokens=holds_tokens
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadLeaf:
    """A leaf as one reader gets it."""

    stored: StoredLeaf
    body: bytes | None
    """None if the reader may not read it; its salt is then withheld too."""


def list_leaves(
    session: Session, record: Record, reader: Reader, *, start: int, limit: int
) -> tuple[list[ReadLeaf], int]:
    """Return leaves from `start` on without a gap, and the size of the record.

    Args:
        session: a reading session.
        record: where from.
        reader: who reads.
        start: index of the first leaf; at most the size of the record.
        limit: at most so many, and fewer if their bodies are large.

    Raises:
        BeyondRecordError: `start` is beyond the end.
    """
    store = RecordStore(session)
    size = store.size()
    if start > size:
        raise BeyondRecordError(f"the record has {size} leaves; leaf {start} is not among them")
    page = record.log.leaves(session, start, min(limit, PAGE_LEAVES_MAX))
    own = store.owned(reader.party_id, start, start + len(page)) if reader.role else set()
    leaves: list[ReadLeaf] = []
    page_bytes = 0
    for stored in page:
        body = None
        if reader.may_read(stored.type) or stored.index in own:
            body = record.bodies.get(stored.body_sha256)
            page_bytes += len(body)
        if leaves and page_bytes > PAGE_BYTES_MAX:
            break
        leaves.append(ReadLeaf(stored=stored, body=body))
    return leaves, size


def read_file(
    session: Session, record: Record, reader: Reader, sha256: bytes, from_byte: int = 0
) -> tuple[bytes, int]:
    """Return a part of a file that a body names and `reader` may read, and the size of the whole.

    Args:
        session: a reading session.
        record: where from.
        reader: who reads.
        sha256: of the file.
        from_byte: where the part begins; it has at most `FILE_PAGE_BYTES_MAX` bytes.

    Raises:
        FileNotReadableError: there is none, or none for this reader.
    """
    types, owners = RecordStore(session).file_readers(sha256)
    own = reader.role is not None and reader.party_id in owners
    if not own and not any(
        reader.may_read_file(leaf_type, holds_tokens=holds_tokens)
        for leaf_type, holds_tokens in types
    ):
        raise FileNotReadableError("no file of this hash is readable for you")
    return record.files.part(sha256, from_byte, FILE_PAGE_BYTES_MAX)
