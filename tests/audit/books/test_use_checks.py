"""The checks of uses: every move rests on an order, a price, a lot or a notice."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest

from fedcarbon.audit.ledger_checks import check_books
from fedcarbon.ids import PartyId, ProgrammeId
from fedcarbon.ledger.batch import LedgerLine
from fedcarbon.redemption.wallet import sandbox_wallet_id
from fedcarbon.registry.measure import Measure
from fedcarbon.transparency.checkpoint import TIME_TOLERANCE_S
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from fedcarbon.uses.lot import CreditLot, LotRetirement, LotSale, LotVerification
from fedcarbon.uses.offer import ExpiryNotice, LotRules, Offer, OfferKind
from fedcarbon.uses.order import GoodsOutcome, UseKind, UseOrder
from tests.audit.books.drafts import PROGRAMME
from tests.audit.books.tampering import codes
from tests.audit.books.use_drafts import REFUSED, SOLD, UseDraft, honest_uses
from tests.hub.clearing.conftest import SHANGHAI

PLEDGED, USED, SHARED, EXPIRED = range(4)
"""The batches, by what happens in them."""

Attack = Callable[[UseDraft], None]


@pytest.fixture(scope="session")
def honest_use_draft(tmp_path_factory: pytest.TempPathFactory) -> UseDraft:
    return honest_uses(tmp_path_factory.mktemp("uses"))


@pytest.fixture
def draft(honest_use_draft: UseDraft) -> UseDraft:
    return copy.deepcopy(honest_use_draft)


def test_nothing_is_found_in_honest_books(draft: UseDraft) -> None:
    assert check_books(draft.sealed()) == []


def is_use(kind: UseKind) -> Callable[[UseOrder], bool]:
    return lambda order: order.use is kind


def lines(
    batch: int, wanted: Callable[[LedgerLine], bool], *, drop: bool = False, **changes: Any
) -> Attack:
    """Change or drop the lines that are wanted; there is at least one."""

    def change(found: list[LedgerLine]) -> list[LedgerLine]:
        assert any(map(wanted, found))
        if drop:
            return [line for line in found if not wanted(line)]
        return [replace(line, **changes) if wanted(line) else line for line in found]

    return lambda draft: draft.draft.change_lines(batch, change)


def to(kind: str) -> Callable[[LedgerLine], bool]:
    return lambda line: line.credit.endswith(f":{kind}")


def _shift_a_fen(draft: UseDraft) -> None:
    """One contributor gets a fen that is another's."""

    def change(found: list[LedgerLine]) -> list[LedgerLine]:
        first, second = [line for line in found if line.credit.endswith(":proceeds")][:2]
        moved = {
            first.transfer_id: replace(first, amount=str(int(first.amount) + 1)),
            second.transfer_id: replace(second, amount=str(int(second.amount) - 1)),
        }
        return [moved.get(line.transfer_id, line) for line in found]

    draft.draft.change_lines(SHARED, change)


def _order_again(draft: UseDraft) -> None:
    draft.repeat(UseOrder)


def _unsigned_offer(draft: UseDraft) -> None:
    draft.unsigned.add(draft.leaves[draft.first(Offer)[0]][0])


def _order_afterwards(draft: UseDraft) -> None:
    at, order = draft.first(UseOrder, is_use(UseKind.DONATE))
    draft.leaves[at] = (1_000, order)


def _bread_of_a_cause(draft: UseDraft) -> None:
    draft.change(Offer, lambda item: item.hold_s > 0, offer_kind=OfferKind.DONATION, hold_s=0)


def _contribution_moved(draft: UseDraft) -> None:
    _, lot = draft.first(CreditLot)
    first, second, *rest = lot.contributions
    moved = (
        replace(first, mass_ug=MicrogramsCO2e(first.mass_ug - 1)),
        replace(second, mass_ug=MicrogramsCO2e(second.mass_ug + 1)),
    )
    draft.change(CreditLot, contributions=(*moved, *rest))


def _void_early(draft: UseDraft) -> None:
    def early(line: LedgerLine) -> bool:
        return line.phase == "void"

    _, first = draft.draft.batches[USED]
    lines(SHARED, early, recorded_s=first.lines[0].recorded_s)(draft)


OVERDUE: Final = (6).to_bytes(16, "big")
"""Goods that came back by time."""


def _handed_out(behind_batch: int) -> Attack:
    """The supplier has handed out what came back, and says so right behind a batch."""

    def attack(draft: UseDraft) -> None:
        _, outcome = draft.first(GoodsOutcome)
        leaf, _ = draft.draft.batches[behind_batch]
        draft.leaves.append((leaf + 1, replace(outcome, use_id=OVERDUE)))

    return attack


def _word_before_the_order(draft: UseDraft) -> None:
    at, outcome = draft.first(GoodsOutcome)
    draft.leaves[at] = (1, outcome)


def _head_over_a_batch(late_s: int) -> Attack:
    """The hub gives a transfer a time that was not yet when trustees signed its batch."""

    def attack(draft: UseDraft) -> None:
        leaf, batch = draft.draft.batches[USED]
        newest_s = max(line.recorded_s for line in batch.lines)
        draft.waits_s[leaf] = Seconds(newest_s - late_s)

    return attack


def _head_before(cls: type[Any], wanted: Callable[[Any], bool], kind: str, early_s: int) -> Attack:
    """The hub gives what rests on a statement a time at which nobody had logged that."""

    def attack(draft: UseDraft) -> None:
        leaf, _ = draft.leaves[draft.first(cls, wanted)[0]]
        _, batch = draft.draft.batches[USED]
        line = next(line for line in batch.lines if to(kind)(line))
        draft.after_s[leaf] = Seconds(line.recorded_s + early_s)

    return attack


def _counting_points(draft: UseDraft) -> None:
    """Rules, pledges and lots in a programme that counts no grams."""
    draft.draft.programmes = {SHANGHAI: replace(PROGRAMME, measure=Measure.POINTS)}


def is_fulfilled(outcome: GoodsOutcome) -> bool:
    return outcome.fulfilled


@pytest.mark.parametrize(
    "attack",
    [
        _head_over_a_batch(TIME_TOLERANCE_S),
        _head_before(UseOrder, is_use(UseKind.DONATE), "donated", TIME_TOLERANCE_S),
        _head_before(GoodsOutcome, is_fulfilled, "exchanged", TIME_TOLERANCE_S),
    ],
    ids=["batch", "order", "word"],
)
def test_clocks_may_differ_a_little(draft: UseDraft, attack: Attack) -> None:
    attack(draft)

    assert check_books(draft.sealed()) == []


def changing(cls: type[Any], wanted: Callable[[Any], bool] = lambda _: True, **how: Any) -> Attack:
    return lambda draft: draft.change(cls, wanted, **how)


def removing(cls: type[Any], wanted: Callable[[Any], bool] = lambda _: True) -> Attack:
    return lambda draft: draft.remove(cls, wanted)


def repeating(cls: type[Any], **how: Any) -> Attack:
    return lambda draft: draft.repeat(cls, **how)


ATTACKS: Final[dict[str, tuple[Attack, set[str]]]] = {
    "an order stands twice": (_order_again, {"V26 USE_ID_REUSED"}),
    "an order after its gift": (_order_afterwards, {"V26 USE_BEFORE_ORDER"}),
    "a price that nobody signed": (_unsigned_offer, {"V26 OFFER_UNSIGNED"}),
    "a price that was raised": (
        changing(Offer, price_ug=MicrogramsCO2e(1_000_001)),
        {"V26 USE_MASS_DIFFERS"},
    ),
    "an offer that nobody published": (removing(Offer), {"V26 UNKNOWN_OFFER"}),
    "an offer that is said twice": (repeating(Offer), {"V26 PUBLICATION_CONFLICT"}),
    "an offer that was over": (
        changing(Offer, valid_from_s=0, valid_until_s=1),
        {"V26 OFFER_NOT_VALID"},
    ),
    "goods of a cause": (_bread_of_a_cause, {"V26 OFFER_KIND_DIFFERS", "V26 USE_TRANSFER_DIFFERS"}),
    "a pledge without consent": (
        changing(UseOrder, is_use(UseKind.PLEDGE), may_be_claimed=False),
        {"V26 PLEDGE_NOT_AUTHORISED"},
    ),
    "a pledge of another vintage": (
        changing(UseOrder, is_use(UseKind.PLEDGE), vintage=2025),
        {"V26 USE_TRANSFER_DIFFERS"},
    ),
    "an order for another wallet": (
        changing(UseOrder, wallet_id=sandbox_wallet_id(9)),
        {"V26 WALLET_SWAPPED"},
    ),
    "an order by another operator": (
        changing(UseOrder, operator_id=PartyId("another")),
        {"V26 BINDING_UNKNOWN"},
    ),
    "a gift without order": (
        removing(UseOrder, is_use(UseKind.DONATE)),
        {"V26 USE_WITHOUT_ORDER"},
    ),
    "goods without order": (
        removing(UseOrder, is_use(UseKind.GOODS)),
        {"V20 REDEMPTION_WITHOUT_ORDER", "V26 GOODS_WITHOUT_ORDER", "V26 USE_WITHOUT_ORDER"},
    ),
    "a gift that is not booked": (
        lines(USED, to("donated"), drop=True),
        {"V26 USE_NOT_BOOKED"},
    ),
    "goods that are used up without a word": (
        removing(GoodsOutcome),
        {"V26 GOODS_NOT_CONCLUDED"},
    ),
    "a transfer newer than the head over its batch": (
        _head_over_a_batch(TIME_TOLERANCE_S + 1),
        {"V19 RECORDED_TIME_DIFFERS"},
    ),
    "a gift older than its order": (
        _head_before(UseOrder, is_use(UseKind.DONATE), "donated", TIME_TOLERANCE_S + 1),
        {"V19 RECORDED_TIME_DIFFERS"},
    ),
    "goods used up before the supplier's word": (
        _head_before(GoodsOutcome, is_fulfilled, "exchanged", TIME_TOLERANCE_S + 1),
        {"V19 RECORDED_TIME_DIFFERS"},
    ),
    "goods handed out, and given back later": (_handed_out(USED), {"V26 GOODS_NOT_BOOKED"}),
    "goods given back, and handed out later": (_handed_out(EXPIRED), {"V26 GOODS_NOT_BOOKED"}),
    "a word on goods that nobody ordered": (
        repeating(GoodsOutcome, use_id=b"nobody's (16 B.)"),
        {"V26 GOODS_WITHOUT_ORDER"},
    ),
    "a word on goods before they were ordered": (
        _word_before_the_order,
        {"V26 GOODS_WITHOUT_ORDER"},
    ),
    "a word on what was no goods": (
        repeating(GoodsOutcome, use_id=(4).to_bytes(16, "big")),
        {"V26 GOODS_WITHOUT_ORDER"},
    ),
    "a word in another programme": (
        changing(GoodsOutcome, programme_id=ProgrammeId("other")),
        {"V26 GOODS_WITHOUT_ORDER", "V26 UNKNOWN_PROGRAMME"},
    ),
    "a price in an unknown programme": (
        repeating(Offer, programme_id=ProgrammeId("other")),
        {"V26 UNKNOWN_PROGRAMME"},
    ),
    "rules of an unknown programme": (
        repeating(LotRules, programme_id=ProgrammeId("other")),
        {"V26 UNKNOWN_PROGRAMME"},
    ),
    "a notice in an unknown programme": (
        repeating(ExpiryNotice, programme_id=ProgrammeId("other")),
        {"V26 UNKNOWN_PROGRAMME"},
    ),
    "a word that is said twice": (repeating(GoodsOutcome), {"V26 GOODS_CONCLUDED_TWICE"}),
    "goods that come back early": (_void_early, {"V26 GOODS_GIVEN_BACK_EARLY"}),
    "tonnes of points": (_counting_points, {"V26 NOT_GRAMS"}),
    "a lot that is not whole": (
        changing(CreditLot, tonnes=2),
        {"V26 LOT_NOT_WHOLE", "V26 LOT_RETIREMENT_DIFFERS", "V26 LOT_SERIALS_DIFFER"},
    ),
    "a lot of other pledges": (
        _contribution_moved,
        {"V26 LOT_CONTRIBUTIONS_DIFFER"},
    ),
    "a lot that was formed twice": (repeating(CreditLot), {"V26 LOT_ID_REUSED"}),
    "a lot of other rules": (
        changing(LotRules, excluded_regimes=()),
        {"V26 LOT_RULES_DIFFER"},
    ),
    "a lot nobody formed": (
        removing(CreditLot),
        {"V26 LOT_UNKNOWN", "V26 USE_WITHOUT_ORDER"},
    ),
    "a lot that nobody verified": (
        removing(LotVerification),
        {"V26 LOT_STATE", "V26 USE_WITHOUT_ORDER"},
    ),
    "a lot that was verified twice": (
        repeating(LotVerification, accepted=False),
        {"V26 LOT_STATE"},
    ),
    "a refused lot whose grams are kept": (
        lines(USED, lambda line: line.debit.endswith(f"{REFUSED.hex()}:pooled"), drop=True),
        {"V26 LOT_RETURN_DIFFERS"},
    ),
    "a lot below the floor": (
        changing(LotRules, price_floor_fen=10_002),
        {"V26 LOT_PRICE_BELOW_FLOOR"},
    ),
    "a lot that was sold twice": (repeating(LotSale), {"V26 LOT_STATE"}),
    "a share that is a fen off": (_shift_a_fen, {"V26 LOT_SHARES_DIFFER"}),
    "more kept than was said": (
        changing(LotSale, retained_fen=Fen(999)),
        {"V26 LOT_SHARES_DIFFER"},
    ),
    "a lot that was retired twice": (repeating(LotRetirement), {"V26 LOT_STATE"}),
    "tonnes that are numbered otherwise": (
        changing(LotRetirement, serial_first=2, serial_last=2),
        {"V26 LOT_SERIALS_DIFFER"},
    ),
    "a retirement that is not booked": (
        lines(SHARED, lambda line: line.credit == f"lot:{SOLD.hex()}:retired", drop=True),
        {"V26 LOT_RETIREMENT_DIFFERS"},
    ),
    "expiry without notice": (removing(ExpiryNotice), {"V26 EXPIRED_WITHOUT_NOTICE"}),
    "expiry before its time": (
        lambda draft: draft.change(
            ExpiryNotice, expires_at_s=draft.first(ExpiryNotice)[1].expires_at_s + 10**7
        ),
        {"V26 EXPIRED_TOO_EARLY"},
    ),
    "expiry too soon after its notice": (
        lambda draft: draft.waits_s.update(
            {leaf: at_s + 10**7 for leaf, at_s in draft.waits_s.items()}  # type: ignore[misc]
        ),
        {"V26 EXPIRED_TOO_EARLY"},
    ),
    "expiry under a notice that no head covers": (
        lambda draft: draft.waits_s.clear(),
        {"V26 EXPIRED_TOO_EARLY"},
    ),
}


@pytest.mark.parametrize("what", ATTACKS)
def test_what_is_done_to_uses_is_found(draft: UseDraft, what: str) -> None:
    attack, expected = ATTACKS[what]
    attack(draft)

    assert codes(check_books(draft.sealed())) == expected
