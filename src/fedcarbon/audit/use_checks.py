"""Uses of grams: every move rests on an order, a price, a lot or a notice (V26).

A use's transfers have ids that follow from its own id, so an order finds its transfers. What they
should be is computed by the functions that the hub books with (`fedcarbon.uses.postings`), and any
difference is found. A move of the kinds below that nothing finds was ordered by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from fedcarbon.audit.books import Books
from fedcarbon.audit.campaign_checks import Campaigns
from fedcarbon.audit.findings import Finding
from fedcarbon.audit.ledger_replay import Booked, ReplayedLedger
from fedcarbon.audit.market_checks import Markets
from fedcarbon.audit.use_findings import JudgedUses, S, found, once, stated
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.transfer import Phase
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.opening.bindings import Binding
from fedcarbon.opening.epoch_checks import vintage
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.settlement import Draw
from fedcarbon.registry.programme import Programme
from fedcarbon.units import Fen, MicrogramsCO2e, Seconds
from fedcarbon.uses.campaign import reward_id, rewarding
from fedcarbon.uses.offer import NOTICE_MIN_S, ExpiryNotice, Offer, OfferKind
from fedcarbon.uses.order import OFFERED, GoodsOutcome, Use, UseKind, UseOrder
from fedcarbon.uses.postings import fulfilling, giving_back, taking, use_transfer_id
from fedcarbon.uses.ranking import RankingChoice
from fedcarbon.uses.states import UseState

USE_KINDS: Final = frozenset(
    {AccountKind.DONATED, AccountKind.EXCHANGED, AccountKind.EXPIRED, AccountKind.PLEDGED}
    | {AccountKind.POOLED, AccountKind.RETIRED, AccountKind.SALES, AccountKind.OFFSET}
    | {AccountKind.MARKET, AccountKind.MARKET_PURSE}
)
"""Whatever enters or leaves these accounts is a use, and something must explain it."""
_PAYOUT_KINDS: Final = frozenset({AccountKind.PAYOUT_IN_FLIGHT, AccountKind.PAID_OUT})
"""What goes to and from them is a redemption's, whatever pays for it."""
_OFFER_OF: Final = {UseKind.DONATE: OfferKind.DONATION, UseKind.GOODS: OfferKind.GOODS}


def binding_faults(
    order: RedemptionOrder | UseOrder | RankingChoice, leaf: int, binding: Binding | None
) -> Iterator[tuple[str, str]]:
    """Yield code and text of everything that keeps a binding from carrying an order at its leaf."""
    if binding is None or binding.operator_half.index > leaf:
        yield "BINDING_UNKNOWN", "the order names a leaf that is no binding before it"
        return
    half = binding.operator_half.statement
    if half.operator_id != order.operator_id:
        text = f"{order.operator_id} ordered on a binding of {half.operator_id}"
        yield "BINDING_UNKNOWN", text
    bound = (half.programme_id, half.account_token, half.wallet_id, half.wallet_class)
    if bound != (order.programme_id, order.account_token, order.wallet_id, order.wallet_class):
        yield "WALLET_SWAPPED", "the order is for another account or wallet than the binding"
    if not any(signed.index < leaf for signed in binding.partner_halves.values()):
        yield "BINDING_BY_OPERATOR_ALONE", "no partner had confirmed the binding"
    if any(index < leaf for index in binding.objections.values()):
        yield "BINDING_FROZEN", "a partner had objected to the binding"
    if binding.ended_at is not None and binding.ended_at < leaf:
        yield "BINDING_ENDED", f"the binding was ended by leaf {binding.ended_at}"


Notices = Mapping[MassUnit, tuple[int, ExpiryNotice]]
"""Unit to the notice of its end, with its leaf."""


def notices_of(books: Books, findings: list[Finding]) -> Notices:
    """Return the notices of a record; a second one of a vintage is a finding."""
    return once(
        (
            (leaf, MassUnit(programme=item.programme_id, vintage=item.vintage), item)
            for leaf, item in stated(ExpiryNotice, books, findings)
        ),
        "PUBLICATION_CONFLICT",
        findings,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class UseTerms:
    """What orders go by, besides offers."""

    campaigns: Campaigns
    markets: Markets
    notices: Notices


def check_orders(
    books: Books,
    ledger: ReplayedLedger,
    judged: JudgedUses,
    terms: UseTerms,
    findings: list[Finding],
) -> None:
    """Judge all orders of uses and what is booked for them."""
    check = _OrderCheck(books, ledger, judged, terms, findings)
    seen: dict[bytes, int] = {}
    for leaf, order in stated(UseOrder, books, findings):
        subject = f"use {order.use_id.hex()}"
        if order.use_id in seen:
            text = f"it was ordered before, in leaf {seen[order.use_id]}"
            findings.append(found("USE_ID_REUSED", subject, text, leaf))
            continue
        seen[order.use_id] = leaf
        terms.markets.take(leaf, order)
        check.judge(leaf, order)
    check.judge_outcomes()
    check.judge_stocks()
    terms.markets.check_prices()


class _OrderCheck:
    """Judges one order after the other against bindings, offers and the ledger."""

    def __init__(
        self,
        books: Books,
        ledger: ReplayedLedger,
        judged: JudgedUses,
        terms: UseTerms,
        findings: list[Finding],
    ) -> None:
        self._terms: Final = terms
        self._pieces: Final[dict[tuple[ProgrammeId, str], list[tuple[int, int, int]]]] = {}
        self._books: Final = books
        self._ledger: Final = ledger
        self._judged: Final = judged
        self._findings: Final = findings
        self._goods: Final[dict[bytes, tuple[int, ProgrammeId]]] = {}
        self._bindings = {binding.operator_half.leaf: binding for binding in books.bindings}
        self._offers = once(
            ((leaf, (item.programme_id, item.offer_id), item) for leaf, item in self._all(Offer)),
            "PUBLICATION_CONFLICT",
            findings,
        )
        self._outcomes = once(
            ((leaf, item.use_id, item) for leaf, item in self._all(GoodsOutcome)),
            "GOODS_CONCLUDED_TWICE",
            findings,
        )

    def _all(self, cls: type[S]) -> Iterator[tuple[int, S]]:
        return stated(cls, self._books, self._findings)

    def judge(self, leaf: int, order: UseOrder) -> None:
        """Judge an order."""
        subject = f"use {order.use_id.hex()}"

        def find(code: str, text: str) -> None:
            self._findings.append(found(code, subject, text, leaf))

        if order.use is UseKind.GOODS:
            self._goods[order.use_id] = (leaf, order.programme_id)
        programme = self._books.programmes.get(order.programme_id)
        if programme is None:
            return  # found when it was read
        before = len(self._findings)
        for code, text in binding_faults(order, leaf, self._bindings.get(order.binding_leaf)):
            find(code, text)
        refusal = self._books.binding_refusals.get(leaf)
        if refusal is not None and len(self._findings) == before:
            find("BINDING_NOT_IN_FORCE", refusal)
        if order.use is UseKind.PLEDGE and not order.may_be_claimed:
            find("PLEDGE_NOT_AUTHORISED", "the holder has not let others claim the reduction")
        phase = Phase.RESERVE if order.use is UseKind.GOODS else Phase.SINGLE
        booked = {
            year: entry
            for year in years_of(programme)
            if (entry := self._ledger.booked.get(use_transfer_id(order.use_id, phase, year)))
        }
        if not booked:
            if leaf < self._ledger.last_leaf:
                find("USE_NOT_BOOKED", "no ledger batch moves anything for the order")
            return
        transfer_ids = [entry.transfer.transfer_id for entry in booked.values()]
        self._judged.explained |= set(transfer_ids)
        self._judged.rests_on |= dict.fromkeys(transfer_ids, leaf)
        for code, text in self._faults(leaf, order, booked):
            find(code, text)

    def _packet_faults(
        self, leaf: int, order: UseOrder, first: Booked
    ) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the red packet that a gift earns."""
        if order.use is not UseKind.DONATE:
            return
        programme, campaigns = order.programme_id, self._terms.campaigns
        packet = self._ledger.booked.get(reward_id(order.use_id))
        campaign = campaigns.at(leaf, programme, order.offer_id, first.recorded_s)
        owed_fen, expected = Fen(0), None
        if campaign is not None:
            owed_fen = campaigns.owed_fen(campaign, order.pieces or 0, first.number)
            expected = rewarding(order, campaign, owed_fen) if owed_fen else None
        if packet is not None:
            self._judged.explained.add(packet.transfer.transfer_id)
        if (None if packet is None else packet.transfer) != expected:
            yield "RED_PACKET_DIFFERS", f"the gift earns {owed_fen} fen, and another sum is booked"

    def judge_stocks(self) -> None:
        """Find offers of which more is out than there ever was."""
        for key, moves in self._pieces.items():
            stock = self._offers[key][1].stock
            out = 0
            for _, pieces, leaf in sorted(moves):
                out += pieces
                if stock is not None and pieces > 0 and out > stock:
                    text = f"{out} pieces of {key[1]} are out, {stock} were offered"
                    self._findings.append(found("OFFER_SOLD_OUT", f"offer {key[1]}", text, leaf))

    def judge_outcomes(self) -> None:
        """Hold what suppliers said against the orders for goods, all of which are judged by now."""
        for use_id, (leaf, outcome) in self._outcomes.items():
            ordered_at, programme = self._goods.get(use_id, (leaf, None))
            if ordered_at >= leaf or programme != outcome.programme_id:
                text = "no goods of this id had been ordered in its programme; the hub must explain"
                finding = found("GOODS_WITHOUT_ORDER", f"use {use_id.hex()}", text, leaf)
                self._findings.append(finding)

    def _faults(
        self, leaf: int, order: UseOrder, booked: Mapping[Vintage, Booked]
    ) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the transfers that an order begins with, and with their end."""
        if any(entry.batch_leaf < leaf for entry in booked.values()):
            yield "USE_BEFORE_ORDER", "grams were moved before it was ordered"
        offer = self._offer_before(leaf, order)
        yield from self._offer_faults(leaf, order, offer, booked)
        yield from self._terms.markets.faults(leaf, order, booked, self._terms.notices)
        asked_ug = order.mass_ug if offer is None else offer.mass_of(order.pieces or 0)
        mass_ug = sum(entry.transfer.amount for entry in booked.values())
        if asked_ug is not None and mass_ug != asked_ug:
            yield "USE_MASS_DIFFERS", f"{mass_ug} ug are used, {asked_ug} ug were ordered"
        yield from self._packet_faults(leaf, order, next(iter(booked.values())))
        yield from self._transfer_faults(leaf, order, 0 if offer is None else offer.hold_s, booked)

    def _offer_before(self, leaf: int, order: UseOrder) -> Offer | None:
        known = self._offers.get((order.programme_id, order.offer_id or ""))
        is_known = order.use in OFFERED and known is not None and known[0] <= leaf
        return known[1] if known is not None and is_known else None

    def _offer_faults(
        self, leaf: int, order: UseOrder, offer: Offer | None, booked: Mapping[Vintage, Booked]
    ) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the offer that an order goes by."""
        if order.use not in OFFERED:
            return
        if offer is None:
            yield "UNKNOWN_OFFER", f"no offer {order.offer_id} had been published"
            return
        self._note_pieces(leaf, order, booked)
        if offer.offer_kind is not _OFFER_OF[order.use]:
            yield "OFFER_KIND_DIFFERS", f"the offer is of the kind {offer.offer_kind}"
        at_s = next(iter(booked.values())).recorded_s
        if not offer.valid_from_s <= at_s < offer.valid_until_s:
            yield "OFFER_NOT_VALID", f"at {at_s} the offer was not valid"

    def _transfer_faults(
        self, leaf: int, order: UseOrder, hold_s: int, booked: Mapping[Vintage, Booked]
    ) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with the transfers themselves."""
        use = _use(order, booked, hold_s)
        transfers = taking(use)
        expected = dict(zip(booked, transfers, strict=False))
        for payment in transfers[len(booked) :]:
            paid = self._ledger.booked.get(payment.transfer_id)
            if paid is not None:
                self._judged.explained.add(payment.transfer_id)
                self._judged.rests_on[payment.transfer_id] = leaf
            if paid is None or paid.transfer != payment or paid.batch_leaf < leaf:
                yield "USE_TRANSFER_DIFFERS", "the trade is paid otherwise than it was ordered"
        for year, entry in booked.items():
            other_year = order.vintage not in {None, year}
            if other_year or entry.transfer != expected[year]:
                yield "USE_TRANSFER_DIFFERS", f"vintage {year} is moved otherwise than ordered"
        if order.use is UseKind.GOODS:
            yield from self._end_faults(leaf, use, booked)

    def _note_pieces(self, leaf: int, order: UseOrder, booked: Mapping[Vintage, Booked]) -> None:
        """Note when pieces of an offer went out, and when they came back."""
        first, pieces = next(iter(booked.values())), order.pieces or 0
        moves = self._pieces.setdefault((order.programme_id, order.offer_id or ""), [])
        moves.append((first.number, pieces, leaf))
        end_id = self._ledger.resolution_of(first.transfer.transfer_id) or b""
        end = self._ledger.booked.get(end_id)
        if end is not None and end.transfer.phase is Phase.VOID:
            moves.append((end.number, -pieces, leaf))

    def _end_faults(
        self, leaf: int, use: Use, booked: Mapping[Vintage, Booked]
    ) -> Iterator[tuple[str, str]]:
        """Yield what is wrong with how goods ended."""
        ends = {
            year: self._ledger.booked.get(
                self._ledger.resolution_of(entry.transfer.transfer_id) or b""
            )
            for year, entry in booked.items()
        }
        phases = {None if end is None else end.transfer.phase for end in ends.values()}
        if len(phases) > 1:
            yield "USE_HALF_ENDED", "all vintages of goods must end together"
        posted = dict(zip(booked, fulfilling(use), strict=True))
        given_back = dict(zip(booked, giving_back(use), strict=True))
        known = self._outcomes.get(use.order.use_id)
        said = set()
        for year, end in ends.items():
            if end is None:
                self._judged.held_ug[use.order.programme_id] += booked[year].transfer.amount
                continue
            self._judged.explained.add(end.transfer.transfer_id)
            self._judged.rests_on[end.transfer.transfer_id] = leaf
            is_post = end.transfer.phase is Phase.POST
            if end.transfer != (posted if is_post else given_back)[year]:
                said.add(("USE_TRANSFER_DIFFERS", "goods ended otherwise than they were ordered"))
            outcome = None if known is None or known[0] > end.batch_leaf else known[1]
            if known is not None and outcome is not None and outcome.fulfilled is is_post:
                self._judged.rests_on[end.transfer.transfer_id] = known[0]
                continue
            expires_s = booked[year].transfer.expires_s
            if is_post:
                said.add(("GOODS_NOT_CONCLUDED", "grams are used up, and no supplier said so"))
            elif expires_s is None or end.recorded_s < expires_s:
                said.add(("GOODS_GIVEN_BACK_EARLY", "they were neither cancelled nor overdue"))
        yield from sorted(said)
        if known is None:
            return
        given_out = known[1].fulfilled and Phase.VOID in phases
        if given_out or (None in phases and known[0] < self._ledger.last_leaf):
            yield "GOODS_NOT_BOOKED", "the ledger batches do not have what the supplier said"


def _use(order: UseOrder, booked: Mapping[Vintage, Booked], hold_s: int) -> Use:
    """Return the use that the booked transfers are of."""
    draws = tuple(
        Draw(vintage=year, mass_ug=MicrogramsCO2e(booked[year].transfer.amount)) for year in booked
    )
    first = next(iter(booked.values()))
    is_goods = order.use is UseKind.GOODS
    return Use(
        order=order,
        state=UseState.RESERVED if is_goods else UseState.DONE,
        mass_ug=MicrogramsCO2e(sum(draw.mass_ug for draw in draws)),
        draws=draws,
        expires_s=Seconds(first.recorded_s + hold_s) if is_goods else None,
        created_s=first.recorded_s,
    )


def years_of(programme: Programme) -> tuple[Vintage, ...]:
    """Return every vintage that a programme can have, oldest first."""
    first = vintage(programme, EpochIndex(1))
    last = vintage(programme, EpochIndex(programme.epochs))
    return tuple(Vintage(year) for year in range(first, last + 1))


def check_expiry(
    books: Books,
    ledger: ReplayedLedger,
    judged: JudgedUses,
    notices: Notices,
    findings: list[Finding],
) -> None:
    """Judge what was taken out of accounts because a vintage ended."""
    for transfer_id, booked in ledger.booked.items():
        unit = booked.transfer.unit
        if booked.transfer.credit.kind is not AccountKind.EXPIRED or not isinstance(unit, MassUnit):
            continue
        judged.explained.add(transfer_id)
        subject = f"transfer {transfer_id.hex()}"
        known = notices.get(unit)
        if known is None or known[0] > booked.batch_leaf:
            text = f"no notice says that {unit.text} ends; the hub must explain"
            findings.append(found("EXPIRED_WITHOUT_NOTICE", subject, text, booked.batch_leaf))
            continue
        leaf, notice = known
        noticed_s = books.waits_s.get(leaf)
        if noticed_s is None or booked.recorded_s < max(
            notice.expires_at_s, noticed_s + NOTICE_MIN_S
        ):
            text = f"{unit.text} ends at {notice.expires_at_s}, {NOTICE_MIN_S} s after its notice"
            findings.append(found("EXPIRED_TOO_EARLY", subject, text, booked.batch_leaf))


def check_unexplained(ledger: ReplayedLedger, judged: JudgedUses, findings: list[Finding]) -> None:
    """Find uses that nothing explains."""
    for transfer_id, booked in ledger.booked.items():
        transfer = booked.transfer
        kinds = {transfer.debit.kind, transfer.credit.kind}
        is_use = kinds & USE_KINDS or (AccountKind.CAMPAIGN in kinds and not kinds & _PAYOUT_KINDS)
        if is_use and transfer_id not in judged.explained:
            findings.append(
                found(
                    "USE_WITHOUT_ORDER",
                    f"transfer {transfer_id.hex()}",
                    f"{transfer.amount} {transfer.unit.text} go from {transfer.debit.name} to "
                    f"{transfer.credit.name}, and nothing signed explains it; the hub must explain",
                    booked.batch_leaf,
                )
            )
