"""Commitments at the hub: what was committed once stands, and every list has its own receipt."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedcarbon.errors import FedcarbonError
from fedcarbon.transparency.receipt import Receipt
from tests.hub.federation import BIKES, METRO, Federation, claims, opened, signed


def test_the_same_empty_list_of_two_partners_has_two_receipts(committing: Federation) -> None:
    committing.commit(METRO)
    committing.commit(BIKES)
    committing.advance()

    metro, bikes = committing.reveal(METRO), committing.reveal(BIKES)

    assert opened(Receipt, metro).message_sha256 == opened(Receipt, bikes).message_sha256
    assert opened(Receipt, metro).leaf_index != opened(Receipt, bikes).leaf_index


def test_a_replayed_commitment_of_another_epoch_is_no_commitment(committing: Federation) -> None:
    statement = committing.commitment(METRO, claims({1: 0}))
    committing.send_commitment(METRO, signed(statement, METRO))
    committing.wait(4 * 3600)
    committing.advance()

    with pytest.raises(FedcarbonError) as caught:
        committing.send_commitment(METRO, signed(replace(statement, count=2), METRO))

    assert caught.value.code == "CLAIM_COMMITMENT_DIFFERS"
