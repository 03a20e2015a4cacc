"""RedemptionService: from credited grams to a wallet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from typing_extensions import override

from fedcarbon.ids import Role
from fedcarbon.redemption.limits import Limits
from fedcarbon.redemption.operator_statement import Period
from fedcarbon.redemption.order import Redemption
from fedcarbon.redemption.states import FINAL_STATES, RedemptionState
from fedcarbon.redemption.value_day import ValueDay
from fedcarbon.v1 import redemption_pb2, redemption_pb2_grpc
from fedcarbon.wire.tls import Authenticated, require_role
from hub.context import Hub
from hub.record.folded_record import FoldedRecord
from hub.wallets.order_desk import OrderDesk
from hub.wallets.payouts import Payouts
from hub.wallets.redeeming import SignedOrder, redemption_of
from hub.wallets.statements import statement_of

PAYOUT_WAIT_S: Final = 10
"""How long an order waits for the rail before it is answered with the state it has reached."""

STATES: Final[Mapping[RedemptionState, redemption_pb2.RedemptionState]] = {
    RedemptionState.CREATED: redemption_pb2.REDEMPTION_STATE_CREATED,
    RedemptionState.RESERVED: redemption_pb2.REDEMPTION_STATE_RESERVED,
    RedemptionState.SENT: redemption_pb2.REDEMPTION_STATE_SENT,
    RedemptionState.UNKNOWN: redemption_pb2.REDEMPTION_STATE_UNKNOWN,
    RedemptionState.SETTLED: redemption_pb2.REDEMPTION_STATE_SETTLED,
    RedemptionState.REJECTED: redemption_pb2.REDEMPTION_STATE_REJECTED,
    RedemptionState.REVERSED: redemption_pb2.REDEMPTION_STATE_REVERSED,
}


class RedemptionServicer(redemption_pb2_grpc.RedemptionServiceServicer):
    """Serves redemptions."""

    def __init__(self, hub: Hub, folded: FoldedRecord, payouts: Payouts, limits: Limits) -> None:
        """Take the hub, the record as trustees see it, who pays, and how much."""
        self._hub = hub
        self._desk = OrderDesk(hub, folded, limits)
        self._payouts = payouts

    @override
    async def CreateRedemption(
        self, request: redemption_pb2.CreateRedemptionRequest, context: Authenticated
    ) -> redemption_pb2.CreateRedemptionResponse:
        """Reserve durably, then pay, then say how it stands."""
        caller, hub = require_role(context, Role.WALLET_OPERATOR).party_id, self._hub
        taken = await self._desk.take(SignedOrder(caller=caller, message=request.signed_order))
        if taken.redemption.state not in FINAL_STATES:
            await self._payouts.paid(taken.redemption.order.redemption_id, PAYOUT_WAIT_S)
        redemption = await hub.read(
            lambda session: redemption_of(session, caller, taken.redemption.order.redemption_id)
        )
        return redemption_pb2.CreateRedemptionResponse(
            redemption=_message(redemption), receipt=taken.receipt
        )

    @override
    async def GetRedemption(
        self, request: redemption_pb2.GetRedemptionRequest, context: Authenticated
    ) -> redemption_pb2.GetRedemptionResponse:
        """Say how a redemption of the caller's stands."""
        caller = require_role(context, Role.WALLET_OPERATOR).party_id
        redemption = await self._hub.read(
            lambda session: redemption_of(session, caller, request.redemption_id)
        )
        return redemption_pb2.GetRedemptionResponse(redemption=_message(redemption))

    @override
    async def GetOperatorStatement(
        self,
        request: redemption_pb2.GetOperatorStatementRequest,
        context: Authenticated,
    ) -> redemption_pb2.GetOperatorStatementResponse:
        """Say what the caller has ordered in a span of days."""
        caller = require_role(context, Role.WALLET_OPERATOR).party_id
        period = Period(
            first=ValueDay(request.first_value_day), last=ValueDay(request.last_value_day)
        )
        page = await self._hub.read(
            lambda session: statement_of(
                session, caller, period, after=request.after or None, limit=request.limit or None
            )
        )
        return redemption_pb2.GetOperatorStatementResponse(
            totals=[
                redemption_pb2.StatementTotal(
                    state=STATES[total.state],
                    count=total.count,
                    mass_ug=total.mass_ug,
                    payout_fen=total.amount_fen,
                )
                for total in page.statement.totals
            ],
            lines=[_line(redemption) for redemption in page.statement.redemptions],
            next_after=page.next_after or b"",
        )


def _message(redemption: Redemption) -> redemption_pb2.Redemption:
    return redemption_pb2.Redemption(
        redemption_id=redemption.order.redemption_id,
        state=STATES[redemption.state],
        units=redemption.units,
        mass_ug=redemption.mass_ug,
        payout_fen=redemption.amount_fen,
        reason=redemption.reason,
    )


def _line(redemption: Redemption) -> redemption_pb2.StatementLine:
    order = redemption.order
    return redemption_pb2.StatementLine(
        redemption=_message(redemption),
        programme_id=order.programme_id,
        wallet_id=order.wallet_id,
        payout_id=order.payout_id,
        created_s=redemption.created_s,
        rail_reference=redemption.rail_reference,
    )
