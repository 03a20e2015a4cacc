"""Entries of an account, as camt.053 and camt.054 share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from fedcarbon.redemption.rail import REASON_LENGTH_MAX, REFERENCE_LENGTH_MAX
from fedcarbon.redemption.rail_day import FloatMovement
from fedcarbon.redemption.value_day import ValueDay
from hub.rails.iso20022.values import (
    IsoContentInvalidError,
    day_of,
    moved_fen_of,
    payout_id_or_none,
)

BOOKED: Final = "BOOK"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One movement of money on an account."""

    reference: str
    signed_fen: int
    """Below zero: out of the account."""
    payout_id: bytes | None
    day: ValueDay
    text: str

    @property
    def movement(self) -> FloatMovement:
        """The same for reconciliation."""
        return FloatMovement(
            reference=self.reference,
            amount_fen=self.signed_fen,
            payout_id=self.payout_id,
            text=self.text,
        )


def entries_of(item: Any) -> list[Entry]:  # noqa: ANN401 - `ReportEntry10` of either message
    """Return the movements of one entry: one per transaction that it details.

    Raises:
        IsoContentInvalidError: not booked, without a reference or day, or details that are not
            its sum.
    """
    if item.sts.cd != BOOKED:
        raise IsoContentInvalidError("an entry is not booked: only booked ones were agreed on")
    dated = item.val_dt or item.bookg_dt
    if dated is None:
        raise IsoContentInvalidError("an entry has no day")
    day = day_of(dated.dt or dated.dt_tm)
    sign = _sign(item.cdt_dbt_ind)
    total = sign * moved_fen_of(item.amt)
    details = [detail for group in item.ntry_dtls for detail in group.tx_dtls]
    text = item.addtl_ntry_inf or ""
    if not details:
        return [_entry(item.acct_svcr_ref or item.ntry_ref, total, None, day, text)]
    is_single = len(details) == 1
    found = []
    for detail in details:
        if detail.amt is None and not is_single:
            raise IsoContentInvalidError("an entry of several transactions says each one's amount")
        own_sign = sign if detail.cdt_dbt_ind is None else _sign(detail.cdt_dbt_ind)
        signed = total if detail.amt is None else own_sign * moved_fen_of(detail.amt)
        refs = detail.refs
        reference = None if refs is None else refs.acct_svcr_ref
        if reference is None and is_single:
            reference = item.acct_svcr_ref or item.ntry_ref
        payout_id = payout_id_or_none(None if refs is None else refs.end_to_end_id)
        found.append(_entry(reference, signed, payout_id, day, detail.addtl_tx_inf or text))
    if sum(entry.signed_fen for entry in found) != total:
        raise IsoContentInvalidError("the transactions of an entry are not its sum")
    return found


def _entry(
    reference: str | None, signed_fen: int, payout_id: bytes | None, day: ValueDay, text: str
) -> Entry:
    if not reference or len(reference) > REFERENCE_LENGTH_MAX:
        raise IsoContentInvalidError("a movement needs the bank's own reference")
    return Entry(
        reference=reference,
        signed_fen=signed_fen,
        payout_id=payout_id,
        day=day,
        text=text[:REASON_LENGTH_MAX],
    )


def _sign(side: Any) -> int:  # noqa: ANN401 - an enum of either message
    return -1 if side.value == "DBIT" else 1
