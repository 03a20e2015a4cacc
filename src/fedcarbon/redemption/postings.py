"""The transfers of a redemption: reserve both, then post both or void both.

One reservation of grams per vintage and one of money; for proceeds the one of money alone, out of
the holder's own account instead of the programme's float. A red packet is one more of money, out of
its campaign's budget: the rail is told one sum, and both have one fate. Every id is derived from
the redemption's id and the step, so a step that is done twice meets its own transfers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from fedcarbon.canonical.hashing import u32
from fedcarbon.ledger.account import (
    Account,
    AccountKind,
    campaign_account,
    holder_account,
    programme_account,
)
from fedcarbon.ledger.transfer import Phase, Transfer, derived_transfer_id
from fedcarbon.ledger.unit import FEN, MassUnit, Unit
from fedcarbon.redemption.order import Redemption, RedemptionOrder, Source

REVERSE: Final = "reverse"
"""The step that gives back what was used up; the other steps are called as their phases."""
_LABEL: Final = b"redemption"
_MONEY: Final = b"money"
RED_PACKET: Final = b"red-packet"
"""The part of a redemption that a campaign pays, in ids of transfers."""
Part = Unit | bytes
"""Grams of a vintage, fen for them, or `RED_PACKET`."""

# grams: from, held, used
_GRAMS: Final = (AccountKind.SPENDABLE, AccountKind.RESERVED, AccountKind.REDEEMED)


def reservations(redemption: Redemption) -> tuple[Transfer, ...]:
    """Return the transfers that set grams and money aside."""
    return tuple(
        _transfer(redemption, Phase.RESERVE, part, amount, source, held)
        for part, amount, (source, held, _) in _parts(redemption)
    )


def posts(redemption: Redemption) -> tuple[Transfer, ...]:
    """Return the transfers that use up what was set aside."""
    return tuple(
        _transfer(redemption, Phase.POST, part, amount, held, used)
        for part, amount, (_, held, used) in _parts(redemption)
    )


def voids(redemption: Redemption) -> tuple[Transfer, ...]:
    """Return the transfers that give back what was set aside."""
    return tuple(
        _transfer(redemption, Phase.VOID, part, amount, held, source)
        for part, amount, (source, held, _) in _parts(redemption)
    )


def reversals(redemption: Redemption) -> tuple[Transfer, ...]:
    """Return the new entries that give back, in full, what a settled redemption had used up."""
    return tuple(
        _transfer(redemption, Phase.SINGLE, part, amount, used, source)
        for part, amount, (source, _, used) in _parts(redemption)
    )


def purse_of(order: RedemptionOrder) -> Account:
    """Return the account whose money an order pays out."""
    if order.source is Source.PROCEEDS:
        return holder_account(AccountKind.PROCEEDS, order.account_token)
    return programme_account(AccountKind.FLOAT, order.programme_id)


def posting_id(redemption_id: bytes, step: str, part: Part) -> bytes:
    """Return the id of the one transfer that `step` of a redemption makes in `part`.

    Args:
        redemption_id: 16 bytes.
        step: `reserve`, `post`, `void` or `reverse`.
        part: grams of a vintage, fen, or `RED_PACKET`.
    """
    if not isinstance(part, bytes):
        part = u32(part.vintage) if isinstance(part, MassUnit) else _MONEY
    return derived_transfer_id(_LABEL, redemption_id, step.encode(), part)


def unit_of(part: Part) -> Unit:
    """Return what a part counts."""
    return FEN if isinstance(part, bytes) else part


def _parts(redemption: Redemption) -> Iterator[tuple[Part, int, tuple[Account, Account, Account]]]:
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
    packet = redemption.red_packet
    packet_fen = 0 if packet is None else packet.amount_fen
    yield FEN, redemption.amount_fen - packet_fen, money
    if packet is not None:
        budget = campaign_account(order.programme_id, packet.campaign_id)
        yield RED_PACKET, packet_fen, (budget, *money[1:])


def _transfer(
    redemption: Redemption,
    phase: Phase,
    part: Part,
    amount: int,
    debit: Account,
    credit: Account,
) -> Transfer:
    redemption_id = redemption.order.redemption_id
    single = phase is Phase.SINGLE
    resolving = phase in {Phase.POST, Phase.VOID}
    return Transfer(
        transfer_id=posting_id(redemption_id, REVERSE if single else phase.value, part),
        debit=debit,
        credit=credit,
        unit=unit_of(part),
        amount=amount,
        phase=phase,
        resolves=posting_id(redemption_id, Phase.RESERVE.value, part) if resolving else None,
    )
