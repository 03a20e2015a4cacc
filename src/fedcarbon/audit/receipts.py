"""V25: what the hub promised in its receipts is in the record."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from fedcarbon.audit.examination import Examination
from fedcarbon.audit.findings import CheckId
from fedcarbon.errors import FedcarbonError
from fedcarbon.ids import Role
from fedcarbon.transparency.envelope import open_signed
from fedcarbon.transparency.receipt import Receipt


class KeptReceipt(NamedTuple):
    """A receipt that a partner or an operator has kept."""

    name: str
    """For people."""
    data: bytes
    """The envelope."""


def check_receipts(exam: Examination, receipts: Iterable[KeptReceipt] | None) -> None:
    """Check that every receipt is an admitted hub's, and that its leaf stands where it says."""
    checklist, view = exam.checklist, exam.view
    if receipts is None:
        checklist.not_checked(CheckId.RECEIPTS, "no receipts were given to this audit")
        return
    hubs = [item.party_id for item in view.parties.admissions.values() if item.role is Role.HUB]
    for kept in receipts:
        checklist.count(CheckId.RECEIPTS)
        subject = f"receipt {kept.name}"
        try:
            receipt = open_signed(Receipt, kept.data, view.parties.keyring, signers=hubs)
            view.parties.require_parameters(receipt)
        except FedcarbonError as error:
            checklist.find_error(error, CheckId.RECEIPTS, subject)
            continue
        if view.leaf_at(receipt.leaf_index) != receipt.leaf:
            checklist.find(
                CheckId.RECEIPTS,
                "PROMISE_BROKEN",
                subject,
                f"the hub signed that this leaf is leaf {receipt.leaf_index}, and it is not there; "
                "keep the receipt as evidence",
                receipt.leaf_index,
            )
