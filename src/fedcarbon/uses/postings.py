"""The transfers of every use. Every id follows from what it is for, so a retry meets its own."""

from __future__ import annotations

from typing import Final

from fedcarbon.canonical.hashing import u32, u64
from fedcarbon.ledger.account import (
    HOLDER_KINDS,
    Account,
    AccountKind,
    holder_account,
    lot_account,
    programme_account,
)
from fedcarbon.ledger.transfer import Phase, Transfer, derived_transfer_id
from fedcarbon.ledger.unit import FEN, MassUnit, Unit, Vintage
from fedcarbon.redemption.settlement import Draw
from fedcarbon.units import MicrogramsCO2e, Seconds
from fedcarbon.uses.lot import Contribution, CreditLot, LotSale, shares_fen
from fedcarbon.uses.order import Use, UseKind, UseOrder

_USE: Final = b"use"
_LOT: Final = b"lot"
_EXPIRY: Final = b"expiry"
_MONEY: Final = b"money"


def use_transfer_id(use_id: bytes, phase: Phase, vintage: Vintage) -> bytes:
    """Return the id of the one transfer that a step of a use makes in a vintage."""
    return derived_transfer_id(_USE, use_id, phase.value.encode(), u32(vintage))


def payment_id(use_id: bytes) -> bytes:
    """Return the id of the one transfer of money that a trade makes."""
    return derived_transfer_id(_USE, use_id, Phase.SINGLE.value.encode(), _MONEY)


def lot_transfer_id(lot_id: bytes, step: str, account_token: bytes = b"") -> bytes:
    """Return the id of the one transfer that a step of a lot makes.

    Args:
        lot_id: 16 bytes.
        step: `pool`, `return`, `share`, `retain` or `retire`.
        account_token: of the contributor; empty where the step has none.
    """
    return derived_transfer_id(_LOT, lot_id, step.encode(), account_token)


def taking(use: Use) -> tuple[Transfer, ...]:
    """Return the transfers that a use begins with, and unless it is for goods ends with."""
    order = use.order
    phase = Phase.RESERVE if order.use is UseKind.GOODS else Phase.SINGLE
    debit, credit = _SIDES[order.use]
    grams = tuple(
        _of_use(order, draw, phase, debit, credit, expires_s=use.expires_s) for draw in use.draws
    )
    return (*grams, *_payment(order))


def fulfilling(use: Use) -> tuple[Transfer, ...]:
    """Return the transfers that use up what goods had set aside."""
    sides = (AccountKind.RESERVED, AccountKind.EXCHANGED)
    return tuple(_of_use(use.order, draw, Phase.POST, *sides) for draw in use.draws)


def giving_back(use: Use) -> tuple[Transfer, ...]:
    """Return the transfers that give back what goods had set aside."""
    sides = (AccountKind.RESERVED, AccountKind.SPENDABLE)
    return tuple(_of_use(use.order, draw, Phase.VOID, *sides) for draw in use.draws)


def pooling(lot: CreditLot) -> tuple[Transfer, ...]:
    """Return the transfers that put pledged grams into a lot."""
    return tuple(
        _of_lot(lot, "pool", item, _pledged(item), _pooled(lot)) for item in lot.contributions
    )


def returning(lot: CreditLot) -> tuple[Transfer, ...]:
    """Return the transfers that pledge the grams of a refused lot again."""
    return tuple(
        _of_lot(lot, "return", item, _pooled(lot), _pledged(item)) for item in lot.contributions
    )


def selling(lot: CreditLot, sale: LotSale) -> tuple[Transfer, ...]:
    """Return the transfers that share out what a buyer has paid."""
    sales = programme_account(AccountKind.SALES, lot.programme_id)
    shares = shares_fen(
        sale.proceeds_fen, {item.account_token: item.mass_ug for item in lot.contributions}
    )
    paid = [
        _single(
            lot_transfer_id(lot.lot_id, "share", token),
            sales,
            holder_account(AccountKind.PROCEEDS, token),
            FEN,
            amount,
        )
        for token, amount in shares.items()
        if amount
    ]
    if sale.retained_fen:
        purse = programme_account(AccountKind.FLOAT, lot.programme_id)
        retained_id = lot_transfer_id(lot.lot_id, "retain")
        paid.append(_single(retained_id, sales, purse, FEN, sale.retained_fen))
    return tuple(paid)


def retiring(lot: CreditLot) -> tuple[Transfer, ...]:
    """Return the transfer that retires a lot."""
    retired = lot_account(AccountKind.RETIRED, lot.lot_id)
    retired_id = lot_transfer_id(lot.lot_id, "retire")
    return (_single(retired_id, _pooled(lot), retired, lot.unit, lot.mass_ug),)


def expiring(
    account_token: bytes, unit: MassUnit, amount_ug: MicrogramsCO2e, number: int
) -> Transfer:
    """Return the transfer that ends what an account holds of a vintage.

    Args:
        account_token: whose.
        unit: programme and vintage.
        amount_ug: all that is free.
        number: how many such transfers the account has had: grams may come back later.
    """
    transfer_id = derived_transfer_id(_EXPIRY, unit.text.encode(), account_token, u64(number))
    return _single(
        transfer_id,
        holder_account(AccountKind.SPENDABLE, account_token),
        programme_account(AccountKind.EXPIRED, unit.programme),
        unit,
        amount_ug,
    )


_SIDES: Final = {
    UseKind.DONATE: (AccountKind.SPENDABLE, AccountKind.DONATED),
    UseKind.GOODS: (AccountKind.SPENDABLE, AccountKind.RESERVED),
    UseKind.PLEDGE: (AccountKind.SPENDABLE, AccountKind.PLEDGED),
    UseKind.WITHDRAW: (AccountKind.PLEDGED, AccountKind.SPENDABLE),
    UseKind.SELL: (AccountKind.SPENDABLE, AccountKind.MARKET),
    UseKind.BUY: (AccountKind.MARKET, AccountKind.SPENDABLE),
    UseKind.RETIRE_OWN: (AccountKind.SPENDABLE, AccountKind.OFFSET),
}


def source_of(order: UseOrder) -> Account:
    """Return where the grams of a use come from."""
    return _side(order, _SIDES[order.use][0])


def purse_of_trade(order: UseOrder) -> Account:
    """Return whose money pays for a trade."""
    return _money_sides(order)[0]


def _money_sides(order: UseOrder) -> tuple[Account, Account]:
    purse = programme_account(AccountKind.MARKET_PURSE, order.programme_id)
    proceeds = holder_account(AccountKind.PROCEEDS, order.account_token)
    return (proceeds, purse) if order.use is UseKind.BUY else (purse, proceeds)


def _payment(order: UseOrder) -> tuple[Transfer, ...]:
    if order.price_fen is None or order.pieces is None:
        return ()
    amount = order.pieces * order.price_fen
    return (_single(payment_id(order.use_id), *_money_sides(order), FEN, amount),)


def _of_use(
    order: UseOrder,
    draw: Draw,
    phase: Phase,
    debit: AccountKind,
    credit: AccountKind,
    *,
    expires_s: Seconds | None = None,
) -> Transfer:
    resolving = phase in {Phase.POST, Phase.VOID}
    return Transfer(
        transfer_id=use_transfer_id(order.use_id, phase, draw.vintage),
        debit=_side(order, debit),
        credit=_side(order, credit),
        unit=MassUnit(programme=order.programme_id, vintage=draw.vintage),
        amount=draw.mass_ug,
        phase=phase,
        resolves=use_transfer_id(order.use_id, Phase.RESERVE, draw.vintage) if resolving else None,
        expires_s=expires_s,
    )


def _side(order: UseOrder, kind: AccountKind) -> Account:
    if kind in HOLDER_KINDS:
        return holder_account(kind, order.account_token)
    return programme_account(kind, order.programme_id)


def _pledged(item: Contribution) -> Account:
    return holder_account(AccountKind.PLEDGED, item.account_token)


def _pooled(lot: CreditLot) -> Account:
    return lot_account(AccountKind.POOLED, lot.lot_id)


def _of_lot(
    lot: CreditLot, step: str, item: Contribution, debit: Account, credit: Account
) -> Transfer:
    transfer_id = lot_transfer_id(lot.lot_id, step, item.account_token)
    return _single(transfer_id, debit, credit, lot.unit, item.mass_ug)


def _single(
    transfer_id: bytes, debit: Account, credit: Account, unit: Unit, amount: int
) -> Transfer:
    return Transfer(
        transfer_id=transfer_id,
        debit=debit,
        credit=credit,
        unit=unit,
        amount=amount,
        phase=Phase.SINGLE,
        resolves=None,
    )
