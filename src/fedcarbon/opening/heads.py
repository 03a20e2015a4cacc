"""The heads of the record that a reader replayed, and who has witnessed which of them.

The time of a leaf is the median time of the first witnessed head that covers it. A wait is measured
from a later time of that head, which no minority of its signers can date back: it is never too
short. Protocol time is that later time of the newest head, so that nothing expires too late; a
reader's own clock decides nothing here, but bounds which heads it takes.

A quorum of trustees makes a head a witnessed one. What an opening rests on must lie under a head
that a partner signed beside such a quorum; the times of partners count for nothing.
"""

from __future__ import annotations

import bisect
from typing import Final

from fedcarbon.canonical.hashing import DIGEST_BYTES
from fedcarbon.opening.violations import HeadAheadError, NotWitnessedError
from fedcarbon.transparency.checkpoint import (
    ForkedRecordError,
    PartnerWitnessMissingError,
    WitnessedCheckpoint,
)
from fedcarbon.transparency.merkle import EMPTY_ROOT, Frontier
from fedcarbon.units import Seconds


class HeadBook:
    """Every root of the replayed record, and the witnessed ones with their times."""

    __slots__ = (
        "_clock_s",
        "_frontier",
        "_partner_witnessed_size",
        "_roots",
        "_sizes",
        "_times_s",
        "_waits_s",
    )

    def __init__(self) -> None:
        """Start before the first leaf."""
        self._frontier: Final = Frontier()
        self._roots: Final = bytearray(EMPTY_ROOT)
        self._sizes: Final[list[int]] = []
        self._times_s: Final[list[Seconds]] = []
        self._waits_s: Final[list[Seconds]] = []
        self._clock_s = Seconds(0)
        self._partner_witnessed_size = 0

    @property
    def size(self) -> int:
        """How many leaves have been replayed."""
        return self._frontier.size

    @property
    def clock_s(self) -> Seconds:
        """Protocol time: the latest time of a witnessed head; 0 before the first."""
        return self._clock_s

    @property
    def witnessed_size(self) -> int:
        """How many leaves the largest witnessed head covers."""
        return self._sizes[-1] if self._sizes else 0

    @property
    def partner_witnessed_size(self) -> int:
        """How many leaves the largest head covers that a partner signed beside a quorum."""
        return self._partner_witnessed_size

    def append(self, leaf: bytes) -> None:
        """Add one leaf."""
        self._frontier.append(leaf)
        self._roots.extend(self._frontier.root())

    def root_at(self, size: int) -> bytes:
        """Return the root over the first `size` leaves.

        Raises:
            HeadAheadError: fewer leaves have been replayed.
        """
        if size > self.size:
            raise HeadAheadError(f"{self.size} leaves are replayed, the head covers {size}")
        return bytes(self._roots[size * DIGEST_BYTES : (size + 1) * DIGEST_BYTES])

    def require_own(self, size: int, root: bytes) -> None:
        """Check that a head is one of this record's.

        Raises:
            HeadAheadError: see `root_at`.
            ForkedRecordError: the replayed leaves have another root.
        """
        if self.root_at(size) != root:
            raise ForkedRecordError(
                f"the head of size {size} is not the head of the {size} leaves replayed"
            )

    def witness(self, checkpoint: WitnessedCheckpoint) -> None:
        """Take note of a head that a quorum signed.

        Raises:
            HeadAheadError, ForkedRecordError: see `require_own`.
        """
        self.require_own(checkpoint.size, checkpoint.root)
        wait_s = max(checkpoint.timestamp_s, checkpoint.wait_from_s)
        at = bisect.bisect_left(self._sizes, checkpoint.size)
        if at < len(self._sizes) and self._sizes[at] == checkpoint.size:
            self._times_s[at] = min(self._times_s[at], checkpoint.timestamp_s)
            self._waits_s[at] = min(self._waits_s[at], wait_s)
        else:
            self._sizes.insert(at, checkpoint.size)
            self._times_s.insert(at, checkpoint.timestamp_s)
            self._waits_s.insert(at, wait_s)
        self._clock_s = max(self._clock_s, wait_s)
        if checkpoint.partner_witnessed:
            self._partner_witnessed_size = max(self._partner_witnessed_size, checkpoint.size)

    def is_witnessed(self, leaf_index: int) -> bool:
        """Tell whether a witnessed head covers the leaf."""
        return leaf_index < self.witnessed_size

    def require_partner_witness(self, leaf_index: int) -> None:
        """Check that a partner has signed a witnessed head over the leaf.

        Raises:
            PartnerWitnessMissingError: none has.
        """
        if leaf_index >= self._partner_witnessed_size:
            raise PartnerWitnessMissingError(
                f"no partner has signed a head over leaf {leaf_index}; a partner's node must run"
            )

    def leaf_time_s(self, leaf_index: int) -> Seconds:
        """Return the time of the first witnessed head that covers the leaf.

        Raises:
            NotWitnessedError: none does.
        """
        return self._times_s[self._first_over(leaf_index)]

    def wait_from_s(self, leaf_index: int) -> Seconds:
        """Return when a wait for what the leaf says begins: not before others could see it.

        Raises:
            NotWitnessedError: no witnessed head covers the leaf.
        """
        return self._waits_s[self._first_over(leaf_index)]

    def time_before_s(self, leaf_index: int) -> Seconds | None:
        """Return a time at which nobody had logged the leaf yet; None if the heads show none.

        It is that of the last but one witnessed head that does not cover the leaf. A leaf may be
        added while trustees still sign the last one; but that one was begun, without the leaf,
        after the head before it was signed.
        """
        at = bisect.bisect_right(self._sizes, leaf_index)
        return self._times_s[at - 2] if at > 1 else None

    def _first_over(self, leaf_index: int) -> int:
        at = bisect.bisect_right(self._sizes, leaf_index)
        if at == len(self._sizes):
            raise NotWitnessedError(f"leaf {leaf_index} is not under a witnessed head yet")
        return at
