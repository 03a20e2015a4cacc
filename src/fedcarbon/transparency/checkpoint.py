"""Checkpoints: the head of the record, signed by the trustees that replayed it.

Today the list is plain: a witness replays every leaf before it signs, so a signed head is a
signed history and no consistency proofs are needed. The quorum is ceil((trustees + threshold)/2):
any two quorums share an honest trustee as long as fewer than `threshold` are corrupt, so nobody
can be shown two records.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError, PeerError, StateError
from fedcarbon.transparency.envelope import Envelope, open_signed
from fedcarbon.transparency.merkle import Frontier
from fedcarbon.units import Seconds

TIME_TOLERANCE_S: Final = 300
"""Deadlines are judged by the median time of a quorum, give or take this."""

NOT_KEPT_S: Final = Seconds(0)
"""Stands for a wait time that whoever stored a head did not keep."""


class QuorumMissingError(StateError):
    """Too few trustees have signed this head; more of them must connect."""

    code: ClassVar[str] = "QUORUM_MISSING"


class ForkedRecordError(PeerError):
    """Two signed heads, or a head and the replayed leaves, contradict each other."""

    code: ClassVar[str] = "FORKED_RECORD"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint(Statement):
    """What a witness signs: the head it replayed, and its own time."""

    KIND: ClassVar[str] = "checkpoint"

    parameter_id: bytes
    size: int
    """How many leaves the head covers."""
    root: bytes
    """RFC 6962 root over those leaves."""
    timestamp_s: int
    """The witness's protocol time when it signed."""

    def __post_init__(self) -> None:
        """Check sizes."""
        if len(self.parameter_id) != DIGEST_BYTES or len(self.root) != DIGEST_BYTES:
            raise MalformedError("parameter id and root have 32 bytes")


@dataclass(frozen=True, slots=True, kw_only=True)
class WitnessedCheckpoint:
    """A head with the envelopes of a quorum; build it with `witnessed`."""

    size: int
    root: bytes
    timestamp_s: Seconds
    """Median of the quorum's timestamps, the lower of two."""
    cosignatures: tuple[bytes, ...]
    """DSSE envelopes of `Checkpoint` statements, one per trustee."""
    wait_from_s: Seconds = NOT_KEPT_S
    """The `threshold`-th smallest timestamp, or `NOT_KEPT_S`.

    Fewer than `threshold` signers are corrupt, so it is never before an honest one had signed. The
    median is not enough where a wait begins: two of four that date a head back are in its middle.
    """


def quorum_of(trustees: int, threshold: int) -> int:
    """Return ceil((trustees + threshold) / 2): 4 of 5 at threshold 3."""
    return (trustees + threshold + 1) // 2


def witnessed(
    cosignatures: Iterable[bytes],
    *,
    parameter_id: bytes,
    trustee_keys: Mapping[str, bytes],
    threshold: int,
) -> WitnessedCheckpoint:
    """Return the head that a quorum of trustees signed.

    Args:
        cosignatures: DSSE envelopes of `Checkpoint`, one per trustee.
        parameter_id: every statement must name it.
        trustee_keys: trustee id to signing key, of all trustees.
        threshold: t of the parameter set.

    Raises:
        QuorumMissingError: fewer than a quorum of distinct trustees signed.
        ForkedRecordError: two of them signed different heads.
        MalformedError, SignatureInvalidError: an envelope is not what it should be.
    """
    heads: dict[str, Checkpoint] = {}
    kept: list[bytes] = []
    for data in cosignatures:
        signer = _single_signer(data)
        if signer in heads:
            continue
        signed = open_signed(
            Checkpoint, data, trustee_keys, signers={signer} & set(trustee_keys), at_least=1
        )
        if signed.parameter_id != parameter_id:
            raise MalformedError(f"the checkpoint of {signer!r} is for another parameter set")
        heads[signer] = signed
        kept.append(data)
    needed = quorum_of(len(trustee_keys), threshold)
    if len(heads) < needed:
        raise QuorumMissingError(
            f"{len(heads)} of the {needed} trustees needed have signed: {sorted(heads)}"
        )
    if len({(head.size, head.root) for head in heads.values()}) != 1:
        raise ForkedRecordError(f"trustees {sorted(heads)} signed different heads")
    first = next(iter(heads.values()))
    times_s = sorted(head.timestamp_s for head in heads.values())
    return WitnessedCheckpoint(
        size=first.size,
        root=first.root,
        timestamp_s=Seconds(statistics.median_low(times_s)),
        wait_from_s=Seconds(times_s[threshold - 1]),
        cosignatures=tuple(kept),
    )


def require_head(frontier: Frontier, size: int, root: bytes) -> None:
    """Check that the leaves replayed into `frontier` are exactly those of the head.

    Raises:
        ForkedRecordError: another size or root.
    """
    if frontier.size != size or frontier.root() != root:
        raise ForkedRecordError(
            f"the head of size {size} does not match the {frontier.size} leaves replayed"
        )


def _single_signer(data: bytes) -> str:
    envelope = Envelope.from_bytes(data)
    statements.kind_of(envelope.payload)
    if len(envelope.signatures) != 1:
        raise MalformedError("a cosignature has exactly one signature")
    return envelope.signatures[0].keyid
