"""What is done to uses of grams: prices, pledges, lots, goods and the end of a vintage."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from fedcarbon.canonical import statement as statements
from fedcarbon.canonical.statement import Statement
from fedcarbon.ids import ProgrammeId
from fedcarbon.ledger.account import AccountKind, holder_account, programme_account
from fedcarbon.ledger.batch import CHAIN_START, LedgerBatch, LedgerLine, batch_hash, line_of
from fedcarbon.ledger.transfer import Phase, Transfer
from fedcarbon.ledger.unit import FEN, Vintage
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.payouts import PayoutBatch
from fedcarbon.redemption.postings import posting_id
from fedcarbon.redemption.settlement import Draw
from fedcarbon.registry.admission import root_keyid
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from fedcarbon.uses.campaign import Campaign
from fedcarbon.uses.lot import TONNE_UG, Contribution, CreditLot, LotSale, LotVerification
from fedcarbon.uses.market import MarketRules
from fedcarbon.uses.offer import ExpiryNotice, LotRules, Offer
from fedcarbon.uses.order import GoodsOutcome, Use, UseKind, UseOrder
from fedcarbon.uses.postings import pooling, selling, taking
from fedcarbon.uses.ranking import RankedLine, Ranking, RankingChoice
from fedcarbon.uses.states import UseState
from tests.audit.kit import Kit
from tests.simulation.uses import PIECE_UG, TREE, VINTAGE
from tests.simulation.world import HUB, OPERATOR, PROGRAMME

LOT: Final = b"a lot of 16 byte"
OTHER_LOT: Final = b"another lot (16)"
ANOTHER_USE: Final = b"another use (16)"


def donation_at_another_price(kit: Kit) -> None:
    """The tree had another price than what the holder gave for it."""
    _replace(kit, Offer, {"offer_id": TREE}, price_ug=MicrogramsCO2e(PIECE_UG - 1))


def donation_out_of_season(kit: Kit) -> None:
    index, offer = kit.of(Offer, offer_id=TREE)[0]
    later = dataclasses.replace(offer, valid_from_s=offer.valid_until_s - 1)
    kit.replace(index, later, *_roots(kit))


def offer_by_too_few(kit: Kit) -> None:
    """A price that fewer root keys have signed than it takes."""
    index, offer = kit.of(Offer, offer_id=TREE)[0]
    kit.replace(index, offer, *_roots(kit)[:-1])


def pledge_without_consent(kit: Kit) -> None:
    index, order = kit.of(UseOrder, use=UseKind.PLEDGE)[0]
    kit.replace(index, dataclasses.replace(order, may_be_claimed=False), OPERATOR)


def pledged_grams_given_away(kit: Kit) -> None:
    """What is pledged, and no longer free, is donated as well."""
    _, order = kit.of(UseOrder, use=UseKind.DONATE)[0]
    again = dataclasses.replace(order, use_id=ANOTHER_USE)
    kit.append(again, OPERATOR)
    given = MicrogramsCO2e(PIECE_UG * (order.pieces or 0))
    use = Use(
        order=again,
        state=UseState.DONE,
        mass_ug=given,
        draws=(Draw(vintage=VINTAGE, mass_ug=given),),
        expires_s=None,
        created_s=Seconds(0),
    )
    _book(kit, taking(use))


def red_packet_of_another_size(kit: Kit) -> None:
    """A gift has earned more than was published."""
    _replace(kit, Campaign, {"campaign_id": "planting"}, packet_fen=1)


def campaign_for_something_else(kit: Kit) -> None:
    """Money went to a holder for a gift that the campaign is not for."""
    _replace(kit, Campaign, {"campaign_id": "planting"}, offer_id="another-tree")


def price_out_of_the_air(kit: Kit) -> None:
    """The first day's price is not what the rules say."""
    index, rules = kit.of(MarketRules)[0]
    kit.replace(index, dataclasses.replace(rules, first_price_fen=4), *_roots(kit))


def traded_at_another_price(kit: Kit) -> None:
    """A holder has agreed to another price than that at which the hub has bought."""
    index, order = kit.of(UseOrder, use=UseKind.SELL)[0]
    kit.replace(index, dataclasses.replace(order, price_fen=4), OPERATOR)


def ranked_among_too_few(kit: Kit) -> None:
    """The hub puts somebody on a list although hardly anybody has opted in."""
    line = RankedLine(band=1, pseudonym=bytes(16))
    _replace_by_hub(kit, Ranking, {"period": 0}, lines=(line,))


def ranked_on_demand(kit: Kit) -> None:
    """The hub makes a list of a period once more."""
    kit.append(kit.of(Ranking, period=0)[0][1], HUB)


def joined_by_the_hub(kit: Kit) -> None:
    """The hub signs a choice in the operator's stead."""
    index, choice = kit.of(RankingChoice)[0]
    kit.replace(index, choice, HUB)


def more_retired_than_said(kit: Kit) -> None:
    """More grams are retired than the holder has said."""
    index, order = kit.of(UseOrder, use=UseKind.RETIRE_OWN)[0]
    kit.replace(index, dataclasses.replace(order, mass_ug=MicrogramsCO2e(999)), OPERATOR)


def goods_without_order(kit: Kit) -> None:
    """The order that goods rest on is one for something else."""
    fulfilled = kit.of(GoodsOutcome, fulfilled=True)[0][1].use_id
    index, order = kit.of(UseOrder, use_id=fulfilled)[0]
    kit.replace(index, dataclasses.replace(order, use_id=ANOTHER_USE), OPERATOR)


def goods_used_up_without_a_word(kit: Kit) -> None:
    """The supplier had given up, and the grams are gone."""
    _replace_by_hub(
        kit, GoodsOutcome, {"fulfilled": True}, fulfilled=False, voucher_sha256=None, reason="no"
    )


def goods_given_back_early(kit: Kit) -> None:
    """The supplier has handed out bread, and the holder has the grams back."""
    _replace_by_hub(
        kit,
        GoodsOutcome,
        {"fulfilled": False},
        fulfilled=True,
        voucher_sha256=bytes(32),
        reason="",
    )


def expired_before_the_notice_was_over(kit: Kit) -> None:
    index, notice = kit.of(ExpiryNotice)[0]
    later = dataclasses.replace(notice, expires_at_s=notice.expires_at_s + 86_400)
    kit.replace(index, later, *_roots(kit))


def expired_without_notice(kit: Kit) -> None:
    """The notice was for another vintage."""
    index, notice = kit.of(ExpiryNotice)[0]
    kit.replace(index, dataclasses.replace(notice, vintage=Vintage(VINTAGE - 1)), *_roots(kit))


def donated_before_it_was_ordered(kit: Kit) -> None:
    """The hub moves a gift to a time at which nobody had logged its order."""
    _change_lines(kit, lambda line: line.credit.endswith(":donated"), recorded_s=1)


def redeemed_before_it_was_ordered(kit: Kit) -> None:
    """The hub moves a redemption to a time of its choice, as it would into a campaign's."""
    order = kit.of(RedemptionOrder)[0][1]
    reservation = posting_id(order.redemption_id, Phase.RESERVE.value, FEN)
    _change_lines(kit, lambda line: line.transfer_id == reservation, recorded_s=1)


def expired_in_the_future(kit: Kit) -> None:
    """The vintage ends in a year, and the hub writes next year's date beside what it takes."""
    index, notice = kit.of(ExpiryNotice)[0]
    year_s = 365 * 86_400
    later = dataclasses.replace(notice, expires_at_s=notice.expires_at_s + year_s)
    kit.replace(index, later, *_roots(kit))
    at_s = notice.expires_at_s + 2 * year_s
    _change_lines(kit, lambda line: line.credit.endswith(":expired"), recorded_s=at_s)


def redeemed_out_of_proceeds(kit: Kit) -> None:
    """The programme pays a holder's grams with the holder's own money."""
    order = kit.of(RedemptionOrder)[0][1]
    reservation = posting_id(order.redemption_id, Phase.RESERVE.value, FEN)
    proceeds = holder_account(AccountKind.PROCEEDS, order.account_token)
    _change_lines(kit, lambda line: line.transfer_id == reservation, debit=proceeds.name)


def handed_out_after_all(kit: Kit) -> None:
    """Goods came back by time, and later the supplier is said to have handed them out."""
    said = {outcome.use_id for _, outcome in kit.of(GoodsOutcome)}
    ordered = (order for _, order in kit.of(UseOrder, use=UseKind.GOODS))
    overdue = next(order for order in ordered if order.use_id not in said)
    _, outcome = kit.of(GoodsOutcome, fulfilled=True)[0]
    kit.append(dataclasses.replace(outcome, use_id=overdue.use_id), HUB)


def word_on_goods_that_nobody_ordered(kit: Kit) -> None:
    _, outcome = kit.of(GoodsOutcome, fulfilled=True)[0]
    kit.append(dataclasses.replace(outcome, use_id=ANOTHER_USE), HUB)


def word_in_another_programme(kit: Kit) -> None:
    index, outcome = kit.of(GoodsOutcome, fulfilled=True)[0]
    elsewhere = dataclasses.replace(outcome, programme_id=ProgrammeId("other"))
    kit.replace(index, elsewhere, HUB)


def offer_in_an_unknown_programme(kit: Kit) -> None:
    _, offer = kit.of(Offer, offer_id=TREE)[0]
    kit.append(dataclasses.replace(offer, programme_id=ProgrammeId("other")), *_roots(kit))


def goods_without_voucher(kit: Kit) -> None:
    index, outcome = kit.of(GoodsOutcome, fulfilled=True)[0]
    kit.replace(index, _unchecked(outcome, voucher_sha256=None), HUB)


def pledge_of_pieces(kit: Kit) -> None:
    index, order = kit.of(UseOrder, use=UseKind.PLEDGE)[0]
    kit.replace(index, _unchecked(order, pieces=3, offer_id="pieces"), OPERATOR)


def offer_without_title(kit: Kit) -> None:
    index, offer = kit.of(Offer, offer_id=TREE)[0]
    kit.replace(index, _unchecked(offer, title=""), *_roots(kit))


def contributor_named_twice(kit: Kit) -> None:
    """One account has a tonne on paper, of which a microgram is booked."""
    rules_leaf, rules = kit.of(LotRules)[0]
    token = kit.of(UseOrder, use=UseKind.PLEDGE)[0][1].account_token
    parts = [
        Contribution(account_token=token, mass_ug=MicrogramsCO2e(mass))
        for mass in (TONNE_UG - 1, 1)
    ]
    lot = CreditLot(
        parameter_id=kit.parameters.parameter_id,
        programme_id=PROGRAMME,
        lot_id=LOT,
        vintage=VINTAGE,
        tonnes=1,
        rules_leaf=rules_leaf,
        excluded_regimes=rules.excluded_regimes,
        contributions=tuple(parts[:1]),
    )
    kit.append(_unchecked(lot, contributions=tuple(parts)), HUB)


def money_vanishes_through_suspense(kit: Kit) -> None:
    """Money leaves the float as unexplained, and the books as sent back."""
    flows = [
        (AccountKind.FUNDING, AccountKind.FLOAT),
        (AccountKind.FLOAT, AccountKind.SUSPENSE),
        (AccountKind.SUSPENSE, AccountKind.FUNDING),
    ]
    _book(
        kit,
        [
            Transfer(
                transfer_id=number.to_bytes(16, "big"),
                debit=programme_account(debit, PROGRAMME),
                credit=programme_account(credit, PROGRAMME),
                unit=FEN,
                amount=1_000,
                phase=Phase.SINGLE,
                resolves=None,
            )
            for number, (debit, credit) in enumerate(flows)
        ],
    )


def lot_of_less_than_a_tonne(kit: Kit) -> None:
    _lot(kit, LOT)


def gram_pooled_twice(kit: Kit) -> None:
    _lot(kit, LOT)
    _lot(kit, OTHER_LOT)


def lot_sold_unverified(kit: Kit) -> None:
    lot = _lot(kit, LOT)
    sale = _sale(lot)
    kit.append(sale, HUB)


def share_off_by_one_fen(kit: Kit) -> None:
    """One contributor gets a fen that is another's."""
    lot = _lot(kit, LOT)
    _verify(kit, lot)
    sale = _sale(lot)
    kit.append(sale, HUB)
    first, second, *rest = selling(lot, sale)
    shifted = (
        dataclasses.replace(first, amount=first.amount + 1),
        dataclasses.replace(second, amount=second.amount - 1),
    )
    _book(kit, (*shifted, *rest))


def lot_sold_below_the_floor(kit: Kit) -> None:
    lot = _lot(kit, LOT)
    _verify(kit, lot)
    sale = dataclasses.replace(_sale(lot), price_fen=Fen(4_999))
    kit.append(sale, HUB)
    _book(kit, selling(lot, sale))


def _lot(kit: Kit, lot_id: bytes) -> CreditLot:
    """Bundle everything that is pledged, which is far from a tonne, and book it."""
    rules_leaf, rules = kit.of(LotRules)[0]
    pledged = [order for _, order in kit.of(UseOrder, use=UseKind.PLEDGE)]
    withdrawn = [order for _, order in kit.of(UseOrder, use=UseKind.WITHDRAW)]
    mass = {order.account_token: order.mass_ug or 0 for order in pledged}
    for order in withdrawn:
        mass[order.account_token] -= order.mass_ug or 0
    lot = CreditLot(
        parameter_id=kit.parameters.parameter_id,
        programme_id=PROGRAMME,
        lot_id=lot_id,
        vintage=VINTAGE,
        tonnes=1,
        rules_leaf=rules_leaf,
        excluded_regimes=rules.excluded_regimes,
        contributions=tuple(
            Contribution(account_token=token, mass_ug=MicrogramsCO2e(mass[token]))
            for token in sorted(mass)
        ),
    )
    kit.append(lot, HUB)
    _book(kit, pooling(lot))
    return lot


def _verify(kit: Kit, lot: CreditLot) -> None:
    verification = LotVerification(
        parameter_id=lot.parameter_id,
        programme_id=lot.programme_id,
        lot_id=lot.lot_id,
        verifier="a verifier",
        report_sha256=bytes(32),
        accepted=True,
    )
    kit.append(verification, *_roots(kit))


def _sale(lot: CreditLot) -> LotSale:
    return LotSale(
        parameter_id=lot.parameter_id,
        programme_id=lot.programme_id,
        lot_id=lot.lot_id,
        buyer="a buyer",
        price_fen=Fen(10_001),
        retained_fen=Fen(1_000),
    )


def _book(kit: Kit, transfers: Sequence[Transfer]) -> None:
    """Log transfers as one more ledger day, in which the rail said nothing."""
    _, last = kit.of(LedgerBatch)[-1]
    recorded_s = Seconds(last.lines[-1].recorded_s)
    batch = dataclasses.replace(
        last,
        day=last.day + 1,
        previous_batch=batch_hash(statements.encode(last)),
        first_sequence=last.first_sequence + len(last.lines),
        lines=tuple(line_of(item, recorded_s) for item in transfers),
    )
    kit.append(batch, HUB)
    payouts = PayoutBatch(
        parameter_id=batch.parameter_id,
        day=batch.day,
        ledger_batch=batch_hash(statements.encode(batch)),
        lines=(),
    )
    kit.append(payouts, HUB)


def _change_lines(kit: Kit, wanted: Callable[[LedgerLine], bool], **changes: Any) -> None:
    """Change lines of the ledger, and chain and sign every batch anew."""
    entries, payouts = kit.entries(), kit.of(PayoutBatch)
    previous = CHAIN_START
    for index, batch in kit.of(LedgerBatch):
        lines = tuple(
            dataclasses.replace(line, **changes) if wanted(line) else line for line in batch.lines
        )
        changed = dataclasses.replace(batch, lines=lines, previous_batch=previous)
        old, previous = (batch_hash(statements.encode(item)) for item in (batch, changed))
        entries[index] = dataclasses.replace(entries[index], body=kit.signed(changed, HUB))
        for at, told in payouts:
            if told.ledger_batch == old:
                body = kit.signed(dataclasses.replace(told, ledger_batch=previous), HUB)
                entries[at] = dataclasses.replace(entries[at], body=body)
    kit.rebuild(entries)


S = TypeVar("S", bound=Statement)


def _unchecked(statement: S, **changes: Any) -> S:
    """Return a statement that breaks its own rules, which no honest party can even make."""
    copied = copy.copy(statement)
    for name, value in changes.items():
        object.__setattr__(copied, name, value)
    return copied


def _roots(kit: Kit) -> list[str]:
    return [root_keyid(name) for name in kit.parameters.trustee_ids[:3]]


def _replace(kit: Kit, cls: type[Statement], wanted: dict[str, Any], **changes: Any) -> None:
    index, statement = kit.of(cls, **wanted)[0]
    kit.replace(index, dataclasses.replace(statement, **changes), *_roots(kit))  # type: ignore[type-var]


def _replace_by_hub(kit: Kit, cls: type[Statement], wanted: dict[str, Any], **changes: Any) -> None:
    index, statement = kit.of(cls, **wanted)[0]
    kit.replace(index, dataclasses.replace(statement, **changes), HUB)  # type: ignore[type-var]
