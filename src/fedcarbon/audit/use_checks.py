"""Uses of grams: every move rests on an order, a price, a lot or a notice (V26).

A use's transfers have ids that follow from its own id, so an order finds its transfers. What they
should be is computed by the functions that the hub books with (`fedcarbon.uses.postings`), and any
difference is found. A move of the kinds below that nothing finds was ordered by nobody.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from fedcarbon.audit.books import Books, decoded
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.ledger_replay import Booked, ReplayedLedger
from fedcarbon.canonical.statement import Statement
from fedcarbon.ids import EpochIndex, ProgrammeId
from fedcarbon.ledger.account import AccountKind
from fedcarbon.ledger.transfer import Phase
from fedcarbon.ledger.unit import MassUnit, Vintage
from fedcarbon.opening.bindings import Binding
from fedcarbon.opening.epoch_checks import vintage
from fedcarbon.redemption.order import RedemptionOrder
from fedcarbon.redemption.settlement import Draw
from fedcarbon.registry.measure import Measure, NotGramsError
from fedcarbon.registry.programme import Programme
from fedcarbon.transparency.leaf import LeafType
from fedcarbon.units import MicrogramsCO2e, Seconds
from fedcarbon.uses.lot import CreditLot
from fedcarbon.uses.offer import NOTICE_MIN_S, ExpiryNotice, LotRules, Offer, OfferKind
from fedcarbon.uses.order import NEED_GRAMS, OFFERED, GoodsOutcome, Use, UseKind, UseOrder
from fedcarbon.uses.postings import fulfilling, giving_back, taking, use_transfer_id
from fedcarbon.uses.states import UseState

S = TypeVar("S", bound=Statement)

USE_KINDS: Final = frozenset(
    {AccountKind.DONATED, AccountKind.EXCHANGED, AccountKind.EXPIRED, AccountKind.PLEDGED}
    | {AccountKind.POOLED, AccountKind.RETIRED, AccountKind.SALES}
)
"""Whatever enters or leaves these accounts is a use, and something must explain it."""
_OFFER_OF: Final = {UseKind.DONATE: OfferKind.DONATION, UseKind.GOODS: OfferKind.GOODS}


@dataclass(slots=True)
class JudgedUses:
    """What the checks of uses have found out so far."""

    explained: set[bytes] = field(default_factory=set)
    """Ids of transfers that rest on something."""
    rests_on: dict[bytes, int] = field(default_factory=dict)
    """Id of a transfer whose time matters to the leaf without which it could not have been."""
    held_ug: Counter[ProgrammeId] = field(default_factory=Counter)
    """Grams under goods that nobody has ended."""


def found(code: str, subject: str, text: str, leaf: int | None) -> Finding:
    """Return a finding about a use."""
    return Finding(check=CheckId.USES, code=code, subject=subject, text=text, leaf=leaf)


def stated(cls: type[S], books: Books, findings: list[Finding]) -> Iterator[tuple[int, S]]:
    """Yield leaf and statement of every leaf of a kind that can be read."""
    for leaf in books.uses.get(LeafType[cls.KIND.upper()], ()):
        statement = decoded(cls, leaf, books, CheckId.USES, findings)
        if statement is None:
            continue
        programme = books.programmes.get(getattr(statement, "programme_id", ProgrammeId("")))
        if programme is None:
            text = "its programme is not in the record"
            findings.append(found("UNKNOWN_PROGRAMME", f"leaf {leaf.index}", text, leaf.index))
        elif needs_grams(statement) and programme.measure is not Measure.GRAMS:
            text = "only grams are bundled into tonnes; the hub must not have taken it"
            findings.append(found(NotGramsError.code, f"leaf {leaf.index}", text, leaf.index))
        yield leaf.index, statement


def needs_grams(statement: Statement) -> bool:
    """Tell whether something is said about lots of tonnes, or about the way into one."""
    if isinstance(statement, UseOrder):
        return statement.use in NEED_GRAMS
    return isinstance(statement, (LotRules, CreditLot))


def binding_faults(
    order: RedemptionOrder | UseOrder, leaf: int, binding: Binding | None
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


def check_orders(
    books: Books, ledger: ReplayedLedger, judged: JudgedUses, findings: list[Finding]
) -> None:
    """Judge all orders of uses and what is booked for them."""
    check = _OrderCheck(books, ledger, judged, findings)
    seen: dict[bytes, int] = {}
    for leaf, order in stated(UseOrder, books, findings):
        subject = f"use {order.use_id.hex()}"
        if order.use_id in seen:
            text = f"it was ordered before, in leaf {seen[order.use_id]}"
            findings.append(found("USE_ID_REUSED", subject, text, leaf))
            continue
        seen[order.use_id] = leaf
        check.judge(leaf, order)
    check.judge_outcomes()


class _OrderCheck:
    """Judges one order after the other against bindings, offers and the ledger."""

    def __init__(
        self, books: Books, ledger: ReplayedLedger, judged: JudgedUses, findings: list[Finding]
    ) -> None:
        self._books: Final = books
        self._ledger: Final = ledger
        self._judged: Final = judged
        self._findings: Final = findings
        self._goods: Final[dict[bytes, tuple[int, ProgrammeId]]] = {}
        self._bindings = {binding.operator_half.leaf: binding for binding in books.bindings}
        self._offers = _once(
            ((leaf, (item.programme_id, item.offer_id), item) for leaf, item in self._all(Offer)),
            "PUBLICATION_CONFLICT",
            findings,
        )
        self._outcomes = _once(
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
        first = next(iter(booked.values()))
        if any(entry.batch_leaf < leaf for entry in booked.values()):
            yield "USE_BEFORE_ORDER", "grams were moved before it was ordered"
        asked_ug, hold_s = order.mass_ug, 0
        if order.use in OFFERED:
            known = self._offers.get((order.programme_id, order.offer_id or ""))
            if known is None or known[0] > leaf:
                yield "UNKNOWN_OFFER", f"no offer {order.offer_id} had been published"
            else:
                offer = known[1]
                asked_ug, hold_s = offer.mass_of(order.pieces or 0), offer.hold_s
                if offer.offer_kind is not _OFFER_OF[order.use]:
                    yield "OFFER_KIND_DIFFERS", f"the offer is of the kind {offer.offer_kind}"
                if not offer.valid_from_s <= first.recorded_s < offer.valid_until_s:
                    yield "OFFER_NOT_VALID", f"at {first.recorded_s} the offer was not valid"
        mass_ug = sum(entry.transfer.amount for entry in booked.values())
        if asked_ug is not None and mass_ug != asked_ug:
            yield "USE_MASS_DIFFERS", f"{mass_ug} ug are used, {asked_ug} ug were ordered"
        use = _use(order, booked, hold_s)
        expected = dict(zip(booked, taking(use), strict=True))
        for year, entry in booked.items():
            other_year = order.vintage not in {None, year}
            if other_year or entry.transfer != expected[year]:
                yield "USE_TRANSFER_DIFFERS", f"vintage {year} is moved otherwise than ordered"
        if order.use is UseKind.GOODS:
            yield from self._end_faults(leaf, use, booked)

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


K = TypeVar("K")
T = TypeVar("T")


def _once(
    items: Iterator[tuple[int, K, T]], code: str, findings: list[Finding]
) -> dict[K, tuple[int, T]]:
    """Return leaf and statement by key; a second one of a key is a finding and does not count."""
    book: dict[K, tuple[int, T]] = {}
    for leaf, key, item in items:
        if key in book:
            text = f"leaf {book[key][0]} says another thing already; only that counts"
            findings.append(found(code, f"leaf {leaf}", text, leaf))
        else:
            book[key] = (leaf, item)
    return book


def check_expiry(
    books: Books, ledger: ReplayedLedger, judged: JudgedUses, findings: list[Finding]
) -> None:
    """Judge what was taken out of accounts because a vintage ended."""
    notices = _once(
        (
            (leaf, MassUnit(programme=item.programme_id, vintage=item.vintage), item)
            for leaf, item in stated(ExpiryNotice, books, findings)
        ),
        "PUBLICATION_CONFLICT",
        findings,
    )
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
        is_use = {transfer.debit.kind, transfer.credit.kind} & USE_KINDS
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
