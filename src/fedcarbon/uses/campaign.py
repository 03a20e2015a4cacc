"""Campaigns: red packets on top of what grams earn anyway, out of a published budget.

First come, first served: whoever is served while there is something left gets what is published,
the last one what is left. The budget lies in an account of the campaign's own, so that the ledger
itself keeps a campaign from giving more.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar, Final

from fedcarbon.canonical.hashing import u64
from fedcarbon.canonical.statement import Statement
from fedcarbon.errors import MalformedError
from fedcarbon.ids import ProgrammeId, checked_name
from fedcarbon.ledger.account import (
    Account,
    AccountKind,
    campaign_account,
    holder_account,
    programme_account,
)
from fedcarbon.ledger.transfer import AMOUNT_MAX, Phase, Transfer, derived_transfer_id
from fedcarbon.ledger.unit import FEN
from fedcarbon.units import Fen, Seconds
from fedcarbon.uses.offer import check_head, check_text
from fedcarbon.uses.order import UseOrder

_CAMPAIGN: Final = b"campaign"
_USE: Final = b"use"
_RED_PACKET: Final = b"red-packet"


class Occasion(StrEnum):
    """What earns a red packet."""

    REDEMPTION = "redemption"
    """Every redeemed unit; paid with the redemption, and given back with it."""
    DONATION = "donation"
    """Every piece of one offer that is given; paid into the holder's proceeds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign(Statement):
    """So many fen on top, for a time and up to a budget; signed by t root keys."""

    KIND: ClassVar[str] = "campaign"

    parameter_id: bytes
    programme_id: ProgrammeId
    campaign_id: str
    """A name; it never changes."""
    title: str
    occasion: Occasion
    offer_id: str | None = None
    """The cause that must be given to; None for redemptions."""
    packet_fen: int
    """For every unit or piece."""
    budget_fen: int
    """Set aside from the programme's float when the campaign is published."""
    valid_from_s: int
    valid_until_s: int
    """Protocol time from which nothing earns a red packet any more, and the rest may go back."""

    def __post_init__(self) -> None:
        """Check names, texts and ranges."""
        check_head(self.parameter_id, self.programme_id)
        checked_name(self.campaign_id)
        check_text(self.title)
        if (self.offer_id is not None) != (self.occasion is Occasion.DONATION):
            raise MalformedError("donations, and nothing else, are to a cause")
        if self.offer_id is not None:
            checked_name(self.offer_id)
        if not 1 <= self.packet_fen <= self.budget_fen <= AMOUNT_MAX:
            raise MalformedError("a budget covers a red packet at least")
        if self.valid_from_s >= self.valid_until_s:
            raise MalformedError("a campaign is valid for some time")

    @property
    def account(self) -> Account:
        """Where its budget lies."""
        return campaign_account(self.programme_id, self.campaign_id)

    def overlaps(self, other: Campaign) -> bool:
        """Tell whether both could pay for the same thing at the same time."""
        same = (self.programme_id, self.offer_id) == (other.programme_id, other.offer_id)
        apart = self.valid_until_s <= other.valid_from_s or other.valid_until_s <= self.valid_from_s
        return same and not apart

    def pays_fen(self, count: int, left_fen: int) -> Fen:
        """Return what so many units or pieces earn: as published, or what is left.

        Args:
            count: at least 1.
            left_fen: of the budget.
        """
        return Fen(min(count * self.packet_fen, left_fen))


def campaign_for(
    campaigns: Iterable[Campaign], programme: ProgrammeId, offer_id: str | None, now_s: int
) -> Campaign | None:
    """Return the campaign that pays at an instant, of which there is one at most.

    Args:
        campaigns: in the order of the record.
        programme: whose.
        offer_id: the cause that is given to; None for a redemption.
        now_s: protocol time.
    """
    for item in campaigns:
        about = (item.programme_id, item.offer_id) == (programme, offer_id)
        if about and item.valid_from_s <= now_s < item.valid_until_s:
            return item
    return None


def funding(campaign: Campaign) -> Transfer:
    """Return the transfer that sets a budget aside."""
    purse = programme_account(AccountKind.FLOAT, campaign.programme_id)
    return _money(_id_of(campaign, b"fund"), purse, campaign.account, Fen(campaign.budget_fen))


def releasing(campaign: Campaign, left_fen: Fen, number: int) -> Transfer:
    """Return the transfer that gives back what a campaign that is over has left.

    Args:
        campaign: which.
        left_fen: all that its account holds.
        number: how many such transfers there have been: red packets may come back later.
    """
    purse = programme_account(AccountKind.FLOAT, campaign.programme_id)
    return _money(_id_of(campaign, b"release", u64(number)), campaign.account, purse, left_fen)


def rewarding(order: UseOrder, campaign: Campaign, amount_fen: Fen) -> Transfer:
    """Return the transfer of the red packet that a gift earns."""
    proceeds = holder_account(AccountKind.PROCEEDS, order.account_token)
    return _money(reward_id(order.use_id), campaign.account, proceeds, amount_fen)


def reward_id(use_id: bytes) -> bytes:
    """Return the id of the one red packet that a use can earn."""
    return derived_transfer_id(_USE, use_id, _RED_PACKET)


def is_over(campaign: Campaign, now_s: Seconds) -> bool:
    """Tell whether nothing earns a red packet any more."""
    return now_s >= campaign.valid_until_s


def _id_of(campaign: Campaign, *items: bytes) -> bytes:
    names = (campaign.programme_id.encode(), campaign.campaign_id.encode())
    return derived_transfer_id(_CAMPAIGN, *names, *items)


def _money(transfer_id: bytes, debit: Account, credit: Account, amount: Fen) -> Transfer:
    return Transfer(
        transfer_id=transfer_id,
        debit=debit,
        credit=credit,
        unit=FEN,
        amount=amount,
        phase=Phase.SINGLE,
        resolves=None,
    )
