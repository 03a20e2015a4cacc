"""The desk of redemption orders: those that come while others are written are taken together.

A transaction costs a write to the disk and a dozen queries, whether it holds one order or many.
Under load its price is shared; a single order does not wait for others to come.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from fedcarbon.errors import MalformedError
from fedcarbon.redemption.limits import Limits
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.wallets.redeeming import SignedOrder, TakenOrder, order_redemptions

ORDER_BYTES_MAX: Final = 16_384
"""Of an envelope; an honest one has about 1,200. Nothing larger keeps others waiting."""
ORDERS_AT_ONCE: Final = 256
"""In one transaction."""


@dataclass(slots=True)
class _Waiting:
    signed: SignedOrder
    result: asyncio.Future[TakenOrder] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class OrderDesk:
    """Takes orders in the sequence in which they came."""

    def __init__(self, hub: Hub, folded: FoldedRecord, limits: Limits) -> None:
        """Take the hub, the record as trustees see it, and what the operator has limited."""
        self._hub: Final = hub
        self._folded: Final = folded
        self._limits: Final = limits
        self._waiting: list[_Waiting] = []
        self._writer: asyncio.Task[None] | None = None

    async def take(self, signed: SignedOrder) -> TakenOrder:
        """Take an order; it is durable when this returns.

        Raises:
            FedcarbonError: see `hub.wallets.redeeming.order_redemption`.
        """
        if len(signed.message) > ORDER_BYTES_MAX:
            raise MalformedError(f"the envelope of an order has at most {ORDER_BYTES_MAX} bytes")
        mine = _Waiting(signed)
        self._waiting.append(mine)
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write())
        return await mine.result

    async def _write(self) -> None:
        while self._waiting:
            batch, self._waiting = (
                self._waiting[:ORDERS_AT_ONCE],
                self._waiting[ORDERS_AT_ONCE:],
            )
            results = await self._taken([item.signed for item in batch])
            for item, result in zip(batch, results, strict=True):
                _answer(item.result, result)

    async def _taken(self, orders: Sequence[SignedOrder]) -> Sequence[TakenOrder | Exception]:
        try:
            return await self._hub.write(
                lambda session: order_redemptions(
                    session, self._hub, self._folded, orders, limits=self._limits
                ),
                is_urgent=True,
            )
        except Exception as error:  # noqa: BLE001 - every caller gets it
            return [error] * len(orders)


def _answer(waiting: asyncio.Future[TakenOrder], result: TakenOrder | Exception) -> None:
    if waiting.done():
        return  # its caller went away; the order is taken all the same
    if isinstance(result, TakenOrder):
        waiting.set_result(result)
    else:
        waiting.set_exception(result)
