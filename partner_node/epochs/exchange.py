"""Messages of an epoch and the receipts that answer them."""

from __future__ import annotations

from fedcarbon.ids import EpochIndex
from fedcarbon.transparency.leaf import LeafType
from partner_node.membership import Membership
from partner_node.record.receipts import checked_receipt
from partner_node.storage.database import Database
from partner_node.storage.outbox import Message, MessageKind, Outbox


class EpochExchange:
    """What was decided to be sent, and what came back for it."""

    def __init__(self, database: Database, member: Membership) -> None:
        """Keep messages and receipts in `database`."""
        self._outbox = Outbox(database)
        self._member = member

    def message(self, kind: MessageKind, epoch: EpochIndex, part: int = 0) -> Message:
        """Return a message that is stored."""
        message = self._outbox.message(kind, str(epoch), part)
        assert message is not None  # noqa: S101 - stored before it is sent
        return message

    def is_stored(self, kind: MessageKind, epoch: EpochIndex) -> bool:
        """Tell whether a message has been decided."""
        return self._outbox.parts(kind, str(epoch)) > 0

    def is_answered(self, kind: MessageKind, epoch: EpochIndex) -> bool:
        """Tell whether the hub has signed a receipt for a message."""
        return bool(self._outbox.receipts(kind, str(epoch)))

    def unanswered_parts(self, kind: MessageKind, epoch: EpochIndex) -> list[int]:
        """Return the stored parts of a message without a receipt, ascending."""
        received = self._outbox.receipts(kind, str(epoch))
        return [
            part for part in range(self._outbox.parts(kind, str(epoch))) if part not in received
        ]

    def keep_receipt(self, message: Message, data: bytes, leaf_type: LeafType) -> None:
        """Check the hub's receipt for a message, and keep it.

        Raises:
            PeerError: it is no receipt for this message; see `checked_receipt`.
        """
        receipt = checked_receipt(
            self._member.foundation, data, leaf_type=leaf_type, envelope=message.envelope
        )
        self._outbox.save_receipt(message, receipt)
