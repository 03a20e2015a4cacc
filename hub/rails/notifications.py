"""The hub's door for a rail operator: notices about payouts that nobody had asked for just now.

A notice says nothing that a query would not say; it only comes sooner. So a duplicate is harmless,
and one that fails is sent again by the operator or found out by the outbox.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette

from fedcarbon.canonical.statement import Statement
from fedcarbon.redemption.rail import RailAnswer
from fedcarbon.wire.logs import logger
from hub.rails.letter_box import LetterBox
from hub.rails.letters import Correspondent, Secretary
from hub.rails.messages import NOTICES_PATH, Acknowledgement, Letterhead, PayoutNotice

EnterAnswer = Callable[[bytes, RailAnswer], Awaitable[None]]
"""Enters what a rail says of a payout id into the books; safe to call again."""


def notification_app(
    secretary: Secretary, operator: Correspondent, enter: EnterAnswer
) -> Starlette:
    """Return the application that takes notices of `operator` and acknowledges them, signed.

    Args:
        secretary: writes for the hub.
        operator: whose notices are taken; it must be of the hub's trust domain.
        enter: what a notice is handed to; the acknowledgement goes out after it has returned.
    """

    async def entered(notice: PayoutNotice, head: Letterhead) -> Statement:
        await enter(notice.payout_id, notice.answer)
        logger().info("rail_notice_entered", state=notice.status.value)
        return Acknowledgement(head=head)

    box = LetterBox(secretary, operator.name.trust_domain, {operator.name.party_id: operator})
    return Starlette(routes=[box.route(NOTICES_PATH, [PayoutNotice], entered)])
