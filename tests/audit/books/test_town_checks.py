"""Red packets, markets, stocks: what a hub does to them is found by both auditors alike."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from fedcarbon.audit.ledger_checks import check_books
from fedcarbon.ledger.account import (
    Account,
    AccountKind,
    campaign_account,
    holder_account,
    programme_account,
)
from fedcarbon.ledger.batch import LedgerLine, line_of
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import FEN, Vintage
from fedcarbon.redemption.postings import RED_PACKET, posting_id
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S
from fedcarbon.units import SECONDS_PER_DAY, Seconds
from fedcarbon.uses.campaign import Campaign, reward_id
from fedcarbon.uses.market import MarketPrice, MarketRules
from fedcarbon.uses.offer import NOTICE_MIN_S, ExpiryNotice, Offer
from fedcarbon.uses.order import UseOrder
from fedcarbon.uses.postings import payment_id
from tests.audit.books.drafts import PARAMETER_ID
from tests.audit.books.market_drafts import FIRST, LAST, SECOND, THIRD, honest_town
from tests.audit.books.minimal import minimal_codes
from tests.audit.books.tampering import codes
from tests.audit.books.use_drafts import UseDraft
from tests.hub.clearing.conftest import SHANGHAI, START_S

Attack = Callable[[UseDraft], None]
Wanted = Callable[[LedgerLine], bool]
FLOAT, PURSE = (
    programme_account(kind, SHANGHAI) for kind in (AccountKind.FLOAT, AccountKind.MARKET_PURSE)
)
SPRING, PLANTING = (campaign_account(SHANGHAI, name) for name in ("spring", "planting"))


@pytest.fixture(scope="session")
def honest_town_draft(tmp_path_factory: pytest.TempPathFactory) -> UseDraft:
    return honest_town(tmp_path_factory.mktemp("town"))


@pytest.fixture
def draft(honest_town_draft: UseDraft) -> UseDraft:
    return copy.deepcopy(honest_town_draft)


def test_neither_auditor_finds_anything_in_an_honest_town(draft: UseDraft) -> None:
    assert check_books(draft.sealed()) == []
    assert minimal_codes(draft.sealed()) == set()


def use(number: int) -> bytes:
    return number.to_bytes(16, "big")


def lines(batch: int, wanted: Wanted, *, drop: bool = False, **changes: Any) -> Attack:
    """Change or drop the lines that are wanted; there is at least one."""

    def change(found: list[LedgerLine]) -> list[LedgerLine]:
        assert any(map(wanted, found))
        if drop:
            return [line for line in found if not wanted(line)]
        return [replace(line, **changes) if wanted(line) else line for line in found]

    return lambda draft: draft.draft.change_lines(batch, change)


def at(transfer_id: bytes) -> Wanted:
    return lambda line: line.transfer_id == transfer_id


def between(debit: str, credit: str) -> Wanted:
    return lambda line: line.debit == debit and line.credit == credit


def together(*attacks: Attack) -> Attack:
    def attack(draft: UseDraft) -> None:
        for one in attacks:
            one(draft)

    return attack


def saying(
    cls: type[Any], wanted: Callable[[Any], bool] = lambda _: True, **changes: Any
) -> Attack:
    return lambda draft: draft.change(cls, wanted, **changes)


def repeating(cls: type[Any], **changes: Any) -> Attack:
    return lambda draft: draft.repeat(cls, **changes)


def removing(cls: type[Any], wanted: Callable[[Any], bool] = lambda _: True) -> Attack:
    return lambda draft: draft.remove(cls, wanted)


def named(name: str) -> Callable[[Campaign], bool]:
    return lambda item: item.campaign_id == name


def on_day(number: int) -> Callable[[MarketPrice], bool]:
    """Say which price is meant, by the number of its day in the market."""
    return lambda item: item.day == START_S // SECONDS_PER_DAY + number


def of_use(number: int) -> Callable[[UseOrder], bool]:
    return lambda item: item.use_id == use(number)


def more(batch: int, debit: str, credit: str, amount: int) -> Attack:
    """Book money that nobody has ordered."""

    def change(found: list[LedgerLine]) -> list[LedgerLine]:
        made = Transfer(
            transfer_id=bytes(16),
            debit=Account.from_name(debit),
            credit=Account.from_name(credit),
            unit=FEN,
            amount=amount,
            phase=Phase.SINGLE,
            resolves=None,
        )
        return [*found, line_of(made, Seconds(found[-1].recorded_s))]

    return lambda draft: draft.draft.change_lines(batch, change)


def reserved(number: int) -> bytes:
    """Return the id of the reservation of a redemption's red packet."""
    return posting_id(use(number), Phase.RESERVE.value, RED_PACKET)


def posted(number: int) -> bytes:
    return posting_id(use(number), Phase.POST.value, RED_PACKET)


def packet(number: int, **changes: Any) -> Attack:
    """Change a red packet where it is set aside and where it is paid."""
    return together(
        lines(THIRD, at(reserved(number)), **changes), lines(THIRD, at(posted(number)), **changes)
    )


def _announced_early(draft: UseDraft) -> None:
    """The end of the vintage was known before anything was traded."""
    leaf = next(index for index, item in draft.leaves if isinstance(item, MarketRules))
    notice = ExpiryNotice(
        parameter_id=PARAMETER_ID,
        programme_id=SHANGHAI,
        vintage=Vintage(2026),
        expires_at_s=START_S + 2 * NOTICE_MIN_S,
    )
    at_ = next(place for place, (index, _) in enumerate(draft.leaves) if index == leaf)
    draft.leaves.insert(at_, (leaf - 1, notice))


ONE: Final = holder_account(AccountKind.PROCEEDS, bytes([1]) * 32).name

SHORT: Final = "V19 INSUFFICIENT_BALANCE"
"""What was taken is missing later."""

ATTACKS: Final[dict[str, tuple[Attack, set[str]]]] = {
    "a red packet that is withheld": (
        together(
            lines(THIRD, at(reserved(3)), drop=True),
            lines(THIRD, at(posted(3)), drop=True),
            lambda draft: draft.draft.change_payouts(
                THIRD, lambda found: [replace(line, amount_fen=5) for line in found]
            ),
        ),
        {"V20 RED_PACKET_DIFFERS"},
    ),
    "a red packet for somebody who came too late": (
        saying(Campaign, named("spring"), valid_until_s=START_S + 1),
        {"V20 RED_PACKET_DIFFERS"},
    ),
    "a red packet of another size than was published": (
        saying(Campaign, named("spring"), packet_fen=1),
        {"V20 RED_PACKET_DIFFERS"},
    ),
    "a campaign that nobody published": (
        removing(Campaign, named("spring")),
        {"V20 RED_PACKET_DIFFERS", "V26 USE_WITHOUT_ORDER"},
    ),
    "a budget above the published one": (
        lines(FIRST, between(FLOAT.name, SPRING.name), amount="8"),
        {"V20 RED_PACKET_DIFFERS", "V26 CAMPAIGN_FUNDING_DIFFERS"},
    ),
    "a budget that is filled up again": (
        more(SECOND, FLOAT.name, SPRING.name, 5),
        {"V20 RED_PACKET_DIFFERS", "V26 USE_WITHOUT_ORDER"},
    ),
    "a budget for a friend": (
        more(SECOND, SPRING.name, ONE, 1),
        {"V20 RED_PACKET_DIFFERS", "V26 USE_WITHOUT_ORDER", SHORT},
    ),
    "a budget that goes back too early": (
        saying(Campaign, named("spring"), valid_until_s=START_S + 10**8),
        {"V26 CAMPAIGN_RELEASED_EARLY"},
    ),
    "two campaigns for one thing": (
        repeating(Campaign, campaign_id="summer"),
        {"V26 CAMPAIGN_OVERLAPS"},
    ),
    "a campaign that is said twice": (
        repeating(Campaign, title="Another"),
        {"V26 PUBLICATION_CONFLICT"},
    ),
    "a gift's red packet that goes to somebody else": (
        lines(FIRST, at(reward_id(use(11))), credit=ONE),
        {"V26 RED_PACKET_DIFFERS", SHORT},
    ),
    "a gift's red packet that is withheld": (
        lines(FIRST, at(reward_id(use(12))), drop=True),
        {"V26 RED_PACKET_DIFFERS"},
    ),
    "a gift's red packet for another cause": (
        saying(Campaign, named("planting"), offer_id="other"),
        {"V26 RED_PACKET_DIFFERS"},
    ),
    "a price that the rules do not give": (
        saying(MarketPrice, on_day(1), price_fen=16),
        {"V26 MARKET_PRICE_DIFFERS"},
    ),
    "a first price of its own": (
        saying(MarketRules, first_price_fen=21),
        {"V26 MARKET_PRICE_DIFFERS"},
    ),
    "a price that moves although the market was quiet": (
        saying(MarketRules, quiet_units=2),
        {"V26 MARKET_PRICE_DIFFERS"},
    ),
    "a price for a day that has one": (
        repeating(MarketPrice),
        {"V26 MARKET_DAY_REPEATED"},
    ),
    "a price outside the market's days": (
        saying(MarketRules, last_day=START_S // SECONDS_PER_DAY + 1),
        {"V26 MARKET_CLOSED"},
    ),
    "a trade at a price that was not the day's": (
        saying(UseOrder, of_use(22), price_fen=14),
        {"V26 MARKET_PRICE_DIFFERS", "V26 USE_TRANSFER_DIFFERS"},
    ),
    "a trade on the day before": (
        lambda draft: draft.draft.change_lines(
            SECOND,
            lambda found: [
                replace(line, recorded_s=line.recorded_s - SECONDS_PER_DAY)
                if "market" in line.debit + line.credit
                else line
                for line in found
            ],
        ),
        {"V26 MARKET_CLOSED"},
    ),
    "a trade that the buyer has not paid": (
        lines(SECOND, at(payment_id(use(22))), drop=True),
        {"V26 USE_TRANSFER_DIFFERS", SHORT},
    ),
    "a trade that somebody else has paid": (
        lines(SECOND, at(payment_id(use(22))), debit=ONE),
        {"V26 USE_TRANSFER_DIFFERS"},
    ),
    "money of the market for a friend": (
        more(SECOND, PURSE.name, ONE, 1),
        {"V26 USE_WITHOUT_ORDER", SHORT},
    ),
    "a trade of other grams than units": (
        saying(MarketRules, unit_ug=999_999_999),
        {"V26 USE_MASS_DIFFERS"},
    ),
    "an endowment that was not published": (
        lines(FIRST, between(FLOAT.name, PURSE.name), amount="300"),
        {"V26 MARKET_ENDOWMENT_DIFFERS"},
    ),
    "a purse that is emptied while the market is open": (
        lines(LAST, between(PURSE.name, FLOAT.name), recorded_s=START_S + 3 * SECONDS_PER_DAY),
        {"V26 MARKET_CLOSED_EARLY"},
    ),
    "two markets at once": (repeating(MarketRules, market_id="other"), {"V26 MARKET_OVERLAPS"}),
    "a market below the rate of redemption": (
        saying(MarketRules, unit_ug=1_250 * 12 * 1_000_000 + 1),
        {"V26 MARKET_BELOW_RATE", "V26 USE_MASS_DIFFERS"},
    ),
    "trades of a vintage whose end is known": (_announced_early, {"V26 MARKET_VINTAGE_ENDS"}),
    "more loaves than there were": (
        saying(Offer, lambda item: item.stock is not None, stock=1),
        {"V26 OFFER_SOLD_OUT"},
    ),
    "grams that are said to be retired and go to a cause": (
        lines(
            FIRST,
            lambda line: line.credit.endswith(":offset"),
            credit=programme_account(AccountKind.DONATED, SHANGHAI).name,
        ),
        {"V26 USE_TRANSFER_DIFFERS"},
    ),
    "more grams retired than the holder said": (
        saying(UseOrder, of_use(15), mass_ug=6),
        {"V26 USE_MASS_DIFFERS"},
    ),
}


def test_a_redemption_is_not_moved_into_the_time_of_a_campaign(draft: UseDraft) -> None:
    """What was ordered behind a head has not been reserved before that head was signed."""
    leaf, order = draft.draft.orders[-1]
    money = posting_id(order.redemption_id, Phase.RESERVE.value, FEN)
    _, batch = draft.draft.batches[THIRD]
    (line,) = (item for item in batch.lines if item.transfer_id == money)
    draft.after_s[leaf] = Seconds(line.recorded_s + TIME_TOLERANCE_S)
    assert check_books(draft.sealed()) == []

    draft.after_s[leaf] = Seconds(line.recorded_s + TIME_TOLERANCE_S + 1)

    assert codes(check_books(draft.sealed())) == {"V19 RECORDED_TIME_DIFFERS"}


@pytest.mark.parametrize("what", ATTACKS)
def test_what_is_done_to_a_town_is_found_by_both(draft: UseDraft, what: str) -> None:
    attack, expected = ATTACKS[what]
    attack(draft)

    books = draft.sealed()

    assert codes(check_books(books)) == expected
    assert minimal_codes(books) == expected
