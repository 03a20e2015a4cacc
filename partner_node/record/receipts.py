"""Receipts: what the hub signs when it accepts a message, checked before it counts."""

from __future__ import annotations

import hashlib
from typing import ClassVar

from fedcarbon.errors import PeerError
from fedcarbon.transparency.envelope import open_signed
from fedcarbon.transparency.leaf import LeafType, commit
from fedcarbon.transparency.receipt import MERGE_DELAY_S, Receipt
from fedcarbon.units import Seconds
from partner_node.record.foundation import Foundation
from partner_node.storage.outbox import StoredReceipt


class ReceiptInvalidError(PeerError):
    """The hub's receipt is not for the message that was sent; keep both as evidence."""

    code: ClassVar[str] = "RECEIPT_INVALID"


class PromiseBrokenError(PeerError):
    """The record holds something else where a signed receipt promised a message."""

    code: ClassVar[str] = "PROMISE_BROKEN"


class PromiseOverdueError(PeerError):
    """No witnessed head covers a leaf at the time that a signed receipt promised; keep it."""

    code: ClassVar[str] = "PROMISE_OVERDUE"


def checked_receipt(
    foundation: Foundation, data: bytes, *, leaf_type: LeafType, envelope: bytes
) -> StoredReceipt:
    """Return the receipt in `data` if it promises exactly `envelope`.

    Args:
        foundation: whose hub must have signed.
        data: DSSE envelope of the receipt.
        leaf_type: what the message is logged as.
        envelope: the exact bytes that were sent.

    Raises:
        SignatureInvalidError: no admitted hub has signed it.
        ReceiptInvalidError: it is for another parameter set, message or leaf, or promises it too
            late.
    """
    receipt = _signed(foundation, data)
    if receipt.message_sha256 != hashlib.sha256(envelope).digest():
        raise ReceiptInvalidError("a receipt names another message than the one that was sent")
    if commit(leaf_type, receipt.salt, envelope).to_bytes() != receipt.leaf:
        raise ReceiptInvalidError("the leaf of a receipt does not commit to the message")
    return _stored(receipt, data)


def checked_hub_receipt(
    foundation: Foundation, data: bytes, *, leaf_type: LeafType
) -> StoredReceipt:
    """Return a receipt for what the hub itself signed about a message, such as a revealed list.

    Raises:
        SignatureInvalidError: no admitted hub has signed it.
        ReceiptInvalidError: it is for another parameter set or type of leaf, or promises it too
            late.
    """
    receipt = _signed(foundation, data)
    if receipt.leaf[0] != leaf_type:
        raise ReceiptInvalidError(f"a receipt for a {leaf_type.kind} names another type of leaf")
    return _stored(receipt, data)


def _signed(foundation: Foundation, data: bytes) -> Receipt:
    receipt = open_signed(Receipt, data, foundation.hub_keys, signers=foundation.hub_keys)
    if receipt.parameter_id != foundation.parameters.parameter_id:
        raise ReceiptInvalidError("a receipt is for another parameter set")
    if receipt.merge_by_s - receipt.accepted_at_s > MERGE_DELAY_S:
        raise ReceiptInvalidError(
            f"a receipt gives the hub {receipt.merge_by_s - receipt.accepted_at_s} s, more than "
            f"{MERGE_DELAY_S}"
        )
    return receipt


def _stored(receipt: Receipt, data: bytes) -> StoredReceipt:
    return StoredReceipt(
        leaf_index=receipt.leaf_index,
        leaf=receipt.leaf,
        merge_by_s=Seconds(receipt.merge_by_s),
        receipt=data,
    )
