"""Cosigning heads: what makes it impossible to show two people two records."""

from __future__ import annotations

from fedcarbon.clock import Clock
from fedcarbon.opening.view import RecordView
from fedcarbon.transparency.checkpoint import ForkedRecordError, TreeHead
from fedcarbon.v1 import trustee_pb2
from trustee.order_errors import HeadGoesBackError
from trustee.own_keys import OwnKeys
from trustee.storage.database import Database
from trustee.storage.record_log import RecordLog


class Cosigner:
    """Signs heads of the record that it replayed; never a smaller one after a larger."""

    __slots__ = ("_clock", "_database", "_keys", "_log", "_view")

    def __init__(self, keys: OwnKeys, view: RecordView, database: Database, clock: Clock) -> None:
        """Take what is needed to sign."""
        self._keys = keys
        self._view = view
        self._database = database
        self._log = RecordLog(database)
        self._clock = clock

    def cosign(self, size: int, order: trustee_pb2.CosignOrder) -> trustee_pb2.CosignAnswer:
        """Return the head of `size` leaves with this trustee's cosignature.

        The same head may be signed again later: the signature then carries the later time.

        Raises:
            ForkedRecordError: the hub sees another root, or another was signed for this size.
            HeadGoesBackError: a larger head was signed before.
        """
        self._view.heads.require_own(size, order.root)
        last = self._log.last_signed()
        if last is not None and size < last[0]:
            raise HeadGoesBackError(f"a head of {last[0]} leaves was signed, not {size} now")
        if last is not None and size == last[0] and order.root != last[1]:
            raise ForkedRecordError(f"another head of {size} leaves was signed before")
        parameter_id = self._view.parties.parameters.parameter_id
        head = TreeHead(parameter_id=parameter_id, size=size, root=order.root)
        with self._database.transaction():
            self._log.keep_signed(size, order.root)
        own = self._keys
        note = head.cosigned(own.trustee_id, own.signing_key, self._clock.now_s())
        return trustee_pb2.CosignAnswer(note=note.to_bytes())
