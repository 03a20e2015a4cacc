"""The transfers of a redemption: reserve both, then post both or void both.

One reservation of grams per vintage and one of money; for proceeds the one of money alone, out of
the holder's own account instead of the programme's float. Every id is derived from the redemption's
id and the step, so a step that is done twice meets its own transfers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fedcarbon.canonical.hashing import u32
from fedcarbon.ledger.account import Account, AccountKind, holder_account, programme_account
from fedcarbon.ledger.transfer import Phase, Transfer, derived_transfer_id
from fedcarbon.ledger.unit import FEN, MassUnit, Unit
from fedcarbon.redemption.order import Redemption, RedemptionOrder, Source

REVERSE: Final = "reverse"
"""The step that gives back what was used up; the other steps are called as their phases."""
_LABEL: Final = b"redemption"
_MONEY: Final = b"money"

# grams: from, held, used
_GRAMS: Final = (AccountKind.SPENDABLE, AccountKind.RESERVED, AccountKind.REDEEMED)


def reservations(redemption: Redemption) -> tuple[Transfer, ...]:
    """Return the transfers that set grams and money aside."""
    return tuple(
        _transfer(redemption, Phase.RESERVE, unit, amount, source, held)
        for unit, amount, (source, held, _) in _parts(redemption)
    )


def posts(redemption: Redemption) -> tuple[Transfer, ...]:
    """Return the transfers that use up what was set aside."""
    return tuple(
        _transfer(redemption, Phase.POST, unit, amount, held, used)
        for unit, amount, (_, held, used) in _parts(redemption)
    )


def voids(redemption: Redemption) -> tuple[Transfer, ...]:
    """Return the transfers that give back what was set aside."""
    return tuple(
        _transfer(redemption, Phase.VOID, unit, amount, held, source)
        for unit, amount, (source, held, _) in _parts(redemption)
    )


def reversals(redemption: Redemption) -> tuple[Transfer, ...]:
    """Return the new entries that give back, in full, what a settled redemption had used up."""
    return tuple(
        _transfer(redemption, Phase.SINGLE, unit, amount, used, source)
        for unit, amount, (source, _, used) in _parts(redemption)
    )


def purse_of(order: RedemptionOrder) -> Account:
    """Return the account whose money an order pays out."""
    if order.source is Source.PROCEEDS:
        return holder_account(AccountKind.PROCEEDS, order.account_token)
    return programme_account(AccountKind.FLOAT, order.programme_id)


def posting_id(redemption_id: bytes, step: str, unit: Unit) -> bytes:
    """Return the id of the one transfer that `step` of a redemption makes in `unit`.

    Args:
        redemption_id: 16 bytes.
        step: `reserve`, `post`, `void` or `reverse`.
        unit: grams of a vintage, or fen.
    """
    part = u32(unit.vintage) if isinstance(unit, MassUnit) else _MONEY
    return derived_transfer_id(_LABEL, redemption_id, step.encode(), part)


def _parts(redemption: Redemption) -> Iterator[tuple[Unit, int, tuple[Account, Account, Account]]]:
    order = redemption.order
    grams = (
        holder_account(_GRAMS[0], order.account_token),
        holder_account(_GRAMS[1], order.account_token),
        programme_account(_GRAMS[2], order.programme_id),
    )
    for draw in redemption.draws:
        unit = MassUnit(programme=order.programme_id, vintage=draw.vintage)
        yield unit, draw.mass_ug, grams
    money = (
        purse_of(order),
        programme_account(AccountKind.PAYOUT_IN_FLIGHT, order.programme_id),
        programme_account(AccountKind.PAID_OUT, order.programme_id),
    )
    yield FEN, redemption.amount_fen, money


def _transfer(
    redemption: Redemption,
    phase: Phase,
    unit: Unit,
    amount: int,
    debit: Account,
    credit: Account,
) -> Transfer:
    redemption_id = redemption.order.redemption_id
    single = phase is Phase.SINGLE
    resolving = phase in {Phase.POST, Phase.VOID}
    return Transfer(
        transfer_id=posting_id(redemption_id, REVERSE if single else phase.value, unit),
        debit=debit,
        credit=credit,
        unit=unit,
        amount=amount,
        phase=phase,
        resolves=posting_id(redemption_id, Phase.RESERVE.value, unit) if resolving else None,
    )
