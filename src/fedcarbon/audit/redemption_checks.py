"""Redemptions: every reservation rests on a signed order for a bound wallet (V20).

An order for proceeds moves the holder's share of sold lots and no grams; everything else about it
is as for grams.

A redemption's transfers have ids that follow from its own id (`posting_id`), so an order finds its
transfers, and a reservation that no order finds was ordered by nobody. What an id explains is still
held against the reservation: a reversal gives back the very grams and money that were posted.

Whether a binding's partners were enrolled and its waits over needs the record as it was at the
order's leaf, so the replay judges it (`fedcarbon.audit.orders`) and the books say what came of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from fedcarbon.audit.books import Books, decoded
from fedcarbon.audit.campaign_checks import Campaigns
from fedcarbon.audit.findings import CheckId, Finding
from fedcarbon.audit.ledger_replay import Booked, ReplayedLedger
from fedcarbon.audit.use_checks import binding_faults
from fedcarbon.audit.use_findings import JudgedUses
from fedcarbon.ids import EpochIndex
from fedcarbon.ledger.account import AccountKind, holder_account
from fedcarbon.ledger.transfer import Phase
from fedcarbon.ledger.unit import FEN, MassUnit, Vintage
from fedcarbon.opening.epoch_checks import vintage
from fedcarbon.redemption.order import RedemptionOrder, Source
from fedcarbon.redemption.postings import RED_PACKET, REVERSE, Part, posting_id, purse_of
from fedcarbon.registry.programme import Programme
from fedcarbon.units import Fen


class Fate(StrEnum):
    """What the ledger says became of a redemption."""

    OPEN = "open"
    POSTED = "post"
    VOID = "void"
    REVERSED = "reverse"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedOrder:
    """An order with its leaf."""

    leaf: int
    order: RedemptionOrder

    @property
    def subject(self) -> str:
        """The redemption, for people."""
        return f"redemption {self.order.redemption_id.hex()}"

    def finding(self, code: str, text: str, check: CheckId = CheckId.REDEMPTIONS) -> Finding:
        """Return a finding about this redemption."""
        return Finding(check=check, code=code, subject=self.subject, text=text, leaf=self.leaf)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedRedemption:
    """An order and what the ledger has booked for it."""

    logged: LoggedOrder
    reserved_fen: Fen
    fate: Fate
    settled_leaf: int | None
    """Leaf of the ledger batch that posts or voids the money, if one does."""
    reversed_leaf: int | None
    """Leaf of the ledger batch that gives back what was used up, if one does."""


def logged_orders(books: Books, findings: list[Finding]) -> dict[bytes, LoggedOrder]:
    """Return the orders of the record by redemption id, and judge them by themselves."""
    orders: dict[bytes, LoggedOrder] = {}
    bindings = {binding.operator_half.leaf: binding for binding in books.bindings}
    for leaf in books.orders:
        order = decoded(RedemptionOrder, leaf, books, CheckId.REDEMPTIONS, findings)
        if order is None:
            continue
        logged = LoggedOrder(leaf=leaf.index, order=order)
        if order.redemption_id in orders:
            text = f"it was ordered before, in leaf {orders[order.redemption_id].leaf}"
            findings.append(logged.finding("REDEMPTION_ID_REUSED", text))
            continue
        orders[order.redemption_id] = logged
        if order.programme_id not in books.programmes:
            text = f"no programme {order.programme_id} is in the record"
            findings.append(logged.finding("UNKNOWN_PROGRAMME", text))
        if not order.wallet_class.is_real_name:
            text = "only real-name wallets (classes 1 to 3) may redeem; the hub must not have paid"
            findings.append(logged.finding("WALLET_CLASS_REFUSED", text))
        before = len(findings)
        for code, text in binding_faults(order, leaf.index, bindings.get(order.binding_leaf)):
            findings.append(logged.finding(code, text))
        refusal = books.binding_refusals.get(leaf.index)
        if refusal is not None and len(findings) == before:
            findings.append(logged.finding("BINDING_NOT_IN_FORCE", refusal))
    return orders


def booked_redemptions(
    books: Books,
    ledger: ReplayedLedger,
    orders: Mapping[bytes, LoggedOrder],
    judged: JudgedUses,
    campaigns: Campaigns,
    findings: list[Finding],
) -> dict[bytes, BookedRedemption]:
    """Return what the ledger has booked for every order, and judge it.

    Args:
        books: the record's books.
        ledger: what follows from its ledger batches.
        orders: its orders.
        judged: what other uses explain; it learns on which leaf reservations rest.
        campaigns: which pay red packets on top.
        findings: where findings go.
    """
    explained = set(judged.explained)
    redemptions: dict[bytes, BookedRedemption] = {}
    for redemption_id, logged in orders.items():
        programme = books.programmes.get(logged.order.programme_id)
        if programme is None:
            continue
        parts = _parts_of(programme)
        for part in parts:
            reservation_id = posting_id(redemption_id, Phase.RESERVE.value, part)
            explained.add(reservation_id)
            if reservation_id in ledger.booked:
                judged.rests_on[reservation_id] = logged.leaf  # campaigns begin and end
                explained.add(posting_id(redemption_id, REVERSE, part))
        redemption = _booked(ledger, logged, programme, parts, campaigns, findings)
        if redemption is not None:
            redemptions[redemption_id] = redemption
    _check_unordered(ledger, explained, findings)
    return redemptions


def _parts_of(programme: Programme) -> tuple[Part, ...]:
    """Return fen, the red packet and the grams of every vintage that the programme can have."""
    first, last = (
        vintage(programme, EpochIndex(1)),
        vintage(programme, EpochIndex(programme.epochs)),
    )
    years = range(first, last + 1)
    return (
        FEN,
        RED_PACKET,
        *(MassUnit(programme=programme.programme_id, vintage=Vintage(year)) for year in years),
    )


def _booked(
    ledger: ReplayedLedger,
    logged: LoggedOrder,
    programme: Programme,
    parts: Iterable[Part],
    campaigns: Campaigns,
    findings: list[Finding],
) -> BookedRedemption | None:
    redemption_id = logged.order.redemption_id
    reserved = {
        part: booked
        for part in parts
        if (booked := ledger.booked.get(posting_id(redemption_id, Phase.RESERVE.value, part)))
    }
    if not reserved:
        if logged.leaf < ledger.last_leaf:
            text = f"no ledger batch up to leaf {ledger.last_leaf} reserves anything for the order"
            findings.append(logged.finding("REDEMPTION_NOT_RESERVED", text))
        return None
    _check_reserved(logged, programme, reserved, campaigns, findings)
    for part, booked in reserved.items():
        _check_reversal(ledger, logged, part, booked, findings)
    fates = {part: _fate(ledger, redemption_id, part, booked) for part, booked in reserved.items()}
    if len(set(fates.values())) > 1:
        said = ", ".join(f"{_text(part)}: {fate}" for part, fate in fates.items())
        text = f"grams and money must be posted or given back together: {said}"
        findings.append(logged.finding("REDEMPTION_HALF_POSTED", text))
    first, money = next(iter(reserved.items()))  # fen come first
    resolution = ledger.booked.get(ledger.resolution_of(money.transfer.transfer_id) or b"")
    returned = ledger.booked.get(posting_id(redemption_id, REVERSE, first))
    paid_fen = sum(reserved[part].transfer.amount for part in (FEN, RED_PACKET) if part in reserved)
    return BookedRedemption(
        logged=logged,
        reserved_fen=Fen(paid_fen),
        fate=fates[first],
        settled_leaf=None if resolution is None else resolution.batch_leaf,
        reversed_leaf=None if returned is None else returned.batch_leaf,
    )


def _text(part: Part) -> str:
    return "red packet" if isinstance(part, bytes) else part.text


def _fate(ledger: ReplayedLedger, redemption_id: bytes, part: Part, reserved: Booked) -> Fate:
    resolution = ledger.transfer(ledger.resolution_of(reserved.transfer.transfer_id) or b"")
    if resolution is None:
        return Fate.OPEN
    if posting_id(redemption_id, REVERSE, part) in ledger.booked:
        return Fate.REVERSED
    return Fate(resolution.phase.value)


def _check_reserved(
    logged: LoggedOrder,
    programme: Programme,
    reserved: Mapping[Part, Booked],
    campaigns: Campaigns,
    findings: list[Finding],
) -> None:
    """Check accounts and amounts of what was reserved."""
    order = logged.order

    def found(code: str, text: str) -> None:
        findings.append(logged.finding(code, text))

    holder = holder_account(AccountKind.SPENDABLE, order.account_token)
    purse = purse_of(order)
    for part, booked in reserved.items():
        if booked.batch_leaf < logged.leaf:
            found("REDEMPTION_BEFORE_ORDER", "grams or money were reserved before it was ordered")
        if part == RED_PACKET:
            continue  # whose it is follows from the campaign
        if booked.transfer.debit != (purse if part == FEN else holder):
            text = (
                f"{_text(part)} are taken from {booked.transfer.debit.name}, not from the "
                f"{'account that pays for' if part == FEN else 'holder of'} {order.source}"
            )
            found("REDEMPTION_ACCOUNT_DIFFERS", text)
    differing = _grams_differ if order.source is Source.GRAMS else _proceeds_differ
    for code, text in differing(order, programme, reserved):
        found(code, text)
    text = _packet_differs(logged, programme, reserved, campaigns)
    if text:
        found("RED_PACKET_DIFFERS", text)


def _packet_differs(
    logged: LoggedOrder,
    programme: Programme,
    reserved: Mapping[Part, Booked],
    campaigns: Campaigns,
) -> str:
    """Return what is wrong with the red packet of an order, nothing if nothing is."""
    order, money, packet = logged.order, reserved.get(FEN), reserved.get(RED_PACKET)
    owed_fen, budget = Fen(0), None
    if money is not None and order.source is Source.GRAMS:
        campaign = campaigns.at(logged.leaf, programme.programme_id, None, money.recorded_s)
        units = (
            sum(
                booked.transfer.amount
                for part, booked in reserved.items()
                if isinstance(part, MassUnit)
            )
            // programme.unit_ug
        )
        if campaign is not None and units:
            owed_fen, budget = campaigns.owed_fen(campaign, units, money.number), campaign.account
    if packet is None:
        return f"no red packet comes with it, {owed_fen} fen are owed" if owed_fen else ""
    taken = packet.transfer
    if owed_fen and (taken.debit, taken.amount) == (budget, owed_fen):
        return ""
    return f"{taken.amount} fen on top come from {taken.debit.name}, {owed_fen} fen are owed"


def _grams_differ(
    order: RedemptionOrder, programme: Programme, reserved: Mapping[Part, Booked]
) -> Iterator[tuple[str, str]]:
    """Yield what does not hold about rate and number of units."""
    grams = [booked for part, booked in reserved.items() if isinstance(part, MassUnit)]
    mass_ug = sum(booked.transfer.amount for booked in grams)
    paid_fen = reserved[FEN].transfer.amount if FEN in reserved else 0
    units, rest_ug = divmod(mass_ug, programme.unit_ug)
    if rest_ug or paid_fen != units * programme.unit_fen:
        text = (
            f"{mass_ug} ug are redeemed for {paid_fen} fen; the programme pays "
            f"{programme.unit_fen} fen for {programme.unit_ug} ug"
        )
        yield "REDEMPTION_RATE_DIFFERS", text
    elif order.units is not None and units != order.units:
        yield "REDEMPTION_UNITS_DIFFER", f"{units} units are redeemed, {order.units} were ordered"
    elif order.units is None and grams[-1].left >= programme.unit_ug:
        text = f"everything was ordered, and {grams[-1].left} ug were left: a unit or more"
        yield "REDEMPTION_UNITS_DIFFER", text


def _proceeds_differ(
    order: RedemptionOrder, programme: Programme, reserved: Mapping[Part, Booked]
) -> Iterator[tuple[str, str]]:
    """Yield what does not hold about money that no grams pay for.

    That there is no more of it than lots were sold for is a rule of the ledger: no account but a
    source may be negative, and `PROCEEDS` are filled by sales, trades and campaigns alone.
    """
    if set(reserved) != {FEN}:
        text = f"an order for proceeds takes grams of programme {programme.programme_id}"
        yield "REDEMPTION_RATE_DIFFERS", text
        return
    money = reserved[FEN]
    if order.units is not None and money.transfer.amount != order.units:
        text = f"{money.transfer.amount} fen are paid out, {order.units} were ordered"
        yield "REDEMPTION_UNITS_DIFFER", text
    elif order.units is None and money.left != 0:
        text = f"everything was ordered, and {money.left} fen were left"
        yield "REDEMPTION_UNITS_DIFFER", text


def _check_reversal(
    ledger: ReplayedLedger,
    logged: LoggedOrder,
    part: Part,
    reserved: Booked,
    findings: list[Finding],
) -> None:
    """Check that a reversal undoes a post: the same unit and amount, to where they came from."""
    reversal_id = posting_id(logged.order.redemption_id, REVERSE, part)
    reversal = ledger.booked.get(reversal_id)
    if reversal is None:
        return
    post = ledger.booked.get(ledger.resolution_of(reserved.transfer.transfer_id) or b"")
    if post is None or post.transfer.phase is not Phase.POST or post.number > reversal.number:
        text = f"{_text(part)} are given back that had not been posted before; the hub must explain"
        findings.append(logged.finding("REVERSAL_DIFFERS", text))
        return
    expected = replace(
        reserved.transfer,
        transfer_id=reversal_id,
        debit=post.transfer.credit,
        credit=reserved.transfer.debit,
        phase=Phase.SINGLE,
    )
    given = reversal.transfer
    if given != expected:
        text = (
            f"{given.amount} {given.unit.text} go from {given.debit.name} to {given.credit.name}; "
            f"{expected.amount} {expected.unit.text} had come from {expected.credit.name} and must "
            "go back there; the hub must explain"
        )
        findings.append(logged.finding("REVERSAL_DIFFERS", text))


def _check_unordered(
    ledger: ReplayedLedger, explained: set[bytes], findings: list[Finding]
) -> None:
    """Find reservations and returns that no order explains."""
    used_up = {AccountKind.REDEEMED, AccountKind.PAID_OUT}
    for transfer_id, booked in ledger.booked.items():
        transfer = booked.transfer
        reverses = transfer.phase is Phase.SINGLE and transfer.debit.kind in used_up
        if transfer.credit.kind is AccountKind.SUSPENSE:
            continue  # the report names these sums (`fedcarbon.audit.suspense_flows`)
        if transfer_id in explained or not (reverses or transfer.phase is Phase.RESERVE):
            continue
        findings.append(
            Finding(
                check=CheckId.REDEMPTIONS,
                code="REVERSAL_WITHOUT_REDEMPTION" if reverses else "REDEMPTION_WITHOUT_ORDER",
                subject=f"transfer {transfer_id.hex()}",
                text=(
                    f"{transfer.amount} {transfer.unit.text} leave {transfer.debit.name}, and no "
                    "signed order explains it; the hub must explain"
                ),
                leaf=booked.batch_leaf,
            )
        )
