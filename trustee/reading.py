"""Following the record: every leaf in order, every body verified, every head held against it.

What has been read is stored, so that a restarted trustee reads on where it stopped. A leaf that
breaks a rule is never stored: the trustee stops before it and tries again with the next order.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from fedcarbon.clock import Clock
from fedcarbon.disclosure import block_file
from fedcarbon.errors import FedcarbonError
from fedcarbon.identity.commitment_list import FILE_BYTES_MAX
from fedcarbon.opening.fetched import joined
from fedcarbon.opening.view import RecordView
from fedcarbon.parameters.roots import TrustRoots
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S, ForkedRecordError, head_in
from fedcarbon.transparency.leaf import TRUSTEE_TYPES
from fedcarbon.v1 import record_pb2
from trustee.order_errors import FileEndlessError, HeadFromFutureError, RecordShortError
from trustee.storage.database import Database
from trustee.storage.record_log import ReadLeaf, RecordLog

PAGE_LEAVES: Final = 500
PAGE_HEADS: Final = 500


class RecordSource(Protocol):
    """What a trustee asks the hub for; `fedcarbon.wire.hub_client.HubClient` has all of it."""

    def list_leaves(self, request: record_pb2.ListLeavesRequest) -> record_pb2.ListLeavesResponse:
        """Return leaves with the bodies that a trustee may read."""
        ...

    def list_checkpoints(
        self, request: record_pb2.ListCheckpointsRequest
    ) -> record_pb2.ListCheckpointsResponse:
        """Return witnessed heads by ascending size."""
        ...

    def get_file(self, request: record_pb2.GetFileRequest) -> record_pb2.GetFileResponse:
        """Return a file by its SHA-256."""
        ...


class RecordReader:
    """Keeps the view up to date with the hub's record and the store up to date with the view."""

    __slots__ = ("_clock", "_database", "_log", "_source", "view")

    def __init__(
        self, roots: TrustRoots, database: Database, source: RecordSource, clock: Clock
    ) -> None:
        """Rebuild the view from the store.

        Args:
            roots: where trust starts.
            database: what was read before.
            source: where to read on.
            clock: this trustee's own protocol time; no head may be ahead of it.

        Raises:
            RecordViolationError: the store holds what cannot have been stored.
        """
        self.view: Final = RecordView(roots)
        self._clock: Final = clock
        self._database: Final = database
        self._log: Final = RecordLog(database)
        self._source: Final = source
        for leaf in self._log.leaves():
            self.view.apply(*leaf)
        for head in self._log.heads():
            self.view.heads.witness(head)

    def follow(self, size: int, note: bytes, partner_note: bytes = b"") -> None:
        """Replay the record up to `size` and take the heads that came with an order.

        Args:
            size: how many leaves to replay at least.
            note: the newest witnessed head; empty if there is none yet.
            partner_note: the newest one that a partner has signed too; likewise.

        Raises:
            RecordViolationError: a leaf breaks a rule; it and all later ones stay unread.
            RecordShortError: the hub has fewer leaves.
            HeadFromFutureError: the head is ahead of this trustee's clock.
            ForkedRecordError, QuorumMissingError, MalformedError, SignatureInvalidError: the head
                is not one of this record with a quorum's signatures.
            StateError: the hub cannot be reached.
        """
        if size > self.view.size:
            for head in self._missed_heads():
                self._take_missed(head)
            self._read_up_to(size)
        if partner_note:
            # Without it openings are refused, and nothing else: it may be older than a key.
            self._take_missed(partner_note)
        if note:
            self._witness(note)

    def file(self, sha256: bytes) -> bytes:
        """Return a file of a table that a body names; whoever uses it checks its hash.

        Of one that is larger than such files may be it is the beginning: see `joined`.

        Raises:
            FileEndlessError, StateError: see `pieces`.
        """
        return joined(self.pieces(sha256), block_file.FILE_BYTES_MAX)

    def pieces(self, sha256: bytes) -> Iterator[bytes]:
        """Yield a file that a body names, a piece for each time that the hub is asked.

        It may be large: whoever can checks it as it comes, and its hash at the end.

        Raises:
            FileEndlessError: the hub gives no more of it, or says a size that no file has.
            StateError: the hub cannot be reached.
        """
        size = 0
        while True:
            request = record_pb2.GetFileRequest(sha256=sha256, from_byte=size)
            answer = self._source.get_file(request)
            size += len(answer.content)
            is_last = size >= answer.total_bytes
            if not is_last and (not answer.content or answer.total_bytes > FILE_BYTES_MAX):
                raise FileEndlessError(
                    f"the hub gives {size} of {answer.total_bytes} bytes of a file"
                )
            yield answer.content
            if is_last:
                return

    def _read_up_to(self, size: int) -> None:
        while self.view.size < size:
            request = record_pb2.ListLeavesRequest(
                from_index=self.view.size, limit=min(PAGE_LEAVES, size - self.view.size)
            )
            page = self._source.list_leaves(request).leaves
            if not page:
                raise RecordShortError(f"the hub sent no leaf {self.view.size} of {size}")
            for leaf in page:
                self._take(leaf)

    def _take(self, sent: record_pb2.RecordLeaf) -> None:
        self.view.apply(
            sent.index,
            sent.leaf,
            sent.salt if sent.HasField("salt") else None,
            sent.body if sent.HasField("body") else None,
        )
        # A body that is none of a trustee's business is not kept even if it was sent.
        ours = sent.leaf[0] in TRUSTEE_TYPES
        with self._database.transaction():
            self._log.append(
                ReadLeaf(
                    leaf_index=sent.index,
                    leaf=sent.leaf,
                    salt=sent.salt if ours else None,
                    body=sent.body if ours else None,
                )
            )

    def _missed_heads(self) -> list[bytes]:
        """Return the heads that were witnessed while this trustee was away."""
        request = record_pb2.ListCheckpointsRequest(
            from_size=self.view.heads.witnessed_size + 1, limit=PAGE_HEADS
        )
        try:
            heads = self._source.list_checkpoints(request).checkpoints
        except FedcarbonError:
            # Without them leaves count as later than they are: waits get longer, never shorter.
            return []
        return [head.note for head in heads]

    def _take_missed(self, note: bytes) -> None:
        """Read up to an older head and take it, as its signers' keys were at that time."""
        try:
            self._witness(note)
        except ForkedRecordError:
            raise
        except FedcarbonError:
            return

    def _witness(self, note: bytes) -> None:
        self._read_up_to(head_in(note).size)
        head = self.view.parties.witnessed(note)
        # Waits are measured in the time of heads: an honest trustee does not let it run ahead.
        now_s, head_s = self._clock.now_s(), max(head.timestamp_s, head.wait_from_s)
        if head_s > now_s + TIME_TOLERANCE_S:
            raise HeadFromFutureError(f"the head is of {head_s}, it is {now_s} now")
        self.view.heads.witness(head)
        with self._database.transaction():
            self._log.keep_head(head)
