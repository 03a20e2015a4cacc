"""Use case of statements as a wallet operator sees them: its own orders and nobody else's."""

from __future__ import annotations

from sqlmodel import Session

from fedcarbon.errors import MalformedError
from fedcarbon.ids import PartyId, Role
from fedcarbon.redemption.operator_statement import Period
from fedcarbon.registry.enrolment import MESSAGE_ID_BYTES
from hub.clearing.operator_statements import PAGE_LINES_MAX, StatementPage, statement_page
from hub.registry.parties import require_party


def statement_of(
    session: Session,
    caller: PartyId,
    period: Period,
    *,
    after: bytes | None,
    limit: int | None,
) -> StatementPage:
    """Return a page of the caller's own statement.

    Args:
        session: a reading session.
        caller: by its certificate.
        period: which days.
        after: what the page before has said; None for the first page.
        limit: lines of a page; None for as many as the hub gives.

    Raises:
        NotAdmittedError: the caller is no admitted wallet operator.
        MalformedError: `after` is no id.
    """
    require_party(session, caller, Role.WALLET_OPERATOR)
    if after is not None and len(after) != MESSAGE_ID_BYTES:
        raise MalformedError(f"the id of a redemption has {MESSAGE_ID_BYTES} bytes")
    return statement_page(session, caller, period, after=after, limit=limit or PAGE_LINES_MAX)
