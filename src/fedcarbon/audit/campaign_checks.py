"""Campaigns: a budget set aside once, red packets as published, the rest back afterwards (V26).

What each order must have earned is judged with the order; it needs what a campaign had left then.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from fedcarbon.audit.books import Books
from fedcarbon.audit.findings import Finding
from fedcarbon.audit.ledger_replay import ReplayedLedger
from fedcarbon.audit.use_findings import JudgedUses, found, once, stated
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import Account, AccountKind
from fedcarbon.units import Fen, Seconds
from fedcarbon.uses.campaign import Campaign, campaign_for, funding


class Campaigns:
    """The campaigns of a record and what each had left at every moment."""

    def __init__(
        self, campaigns: Iterable[tuple[int, Campaign]] = (), ledger: ReplayedLedger | None = None
    ) -> None:
        """Take campaigns with their leaves, in the order of the record, and what was booked."""
        self._campaigns: Final[Sequence[tuple[int, Campaign]]] = tuple(campaigns)
        self._left: Final[dict[Account, list[tuple[int, int]]]] = defaultdict(lambda: [(-1, 0)])
        for booked in () if ledger is None else ledger.booked.values():
            transfer = booked.transfer
            for side, sign in ((transfer.debit, -1), (transfer.credit, 1)):
                if side.kind is AccountKind.CAMPAIGN:
                    history = self._left[side]
                    history.append((booked.number, history[-1][1] + sign * transfer.amount))

    def at(
        self, leaf: int, programme: ProgrammeId, offer_id: str | None, at_s: Seconds
    ) -> Campaign | None:
        """Return the campaign that pays for an order.

        Args:
            leaf: of the order.
            programme: whose.
            offer_id: the cause that is given to; None for a redemption.
            at_s: protocol time at which it was taken.
        """
        known = (item for index, item in self._campaigns if index < leaf)
        return campaign_for(known, programme, offer_id, at_s)

    def owed_fen(self, campaign: Campaign, count: int, number: int) -> Fen:
        """Return the red packet for so many units or pieces.

        Args:
            campaign: that pays it.
            count: at least 1.
            number: of the first transfer of the order, before which the campaign's rest counts.
        """
        history = self._left[campaign.account]
        left_fen = history[bisect_left(history, (number,)) - 1][1]
        return campaign.pays_fen(count, max(left_fen, 0))


def check_campaigns(
    books: Books, ledger: ReplayedLedger, judged: JudgedUses, findings: list[Finding]
) -> Campaigns:
    """Judge what campaigns were given and what they gave back; return them."""
    stands = once(
        (
            (leaf, (item.programme_id, item.campaign_id), item)
            for leaf, item in stated(Campaign, books, findings)
        ),
        "PUBLICATION_CONFLICT",
        findings,
    )
    counted: list[tuple[int, Campaign]] = []
    for leaf, campaign in stands.values():
        subject = f"campaign {campaign.campaign_id}"
        if any(campaign.overlaps(other) for _, other in counted):
            text = "another campaign pays for the same thing in its time; it does not count"
            findings.append(found("CAMPAIGN_OVERLAPS", subject, text, leaf))
            continue
        counted.append((leaf, campaign))
        expected = funding(campaign)
        booked = ledger.booked.get(expected.transfer_id)
        if booked is not None:
            judged.explained.add(expected.transfer_id)
        early = booked is not None and booked.batch_leaf < leaf
        differs = booked is not None and booked.transfer != expected
        if early or differs or (booked is None and leaf < ledger.last_leaf):
            text = f"{campaign.budget_fen} fen must be set aside for it, once, behind its leaf"
            findings.append(found("CAMPAIGN_FUNDING_DIFFERS", subject, text, leaf))
    _check_releases({item.account: item for _, item in counted}, ledger, judged, findings)
    return Campaigns(counted, ledger)


def _check_releases(
    campaigns: dict[Account, Campaign],
    ledger: ReplayedLedger,
    judged: JudgedUses,
    findings: list[Finding],
) -> None:
    for transfer_id, booked in ledger.booked.items():
        transfer = booked.transfer
        campaign = campaigns.get(transfer.debit)
        if campaign is None or transfer.credit.kind is not AccountKind.FLOAT:
            continue
        judged.explained.add(transfer_id)
        if booked.recorded_s < campaign.valid_until_s:
            subject = f"campaign {campaign.campaign_id}"
            text = f"{transfer.amount} fen left its budget before {campaign.valid_until_s}"
            findings.append(found("CAMPAIGN_RELEASED_EARLY", subject, text, booked.batch_leaf))
