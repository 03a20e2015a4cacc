"""Use cases of campaigns: set a budget aside, and give back what a campaign that is over has left.

What a campaign pays is booked with what earns it (`hub.clearing.redemptions`, `hub.uses.taking`).
"""

from __future__ import annotations

import itertools

from sqlmodel import Session

from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, programme_account
from fedcarbon.ledger.unit import FEN
from fedcarbon.units import Fen, Seconds
from fedcarbon.uses.campaign import Campaign, funding, is_over, releasing
from hub.clearing.redemptions import FloatExhaustedError
from hub.clearing.storage.ledger_store import LedgerStore
from hub.uses.errors import CampaignOverlapsError
from hub.uses.storage.publication_store import PublicationStore


def fund_campaign(session: Session, campaign: Campaign, now_s: Seconds) -> None:
    """Set a new campaign's budget aside.

    Raises:
        CampaignOverlapsError: another one pays for the same thing in that time.
        FloatExhaustedError: the programme's float is smaller than the budget.
    """
    for item in PublicationStore(session).all(Campaign, campaign.programme_id):
        if campaign.overlaps(item.statement):
            raise CampaignOverlapsError(
                f"campaign {item.statement.campaign_id} pays for the same thing in that time"
            )
    check_float(session, campaign.budget_fen, campaign.programme_id)
    LedgerStore(session).post_linked([funding(campaign)], now_s)


def check_float(session: Session, wanted_fen: int, programme: ProgrammeId) -> None:
    """Check that a programme's float holds something that is to be set aside.

    Raises:
        FloatExhaustedError: it does not.
    """
    purse = programme_account(AccountKind.FLOAT, programme)
    if LedgerStore(session).balance(purse, FEN) < wanted_fen:
        raise FloatExhaustedError(
            f"the float of programme {programme} is less than {wanted_fen} fen; "
            "its operator must top it up"
        )


def ended_campaigns(session: Session, now_s: Seconds) -> list[Campaign]:
    """Return the campaigns that are over and still hold money."""
    ledger = LedgerStore(session)
    return [
        item.statement
        for item in PublicationStore(session).all(Campaign)
        if is_over(item.statement, now_s) and ledger.balance(item.statement.account, FEN)
    ]


def release_ended(session: Session, now_s: Seconds) -> int:
    """Give back to the float what campaigns that are over have left; return how many had any.

    Args:
        session: a writing session; the caller commits.
        now_s: protocol time.
    """
    ledger, ended = LedgerStore(session), ended_campaigns(session, now_s)
    for campaign in ended:
        left_fen = Fen(ledger.balance(campaign.account, FEN))
        steps = (releasing(campaign, left_fen, number) for number in itertools.count())
        ledger.post(next(item for item in steps if not ledger.transfer(item.transfer_id)), now_s)
    return len(ended)
