"""Use cases of statements: what a wallet operator has ordered, for itself and for the hub."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sqlmodel import Session

from fedcarbon.ids import PartyId
from fedcarbon.redemption.operator_statement import OperatorStatement, Period
from fedcarbon.redemption.order import Redemption
from hub.clearing.storage.redemption_lists import RedemptionLists

PAGE_LINES_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StatementPage:
    """A part of a statement, and where the next one begins."""

    statement: OperatorStatement
    next_after: bytes | None
    """The last redemption of this page; None if it is the last page."""


def statement_page(
    session: Session,
    operator_id: PartyId,
    period: Period,
    *,
    after: bytes | None = None,
    limit: int = PAGE_LINES_MAX,
) -> StatementPage:
    """Return one page of a statement; the totals are those of the whole period on every page.

    Args:
        session: a reading session.
        operator_id: whose orders; only it and the hub's own people may see the answer.
        period: the days in which they were taken.
        after: what the page before has given as `next_after`.
        limit: lines of a page, at most `PAGE_LINES_MAX`.
    """
    lists, wanted = RedemptionLists(session), max(1, min(limit, PAGE_LINES_MAX))
    found = lists.of_operator(operator_id, period, after, wanted + 1)
    shown = found[:wanted]
    return StatementPage(
        statement=OperatorStatement(
            operator_id=operator_id,
            period=period,
            totals=lists.operator_totals(operator_id, period),
            redemptions=tuple(shown),
        ),
        next_after=shown[-1].order.redemption_id if len(found) > wanted else None,
    )


def statement_lines(session: Session, operator_id: PartyId, period: Period) -> Iterator[Redemption]:
    """Yield every redemption of a statement, page by page, from one snapshot."""
    after: bytes | None = None
    while True:
        page = statement_page(session, operator_id, period, after=after)
        yield from page.statement.redemptions
        if page.next_after is None:
            return
        after = page.next_after
