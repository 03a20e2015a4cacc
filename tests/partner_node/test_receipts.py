"""Receipts: only the hub's signature over exactly the message that was sent counts."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from fedcarbon.errors import SignatureInvalidError
from fedcarbon.transparency.envelope import sign
from fedcarbon.transparency.leaf import LeafType, commit
from fedcarbon.transparency.receipt import MERGE_DELAY_S, Receipt
from partner_node.record.receipts import (
    ReceiptInvalidError,
    checked_hub_receipt,
    checked_receipt,
)
from tests.partner_node.fake_hub import HUB, NODE
from tests.partner_node.world import World

MESSAGE = b"exactly these bytes"
SALT = b"s" * 32


def receipt(world: World, signer: str = HUB, **changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "parameter_id": world.hub.parameters.parameter_id,
        "message_sha256": hashlib.sha256(MESSAGE).digest(),
        "leaf_index": 7,
        "leaf": commit(LeafType.CHUNK_HEADER, SALT, MESSAGE).to_bytes(),
        "salt": SALT,
        "accepted_at_s": 1,
        "merge_by_s": 1 + MERGE_DELAY_S,
    }
    return sign(Receipt(**fields | changes), {signer: world.hub.keys[signer]}).to_bytes()


def check(world: World, data: bytes) -> int:
    foundation = world.node._member.foundation
    return checked_receipt(
        foundation, data, leaf_type=LeafType.CHUNK_HEADER, envelope=MESSAGE
    ).leaf_index


def test_a_receipt_for_the_message_is_accepted(world: World) -> None:
    assert check(world, receipt(world)) == 7


WRONG: dict[str, dict[str, Any]] = {
    "another message": {"message_sha256": bytes(32)},
    "another parameter set": {"parameter_id": bytes(32)},
    "a leaf over other bytes": {
        "leaf": commit(LeafType.CHUNK_HEADER, SALT, b"other bytes").to_bytes()
    },
    "a leaf of another type": {"leaf": commit(LeafType.SEAL, SALT, MESSAGE).to_bytes()},
    "another salt": {"salt": bytes(32)},
    "a promise for the day after tomorrow": {"merge_by_s": 2 + MERGE_DELAY_S},
}


@pytest.mark.parametrize("case", WRONG)
def test_a_receipt_for_something_else_is_refused(world: World, case: str) -> None:
    with pytest.raises(ReceiptInvalidError):
        check(world, receipt(world, **WRONG[case]))


def test_a_receipt_that_another_party_signed_is_refused(world: World) -> None:
    with pytest.raises(SignatureInvalidError):
        check(world, receipt(world, signer=NODE))


def test_a_receipt_about_a_list_must_name_a_leaf_of_that_type(world: World) -> None:
    foundation = world.node._member.foundation

    with pytest.raises(ReceiptInvalidError, match="another type of leaf"):
        checked_hub_receipt(foundation, receipt(world), leaf_type=LeafType.CLAIM_LIST)
