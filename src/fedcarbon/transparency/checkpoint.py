"""Checkpoints: heads of the record, signed by the hub and by the witnesses that replayed it.

A checkpoint is a signed note of three lines (C2SP tlog-checkpoint): the origin, which binds the
parameter set, the size and the root. Witnesses are the trustees, whose quorum is
ceil((trustees + threshold)/2), and the partners. Any two quorums of trustees share an honest one as
long as fewer than `threshold` are corrupt, so nobody can be shown two records; a partner beside
them sees to it that even all trustees together cannot keep a record to themselves.
"""

from __future__ import annotations

import base64
import binascii
import re
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import INTEGER_MAX
from fedcarbon.errors import MalformedError, PeerError, SignatureInvalidError, StateError
from fedcarbon.transparency.envelope import SigningKey
from fedcarbon.transparency.merkle import Frontier
from fedcarbon.transparency.note import (
    NoteSignature,
    SignedNote,
    cosign_text,
    sign_text,
    verify_cosignature,
    verify_text,
)
from fedcarbon.units import Seconds

TIME_TOLERANCE_S: Final = 300
"""Deadlines are judged by the median time of a quorum, give or take this."""

NOT_KEPT_S: Final = Seconds(0)
"""Stands for a wait time that whoever stored a head did not keep."""

_TEXT: Final = re.compile(r"fedcarbon/([0-9a-f]{64})\n(0|[1-9][0-9]{0,18})\n([^\n]+)\n")


class QuorumMissingError(StateError):
    """Too few trustees have signed this head; more of them must connect."""

    code: ClassVar[str] = "QUORUM_MISSING"


class PartnerWitnessMissingError(StateError):
    """No partner has signed a head over this leaf yet; a partner's node must run."""

    code: ClassVar[str] = "PARTNER_WITNESS_MISSING"


class ForkedRecordError(PeerError):
    """Two signed heads, or a head and the replayed leaves, contradict each other."""

    code: ClassVar[str] = "FORKED_RECORD"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeHead:
    """What a checkpoint says."""

    parameter_id: bytes
    size: int
    """How many leaves it covers."""
    root: bytes
    """RFC 6962 root over those leaves."""

    def __post_init__(self) -> None:
        """Check sizes."""
        if len(self.parameter_id) != DIGEST_BYTES or len(self.root) != DIGEST_BYTES:
            raise MalformedError("parameter id and root have 32 bytes")
        if not 0 <= self.size <= INTEGER_MAX:
            raise MalformedError(f"a head of {self.size} leaves cannot be")

    @property
    def origin(self) -> str:
        """The log's name: it binds the parameter set, and signs as this name too."""
        return f"fedcarbon/{self.parameter_id.hex()}"

    @property
    def text(self) -> bytes:
        """The three lines that are signed."""
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\n".encode()

    @classmethod
    def from_text(cls, text: bytes) -> TreeHead:
        """Parse the text of a note, or raise `MalformedError`."""
        found = _TEXT.fullmatch(text.decode(errors="replace"))
        if found is None:
            raise MalformedError("not a checkpoint of a fedcarbon record")
        parameter_id, size, root = found.groups()
        try:
            head = cls(
                parameter_id=bytes.fromhex(parameter_id),
                size=int(size),
                root=base64.b64decode(root, validate=True),
            )
        except (ValueError, binascii.Error) as error:
            raise MalformedError("the root of a checkpoint is no base64") from error
        if head.text != text:
            raise MalformedError("not the canonical text of a checkpoint")
        return head

    def signed(self, key: SigningKey) -> SignedNote:
        """Return the checkpoint with the signature of the log, which is the hub's `key`."""
        return SignedNote(text=self.text, signatures=(sign_text(self.text, self.origin, key),))

    def cosigned(self, name: str, key: SigningKey, at_s: int) -> SignedNote:
        """Return the checkpoint with the cosignature of one witness alone.

        Args:
            name: the witness's party id.
            key: its signing key.
            at_s: its protocol time.
        """
        signature = cosign_text(self.text, name, key, at_s)
        return SignedNote(text=self.text, signatures=(signature,))


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessKeys:
    """The public keys by which a reader judges checkpoints: party id to key."""

    hubs: Mapping[str, bytes]
    trustees: Mapping[str, bytes]
    """Of all trustees of the parameter set."""
    partners: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedCheckpoint:
    """A head with the signatures of a quorum; build it with `witnessed`."""

    size: int
    root: bytes
    timestamp_s: Seconds
    """Median of the trustees' timestamps, the lower of two."""
    note: bytes = b""
    """The signed note; empty for a head that was stored without it."""
    wait_from_s: Seconds = NOT_KEPT_S
    """The `threshold`-th smallest timestamp, or `NOT_KEPT_S`.

    Fewer than `threshold` signers are corrupt, so it is never before an honest one had signed. The
    median is not enough where a wait begins: two of four that date a head back are in its middle.
    """
    partner_witnessed: bool = False
    """Whether a partner has signed the head too."""


def quorum_of(trustees: int, threshold: int) -> int:
    """Return ceil((trustees + threshold) / 2): 4 of 5 at threshold 3."""
    return (trustees + threshold + 1) // 2


def head_in(note: bytes) -> TreeHead:
    """Return what a checkpoint says, without looking at its signatures.

    Raises:
        MalformedError: not a checkpoint.
    """
    return TreeHead.from_text(SignedNote.from_bytes(note).text)


def joined(notes: Iterable[SignedNote]) -> SignedNote:
    """Return one note with the signatures of all `notes`, which are over one text."""
    first, *others = notes
    assert {item.text for item in others} <= {first.text}
    lines = dict.fromkeys(item for note in (first, *others) for item in note.signatures)
    return SignedNote(text=first.text, signatures=tuple(lines))


def witnessed(
    note: bytes, keys: WitnessKeys, *, parameter_id: bytes, threshold: int
) -> WitnessedCheckpoint:
    """Return the head that a hub, a quorum of trustees and perhaps a partner signed.

    The first cosignature of a witness counts, so that each trustee has one time. Lines of other
    keys are not looked at.

    Args:
        note: the checkpoint.
        keys: who may sign.
        parameter_id: its origin must name it.
        threshold: t of the parameter set.

    Raises:
        QuorumMissingError: fewer than a quorum of distinct trustees signed.
        MalformedError: not a checkpoint of this parameter set.
        SignatureInvalidError: no hub signed it, or a line of a known key does not hold.
    """
    signed = SignedNote.from_bytes(note)
    head = TreeHead.from_text(signed.text)
    require_log_signature(signed, head, keys.hubs, parameter_id)
    times_s = sorted(item.timestamp_s for item in _cosignatures(signed, keys.trustees))
    needed = quorum_of(len(keys.trustees), threshold)
    if len(times_s) < needed:
        names = sorted({item.name for item in signed.signatures} & set(keys.trustees))
        raise QuorumMissingError(
            f"{len(times_s)} of the {needed} trustees needed have signed: {names}"
        )
    return WitnessedCheckpoint(
        size=head.size,
        root=head.root,
        timestamp_s=Seconds(statistics.median_low(times_s)),
        wait_from_s=Seconds(times_s[threshold - 1]),
        note=note,
        partner_witnessed=bool(_cosignatures(signed, keys.partners)),
    )


def require_log_signature(
    note: SignedNote, head: TreeHead, hub_keys: Mapping[str, bytes], parameter_id: bytes
) -> None:
    """Check that `note`, which says `head`, is a checkpoint that this record's hub signed.

    Raises:
        MalformedError: it is for another parameter set.
        SignatureInvalidError: no hub signed it, or its signature does not hold.
    """
    if head.parameter_id != parameter_id:
        raise MalformedError("the checkpoint is for another parameter set")
    # Every key: a false signature of any of them makes the note worthless.
    if not [key for key in hub_keys.values() if verify_text(note, head.origin, key)]:
        raise SignatureInvalidError("no admitted hub has signed the checkpoint")


def require_head(frontier: Frontier, size: int, root: bytes) -> None:
    """Check that the leaves replayed into `frontier` are exactly those of the head.

    Raises:
        ForkedRecordError: another size or root.
    """
    if frontier.size != size or frontier.root() != root:
        raise ForkedRecordError(
            f"the head of size {size} has root {root.hex()}; the {frontier.size} leaves replayed "
            f"have root {frontier.root().hex()}"
        )


def _cosignatures(note: SignedNote, keys: Mapping[str, bytes]) -> list[NoteSignature]:
    """Return the cosignatures of `keys`, one per key, all of which hold."""
    found = (verify_cosignature(note, name, key) for name, key in keys.items())
    return [item for item in found if item is not None]
